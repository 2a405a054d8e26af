"""Gaussian noise."""

from dataclasses import dataclass
from typing import ClassVar

from fastnn import kernels
from fastnn.common import checks
from fastnn.layers.base import Layer
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


@dataclass(eq=False, repr=False)
class GaussianNoise(Layer):
    """In training, y = x + noise, normal with mean 0 and standard deviation stddev; in prediction, y = x.

    x and y are (batch, ...). The noise follows from the network's seed, the layer's place and the step.

    Parameters
    ----------
    stddev : float
        Standard deviation of the noise, >= 0.

    Raises
    ------
    TypeError, ValueError
        Unless stddev >= 0.

    References
    ----------
    C. M. Bishop, "Training with Noise is Equivalent to Tikhonov Regularization", Neural Computation 7(1), 1995.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> net = fnn.Sequential([fnn.GaussianNoise(0.1)], input_shape=(1000,), seed=0)
    >>> round(float(net.forward(np.zeros((1, 1000)), training=True).std()), 1)
    0.1
    """

    stddev: float

    trains_only: ClassVar[bool] = True
    stepwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "stddev", checks.real("GaussianNoise: stddev", self.stddev, least=0))

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        if not lowering.varies or self.stddev == 0:
            return x
        x = lowering.read(x)
        y = lowering.value(x.columns, x.trains, beside=x)
        y.origin = x.ending
        lowering.emit(kernels.GaussianNoise, x.buffer, y.buffer, stddev=self.stddev, seed=lowering.seed, stream=index)

        lowering.backward(lambda: lowering.pass_gradient(y, x))
        return y
