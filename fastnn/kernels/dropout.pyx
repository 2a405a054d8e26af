"""Dropout, with random numbers by counter."""

from fastnn.engine cimport csrc
from fastnn.engine.tensor cimport Tensor, floats
from fastnn.kernels.sharing cimport Elementwise


cdef class Dropout(Elementwise):
    """y = x / (1 - rate) where the element's random number is >= rate, else 0; on dy, the same op is the gradient.

    The random number is Philox at (seed, stream, the run's step, element): the same for any number of threads.
    """

    cdef const float *x
    cdef float *y
    cdef csrc.fastnn_random random
    cdef unsigned int threshold
    cdef float scale

    def __init__(self, Tensor x, Tensor y, *, rate: float, seed: int, stream: int) -> None:
        if not 0 <= rate < 1:
            raise ValueError(f"Dropout: the rate must be at least 0 and below 1, got {rate}")
        self.x, self.y = floats(x), floats(y)
        self.threshold, self.scale = min(round(rate * 2**32), 2**32 - 1), 1 / (1 - rate)
        self.random = csrc.fastnn_random(seed=seed, step=0, stream=stream)
        self.bind_equal((x, y))

    cdef void span(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
        cdef csrc.fastnn_random random = self.random
        random.step = self.state.step
        self.table.dropout(n, start, self.x + start, self.threshold, self.scale, random, self.y + start)
