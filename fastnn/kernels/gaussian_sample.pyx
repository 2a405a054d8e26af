"""Samples of normal distributions, their gradients, and the divergence from the standard normal distribution."""

cimport numpy as cnp

from fastnn.engine cimport csrc
from fastnn.engine.op cimport ChunkedOp
from fastnn.engine.tensor cimport Tensor, floats
from fastnn.kernels.meter cimport Meter
from fastnn.kernels.sharing cimport Elementwise

cnp.import_array()


cdef class Weight:
    """A number that may change between runs: the one element of a float32 array."""

    cdef object array
    cdef const float *number

    def __init__(self, array: np.ndarray) -> None:
        if not cnp.PyArray_Check(array) or array.dtype != "float32" or array.size != 1:
            raise TypeError(f"a weight: expected an array of one float32, got {array!r}")
        self.array, self.number = array, <const float *> cnp.PyArray_DATA(array)


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
    """The gradients of the sample, with e as it was there, and of weight times `NormalDivergence`.

    sampled: whether z was a sample, or the mean.
    """

    cdef const float *mean
    cdef const float *s
    cdef const float *dz
    cdef float *dmean
    cdef float *ds
    cdef csrc.fastnn_random random
    cdef Weight weight
    cdef bint sampled

    def __init__(
        self,
        Tensor mean,
        Tensor s,
        Tensor dz,
        Tensor dmean,
        Tensor ds,
        *,
        weight: np.ndarray,
        seed: int,
        stream: int,
        sampled: bool = True,
    ) -> None:
        self.pace = 0.5
        self.mean, self.s, self.dz, self.dmean, self.ds = floats(mean), floats(s), floats(dz), floats(dmean), floats(ds)
        self.weight, self.sampled = Weight(weight), sampled
        self.random = csrc.fastnn_random(seed=seed, step=0, stream=stream)
        self.bind_equal((mean, s, dz, dmean, ds))

    cdef void span(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
        cdef csrc.fastnn_random random = self.random
        random.step = self.state.step
        self.table.gaussian_sample_gradient(
            n,
            start,
            self.mean + start,
            self.s + start,
            self.dz + start,
            self.weight.number[0] / self.state.rows,
            &random if self.sampled else NULL,
            self.dmean + start,
            self.ds + start,
        )


cdef class NormalDivergence(ChunkedOp):
    """Adds weight times the KL divergence of normal distributions from the standard one to a loss.

    The mean over samples of the sum over elements of (exp(s) + mean^2 - 1 - s) / 2. It comes after the loss.
    """

    cdef const float *mean
    cdef const float *s
    cdef Meter loss
    cdef Weight weight
    cdef Py_ssize_t columns

    def __init__(self, Tensor mean, Tensor s, Meter loss, *, weight: np.ndarray) -> None:
        if mean.rows != s.rows or mean.columns != s.columns:
            raise ValueError(f"NormalDivergence: expected equal shapes, got {mean.shape}, {s.shape}")
        self.pace = 1.0
        self.mean, self.s, self.columns = floats(mean), floats(s), mean.columns
        self.loss, self.weight = loss, Weight(weight)
        self.bind((mean, s))

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t row = index * self.chunk, rows = min(self.chunk, self.present_rows() - row)
        cdef Py_ssize_t start = row * self.columns
        self.partial[index] = self.table.normal_divergence(rows * self.columns, self.mean + start, self.s + start)

    cdef void finish(self) noexcept nogil:
        self.loss.add(self.weight.number[0] * self.sum_of_chunks() / self.state.rows)

    cdef double work(self) noexcept nogil:
        return self.present_rows() * self.columns
