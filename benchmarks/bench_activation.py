"""Activations and their derivatives where no product precedes them, vs. NumPy and PyTorch; identity is a copy.

Each on two threads where it can use them, into its own memory: PyTorch by the operators that accept an output.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from fastnn.engine.tensor import Tensor
from fastnn.kernels import ACTIVATIONS, Activation, ActivationGradient
from ops import filled

SHAPES = [(16, 16), (128, 512), (1000, 1000)]
LARGE = SHAPES[-1]

Array = np.ndarray[Any, Any]


def sigmoid(x: Array, out: Array) -> None:
    np.negative(x, out)
    np.exp(out, out)
    np.add(out, 1, out)
    np.reciprocal(out, out)


def gated(x: Array, out: Array, gate: Callable[[Array, Array], Any]) -> None:
    gate(x, out)
    np.multiply(out, x, out)


def gelu_tanh_gate(x: Array, out: Array) -> None:
    np.multiply(x, x, out)
    np.multiply(out, 2 * 0.7978846 * 0.044715, out)
    np.add(out, 2 * 0.7978846, out)
    np.multiply(out, x, out)
    sigmoid(out, out)


def elu(x: Array, out: Array, scale: float = 1, limit: float = 1) -> None:
    np.minimum(x, 0, out=out)
    np.expm1(out, out)
    np.multiply(out, limit, out)
    np.multiply(x, scale, out, where=x > 0)


def softplus(x: Array, out: Array) -> None:
    np.exp(x, out)
    np.log1p(out, out)


def softsign(x: Array, out: Array) -> None:
    np.absolute(x, out)
    np.add(out, 1, out)
    np.divide(x, out, out)


def hard_sigmoid(x: Array, out: Array) -> None:
    np.add(x, 3, out)
    np.multiply(out, 1 / 6, out)
    np.clip(out, 0, 1, out)


def mish(x: Array, out: Array) -> None:
    softplus(x, out)
    np.tanh(out, out)
    np.multiply(out, x, out)


# NumPy has no erf: gelu is missing.
NUMPY: dict[str, Callable[[Array, Array], Any]] = {
    "identity": lambda x, out: np.copyto(out, x),
    "relu": lambda x, out: np.maximum(x, 0, out=out),
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "step": lambda x, out: np.greater_equal(x, 0, out, casting="unsafe"),
    "leaky_relu": lambda x, out: np.maximum(x, np.multiply(x, 0.01, out), out=out),
    "elu": elu,
    "selu": partial(elu, scale=1.0507, limit=1.7581),
    "softplus": softplus,
    "softsign": softsign,
    "gelu_tanh": partial(gated, gate=gelu_tanh_gate),
    "silu": partial(gated, gate=sigmoid),
    "hard_sigmoid": hard_sigmoid,
    "hard_tanh": lambda x, out: np.clip(x, -1, 1, out),
    "relu6": lambda x, out: np.clip(x, 0, 6, out),
    "exp": np.exp,
    "square": np.square,
    "absolute": np.absolute,
    "mish": mish,
    "hard_swish": partial(gated, gate=hard_sigmoid),
}
# Operators of torch.ops.aten with their settings; step, softsign and relu6 have none.
TORCH: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {
    "relu": ("relu", (), {}),
    "sigmoid": ("sigmoid", (), {}),
    "tanh": ("tanh", (), {}),
    "leaky_relu": ("leaky_relu", (0.01,), {}),
    "elu": ("elu", (), {}),
    "selu": ("elu", (1.6732632, 1.0507010), {}),
    "softplus": ("softplus", (), {}),
    "gelu": ("gelu", (), {}),
    "gelu_tanh": ("gelu", (), {"approximate": "tanh"}),
    "silu": ("silu", (), {}),
    "hard_sigmoid": ("hardsigmoid", (), {}),
    "hard_tanh": ("hardtanh", (), {}),
    "exp": ("exp", (), {}),
    "square": ("square", (), {}),
    "absolute": ("abs", (), {}),
    "mish": ("mish", (), {}),
    "hard_swish": ("hardswish", (), {}),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activation(benchmark: Any, activation: str, shape: tuple[int, int]) -> None:
    benchmark.group = f"{activation} {shape}"
    benchmark(Activation(filled(*shape), Tensor(shape), activation))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradient(benchmark: Any, activation: str, shape: tuple[int, int]) -> None:
    benchmark.group = f"derivative of {activation} {shape}"
    benchmark(ActivationGradient(filled(*shape), filled(*shape, seed=1), Tensor(shape), activation))


@pytest.mark.parametrize("activation", NUMPY)
def test_numpy(benchmark: Any, activation: str) -> None:
    benchmark.group = f"{activation} {LARGE}"
    x, y = filled(*LARGE).array, np.empty(LARGE, np.float32)
    benchmark(NUMPY[activation], x, y)
    wanted = Tensor(LARGE)
    Activation(filled(*LARGE), wanted, activation)()
    np.testing.assert_allclose(y, wanted.array, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("activation", ["identity", *TORCH])
def test_torch(benchmark: Any, activation: str) -> None:
    torch = pytest.importorskip("torch")
    benchmark.group = f"{activation} {LARGE}"
    x, y = torch.from_numpy(filled(*LARGE).array), torch.empty(LARGE)
    if activation == "identity":
        benchmark(y.copy_, x)
    else:
        name, settings, options = TORCH[activation]
        benchmark(partial(getattr(torch.ops.aten, name).out, x, *settings, **options, out=y))
    wanted = Tensor(LARGE)
    Activation(filled(*LARGE), wanted, activation)()
    np.testing.assert_allclose(y.numpy(), wanted.array, rtol=1e-3, atol=1e-5)
