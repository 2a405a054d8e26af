"""Normal noise, with random numbers by counter."""

from fastnn.engine cimport csrc
from fastnn.engine.tensor cimport Tensor, floats
from fastnn.kernels.sharing cimport Elementwise


cdef class GaussianNoise(Elementwise):
    """y = x + stddev z, z normal with mean 0 and variance 1; y may be x.

    z follows from Philox at (seed, stream, the run's step, element): the same for any number of threads.
    """

    cdef const float *x
    cdef float *y
    cdef csrc.fastnn_random random
    cdef float stddev

    def __init__(self, Tensor x, Tensor y, *, stddev: float, seed: int, stream: int) -> None:
        self.pace = 0.5
        self.x, self.y, self.stddev = floats(x), floats(y), stddev
        self.random = csrc.fastnn_random(seed=seed, step=0, stream=stream)
        self.bind_equal((x, y))

    cdef void span(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
        cdef csrc.fastnn_random random = self.random
        random.step = self.state.step
        self.table.gaussian_noise(n, start, self.x + start, self.stddev, random, self.y + start)
