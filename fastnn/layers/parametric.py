"""Activations with settings."""

from dataclasses import dataclass
from typing import ClassVar

from fastnn import kernels
from fastnn.common import checks
from fastnn.layers.base import Layer
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


class _Parametric(Layer):
    """y = f(x), elementwise: one of kernels.PARAMETRIC."""

    stepwise: ClassVar[bool] = True
    function: ClassVar[str]

    def numbers(self) -> tuple[float, ...]:
        """The settings in the order of the kernel."""
        raise NotImplementedError(f"{self.kind}.numbers is not defined")

    def check(self, name: str, least: float = -checks.LARGEST) -> None:
        """Checks a setting, and makes it a float."""
        number = checks.real(f"{self.kind}: {name}", getattr(self, name), least=least)
        object.__setattr__(self, name, number)

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        x = lowering.read(x)
        y = lowering.value(x.columns, x.trains, beside=x)
        options = {"function": self.function, **dict(zip(("first", "second"), self.numbers(), strict=False))}
        lowering.emit(kernels.Parametric, x.buffer, y.buffer, **options)

        def backward() -> None:
            if x.trains:
                lowering.emit(kernels.ParametricGradient, x.buffer, y.gradient, lowering.gradient(x), **options)
                lowering.apply_derivative(x)

        lowering.backward(backward)
        return y


@dataclass(eq=False, repr=False)
class LeakyReLU(_Parametric):
    """y = x where x > 0, else slope x; x and y are (batch, ...).

    A Dense before it learns best with initializer="he_normal".

    Parameters
    ----------
    slope : float, default 0.01
        Below 0. The activation "leaky_relu" has 0.01.

    Raises
    ------
    TypeError, ValueError
        Unless slope is a finite number.

    References
    ----------
    A. L. Maas, A. Y. Hannun and A. Y. Ng, "Rectifier Nonlinearities Improve Neural Network Acoustic Models", ICML 2013.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> fnn.Sequential([fnn.LeakyReLU(0.5)]).predict(np.array([[-1.0, 2.0]]))
    array([[-0.5,  2. ]], dtype=float32)
    """

    slope: float = 0.01

    function: ClassVar[str] = "leak"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check("slope")

    def numbers(self) -> tuple[float, ...]:
        return (self.slope,)


@dataclass(eq=False, repr=False)
class ELU(_Parametric):
    """y = x where x > 0, else alpha (exp(x) - 1); x and y are (batch, ...).

    A Dense before it learns best with initializer="he_normal".

    Parameters
    ----------
    alpha : float, default 1
        Minus the limit of y for small x, >= 0. The activation "elu" has 1.

    Raises
    ------
    TypeError, ValueError
        Unless alpha >= 0.

    References
    ----------
    D.-A. Clevert, T. Unterthiner and S. Hochreiter, "Fast and Accurate Deep Network Learning by Exponential Linear
    Units (ELUs)", ICLR 2016.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> fnn.Sequential([fnn.ELU(0.5)]).predict(np.array([[-100.0, 2.0]]))
    array([[-0.5,  2. ]], dtype=float32)
    """

    alpha: float = 1.0

    function: ClassVar[str] = "exponential"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check("alpha", 0)

    def numbers(self) -> tuple[float, ...]:
        return (self.alpha,)


@dataclass(eq=False, repr=False)
class Clip(_Parametric):
    """y = min(high, max(low, x)); x and y are (batch, ...). The gradient is 0 where x is outside.

    Parameters
    ----------
    low, high : float
        The least and the greatest y.

    Raises
    ------
    TypeError, ValueError
        Unless both are finite numbers, and low <= high.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> fnn.Sequential([fnn.Clip(0, 1)]).predict(np.array([[-1.0, 0.5, 2.0]]))
    array([[0. , 0.5, 1. ]], dtype=float32)
    """

    low: float
    high: float

    function: ClassVar[str] = "limit"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check("low")
        self.check("high", self.low)

    def numbers(self) -> tuple[float, ...]:
        return self.low, self.high
