"""Steps along the gradient, or along its sign."""

from dataclasses import dataclass

from fastnn import kernels
from fastnn.lowering.lowering import Lowering
from fastnn.optimizers.base import Decaying, Span
from fastnn.schedules import Schedule


@dataclass(eq=False, repr=False)
class SGD(Decaying):
    """v = momentum v + g; p = p - learning_rate v, or with nesterov p - learning_rate (g + momentum v).

    Raises ValueError for momentum outside [0, 1), and for nesterov without momentum. Sutskever et al. 2013.
    """

    learning_rate: float | Schedule = 0.01
    momentum: float = 0.0
    nesterov: bool = False

    def check(self) -> None:
        super().check()
        self.real("momentum", least=0, below=1)
        self.flag("nesterov")
        if self.nesterov and not self.momentum:
            raise ValueError("SGD: nesterov needs a momentum")

    def state(self) -> tuple[str, ...]:
        return ("velocity",) if self.momentum else ()

    def update(self, lowering: Lowering, span: Span) -> None:
        lowering.emit(kernels.SGD, span.values, span.gradients, span.slots.get("velocity"), **self.options())


@dataclass(eq=False, repr=False)
class Lion(Decaying):
    """p = p - learning_rate (sign(beta1 m + (1 - beta1) g) + weight_decay p); m = beta2 m + (1 - beta2) g.

    The weight decay is decoupled. Its learning rate is best 3 to 10 times smaller than Adam's.
    Raises ValueError for betas outside [0, 1). Chen et al. 2023, algorithm 2.
    """

    learning_rate: float | Schedule = 0.0001
    beta1: float = 0.9
    beta2: float = 0.99

    def check(self) -> None:
        super().check()
        self.real("beta1", least=0, below=1)
        self.real("beta2", least=0, below=1)

    def state(self) -> tuple[str, ...]:
        return ("m",)

    def update(self, lowering: Lowering, span: Span) -> None:
        lowering.emit(kernels.Lion, span.values, span.gradients, span.slots["m"], **self.options())
