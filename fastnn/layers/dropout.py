"""Dropout."""

from dataclasses import dataclass
from typing import ClassVar

from fastnn import kernels
from fastnn.common import checks
from fastnn.layers.base import Layer
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


@dataclass(eq=False, repr=False)
class Dropout(Layer):
    """In training, zero each element with probability rate and divide the others by 1 - rate; in prediction, y = x.

    x and y are (batch, ...). The mask follows from the network's seed, the layer's place and the step.

    Parameters
    ----------
    rate : float
        Probability of zero, 0 <= rate < 1.

    Raises
    ------
    TypeError, ValueError
        Unless 0 <= rate < 1.

    References
    ----------
    N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever and R. Salakhutdinov, "Dropout: A Simple Way to Prevent Neural
    Networks from Overfitting", Journal of Machine Learning Research 15, 2014.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dropout(0.5)], input_shape=(8,), seed=0)
    >>> sorted(set(net.forward(np.ones((4, 8)), training=True).ravel().tolist()))
    [0.0, 2.0]
    >>> net.predict(np.ones((1, 8)))
    array([[1., 1., 1., 1., 1., 1., 1., 1.]], dtype=float32)
    """

    rate: float

    trains_only: ClassVar[bool] = True
    stepwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "rate", checks.real("Dropout: rate", self.rate, least=0, below=1))

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        if not lowering.varies or self.rate == 0:
            return x
        x = lowering.read(x)
        y = lowering.value(x.columns, x.trains, beside=x)
        y.origin = x.ending
        options = {"rate": self.rate, "seed": lowering.seed, "stream": index}
        lowering.emit(kernels.Dropout, x.buffer, y.buffer, **options)

        def backward() -> None:
            if x.trains:
                lowering.emit(kernels.Dropout, y.gradient, lowering.gradient(x), **options)
                lowering.apply_derivative(x)

        lowering.backward(backward)
        return y
