"""NumPy and PyTorch in the rows of passes.py: NumPy in place, PyTorch into tensors that exist."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ops import filled, labels

N, SIDE = 1 << 20, 1 << 10
Call = Callable[[], Any]


def numpy_call(name: str, threads: int) -> Call | None:
    """In NumPy, which has no erf, and so no gelu."""
    x, y, t, u, dy = (filled(N, seed=seed).array for seed in range(5))
    wide, square, spare, dwide = (each.reshape(SIDE, SIDE) for each in (x, y, t, dy))
    half, picked = (dwide > 0).astype(np.float32), (np.arange(SIDE), labels(SIDE, SIDE).array)

    def sigmoid() -> None:
        np.negative(x, out=y)
        np.exp(y, out=y)
        np.add(y, 1, out=y)
        np.reciprocal(y, out=y)

    def softplus() -> None:
        np.abs(x, out=y)
        np.negative(y, out=y)
        np.exp(y, out=y)
        np.log1p(y, out=y)
        np.maximum(x, 0, out=t)
        np.add(y, t, out=y)

    def softplus_gradient() -> None:  # x is used for the output of softplus
        np.negative(x, out=y)
        np.expm1(y, out=y)
        np.multiply(y, dy, out=y)
        np.negative(y, out=y)

    def silu() -> None:
        sigmoid()
        np.multiply(x, y, out=y)

    def silu_gradient() -> None:  # dy s (1 + x (1 - s))
        sigmoid()
        np.subtract(1, y, out=t)
        np.multiply(t, x, out=t)
        np.add(t, 1, out=t)
        np.multiply(y, t, out=y)
        np.multiply(y, dy, out=y)

    def elu() -> None:
        np.minimum(x, 0, out=y)
        np.expm1(y, out=y)
        np.maximum(x, 0, out=t)
        np.add(y, t, out=y)

    def selu() -> None:
        np.minimum(x, 0, out=y)
        np.expm1(y, out=y)
        np.multiply(y, 1.7580993, out=y)
        np.maximum(x, 0, out=t)
        np.multiply(t, 1.0507010, out=t)
        np.add(y, t, out=y)

    def gelu_tanh() -> None:
        np.multiply(x, x, out=y)
        np.multiply(y, 0.044715, out=y)
        np.add(y, 1, out=y)
        np.multiply(y, x, out=y)
        np.multiply(y, 0.79788456, out=y)
        np.tanh(y, out=y)
        np.add(y, 1, out=y)
        np.multiply(y, x, out=y)
        np.multiply(y, 0.5, out=y)

    def gelu_tanh_gradient() -> None:  # dy (1 + h + x (1 - h^2) v) / 2, where h = tanh(u(x)) and v = u'(x)
        np.multiply(x, x, out=y)
        np.multiply(y, 0.035677408, out=y)
        np.multiply(y, 3, out=t)
        np.add(y, 0.79788456, out=y)
        np.add(t, 0.79788456, out=t)
        np.multiply(y, x, out=y)
        np.tanh(y, out=y)
        np.multiply(t, x, out=t)
        np.multiply(y, y, out=u)
        np.subtract(1, u, out=u)
        np.multiply(t, u, out=t)
        np.add(t, y, out=t)
        np.add(t, 1, out=t)
        np.multiply(t, 0.5, out=t)
        np.multiply(t, dy, out=y)

    def softmax() -> None:
        np.subtract(wide, wide.max(axis=1, keepdims=True), out=square)
        np.exp(square, out=square)
        np.divide(square, square.sum(axis=1, keepdims=True), out=square)

    def log_softmax() -> None:
        np.subtract(wide, wide.max(axis=1, keepdims=True), out=square)
        np.exp(square, out=spare)
        np.subtract(square, np.log(spare.sum(axis=1, keepdims=True)), out=square)

    def log_softmax_gradient() -> None:  # wide is used for the output of log_softmax
        np.exp(wide, out=square)
        np.multiply(square, dwide.sum(axis=1, keepdims=True), out=square)
        np.subtract(dwide, square, out=square)

    def cross_entropy() -> np.floating[Any]:
        np.subtract(wide, wide.max(axis=1, keepdims=True), out=square)
        np.exp(square, out=spare)
        total = spare.sum(axis=1, keepdims=True)
        loss: np.floating[Any] = (np.log(total[:, 0]) - square[picked]).mean()
        np.divide(spare, total * SIDE, out=spare)
        spare[picked] -= 1 / SIDE
        return loss

    def binary_cross_entropy() -> np.floating[Any]:  # (1 - t) x - log s, and s - t
        sigmoid()
        np.subtract(1, half, out=spare)
        np.multiply(spare, wide, out=spare)
        loss: np.floating[Any] = spare.mean()
        np.log(square, out=spare)
        loss -= spare.mean()
        np.subtract(square, half, out=square)
        np.divide(square, N, out=square)
        return loss

    forms = [sigmoid, softplus, softplus_gradient, silu, silu_gradient, elu, selu, gelu_tanh, gelu_tanh_gradient]
    forms += [softmax, log_softmax, log_softmax_gradient]
    calls: dict[str, Call] = {form.__name__.replace("_gradient", " gradient"): form for form in forms}
    calls |= {"cross_entropy": cross_entropy, "binary_cross_entropy": binary_cross_entropy}
    calls["tanh"] = lambda: np.tanh(x, out=y)
    return calls.get(name)


def torch_call(name: str, threads: int) -> Call | None:
    """In PyTorch."""
    import torch

    torch.set_num_threads(threads)
    if name.startswith("adam"):
        return _adam()
    if name == "a residual block":
        return _residual_block()
    x, y, dy, aten = torch.randn(N), torch.empty(N), torch.randn(N), torch.ops.aten
    wide, square, spare, dwide = (each.reshape(SIDE, SIDE) for each in (x, y, torch.empty(N), dy))
    half, classes, mean = (dwide > 0).float(), torch.randint(0, SIDE, (SIDE,)), 1
    loss, weight, one = torch.empty(()), torch.empty(()), torch.ones(())

    def cross_entropy() -> float:
        aten._log_softmax.out(wide, 1, False, out=square)
        aten.nll_loss_forward.output(square, classes, None, mean, -100, output=loss, total_weight=weight)
        aten.nll_loss_backward.grad_input(one, square, classes, None, mean, -100, weight, grad_input=spare)
        aten._log_softmax_backward_data.out(spare, square, 1, torch.float32, out=spare)
        return loss.item()

    def binary_cross_entropy() -> float:
        aten.binary_cross_entropy_with_logits.out(wide, half, None, None, mean, out=loss)
        torch.sigmoid(wide, out=square).sub_(half).mul_(1 / N)
        return loss.item()

    calls: dict[str, Call] = {
        "sigmoid": lambda: torch.sigmoid(x, out=y),
        "tanh": lambda: torch.tanh(x, out=y),
        "elu": lambda: aten.elu.out(x, out=y),
        "selu": lambda: aten.elu.out(x, 1.6732632, 1.0507010, out=y),
        "softplus": lambda: aten.softplus.out(x, out=y),
        "softplus gradient": lambda: aten.softplus_backward.grad_input(dy, x, 1, 20, grad_input=y),
        "silu": lambda: aten.silu.out(x, out=y),
        "silu gradient": lambda: aten.silu_backward.grad_input(dy, x, grad_input=y),
        "gelu": lambda: aten.gelu.out(x, out=y),
        "gelu gradient": lambda: aten.gelu_backward.grad_input(dy, x, grad_input=y),
        "gelu_tanh": lambda: aten.gelu.out(x, approximate="tanh", out=y),
        "gelu_tanh gradient": lambda: aten.gelu_backward.grad_input(dy, x, approximate="tanh", grad_input=y),
        "softmax": lambda: torch.softmax(wide, 1, out=square),
        "log_softmax": lambda: aten._log_softmax.out(wide, 1, False, out=square),
        "log_softmax gradient": lambda: aten._log_softmax_backward_data.out(dwide, wide, 1, torch.float32, out=square),
        "cross_entropy": cross_entropy,
        "binary_cross_entropy": binary_cross_entropy,
    }
    return calls.get(name)


def _adam() -> Call:
    """The fused update of ten tensors."""
    import torch

    parameters = [torch.nn.Parameter(torch.randn(N)) for _ in range(10)]
    for parameter in parameters:
        parameter.grad = torch.randn(N)
    return torch.optim.Adam(parameters, fused=True).step


def _residual_block() -> Call:
    """The training step of passes.py's block."""
    import torch
    from torch import nn

    first, second = (nn.Sequential(nn.Linear(256, 256), nn.BatchNorm1d(256)) for _ in range(2))
    parameters = [*first.parameters(), *second.parameters()]
    optimizer = torch.optim.Adam(parameters, fused=True)
    x, target = torch.randn(64, 256), torch.randn(64, 256)

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = nn.functional.mse_loss(torch.relu(second(torch.relu(first(x))) + x), target)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step
