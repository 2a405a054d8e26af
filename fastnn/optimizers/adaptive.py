"""Optimizers that give each parameter its own rate, by the size or the signs of its gradients."""

from dataclasses import dataclass

from fastnn import kernels
from fastnn.common import checks
from fastnn.lowering.lowering import Lowering
from fastnn.optimizers.base import Decaying, FirstOrder, Span
from fastnn.schedules import Schedule


@dataclass(eq=False, repr=False)
class RMSprop(Decaying):
    """v = rho v + (1 - rho) g^2; b = momentum b + g / (sqrt(v) + epsilon); p = p - learning_rate b.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.01
        The step size, >= 0.
    rho : float, default 0.99
        The decay of the mean square v, in [0, 1).
    epsilon : float, default 1e-8
        Added to the denominator; a positive float32.
    momentum : float, default 0
        The decay of the buffer b, in [0, 1).
    centered : bool, default False
        Whether to use sqrt(v - a^2) instead of sqrt(v), with the mean gradient a = rho a + (1 - rho) g, [2]_.
    clip_value, clip_norm, ema : see `FirstOrder`
    weight_decay : float, default 0
        The gradient becomes g + weight_decay p, for biases too.

    Raises
    ------
    TypeError, ValueError
        For an invalid setting.

    References
    ----------
    .. [1] T. Tieleman and G. Hinton, "Lecture 6.5: RMSProp", Neural Networks for Machine Learning, Coursera, 2012.
    .. [2] A. Graves, "Generating Sequences With Recurrent Neural Networks", 2013, eq. 38-45.

    Examples
    --------
    >>> import fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dense(1)], input_shape=(2,), seed=0)
    >>> net = net.compile(fnn.RMSprop(1e-3, momentum=0.9, centered=True), "mse")
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
        del options["centered"]  # the Op knows it by its slot
        lowering.emit(kernels.RMSprop, span.values, span.gradients, *slots, **options)


@dataclass(eq=False, repr=False)
class Adagrad(Decaying):
    """v = v + g^2; p = p - learning_rate g / (sqrt(v) + epsilon).

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.01
        The step size, >= 0.
    epsilon : float, default 1e-10
        Added to the denominator; a positive float32.
    clip_value, clip_norm, ema : see `FirstOrder`
    weight_decay : float, default 0
        The gradient becomes g + weight_decay p, for biases too.

    Raises
    ------
    TypeError, ValueError
        For an invalid setting.

    References
    ----------
    J. Duchi, E. Hazan and Y. Singer, "Adaptive Subgradient Methods for Online Learning and Stochastic Optimization",
    Journal of Machine Learning Research 12, 2011, figure 1.

    Examples
    --------
    >>> import fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dense(1)], input_shape=(2,), seed=0).compile(fnn.Adagrad(0.1), "mse")
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

    v = rho v + (1 - rho) g^2 before the step; u = rho u + (1 - rho) d^2 after it.

    Parameters
    ----------
    learning_rate : float or Schedule, default 1
        A factor of the step, >= 0.
    rho : float, default 0.9
        The decay of u and v, in [0, 1).
    epsilon : float, default 1e-6
        A positive float32.
    clip_value, clip_norm, ema : see `FirstOrder`
    weight_decay : float, default 0
        The gradient becomes g + weight_decay p, for biases too.

    Raises
    ------
    TypeError, ValueError
        For an invalid setting.

    References
    ----------
    M. D. Zeiler, "ADADELTA: An Adaptive Learning Rate Method", 2012, algorithm 1.

    Examples
    --------
    >>> import fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dense(1)], input_shape=(2,), seed=0).compile(fnn.Adadelta(rho=0.95), "mse")
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
    """p = p - size sign(g), with a step size for each parameter, in [smallest, largest].

    The size is multiplied by `grow` while g keeps its sign. Where g changes its sign, the size is multiplied by
    `shrink` and p is not changed in that step: the form iRprop-, [2]_. For full batches: the noise of small ones
    misleads it.

    Parameters
    ----------
    learning_rate : float or Schedule, default 0.01
        The first size of all parameters; later rates are ignored.
    shrink : float, default 0.5
        Less than 1.
    grow : float, default 1.2
        At least 1.
    smallest, largest : float, default 1e-6 and 50
        The limits of the sizes.
    clip_value, clip_norm, ema : see `FirstOrder`

    Raises
    ------
    TypeError, ValueError
        Unless 0 < shrink < 1 <= grow and 0 < smallest <= largest.

    References
    ----------
    .. [1] M. Riedmiller and H. Braun, "A Direct Adaptive Method for Faster Backpropagation Learning: The RPROP
       Algorithm", IEEE International Conference on Neural Networks, 1993.
    .. [2] C. Igel and M. Huesken, "Improving the Rprop Learning Algorithm", 2000.

    Examples
    --------
    >>> import fastnn as fnn
    >>> (x, y), _ = fnn.datasets.digits()
    >>> net = fnn.Sequential([fnn.Dense(10, "softmax")], input_shape=(64,), seed=0).compile(fnn.Rprop())
    >>> history = net.fit(x, y, batch_size=len(x), epochs=10, verbose=0)
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
