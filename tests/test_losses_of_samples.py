"""The loss of each sample alone."""

import numpy as np
import pytest

import fastnn as fnn
from check import generator, normal


def test_the_mean_is_that_of_evaluate() -> None:
    for loss, ending, y in (
        ("cross_entropy", "softmax", generator(0).integers(0, 3, 40)),
        ("mse", "identity", normal(40, 3)),
        ("binary_cross_entropy", "sigmoid", generator(1).random((40, 3))),
    ):
        layers = [fnn.Dense(8, "relu", l2=0.1), fnn.Dropout(0.5), fnn.Dense(3, ending)]
        net = fnn.Sequential(layers, input_shape=(5,), seed=0).compile("adam", loss)
        x = normal(40, 5)
        each, logs = net.losses(x, y), net.evaluate(x, y)
        assert each.shape == (40,)
        assert each.mean() == pytest.approx(logs["loss"] - logs["penalty"], rel=1e-5)
        assert each[7] == pytest.approx(net.evaluate(x[7:8], y[7:8])["loss"] - logs["penalty"], rel=1e-4)


def test_several_outputs_and_lengths() -> None:
    x = fnn.Input((6, 2))
    h = fnn.GRU(4, return_sequences=True)(x)
    net = fnn.Network(x, [fnn.Dense(2, name="a")(h), fnn.Dense(1, name="b")(h)], seed=0)
    net.compile("adam", "mse", loss_weights={"b": 0.5})
    x, y, lengths = normal(5, 6, 2), {"a": normal(5, 6, 2, start=1), "b": normal(5, 6, 1, start=2)}, [6, 1, 3, 4, 2]
    each = net.losses(x, y, lengths)
    for i in range(5):
        part = {name: values[i : i + 1] for name, values in y.items()}
        assert each[i] == pytest.approx(net.evaluate(x[i : i + 1], part, lengths=lengths[i : i + 1])["loss"], rel=1e-5)


def test_what_does_not_fit() -> None:
    net = fnn.Sequential([fnn.Dense(1)], input_shape=(5,)).compile("adam", loss=None)
    with pytest.raises(RuntimeError, match="without a loss"):
        net.losses(normal(2, 5), normal(2, 1))
    net.compile("adam", "mse")
    with pytest.raises(ValueError, match="expected 2 targets"):
        net.losses(normal(2, 5), normal(3, 1))
    with pytest.raises(ValueError, match="nan"):
        net.losses(np.full((2, 5), np.nan), normal(2, 1))
