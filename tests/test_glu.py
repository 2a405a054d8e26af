"""Gated linear units: the formula, gradients, and what is refused."""

import numpy as np
import pytest

import fastnn as fnn
from check import assert_close, assert_same_bits, normal


@pytest.mark.parametrize("activation", ["sigmoid", "silu", "gelu", "tanh"])
@pytest.mark.parametrize("shape", [(6,), (5, 2), (4, 3, 10)])
def test_formula_and_gradients(activation: str, shape: tuple[int, ...]) -> None:
    x = normal(3, *shape)
    a, b = np.split(x, 2, axis=-1)
    net = fnn.Sequential([fnn.GLU(activation)], input_shape=shape)
    assert net.output_shape == (*shape[:-1], shape[-1] // 2)
    assert_close(net.predict(x), a * getattr(fnn.activations, activation)(b), tolerance=1e-6)
    deep = fnn.Sequential([fnn.Dense(8), fnn.GLU(activation), fnn.Dense(2)], input_shape=shape, seed=0)
    deep.compile("sgd", "mse")
    fnn.check_gradients(deep, x, normal(3, *shape[:-1], 2))


def test_as_pytorch_computes_it() -> None:
    torch = pytest.importorskip("torch")
    x = normal(7, 5, 12)
    y = fnn.Sequential([fnn.GLU()], input_shape=(5, 12)).predict(x)
    assert_close(y, torch.nn.functional.glu(torch.tensor(x)).numpy(), tolerance=1e-6)


def test_steps_are_independent() -> None:
    net = fnn.Sequential([fnn.Dense(6), fnn.GLU("silu")], input_shape=(9, 4), seed=0)
    x = normal(3, 9, 4)
    y = net.predict(x, lengths=[2, 9, 5])
    assert_same_bits(y[0, :2], net.predict(x)[0, :2])
    assert not y[0, 2:].any()


def test_what_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"GLU\(sigmoid\): expected input of an even number of features, got \(batch, 5\)"
    ):
        fnn.GLU()(fnn.Input((5,)))
    with pytest.raises(ValueError, match="unknown activation 'swiglu'"):
        fnn.GLU("swiglu")
