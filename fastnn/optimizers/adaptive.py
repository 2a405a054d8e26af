"""Optimizers that give each parameter a rate of its own, by the size or the signs of its gradients."""

from dataclasses import dataclass

from fastnn import kernels
from fastnn.common import checks
from fastnn.lowering.lowering import Lowering
from fastnn.optimizers.base import Decaying, FirstOrder, Span
from fastnn.schedules import Schedule


@dataclass(eq=False, repr=False)
class RMSprop(Decaying):
    """v = rho v + (1 - rho) g^2; b = momentum b + g / (sqrt(v) + epsilon); p = p - learning_rate b.

    centered: sqrt(v - a^2) instead, with the mean gradient a = rho a + (1 - rho) g.
    Raises ValueError for rho or momentum outside [0, 1), or an epsilon that is not a positive float32.
    Tieleman & Hinton 2012; Graves 2013, eq. 38-45.
    """

    learning_rate: float | Schedule = 0.01
    rho: float = 0.99
    epsilon: float = 1e-8
    momentum: float = 0.0
    centered: bool = False

    def check(self) -> None:
        super().check()
        self.real("rho", least=0, below=1)
        self.real("epsilon", least=checks.SMALLEST)
        self.real("momentum", least=0, below=1)
        self.flag("centered")

    def state(self) -> tuple[str, ...]:
        return ("v", *(("mean",) if self.centered else ()), *(("buffer",) if self.momentum else ()))

    def update(self, lowering: Lowering, span: Span) -> None:
        slots = (span.slots.get(name) for name in ("v", "mean", "buffer"))
        options = self.options()
        del options["centered"]  # the Op sees it by its slot
        lowering.emit(kernels.RMSprop, span.values, span.gradients, *slots, **options)


@dataclass(eq=False, repr=False)
class Adagrad(Decaying):
    """v = v + g^2; p = p - learning_rate g / (sqrt(v) + epsilon).

    Raises ValueError for an epsilon that is not a positive float32. Duchi et al. 2011, figure 1.
    """

    learning_rate: float | Schedule = 0.01
    epsilon: float = 1e-10

    def check(self) -> None:
        super().check()
        self.real("epsilon", least=checks.SMALLEST)

    def state(self) -> tuple[str, ...]:
        return ("v",)

    def update(self, lowering: Lowering, span: Span) -> None:
        lowering.emit(kernels.Adagrad, span.values, span.gradients, span.slots["v"], **self.options())


@dataclass(eq=False, repr=False)
class Adadelta(Decaying):
    """d = sqrt((u + epsilon) / (v + epsilon)) g; p = p - learning_rate d.

    v = rho v + (1 - rho) g^2 before; u = rho u + (1 - rho) d^2 afterwards.
    Raises ValueError for rho outside [0, 1), or an epsilon that is not a positive float32. Zeiler 2012, algorithm 1.
    """

    learning_rate: float | Schedule = 1.0
    rho: float = 0.9
    epsilon: float = 1e-6

    def check(self) -> None:
        super().check()
        self.real("rho", least=0, below=1)
        self.real("epsilon", least=checks.SMALLEST)

    def state(self) -> tuple[str, ...]:
        return ("v", "u")

    def update(self, lowering: Lowering, span: Span) -> None:
        lowering.emit(kernels.Adadelta, span.values, span.gradients, span.slots["v"], span.slots["u"], **self.options())


@dataclass(eq=False, repr=False)
class Rprop(FirstOrder):
    """p = p - size sign(g), a size for each parameter: times `grow` while g keeps its sign, in [smallest, largest].

    Where g changes its sign the size is multiplied by `shrink`, and p waits a step. learning_rate is the first size and
    counts no more once a parameter has begun. For full batches: the noise of small ones misleads it.
    Raises ValueError unless 0 < shrink < 1 < grow and smallest <= largest. Riedmiller & Braun 1993, in the form iRprop-
    of Igel & Huesken 2000.
    """

    learning_rate: float | Schedule = 0.01
    shrink: float = 0.5
    grow: float = 1.2
    smallest: float = 1e-6
    largest: float = 50.0

    def check(self) -> None:
        super().check()
        self.real("shrink", least=checks.SMALLEST, below=1)
        self.real("grow", least=1)
        self.real("smallest", least=checks.SMALLEST)
        self.real("largest", least=self.smallest)

    def state(self) -> tuple[str, ...]:
        return ("before", "size")

    def update(self, lowering: Lowering, span: Span) -> None:
        lowering.emit(
            kernels.Rprop, span.values, span.gradients, span.slots["before"], span.slots["size"], **self.options()
        )
