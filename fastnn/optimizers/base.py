"""What an optimizer is: settings of the update. The network holds its state (slots), a flat block each."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastnn.common import checks
from fastnn.common.settings import Settings
from fastnn.engine.tensor import Tensor
from fastnn.lowering.lowering import Lowering
from fastnn.schedules import Schedule


@dataclass(eq=False, repr=False)
class Span:
    """Equal ranges of the flat blocks, which one update changes: of parameters, gradients, and slots by name."""

    values: Tensor
    gradients: Tensor
    slots: Mapping[str, Tensor]


@dataclass(eq=False, repr=False)
class Optimizer(Settings, ABC):
    """Settings of an update. learning_rate may be changed between steps, the rest belongs to a compile."""

    learning_rate: float | Schedule

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        """Raises TypeError or ValueError for a setting that makes no sense."""
        if not isinstance(self.learning_rate, Schedule):
            self.real("learning_rate", least=0)

    def real(self, name: str, **limits: float) -> None:
        """Checks a number among the settings, and makes it a float."""
        setattr(self, name, checks.real(f"{type(self).__name__}: {name}", getattr(self, name), **limits))

    def flag(self, name: str) -> None:
        """Checks a switch among the settings."""
        checks.flag(f"{type(self).__name__}: {name}", getattr(self, name))

    def slots(self) -> tuple[str, ...]:
        """The names of the state that it wants, each as large as the parameters."""
        return ()


@dataclass(eq=False, repr=False)
class FirstOrder(Optimizer):
    """An optimizer that goes by the present gradient and its slots, in one pass over the parameters.

    clip_value: each element of the gradient is brought into +-clip_value. clip_norm: then the whole gradient is scaled
    down to that norm if it is longer (Pascanu et al. 2013). ema: a moving average of the weights, average = ema average
    + (1 - ema) weights after each update, which `net.averaged()` returns (Polyak & Juditsky 1992). None leaves it out.
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
        """The names of the slots of the update itself."""
        return ()

    def options(self) -> dict[str, Any]:
        """The settings that are the Op's."""
        common = {f.name for f in dataclasses.fields(FirstOrder)}
        return {name: value for name, value in self.settings().items() if name not in common}

    @abstractmethod
    def update(self, plan: Lowering, span: Span) -> None:
        """Emits the update of one range."""


@dataclass(eq=False, repr=False)
class Decaying(FirstOrder):
    """An optimizer with weight_decay: the gradient is g + weight_decay p, for all parameters, biases too."""

    weight_decay: float = field(default=0.0, kw_only=True)

    def check(self) -> None:
        super().check()
        self.real("weight_decay", least=0)
