"""The twins of losses and metrics, as in `reference`."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reference import Array, double, sigmoid


def weighted(loss: Array, slope: Array, weight: ArrayLike | None) -> tuple[float, Array]:
    """The mean of losses (rows, terms) and its gradient; rows of weight 0 are ignored, whatever is in them."""
    w = np.ones((len(loss), 1)) if weight is None else double(weight).reshape(-1, 1)
    scale = 1 / (w.sum() * loss.shape[1]) if w.any() else 0.0
    counted = np.multiply(w, loss, where=w != 0, out=np.zeros_like(loss))
    return float(counted.sum() * scale), np.multiply(w * scale, slope, where=w != 0, out=np.zeros_like(slope))


def elementwise_terms(x: Array, t: Array, loss: str, setting: float) -> tuple[Array, Array]:
    """What each element costs, and its derivative by x."""
    d = x - t
    if loss == "mse":
        return d * d, 2 * d
    if loss == "mae":
        return np.abs(d), np.sign(d)
    if loss == "huber":
        near = np.abs(d) <= setting
        return np.where(near, d * d / 2, setting * (np.abs(d) - setting / 2)), np.clip(d, -setting, setting)
    if loss == "binary_cross_entropy":  # -t log s(x) - (1 - t) log(1 - s(x))
        return np.logaddexp(0, x) - t * x, sigmoid(x) - t
    if loss == "hinge":
        s = np.where(t >= 0.5, 1.0, -1.0)
        return np.maximum(0, 1 - s * x), np.where(s * x < 1, -s, 0 * x)
    if loss == "poisson":
        return np.exp(x) - t * x, np.exp(x) - t
    assert loss == "focal"
    p, q, gamma = sigmoid(x), sigmoid(-x), setting
    log_p, log_q = -np.logaddexp(0, -x), -np.logaddexp(0, x)
    slope = t * q**gamma * (gamma * p * log_p - q) - (1 - t) * p**gamma * (gamma * q * log_q - p)
    return -t * q**gamma * log_p - (1 - t) * p**gamma * log_q, slope


def ElementwiseLoss(
    x: ArrayLike, target: ArrayLike, weight: ArrayLike | None = None, *, loss: str, setting: float = 0.0
) -> tuple[float, Array]:
    return weighted(*elementwise_terms(double(x), double(target), loss, setting), weight)


def Cosine(x: ArrayLike, target: ArrayLike, weight: ArrayLike | None = None) -> tuple[float, Array]:
    x, t = double(x), double(target)
    sizes = [np.linalg.norm(each, axis=1, keepdims=True) for each in (x, t)]
    both = sizes[0] * sizes[1]
    safe = np.where(both == 0, 1, both)
    cosine = (x * t).sum(axis=1, keepdims=True) / safe
    slope = np.where(both == 0, 0, cosine * x / np.where(both == 0, 1, sizes[0] ** 2) - t / safe)
    return weighted(1 - cosine, slope, weight)


def Dice(
    x: ArrayLike, target: ArrayLike, weight: ArrayLike | None = None, *, smooth: float = 1.0
) -> tuple[float, Array]:
    t, p, q = double(target), sigmoid(double(x)), sigmoid(-double(x))
    over, both = ((terms).sum(axis=1, keepdims=True) + smooth for terms in (2 * p * t, p + t))
    return weighted(1 - over / both, p * q * (over / both - 2 * t) / both, weight)


def distribution(target: NDArray, classes: int) -> Array:
    return np.eye(classes)[target] if target.ndim == 1 else double(target)


def SoftTargets(
    target: NDArray,
    classes: int,
    *,
    class_weights: ArrayLike | None = None,
    smoothing: float = 0.0,
) -> tuple[Array, Array, Array]:
    t, c = distribution(target, classes), np.ones(classes) if class_weights is None else double(class_weights)
    q = c * ((1 - smoothing) * t + smoothing / classes)
    total = q.sum(axis=1, keepdims=True)
    return q / np.where(total == 0, 1, total), total[:, 0], (c * t).sum(axis=1)


def CrossEntropy(
    x: ArrayLike,
    target: NDArray,
    weight: ArrayLike | None = None,
    mass: ArrayLike | None = None,
    count: ArrayLike | None = None,
) -> tuple[float, Array]:
    x = double(x)
    t = distribution(target, x.shape[1])
    high = x.max(axis=1, keepdims=True)
    logarithm = x - high - np.log(np.exp(x - high).sum(axis=1, keepdims=True))
    loss = -np.multiply(t, logarithm, where=t != 0, out=np.zeros_like(t)).sum(axis=1, keepdims=True)  # 0 log 0 = 0
    if mass is None or count is None:
        return weighted(loss, np.exp(logarithm) - t, weight)
    w = np.ones(len(x)) if weight is None else double(weight)
    mean, dx = weighted(loss, np.exp(logarithm) - t, w * double(mass))
    ratio = (w * double(mass)).sum() / (w * double(count)).sum()
    return mean * ratio, dx * ratio


def LinearCrossEntropy(
    x: ArrayLike, weight: ArrayLike, bias: ArrayLike | None, label: NDArray, weight_of_row: ArrayLike | None = None
) -> tuple[float, Array, Array, Array]:
    x, w = double(x), double(weight)
    loss, dy = CrossEntropy(x @ w + (0 if bias is None else double(bias)), label, weight_of_row)
    return loss, dy @ w.T, x.T @ dy, dy.sum(axis=0)


def KLDivergence(x: ArrayLike, target: NDArray, weight: ArrayLike | None = None) -> tuple[float, Array]:
    t = distribution(target, np.shape(x)[1])
    negative = np.multiply(t, np.log(np.where(t == 0, 1, t))).sum(axis=1, keepdims=True)
    mean, dx = CrossEntropy(x, target, weight)
    return mean + weighted(negative, negative, weight)[0], dx


def OwnLoss(
    x: ArrayLike, target: ArrayLike, *, function: Callable[[Array, Array], tuple[float, Array]], name: str
) -> tuple[float, Array]:
    return function(double(x), double(target))


def JointLoss(xs: dict[str, Array], targets: dict[str, Array], *, function: Callable[..., Any]) -> Any:
    return function(xs, targets)


def Part(value: float) -> float:
    return value


def Gaussian(x: ArrayLike, target: ArrayLike, weight: ArrayLike | None = None) -> tuple[float, Array]:
    t = double(target)
    mean, variance = np.split(double(x), 2, axis=1)
    d, precision = mean - t, np.exp(-variance)
    loss = (d * d * precision + variance + np.log(2 * np.pi)) / 2
    value, halves = weighted(loss, np.stack([d * precision, (1 - d * d * precision) / 2]), weight)
    return value, np.concatenate(list(halves), axis=1)


def policy(
    log_p: Array, given: Array, weight: ArrayLike | None, clip: float | None, normalize: bool
) -> tuple[Array, Array]:
    """The losses (rows, 1) without entropy, and their slopes by log p; given: advantages, and old logarithms."""
    advantage = given[:, :1]
    if normalize:
        w = np.ones(len(given)) if weight is None else double(weight).reshape(-1)
        mean = np.average(advantage[:, 0], weights=w)
        deviation = np.average((advantage[:, 0] - mean) ** 2, weights=w) ** 0.5
        advantage = (advantage - mean) / (deviation + 1e-8)
    if clip is None:
        return -advantage * log_p, -advantage
    ratio = np.exp(log_p - given[:, 1:2])
    free, held = ratio * advantage, np.clip(ratio, 1 - clip, 1 + clip) * advantage
    return -np.minimum(free, held), np.where(free <= held, -free, 0)


def PolicyGradient(
    x: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    clip: float | None = 0.2,
    entropy: float = 0.0,
    normalize: bool = False,
) -> tuple[float, Array]:
    x, t = double(x), double(target)
    shifted = x - x.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    p, chosen = np.exp(log_p), np.eye(x.shape[1])[t[:, 0].astype(int)]
    loss, slope = policy((chosen * log_p).sum(axis=1, keepdims=True), t[:, 1:], weight, clip, normalize)
    disorder = -(p * np.where(p > 0, log_p, 0)).sum(axis=1, keepdims=True)
    bent = p * (np.where(p > 0, log_p, 0) + disorder)
    return weighted(loss - entropy * disorder, slope * (chosen - p) + entropy * bent, weight)


def GaussianPolicyGradient(
    x: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    clip: float | None = 0.2,
    entropy: float = 0.0,
    normalize: bool = False,
) -> tuple[float, Array]:
    t = double(target)
    mean, spread = np.split(double(x), 2, axis=1)
    k = mean.shape[1]
    d = (t[:, :k] - mean) * np.exp(-spread)
    log_p = (-d * d / 2 - spread - np.log(2 * np.pi) / 2).sum(axis=1, keepdims=True)
    loss, slope = policy(log_p, t[:, k:], weight, clip, normalize)
    disorder = (spread + np.log(2 * np.pi * np.e) / 2).sum(axis=1, keepdims=True)
    dx = np.concatenate([slope * d * np.exp(-spread), slope * (d * d - 1) - entropy], axis=1)
    return weighted(loss - entropy * disorder, dx, weight)


def RootMeanSquaredError(x: ArrayLike, target: ArrayLike, weight: ArrayLike | None = None) -> float:
    return ElementwiseLoss(x, target, weight, loss="mse")[0] ** 0.5


def PeakSignalToNoise(x: ArrayLike, target: ArrayLike, weight: ArrayLike | None = None, *, data_range: float) -> float:
    return float(10 * np.log10(data_range**2 / ElementwiseLoss(x, target, weight, loss="mse")[0]))


def share(right: NDArray[np.bool_], weight: ArrayLike | None) -> float:
    """Of the rows that are right, by their weights."""
    w = np.ones(len(right)) if weight is None else double(weight).reshape(-1)
    return float(w[right].sum() / w.sum())


def Choose(x: ArrayLike, index: ArrayLike) -> Array:
    return np.take_along_axis(double(x), np.reshape(index, (-1, 1)), axis=1)


def ChooseGradient(dy: ArrayLike, index: ArrayLike, columns: int) -> Array:
    dx = np.zeros((len(double(dy)), columns))
    np.put_along_axis(dx, np.reshape(index, (-1, 1)), double(dy), axis=1)
    return dx


def Accuracy(classes: ArrayLike, target: ArrayLike, weight: ArrayLike | None = None) -> float:
    return share(np.asarray(classes) == np.asarray(target), weight)


def TopAccuracy(x: ArrayLike, target: NDArray, weight: ArrayLike | None = None, *, k: int) -> float:
    x = double(x)
    own = x[np.arange(len(x)), target][:, None]
    return share((~(x <= own)).sum(axis=1) < k, weight)
