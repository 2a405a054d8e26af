"""Optimizer steps: one pass over a range of the flat blocks of parameters, gradients and slots.

The learning rate and the counter of updates come from the run. weight_decay is added to the gradient (g + decay p)
unless an op says otherwise. Updates with a learning rate per parameter are in adaptive.pyx.
"""

from libc.math cimport pow, sqrt
from libc.stdint cimport uint64_t

from fastnn.engine.csrc cimport fastnn_adam
from fastnn.engine.tensor cimport Tensor, floats
from fastnn.kernels.sharing cimport Flat


cdef double NEGLIGIBLE = 1e-30  # a product of momenta that leaves 1 - product at 1, in double


cdef class Update(Flat):
    """An op that changes parameters, at the learning rate of the run times a factor of its own."""

    def __cinit__(self) -> None:
        self.factor = 1.0

    cdef double rate(self) noexcept nogil:
        return 0.0 if self.state.rate == NULL else self.factor * self.state.rate[0]

    cdef tuple bind_update(self, object parameters, object gradients, tuple slots, double decay):
        """Slots may be None."""
        self.parameters, self.gradients, self.decay = floats(parameters), floats(gradients), decay
        for i, slot in enumerate(slots):
            self.slots[i] = floats(slot)
        present = (slot for slot in slots if slot is not None)
        return self.bind_equal((parameters, gradients, *present))

    cdef float *slot(self, int i, Py_ssize_t start) noexcept nogil:
        """A slot from that element on, or NULL."""
        return NULL if self.slots[i] == NULL else self.slots[i] + start


cdef class SGD(Update):
    """v = momentum v + g; p = p - rate v, or with nesterov p - rate (g + momentum v).

    velocity is None where momentum is 0. Sutskever et al. 2013.
    """

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
        weight_decay: float = 0.0,
    ) -> None:
        if (velocity is None) != (momentum == 0):
            raise ValueError("SGD: velocity and momentum go together")
        self.momentum, self.nesterov = momentum, nesterov
        self.bind_update(parameters, gradients, (velocity,), weight_decay)

    cdef void span(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
        self.table.sgd(
            n,
            self.parameters + start,
            self.gradients + start,
            self.slot(0, start),
            <float> self.rate(),
            self.momentum,
            self.nesterov,
            self.decay,
        )


cdef class Adam(Update):
    """m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; with t the update, counted from 1,
    p = p - rate m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon).

    decoupled: weight decay apart from the gradient, (1 - rate decay) p instead of p.
    Kingma & Ba 2015, algorithm 1; decoupled Loshchilov & Hutter 2019, algorithm 2.
    """

    cdef double beta1, beta2, decoupled_decay
    cdef fastnn_adam settings

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
        decoupled: bool = False,
    ) -> None:
        self.beta1, self.beta2, self.settings.epsilon = beta1, beta2, epsilon
        self.settings.rest1, self.settings.rest2 = 1 - self.beta1, 1 - self.beta2
        self.decoupled_decay = weight_decay if decoupled else 0.0
        self.settings.decay = 0.0 if decoupled else weight_decay
        self.bind_update(parameters, gradients, (m, v), 0.0)

    cdef void prepare(self) noexcept nogil:
        cdef double t = self.state.update + 1, rate = self.rate()
        self.settings.step = rate / (1 - pow(self.beta1, t))
        self.settings.correction = 1 / sqrt(1 - pow(self.beta2, t))
        self.settings.shrink = rate * self.decoupled_decay

    cdef void span(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
        self.table.adam(
            n,
            self.parameters + start,
            self.gradients + start,
            self.slot(0, start),
            self.slot(1, start),
            &self.settings,
        )


cdef class Nadam(Adam):
    """Adam, its m and v, with Nesterov's momentum: mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2), M_t = mu_1 ... mu_t,
    p = p - rate (mu_{t+1} m / (1 - M_{t+1}) + (1 - mu_t) g / (1 - M_t)) / (sqrt(v / (1 - beta2^t)) + epsilon).

    Dozat 2016, algorithm 2.
    """

    cdef double momentum_decay
    cdef double product     # mu_1 ... mu_counted
    cdef uint64_t counted

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
        momentum_decay: float = 0.004,
        weight_decay: float = 0.0,
    ) -> None:
        self.momentum_decay, self.product = momentum_decay, 1.0
        Adam.__init__(
            self, parameters, gradients, m, v, beta1=beta1, beta2=beta2, epsilon=epsilon, weight_decay=weight_decay
        )

    cdef double momentum(self, double t) noexcept nogil:
        return self.beta1 * (1 - 0.5 * pow(0.96, t * self.momentum_decay))

    cdef void prepare(self) noexcept nogil:
        cdef uint64_t t = self.state.update + 1
        cdef double rate = self.rate()
        Adam.prepare(self)
        if self.counted > t:
            self.product, self.counted = 1.0, 0
        while self.counted < t:  # one more factor per update: bit-identical from any start
            if self.product < NEGLIGIBLE:
                self.counted = t
            else:
                self.counted += 1
                self.product *= self.momentum(self.counted)
        self.settings.step = rate * self.momentum(t + 1) / (1 - self.product * self.momentum(t + 1))
        self.settings.ahead = rate * (1 - self.momentum(t)) / (1 - self.product)


cdef class Lion(Update):
    """p = (1 - rate decay) p - rate sign(beta1 m + (1 - beta1) g); m = beta2 m + (1 - beta2) g.

    Chen et al. 2023, algorithm 2.
    """

    cdef float rest1, rest2

    def __init__(
        self,
        Tensor parameters,
        Tensor gradients,
        Tensor m,
        *,
        beta1: float = 0.9,
        beta2: float = 0.99,
        weight_decay: float = 0.0,
    ) -> None:
        self.rest1, self.rest2 = 1 - <double> beta1, 1 - <double> beta2
        self.bind_update(parameters, gradients, (m,), weight_decay)

    cdef void span(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
        self.table.lion(
            n,
            self.parameters + start,
            self.gradients + start,
            self.slot(0, start),
            <float> self.rate(),
            self.rest1,
            self.rest2,
            <float> (self.rate() * self.decay),
        )
