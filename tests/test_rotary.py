"""Rotary positions: the op against its twin, and what it does in attention."""

import numpy as np
import pytest

import fastnn as fnn
import reference_attention as twins
from check import assert_close, assert_same_bits, assert_same_on_threads, empty, normal, run, tensor, written
from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor
from fastnn.kernels import Rotary
from fastnn.layers.rotary import angles

TIMES = 6


@pytest.mark.parametrize("heads", [1, 3])
@pytest.mark.parametrize("half", [1, 2, 7, 8, 16, 33])
def test_rotary(isa: str, num_threads: int, heads: int, half: int) -> None:
    """What follows the heads in a step stays as it is, also in place."""
    width = 2 * half * heads + 5
    rows = 5 if num_threads == 1 else 60_000 // (TIMES * half * heads)
    x, y = tensor(normal(rows, TIMES * width), rows + 2), empty(rows + 2, TIMES * width)
    cosine, sine = angles(TIMES, 2 * half, 100.0)
    for back in (False, True):
        run(Rotary(x, cosine, sine, y, heads=heads, back=back), y, rows=rows)
        given = x.array[:rows].reshape(rows, TIMES, width)
        expected = twins.Rotary(
            given[..., :-5].reshape(rows, TIMES, heads, 2 * half), cosine.array, sine.array, back=back
        )
        found = written(y, rows).reshape(given.shape)
        assert_close(found[..., :-5].reshape(expected.shape), expected)
    run(Rotary(x, cosine, sine, x, heads=heads, back=True), x, rows=rows)
    assert_same_bits(
        np.ascontiguousarray(x.array[:rows].reshape(given.shape)[..., :-5]), np.ascontiguousarray(found[..., :-5])
    )


def test_same_bits_on_threads() -> None:
    def build() -> tuple[Op, Tensor]:
        y = empty(500, 20 * 64)
        return Rotary(tensor(normal(500, 20 * 64)), *angles(20, 16, 1e4), y, heads=4), y

    assert_same_on_threads(build)


def test_arguments_are_checked() -> None:
    x, table = Tensor((2, 6 * 8)), Tensor((6, 2))
    with pytest.raises(ValueError, match=r"Rotary: expected a sine \(6, 2\), got \(6, 3\)"):
        Rotary(x, table, Tensor((6, 3)), x, heads=1)
    with pytest.raises(ValueError, match="Rotary: expected 6 steps of at least 12"):
        Rotary(x, table, table, x, heads=3)
    with pytest.raises(ValueError, match=r"Rotary: expected y \(2, 48\), got \(2, 40\)"):
        Rotary(x, table, table, Tensor((2, 40)), heads=2)


def attention(times: int, inputs: int = 1, **settings: float) -> fnn.Network:
    x = fnn.Input((times, 8))
    given = [x, fnn.Input((times, 6))][:inputs]
    layer = fnn.MultiHeadAttention(2, name="a", **settings)
    return fnn.Network(given, layer(given if inputs > 1 else x), seed=3)


@pytest.mark.parametrize("inputs", [1, 2])
def test_gradients(inputs: int) -> None:
    net = attention(7, inputs, rotary=100.0).compile("sgd", "mse")
    x = [normal(4, 7, 8), normal(4, 7, 6)][:inputs]
    fnn.check_gradients(net, x if inputs > 1 else x[0], normal(4, 7, 8, start=5))


def test_scores_depend_on_distances() -> None:
    """Steps of a sequence that begins later attend as they do in one that begins earlier; without, order is lost."""
    x = normal(1, 9, 8).copy()
    x[0, 0] = 0  # what the first step adds to the others' means depends on distances too
    turned, plain = attention(9, rotary=50.0, causal=True), attention(9, causal=True)
    y = turned.predict(x)
    assert_same_bits(turned.predict(x, lengths=[4])[:, :4], y[:, :4])
    short = attention(4, rotary=50.0, causal=True)
    short.set_vector(turned.vector())
    assert_same_bits(short.predict(x[:, :4]), y[:, :4])
    swapped = x[:, [1, 0, *range(2, 9)]]
    assert np.abs(plain.predict(swapped)[:, 2:] - plain.predict(x)[:, 2:]).max() < 1e-5
    assert np.abs(turned.predict(swapped)[:, 2:] - y[:, 2:]).max() > 1e-3
    cross = attention(9, 2, rotary=50.0)
    query, memory = normal(1, 9, 8).copy(), normal(1, 9, 6).copy()
    query[0, 1:] = query[0, 0]
    memory[0] = memory[0, 0]  # equal at all distances: so only the order of distances could differ
    assert np.ptp(cross.predict([query, memory]), axis=1).max() < 1e-5


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="rotary must be a number >= 1"):
        fnn.MultiHeadAttention(2, rotary=0.5)
    with pytest.raises(TypeError, match="rotary must be a number, got True"):
        fnn.MultiHeadAttention(2, rotary=True)
    with pytest.raises(ValueError, match="rotary positions turn pairs of numbers, got heads of 3"):
        fnn.MultiHeadAttention(2, 3, rotary=1e4)(fnn.Input((7, 8)))


def test_one_step_of_each_sequence(isa: str, num_threads: int) -> None:
    """The step that `present` says, from 1, has the bits that it has in a whole sequence."""
    rows, times, heads, size, width = 9, 6, 2, 4, 11
    cosine, sine = angles(times, size, 100.0)
    whole = normal(rows, times, width)
    turned = empty(rows, times * width)
    turned.array[...] = whole.reshape(rows, -1)
    run(Rotary(tensor(whole.reshape(rows, -1)), cosine, sine, turned, heads=heads), turned)
    present = np.array([1, 6, 3, 2, 5, 4, 1, 6, 2])[:, None]
    x = tensor(whole[np.arange(rows), present[:, 0] - 1])
    run(Rotary(x, cosine, sine, x, tensor(present, dtype="int32"), heads=heads), x)
    assert_same_bits(x.array, turned.array.reshape(whole.shape)[np.arange(rows), present[:, 0] - 1])
    with pytest.raises(ValueError, match=r"Rotary: expected int32 lengths \(9, 1\)"):
        Rotary(x, cosine, sine, x, Tensor((8, 1), "int32"), heads=heads)
