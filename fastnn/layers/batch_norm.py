"""Batch normalization."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fastnn import kernels
from fastnn.common import checks
from fastnn.engine.tensor import Tensor
from fastnn.layers.base import Layer, Parameter
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Affine, Value


@dataclass(eq=False, repr=False)
class BatchNorm(Layer):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta, for each channel of x (batch, ..., channels).

    In training, mean and variance are those of the batch over all axes but the last; the variance is the biased one
    (divided by the number of values). After each step that succeeds, running = momentum * running + (1 - momentum) *
    batch for both, from 0 and 1 at the start; prediction uses the running ones. A batch with one value per channel
    gives y = beta and leaves the running ones unchanged. Keras and ONNX define momentum likewise; PyTorch's is 1 -
    momentum, and its running variance is the unbiased one.

    gamma, beta, mean and variance, each (channels,), are in `net.weights`. The running mean and variance are not
    trained and have no gradient. `net.freeze()` folds the layer into a Dense or convolution without activation directly
    before it.

    Parameters
    ----------
    momentum : float, default 0.9
        Weight of the old running statistics, from 0 to 1.
    epsilon : float, default 1e-5
        Added to the variance, > 0.

    Raises
    ------
    TypeError, ValueError
        Unless 0 <= momentum <= 1 and epsilon > 0.
    FloatingPointError
        In training, for a batch whose mean or variance overflows float32; the step changes nothing, since the running
        ones would never recover.

    References
    ----------
    S. Ioffe and C. Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate
    Shift", ICML 2015, algorithms 1 and 2.

    Examples
    --------
    >>> import fastnn as fnn
    >>> net = fnn.Sequential([fnn.BatchNorm()], input_shape=(8, 8, 3))
    >>> list(net.weights)
    ['batch_norm_0.gamma', 'batch_norm_0.beta', 'batch_norm_0.mean', 'batch_norm_0.variance']
    """

    momentum: float = 0.9
    epsilon: float = 1e-5

    stepwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "momentum", checks.real("BatchNorm: momentum", self.momentum, 0, 1))
        object.__setattr__(self, "epsilon", checks.real("BatchNorm: epsilon", self.epsilon, checks.SMALLEST))

    def parameters(self, features: tuple[int, ...]) -> dict[str, Parameter]:
        shape = features[-1:]
        return {
            "gamma": Parameter(shape, "ones"),
            "beta": Parameter(shape, "zeros"),
            "mean": Parameter(shape, "zeros", statistic=True),
            "variance": Parameter(shape, "ones", statistic=True),
        }

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        gamma, beta, mean, variance = (weights[name].value for name in ("gamma", "beta", "mean", "variance"))
        affine = x.affine if lowering.derived is not None and x.open else None
        if affine is not None and affine.scales(gamma.size):
            given = affine, gamma, beta, mean, variance
            folded = lowering.derive((affine.weight, gamma), lambda: Folded(*given, self.epsilon))
            x.exchange(folded.weight, folded.bias)
            return x
        x, frozen = lowering.read(x), weights["gamma"].gradient is None
        y = lowering.value(x.columns, trains=x.trains or not frozen, beside=x)
        fixed = frozen or not lowering.varies  # the statistics do not depend on x
        if not fixed:
            mean, variance = self._lower_statistics(lowering, x, weights)
        if lowering.training:
            self._lower_backward(lowering, x, y, weights, mean, variance, fixed)
        y.producer = lowering.emit(
            kernels.BatchNorm, x.buffer, mean, variance, gamma, beta, y.buffer, epsilon=self.epsilon
        )
        return y

    def _lower_statistics(self, lowering: Lowering, x: Value, weights: dict[str, Weight]) -> tuple[Tensor, Tensor]:
        """Emits the statistics of the batch, and at the end their running means; returns mean and variance."""
        running = weights["mean"].value, weights["variance"].value
        mean, variance = (Tensor(tensor.shape) for tensor in running)
        lowering.emit(kernels.BatchNormMoments, x.buffer, mean, variance)

        def close() -> None:
            groups, seen = x.columns // mean.size, lowering.seen
            count = None if seen is None else seen.setdefault(weights["mean"], Tensor((1,)))
            settings = {"momentum": self.momentum, "groups": groups, "seen": count}
            call = lowering.emit(kernels.BatchNormRunning, mean, variance, *running, **settings)
            call.steps = x.buffer.steps

        lowering.closing(close)
        return mean, variance

    def _lower_backward(
        self,
        lowering: Lowering,
        x: Value,
        y: Value,
        weights: dict[str, Weight],
        mean: Tensor,
        variance: Tensor,
        fixed: bool,
    ) -> None:
        """Registers the gradients; through the statistics too, unless they are fixed."""
        gamma, beta = weights["gamma"], weights["beta"]
        shift, slope, zero = (Tensor(mean.shape) for _ in range(3))
        epsilon = self.epsilon

        def backward() -> None:
            given = x.buffer, y.gradient, mean, variance
            if gamma.gradient is not None:
                gradients, add = (gamma.gradient, beta.gradient), lowering.adds(gamma)
                lowering.emit(
                    kernels.BatchNormWeightGradient, *given, shift, slope, *gradients, epsilon=epsilon, add=add
                )
            if x.trains:
                through = (zero, zero) if fixed else (shift, slope)
                dx = lowering.gradient(x)
                lowering.emit(kernels.BatchNormInputGradient, *given, *through, gamma.value, dx, epsilon=epsilon)
                lowering.apply_derivative(x)

        lowering.backward(backward)


class Folded:
    """The weight and bias of a producer and a BatchNorm after it as one; a call reads both again."""

    def __init__(
        self, affine: Affine, gamma: Tensor, beta: Tensor, mean: Tensor, variance: Tensor, epsilon: float
    ) -> None:
        self.given = affine.matrix, affine.bias, gamma, beta, mean, variance
        self.epsilon, self.channels = epsilon, affine.channels
        self.weight, self.bias = Tensor(affine.matrix.shape), Tensor(gamma.shape)
        self()

    def __call__(self) -> None:
        weight, bias, gamma, beta, mean, variance = (0 if t is None else t.array.astype(np.float64) for t in self.given)
        scale = gamma / np.sqrt(variance + self.epsilon)
        self.weight.array[...] = weight * scale.reshape(self.channels)
        self.bias.array[...] = (bias - mean) * scale + beta
