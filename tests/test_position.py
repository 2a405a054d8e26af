"""Numbers of each position: the Ops against their twins, whole and by steps, and the layer in networks."""

import numpy as np
import pytest

import fastnn as fnn
import reference_attention as twins
import reference_sequences as of_steps
from check import assert_close, assert_same_bits, assert_same_on_threads, empty, generator, normal, run, tensor, written
from fastnn.engine.op import Op
from fastnn.engine.port import Port
from fastnn.engine.tensor import Tensor
from fastnn.kernels import AddPosition, AddPositions, FromSteps, PositionsGradient, Steps, ToSteps
from sequences import laid, stepped

TIMES = 6


@pytest.mark.parametrize("columns", [1, 3, 8, 17, 64, 70])
def test_whole_sequences(isa: str, num_threads: int, columns: int) -> None:
    rows = 5 if num_threads == 1 else 40_000 // columns
    x, weight = normal(rows, TIMES * columns), normal(TIMES, columns, start=1)
    y, dweight = empty(rows + 2, TIMES * columns), empty(TIMES, columns)
    run(AddPositions(tensor(x, rows + 2), tensor(weight), y), y, rows=rows)
    expected = twins.AddPositions(x.reshape(rows, TIMES, columns), weight)
    assert_same_bits(written(y, rows), expected.astype(np.float32).reshape(rows, -1))
    run(PositionsGradient(tensor(x, rows + 2), dweight), dweight, rows=rows)
    wanted = twins.PositionsGradient(x.reshape(rows, TIMES, columns), [TIMES] * rows)
    assert_close(dweight.array, wanted, np.abs(x).sum(axis=0).reshape(TIMES, columns))
    before = tensor(weight)
    run(PositionsGradient(tensor(x, rows + 2), before, add=True), before, rows=rows)
    assert_close(before.array, weight + wanted, np.abs(x).sum(axis=0).reshape(TIMES, columns) + np.abs(weight))


def test_by_steps(isa: str, num_threads: int) -> None:
    """As whole sequences, each up to its length; a step that no sequence has gets a gradient of 0."""
    rows, columns = 9, 5
    lengths = np.array([1, 4, 2, 5, 3, 1, 4, 2, 2])
    x, weight = normal(rows, TIMES, columns), normal(TIMES, columns, start=1)
    port = Port("lengths", 1)
    steps = Steps(port, Tensor((rows, 1), "int32"), times=TIMES)
    port.attach(lengths[:, None])
    whole, parted, made = tensor(x.reshape(rows, -1)), empty(rows * TIMES, columns), empty(rows, TIMES * columns)
    steps()
    ops: list[Op] = [ToSteps(whole, parted, steps), AddPositions(parted, tensor(weight), parted, steps)]
    ops.append(FromSteps(parted, made, steps))
    for op in ops:
        op()
    real = np.arange(TIMES) < lengths[:, None]
    expected = np.where(real[..., None], twins.AddPositions(x, weight), 0)
    assert_same_bits(made.array.reshape(expected.shape), expected.astype(np.float32))
    ToSteps(whole, parted, steps)()
    dweight = empty(TIMES, columns)
    PositionsGradient(parted, dweight, steps)()
    assert_close(dweight.array, twins.PositionsGradient(x, list(lengths)))
    assert not dweight.array[5].any()


@pytest.mark.parametrize("lengths", [None, [2, 4, 1]])
def test_more_positions_than_steps(isa: str, num_threads: int, lengths: list[int] | None) -> None:
    """Those beyond the last step are not read, and their gradient is 0, unless it is added to."""
    rows, times, columns, positions = 3, 4, 5, 7
    x, weight = normal(rows, times, columns), normal(positions, columns, start=1)
    steps = None if lengths is None else laid(lengths, times)
    ends = lengths or [times] * rows
    given = tensor(x.reshape(rows, -1)) if steps is None else stepped(of_steps.ToSteps(x, ends), rows, times)
    y = empty(*given.shape)
    run(AddPositions(given, tensor(weight), y, steps), y)
    expected = twins.AddPositions(x, weight[:times]).astype(np.float32)
    wanted = expected.reshape(rows, -1) if steps is None else of_steps.ToSteps(expected, ends)
    assert_same_bits(written(y, len(wanted)), wanted)
    dweight, before = tensor(weight), tensor(weight)
    run(PositionsGradient(given, dweight, steps), dweight)
    run(PositionsGradient(given, before, steps, add=True), before)
    assert_close(dweight.array[:times], twins.PositionsGradient(x, ends))
    assert not dweight.array[times:].any()
    assert_same_bits(before.array[times:], weight[times:])


@pytest.mark.parametrize("backward", [False, True])
def test_same_bits_on_threads(backward: bool) -> None:
    def build() -> tuple[Op, Tensor]:
        x, weight = tensor(normal(2000, 20 * 9)), tensor(normal(20, 9))
        if backward:
            return PositionsGradient(x, weight), weight
        y = empty(2000, 20 * 9)
        return AddPositions(x, weight, y), y

    assert_same_on_threads(build)


def test_arguments_are_checked() -> None:
    x, weight = Tensor((4, 30)), Tensor((5, 6))
    with pytest.raises(ValueError, match=r"AddPositions: expected y \(4, 30\), got \(4, 24\)"):
        AddPositions(x, weight, Tensor((4, 24)))
    with pytest.raises(ValueError, match=r"AddPositions: x \(4, 30\) does not fit a weight \(4, 6\)"):
        AddPositions(x, Tensor((4, 6)), x)
    with pytest.raises(ValueError, match=r"AddPosition: x \(4, 30\), a weight \(5, 6\) and y \(4, 30\) do not fit"):
        AddPosition(x, weight, Tensor((4, 1), "int32"), x)
    with pytest.raises(ValueError, match=r"AddPosition: expected present, int32 \(4, 1\), got .*float32"):
        AddPosition(x, Tensor((5, 30)), Tensor((4, 1)), x)
    with pytest.raises(ValueError, match="PositionsGradient: x"):
        PositionsGradient(Tensor((24, 6)), weight, Steps(None, Tensor((4, 1), "int32"), times=6))
    with pytest.raises(ValueError, match=r"expected input \(batch, time, features\)"):
        fnn.PositionEmbedding()(fnn.Input((4,)))
    with pytest.raises(ValueError, match="unknown initializer 'small'"):
        fnn.PositionEmbedding(initializer="small")


@pytest.mark.parametrize("columns", [1, 3, 8, 17, 64, 70])
def test_a_step_of_each_sequence(isa: str, num_threads: int, columns: int) -> None:
    rows = 5 if num_threads == 1 else 40_000 // columns
    present = generator(columns).integers(1, TIMES + 1, (rows, 1))
    x, weight, y = normal(rows, columns), normal(TIMES, columns, start=1), empty(rows + 2, columns)
    op = AddPosition(tensor(x, rows + 2), tensor(weight), tensor(present, rows + 2, "int32"), y)
    run(op, y, rows=rows)
    assert_same_bits(written(y, rows), twins.AddPosition(x, weight, present).astype(np.float32))


@pytest.mark.parametrize("ids", [False, True])
def test_layer(ids: bool) -> None:
    """Right gradients; and padding makes no difference."""
    x = fnn.Input((7,) if ids else (7, 4))
    h = fnn.PositionEmbedding(initializer="he_normal")(fnn.Embedding(5, 4)(x) if ids else x)
    net = fnn.Network(x, fnn.Dense(2)(fnn.Activation("tanh")(h)), seed=0).compile("sgd", "mse")
    given = generator(0).integers(0, 5, (6, 7)) if ids else normal(6, 7, 4).copy()
    if not ids:
        fnn.check_gradients(net, given, normal(6, 7, 2))
    lengths = np.array([1, 7, 3, 2, 7, 5])
    found = net.predict(given, lengths=lengths)
    for row, n in enumerate(lengths):
        given[row, n:] = 4 if ids else 9
    assert_same_bits(net.predict(given, lengths=lengths), found)
    net.fit(given, normal(6, 7, 2), lengths=np.minimum(lengths, 5), verbose=0)
    gradient = net.gradients["position_embedding_0.weight"]
    assert gradient[:5].all()
    assert not gradient[5:].any()
