"""Samples of normal distributions, their gradients, and the divergence from the standard normal distribution."""

from typing import Any

from libc.stdint cimport uint64_t

cimport numpy as cnp
import numpy as np

from fastnn.engine cimport csrc
from fastnn.engine.op cimport ChunkedOp, Op
from fastnn.engine.tensor cimport Tensor, floats
from fastnn.kernels.meter cimport Meter
from fastnn.kernels.sharing cimport Elementwise

cnp.import_array()

cdef enum:
    AHEAD = 1024  # updates whose numbers are asked for at once


cdef class Beta:
    """The weight of a divergence that the ops of one plan read: a number, which may be set between runs, or a schedule.

    A schedule's rates(start, count) are the numbers of the updates from `start` on. They are asked for once in AHEAD
    updates, as that needs the GIL.
    """

    cdef object schedule, error
    cdef object __weakref__
    cdef double number           # where there is no schedule
    cdef cnp.ndarray known       # of the updates from `first` to `end` - 1
    cdef const double *values
    cdef uint64_t first, end
    cdef bint scheduled

    def __init__(self, setting: Any) -> None:
        self.set(setting)

    def set(self, setting: Any) -> None:
        """Takes a number or a schedule; a run in another thread may still use what it knows of the one before."""
        self.scheduled = hasattr(setting, "rates")
        self.schedule, self.number, self.end = setting, 0.0 if self.scheduled else setting, 0

    cdef float at(self, Op op) noexcept nogil:
        """The number for the run's update; an error of the schedule ends the run after this op."""
        cdef uint64_t update = op.state.update
        if not self.scheduled:
            return <float> self.number
        if not self.first <= update < self.end:
            with gil:
                try:
                    self.look(update)
                except BaseException as error:  # a KeyboardInterrupt, too, is raised by the call that runs the plan
                    self.error = error
                    op.fail(0)
                    return 0
        return <float> self.values[update - self.first]

    cdef void look(self, uint64_t update) except *:
        """Asks for the numbers from an update on."""
        try:
            rates = self.schedule.rates(update, AHEAD)
        except ValueError:  # perhaps of a later update, which training does not reach
            rates = self.schedule.rates(update, 1)
        self.known = np.ascontiguousarray(rates, np.float64)
        self.values = <const double *> cnp.PyArray_DATA(self.known)
        self.first, self.end = update, update + len(self.known)

    cdef object explain(self):
        """The schedule's error."""
        error, self.error = self.error, None
        return error


cdef class GaussianSample(Elementwise):
    """z = mean + exp(s / 2) e, e standard normal, s the log variance; elementwise.

    e follows from Philox at (seed, stream, the run's step, element): the same for any number of threads.
    """

    cdef const float *mean
    cdef const float *s
    cdef float *z
    cdef csrc.fastnn_random random

    def __init__(self, Tensor mean, Tensor s, Tensor z, *, seed: int, stream: int) -> None:
        self.pace = 0.5
        self.mean, self.s, self.z = floats(mean), floats(s), floats(z)
        self.random = csrc.fastnn_random(seed=seed, step=0, stream=stream)
        self.bind_equal((mean, s, z))

    cdef void span(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
        cdef csrc.fastnn_random random = self.random
        random.step = self.state.step
        self.table.gaussian_sample(n, start, self.mean + start, self.s + start, random, self.z + start)


cdef class GaussianSampleGradient(Elementwise):
    """The gradients of the sample, with e as it was there, and of beta times `NormalDivergence`.

    sampled: whether z was a sample, or the mean.
    """

    cdef const float *mean
    cdef const float *s
    cdef const float *dz
    cdef float *dmean
    cdef float *ds
    cdef csrc.fastnn_random random
    cdef Beta beta
    cdef float present  # beta in this run
    cdef bint sampled

    def __init__(
        self,
        Tensor mean,
        Tensor s,
        Tensor dz,
        Tensor dmean,
        Tensor ds,
        *,
        Beta beta,
        seed: int,
        stream: int,
        sampled: bool = True,
    ) -> None:
        self.pace = 0.5
        self.mean, self.s, self.dz, self.dmean, self.ds = floats(mean), floats(s), floats(dz), floats(dmean), floats(ds)
        self.beta, self.sampled = beta, sampled
        self.random = csrc.fastnn_random(seed=seed, step=0, stream=stream)
        self.bind_equal((mean, s, dz, dmean, ds))

    cdef void run(self) noexcept nogil:
        self.present = self.beta.at(self)
        Op.run(self)

    def explain(self, place: int) -> BaseException:
        return self.beta.explain()

    cdef void span(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
        cdef csrc.fastnn_random random = self.random
        random.step = self.state.step
        self.table.gaussian_sample_gradient(
            n,
            start,
            self.mean + start,
            self.s + start,
            self.dz + start,
            self.present / self.state.rows,
            &random if self.sampled else NULL,
            self.dmean + start,
            self.ds + start,
        )


cdef class NormalDivergence(ChunkedOp):
    """Adds beta times the KL divergence of normal distributions from the standard one to a loss.

    The mean over samples of the sum over elements of (exp(s) + mean^2 - 1 - s) / 2. It comes after the loss.
    """

    cdef const float *mean
    cdef const float *s
    cdef Meter loss
    cdef Beta beta
    cdef Py_ssize_t columns

    def __init__(self, Tensor mean, Tensor s, Meter loss, *, Beta beta) -> None:
        if mean.rows != s.rows or mean.columns != s.columns:
            raise ValueError(f"NormalDivergence: expected equal shapes, got {mean.shape}, {s.shape}")
        self.pace = 1.0
        self.mean, self.s, self.columns = floats(mean), floats(s), mean.columns
        self.loss, self.beta = loss, beta
        self.bind((mean, s))

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t row = index * self.chunk, rows = min(self.chunk, self.present_rows() - row)
        cdef Py_ssize_t start = row * self.columns
        self.partial[index] = self.table.normal_divergence(rows * self.columns, self.mean + start, self.s + start)

    cdef void finish(self) noexcept nogil:
        self.loss.add(self.beta.at(self) * self.sum_of_chunks() / self.state.rows)

    def explain(self, place: int) -> BaseException:
        return self.beta.explain()

    cdef double work(self) noexcept nogil:
        return self.present_rows() * self.columns
