"""Convolution: the ops against their twins on every size of tile, and the layers in networks."""

import math

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
from fastnn.kernels import ChannelSum, Convolution, ConvolutionWeightGradient, Filter
from fastnn.kernels.axis import Axis
from test_dense import LANES

TOLERANCE = 1e-5


def axis(random: np.random.Generator, longest: int = 12) -> Axis:
    """A window along an axis on which it fits."""
    kernel, stride, dilation = (int(random.integers(1, most)) for most in (6, 4, 4))
    reach = (kernel - 1) * dilation + 1
    before, after = (int(random.integers(0, reach)) for _ in range(2))
    least = max(1, reach - before - after)
    return Axis(int(random.integers(least, least + longest)), kernel, stride, dilation, before, after)


@pytest.mark.parametrize("transposed", [False, True])
def test_ops(isa: str, num_threads: int, transposed: bool) -> None:
    random = generator(transposed)
    for case, filters in enumerate([*TAILS, 100, 200]):
        rows, columns = axis(random), axis(random, 40 if case % 2 else 12)
        groups = (1, 1, 2, 3)[case % 4]
        inputs, outputs = 1 + case % 23, groups * filters
        picture, small = rows.size * columns.size * inputs * groups, rows.output * columns.output * outputs
        batch = 1 + case % 3 if num_threads == 1 else 8
        weight = normal(rows.kernel, columns.kernel, inputs, outputs)
        x, dy = normal(batch, picture), normal(batch, small, start=1)
        given, back = (dy, x) if transposed else (x, dy)
        bias = normal(inputs * groups if transposed else outputs) if case % 3 else None
        activation = ("identity", "relu", "gelu")[case % 3]
        y, z = empty(batch + 1, back.shape[1]), empty(batch + 1, back.shape[1]) if activation == "gelu" else None
        settings = rows, columns, groups
        op = Convolution(
            tensor(given, batch + 1),
            tensor(weight),
            bias if bias is None else tensor(bias),
            y,
            *settings,
            transposed=transposed,
            activation=activation,
            z=z,
        )
        run(op, y, *([] if z is None else [z]), rows=batch)
        sums = twins.Convolution(given, weight, bias, *settings, transposed)
        scale = twins.Convolution(abs(given), abs(weight), None if bias is None else abs(bias), *settings, transposed)
        assert_close(written(y, batch), reference.FUNCTIONS[activation](sums), scale + 1e-30, TOLERANCE)
        if z is not None:
            assert_close(written(z, batch), sums, scale + 1e-30, TOLERANCE)
        # The gradient of the input is the other map, times the derivative of the input's activation.
        dx, source = empty(batch + 1, given.shape[1]), np.tanh(given)
        op = Convolution(
            tensor(back, batch + 1),
            tensor(weight),
            None,
            dx,
            *settings,
            transposed=not transposed,
            activation="tanh",
            source=tensor(source, batch + 1),
        )
        run(op, dx, rows=batch)
        expected = twins.Convolution(back, weight, None, *settings, not transposed, "tanh", source)
        scale = twins.Convolution(abs(back), abs(weight), None, *settings, not transposed)
        assert_close(written(dx, batch), expected, scale + 1e-30, TOLERANCE)
        for add in (False, True):
            dweight = tensor(weight)
            op = ConvolutionWeightGradient(tensor(x, batch + 1), tensor(dy, batch + 1), dweight, *settings, add=add)
            run(op, dweight, rows=batch)
            expected = twins.ConvolutionWeightGradient(x, dy, rows, columns, weight.shape) + add * weight
            scale = twins.ConvolutionWeightGradient(abs(x), abs(dy), rows, columns, weight.shape) + abs(weight)
            assert_close(dweight.array, expected, scale, TOLERANCE)
            dbias = tensor(normal(outputs))
            run(ChannelSum(tensor(dy, batch + 1), dbias, add=add), dbias, rows=batch)
            assert_close(dbias.array, twins.ChannelSum(dy, outputs) + add * normal(outputs), tolerance=TOLERANCE)


def test_filter(isa: str) -> None:
    random = generator(3)
    for outputs in TAILS:
        rows, columns, groups = axis(random), axis(random), 1 + outputs % 3
        weight = normal(rows.kernel, columns.kernel, 1 + outputs % 5, outputs * groups)
        for transposed in (False, True):
            packed = Filter(tensor(weight), rows, columns, groups, transposed)
            expected = twins.Filter(weight, rows, columns, groups, transposed, 2 * LANES[isa], LANES[isa])
            assert_same_bits(packed.panels.array, expected.astype(np.float32))


def test_phases_are_the_transposed_map() -> None:
    """Each place hears through each tap from just the window that sees it there."""
    random = generator(4)
    for _ in range(300):
        a = axis(random)
        expected = {(i * a.stride + k * a.dilation - a.before, k, i) for i in range(a.output) for k in range(a.kernel)}
        expected = {(place, k, i) for place, k, i in expected if 0 <= place < a.size}
        found = {
            (p.offset + t * p.step, p.first + k * p.tap_step, t * p.stride + k * p.dilation - p.before)
            for p in a.phases(transposed=True)
            for t in range(p.outputs)
            for k in range(p.taps)
        }
        assert {(place, k, i) for place, k, i in found if 0 <= i < a.output} == expected
        assert sum(p.outputs for p in a.phases(transposed=True)) == a.size


ROWS, COLUMNS = Axis(24, 3, 1, 1, 1, 1), Axis(25, 3, 2, 1, 1, 1)


#: Inputs and outputs of tiles, and of dot products in either direction.
CHANNELS = [(8, 40), (24, 3), (3, 24)]


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize(("inputs", "outputs"), CHANNELS)
def test_same_bits_on_threads(isa: str, transposed: bool, inputs: int, outputs: int) -> None:
    weight, batch = normal(3, 3, inputs, outputs), 24
    picture, small = normal(batch, 24 * 25 * inputs), normal(batch, ROWS.output * COLUMNS.output * outputs)
    given, back = (small, picture) if transposed else (picture, small)

    def forward() -> tuple[Op, ...]:
        y = empty(*back.shape)
        return Convolution(tensor(given), tensor(weight), None, y, ROWS, COLUMNS, 1, transposed, "tanh"), y

    def gradient() -> tuple[Op, ...]:
        dweight = empty(*weight.shape)
        return ConvolutionWeightGradient(tensor(picture), tensor(small), dweight, ROWS, COLUMNS), dweight

    assert_same_on_threads(forward)
    assert_same_on_threads(gradient)


@pytest.mark.parametrize(("inputs", "outputs"), CHANNELS)
def test_a_pictures_bits_do_not_depend_on_the_batch(isa: str, inputs: int, outputs: int) -> None:
    weight, x, size = normal(3, 3, inputs, outputs), normal(4, 24 * 25 * inputs), ROWS.output * COLUMNS.output * outputs
    together, alone = empty(4, size), empty(1, size)
    packed = Filter(tensor(weight), ROWS, COLUMNS)
    Convolution(tensor(x), tensor(weight), None, together, ROWS, COLUMNS)()
    for i in range(4):
        Convolution(tensor(x[i : i + 1]), packed, None, alone, ROWS, COLUMNS)()
        assert_same_bits(alone.array[0], together.array[i])


@pytest.mark.parametrize("kind", ["Conv1D", "Conv2D", "Conv2DTranspose"])
def test_layers(kind: str) -> None:
    """In a network that is trained: gradients by finite differences, files, a frozen network."""
    shape = (11, 3) if kind == "Conv1D" else (7, 6, 3)
    layer = getattr(fnn, kind)(4, 3, strides=2, padding="same", activation="tanh")
    layers = [layer, getattr(fnn, kind)(6, 2, groups=2), fnn.Activation("sigmoid"), fnn.Flatten(), fnn.Dense(2)]
    net = fnn.Sequential(layers, input_shape=shape, seed=1).compile("adam", "mse")
    x, y = normal(9, *shape), normal(9, 2)
    fnn.check_gradients(net, x, y)
    before = net.evaluate(x, y)["loss"]
    net.fit(x, y, 4, epochs=20, verbose=0)
    assert net.evaluate(x, y)["loss"] < before
    assert_same_bits(net.freeze(4)(x[:4]), net.predict(x)[:4])


def test_batch_norm_is_folded() -> None:
    layers = [fnn.Conv2D(8, 3, groups=2), fnn.BatchNorm(), fnn.Activation("relu"), fnn.Flatten(), fnn.Dense(2)]
    net = fnn.Sequential(layers, input_shape=(8, 8, 4), seed=1).compile("adam", "mse")
    x, y = normal(32, 8, 8, 4), normal(32, 2)
    net.fit(x, y, 8, epochs=3, verbose=0)
    np.testing.assert_allclose(net.freeze(8)(x[:8]), net.predict(x[:8]), rtol=1e-5, atol=1e-5)


BAD = [
    ({"filters": 0}, (8, 8, 3), "filters must be an integer from 1"),
    ({"kernel": 0}, (8, 8, 3), "kernel must be an integer from 1"),
    ({"strides": 0}, (8, 8, 3), "strides must be an integer from 1"),
    ({"dilation": (1, 0)}, (8, 8, 3), r"dilation\[1\] must be an integer from 1"),
    ({"kernel": (3, 3, 3)}, (8, 8, 3), "kernel must be an integer, or 2 of them"),
    ({"padding": "full"}, (8, 8, 3), "unknown Conv2D: padding 'full'"),
    ({"padding": -1}, (8, 8, 3), "padding must be an integer from 0"),
    ({"padding": 3}, (8, 8, 3), "padding of the height must be less than the window, 3, got 3"),
    ({"padding": 2**40}, (8, 8, 3), "padding must be an integer from 0"),
    ({"groups": 3}, (8, 8, 3), "filters must be divisible by groups, got 4 and 3"),
    ({"groups": 2}, (8, 8, 3), "channels divisible by groups, 2"),
    ({"kernel": 9}, (8, 20, 3), r"Conv2D\(4\): expected input \(batch, height >= 9, width, channels\)"),
    ({"kernel": 3, "dilation": 4}, (20, 8, 3), "width >= 9"),
    ({}, (28, 28), r"the channels are missing: x\[..., None\] adds one"),
    ({}, (3, 32, 32), r"channels come last: x.transpose\(0, 2, 3, 1\)"),
    ({}, (8, 8, 3, 3), r"expected input \(batch, height, width, channels\)"),
    ({"filters": 2**30, "kernel": 1}, (32, 32, 1), "more than"),
]


@pytest.mark.parametrize(("settings", "shape", "message"), BAD)
def test_bad_settings(settings: dict, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fnn.Sequential([fnn.Conv2D(**{"filters": 4, "kernel": 3, **settings})], input_shape=shape)


def test_bad_shapes_of_ops() -> None:
    x, weight, y = Tensor((2, 5 * 5 * 3)), Tensor((3, 3, 3, 4)), Tensor((2, 3 * 3 * 4))
    rows = Axis(5, 3)
    with pytest.raises(ValueError, match=r"Convolution.*shapes \(3, 3, 3, 4\), \(2, 75\), \(2, 36\), \(3,\)"):
        Convolution(x, weight, Tensor((3,)), y, rows, rows)
    with pytest.raises(ValueError, match="do not fit"):
        Convolution(x, weight, None, y, rows, Axis(5, 3, 2))
    with pytest.raises(ValueError, match=r"is \(kh, kw, in / groups, out\), not \(9, 12\)"):
        Convolution(x, Tensor((9, 12)), None, y, rows, rows)
    with pytest.raises(ValueError, match="packed for another"):
        Convolution(x, Filter(weight, rows, Axis(5, 3, 1, 1, 1, 1)), None, y, rows, rows)
    with pytest.raises(ValueError, match=r"ChannelSum\(x, y\)"):
        ChannelSum(x, Tensor((4,)))


def test_agrees_with_pytorch() -> None:
    """Values and gradients of layers of random sizes, strides, paddings, dilations and groups, of more than 500."""
    torch = pytest.importorskip("torch", reason="PyTorch is an oracle of this test")
    functional, random = torch.nn.functional, generator(5)
    for case in range(700):
        rows, columns, groups, transposed = axis(random), axis(random), int(random.integers(1, 4)), case % 3 == 0
        inputs, filters = (int(groups * n) for n in random.integers(1, 12, 2))
        sizes = [a.output if transposed else a.size for a in (rows, columns)]
        if transposed and any((a.size + a.before + a.after - a.reach) % a.stride for a in (rows, columns)):
            continue  # no padding describes what is after the last window
        settings = [tuple(getattr(a, name) for a in (rows, columns)) for name in ("kernel", "stride", "dilation")]
        pads = tuple((a.before, a.after) for a in (rows, columns))
        kind = fnn.Conv2DTranspose if transposed else fnn.Conv2D
        layer = kind(filters, settings[0], settings[1], pads, settings[2], groups)
        net = fnn.Sequential([fnn.Activation("tanh"), layer], input_shape=(*sizes, inputs), seed=case)
        x = normal(2, *sizes, inputs)
        net.compile("sgd", "mse")
        y = net.forward(x, training=True).copy()
        dy = normal(*y.shape)
        dx = net.backward(dy)
        given = [torch.tensor(np.array(a, np.float64), requires_grad=True) for a in (x, *net.weights.values())]
        h, weight, bias = torch.tanh(given[0]).permute(0, 3, 1, 2), given[1].permute(3, 2, 0, 1), given[2]
        if transposed:
            parts = [part.permute(1, 0, 2, 3) for part in weight.permute(1, 0, 2, 3).chunk(groups, 1)]
            whole = functional.conv_transpose2d(
                h, torch.cat(parts).contiguous(), bias, settings[1], dilation=settings[2], groups=groups
            )
            (top, bottom), (left, right) = pads
            z = whole[:, :, top : whole.shape[2] - bottom, left : whole.shape[3] - right]
        else:
            padded = functional.pad(h, (*pads[1], *pads[0]))
            z = functional.conv2d(padded, weight.contiguous(), bias, settings[1], 0, settings[2], groups)
        z = z.permute(0, 2, 3, 1)
        z.backward(torch.tensor(dy.astype(np.float64)))
        assert_close(y, z.detach().numpy(), tolerance=TOLERANCE)
        for ours, theirs in zip((dx, *net.gradients.values()), given, strict=True):
            assert_close(ours, theirs.grad.numpy(), tolerance=TOLERANCE)


def test_sizes_of_same_and_transposed() -> None:
    for size in range(1, 12):
        for stride in range(1, 5):
            for kernel in range(1, 6):
                same = fnn.Sequential([fnn.Conv2D(1, kernel, stride, "same")], input_shape=(size, size, 1))
                assert same.output_shape == (math.ceil(size / stride),) * 2 + (1,)
                back = fnn.Sequential([fnn.Conv2DTranspose(1, kernel, stride, "same")], input_shape=(size, size, 1))
                assert back.output_shape == (size * stride,) * 2 + (1,)
