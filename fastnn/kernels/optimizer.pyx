"""Optimizer steps: one pass over a range of the flat blocks of parameters, gradients and slots.

The learning rate and the counter of updates come from the run.
"""

from libc.math cimport pow, sqrt

from fastnn.kernels.elementary cimport Elementwise
from fastnn.tensor cimport Tensor, floats


cdef class Update(Elementwise):
    """An op that changes parameters, once a step whatever its rows. Its tensors are equal ranges, float32 (n,)."""

    cdef float *parameters
    cdef const float *gradients
    cdef Py_ssize_t n

    cdef tuple bind_equal(self, tuple tensors):
        self.parameters, self.gradients = floats(tensors[0]), floats(tensors[1])
        self.n = (<Tensor> tensors[0]).size
        return Elementwise.bind_equal(self, tensors)

    @property
    def capacity(self) -> int:
        """A step may have any number of rows."""
        return 2**62

    cdef Py_ssize_t extent(self) noexcept nogil:
        return self.n

    cdef double rate(self) noexcept nogil:
        return 0.0 if self.state.rate == NULL else self.state.rate[0]


cdef class SGD(Update):
    """v = momentum v + g; p = p - rate v, or with nesterov p - rate (g + momentum v).

    velocity is None where momentum is 0. Sutskever et al. 2013.
    """

    cdef float *velocity
    cdef float momentum
    cdef bint nesterov

    def __init__(
        self,
        Tensor parameters,
        Tensor gradients,
        Tensor velocity = None,
        *,
        momentum: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        if (velocity is None) != (momentum == 0):
            raise ValueError("SGD: a velocity goes with a momentum")
        self.momentum, self.nesterov = momentum, nesterov
        if velocity is None:
            self.bind_equal((parameters, gradients))
        else:
            self.velocity = floats(velocity)
            self.bind_equal((parameters, gradients, velocity))

    cdef void span(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
        self.table.sgd(
            n,
            self.parameters + start,
            self.gradients + start,
            NULL if self.velocity == NULL else self.velocity + start,
            <float> self.rate(),
            self.momentum,
            self.nesterov,
        )


cdef class Adam(Update):
    """m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; with t the update, counted from 1,
    p = (1 - rate decay) p - rate m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon).

    Kingma & Ba 2015, algorithm 1; with weight decay Loshchilov & Hutter 2019, algorithm 2.
    """

    cdef float *m
    cdef float *v
    cdef double beta1, beta2, epsilon, decay

    def __init__(
        self,
        Tensor parameters,
        Tensor gradients,
        Tensor m,
        Tensor v,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        self.m, self.v = floats(m), floats(v)
        self.beta1, self.beta2, self.epsilon, self.decay = beta1, beta2, epsilon, weight_decay
        self.bind_equal((parameters, gradients, m, v))

    cdef void span(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
        cdef double t = self.state.update + 1, rate = self.rate()
        self.table.adam(
            n,
            self.parameters + start,
            self.gradients + start,
            self.m + start,
            self.v + start,
            <float> (rate / (1 - pow(self.beta1, t))),
            <float> (1 / sqrt(1 - pow(self.beta2, t))),
            <float> (1 - self.beta1),
            <float> (1 - self.beta2),
            <float> self.epsilon,
            <float> (rate * self.decay),
        )
