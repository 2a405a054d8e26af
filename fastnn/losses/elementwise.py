"""Losses that are means over all elements."""

from dataclasses import dataclass
from typing import ClassVar

from fastnn import kernels
from fastnn.common import checks
from fastnn.losses.base import Loss
from fastnn.losses.target import Target
from fastnn.lowering.call import Buffer, Call
from fastnn.lowering.lowering import Lowering


class Elementwise(Loss):
    """A loss that is the mean over all elements."""

    elementwise: ClassVar[bool] = True

    def setting(self) -> float:
        """What the kernel needs in addition to the output and the target."""
        return 0.0

    def emit(self, lowering: Lowering, output: Buffer, target: Target, gradient: Buffer) -> Call:
        options = {
            "loss": self.name,
            "setting": self.setting(),
            "finite": lowering.training,
            "positions": target.positions,
        }
        return lowering.emit(kernels.ElementwiseLoss, output, target.buffer, gradient, target.weight, **options)


class MeanSquaredError(Elementwise):
    """(y - t)^2, the mean over all elements; dy = 2 (y - t) / elements.

    Examples
    --------
    >>> import fastnn as fnn
    >>> loss, dy = fnn.losses.mse([[1.0], [3.0]], [[1.0], [1.0]])
    >>> loss, dy.tolist()
    (2.0, [[0.0], [2.0]])
    """

    name: ClassVar[str] = "mse"


class MeanAbsoluteError(Elementwise):
    """|y - t|, the mean over all elements; dy = sign(y - t) / elements.

    Examples
    --------
    >>> import fastnn as fnn
    >>> loss, dy = fnn.losses.mae([[1.0], [3.0]], [[1.0], [1.0]])
    >>> loss, dy.tolist()
    (1.0, [[0.0], [0.5]])
    """

    name: ClassVar[str] = "mae"


@dataclass(eq=False, repr=False)
class Huber(Elementwise):
    """d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2), d = y - t, the mean over all elements.

    Parameters
    ----------
    delta : float, default 1
        Where the loss becomes linear, > 0.

    Raises
    ------
    TypeError, ValueError
        For a delta that is not a number > 0.

    References
    ----------
    P. J. Huber, "Robust Estimation of a Location Parameter", Annals of Mathematical Statistics 35(1), 1964.

    Examples
    --------
    >>> import fastnn as fnn
    >>> loss, dy = fnn.losses.Huber(delta=1.0)([[0.0], [3.0]], [[0.0], [0.0]])
    >>> loss, dy.tolist()
    (1.25, [[0.0], [0.5]])
    """

    name: ClassVar[str] = "huber"
    delta: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "delta", checks.real("Huber: delta", self.delta, least=checks.SMALLEST))

    def setting(self) -> float:
        return self.delta


class BinaryCrossEntropy(Elementwise):
    """-t log p - (1 - t) log(1 - p), p = sigmoid(y), the mean over all elements, in nats; t from 0 to 1.

    Called on arrays it expects logits y; dy = (p - t) / elements.

    Examples
    --------
    >>> import fastnn as fnn
    >>> loss, dy = fnn.losses.binary_cross_entropy([[0.0], [0.0]], [[0.0], [1.0]])
    >>> round(loss, 4), dy.tolist()
    (0.6931, [[0.25], [-0.25]])
    """

    name: ClassVar[str] = "binary_cross_entropy"
    ending: ClassVar[str | None] = "sigmoid"
    check: ClassVar[str] = "unit"
    classifies: ClassVar[bool] = True


@dataclass(eq=False, repr=False)
class Focal(BinaryCrossEntropy):
    """-t (1 - p)^gamma log p - (1 - t) p^gamma log(1 - p), p = sigmoid(y), the mean over all elements, in nats.

    For binary targets, or several labels that do not exclude each other: each output is one class against the rest.
    Examples that are already classified well contribute little. Instead of the paper's alpha use sample_weight and
    class_weight. Called on arrays it expects logits y.

    Parameters
    ----------
    gamma : float, default 2
        At least 0; 0 is `BinaryCrossEntropy`.

    Raises
    ------
    TypeError, ValueError
        For a gamma that is not a number >= 0.

    References
    ----------
    T.-Y. Lin, P. Goyal, R. Girshick, K. He and P. Dollar, "Focal Loss for Dense Object Detection", ICCV 2017, equation
    4.

    Examples
    --------
    >>> import fastnn as fnn
    >>> loss, _ = fnn.losses.Focal(gamma=2.0)([[0.0]], [[1.0]])
    >>> round(loss, 4)
    0.1733
    """

    name: ClassVar[str] = "focal"
    gamma: float = 2.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "gamma", checks.real("Focal: gamma", self.gamma, least=0))

    def setting(self) -> float:
        return self.gamma


class Hinge(Elementwise):
    """max(0, 1 - s y), the mean over all elements; s = 1 where t is 1, else -1.

    Targets are 1 and 0, or 1 and -1. The sign of a linear output is the class; each of several outputs is one class
    against the rest. Any other target raises ValueError.

    References
    ----------
    C. Cortes and V. Vapnik, "Support-Vector Networks", Machine Learning 20(3), 1995.

    Examples
    --------
    >>> import fastnn as fnn
    >>> loss, dy = fnn.losses.hinge([[0.5], [2.0]], [[0], [1]])
    >>> loss, dy.tolist()
    (0.75, [[0.5], [0.0]])
    """

    name: ClassVar[str] = "hinge"
    check: ClassVar[str] = "signed"
    classifies: ClassVar[bool] = True


class Poisson(Elementwise):
    """exp(y) - t y, the mean over all elements, in nats: y is the logarithm of the rate, t >= 0 a count.

    This is the negative log-likelihood without log(t!), which does not depend on y. np.exp(net.predict(x)) are the
    rates.

    Examples
    --------
    >>> import fastnn as fnn
    >>> loss, dy = fnn.losses.poisson([[0.0]], [[3.0]])
    >>> loss, dy.tolist()
    (1.0, [[-2.0]])
    """

    name: ClassVar[str] = "poisson"
    check: ClassVar[str] = "nonnegative"
