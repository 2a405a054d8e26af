"""A float64 NumPy twin of every Op, under the same name: the textbook formula, and nothing else.

A twin takes what the Op reads, in the Op's order, and returns what the Op writes. Losses and
metrics are in `reference_losses`.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastnn.kernels import DERIVED_FROM_INPUT

Array = NDArray[np.float64]


def double(x: ArrayLike) -> Array:
    with np.errstate(invalid="ignore"):  # a signalling NaN
        return np.asarray(x, np.float64)


def sigmoid(x: Array) -> Array:
    with np.errstate(over="ignore"):  # exp(-x) = inf gives the right 0
        return 1 / (1 + np.exp(-x))


def elementwise(f: Callable[[float], float]) -> Callable[[ArrayLike], Array]:
    return np.vectorize(f, otypes=[np.float64])


erf, erfc = elementwise(math.erf), elementwise(math.erfc)
# Klambauer et al. 2017, section 2.
ALPHA, SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


def normal_density(x: Array) -> Array:
    return np.exp(-x * x / 2) / np.sqrt(2 * np.pi)


def normal_distribution(x: Array) -> Array:
    return erfc(-x / np.sqrt(2)) / 2


def mish_gate(x: Array) -> Array:
    """tanh(log(1 + exp(x))); log1p keeps its digits where exp(x) is small."""
    return np.tanh(np.logaddexp(0, x))


def gelu_argument(x: Array) -> Array:
    """(1 + tanh u) / 2 = sigmoid(2 u), which keeps its digits where tanh u is near -1."""
    return 2 * np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)


FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "identity": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "step": lambda x: np.heaviside(x, 1),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "selu": lambda x: SCALE * np.where(x > 0, x, ALPHA * np.expm1(x)),
    "softplus": lambda x: np.logaddexp(0, x),
    "softsign": lambda x: np.where(np.isinf(x), np.sign(x), x / (1 + np.abs(x))),
    "gelu": lambda x: x * normal_distribution(x),
    "gelu_tanh": lambda x: x * sigmoid(gelu_argument(x)),
    "silu": lambda x: x * sigmoid(x),
    "hard_sigmoid": lambda x: np.clip((x + 3) / 6, 0, 1),
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "relu6": lambda x: np.clip(x, 0, 6),
    "exp": np.exp,
    "square": lambda x: x * x,
    "absolute": np.abs,
    "mish": lambda x: x * mish_gate(x),
    "hard_swish": lambda x: x * np.clip(x + 3, 0, 6) / 6,
}
# f'(x) by y = f(x), or for DERIVED_FROM_INPUT by x.
SLOPES: dict[str, Callable[[Array], Array]] = {
    "identity": np.ones_like,
    "relu": lambda y: (y > 0).astype(np.float64),
    "sigmoid": lambda y: y * (1 - y),
    "tanh": lambda y: 1 - y * y,
    "step": lambda y: np.zeros_like(y),
    "leaky_relu": lambda y: np.where(y > 0, 1, 0.01),
    "elu": lambda y: np.where(y > 0, 1, y + 1),
    "selu": lambda y: np.where(y > 0, SCALE, y + SCALE * ALPHA),
    "softplus": lambda y: -np.expm1(-y),
    "softsign": lambda y: (1 - np.abs(y)) ** 2,
    "gelu": lambda x: normal_distribution(x) + x * normal_density(x),
    "gelu_tanh": lambda x: (
        sigmoid(gelu_argument(x))
        * (1 + x * (1 - sigmoid(gelu_argument(x))) * 2 * np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * x**2))
    ),
    "silu": lambda x: sigmoid(x) * (1 + x * (1 - sigmoid(x))),
    "hard_sigmoid": lambda y: ((y > 0) & (y < 1)) / 6,
    "hard_tanh": lambda y: ((y > -1) & (y < 1)).astype(np.float64),
    "relu6": lambda y: ((y > 0) & (y < 6)).astype(np.float64),
    "exp": lambda y: y,
    "square": lambda x: 2 * x,
    "absolute": np.sign,
    "mish": lambda x: mish_gate(x) + x * (1 - mish_gate(x) ** 2) * sigmoid(x),
    "hard_swish": lambda x: np.where(x <= -3, 0, np.where(x >= 3, 1, x / 3 + 0.5)),
}


def Activation(x: ArrayLike, activation: str) -> Array:
    x = double(x)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        y = FUNCTIONS[activation](x)
    return np.where(np.isneginf(x) & np.isnan(y), 0, y)  # the limit, not -inf * 0


def slope_source(x: ArrayLike, activation: str) -> Array:
    """What the derivative of the activation of x is computed from."""
    return double(x) if activation in DERIVED_FROM_INPUT else Activation(x, activation)


def ActivationGradient(y: ArrayLike, dy: ArrayLike, activation: str) -> Array:
    return double(dy) * SLOPES[activation](double(y))


def PReLU(x: ArrayLike, slope: ArrayLike) -> Array:
    x, slope = double(x), double(slope)
    return np.where(x > 0, x, (x.reshape(-1, slope.size) * slope).reshape(x.shape))


def PReLUGradient(x: ArrayLike, slope: ArrayLike, dy: ArrayLike) -> tuple[Array, Array]:
    x, dy, slope = double(x), double(dy), double(slope)
    below = (x <= 0).reshape(-1, slope.size)
    dx = np.where(below, dy.reshape(below.shape) * slope, dy.reshape(below.shape)).reshape(x.shape)
    return dx, np.where(below, (x * dy).reshape(below.shape), 0).sum(axis=0)


def Dense(x: ArrayLike, weight: ArrayLike, bias: ArrayLike | None, activation: str = "identity") -> Array:
    return FUNCTIONS[activation](double(x) @ double(weight) + (0 if bias is None else double(bias)))


def Packed(weight: ArrayLike, panel: int, lanes: int) -> Array:
    """Panels of `panel` columns, the last one of `lanes` if they are enough, with zeros after the last column."""
    weight = double(weight)
    panels = []
    for start in range(0, weight.shape[1], panel):
        part = weight[:, start : start + panel]
        width = lanes if part.shape[1] <= lanes else panel
        panels.append(np.pad(part, ((0, 0), (0, width - part.shape[1]))).ravel())
    return np.concatenate(panels)


def DenseInputGradient(
    dz: ArrayLike, weight: ArrayLike, activation: str = "identity", x: ArrayLike | None = None
) -> Array:
    dx = double(dz) @ double(weight).T
    return dx if x is None else dx * SLOPES[activation](double(x))


def DenseWeightGradient(x: ArrayLike, dz: ArrayLike) -> tuple[Array, Array]:
    return double(x).T @ double(dz), double(dz).sum(axis=0)


def Add(a: ArrayLike, b: ArrayLike) -> Array:
    return double(a) + double(b)


def Subtract(a: ArrayLike, b: ArrayLike) -> Array:
    return double(a) - double(b)


def Multiply(a: ArrayLike, b: ArrayLike) -> Array:
    return double(a) * double(b)


def Scale(x: ArrayLike, factor: float) -> Array:
    return double(x) * factor


def Concatenate(*xs: ArrayLike, groups: int = 1) -> Array:
    rows = len(np.asarray(xs[0]))
    return np.concatenate([double(x).reshape(rows, groups, -1) for x in xs], axis=2).reshape(rows, -1)


def ConcatenateGradient(dy: ArrayLike, *columns: int, groups: int = 1) -> list[Array]:
    rows, ends = len(np.asarray(dy)), np.cumsum(columns)[:-1] // groups
    return [part.reshape(rows, -1) for part in np.split(double(dy).reshape(rows, groups, -1), ends, axis=2)]


def Softmax(x: ArrayLike) -> Array:
    e = np.exp(double(x) - np.max(x, axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def SoftmaxGradient(y: ArrayLike, dy: ArrayLike) -> Array:
    y, dy = double(y), double(dy)
    return y * (dy - (y * dy).sum(axis=1, keepdims=True))


def LogSoftmax(x: ArrayLike) -> Array:
    x = double(x) - np.max(x, axis=1, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=1, keepdims=True))


def LogSoftmaxGradient(y: ArrayLike, dy: ArrayLike) -> Array:
    return double(dy) - np.exp(double(y)) * double(dy).sum(axis=1, keepdims=True)


def Classes(x: ArrayLike, *, threshold: float | None = None) -> NDArray[np.int32]:
    x = double(x)
    return (x.argmax(axis=1) if threshold is None else x[:, 0] >= threshold).astype(np.int32)


def philox(counter: NDArray[np.uint32], key: tuple[int, int]) -> NDArray[np.uint32]:
    """Philox 4x32-10 of counters (..., 4). Salmon et al. 2011, section 4.3."""
    c = np.moveaxis(counter.astype(np.uint64), -1, 0)
    low, shift = np.uint64(0xFFFFFFFF), np.uint64(32)
    for turn in range(10):
        key0 = np.uint64((key[0] + turn * 0x9E3779B9) % 2**32)
        key1 = np.uint64((key[1] + turn * 0xBB67AE85) % 2**32)
        a, b = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = np.stack([(b >> shift) ^ c[1] ^ key0, b & low, (a >> shift) ^ c[3] ^ key1, a & low])
    return np.moveaxis(c, 0, -1).astype(np.uint32)


def random_words(n: int, seed: int, stream: int, step: int) -> NDArray[np.uint32]:
    """The random words of elements 0..n-1, numbered as csrc/dropout.h says: 16 counters to a group, word by word."""
    element = np.arange(n)
    counter = np.zeros((n, 4), np.uint32)
    counter[:, 0] = element // 64 * 16 + element % 16
    counter[:, 1:] = stream, step % 2**32, step // 2**32
    words = philox(counter, (seed % 2**32, seed // 2**32))
    return words[element, element % 64 // 16]


def Dropout(x: ArrayLike, *, rate: float, seed: int, stream: int, step: int = 0) -> Array:
    x = double(x)
    keep = random_words(x.size, seed, stream, step).reshape(x.shape) >= min(round(rate * 2**32), 2**32 - 1)
    return np.where(keep, x / (1 - rate), 0)


def Gather(array: NDArray, rows: int, first: int = 0, order: NDArray[np.int64] | None = None) -> Array:
    index = np.arange(first, first + rows) if order is None else order[first : first + rows]
    return double(array.reshape(len(array), -1)[index])


def GatherActions(array: NDArray, rows: int, first: int = 0, order: NDArray[np.int64] | None = None) -> Array:
    return Gather(array, rows, first, order)


def GatherLabels(
    array: NDArray, rows: int, first: int = 0, order: NDArray[np.int64] | None = None
) -> NDArray[np.int32]:
    return Gather(array, rows, first, order)[:, 0].astype(np.int32)


def Scatter(x: NDArray, array: NDArray, first: int = 0) -> NDArray:
    array = array.copy()
    array[first : first + len(x)] = x
    return array


def Elementary(x: ArrayLike, function: str) -> Array:
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        return {"exp": np.exp, "log": np.log, "erf": erf}[function](double(x))


def Parametric(x: ArrayLike, function: str, first: float, second: float = 0.0) -> Array:
    x = double(x)
    if function == "limit":
        return np.clip(x, first, second)
    return np.where(x > 0, x, first * (x if function == "leak" else np.expm1(np.minimum(x, 0))))


def ParametricGradient(x: ArrayLike, dy: ArrayLike, function: str, first: float, second: float = 0.0) -> Array:
    x = double(x)
    if function == "limit":
        return np.where((x >= first) & (x <= second), double(dy), 0)
    return double(dy) * np.where(x > 0, 1, first * (1 if function == "leak" else np.exp(np.minimum(x, 0))))
