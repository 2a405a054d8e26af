"""Updates with a learning rate per parameter. weight_decay is added to the gradient (g + decay p)."""

from fastnn.engine.tensor cimport Tensor
from fastnn.kernels.optimizer cimport Update


cdef class RMSprop(Update):
    """v = rho v + (1 - rho) g^2; b = momentum b + g / (sqrt(v) + epsilon); p = p - rate b.

    With a mean of the gradients, mean = rho mean + (1 - rho) g, centred: sqrt(v - mean^2). buffer (b) is None where
    momentum is 0. Tieleman & Hinton 2012; Graves 2013, eq. 38-45.
    """

    cdef float rest, epsilon, momentum

    def __init__(
        self,
        Tensor parameters,
        Tensor gradients,
        Tensor v,
        Tensor mean = None,
        Tensor buffer = None,
        *,
        rho: float = 0.99,
        epsilon: float = 1e-8,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        if (buffer is None) != (momentum == 0):
            raise ValueError("RMSprop: buffer and momentum go together")
        self.rest, self.epsilon, self.momentum = 1 - <double> rho, epsilon, momentum
        self.bind_update(parameters, gradients, (v, mean, buffer), weight_decay)

    cdef void span(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
        self.table.rmsprop(
            n,
            self.parameters + start,
            self.gradients + start,
            self.slot(0, start),
            self.slot(1, start),
            self.slot(2, start),
            <float> self.rate(),
            self.rest,
            self.epsilon,
            self.momentum,
            self.decay,
        )


cdef class Adagrad(Update):
    """v = v + g^2; p = p - rate g / (sqrt(v) + epsilon). Duchi et al. 2011, figure 1."""

    cdef float epsilon

    def __init__(
        self,
        Tensor parameters,
        Tensor gradients,
        Tensor v,
        *,
        epsilon: float = 1e-10,
        weight_decay: float = 0.0,
    ) -> None:
        self.epsilon = epsilon
        self.bind_update(parameters, gradients, (v,), weight_decay)

    cdef void span(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
        self.table.adagrad(
            n,
            self.parameters + start,
            self.gradients + start,
            self.slot(0, start),
            <float> self.rate(),
            self.epsilon,
            self.decay,
        )


cdef class Adadelta(Update):
    """v = rho v + (1 - rho) g^2; d = sqrt((u + epsilon) / (v + epsilon)) g; u = rho u + (1 - rho) d^2; p = p - rate d.

    Zeiler 2012, algorithm 1.
    """

    cdef float rest, epsilon

    def __init__(
        self,
        Tensor parameters,
        Tensor gradients,
        Tensor v,
        Tensor u,
        *,
        rho: float = 0.9,
        epsilon: float = 1e-6,
        weight_decay: float = 0.0,
    ) -> None:
        self.rest, self.epsilon = 1 - <double> rho, epsilon
        self.bind_update(parameters, gradients, (v, u), weight_decay)

    cdef void span(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
        self.table.adadelta(
            n,
            self.parameters + start,
            self.gradients + start,
            self.slot(0, start),
            self.slot(1, start),
            <float> self.rate(),
            self.rest,
            self.epsilon,
            self.decay,
        )


cdef class Rprop(Update):
    """p = p - size sign(g); size grows while g keeps its sign. Where the sign changes, it shrinks, and p waits a step.

    before: the last gradient, or 0 after a change of sign. size: 0 until its parameter's first gradient that is not 0,
    then the learning rate of that step. Riedmiller & Braun 1993; iRprop- of Igel & Huesken 2000.
    """

    cdef float shrink, grow, smallest, largest

    def __init__(
        self,
        Tensor parameters,
        Tensor gradients,
        Tensor before,
        Tensor size,
        *,
        shrink: float = 0.5,
        grow: float = 1.2,
        smallest: float = 1e-6,
        largest: float = 50.0,
    ) -> None:
        self.shrink, self.grow, self.smallest, self.largest = shrink, grow, smallest, largest
        self.bind_update(parameters, gradients, (before, size), 0.0)

    cdef void span(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
        self.table.rprop(
            n,
            self.parameters + start,
            self.gradients + start,
            self.slot(0, start),
            self.slot(1, start),
            <float> self.rate(),
            self.shrink,
            self.grow,
            self.smallest,
            self.largest,
        )
