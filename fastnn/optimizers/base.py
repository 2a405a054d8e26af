"""What an optimizer is: settings of the update. The network holds its state (slots), a flat block each."""

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
    """Equal ranges of the flat blocks, which one update changes: of parameters, gradients, and slots by name."""

    values: Tensor
    gradients: Tensor
    slots: Mapping[str, Tensor]


@dataclass(eq=False, repr=False)
class Optimizer(Settings, ABC):
    """Settings of an update. learning_rate may be changed at any time, the rest belongs to a compile."""

    learning_rate: float | Schedule

    def __post_init__(self) -> None:
        self.check()

    def __setattr__(self, name: str, value: Any) -> None:
        kind = type(self).__name__
        if name == "learning_rate":
            value = value if isinstance(value, Schedule) else checks.real(f"{kind}: learning_rate", value, least=0)
        elif name in vars(self):
            raise AttributeError(f"{kind}: {name} is fixed; compile again, with {kind}({name}=...)")
        elif type(self).__module__.startswith("fastnn."):  # classes of the user's may have more
            known = field_names(self)
            if name not in known:
                raise unknown_attribute(self, name, known)
        object.__setattr__(self, name, value)

    def check(self) -> None:
        """Raises TypeError or ValueError for a setting that makes no sense."""

    def real(self, name: str, **limits: float) -> None:
        """Checks a number among the settings, and makes it a float."""
        object.__setattr__(self, name, checks.real(f"{type(self).__name__}: {name}", getattr(self, name), **limits))

    def integer(self, name: str, **limits: int) -> None:
        """Checks a whole number among the settings."""
        object.__setattr__(self, name, checks.integer(f"{type(self).__name__}: {name}", getattr(self, name), **limits))

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
    def update(self, lowering: Lowering, span: Span) -> None:
        """Emits the update of one range."""


@dataclass(eq=False, repr=False)
class Decaying(FirstOrder):
    """An optimizer with weight_decay: the gradient is g + weight_decay p, for all parameters, biases too."""

    weight_decay: float = field(default=0.0, kw_only=True)

    def check(self) -> None:
        super().check()
        self.real("weight_decay", least=0)
