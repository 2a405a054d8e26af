"""The loss of a chain of dense layers in float64, with its gradient and Hessian, for `critical_points` alone.

Native gradients are float32, so Newton's method on them stops at about 1e-7, and eigenvalues of a Hessian from their
differences have an error of about 1e-5: which directions are flat could not be decided.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn.layers import Activation, Dense
from fastnn.losses import BinaryCrossEntropy, CrossEntropy, Loss, MeanSquaredError
from fastnn.model.compiled import Compiled

#: The step into the imaginary direction: so small that its square is 0 next to any number.
IMAGINARY = 1e-100
#: The most numbers that the Hessians of several points may need at once.
AT_ONCE = 2**22

Function = Callable[[np.ndarray], np.ndarray]
Comparison = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return np.asarray((np.tanh(x / 2) + 1) / 2)


def _softplus(x: np.ndarray) -> np.ndarray:
    size = np.where(x.real < 0, -x, x)  # |x|, as an analytic function
    return (x + size) / 2 + np.log1p(np.exp(-size))


def _log_softmax(x: np.ndarray) -> np.ndarray:
    x = x - x.real.max(axis=-1, keepdims=True)
    return np.asarray(x - np.log(np.exp(x).sum(axis=-1, keepdims=True)))


#: Smooth activations with their derivatives; like the losses, also functions of complex numbers.
ACTIVATIONS: dict[str, tuple[Function, Function]] = {
    "identity": (lambda x: x, np.ones_like),
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "sigmoid": (_sigmoid, lambda x: _sigmoid(x) * _sigmoid(-x)),
    "softplus": (_softplus, _sigmoid),
    "silu": (lambda x: x * _sigmoid(x), lambda x: _sigmoid(x) * (1 + x * _sigmoid(-x))),
}
#: Losses of outputs, or logits, y (..., n, m) and targets t (n, m), with their gradients with respect to y.
LOSSES: dict[type[Loss], tuple[Comparison, Comparison]] = {
    MeanSquaredError: (lambda y, t: ((y - t) ** 2).mean(axis=(-2, -1)), lambda y, t: 2 * (y - t) / t.size),
    BinaryCrossEntropy: (
        lambda y, t: (_softplus(y) - t * y).mean(axis=(-2, -1)),
        lambda y, t: (_sigmoid(y) - t) / t.size,
    ),
    CrossEntropy: (
        lambda y, t: -(t * _log_softmax(y)).sum(axis=-1).mean(axis=-1),
        lambda y, t: (np.exp(_log_softmax(y)) * t.sum(axis=-1, keepdims=True) - t) / len(t),
    ),
}


@dataclass(frozen=True)
class Link:
    """y = activation(x @ weight + bias); without a weight, y = activation(x)."""

    weight: str
    bias: str
    activation: str


class Double:
    """The loss at points (..., parameters), float64 or complex: the parameters by name, flat, one after the other.

    present: the network's own. Raises ValueError for a network, a loss or an activation that is not among these.
    """

    def __init__(self, net: Compiled, x: Any, y: Any) -> None:
        examples = net.examples(x, y)
        net.require_built()
        self.links = _links(net)
        loss = net.objectives[0].loss
        if type(loss) not in LOSSES or loss.settings() != type(loss)().settings():
            known = ", ".join(kind.name for kind in LOSSES)
            raise ValueError(f"critical_points: expected a loss among {known}, in default settings; got {loss.name}")
        self.measure, self.slope = LOSSES[type(loss)]
        if self.links[-1].activation in loss.fused:
            last = self.links.pop()
            self.links.append(Link(last.weight, last.bias, "identity"))
        for link in self.links:
            if link.activation not in ACTIVATIONS:
                known = ", ".join(ACTIVATIONS)
                raise ValueError(f"critical_points: expected smooth activations, {known}; got {link.activation}")
        self.x, target = examples.inputs[0].astype(np.float64), examples.targets[0]
        outputs = net.shapes_for(examples.inputs)[0][-1]
        self.t = (
            np.eye(outputs)[target.ravel().astype(int)]
            if examples.labels[0]
            else target.reshape(-1, outputs).astype(float)
        )
        views = dict(net.weights)
        self.shapes = {name: view.shape for name, view in views.items()}
        self.present = np.concatenate([view.ravel() for view in views.values()]).astype(np.float64)
        penalties = [np.full(view.size, net.blocks.wanted[name].l2) for name, view in views.items()]
        self.l2 = np.concatenate(penalties)

    def split(self, points: np.ndarray) -> dict[str, np.ndarray]:
        """The parameters of each point by name: (..., *shape)."""
        found, start = {}, 0
        for name, shape in self.shapes.items():
            size = int(np.prod(shape))
            found[name] = points[..., start : start + size].reshape(*points.shape[:-1], *shape)
            start += size
        return found

    def loss(self, points: np.ndarray) -> np.ndarray:
        """The loss at each point."""
        y = self._forward(self.split(points))[0]
        return np.asarray(self.measure(y, self.t) + (self.l2 * points**2).sum(axis=-1))

    def gradient(self, points: np.ndarray) -> np.ndarray:
        """The gradient at each point, (..., parameters), by backpropagation."""
        weights = self.split(points)
        y, kept = self._forward(weights)
        dy, found = self.slope(y, self.t), {}
        for link, (x, z) in zip(reversed(self.links), reversed(kept), strict=True):
            dy = dy * ACTIVATIONS[link.activation][1](z)
            if link.bias:
                found[link.bias] = dy.sum(axis=-2)
            if link.weight:
                found[link.weight] = np.swapaxes(x, -1, -2) @ dy
                dy = dy @ np.swapaxes(weights[link.weight], -1, -2)
        flat = [found[name].reshape(*points.shape[:-1], -1) for name in self.shapes]
        return np.asarray(np.concatenate(flat, axis=-1) + 2 * self.l2 * points)

    def hessian(self, points: np.ndarray) -> np.ndarray:
        """The Hessian at each point of (k, parameters), exact but for rounding: H e = Im g(w + i s e) / s, [1]_.

        .. [1] W. Squire and G. Trapp, "Using Complex Variables to Estimate Derivatives of Real Functions", SIAM Review
           40(1), 1998.
        """
        size = points.shape[-1]
        chunk = max(1, AT_ONCE // (size * (size + self.x.shape[0] * max(map(max, self.shapes.values())))))
        directions = IMAGINARY * 1j * np.eye(size)
        parts = [
            self.gradient(points[start : start + chunk, None] + directions).imag / IMAGINARY
            for start in range(0, len(points), chunk)
        ]
        found = np.concatenate(parts)
        return np.asarray((found + np.swapaxes(found, -1, -2)) / 2)

    def _forward(self, weights: dict[str, np.ndarray]) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
        """The outputs, and of each link its input and what its activation is applied to."""
        y, kept = self.x, []
        for link in self.links:
            z: np.ndarray = y @ weights[link.weight] if link.weight else y
            if link.bias:
                z = z + weights[link.bias][..., None, :]
            kept.append((y, z))
            y = ACTIVATIONS[link.activation][0](z)
        return y, kept


def _links(net: Compiled) -> list[Link]:
    """The network's layers, in prediction."""
    if not net.graph.is_chain() or len(net.features[0]) != 1:
        raise ValueError("critical_points: expected a chain of layers on samples (batch, features)")
    links = []
    for node in net.graph.nodes:
        layer = node.layer
        if isinstance(layer, Dense):
            if layer.l1:
                raise ValueError(f"critical_points: {node.name}: l1 has no second derivative at 0; use l2")
            bias = f"{node.name}.bias" if layer.bias else ""
            links.append(Link(f"{node.name}.weight", bias, str(layer.activation)))
        elif isinstance(layer, Activation):
            links.append(Link("", "", layer.activation))
        elif not layer.trains_only:
            raise ValueError(f"critical_points: {node.name}: expected Dense and Activation layers, got {layer.kind}")
    return links
