"""Updates along the gradient, or along its sign."""

from dataclasses import dataclass

from fastnn import kernels
from fastnn.lowering.lowering import Lowering
from fastnn.optimizers.base import Decaying, Span
from fastnn.schedules import Schedule


@dataclass(eq=False, repr=False)
class SGD(Decaying):
    """v = momentum v + g; p = p - learning_rate v, or with nesterov p - learning_rate (g + momentum v).

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.01
        The step size, >= 0.
    momentum : float, default 0
        The decay of the velocity v, in [0, 1).
    nesterov : bool, default False
        Whether to use Nesterov's momentum, which needs momentum > 0.
    clip_value, clip_norm, ema : see `FirstOrder`
    weight_decay : float, default 0
        The gradient becomes g + weight_decay p, for biases too.

    Raises
    ------
    TypeError, ValueError
        For an invalid setting, and for nesterov without momentum.

    References
    ----------
    I. Sutskever, J. Martens, G. Dahl and G. Hinton, "On the Importance of Initialization and Momentum in Deep
    Learning", ICML 2013.

    Examples
    --------
    >>> import fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dense(1)], input_shape=(2,), seed=0)
    >>> net = net.compile(fnn.SGD(0.1, momentum=0.9, nesterov=True), "mse")
    """

    learning_rate: float | Schedule = 0.01
    momentum: float = 0.0
    nesterov: bool = False

    def check(self) -> None:
        super().check()
        self.real("momentum", least=0, below=1)
        self.flag("nesterov")
        if self.nesterov and not self.momentum:
            raise ValueError("SGD: nesterov needs a momentum above 0")

    def state(self) -> tuple[str, ...]:
        return ("velocity",) if self.momentum else ()

    def update(self, lowering: Lowering, span: Span) -> None:
        lowering.emit(kernels.SGD, span.values, span.gradients, span.slots.get("velocity"), **self.options())


@dataclass(eq=False, repr=False)
class Lion(Decaying):
    """p = p - learning_rate (sign(beta1 m + (1 - beta1) g) + weight_decay p); m = beta2 m + (1 - beta2) g.

    The weight decay is decoupled. The best learning rate is 3 to 10 times smaller than Adam's.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.0001
        The step size, >= 0.
    beta1 : float, default 0.9
        The weight of m in the direction of the step, in [0, 1).
    beta2 : float, default 0.99
        The decay of m, in [0, 1).
    clip_value, clip_norm, ema : see `FirstOrder`
    weight_decay : float, default 0
        For all parameters, biases too.

    Raises
    ------
    TypeError, ValueError
        For an invalid setting.

    References
    ----------
    X. Chen et al., "Symbolic Discovery of Optimization Algorithms", NeurIPS 2023, algorithm 2.

    Examples
    --------
    >>> import fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dense(1)], input_shape=(2,), seed=0)
    >>> net = net.compile(fnn.Lion(1e-4, weight_decay=0.1), "mse")
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
