"""Winograd's convolution: the ops against the twins of the plain ones, and the layers that take it."""

import numpy as np
import pytest

import fastnn as fnn
import reference
import reference_convolution as twins
from check import (
    TAILS,
    assert_close,
    assert_same_bits,
    assert_same_on_threads,
    empty,
    generator,
    normal,
    run,
    tensor,
    written,
)
from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor
from fastnn.kernels import Winograd, WinogradFilter, WinogradWeightGradient, winograd
from fastnn.kernels.axis import Axis
from test_dense import LANES

TOLERANCE = 1e-5


def axis(random: np.random.Generator, longest: int = 12) -> Axis:
    """A window of three neighbours along an axis on which it fits."""
    before, after = (int(random.integers(0, 3)) for _ in range(2))
    least = max(1, 3 - before - after)
    return Axis(int(random.integers(least, least + longest)), 3, 1, 1, before, after)


@pytest.mark.parametrize("transposed", [False, True])
def test_ops(isa: str, num_threads: int, transposed: bool) -> None:
    random = generator(transposed)
    for case, outputs in enumerate([*TAILS, 100, 200]):
        settings = axis(random), axis(random, 40 if case % 2 else 12)
        rows, columns = settings
        inputs = 1 + case * 7 % 43
        batch = 1 + case % 3 if num_threads == 1 else 8
        weight = normal(3, 3, inputs, outputs)
        x, dy = normal(batch, rows.size * columns.size * inputs), normal(batch, rows.output * columns.output * outputs)
        given, back = (dy, x) if transposed else (x, dy)
        bias = normal(inputs if transposed else outputs) if case % 3 else None
        activation = ("identity", "relu", "gelu")[case % 3]
        y, z = empty(batch + 1, back.shape[1]), empty(batch + 1, back.shape[1]) if activation == "gelu" else None
        maps = tensor(given, batch + 1), tensor(weight), bias if bias is None else tensor(bias), y
        op = Winograd(*maps, *settings, transposed=transposed, activation=activation, z=z)
        run(op, y, *([] if z is None else [z]), rows=batch)
        sums = twins.Winograd(given, weight, bias, *settings, 1, transposed)
        scale = np.abs(sums).max() if sums.size else 1.0
        assert_close(written(y, batch), reference.FUNCTIONS[activation](sums), scale, TOLERANCE)
        if z is not None:
            assert_close(written(z, batch), sums, scale, TOLERANCE)
        # The gradient of the input is the other map, times the derivative of the input's activation.
        dx, source = empty(batch + 1, given.shape[1]), np.tanh(given)
        maps = tensor(back, batch + 1), tensor(weight), None, dx
        op = Winograd(*maps, *settings, transposed=not transposed, activation="tanh", source=tensor(source, batch + 1))
        run(op, dx, rows=batch)
        expected = twins.Winograd(back, weight, None, *settings, 1, not transposed, "tanh", source)
        assert_close(written(dx, batch), expected, np.abs(expected).max(), TOLERANCE)
        for add in (False, True):
            dweight = tensor(weight)
            op = WinogradWeightGradient(tensor(x, batch + 1), tensor(dy, batch + 1), dweight, *settings, add=add)
            run(op, dweight, rows=batch)
            expected = twins.WinogradWeightGradient(x, dy, rows, columns, weight.shape) + add * weight
            assert_close(dweight.array, expected, np.abs(expected).max(), TOLERANCE)


def test_filter(isa: str) -> None:
    random = generator(3)
    for outputs in TAILS:
        rows, columns, weight = axis(random), axis(random), normal(3, 3, 1 + outputs * 5 % 47, outputs)
        for transposed in (False, True):
            packed = WinogradFilter(tensor(weight), rows, columns, transposed=transposed)
            expected = twins.WinogradFilter(weight, transposed, 2 * LANES[isa], LANES[isa])
            assert_close(packed.panels.array, expected, 1.0, 1e-6)


ROWS, COLUMNS = Axis(24, 3, 1, 1, 1, 1), Axis(25, 3, 1, 1, 0, 1)


@pytest.mark.parametrize("transposed", [False, True])
def test_same_bits_on_threads(isa: str, transposed: bool) -> None:
    weight, batch = normal(3, 3, 24, 40), 5
    picture, small = normal(batch, 24 * 25 * 24), normal(batch, ROWS.output * COLUMNS.output * 40)
    given, back = (small, picture) if transposed else (picture, small)

    def forward() -> tuple[Op, ...]:
        y = empty(*back.shape)
        return Winograd(tensor(given), tensor(weight), None, y, ROWS, COLUMNS, 1, transposed, "tanh"), y

    def gradient() -> tuple[Op, ...]:
        dweight = empty(*weight.shape)
        return WinogradWeightGradient(tensor(picture), tensor(small), dweight, ROWS, COLUMNS), dweight

    assert_same_on_threads(forward)
    assert_same_on_threads(gradient)


def test_a_pictures_bits_do_not_depend_on_the_batch(isa: str) -> None:
    weight, x = normal(3, 3, 24, 40), normal(4, 24 * 25 * 24)
    together, alone = empty(4, ROWS.output * COLUMNS.output * 40), empty(1, ROWS.output * COLUMNS.output * 40)
    packed = WinogradFilter(tensor(weight), ROWS, COLUMNS)
    Winograd(tensor(x), tensor(weight), None, together, ROWS, COLUMNS)()
    for i in range(4):
        Winograd(tensor(x[i : i + 1]), packed, None, alone, ROWS, COLUMNS)()
        assert_same_bits(alone.array[0], together.array[i])


def test_where_it_suits() -> None:
    same = Axis(16, 3, 1, 1, 1, 1)
    assert winograd.suits(same, same, 1, (3, 3, 32, 64))
    assert not winograd.suits(same, same, 1, (3, 3, 16, 64))
    assert not winograd.suits(same, same, 2, (3, 3, 32, 64))
    assert not winograd.suits(same, same, 1, (3, 3, 32, 1024))
    assert not winograd.suits(Axis(3, 3), Axis(3, 3), 1, (3, 3, 32, 64))  # one output: 16 multiplications for 9
    for other in (Axis(16, 3, 2, 1, 1, 1), Axis(16, 3, 1, 2, 1, 1), Axis(16, 5, 1, 1, 2, 2), Axis(16)):
        assert not winograd.suits(same, other, 1, (3, other.kernel, 32, 64))
        assert not winograd.suits(other, same, 1, (other.kernel, 3, 32, 64))


@pytest.mark.parametrize("kind", [fnn.Conv2D, fnn.Conv2DTranspose])
def test_layers(kind: type[fnn.Conv2D]) -> None:
    """In a network that is trained: gradients by finite differences, a frozen network, BatchNorm folded."""
    layers = [kind(32, 3, padding="same", activation="tanh"), kind(34, 3), fnn.BatchNorm(), fnn.Activation("relu")]
    net = fnn.Sequential([*layers, fnn.GlobalAvgPool(), fnn.Dense(2)], input_shape=(7, 6, 32), seed=1)
    net.compile("adam", "mse")
    x, y = normal(9, 7, 6, 32), normal(9, 2)
    fnn.check_gradients(net, x, y)
    before = net.evaluate(x, y)["loss"]
    net.fit(x, y, 4, epochs=20, verbose=0)
    assert net.evaluate(x, y)["loss"] < before
    np.testing.assert_allclose(net.freeze(4)(x[:4]), net.predict(x)[:4], rtol=1e-4, atol=1e-5)


def test_layers_agree_with_pytorch() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is an oracle of this test")
    random = generator(5)
    for case in range(60):
        rows, columns = axis(random), axis(random)
        inputs, filters = (int(n) for n in random.integers(32, 70, 2))
        pads = ((rows.before, rows.after), (columns.before, columns.after))
        if not winograd.suits(rows, columns, 1, (3, 3, inputs, filters)):
            continue
        layer = fnn.Conv2D(filters, 3, padding=pads)
        net = fnn.Sequential([fnn.Activation("tanh"), layer], input_shape=(rows.size, columns.size, inputs), seed=case)
        net.compile("sgd", "mse")
        x = normal(2, rows.size, columns.size, inputs)
        y = net.forward(x, training=True).copy()
        dy = normal(*y.shape)
        dx = net.backward(dy)
        given = [torch.tensor(np.array(a, np.float64), requires_grad=True) for a in (x, *net.weights.values())]
        padded = torch.nn.functional.pad(torch.tanh(given[0]).permute(0, 3, 1, 2), (*pads[1], *pads[0]))
        z = torch.nn.functional.conv2d(padded, given[1].permute(3, 2, 0, 1), given[2]).permute(0, 2, 3, 1)
        z.backward(torch.tensor(dy.astype(np.float64)))
        assert_close(y, z.detach().numpy(), tolerance=TOLERANCE)
        for ours, theirs in zip((dx, *net.gradients.values()), given, strict=True):
            assert_close(ours, theirs.grad.numpy(), tolerance=TOLERANCE)


def test_bad_shapes_of_ops() -> None:
    x, weight, y = Tensor((2, 5 * 5 * 3)), Tensor((3, 3, 3, 4)), Tensor((2, 3 * 3 * 4))
    rows = Axis(5, 3)
    with pytest.raises(ValueError, match=r"Winograd\(.*shapes \(3, 3, 3, 4\), \(2, 75\), \(2, 36\), \(3,\)"):
        Winograd(x, weight, Tensor((3,)), y, rows, rows)
    with pytest.raises(ValueError, match="does not support a weight"):
        Winograd(x, weight, None, y, rows, Axis(5, 3, 2))
    with pytest.raises(ValueError, match=r"WinogradFilter\(weight\): .* 2 groups"):
        WinogradFilter(weight, rows, rows, 2)
    with pytest.raises(ValueError, match="packed for another"):
        Winograd(x, WinogradFilter(weight, rows, Axis(5, 3, 1, 1, 1, 1)), None, y, rows, rows)
    with pytest.raises(ValueError, match="do not fit"):
        WinogradWeightGradient(x, y, Tensor((3, 3, 4, 3)), rows, rows)
