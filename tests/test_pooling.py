"""Pooling: the ops against their twins and PyTorch, and the layers in networks."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import fastnn as fnn
import reference_pictures as twin
from check import assert_close, assert_same_bits, assert_same_on_threads, empty, generator, normal, run, tensor, written
from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor
from fastnn.kernels import ActivationGradient, AveragePool, AveragePoolGradient, MaxPool, MaxPoolGradient
from fastnn.kernels.axis import Axis
from networks import blobs

CHANNELS = [*range(1, 21), 33, 64, 67]
#: Windows apart, side by side, across each other, cut off by the border, with gaps, and over all.
AXES = [
    (Axis(6, 2, 2), Axis(7, 2, 2)),
    (Axis(5, 3, 2, before=1, after=1), Axis(8, 3, 2, before=1, after=1)),
    (Axis(4, 3, 1, before=2, after=2), Axis(5, 2, 1, before=1)),
    (Axis(7, 2, 3), Axis(6, 1, 4)),
    (Axis(1), Axis(9, 4, 3, before=3, after=1)),
    (Axis(5, 5), Axis(4, 4)),
]
#: Elements of x enough for two threads, and for four.
TWO, FOUR = 150_000, 300_000
IDS = [f"{rows.size}x{columns.size}" for rows, columns in AXES]


def pictures(batch: int, rows: Axis, columns: Axis, channels: int, start: int = 0) -> np.ndarray:
    return normal(batch, rows.size, columns.size, channels, start=start)


def outputs(batch: int, rows: Axis, columns: Axis, channels: int) -> np.ndarray:
    return normal(batch, rows.output, columns.output, channels, start=1)


def batch_of(rows: Axis, columns: Axis, channels: int, num_threads: int) -> int:
    return 2 if num_threads == 1 else TWO // (rows.size * columns.size * channels) + 1


@pytest.mark.parametrize("axes", AXES, ids=IDS)
def test_max(isa: str, num_threads: int, axes: tuple[Axis, Axis]) -> None:
    for channels in CHANNELS if num_threads == 1 else [33]:
        batch = batch_of(*axes, channels, num_threads)
        x, dy, capacity = pictures(batch, *axes, channels), outputs(batch, *axes, channels), batch + channels % 3
        y, place = empty(capacity, *dy.shape[1:]), empty(capacity, *dy.shape[1:], dtype="uint8")
        run(MaxPool(tensor(x, capacity), y, *axes, place), y, place, rows=batch)
        expected, places = twin.MaxPool(x, *axes)
        np.testing.assert_array_equal(written(y, batch), expected)
        np.testing.assert_array_equal(written(place, batch), places)
        alone, dx = empty(capacity, *dy.shape[1:]), empty(capacity, *x.shape[1:])
        run(MaxPool(tensor(x, capacity), alone, *axes), alone, rows=batch)
        assert_same_bits(alone.array, y.array)
        op = MaxPoolGradient(tensor(places, capacity, "uint8"), tensor(dy, capacity), dx, *axes)
        run(op, dx, rows=batch)
        assert_close(written(dx, batch), twin.MaxPoolGradient(places, dy, *axes))


@pytest.mark.parametrize("mean", [True, False])
@pytest.mark.parametrize("axes", AXES, ids=IDS)
def test_average(isa: str, num_threads: int, axes: tuple[Axis, Axis], mean: bool) -> None:
    for channels in CHANNELS if num_threads == 1 else [33]:
        batch = batch_of(*axes, channels, num_threads)
        x, dy, capacity = pictures(batch, *axes, channels), outputs(batch, *axes, channels), batch + channels % 3
        y, dx = empty(capacity, *dy.shape[1:]), empty(capacity, *x.shape[1:])
        run(AveragePool(tensor(x, capacity), y, *axes, mean=mean), y, rows=batch)
        assert_close(written(y, batch), twin.AveragePool(x, *axes, mean=mean), tolerance=1e-7)
        run(AveragePoolGradient(tensor(dy, capacity), dx, *axes, mean=mean), dx, rows=batch)
        assert_close(written(dx, batch), twin.AveragePoolGradient(dy, *axes, mean=mean), tolerance=5e-7)


def test_the_first_of_equals_is_the_place(isa: str) -> None:
    """Also where all are -infinity, next to padding, which is treated as -infinity too."""
    axes = Axis(5, 3, 2, before=1, after=1), Axis(5, 3, 2, before=1, after=1)
    for value in (0, -np.inf):
        for channels in (3, 32):
            x = np.full((1, 5, 5, channels), value, np.float32)
            y, place = empty(1, 3, 3, channels), empty(1, 3, 3, channels, dtype="uint8")
            run(MaxPool(tensor(x), y, *axes, place), y, place)
            assert (y.array == value).all()
            assert (place.array[0, :, :, -1] == [[4, 3, 3], [1, 0, 0], [1, 0, 0]]).all()


def test_a_nan_comes_through(isa: str) -> None:
    """To the windows that see it, and no other; and its gradient comes back to it."""
    axes = Axis(4, 2, 2), Axis(6, 3, 3)
    for channels in (5, 40):
        for place in np.ndindex(4, 6):
            x = pictures(2, *axes, channels).copy()
            x[(1, *place, 4)] = np.nan
            y, at = empty(2, 2, 2, channels), empty(2, 2, 2, channels, dtype="uint8")
            run(MaxPool(tensor(x), y, *axes, at), y, at)
            assert np.argwhere(np.isnan(y.array)).tolist() == [[1, place[0] // 2, place[1] // 3, 4]]
            dx = empty(*x.shape)
            run(MaxPoolGradient(at, tensor(np.ones(y.shape)), dx, *axes), dx)
            assert dx.array[(1, *place, 4)] == 1 and dx.array.sum() == 8 * channels


@pytest.mark.parametrize("mean", [True, False])
def test_long_sums_keep_their_digits(isa: str, mean: bool) -> None:
    n = 300_000
    x = (normal(1, n, 2) + np.float32(100)).astype(np.float32)
    axes, y = (Axis(1), Axis(n, n)), empty(1, 2)
    run(AveragePool(tensor(x), y, *axes, mean=mean), y)
    assert_close(y.array[:, None, None], twin.AveragePool(x[:, None], *axes, mean=mean), tolerance=1e-7)


@pytest.mark.parametrize("axes", AXES[:3], ids=IDS[:3])
def test_same_bits_on_threads(isa: str, axes: tuple[Axis, Axis]) -> None:
    channels = 20
    batch = FOUR // (axes[0].size * axes[1].size * channels) + 1
    x, dy = pictures(batch, *axes, channels), outputs(batch, *axes, channels)
    places = twin.MaxPool(x, *axes)[1]

    def max_pool() -> tuple[Op, ...]:
        y, place = empty(*dy.shape), empty(*dy.shape, dtype="uint8")
        return MaxPool(tensor(x), y, *axes, place), y, place

    def max_pool_gradient() -> tuple[Op, ...]:
        dx = empty(*x.shape)
        return MaxPoolGradient(tensor(places, dtype="uint8"), tensor(dy), dx, *axes), dx

    def average_pool() -> tuple[Op, ...]:
        y = empty(*dy.shape)
        return AveragePool(tensor(x), y, *axes), y

    def average_pool_gradient() -> tuple[Op, ...]:
        dx = empty(*x.shape)
        return AveragePoolGradient(tensor(dy), dx, *axes), dx

    for build in (max_pool, max_pool_gradient, average_pool, average_pool_gradient):
        assert_same_on_threads(build)


def test_arguments_are_checked() -> None:
    axes = Axis(4, 2, 2), Axis(4, 2, 2)
    x, y = Tensor((3, 4, 4, 5)), Tensor((3, 2, 2, 5))
    for wrong in (Tensor((3, 4, 4, 4)), Tensor((2, 4, 4, 5)), Tensor((3, 15)), Tensor((3, 0))):
        with pytest.raises(ValueError, match=r"AveragePool\(x, y\): shapes .* do not fit Axis\(size=4, kernel=2"):
            AveragePool(wrong, y, *axes)
        with pytest.raises(ValueError, match=r"MaxPoolGradient\(dx, place, dy\): shapes .* do not fit"):
            MaxPoolGradient(Tensor((3, 20), "uint8"), y, wrong, *axes)
    settings: dict[str, dict[str, int]] = {
        "padding of a window": {"before": 2},
        "less than nothing": {"after": -1},
        "a large window": {"kernel": 5},
        "no window": {"kernel": 0},
        "no step": {"stride": 0},
        "gaps": {"dilation": 2},
        "no picture": {"size": 0},
    }
    for wrong in settings.values():
        axis = Axis(**{"size": 4, "kernel": 2, "stride": 2, **wrong})
        windows = axis.output if axis.stride else 2
        with pytest.raises(ValueError, match="do not fit"):
            AveragePool(x, Tensor((3, 2 * max(1, windows) * 5)), Axis(4, 2, 2), axis)
    with pytest.raises(TypeError, match="MaxPool: expected a uint8 place"):
        MaxPool(x, y, *axes, Tensor((3, 2, 2, 5)))
    with pytest.raises(ValueError, match=r"places need windows of at most 256, not 1 x 257"):
        MaxPool(Tensor((3, 257)), Tensor((3, 1)), Axis(1), Axis(257, 257), Tensor((3, 1), "uint8"))


def data(*features: int, samples: int = 12, seed: int = 0) -> np.ndarray:
    return generator(seed, *features).standard_normal((samples, *features)).astype(np.float32)


#: A layer, the shape that it takes, and what it makes of it.
LAYERS: dict[str, tuple[fnn.Layer, tuple[int, ...], tuple[int, ...]]] = {
    "halves": (fnn.MaxPool2D(), (6, 7, 3), (3, 3, 3)),
    "same": (fnn.MaxPool2D(3, 2, "same"), (6, 7, 3), (3, 4, 3)),
    "across": (fnn.MaxPool2D((3, 2), 1, 1), (5, 4, 2), (5, 5, 2)),
    "gaps": (fnn.MaxPool2D(2, (3, 4), ((0, 1), (1, 0))), (6, 6, 3), (2, 2, 3)),
    "sequence": (fnn.MaxPool1D(3, 2, "same"), (9, 4), (5, 4)),
    "mean": (fnn.AvgPool2D(), (6, 7, 3), (3, 3, 3)),
    "mean, same": (fnn.AvgPool2D(3, 2, "same"), (6, 7, 3), (3, 4, 3)),
    "mean, across": (fnn.AvgPool2D((3, 2), 1, 1), (5, 4, 2), (5, 5, 2)),
    "mean of a sequence": (fnn.AvgPool1D(4, 3, ((2, 1),)), (9, 4), (3, 4)),
    "all": (fnn.GlobalMaxPool(), (4, 5, 3), (3,)),
    "all, mean": (fnn.GlobalAvgPool(), (4, 5, 3), (3,)),
    "all of a sequence": (fnn.GlobalMaxPool(), (7, 3), (3,)),
    "all of a film": (fnn.GlobalAvgPool(), (2, 3, 4, 2), (2,)),
}


def network(layer: fnn.Layer, shape: tuple[int, ...], activation: str = "tanh") -> fnn.Sequential:
    """4 -> images of this shape -> the layer -> 3."""
    made = [fnn.Dense(math.prod(shape), activation=activation), fnn.Reshape(shape)]
    net = fnn.Sequential([*made, layer, fnn.Flatten(), fnn.Dense(3)], input_shape=(4,), seed=0)
    return net.compile("adam", "cross_entropy")


@pytest.mark.parametrize("activation", ["identity", "tanh", "silu"])
@pytest.mark.parametrize("name", LAYERS)
def test_gradients(name: str, activation: str) -> None:
    """By finite differences: the derivative before it comes from the output, from the input, or is 1."""
    layer, shape, output = LAYERS[name]
    assert layer.output(shape) == output
    fnn.check_gradients(network(layer, shape, activation), *blobs(12))


@pytest.mark.parametrize("name", LAYERS)
def test_in_a_network(name: str, tmp_path: Path) -> None:
    """It trains, batches of any size predict the same bits, and so do a file and what is frozen."""
    layer, shape, _ = LAYERS[name]
    net, (x, y) = network(layer, shape), blobs(50)
    before = net.evaluate(x, y)["loss"]
    net.fit(x, y, 16, epochs=5, verbose=0)
    assert net.evaluate(x, y)["loss"] < before
    predicted = net.predict(x)
    assert_same_bits(np.concatenate([net.predict(row[None]) for row in x]), predicted)
    net.save(tmp_path / "net.safetensors")
    again = fnn.load(tmp_path / "net.safetensors")
    assert repr(again.layers[2]) == repr(layer)
    assert_same_bits(again.predict(x), predicted)
    assert_same_bits(net.freeze(len(x))(x), predicted)


def test_in_two_branches() -> None:
    """What several layers take is forked; the derivative of its activation counts once."""
    x = fnn.Input((4,))
    h = fnn.Reshape((4, 4, 3))(fnn.Dense(48, activation="tanh")(x))
    parts = [fnn.MaxPool2D()(h), fnn.AvgPool2D()(h), fnn.MaxPool2D(3, 1)(h)]
    high, low = fnn.GlobalMaxPool()(parts[0]), fnn.GlobalMaxPool()(parts[0])
    joined = fnn.Concatenate()([*map(fnn.Flatten(), parts), high, low])
    net = fnn.Network(x, fnn.Dense(3)(joined), seed=0).compile("adam", "cross_entropy")
    fnn.check_gradients(net, *blobs(12))


@pytest.mark.parametrize("layer", [fnn.MaxPool2D(), fnn.AvgPool2D(), fnn.GlobalMaxPool()], ids=repr)
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_after_a_convolution(layer: fnn.Layer, activation: str) -> None:
    layers = [fnn.Conv2D(4, 3, padding="same", activation=activation), layer, fnn.Flatten(), fnn.Dense(3)]
    net = fnn.Sequential(layers, input_shape=(6, 6, 2), seed=0).compile("adam", "cross_entropy")
    fnn.check_gradients(net, data(6, 6, 2), np.arange(12) % 3)


def test_what_training_costs() -> None:
    """A byte for each window, where something before it is trained; derivatives are taken of fewer elements."""
    net = network(fnn.MaxPool2D(), (6, 6, 3))
    for training, trainable in ((False, True), (True, False), (True, True)):
        net.layers[0].trainable = trainable
        plan = net.compile("adam", "cross_entropy").plan(8, training=training)
        place = next(op for op in plan.ops if isinstance(op, MaxPool)).tensors[2]
        assert (place is not None) == (training and trainable)
    assert place.dtype == "uint8" and place.size == 8 * 27
    assert not any(isinstance(op, ActivationGradient) for op in plan.ops)


@pytest.mark.parametrize("layer", [fnn.GlobalMaxPool(), fnn.GlobalAvgPool(), fnn.MaxPool2D(4)], ids=repr)
def test_probabilities_stay_probabilities(layer: fnn.Layer) -> None:
    """A loss that wants logits refuses what pooling makes of others, as after other layers."""
    pooled = [fnn.Dense(48, activation="sigmoid"), fnn.Reshape((4, 4, 3)), layer, fnn.Flatten()]
    net = fnn.Sequential(pooled, input_shape=(4,))
    with pytest.raises(ValueError, match=r"must be sigmoid, .* got sigmoid followed by other layers"):
        net.compile("adam", "binary_cross_entropy").fit(data(4), np.zeros((12, 3)), verbose=0)


PICTURE, SEQUENCE = (8, 9, 3), (8, 3)
#: Settings that are refused, the error, and what it says.
BAD_SETTINGS: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "size 0": (lambda: fnn.MaxPool2D(0), ValueError, r"MaxPool2D: size must be an integer from 1"),
    "size -1": (lambda: fnn.AvgPool2D((2, -1)), ValueError, r"AvgPool2D: size\[1\] must be an integer from 1"),
    "size 2.0": (lambda: fnn.MaxPool2D(2.0), TypeError, "MaxPool2D: size must be an integer"),
    "three sizes": (lambda: fnn.MaxPool2D((2, 2, 2)), ValueError, "size must be an integer, or 2 of them"),
    "two sizes": (lambda: fnn.MaxPool1D((2, 2)), ValueError, "MaxPool1D: size must be an integer, or 1 of them"),
    "a large size": (lambda: fnn.MaxPool2D((2, 129)), ValueError, "at most 256 elements, not 258.*GlobalMaxPool"),
    "stride 0": (lambda: fnn.AvgPool1D(2, 0), ValueError, "AvgPool1D: strides must be an integer from 1"),
    "padding -1": (lambda: fnn.MaxPool2D(2, 2, -1), ValueError, "MaxPool2D: padding must be an integer from 0"),
    "padding -1 below": (lambda: fnn.MaxPool2D(2, 2, ((0, -1), 0)), ValueError, r"padding\[0\]\[1\] must be"),
    "unknown padding": (lambda: fnn.MaxPool2D(2, 2, "full"), ValueError, "padding 'full'; known: same, valid"),
    "huge padding": (lambda: fnn.AvgPool2D(2, 2, 2**31), ValueError, "padding must be an integer from 0 to"),
}
#: Layers and inputs that do not fit.
BAD_INPUT: dict[str, tuple[fnn.Layer, tuple[int, ...], str]] = {
    "a large window": (fnn.MaxPool2D((9, 2)), PICTURE, r"expected input \(batch, height >= 9, width, channels\)"),
    "a large padded window": (fnn.AvgPool2D(12, 1, 1), PICTURE, r"\(batch, height >= 10, width, channels\)"),
    "padding of a window": (fnn.AvgPool2D(2, 2, (0, 2)), PICTURE, "padding of the width must be less than .* got 2"),
    "no channels": (fnn.MaxPool2D(), (28, 28), r"got \(batch, 28, 28\); the channels are missing: .*x\[..., None\]"),
    "channels first": (fnn.AvgPool2D(), (3, 32, 32), r"channels come last: x.transpose\(0, 2, 3, 1\)"),
    "a sequence": (fnn.MaxPool2D(), (8,), r"expected input \(batch, height, width, channels\), got \(batch, 8\)"),
    "an image": (fnn.MaxPool1D(), PICTURE, r"expected input \(batch, time, channels\)"),
    "a long window": (fnn.AvgPool1D(9), SEQUENCE, r"expected input \(batch, time >= 9, channels\)"),
    "nothing to pool": (fnn.GlobalAvgPool(), (5,), r"GlobalAvgPool\(\): expected input \(batch, ..., channels\)"),
    "all of a huge border": (fnn.AvgPool2D(10**6, 1, 999_999), PICTURE, "the output .* has .* elements, more"),
}


@pytest.mark.parametrize("name", BAD_SETTINGS)
def test_settings_are_checked(name: str) -> None:
    make, error, message = BAD_SETTINGS[name]
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("name", BAD_INPUT)
def test_inputs_are_checked(name: str) -> None:
    layer, shape, message = BAD_INPUT[name]
    net = fnn.Sequential([layer])
    for call in (lambda: net.build(shape), lambda: net.predict(data(*shape))):
        with pytest.raises(ValueError, match=message):
            call()
        assert net.input_shape is None
