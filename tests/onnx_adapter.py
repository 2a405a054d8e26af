"""ONNX's operators by fastnn's Ops and layers: each takes a node's inputs and attributes, and returns its outputs.

Layouts are converted: ONNX has channels second, fastnn last. Where a case asks for what fastnn does not have,
OutOfScopeError says what that is. None among the outputs: one that fastnn does not give.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import fastnn as fnn
from check import tensor
from fastnn import activations, kernels
from fastnn.engine.op import Op
from fastnn.engine.plan import Plan
from fastnn.engine.tensor import Tensor
from fastnn.losses import CrossEntropy

Array = np.ndarray
Outputs = Sequence[Array | None]
Operator = Callable[..., Outputs]


class OutOfScopeError(Exception):
    """A case that asks for what fastnn does not have."""


#: ONNX's own, where it is another one.
DEFAULTS = {"hard_sigmoid": 0.2}


def gemm(a: Array, b: Array, c: Array | None = None, *, alpha: float = 1, beta: float = 1, **turned: int) -> Outputs:
    a, b = alpha * (a.T if turned.get("transA") else a), b.T if turned.get("transB") else b
    if c is not None and c.size not in (1, b.shape[1]):
        raise OutOfScopeError("a bias is one number for each unit")
    bias = None if c is None else tensor(beta * np.broadcast_to(c.reshape(-1), b.shape[1]))
    y = Tensor((len(a), b.shape[1]))
    kernels.Dense(tensor(a), tensor(b), bias, y)()
    return [y.array]


def elementwise(name: str, **fixed: float) -> Operator:
    """An activation by its name. fixed: the values that ONNX's settings must have, within a float32."""

    def operator(x: Array, **settings: Any) -> Outputs:
        for key, value in fixed.items():
            if not np.isclose(settings.get(key, DEFAULTS.get(name, value)), value, rtol=1e-6):
                raise OutOfScopeError(f"{name}: {key} is {value:.6g} for all")
        return [getattr(activations, name)(x)]

    return operator


def gelu(x: Array, *, approximate: str = "none") -> Outputs:
    return [activations.gelu_tanh(x) if approximate == "tanh" else activations.gelu(x)]


def prelu(x: Array, slope: Array) -> Outputs:
    """In older models a slope may belong to all, or to one of the channels, which are second."""
    slope = np.full(x.shape[-1], slope) if slope.size == 1 else slope
    axis = 1 if slope.shape == x.shape[1:2] != x.shape[-1:] else -1
    given, rows = np.moveaxis(x, axis, -1), slope.reshape(-1, slope.shape[-1])
    if slope.shape[-1] != given.shape[-1] or (rows != rows[0]).any():
        raise OutOfScopeError("prelu: one slope for each feature of one axis")
    net = fnn.Sequential([fnn.PReLU(name="prelu")], input_shape=given.shape[1:])
    net.weights["prelu.slope"] = rows[0]
    return [np.moveaxis(net.predict(given), -1, axis)]


def over_axis(name: str) -> Operator:
    """A function of rows, over any axis."""

    def operator(x: Array, *, axis: int = -1) -> Outputs:
        return [np.moveaxis(getattr(activations, name)(np.moveaxis(x, axis, -1)), -1, axis)]

    return operator


def batch_normalization(
    x: Array,
    scale: Array,
    bias: Array,
    mean: Array,
    variance: Array,
    *,
    epsilon: float = 1e-5,
    momentum: float = 0.9,
    training_mode: int = 0,
    is_test: int = 1,
) -> Outputs:
    net = fnn.Sequential([fnn.BatchNorm(momentum=momentum, epsilon=epsilon, name="norm")])
    rows = np.moveaxis(x, 1, -1)
    net.build(rows.shape[1:])
    for key, value in {"gamma": scale, "beta": bias, "mean": mean, "variance": variance}.items():
        net.weights[f"norm.{key}"] = value
    if not training_mode:
        return [np.moveaxis(net.predict(rows), -1, 1)]
    y = net.forward(rows, training=True)
    net.backward(np.zeros_like(y))  # the running statistics change with a whole step
    return [np.moveaxis(y, -1, 1), net.weights["norm.mean"].copy(), net.weights["norm.variance"].copy()]


def layer_normalization(
    x: Array, scale: Array, bias: Array | None = None, *, axis: int = -1, epsilon: float = 1e-5
) -> Outputs:
    """ONNX's mean and 1 / deviation, which follow, are not outputs here."""
    layer = fnn.LayerNorm(epsilon=epsilon, name="norm")
    return [_normalized(layer, x, scale, np.zeros(scale.size) if bias is None else bias), None, None]


def rms_normalization(x: Array, scale: Array, *, axis: int = -1, epsilon: float = 1e-5) -> Outputs:
    return [_normalized(fnn.RMSNorm(epsilon=epsilon, name="norm"), x, scale, None)]


def _normalized(layer: fnn.Layer, x: Array, scale: Array, bias: Array | None) -> Array:
    """Over the last axes, those that the scale has."""
    rows = x.reshape(-1, scale.size)
    net = fnn.Sequential([layer], input_shape=rows.shape[1:])
    net.weights["norm.gamma"] = scale.reshape(-1)
    if bias is not None:
        net.weights["norm.beta"] = bias.reshape(-1)
    return net.predict(rows).reshape(x.shape)


def group_normalization(
    x: Array, scale: Array, bias: Array, *, num_groups: int | None = None, epsilon: float = 1e-5
) -> Outputs:
    """Also instance normalization, whose groups are the channels."""
    given = np.moveaxis(x, 1, -1)
    layer = fnn.GroupNorm(num_groups or x.shape[1], epsilon, name="norm")
    net = fnn.Sequential([layer], input_shape=given.shape[1:])
    net.weights["norm.gamma"], net.weights["norm.beta"] = scale, bias
    return [np.moveaxis(net.predict(given), -1, 1)]


def cross_entropy(
    scores: Array,
    labels: Array,
    class_weights: Array | None = None,
    *,
    reduction: str = "mean",
    ignore_index: int | None = None,
) -> Outputs:
    """Over all positions; the logarithms of the probabilities are a second output."""
    logits = np.moveaxis(scores, 1, -1).reshape(-1, scores.shape[1])
    places = labels.reshape(-1)
    weights = np.ones(scores.shape[1]) if class_weights is None else class_weights
    loss = CrossEntropy(class_weights=None if class_weights is None else tuple(weights), ignore=ignore_index)
    mass = np.where(places == ignore_index, 0, weights[np.where(places == ignore_index, 0, places)])
    logs = np.moveaxis(activations.log_softmax(np.moveaxis(scores, 1, -1)), -1, 1)
    if reduction == "none":
        each = [loss(row[None], [label])[0] for row, label in zip(logits, places, strict=True)]
        return [(np.array(each) * mass).reshape(labels.shape), logs]
    whole = loss(np.moveaxis(scores, 1, -1), labels)[0]
    return [np.asarray(whole * (mass.sum() if reduction == "sum" else 1)), logs]


def negative_log_likelihood(scores: Array, *rest: Array, **settings: Any) -> Outputs:
    """Of logarithms of probabilities, which are logits too where they are normalized."""
    logits = np.log(np.exp(np.float64(scores)).sum(axis=1))
    if np.abs(logits).max() > 1e-5:
        raise OutOfScopeError("negative log likelihood of scores that are not logarithms of probabilities")
    return cross_entropy(scores, *rest, **settings)[:1]


def concat(*inputs: Array, axis: int) -> Outputs:
    if inputs[0].ndim < 2 or axis in (0, -inputs[0].ndim):
        raise OutOfScopeError("concatenation along the batch")
    symbols = [fnn.Input(x.shape[1:], name=f"x{i}") for i, x in enumerate(inputs)]
    joined = fnn.Concatenate(axis=axis)(symbols)
    return [fnn.Network(symbols, joined).predict(list(inputs))]


def merged(layer: Callable[[], fnn.Layer]) -> Operator:
    """A layer of two inputs."""

    def operator(a: Array, b: Array, **older: int) -> Outputs:
        if a.dtype != np.float32 or a.shape != b.shape or a.ndim < 2:
            raise OutOfScopeError("values to join are float32 of one shape, with a batch")
        symbols = [fnn.Input(x.shape[1:], name=name) for x, name in ((a, "a"), (b, "b"))]
        return [fnn.Network(symbols, layer()(symbols)).predict([a, b])]

    return operator


def flatten(x: Array, *, axis: int = 1) -> Outputs:
    if axis % x.ndim != 1:
        raise OutOfScopeError("flattening of the batch, or of a part of the axes")
    return [fnn.Sequential([fnn.Flatten()], input_shape=x.shape[1:]).predict(x)]


def reshape(x: Array, shape: Array, *, allowzero: int = 0) -> Outputs:
    wanted = [x.shape[i] if n == 0 and not allowzero else int(n) for i, n in enumerate(shape)]
    if wanted[0] != len(x):
        raise OutOfScopeError("a reshape of the batch")
    return [fnn.Sequential([fnn.Reshape(tuple(wanted[1:]))], input_shape=x.shape[1:]).predict(x)]


def dropout(x: Array, ratio: Array | None = None, training: Array | None = None, *, seed: int = 0) -> Outputs:
    rate = 0.5 if ratio is None else float(ratio)
    if training is not None and training and rate:
        raise OutOfScopeError("which elements are dropped is up to the generator of random numbers")
    rows = x.reshape(1, *x.shape)
    y = fnn.Sequential([fnn.Dropout(rate)], input_shape=x.shape).predict(rows)
    return [y.reshape(x.shape), np.ones(x.shape, bool)]


def updated(make: Callable[..., Op], slots: int) -> Operator:
    """An optimizer: ONNX gives rate, count of updates, then all parameters, all gradients, and each slot of all."""

    def operator(rate: Array, count: Array, *tensors: Array, **settings: Any) -> Outputs:
        several = len(tensors) // (2 + slots)
        groups = [[tensor(part) for part in tensors[i * several : (i + 1) * several]] for i in range(2 + slots)]
        for parts in zip(*groups, strict=True):
            op, factor = make(parts, int(count), settings)
            rates = np.array([float(rate) * factor])
            Plan([op]).run(1, 1, rates=rates, update=max(0, int(count) - 1), pause=0)
        return [part.array for i, group in enumerate(groups) if i != 1 for part in group]

    return operator


def momentum(parts: Sequence[Tensor], count: int, settings: dict[str, Any]) -> tuple[Op, float]:
    p, g, v = parts
    if count and settings["beta"] != 1:
        raise OutOfScopeError("momentum: the gradient counts fully")
    nesterov = settings["mode"] == "nesterov"
    decay = settings["norm_coefficient"]
    return kernels.SGD(p, g, v, momentum=settings["alpha"], nesterov=nesterov, weight_decay=decay), 1


def adam(parts: Sequence[Tensor], count: int, settings: dict[str, Any]) -> tuple[Op, float]:
    """ONNX adds epsilon before the correction for the first updates; with a count of 0 it corrects nothing."""
    if count:
        raise OutOfScopeError("adam: epsilon is added after the correction, as in the paper")
    if settings.get("norm_coefficient_post"):
        raise OutOfScopeError("adam: no decay after the update")
    b1, b2 = settings["alpha"], settings["beta"]
    epsilon = settings["epsilon"] / np.sqrt(1 - b2)
    op = kernels.Adam(*parts, beta1=b1, beta2=b2, epsilon=epsilon, weight_decay=settings["norm_coefficient"])
    return op, (1 - b1) / np.sqrt(1 - b2)  # the first update's corrections, undone


def adagrad(parts: Sequence[Tensor], count: int, settings: dict[str, Any]) -> tuple[Op, float]:
    op = kernels.Adagrad(*parts, epsilon=settings["epsilon"], weight_decay=settings["norm_coefficient"])
    return op, 1 / (1 + count * settings.get("decay_factor", 0.0))


#: By the name of ONNX's operator.
OPERATORS: dict[str, Operator] = {
    "Gemm": gemm,
    "Relu": elementwise("relu"),
    "Sigmoid": elementwise("sigmoid"),
    "Tanh": elementwise("tanh"),
    "Softplus": elementwise("softplus"),
    "Softsign": elementwise("softsign"),
    "LeakyRelu": elementwise("leaky_relu", alpha=0.01),
    "Elu": elementwise("elu", alpha=1),
    "Selu": elementwise("selu", alpha=1.67326319, gamma=1.05070102),
    "HardSigmoid": elementwise("hard_sigmoid", alpha=1 / 6, beta=0.5),
    "Swish": elementwise("silu", alpha=1),
    "HardSwish": elementwise("hard_swish"),
    "Mish": elementwise("mish"),
    "Exp": elementwise("exp"),
    "Abs": elementwise("absolute"),
    "Gelu": gelu,
    "PRelu": prelu,
    "Softmax": over_axis("softmax"),
    "LogSoftmax": over_axis("log_softmax"),
    "BatchNormalization": batch_normalization,
    "LayerNormalization": layer_normalization,
    "RMSNormalization": rms_normalization,
    "GroupNormalization": group_normalization,
    "InstanceNormalization": group_normalization,
    "SoftmaxCrossEntropyLoss": cross_entropy,
    "NegativeLogLikelihoodLoss": negative_log_likelihood,
    "Add": merged(fnn.Add),
    "Mul": merged(fnn.Multiply),
    "Concat": concat,
    "Flatten": flatten,
    "Reshape": reshape,
    "Dropout": dropout,
    "Momentum": updated(momentum, 1),
    "Adam": updated(adam, 2),
    "Adagrad": updated(adagrad, 1),
}
