"""Adam and its variants: steps by the first moment of the gradient over the root of the second."""

from dataclasses import dataclass, field

from fastnn import kernels
from fastnn.common import checks
from fastnn.lowering.lowering import Lowering
from fastnn.optimizers.base import Decaying, Span
from fastnn.schedules import Schedule


@dataclass(eq=False, repr=False)
class Adam(Decaying):
    """p = p - learning_rate m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon) at update t = 1, 2, ...

    m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.001
        The step size, >= 0.
    beta1 : float, default 0.9
        The decay of the first moment m, in [0, 1).
    beta2 : float, default 0.999
        The decay of the second moment v, in [0, 1).
    epsilon : float, default 1e-8
        Added to the denominator; a positive float32.
    clip_value, clip_norm, ema : see `FirstOrder`
    weight_decay : float, default 0
        The gradient becomes g + weight_decay p, for biases too; `AdamW` decouples it.

    Raises
    ------
    TypeError, ValueError
        For an invalid setting.

    References
    ----------
    D. P. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, algorithm 1.

    Examples
    --------
    >>> import fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dense(1)], input_shape=(2,), seed=0)
    >>> net = net.compile(fnn.Adam(fnn.schedules.Cosine(1e-3, steps=1000), clip_norm=1), "mse")
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

    Parameters
    ----------
    learning_rate, beta1, beta2, epsilon : see `Adam`
    clip_value, clip_norm, ema : see `FirstOrder`
    weight_decay : float, default 0.01
        For all parameters, biases too.

    Raises
    ------
    TypeError, ValueError
        For an invalid setting.

    References
    ----------
    I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, algorithm 2.

    Examples
    --------
    >>> import fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dense(1)], input_shape=(2,), seed=0)
    >>> net = net.compile(fnn.AdamW(3e-4, weight_decay=0.05), "mse")
    """

    weight_decay: float = field(default=0.01, kw_only=True)

    def update(self, lowering: Lowering, span: Span) -> None:
        m, v = span.slots["m"], span.slots["v"]
        lowering.emit(kernels.Adam, span.values, span.gradients, m, v, decoupled=True, **self.options())


@dataclass(eq=False, repr=False)
class Nadam(Adam):
    """Adam with Nesterov's momentum: m in Adam's step is mu_{t+1} m / (1 - M_{t+1}) + (1 - mu_t) g / (1 - M_t).

    mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2) and M_t = mu_1 mu_2 ... mu_t.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.002
        The step size, >= 0.
    beta1, beta2, epsilon : see `Adam`
    clip_value, clip_norm, ema : see `FirstOrder`
    weight_decay : see `Adam`
    momentum_decay : float, default 0.004
        How fast mu_t approaches beta1, >= 0.

    Raises
    ------
    TypeError, ValueError
        For an invalid setting.

    References
    ----------
    T. Dozat, "Incorporating Nesterov Momentum into Adam", ICLR workshop, 2016, algorithm 2.

    Examples
    --------
    >>> import fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dense(1)], input_shape=(2,), seed=0).compile(fnn.Nadam(1e-3), "mse")
    """

    learning_rate: float | Schedule = 0.002
    momentum_decay: float = field(default=0.004, kw_only=True)

    def check(self) -> None:
        super().check()
        self.real("momentum_decay", least=0)

    def update(self, lowering: Lowering, span: Span) -> None:
        lowering.emit(kernels.Nadam, span.values, span.gradients, span.slots["m"], span.slots["v"], **self.options())
