"""Maxout: the ops against their twins, and the layer in a network."""

import numpy as np
import pytest

import fastnn as fnn
import reference_layers
from check import TAILS, assert_same_bits, assert_same_on_threads, empty, normal, run, tensor, written
from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor
from fastnn.kernels import Maxout, MaxoutGradient
from networks import blobs

TWO, FOUR = 100_000, 200_000  # elements enough for two threads, and for four


def test_ops(isa: str, num_threads: int) -> None:
    for units in TAILS:
        pieces = 1 + units % 4
        rows = 5 if num_threads == 1 else TWO // (pieces * units) + 1
        capacity = rows + units % 3
        z, dy = normal(rows, pieces * units), normal(rows, units, start=1)
        y, dz = empty(capacity, units), empty(capacity, pieces * units)
        run(Maxout(tensor(z, capacity), y), y, rows=rows)
        expected = reference_layers.Maxout(z, units).astype(np.float32)
        assert_same_bits(written(y, rows), expected)
        op = MaxoutGradient(tensor(z, capacity), tensor(expected, capacity), tensor(dy, capacity), dz)
        run(op, dz, rows=rows)
        np.testing.assert_array_equal(written(dz, rows), reference_layers.MaxoutGradient(z, dy))


def test_equal_pieces_share_nothing(isa: str) -> None:
    """The first of them gets it all, as PyTorch's max does."""
    z, dy, dz = np.ones((2, 9)), normal(2, 3), empty(2, 9)
    run(MaxoutGradient(tensor(z), tensor(np.ones((2, 3))), tensor(dy), dz), dz)
    np.testing.assert_array_equal(dz.array, np.concatenate([dy, np.zeros((2, 6))], axis=1))


def test_a_nan_comes_through(isa: str) -> None:
    for piece in range(3):
        z, y = normal(4, 30).copy(), empty(4, 10)
        z[2, 10 * piece + 4] = np.nan
        run(Maxout(tensor(z), y), y)
        assert np.flatnonzero(np.isnan(y.array)).tolist() == [24]


def test_same_bits_on_threads(isa: str) -> None:
    rows = FOUR // 60
    z, dy = normal(rows, 60), normal(rows, 20)

    def forward() -> tuple[Op, ...]:
        y = empty(rows, 20)
        return Maxout(tensor(z), y), y

    def gradient() -> tuple[Op, ...]:
        dz = empty(rows, 60)
        return MaxoutGradient(tensor(z), tensor(reference_layers.Maxout(z, 20)), tensor(dy), dz), dz

    assert_same_on_threads(forward)
    assert_same_on_threads(gradient)


def test_in_a_network() -> None:
    layers = [fnn.Dense(5, activation="tanh"), fnn.Maxout(4, 3), fnn.Dense(3)]
    net = fnn.Sequential(layers, input_shape=(4,), seed=0).compile("adam", "cross_entropy")
    x, y = blobs()
    fnn.check_gradients(net, x, y)
    before = net.evaluate(x, y)["loss"]
    net.fit(x, y, 16, epochs=10, verbose=0)
    assert net.evaluate(x, y)["loss"] < before
    w = {name: view.astype(np.float64) for name, view in net.weights.items()}
    h = np.tanh(x @ w["dense_0.weight"] + w["dense_0.bias"])
    h = (h @ w["maxout_0.weight"] + w["maxout_0.bias"]).reshape(-1, 3, 4).max(axis=1)
    np.testing.assert_allclose(net.predict(x), h @ w["dense_1.weight"] + w["dense_1.bias"], rtol=1e-4, atol=1e-5)
    assert_same_bits(net.freeze(len(x))(x), net.predict(x))


def test_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match=r"Maxout\(z, y\): shapes \(4, 7\), \(4, 3\), \(4, 7\) do not fit"):
        Maxout(Tensor((4, 7)), Tensor((4, 3)))
    with pytest.raises(ValueError, match=r"MaxoutGradient\(z, y, dy, dz\): shapes .* do not fit"):
        MaxoutGradient(Tensor((4, 6)), Tensor((4, 3)), Tensor((4, 2)), Tensor((4, 6)))
    for wrong in ({"units": 0, "pieces": 2}, {"units": 2, "pieces": 0}):
        with pytest.raises(ValueError, match=r"Maxout: .* must be an integer from 1"):
            fnn.Maxout(**wrong)
    with pytest.raises(ValueError, match="unknown initializer 'no'"):
        fnn.Maxout(2, 2, "no")
    with pytest.raises(ValueError, match=r"Maxout\(2\): expected input \(batch, features\), got \(batch, 3, 4\)"):
        fnn.Sequential([fnn.Maxout(2, 2)], input_shape=(3, 4))
