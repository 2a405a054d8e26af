"""Borders: the op against its twin, and the layers in networks."""

from pathlib import Path

import numpy as np
import pytest

import fastnn as fnn
import reference_pictures as twin
from check import assert_same_bits, assert_same_on_threads, empty, normal, run, tensor, written
from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor
from fastnn.kernels import Pad
from fastnn.kernels.axis import Axis
from networks import blobs

#: Borders added and cut off, both at once, and none.
AXES = [
    (Axis(3, before=1, after=2), Axis(4, before=3)),
    (Axis(5, before=-2, after=-1), Axis(4, after=-3)),
    (Axis(4, before=-3, after=5), Axis(3, before=2, after=-2)),
    (Axis(2, before=4, after=-3), Axis(5, before=-5, after=3)),
    (Axis(3), Axis(2)),
]
#: Elements of y enough for two threads, and for four.
TWO, FOUR = 150_000, 300_000


@pytest.mark.parametrize("axes", AXES, ids=str)
def test_op(num_threads: int, axes: tuple[Axis, Axis]) -> None:
    rows, columns = axes
    for channels in (1, 3, 8, 20):
        batch = 2 if num_threads == 1 else TWO // (rows.output * columns.output * channels) + 1
        x, capacity = normal(batch, rows.size, columns.size, channels), batch + channels % 3
        y = empty(capacity, rows.output, columns.output, channels)
        run(Pad(tensor(x, capacity), y, *axes), y, rows=batch)
        np.testing.assert_array_equal(written(y, batch), twin.Pad(x, *axes))


def test_same_bits_on_threads() -> None:
    axes = Axis(9, before=1, after=1), Axis(7, before=-1, after=2)
    x = normal(FOUR // 880 + 1, 9, 7, 10)

    def pad() -> tuple[Op, ...]:
        y = empty(len(x), 11, 8, 10)
        return Pad(tensor(x), y, *axes), y

    assert_same_on_threads(pad)


@pytest.mark.parametrize(
    ("layer", "height", "width"),
    [
        (fnn.ZeroPad2D(1), slice(1, 5), slice(1, 6)),
        (fnn.ZeroPad2D((0, 2)), slice(0, 4), slice(2, 7)),
        (fnn.ZeroPad2D(((3, 0), (1, 2))), slice(3, 7), slice(1, 6)),
        (fnn.Crop2D(1), slice(1, 3), slice(1, 4)),
        (fnn.Crop2D((0, 2)), slice(0, 4), slice(2, 3)),
        (fnn.Crop2D(((3, 0), (1, 2))), slice(3, 4), slice(1, 3)),
    ],
    ids=repr,
)
def test_in_a_network(layer: fnn.Layer, height: slice, width: slice, tmp_path: Path) -> None:
    """Where the pixels go; gradients by finite differences; the same in a file and frozen."""
    layers = [fnn.Dense(60, activation="gelu"), fnn.Reshape((4, 5, 3)), layer, fnn.Flatten(), fnn.Dense(3)]
    net = fnn.Sequential(layers, input_shape=(4,), seed=0).compile("adam", "cross_entropy")
    x, y = blobs(12)
    fnn.check_gradients(net, x, y)
    predicted = net.predict(x)
    net.save(tmp_path / "net.safetensors")
    again = fnn.load(tmp_path / "net.safetensors")
    assert repr(again.layers[2]) == repr(layer)
    assert_same_bits(again.predict(x), predicted)
    assert_same_bits(net.freeze(len(x))(x), predicted)
    pictures = normal(6, 4, 5, 3)
    given = fnn.Sequential([layer], input_shape=(4, 5, 3)).predict(pictures)
    expected = np.zeros_like(given)
    if isinstance(layer, fnn.ZeroPad2D):
        expected[:, height, width] = pictures
    else:
        expected[...] = pictures[:, height, width]
    assert_same_bits(given, expected)


def test_a_u_shape() -> None:
    """Down, up, and joined with the original: sizes that do not halve are cropped or padded."""
    x = fnn.Input((4,))
    h = fnn.Reshape((5, 5, 2))(fnn.Dense(50, activation="tanh")(x))
    up = fnn.UpSample2D(2, "bilinear")(fnn.MaxPool2D()(h))
    joined = fnn.Concatenate()([fnn.Crop2D(((0, 1), (1, 0)))(h), up])
    padded = fnn.Add()([fnn.ZeroPad2D(((1, 0), (0, 1)))(up), h])
    outputs = fnn.Concatenate()([fnn.Flatten()(joined), fnn.Flatten()(padded)])
    net = fnn.Network(x, fnn.Dense(3)(outputs), seed=0).compile("adam", "cross_entropy")
    x_train, y = blobs(40)
    fnn.check_gradients(net, x_train[:12], y[:12])
    before = net.evaluate(x_train, y)["loss"]
    net.fit(x_train, y, 16, epochs=5, verbose=0)
    assert net.evaluate(x_train, y)["loss"] < before


def test_bad_input() -> None:
    for layer, name in ((fnn.ZeroPad2D, "ZeroPad2D: padding"), (fnn.Crop2D, "Crop2D: cropping")):
        for wrong in (-1, (0, -1), ((0, 1), (-2, 0)), 2**31, (1, 2, 3), ((1, 2, 3), 0)):
            with pytest.raises(ValueError, match=f"{name}.* must be an integer"):
                layer(wrong)
        for wrong in (1.5, None, ("a", "b"), (1, 2.0)):
            with pytest.raises(TypeError, match=f"{name}.* must be an integer"):
                layer(wrong)
        with pytest.raises(ValueError, match=f"{name} must be an integer, or 2 of them or of pairs, got 'same'"):
            layer("same")
        with pytest.raises(ValueError, match=r"expected input \(batch, height, width, channels\), got \(batch, 28\)"):
            fnn.Sequential([layer(1)], input_shape=(28,))
    with pytest.raises(
        ValueError, match=r"Crop2D\(.*\): expected input \(batch, height > 6, width > 2, channels\), got"
    ):
        fnn.Sequential([fnn.Crop2D((3, 1))], input_shape=(6, 9, 1))
    with pytest.raises(ValueError, match=r"ZeroPad2D\(.*\): the output .* elements, more than"):
        fnn.Sequential([fnn.ZeroPad2D(30_000)], input_shape=(6, 9, 1))


def test_arguments_are_checked() -> None:
    axes = Axis(2, before=1), Axis(3)
    for x, y in (((4, 6), (4, 8)), ((4, 7), (4, 9)), ((4, 6), (3, 9)), ((4, 0), (4, 0))):
        with pytest.raises(ValueError, match=r"Pad: shapes .* do not fit Axis"):
            Pad(Tensor(x), Tensor(y), *axes)
    for axis in (Axis(3, 2), Axis(3, before=-4), Axis(0), Axis(3, stride=2)):
        with pytest.raises(ValueError, match=r"Pad: shapes .* do not fit Axis"):
            Pad(Tensor((4, 6)), Tensor((4, 6)), Axis(2), axis)
