"""The axes of each row in another order."""

from libc.string cimport memcpy

from fastnn.engine.op cimport Op
from fastnn.engine.tensor cimport Tensor, floats

import math

cdef enum:
    MOST_AXES = 32  # more than a shape can have


cdef class Permute(Op):
    """y[.., i[axes[0]], i[axes[1]], ..] = x[.., i[0], i[1], ..]: row by row, as numpy.transpose.

    shape: that of a row of x. axes: for each axis of y, which one of x it is. x and y: (batch, elements).
    """

    cdef const float *x
    cdef float *y
    cdef int rank                      # of a row of y, where axes that stay together are one
    cdef Py_ssize_t size[MOST_AXES]    # of each axis
    cdef Py_ssize_t stride[MOST_AXES]  # between its elements in x
    cdef Py_ssize_t columns, lines     # elements of a row; runs along the last axis in a row of y

    def __init__(self, Tensor x, Tensor y, shape: tuple[int, ...], axes: tuple[int, ...]) -> None:
        cdef int k
        elements = math.prod(shape)
        fits = sorted(axes) == list(range(len(shape))) and 0 < len(shape) < MOST_AXES
        if not fits or x.columns != elements or y.columns != elements or x.rows != y.rows or elements < 1:
            raise ValueError(f"Permute: shapes {x.shape}, {y.shape} do not fit rows {shape} with axes {axes}")
        joined, size, gap = [], 1, 0
        for axis in axes:
            stride = math.prod(shape[axis + 1:])
            if shape[axis] > 1 and gap == stride * shape[axis]:
                size, gap = size * shape[axis], stride
            elif shape[axis] > 1:
                joined.append((size, gap))
                size, gap = shape[axis], stride
        joined.append((size, gap))
        for k, (length, stride) in enumerate(joined):
            self.size[k], self.stride[k] = length, stride
        self.rank, self.columns, self.lines = len(joined), elements, elements // size
        self.x, self.y = floats(x), floats(y)
        self.bind((x, y))

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t lines = self.present_rows() * self.lines, n = self.size[self.rank - 1], i, _line
        cdef Py_ssize_t first = lines * index // parts, step = self.stride[self.rank - 1], rest = first % self.lines
        cdef Py_ssize_t at[MOST_AXES]  # the place of the line along each axis but the last
        cdef int k
        cdef const float *x = self.x + first // self.lines * self.columns
        cdef float *y = self.y + first * n
        for k in range(self.rank - 2, -1, -1):
            at[k] = rest % self.size[k]
            rest //= self.size[k]
            x += at[k] * self.stride[k]
        for _line in range(first, lines * (index + 1) // parts):
            if step == 1:
                memcpy(y, x, n * sizeof(float))
            else:
                for i in range(n):
                    y[i] = x[i * step]
            y += n
            k = self.rank - 2
            while k >= 0:  # to the next line
                at[k] += 1
                x += self.stride[k]
                if at[k] < self.size[k]:
                    break
                x -= self.size[k] * self.stride[k]
                at[k] = 0
                k -= 1
            if k < 0:
                x += self.columns

    cdef double work(self) noexcept nogil:
        return <double> self.present_rows() * self.columns
