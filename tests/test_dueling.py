"""Dueling and its gradient against their twins, and the layer in networks."""

from pathlib import Path

import numpy as np
import pytest

import fastnn as fnn
import reference_layers as twins
from check import TAILS, assert_close, assert_same_on_threads, empty, normal, run, tensor, written
from fastnn.engine.tensor import Tensor
from fastnn.kernels import Dueling, DuelingGradient


def test_ops(isa: str, num_threads: int) -> None:
    for actions in TAILS:
        rows = 5 if num_threads == 1 else 40_000 // actions
        z, dy = normal(rows, 1 + actions), normal(rows, actions, start=1)
        y, dz = empty(rows + 2, actions), empty(rows + 2, 1 + actions)
        run(Dueling(tensor(z, y.rows), y), y, rows=rows)
        assert_close(written(y, rows), twins.Dueling(z))
        run(DuelingGradient(tensor(dy, y.rows), dz), dz, rows=rows)
        assert_close(written(dz, rows), twins.DuelingGradient(dy))


def test_same_bits_on_threads() -> None:
    def build() -> tuple[Dueling, Tensor]:
        y = empty(40_000, 3)
        return Dueling(tensor(normal(40_000, 4)), y), y

    assert_same_on_threads(build)


def test_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match=r"Dueling: value and advantages \(2, 3\) do not fit actions \(2, 3\)"):
        Dueling(Tensor((2, 3)), Tensor((2, 3)))
    with pytest.raises(ValueError, match="DuelingGradient: value and advantages"):
        DuelingGradient(Tensor((2, 3)), Tensor((2, 3)))
    with pytest.raises(ValueError, match="Dueling: actions must be an integer from 1"):
        fnn.Dueling(0)
    with pytest.raises(ValueError, match="unknown initializer"):
        fnn.Dueling(2, initializer="nothing")


@pytest.mark.parametrize("shape", [(4,), (3, 4)])
def test_in_a_network(shape: tuple[int, ...]) -> None:
    """As the layers that it replaces; in training, frozen, and from a file."""
    net = fnn.Sequential([fnn.Dense(6, "tanh"), fnn.Dueling(3)], input_shape=shape, seed=0).compile("sgd", "mse")
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((8, *shape)).astype(np.float32), rng.standard_normal((8, *shape[:-1], 3))
    fnn.check_gradients(net, x, y)
    symbol = fnn.Input(shape)
    both = fnn.Dense(4)(fnn.Dense(6, "tanh")(symbol))
    value, advantage = fnn.Slice(0, 1)(both), fnn.Slice(1)(both)
    parts = fnn.Network(symbol, fnn.Add()([value, fnn.Subtract()([advantage, fnn.Mean()(advantage)])]))
    for name, own in zip(parts.weights, net.weights.values(), strict=True):
        parts.weights[name] = own
    np.testing.assert_allclose(net.predict(x), parts.predict(x), atol=1e-6)
    np.testing.assert_array_equal(net.freeze(8)(x), net.predict(x))


def test_it_comes_back_from_a_file(tmp_path: Path) -> None:
    net = fnn.Sequential([fnn.Dueling(3, initializer="orthogonal")], input_shape=(4,), seed=0)
    net.save(tmp_path / "net.fnn")
    again = fnn.load(tmp_path / "net.fnn")
    assert repr(again) == repr(net)
    np.testing.assert_array_equal(again.predict(np.eye(4)), net.predict(np.eye(4)))
