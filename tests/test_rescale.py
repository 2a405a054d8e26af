"""Rescale and Reshape: another scale, and another shape."""

import copy

import numpy as np
import pytest

import fastnn as fnn
import reference_layers
from check import TAILS, assert_close, assert_same_on_threads, empty, normal, run, tensor, written
from fastnn.engine.tensor import Tensor
from fastnn.kernels import Rescale
from networks import blobs


def test_op(isa: str, num_threads: int) -> None:
    for columns in TAILS:
        rows = 3 if num_threads == 1 else 50_000 // columns
        x, y = normal(rows, columns), empty(rows + columns % 3, columns)
        run(Rescale(tensor(x, y.rows), y, scale=-1.5, offset=0.25), y, rows=rows)
        expected = reference_layers.Rescale(x, scale=-1.5, offset=0.25)
        assert_close(written(y, rows), expected, np.abs(1.5 * x) + 0.25, 1.2e-7)


def test_same_bits_on_threads(isa: str) -> None:
    def build() -> tuple[Rescale, Tensor]:
        y = empty(100_005)
        return Rescale(tensor(normal(100_005)), y, scale=0.3, offset=2), y

    assert_same_on_threads(build)


def test_in_a_network() -> None:
    layers = [fnn.Rescale(1 / 255), fnn.Flatten(), fnn.Dense(4, activation="tanh"), fnn.Rescale(3, -1), fnn.Dense(3)]
    net = fnn.Sequential(layers, input_shape=(2, 2), seed=0).compile("adam", "cross_entropy")
    x = np.random.default_rng(0).integers(0, 256, (30, 2, 2), np.uint8)
    y = blobs(30)[1]
    w = {name: view.astype(np.float64) for name, view in net.weights.items()}
    h = 3 * np.tanh(x.reshape(30, 4) / 255 @ w["dense_0.weight"]) - 1
    np.testing.assert_allclose(net.predict(x), h @ w["dense_1.weight"], rtol=1e-4, atol=1e-6)
    fnn.check_gradients(net, x.astype(np.float32), y)
    for wrong in (np.nan, np.inf):
        with pytest.raises(ValueError, match="Rescale: offset must be a number"):
            fnn.Rescale(1, wrong)
    with pytest.raises(TypeError, match="Rescale: scale must be a number"):
        fnn.Rescale("1/255")


@pytest.mark.parametrize(
    ("shape", "features", "wanted"),
    [((6,), (2, 3), (6,)), ((3, -1), (2, 6), (3, 4)), ((-1,), (2, 3), (6,)), ([2, 1, -1], (4,), (2, 1, 2))],
)
def test_reshape(shape: tuple[int, ...], features: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    net = fnn.Sequential([fnn.Reshape(shape)], input_shape=features)
    x = normal(5, *features)
    np.testing.assert_array_equal(net.predict(x), x.reshape(5, *wanted))
    np.testing.assert_array_equal(copy.deepcopy(net).predict(x), x.reshape(5, *wanted))


def test_reshape_is_checked() -> None:
    for shape, message in (
        ((4, 2), r"Reshape\(\(4, 2\)\): expected input of 8 elements, got \(batch, 2, 3\); it has 6"),
        ((4, -1), r"Reshape\(\(4, -1\)\): expected input of a multiple of 4 elements, got \(batch, 2, 3\)"),
    ):
        with pytest.raises(ValueError, match=message):
            fnn.Sequential([fnn.Reshape(shape)], input_shape=(2, 3))
    for wrong in ((-1, -1), (0,), (2, -2), (), 3.5, "ab", (2.5,)):
        with pytest.raises((TypeError, ValueError), match="Reshape: shape"):
            fnn.Reshape(wrong)
