"""Activations with settings against their twins and PyTorch, and in networks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
import reference
from check import (
    TAILS,
    assert_close,
    assert_same_bits,
    assert_same_on_threads,
    empty,
    normal,
    run,
    tensor,
    ulps,
    written,
)
from fastnn.engine.tensor import Tensor
from fastnn.kernels import PARAMETRIC, Parametric, ParametricGradient
from test_reference import assert_gradient, draw

SETTINGS: dict[str, dict[str, Any]] = {
    "leak": {"first": 0.2},
    "exponential": {"first": 0.7},
    "limit": {"first": -0.4, "second": 1.2},
}
UNITS = {"leak": 1.0, "exponential": 2.0, "limit": 0.0}
every_function = pytest.mark.parametrize("function", PARAMETRIC)


def exact(function: str) -> dict[str, Any]:
    """The settings as the kernels have them."""
    return {"function": function} | {name: float(np.float32(value)) for name, value in SETTINGS[function].items()}


@every_function
def test_ops(isa: str, num_threads: int, function: str) -> None:
    for columns in TAILS:
        rows = 3 if num_threads == 1 else 46_000 // columns + columns
        x, dy = 3 * normal(rows, columns), normal(rows, columns, start=1)
        y, dx = empty(rows + columns % 3, columns), empty(rows + columns % 3, columns)
        options = exact(function)
        run(Parametric(tensor(x, y.rows), y, **options), y, rows=rows)
        assert ulps(written(y, rows), reference.Parametric(x, **options)).max() <= UNITS[function]
        run(ParametricGradient(tensor(x, y.rows), tensor(dy, y.rows), dx, **options), dx, rows=rows)
        assert_close(written(dx, rows), reference.ParametricGradient(x, dy, **options), np.abs(dy), 4e-7)


@every_function
def test_twins(function: str) -> None:
    x, dy = draw((5, 7), (5, 7))
    options = exact(function)
    gradient = reference.ParametricGradient(x, dy, **options)
    assert_gradient(gradient, lambda x: float((reference.Parametric(x, **options) * dy).sum()), x)


@every_function
def test_same_bits_on_threads(isa: str, function: str) -> None:
    def forward() -> tuple[Parametric, Tensor]:
        y = empty(100_005)
        return Parametric(tensor(normal(100_005)), y, **exact(function)), y

    def gradient() -> tuple[ParametricGradient, Tensor]:
        dx = empty(100_005)
        return ParametricGradient(tensor(normal(100_005)), tensor(normal(100_005)), dx, **exact(function)), dx

    assert_same_on_threads(forward)
    assert_same_on_threads(gradient)


@every_function
def test_nan_and_infinity(isa: str, function: str) -> None:
    x, y = np.float32([np.nan, -np.inf, np.inf, 1, np.nan]), empty(5)
    run(Parametric(tensor(x), y, **exact(function)), y)
    low, high = {"leak": (-np.inf, np.inf), "exponential": (-0.7, np.inf), "limit": (-0.4, 1.2)}[function]
    np.testing.assert_array_equal(y.array, np.float32([np.nan, low, high, 1, np.nan]))


LAYERS: list[tuple[fnn.Layer, Callable[[Any, Any], Any]]] = [
    (fnn.LeakyReLU(0.2), lambda torch, x: torch.nn.functional.leaky_relu(x, 0.2)),
    (fnn.LeakyReLU(), lambda torch, x: torch.nn.functional.leaky_relu(x)),
    (fnn.ELU(0.7), lambda torch, x: torch.nn.functional.elu(x, 0.7)),
    (fnn.Clip(-0.5, 1), lambda torch, x: torch.clamp(x, -0.5, 1)),
]


@pytest.mark.parametrize(("layer", "theirs"), LAYERS, ids=lambda value: repr(value)[:14])
def test_as_pytorch(layer: fnn.Layer, theirs: Callable[[Any, Any], Any]) -> None:
    """Also at the kinks: numbers are rounded to halves."""
    torch = pytest.importorskip("torch", reason="PyTorch is what is compared with")
    x, dy = np.round(2 * normal(20, 30)) / 2, normal(20, 30, start=1)
    net = fnn.Sequential([layer], input_shape=(30,))
    y = net.forward(x, training=True)
    given = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    wanted = theirs(torch, given)
    wanted.backward(torch.tensor(dy, dtype=torch.float64))
    assert_close(y, wanted.detach().numpy())
    assert_close(net.backward(dy), given.grad.numpy())


@pytest.mark.parametrize("layer", [fnn.LeakyReLU(0.2), fnn.ELU(0.7), fnn.Clip(-0.5, 1)], ids=repr)
def test_in_a_network(tmp_path: Path, layer: fnn.Layer) -> None:
    net = fnn.Sequential([fnn.Dense(8, "tanh"), layer, fnn.Dense(3)], input_shape=(4,), seed=0).compile("sgd", "mse")
    x, y = normal(30, 4), normal(30, 3)
    fnn.check_gradients(net, x, y)
    net.save(tmp_path / "net.fnn")
    again = fnn.load(tmp_path / "net.fnn")
    assert repr(again) == repr(net)
    assert_same_bits(again.predict(x), net.predict(x))
    assert_same_bits(net.freeze(30)(x), net.predict(x))


def test_swish_is_silu() -> None:
    assert fnn.Dense(3, "swish").activation == fnn.Activation("swish").activation == "silu"


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: fnn.LeakyReLU(np.inf), ValueError, "LeakyReLU: slope must be"),
        (lambda: fnn.LeakyReLU("0.1"), TypeError, "LeakyReLU: slope must be a number"),
        (lambda: fnn.ELU(-1), ValueError, "ELU: alpha must be a number >= 0"),
        (lambda: fnn.Clip(1, 0), ValueError, "Clip: high must be a number >= 1"),
        (lambda: fnn.Clip(0, np.nan), ValueError, "Clip: high must be"),
        (lambda: Parametric(empty(3), empty(3), function="sine", first=1), ValueError, "unknown activation 'sine'"),
        (lambda: Parametric(empty(3), empty(4), function="leak", first=1), ValueError, "expected equal shapes"),
    ],
)
def test_what_is_refused(make: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()
