"""The float64 NumPy twins of the Ops that update parameters, penalise, clip and average, as in reference.py."""

import numpy as np
from numpy.typing import ArrayLike

from reference import Array, double


def SGD(
    parameters: ArrayLike,
    gradients: ArrayLike,
    velocity: ArrayLike | None = None,
    *,
    rate: float,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
) -> tuple[Array, Array]:
    p = double(parameters)
    g = double(gradients) + weight_decay * p
    v = g if velocity is None else momentum * double(velocity) + g
    return p - rate * (g + momentum * v if nesterov else v), v


def Adam(
    parameters: ArrayLike,
    gradients: ArrayLike,
    m: ArrayLike,
    v: ArrayLike,
    *,
    rate: float,
    update: int = 0,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.0,
    decoupled: bool = False,
) -> tuple[Array, Array, Array]:
    p, t = double(parameters), update + 1
    g = double(gradients) + (0 if decoupled else weight_decay * p)
    m = beta1 * double(m) + (1 - beta1) * g
    v = beta2 * double(v) + (1 - beta2) * g * g
    change = rate * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + epsilon)
    return (1 - rate * weight_decay * decoupled) * p - change, m, v


def Nadam(
    parameters: ArrayLike,
    gradients: ArrayLike,
    m: ArrayLike,
    v: ArrayLike,
    *,
    rate: float,
    update: int = 0,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    momentum_decay: float = 0.004,
    weight_decay: float = 0.0,
) -> tuple[Array, Array, Array]:
    p, t = double(parameters), update + 1
    g = double(gradients) + weight_decay * p
    m = beta1 * double(m) + (1 - beta1) * g
    v = beta2 * double(v) + (1 - beta2) * g * g
    mu = beta1 * (1 - 0.5 * 0.96 ** (np.arange(1, t + 2) * momentum_decay))
    ahead = (1 - mu[-2]) * g / (1 - mu[:-1].prod()) + mu[-1] * m / (1 - mu.prod())
    return p - rate * ahead / (np.sqrt(v / (1 - beta2**t)) + epsilon), m, v


def Lion(
    parameters: ArrayLike,
    gradients: ArrayLike,
    m: ArrayLike,
    *,
    rate: float,
    beta1: float = 0.9,
    beta2: float = 0.99,
    weight_decay: float = 0.0,
) -> tuple[Array, Array]:
    p, g, m = double(parameters), double(gradients), double(m)
    way = np.sign(beta1 * m + (1 - beta1) * g)
    return p - rate * (way + weight_decay * p), beta2 * m + (1 - beta2) * g


def RMSprop(
    parameters: ArrayLike,
    gradients: ArrayLike,
    v: ArrayLike,
    mean: ArrayLike | None = None,
    buffer: ArrayLike | None = None,
    *,
    rate: float,
    rho: float = 0.99,
    epsilon: float = 1e-8,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
) -> tuple[Array, ...]:
    p = double(parameters)
    g = double(gradients) + weight_decay * p
    v = rho * double(v) + (1 - rho) * g * g
    slots, spread = [v], v
    if mean is not None:
        slots.append(rho * double(mean) + (1 - rho) * g)
        spread = v - slots[-1] ** 2
    change = g / (np.sqrt(spread) + epsilon)
    if buffer is not None:
        change = momentum * double(buffer) + change
        slots.append(change)
    return p - rate * change, *slots


def Adagrad(
    parameters: ArrayLike,
    gradients: ArrayLike,
    v: ArrayLike,
    *,
    rate: float,
    epsilon: float = 1e-10,
    weight_decay: float = 0.0,
) -> tuple[Array, Array]:
    p = double(parameters)
    g = double(gradients) + weight_decay * p
    v = double(v) + g * g
    return p - rate * g / (np.sqrt(v) + epsilon), v


def Adadelta(
    parameters: ArrayLike,
    gradients: ArrayLike,
    v: ArrayLike,
    u: ArrayLike,
    *,
    rate: float,
    rho: float = 0.9,
    epsilon: float = 1e-6,
    weight_decay: float = 0.0,
) -> tuple[Array, Array, Array]:
    p = double(parameters)
    g = double(gradients) + weight_decay * p
    v = rho * double(v) + (1 - rho) * g * g
    d = np.sqrt(double(u) + epsilon) / np.sqrt(v + epsilon) * g
    return p - rate * d, v, rho * double(u) + (1 - rho) * d * d


def Rprop(
    parameters: ArrayLike,
    gradients: ArrayLike,
    before: ArrayLike,
    size: ArrayLike,
    *,
    rate: float,
    shrink: float = 0.5,
    grow: float = 1.2,
    smallest: float = 1e-6,
    largest: float = 50.0,
) -> tuple[Array, Array, Array]:
    p, g, size = double(parameters), double(gradients), double(size)
    same = np.sign(g) * np.sign(double(before))
    step = np.where(size == 0, rate, size) * np.where(same > 0, grow, np.where(same < 0, shrink, 1))
    step = np.clip(step, smallest, largest)
    g = np.where(same < 0, 0, g)
    return p - step * np.sign(g), g, np.where((size == 0) & (double(gradients) == 0), 0, step)


def Penalties() -> float:
    return 0.0


def Penalty(
    weight: ArrayLike, gradient: ArrayLike | None, loss: float, *, l1: float = 0.0, l2: float = 0.0
) -> tuple[float, Array]:
    w = double(weight)
    slope = l1 * np.sign(w) + 2 * l2 * w
    return loss + float(l1 * np.abs(w).sum() + l2 * (w * w).sum()), slope + (
        0 if gradient is None else double(gradient)
    )


def SquaredNorm(x: ArrayLike, before: float = 0.0) -> float:
    return before + float((double(x) ** 2).sum())


def Clip(gradients: ArrayLike, *, limit: float) -> Array:
    return np.clip(double(gradients), -limit, limit)


def Zero(gradients: ArrayLike) -> Array:
    return np.zeros_like(double(gradients))


def ClipNorm(gradients: ArrayLike, norm: float, *, limit: float) -> Array:
    return double(gradients) * min(1, limit / np.sqrt(norm))


def MaxNorm(weight: ArrayLike, *, limit: float) -> Array:
    w = double(weight)
    norms = np.sqrt((w * w).sum(axis=tuple(range(w.ndim - 1)), keepdims=True))
    return w * np.minimum(1, limit / np.maximum(norms, 1e-300))


def Average(x: ArrayLike, mean: ArrayLike, *, decay: float, starts: bool = True, update: int = 1) -> Array:
    return double(x) if starts and not update else decay * double(mean) + (1 - decay) * double(x)
