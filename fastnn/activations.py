"""The activations as functions of arrays: fastnn.activations.gelu(x), fastnn.activations.gelu.derivative(x).

Each runs the kernel that networks run. A layer is given its activation by name, Dense(64, activation="gelu"),
or as it is here, Dense(64, activation=fastnn.activations.gelu); the activation with learned parameters is the layer
PReLU.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import kernels
from fastnn.data import arrays
from fastnn.engine.tensor import Tensor
from fastnn.lowering.backward import ROW_WISE

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import NDArray


def _tensor(x: Any) -> Tensor:
    """A copy of x. Raises TypeError unless x holds real numbers."""
    array = arrays.numbers("x", x)
    tensor = Tensor(array.shape)
    with np.errstate(over="ignore"):  # a float64 beyond float32 becomes infinite
        tensor.array[...] = array
    return tensor


class _Function(str):
    """An activation: its name in `kernels` or ROW_WISE, which layers take, to be called; its formula as docstring."""

    def __new__(cls, name: str, formula: str = "") -> Self:
        function = super().__new__(cls, name)
        function.__doc__ = formula
        return function

    @property
    def name(self) -> str:
        """What layers and files call it."""
        return str(self)

    def __repr__(self) -> str:
        return f"fastnn.activations.{self.name}"


class Elementwise(_Function):
    """An activation y = f(x) of each element.

    Parameters
    ----------
    x : array
        Of any shape.

    Returns
    -------
    array, float32
        Of the shape of x.

    Raises
    ------
    TypeError
        Unless x holds real numbers.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.activations.relu([-1.0, 2.0])
    array([0., 2.], dtype=float32)
    >>> fnn.activations.relu.derivative([-1.0, 2.0])
    array([0., 1.], dtype=float32)
    """

    def __call__(self, x: Any) -> NDArray[np.float32]:
        y = _tensor(x)
        kernels.Activation(y, y, self.name)()
        return y.array

    def derivative(self, x: Any) -> NDArray[np.float32]:
        """Compute f'(x), float32, as the backward pass does."""
        y = _tensor(x)
        dy = Tensor(y.shape)
        dy.array[...] = 1
        if self.name not in kernels.DERIVED_FROM_INPUT:
            kernels.Activation(y, y, self.name)()
        kernels.ActivationGradient(y, dy, dy, self.name)()
        return dy.array


class RowWise(_Function):
    """An activation y = f(x) over the last axis.

    Parameters
    ----------
    x : array (..., classes)

    Returns
    -------
    array, float32
        Of the shape of x.

    Raises
    ------
    TypeError
        Unless x holds real numbers.
    ValueError
        For a single number.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.activations.softmax([0.0, 0.0])
    array([0.5, 0.5], dtype=float32)
    """

    def __call__(self, x: Any) -> NDArray[np.float32]:
        y = _tensor(x)
        if not y.shape:
            raise ValueError(f"{self.name}: expected an array (..., classes), got a single number")
        rows = Tensor((y.size // max(1, y.shape[-1]), y.shape[-1]), block=y.block)
        forward: Any = ROW_WISE[self.name][0]
        forward(rows, rows)()
        return y.array


identity = Elementwise("identity", "x.")
relu = Elementwise("relu", "max(0, x); f'(0) = 0. Nair & Hinton 2010, Rectified Linear Units.")
sigmoid = Elementwise("sigmoid", "1 / (1 + exp(-x)), the logistic function.")
tanh = Elementwise("tanh", "The hyperbolic tangent. LeCun et al. 1998, Efficient BackProp, section 4.4.")
step = Elementwise(
    "step",
    "1 where x >= 0, else 0; its derivative is 0 everywhere, so nothing before it learns by gradients: see Perceptron. "
    "McCulloch & Pitts 1943; Rosenblatt 1958.",
)
leaky_relu = Elementwise("leaky_relu", "x where x > 0, else 0.01 x; f'(0) = 0.01. Maas et al. 2013.")
elu = Elementwise("elu", "x where x > 0, else exp(x) - 1 (alpha = 1). Clevert et al. 2016.")
selu = Elementwise(
    "selu",
    "1.0507 x where x > 0, else 1.0507 * 1.6733 (exp(x) - 1): keeps mean 0 and variance 1 from layer to layer; f'(0) = "
    "1.7581, that from below. Klambauer et al. 2017, eq. 2.",
)
softplus = Elementwise("softplus", "log(1 + exp(x)). Dugas et al. 2001; Glorot et al. 2011.")
softsign = Elementwise("softsign", "x / (1 + |x|). Bergstra et al. 2009; Glorot & Bengio 2010.")
gelu = Elementwise(
    "gelu",
    "x Phi(x) = x (1 + erf(x / sqrt 2)) / 2, Phi the normal distribution. Hendrycks & Gimpel 2016, section 2.",
)
gelu_tanh = Elementwise(
    "gelu_tanh", "x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2, close to gelu. Hendrycks & Gimpel 2016, section 2."
)
silu = Elementwise("silu", "x sigmoid(x), also called swish. Elfwing et al. 2018; Ramachandran et al. 2017.")
hard_sigmoid = Elementwise(
    "hard_sigmoid",
    "max(0, min(1, x / 6 + 1 / 2)), as in PyTorch and Keras 3 (ONNX's default is x / 5 + 1 / 2); f' = 0 at -3 and 3. "
    "Howard et al. 2019.",
)
hard_tanh = Elementwise("hard_tanh", "max(-1, min(1, x)); f' = 0 at -1 and 1. Collobert 2004.")
relu6 = Elementwise("relu6", "max(0, min(6, x)); f' = 0 at 0 and 6. Krizhevsky 2010; Howard et al. 2017, MobileNets.")
exp = Elementwise("exp", "exp(x), for outputs > 0, such as a rate or a scale; infinite for x > 88.7.")
square = Elementwise("square", "x^2.")
absolute = Elementwise("absolute", "|x|; f'(0) = 0.")
mish = Elementwise("mish", "x tanh(log(1 + exp(x))). Misra 2020, eq. 1.")
hard_swish = Elementwise(
    "hard_swish", "x max(0, min(6, x + 3)) / 6, close to silu; f'(-3) = 0, f'(3) = 1. Howard et al. 2019, section 5.2."
)
softmax = RowWise("softmax", "exp(x_j) / sum_k exp(x_k) over the last axis. Bridle 1990.")
log_softmax = RowWise(
    "log_softmax", "x_j - log sum_k exp(x_k) over the last axis: log(softmax(x)), also where that is 0."
)
