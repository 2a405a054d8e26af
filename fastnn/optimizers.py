"""Optimizers: settings of the update. The network holds their state (slots), a flat block each."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastnn import checks, kernels
from fastnn.lowering import Lowering
from fastnn.tensor import Tensor


@dataclass
class Optimizer(ABC):
    """Settings of an update. learning_rate may be changed between steps, the rest belongs to a compile."""

    learning_rate: float

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        """Raises TypeError or ValueError for a setting that makes no sense."""
        self.learning_rate = checks.real(f"{type(self).__name__}: learning_rate", self.learning_rate, least=0)

    def slots(self) -> tuple[str, ...]:
        """The names of the state that it wants, each as large as the parameters."""
        return ()

    @abstractmethod
    def lower(self, plan: Lowering, parameters: Tensor, gradients: Tensor, slots: Mapping[str, Tensor]) -> None:
        """Emits the update of one range."""

    def settings(self) -> dict[str, Any]:
        """The fields, as they go into a file."""
        return dataclasses.asdict(self)


@dataclass
class SGD(Optimizer):
    """v = momentum v + g; p = p - learning_rate v, or with nesterov p - learning_rate (g + momentum v).

    Raises ValueError for momentum outside [0, 1), and for nesterov without momentum. Sutskever et al. 2013.
    """

    learning_rate: float = 0.01
    momentum: float = 0.0
    nesterov: bool = False

    def check(self) -> None:
        super().check()
        self.momentum = checks.real("SGD: momentum", self.momentum, least=0, below=1)
        if checks.flag("SGD: nesterov", self.nesterov) and not self.momentum:
            raise ValueError("SGD: nesterov needs a momentum")

    def slots(self) -> tuple[str, ...]:
        return ("velocity",) if self.momentum else ()

    def lower(self, plan: Lowering, parameters: Tensor, gradients: Tensor, slots: Mapping[str, Tensor]) -> None:
        plan.emit(
            kernels.SGD, parameters, gradients, slots.get("velocity"), momentum=self.momentum, nesterov=self.nesterov
        )


@dataclass
class Adam(Optimizer):
    """p = p - learning_rate m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon) at the t-th update, from 1 on.

    m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2.
    Raises ValueError for betas outside [0, 1), or an epsilon that is not a positive float32.
    Kingma & Ba 2015, algorithm 1.
    """

    learning_rate: float = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def check(self) -> None:
        super().check()
        name = type(self).__name__
        self.beta1 = checks.real(f"{name}: beta1", self.beta1, least=0, below=1)
        self.beta2 = checks.real(f"{name}: beta2", self.beta2, least=0, below=1)
        self.epsilon = checks.real(f"{name}: epsilon", self.epsilon, least=checks.SMALLEST)  # 0 / 0 without

    def slots(self) -> tuple[str, ...]:
        return ("m", "v")

    def lower(self, plan: Lowering, parameters: Tensor, gradients: Tensor, slots: Mapping[str, Tensor]) -> None:
        options = {name: value for name, value in self.settings().items() if name != "learning_rate"}
        plan.emit(kernels.Adam, parameters, gradients, slots["m"], slots["v"], **options)


@dataclass
class AdamW(Adam):
    """Adam with decoupled weight decay: before the step, p = (1 - learning_rate weight_decay) p, for all parameters.

    Raises as Adam, and ValueError for a negative weight_decay. Loshchilov & Hutter 2019, algorithm 2.
    """

    weight_decay: float = 0.01

    def check(self) -> None:
        super().check()
        self.weight_decay = checks.real("AdamW: weight_decay", self.weight_decay, least=0)


#: The optimizers that a file or a string may name.
OPTIMIZERS: dict[str, type[Optimizer]] = {optimizer.__name__: optimizer for optimizer in (SGD, Adam, AdamW)}


def resolve(optimizer: Optimizer | str) -> Optimizer:
    """A copy of an Optimizer, or one with default settings by name ("adam").

    Raises ValueError for an unknown name, TypeError for anything else.
    """
    if isinstance(optimizer, str):
        names = {name.lower(): cls for name, cls in OPTIMIZERS.items()}
        return names[checks.known("optimizer", optimizer.lower(), names)]()  # type: ignore[call-arg]
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer must be an Optimizer or its name, got {optimizer!r}")
    return dataclasses.replace(optimizer)
