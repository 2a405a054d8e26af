"""Adam and its kin: steps by the first moment of the gradient over the root of the second."""

from dataclasses import dataclass, field

from fastnn import kernels
from fastnn.common import checks
from fastnn.lowering.lowering import Lowering
from fastnn.optimizers.base import Decaying, Span
from fastnn.schedules import Schedule


@dataclass(eq=False, repr=False)
class Adam(Decaying):
    """p = p - learning_rate m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon) at the t-th update, from 1 on.

    m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2.
    Raises ValueError for betas outside [0, 1), or an epsilon that is not a positive float32.
    Kingma & Ba 2015, algorithm 1.
    """

    learning_rate: float | Schedule = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def check(self) -> None:
        super().check()
        self.real("beta1", least=0, below=1)
        self.real("beta2", least=0, below=1)
        self.real("epsilon", least=checks.SMALLEST)  # 0 / 0 without

    def state(self) -> tuple[str, ...]:
        return ("m", "v")

    def update(self, lowering: Lowering, span: Span) -> None:
        lowering.emit(kernels.Adam, span.values, span.gradients, span.slots["m"], span.slots["v"], **self.options())


@dataclass(eq=False, repr=False)
class AdamW(Adam):
    """Adam with decoupled weight decay: before the step, p = (1 - learning_rate weight_decay) p, for all parameters.

    Raises as Adam. Loshchilov & Hutter 2019, algorithm 2.
    """

    weight_decay: float = field(default=0.01, kw_only=True)

    def update(self, lowering: Lowering, span: Span) -> None:
        m, v = span.slots["m"], span.slots["v"]
        lowering.emit(kernels.Adam, span.values, span.gradients, m, v, decoupled=True, **self.options())


@dataclass(eq=False, repr=False)
class Nadam(Adam):
    """Adam with Nesterov's momentum: m in Adam's step is mu_{t+1} m / (1 - M_{t+1}) + (1 - mu_t) g / (1 - M_t),

    where mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2) and M_t = mu_1 mu_2 ... mu_t.
    Raises as Adam, and ValueError for a negative momentum_decay. Dozat 2016, algorithm 2.
    """

    learning_rate: float | Schedule = 0.002
    momentum_decay: float = field(default=0.004, kw_only=True)

    def check(self) -> None:
        super().check()
        self.real("momentum_decay", least=0)

    def update(self, lowering: Lowering, span: Span) -> None:
        lowering.emit(kernels.Nadam, span.values, span.gradients, span.slots["m"], span.slots["v"], **self.options())
