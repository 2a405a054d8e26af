"""Larger images: the ops against their twins, and the layer in networks."""

import numpy as np
import pytest

import fastnn as fnn
import reference_pictures as twin
from check import assert_close, assert_same_bits, assert_same_on_threads, empty, normal, run, tensor, written
from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor
from fastnn.kernels import Bilinear, BilinearGradient
from networks import blobs

CHANNELS = [*range(1, 21), 33, 64, 67]
#: Pictures, and how many times as large they become.
SIZES = [((3, 4), (2, 2)), ((4, 3), (3, 1)), ((1, 5), (2, 4)), ((2, 2), (5, 3)), ((1, 1), (3, 2))]
#: Elements of y enough for two threads, and for four.
TWO, FOUR = 20_000, 40_000


def batch_of(picture: tuple[int, int], scale: tuple[int, int], channels: int, num_threads: int) -> int:
    return 2 if num_threads == 1 else TWO // int(np.prod([*picture, *scale, channels])) + 1


@pytest.mark.parametrize(("picture", "scale"), SIZES, ids=str)
def test_ops(isa: str, num_threads: int, picture: tuple[int, int], scale: tuple[int, int]) -> None:
    (height, width), (down, across) = picture, scale
    for channels in CHANNELS:
        batch = batch_of(picture, scale, channels, num_threads)
        capacity = batch + channels % 3
        x, dy = normal(batch, *picture, channels), normal(batch, height * down, width * across, channels, start=1)
        y, dx = empty(capacity, *dy.shape[1:]), empty(capacity, *x.shape[1:])
        run(Bilinear(tensor(x, capacity), y, picture, scale), y, rows=batch)
        assert_close(written(y, batch), twin.Bilinear(x, scale), tolerance=3e-7)
        run(BilinearGradient(tensor(dy, capacity), dx, picture, scale), dx, rows=batch)
        assert_close(written(dx, batch), twin.BilinearGradient(dy, scale), tolerance=1e-6)


def test_same_bits_on_threads(isa: str) -> None:
    picture, scale, channels = (5, 7), (2, 3), 20
    batch = FOUR // (35 * channels) + 1
    x, dy = normal(batch, *picture, channels), normal(batch, 10, 21, channels)

    def forward() -> tuple[Op, ...]:
        y = empty(*dy.shape)
        return Bilinear(tensor(x), y, picture, scale), y

    def gradient() -> tuple[Op, ...]:
        dx = empty(*x.shape)
        return BilinearGradient(tensor(dy), dx, picture, scale), dx

    assert_same_on_threads(forward)
    assert_same_on_threads(gradient)


def test_infinities_and_nans_stay_where_they_are(isa: str) -> None:
    """What has no share of an output does not reach it: beyond the centres, and on them where the size is odd."""
    for value in (np.inf, np.nan):
        x = normal(1, 3, 3, 5).copy()
        x[0, 1, 1, 2] = value
        y = empty(1, 9, 9, 5)
        run(Bilinear(tensor(x), y, (3, 3), (3, 3)), y)
        reached = np.argwhere(~np.isfinite(y.array))
        assert {tuple(place) for place in reached[:, 1:3]} == {(i, j) for i in range(2, 7) for j in range(2, 7)}
        assert (reached[:, 3] == 2).all()


@pytest.mark.parametrize("size", [2, (1, 3), (5, 2)])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
def test_in_a_network(interpolation: str, size: int | tuple[int, int]) -> None:
    """Its values, its gradients by finite differences, and the same bits alone, in a batch and frozen."""
    layer = fnn.UpSample2D(size, interpolation)
    layers = [fnn.Dense(24, activation="silu"), fnn.Reshape((2, 4, 3)), layer, fnn.Flatten(), fnn.Dense(3)]
    net = fnn.Sequential(layers, input_shape=(4,), seed=0).compile("adam", "cross_entropy")
    x, y = blobs(12)
    fnn.check_gradients(net, x, y)
    predicted = net.predict(x)
    assert_same_bits(np.concatenate([net.predict(row[None]) for row in x]), predicted)
    assert_same_bits(net.freeze(len(x))(x), predicted)
    pictures, (down, across) = normal(5, 3, 4, 6), (size, size) if isinstance(size, int) else size
    given = fnn.Sequential([layer], input_shape=pictures.shape[1:]).predict(pictures)
    if interpolation == "nearest":
        assert_same_bits(given, pictures.repeat(down, axis=1).repeat(across, axis=2))
    else:
        assert_close(given, twin.Bilinear(pictures, (down, across)))


def test_bad_input() -> None:
    for wrong in (0, -1, (2, 0), (1, 2, 3)):
        with pytest.raises(ValueError, match=r"UpSample2D: size.* must be an integer"):
            fnn.UpSample2D(wrong)
    with pytest.raises(TypeError, match=r"UpSample2D: size must be an integer, got 1.5"):
        fnn.UpSample2D(1.5)
    with pytest.raises(ValueError, match="unknown interpolation 'cubic'; known: nearest, bilinear"):
        fnn.UpSample2D(2, "cubic")
    with pytest.raises(ValueError, match=r"expected input \(batch, height, width, channels\), got \(batch, 28, 28\)"):
        fnn.Sequential([fnn.UpSample2D()], input_shape=(28, 28))
    with pytest.raises(ValueError, match=r"UpSample2D\(30000\): the output .* elements, more than"):
        fnn.Sequential([fnn.UpSample2D(30_000)], input_shape=(28, 28, 1))
    for wrong_shape in ((2, 2, 3, 4), (3, 4, 6, 4), (2, 4, 6, 5), (2, 0)):
        with pytest.raises(ValueError, match=r"Bilinear\(x, y\): shapes .* do not fit images \(2, 3\)"):
            Bilinear(Tensor((2, 2, 3, 4)), Tensor(wrong_shape), (2, 3), (2, 2))
    with pytest.raises(ValueError, match=r"BilinearGradient\(dx, dy\): shapes .* do not fit images \(0, 3\)"):
        BilinearGradient(Tensor((2, 4)), Tensor((2, 4)), (0, 3), (1, 1))
