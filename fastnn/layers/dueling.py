"""Dueling: values of actions as the value of a state plus the advantage of each action."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from fastnn import kernels
from fastnn.common import checks
from fastnn.initializers import Initializer
from fastnn.layers.base import Layer
from fastnn.layers.composite import Composite
from fastnn.layers.dense import Dense
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


class _Joined(Layer):
    """y_j = z_0 + z_j - the mean of z_1, z_2, ..., over the last axis."""

    stepwise: ClassVar[bool] = True

    def output(self, features: tuple[int, ...]) -> tuple[int, ...]:
        return (*features[:-1], features[-1] - 1)

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        x, n = lowering.read(x), x.positions
        y = lowering.value(x.columns - n, x.trains, beside=x)
        lowering.emit(kernels.Dueling, x.buffer, y.buffer, positions=n)

        def backward() -> None:
            if x.trains:
                lowering.emit(kernels.DuelingGradient, y.gradient, lowering.gradient(x), positions=n)
                lowering.apply_derivative(x)

        lowering.backward(backward)
        return y


@dataclass(eq=False, repr=False)
class Dueling(Composite):
    """Q(s, a) = V(s) + A(s, a) - mean_a' A(s, a'), where V and all A are one `Dense` layer of the features.

    x is (batch, ..., features), y (batch, ..., actions). The weight (features, 1 + actions) has V in its first column.

    Parameters
    ----------
    actions : int
        Outputs.
    initializer : str or function, optional
        Of the weight, as in `Dense`.

    Raises
    ------
    TypeError, ValueError
        For actions < 1 and an unknown initializer.

    References
    ----------
    Z. Wang, T. Schaul, M. Hessel, H. van Hasselt, M. Lanctot and N. de Freitas, "Dueling Network Architectures for Deep
    Reinforcement Learning", ICML 2016, eq. 9.

    Examples
    --------
    >>> import fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dense(64, "relu"), fnn.Dueling(2)], input_shape=(4,), seed=0)
    >>> net.output_shape
    (2,)
    """

    actions: int
    initializer: str | Initializer | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "actions", checks.integer("Dueling: actions", self.actions, most=checks.MOST - 1))
        initializer = Dense(1, initializer=self.initializer).initializer  # checked there
        object.__setattr__(self, "initializer", initializer)

    def layers(self) -> Sequence[Layer]:
        return [Dense(1 + self.actions, initializer=self.initializer), _Joined()]
