"""Depthwise convolution: the ops against their twins, and the layers in networks."""

import os
from pathlib import Path

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
from fastnn.kernels import Depthwise, DepthwiseGradient
from fastnn.kernels.axis import Axis
from test_convolution import axis

TOLERANCE = 1e-5


def near(random: np.random.Generator) -> Axis:
    """Windows of three neighbours, whose pixels are read once; with borders or not, tiles of all widths."""
    before, after = (int(n) for n in random.integers(0, 3, 2))
    return Axis(int(random.integers(3, 24)), 3, 1, 1, before, after)


@pytest.mark.parametrize("multiplier", [1, 2, 5, 20])
def test_ops(isa: str, num_threads: int, multiplier: int) -> None:
    random = generator(multiplier)
    for case, channels in enumerate(TAILS if multiplier < 3 else TAILS[:40:3]):
        rows, columns = (axis if case % 3 else near)(random), (axis if case % 4 else near)(random)
        picture = rows.size * columns.size * channels
        small, outputs = rows.output * columns.output * channels * multiplier, channels * multiplier
        batch = 1 + case % 3 if num_threads == 1 else 8
        weight = normal(rows.kernel, columns.kernel, channels, multiplier)
        x, dy, bias = normal(batch, picture), normal(batch, small, start=1), normal(outputs) if case % 3 else None
        windows = rows, columns
        activation = ("identity", "relu", "gelu")[case % 3]
        y, z = empty(batch + 1, small), empty(batch + 1, small) if activation == "gelu" else None
        given = tensor(x, batch + 1), tensor(weight)
        op = Depthwise(*given, bias if bias is None else tensor(bias), y, *windows, activation, z)
        run(op, y, *([] if z is None else [z]), rows=batch)
        sums = twins.Depthwise(x, weight, bias, *windows)
        scale = 1e-30 + twins.Depthwise(abs(x), abs(weight), None if bias is None else abs(bias), *windows)
        assert_close(written(y, batch), reference.FUNCTIONS[activation](sums), scale, TOLERANCE)
        if z is not None:
            assert_close(written(z, batch), sums, scale, TOLERANCE)
        source, add = np.tanh(x), case % 2 == 0
        dx, dweight, dbias = empty(batch + 1, picture), tensor(weight), tensor(normal(outputs))
        options = {"activation": "tanh", "source": tensor(source, batch + 1)} if case % 5 else {}
        results = dx, dweight, dbias
        op = DepthwiseGradient(*given, tensor(dy, batch + 1), *results, *windows, **options, add=add)
        run(op, *results, rows=batch)
        slope = ("tanh", source) if options else ()
        expected = twins.DepthwiseGradient(x, weight, dy, *windows, *slope)
        scales = twins.DepthwiseGradient(abs(x), abs(weight), abs(dy), *windows)
        assert_close(written(dx, batch), expected[0], 1e-30 + scales[0], TOLERANCE)
        before = weight, normal(outputs)
        for ours, theirs, size, was in zip(results[1:], expected[1:], scales[1:], before, strict=True):
            assert_close(ours.array, theirs + add * was, size + abs(was), TOLERANCE)


ROWS, COLUMNS = Axis(60, 3, 1, 1, 1, 1), Axis(50, 3, 1, 1, 1, 1)
LARGE = 4, 60 * 50 * 40, 60 * 50 * 40  # images that are cut into bands
SMALL = 300, 7 * 6 * 40, 3 * 5 * 40  # and those of which several are summed up at once
DOWN = Axis(7, 3, 2, 1, 0, 0), Axis(6, 2, 1, 1, 0, 0)
SIZES = [(LARGE, (ROWS, COLUMNS)), (SMALL, DOWN)]


@pytest.mark.parametrize(("sizes", "windows"), SIZES, ids=["large", "small"])
def test_chunks(isa: str, sizes: tuple[int, ...], windows: tuple[Axis, Axis]) -> None:
    batch, picture, small = sizes
    weight = normal(windows[0].kernel, windows[1].kernel, 40, 1)
    x, dy, results = normal(batch, picture), normal(batch, small, start=1), (empty(*weight.shape), empty(40))
    given = tensor(x), tensor(weight), tensor(dy)
    op = DepthwiseGradient(*given, None, *results, *windows)
    for rows in (batch, batch - 1, 1):
        run(op, *results, rows=rows)
        _, *expected = twins.DepthwiseGradient(x[:rows], weight, dy[:rows], *windows)
        _, *scales = twins.DepthwiseGradient(abs(x[:rows]), weight, abs(dy[:rows]), *windows)
        for ours, theirs, scale in zip(results, expected, scales, strict=True):
            assert_close(ours.array, theirs, scale, TOLERANCE)


@pytest.mark.parametrize(("sizes", "windows"), SIZES, ids=["large", "small"])
def test_same_bits_on_threads(isa: str, sizes: tuple[int, ...], windows: tuple[Axis, Axis]) -> None:
    batch, picture, small = sizes
    weight = normal(windows[0].kernel, windows[1].kernel, 40, 1)
    x, dy = normal(batch, picture), normal(batch, small)

    def forward() -> tuple[Op, ...]:
        y = empty(batch, small)
        return Depthwise(tensor(x), tensor(weight), None, y, *windows, "tanh"), y

    def gradient() -> tuple[Op, ...]:
        results = empty(batch, picture), empty(*weight.shape), empty(40)
        return DepthwiseGradient(tensor(x), tensor(weight), tensor(dy), *results, *windows), *results

    assert_same_on_threads(forward)
    assert_same_on_threads(gradient)


def test_a_pictures_bits_do_not_depend_on_the_batch(isa: str) -> None:
    batch, picture, small = SMALL
    weight, x, dy = normal(3, 2, 40, 1), normal(batch, picture), normal(batch, small)
    together, alone = (empty(batch, small), empty(batch, picture)), (empty(1, small), empty(1, picture))
    for (y, dx), some in ((together, slice(None)), (alone, slice(7, 8))):
        Depthwise(tensor(x[some]), tensor(weight), None, y, *DOWN)()
        DepthwiseGradient(tensor(x[some]), tensor(weight), tensor(dy[some]), dx, None, None, *DOWN)()
    for one, all_of_them in zip(alone, together, strict=True):
        assert_same_bits(one.array[0], all_of_them.array[7])


def test_what_is_outside_is_left_out(isa: str) -> None:
    """An infinite weight reaches only those outputs whose tap is inside the image."""
    weight, y = np.zeros((3, 3, 20, 1)), empty(1, 9 * 20)
    weight[0, 0] = np.inf
    Depthwise(tensor(np.ones((1, 9 * 20))), tensor(weight), None, y, *(Axis(3, 3, 1, 1, 1, 1),) * 2)()
    assert np.isinf(y.array.reshape(3, 3, 20)[1:, 1:]).all()
    assert not y.array.reshape(3, 3, 20)[0].any()


@pytest.mark.parametrize("kind", ["DepthwiseConv2D", "SeparableConv2D"])
def test_layers(kind: str, tmp_path: Path) -> None:
    """In a network that is trained: gradients by finite differences, files, a frozen network."""
    filters = {"filters": 5} if kind == "SeparableConv2D" else {}
    layer = getattr(fnn, kind)
    layers = [
        layer(**filters, kernel=3, strides=2, padding="same", multiplier=2, activation="gelu"),
        layer(**filters, kernel=(2, 3), bias=False, l2=0.1),
        fnn.Activation("sigmoid"),
        fnn.Flatten(),
        fnn.Dense(2),
    ]
    net = fnn.Sequential(layers, input_shape=(7, 9, 3), seed=1).compile("adam", "mse")
    x, y = normal(9, 7, 9, 3), normal(9, 2)
    fnn.check_gradients(net, x, y)
    before = net.evaluate(x, y)["loss"]
    net.fit(x, y, 4, epochs=20, verbose=0)
    assert net.evaluate(x, y)["loss"] < before
    assert_same_bits(net.freeze(4)(x[:4]), net.predict(x)[:4])
    net.save(os.fspath(tmp_path / "net"))
    again = fnn.load(os.fspath(tmp_path / "net"))
    assert [repr(layer) for layer in again.layers] == [repr(layer) for layer in net.layers]
    assert_same_bits(again.predict(x), net.predict(x))


def test_separable_is_what_it_says() -> None:
    parts = [fnn.DepthwiseConv2D(3, 2, "same", 1, 2, bias=False), fnn.Conv2D(5, 1, activation="relu")]
    whole = fnn.SeparableConv2D(5, 3, 2, "same", 1, 2, "relu")
    nets = [fnn.Sequential(layers, input_shape=(8, 8, 3), seed=1) for layers in (parts, [whole])]
    assert list(nets[1].weights) == [f"separable_conv2d_0.{name}" for name in nets[0].weights]
    for ours, theirs in zip(nets[1].weights.values(), nets[0].weights.values(), strict=True):
        theirs[...] = ours
    x = normal(3, 8, 8, 3)
    assert_same_bits(nets[1].predict(x), nets[0].predict(x))


def test_one_layer_twice_in_a_graph() -> None:
    """The gradients of both places are added up, and a frozen one keeps its weights."""
    x = fnn.Input((6, 6, 2))
    shared = fnn.DepthwiseConv2D(3, padding="same", activation="tanh")
    fixed = fnn.DepthwiseConv2D(3, padding="same")
    fixed.trainable = False
    net = fnn.Network(x, fnn.Dense(1)(fnn.Flatten()(shared(fixed(shared(x)))))).compile("sgd", "mse")
    data, target = normal(5, 6, 6, 2), normal(5, 1)
    fnn.check_gradients(net, data, target)
    before = {name: view.copy() for name, view in net.weights.items()}
    net.fit(data, target, 2, epochs=2, verbose=0)
    changed = {name.split(".")[0] for name, view in net.weights.items() if (view != before[name]).any()}
    assert changed == {"depthwise_conv2d_0", "dense_0"}


def test_the_gradient_of_the_input_alone() -> None:
    net = fnn.Sequential([fnn.DepthwiseConv2D(3), fnn.Flatten()], input_shape=(6, 6, 20)).compile("sgd", "mse")
    x, dy = normal(3, 6, 6, 20), normal(3, 4 * 4 * 20)
    results = []
    for parameters in (True, False):
        net.zero_grad()
        net.forward(x, training=True)
        results.append(net.backward(dy, parameters=parameters))
        assert all(view.any() == parameters for view in net.gradients.values())
    assert_same_bits(*results)


BAD = [
    ({"kernel": 0}, (8, 8, 3), "DepthwiseConv2D: kernel must be an integer from 1"),
    ({"strides": 0}, (8, 8, 3), "strides must be an integer from 1"),
    ({"dilation": (1, 0)}, (8, 8, 3), r"dilation\[1\] must be an integer from 1"),
    ({"multiplier": 0}, (8, 8, 3), "DepthwiseConv2D: multiplier must be an integer from 1"),
    ({"kernel": (3, 3, 3)}, (8, 8, 3), "kernel must be an integer, or 2 of them"),
    ({"padding": "full"}, (8, 8, 3), "unknown DepthwiseConv2D: padding 'full'"),
    ({"padding": -1}, (8, 8, 3), "padding must be an integer from 0"),
    ({"padding": 3}, (8, 8, 3), "padding of the height must be less than the window, 3, got 3"),
    ({"padding": 2**40}, (8, 8, 3), "padding must be an integer from 0"),
    ({"activation": "no"}, (8, 8, 3), "unknown activation 'no'"),
    ({"l2": -1}, (8, 8, 3), "DepthwiseConv2D: l2 must be"),
    ({"kernel": 9}, (8, 20, 3), r"expected input \(batch, height >= 9, width, channels\), got \(batch, 8, 20, 3\)"),
    ({"dilation": 4}, (20, 8, 3), "width >= 9"),
    ({}, (28, 28), r"the channels are missing: x\[..., None\] adds one"),
    ({}, (3, 32, 32), r"channels come last: x.transpose\(0, 2, 3, 1\)"),
    ({}, (8, 8, 3, 3), r"expected input \(batch, height, width, channels\)"),
    ({"kernel": 1, "multiplier": 2**30}, (32, 32, 1), "more than"),
]


@pytest.mark.parametrize(("settings", "shape", "message"), BAD)
def test_bad_settings(settings: dict, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fnn.Sequential([fnn.DepthwiseConv2D(**{"kernel": 3, **settings})], input_shape=shape)


def test_bad_settings_of_separable() -> None:
    for settings in ({"filters": 0}, {"strides": 0}, {"multiplier": 0}, {"activation": "no"}):
        with pytest.raises(ValueError, match=r"must be an integer from 1|unknown activation"):
            fnn.SeparableConv2D(**{"filters": 4, "kernel": 3, **settings})


def test_bad_shapes_of_ops() -> None:
    x, weight, y, rows = Tensor((2, 5 * 5 * 3)), Tensor((3, 3, 3, 2)), Tensor((2, 3 * 3 * 6)), Axis(5, 3)
    with pytest.raises(ValueError, match=r"Depthwise\(.*shapes \(3, 3, 3, 2\), \(2, 75\), \(2, 54\), \(3,\), None"):
        Depthwise(x, weight, Tensor((3,)), y, rows, rows)
    for wrong in (Tensor((3, 3, 6)), Tensor((3, 3, 6, 1)), Tensor((2, 3, 3, 2))):
        with pytest.raises(ValueError, match="do not fit"):
            Depthwise(x, wrong, None, y, rows, rows)
    with pytest.raises(ValueError, match="do not fit"):
        Depthwise(x, weight, None, y, rows, Axis(5, 3, 2))
    with pytest.raises(ValueError, match="the derivative of relu is computed from y"):
        Depthwise(x, weight, None, y, rows, rows, "relu", y)
    with pytest.raises(ValueError, match=r"DepthwiseGradient\(.*do not fit"):
        DepthwiseGradient(x, weight, y, None, weight, Tensor((3,)), rows, rows)
    with pytest.raises(ValueError, match="dbias needs dweight"):
        DepthwiseGradient(x, weight, y, x, None, Tensor((6,)), rows, rows)


def test_agrees_with_pytorch() -> None:
    """Values and gradients of layers of random sizes, strides, paddings, dilations and multipliers."""
    torch = pytest.importorskip("torch", reason="PyTorch is an oracle of this test")
    functional, random = torch.nn.functional, generator(6)
    for case in range(500):
        rows, columns = (near(random), near(random)) if case % 4 == 0 else (axis(random), axis(random))
        channels, multiplier = int(random.integers(1, 40)), int(random.choice([1, 1, 2, 3]))
        settings = [tuple(getattr(a, name) for a in (rows, columns)) for name in ("kernel", "stride", "dilation")]
        pads = tuple((a.before, a.after) for a in (rows, columns))
        layer = fnn.DepthwiseConv2D(settings[0], settings[1], pads, settings[2], multiplier)
        net = fnn.Sequential(
            [fnn.Activation("tanh"), layer], input_shape=(rows.size, columns.size, channels), seed=case
        )
        net.compile("sgd", "mse")
        x = normal(2, rows.size, columns.size, channels)
        y = net.forward(x, training=True).copy()
        dy = normal(*y.shape)
        dx = net.backward(dy)
        given = [torch.tensor(np.array(a, np.float64), requires_grad=True) for a in (x, *net.weights.values())]
        h, weight, bias = torch.tanh(given[0]).permute(0, 3, 1, 2), given[1].permute(2, 3, 0, 1), given[2]
        kernel = weight.reshape(channels * multiplier, 1, *settings[0])
        padded = functional.pad(h, (*pads[1], *pads[0]))
        z = functional.conv2d(padded, kernel, bias, settings[1], 0, settings[2], channels).permute(0, 2, 3, 1)
        z.backward(torch.tensor(dy.astype(np.float64)))
        assert_close(y, z.detach().numpy(), tolerance=TOLERANCE)
        for ours, theirs in zip((dx, *net.gradients.values()), given, strict=True):
            assert_close(ours, theirs.grad.numpy(), tolerance=TOLERANCE)
