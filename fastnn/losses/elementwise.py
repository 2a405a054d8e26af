"""Losses that are a mean over all elements."""

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

    def setting(self) -> float:
        """What the kernel takes besides the output and the target."""
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
    """(y - t)^2, the mean over all elements; dy = 2 (y - t) / elements."""

    name: ClassVar[str] = "mse"


class MeanAbsoluteError(Elementwise):
    """|y - t|, the mean over all elements; dy = sign(y - t) / elements."""

    name: ClassVar[str] = "mae"


@dataclass(eq=False, repr=False)
class Huber(Elementwise):
    """d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2), d = y - t, the mean over all elements.

    Raises ValueError for a delta that is not positive. Huber 1964.
    """

    name: ClassVar[str] = "huber"
    delta: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "delta", checks.real("Huber: delta", self.delta, least=checks.SMALLEST))

    def setting(self) -> float:
        return self.delta


class BinaryCrossEntropy(Elementwise):
    """-t log p - (1 - t) log(1 - p), p = sigmoid(y), the mean over all elements, in nats; t from 0 to 1.

    Called on arrays it takes logits y; dy = (p - t) / elements.
    """

    name: ClassVar[str] = "binary_cross_entropy"
    ending: ClassVar[str | None] = "sigmoid"
    check: ClassVar[str] = "unit"
    classifies: ClassVar[bool] = True


@dataclass(eq=False, repr=False)
class Focal(BinaryCrossEntropy):
    """-t (1 - p)^gamma log p - (1 - t) p^gamma log(1 - p), p = sigmoid(y), the mean over all elements, in nats.

    Binary, or for several labels that do not exclude each other: each output is a class against the rest. Examples that
    are right already count little; gamma = 0 is binary_cross_entropy. In place of the paper's alpha there are
    sample_weight and class_weight. Called on arrays it takes logits y.
    Raises ValueError for gamma < 0. Lin et al. 2017, equation 4.
    """

    name: ClassVar[str] = "focal"
    gamma: float = 2.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "gamma", checks.real("Focal: gamma", self.gamma, least=0))

    def setting(self) -> float:
        return self.gamma


class Hinge(Elementwise):
    """max(0, 1 - s y), the mean over all elements; s = 1 where t is 1, else -1, for t of 1 and 0, or of 1 and -1.

    A linear output whose sign is the class; several of them are each a class against the rest. Any other t raises
    ValueError. Cortes & Vapnik 1995.
    """

    name: ClassVar[str] = "hinge"
    check: ClassVar[str] = "signed"
    classifies: ClassVar[bool] = True


class Poisson(Elementwise):
    """exp(y) - t y, the mean over all elements, in nats: y is the logarithm of the rate, t >= 0 a count.

    The negative log-likelihood without log(t!), which does not depend on y. np.exp(net.predict(x)) are the rates.
    """

    name: ClassVar[str] = "poisson"
    check: ClassVar[str] = "nonnegative"
