"""The gradient penalty against PyTorch's second derivatives."""

import os

import numpy as np
import pytest

import fastnn as fnn
from check import assert_same_bits, normal


def critic(activation: str = "tanh") -> fnn.Sequential:
    layers = [fnn.Dense(16, activation), fnn.Dense(8, activation), fnn.Dense(1)]
    return fnn.Sequential(layers, input_shape=(5,), seed=0).compile(fnn.SGD(0.1), loss=None)


@pytest.mark.parametrize("activation", ["tanh", "leaky_relu", "softplus"])
@pytest.mark.parametrize("center", [0.0, 1.0])
def test_against_second_derivatives(activation: str, center: float) -> None:
    if os.environ.get("FASTNN_TEST_TORCH") != "1":
        pytest.skip("the reference is PyTorch")
    import torch

    net, x = critic(activation), normal(32, 5)
    found = fnn.gradient_penalty(net, x, 3.0, center)
    function = {
        "tanh": torch.tanh,
        "leaky_relu": torch.nn.functional.leaky_relu,
        "softplus": torch.nn.functional.softplus,
    }
    weights = {name: torch.tensor(view, dtype=torch.float64, requires_grad=True) for name, view in net.weights.items()}
    t = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    y = t
    for i in range(3):
        y = y @ weights[f"dense_{i}.weight"] + weights[f"dense_{i}.bias"]
        y = function[activation](y) if i < 2 else y
    (g,) = torch.autograd.grad(y.sum(), t, create_graph=True)
    penalty = 3.0 / 2 * ((g.norm(dim=1) - center) ** 2).mean()
    assert found == pytest.approx(float(penalty.detach()), rel=1e-4)
    grads = torch.autograd.grad(penalty, list(weights.values()), allow_unused=True)
    largest = max(float(grad.abs().max()) for grad in grads if grad is not None)
    for (name, view), grad in zip(net.gradients.items(), grads, strict=True):
        wanted = np.zeros(view.shape) if grad is None else grad.numpy()
        errors = np.abs(view - wanted) / largest
        if activation == "leaky_relu":  # a step over a kink sees what the derivative beyond it is
            assert np.median(errors) < 1e-3, name
        else:
            assert errors.max() < 0.01, name


def test_it_adds_to_the_gradients() -> None:
    x = normal(8, 5)
    once, twice = critic(), critic()
    fnn.gradient_penalty(once, x)
    for _ in range(2):
        fnn.gradient_penalty(twice, x)
    for name, view in once.gradients.items():
        np.testing.assert_allclose(twice.gradients[name], 2 * view, rtol=1e-3, atol=1e-4)


def test_it_shortens_gradients() -> None:
    net, x = critic(), 3 * normal(64, 5)
    first = fnn.gradient_penalty(net, x)
    for _ in range(200):
        net.step()
        net.zero_grad()
        last = fnn.gradient_penalty(net, x)
    assert last < first / 4


def test_images_and_rows_of_zeros() -> None:
    layers = [fnn.Conv2D(4, 3, activation="tanh"), fnn.Flatten(), fnn.Dense(1)]
    net = fnn.Sequential(layers, input_shape=(6, 6, 1), seed=0)
    x = normal(4, 6, 6, 1).copy()
    x[1] = 0
    assert np.isfinite(fnn.gradient_penalty(net, x))
    assert all(np.isfinite(view).all() for view in net.gradients.values())


def test_what_does_not_fit() -> None:
    net = critic()
    two = fnn.Sequential([fnn.Dense(2)], input_shape=(5,))
    for arguments, error, message in (
        ((two, normal(2, 5)), ValueError, r"an output \(1,\), got \(2,\)"),
        ((net, normal(2, 4)), ValueError, r"expected input \(batch, 5\)"),
        ((net, np.full((2, 5), np.nan)), ValueError, "nan"),
        ((net, normal(2, 5), -1), ValueError, "weight"),
        ((net, normal(2, 5), 1, "long"), TypeError, "center"),
        ((fnn.Sequential([fnn.Dense(1)]), normal(2, 5)), RuntimeError, "not built"),
    ):
        with pytest.raises(error, match=message):
            fnn.gradient_penalty(*arguments)
    for view in net.gradients.values():
        assert_same_bits(view, np.zeros_like(view))
