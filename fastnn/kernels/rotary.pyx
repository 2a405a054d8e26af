"""Rotary positions of queries and keys: see csrc/rotary.h."""

from libc.stdint cimport int32_t

from fastnn.engine.op cimport Op
from fastnn.engine.tensor cimport Tensor, floats
from fastnn.kernels.gather cimport counts


cdef class Rotary(Op):
    """y = x with each head's pairs (i, i + size / 2) turned by the step's angles; y may be x. Su et al. 2021, eq. 34.

    x, y (rows, times * width), whose steps begin with the numbers of `heads` heads; what follows those is not touched.
    cosine, sine (times, size / 2). back: by minus the angle; on dy this is the gradient. present, int32 (rows, 1): each
    row is one step of a sequence, the one of this number, from 1.
    """

    cdef const float *x
    cdef const float *cosine
    cdef const float *sine
    cdef float *y
    cdef Py_ssize_t times, heads, half, width
    cdef bint back
    cdef const int32_t *present

    def __init__(
        self, Tensor x, Tensor cosine, Tensor sine, Tensor y, Tensor present = None, *, heads: int, back: bool = False
    ) -> None:
        self.times, self.half, self.heads, self.back = cosine.rows, cosine.columns, heads, back
        self.present = counts("Rotary", present, x.rows)
        if self.present != NULL:
            self.times = 1
        self.width = x.columns // self.times
        if sine.rows != cosine.rows or sine.columns != self.half:
            raise ValueError(f"Rotary: expected a sine {cosine.shape}, got {sine.shape}")
        if x.columns != self.width * self.times or self.heads < 1 or self.width < 2 * self.half * self.heads:
            raise ValueError(
                f"Rotary: expected {self.times} steps of at least {2 * self.half * self.heads}, got {x.shape}"
            )
        if y.rows != x.rows or y.columns != x.columns:
            raise ValueError(f"Rotary: expected y {x.shape}, got {y.shape}")
        self.x, self.cosine, self.sine, self.y = floats(x), floats(cosine), floats(sine), floats(y)
        self.bind((x, cosine, sine, y) if present is None else (x, cosine, sine, y, present))

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t steps = self.present_rows() * self.times, step, t
        for step in range(steps * index // parts, steps * (index + 1) // parts):
            t = step % self.times if self.present == NULL else self.present[step] - 1
            self.table.rotary(
                self.heads, self.half, self.x + step * self.width, self.cosine + t * self.half,
                self.sine + t * self.half, self.back, self.y + step * self.width,
            )

    cdef double work(self) noexcept nogil:
        return 6 * self.present_rows() * self.times * self.heads * self.half
