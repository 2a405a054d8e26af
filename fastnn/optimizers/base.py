"""What an optimizer is: the settings of an update. The network holds its state: slots, each one flat block."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastnn.common import checks
from fastnn.common.settings import Settings, field_names, unknown_attribute
from fastnn.engine.tensor import Tensor
from fastnn.lowering.lowering import Lowering
from fastnn.schedules import Schedule


@dataclass(eq=False, repr=False)
class Span:
    """Equal ranges of the flat blocks that one update changes: of parameters, gradients, and slots by name.

    factor: of the learning rate.
    """

    values: Tensor
    gradients: Tensor
    slots: Mapping[str, Tensor]
    factor: float = 1.0


@dataclass(eq=False, repr=False)
class Optimizer(Settings, ABC):
    """The settings of an update; the base of all optimizers.

    The learning rate may be changed at any time, the other settings by compiling again.

    Parameters
    ----------
    learning_rate : float or Schedule
        The step size, >= 0.

    Raises
    ------
    TypeError, ValueError
        For an invalid setting.
    AttributeError
        When a setting other than learning_rate is assigned.

    Examples
    --------
    >>> import fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dense(1)], input_shape=(2,)).compile(fnn.SGD(0.1), "mse")
    >>> net.optimizer.learning_rate = 0.01
    >>> net.optimizer == fnn.SGD(0.01)
    True
    """

    learning_rate: float | Schedule

    def __post_init__(self) -> None:
        self.check()

    def __setattr__(self, name: str, value: Any) -> None:
        kind = type(self).__name__
        if name == "learning_rate":
            value = value if isinstance(value, Schedule) else checks.real(f"{kind}: learning_rate", value, least=0)
        elif name in vars(self):
            raise AttributeError(f"{kind}: {name} cannot be changed; compile again with {kind}({name}=...)")
        elif type(self).__module__.startswith("fastnn."):  # custom classes may have more
            known = field_names(self)
            if name not in known:
                raise unknown_attribute(self, name, known)
        object.__setattr__(self, name, value)

    def check(self) -> None:
        """Raises TypeError or ValueError for an invalid setting."""

    def real(self, name: str, **limits: float) -> None:
        """Checks a number among the settings and makes it a float."""
        object.__setattr__(self, name, checks.real(f"{type(self).__name__}: {name}", getattr(self, name), **limits))

    def integer(self, name: str, **limits: int) -> None:
        """Checks an integer among the settings."""
        object.__setattr__(self, name, checks.integer(f"{type(self).__name__}: {name}", getattr(self, name), **limits))

    def flag(self, name: str) -> None:
        """Checks a switch among the settings."""
        checks.flag(f"{type(self).__name__}: {name}", getattr(self, name))

    def slots(self) -> tuple[str, ...]:
        """The names of the slots, each as large as the parameters."""
        return ()


@dataclass(eq=False, repr=False)
class FirstOrder(Optimizer):
    """An optimizer that needs the present gradient and its slots only, in one pass over the parameters.

    Parameters
    ----------
    learning_rate : float or Schedule
        The step size, >= 0.
    clip_value : float, optional
        Each element of the gradient is clipped to [-clip_value, clip_value].
    clip_norm : float, optional
        Then the whole gradient is scaled down to this norm if its norm is greater, [1]_.
    ema : float, optional
        The decay, in [0, 1), of a moving average of the weights: average = ema average + (1 - ema) weights after each
        update, [2]_. `net.averaged()` returns a network with it.

    Raises
    ------
    TypeError, ValueError
        For an invalid setting.

    References
    ----------
    .. [1] R. Pascanu, T. Mikolov and Y. Bengio, "On the Difficulty of Training Recurrent Neural Networks", ICML 2013.
    .. [2] B. T. Polyak and A. B. Juditsky, "Acceleration of Stochastic Approximation by Averaging", SIAM Journal on
       Control and Optimization 30(4), 1992.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dense(1)], input_shape=(2,), seed=0).compile(fnn.SGD(1, clip_norm=0.1), "mse")
    >>> before = net.parameters.copy()
    >>> _ = net.train_on_batch(100 * np.eye(2), np.ones(2))
    >>> round(float(np.linalg.norm(net.parameters - before)), 3)
    0.1
    """

    clip_value: float | None = field(default=None, kw_only=True)
    clip_norm: float | None = field(default=None, kw_only=True)
    ema: float | None = field(default=None, kw_only=True)

    def check(self) -> None:
        super().check()
        for name in ("clip_value", "clip_norm"):
            if getattr(self, name) is not None:
                self.real(name, least=checks.SMALLEST)
        if self.ema is not None:
            self.real("ema", least=0, below=1)

    def slots(self) -> tuple[str, ...]:
        return self.state() if self.ema is None else (*self.state(), "average")

    def state(self) -> tuple[str, ...]:
        """The names of the slots that the update itself needs."""
        return ()

    def options(self) -> dict[str, Any]:
        """The settings that the Op receives."""
        common = {f.name for f in dataclasses.fields(FirstOrder)}
        return {name: value for name, value in self.settings().items() if name not in common}

    @abstractmethod
    def update(self, lowering: Lowering, span: Span) -> None:
        """Emits the update of one range."""


@dataclass(eq=False, repr=False)
class Decaying(FirstOrder):
    """An optimizer with weight_decay: the gradient becomes g + weight_decay p for all parameters, biases included."""

    weight_decay: float = field(default=0.0, kw_only=True)

    def check(self) -> None:
        super().check()
        self.real("weight_decay", least=0)
