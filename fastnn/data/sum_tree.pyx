"""A binary tree of sums, by which leaves are drawn in proportion to their values."""

cimport cython

cimport numpy as cnp

import numpy as np

cnp.import_array()


@cython.final
cdef class SumTree:
    """Values of `leaves` leaves, 0 at first. array: node i is the sum of nodes 2i and 2i + 1, node 1 that of all."""

    def __init__(self, leaves: int) -> None:
        self.leaves = 1 << (leaves - 1).bit_length()
        self.array = np.zeros(2 * self.leaves)
        self.sums = <double *> cnp.PyArray_DATA(self.array)

    cdef void set(self, Py_ssize_t leaf, double value) noexcept nogil:
        cdef Py_ssize_t i = self.leaves + leaf
        self.sums[i] = value
        while i > 1:
            i >>= 1
            self.sums[i] = self.sums[2 * i] + self.sums[2 * i + 1]

    cdef double value(self, Py_ssize_t leaf) noexcept nogil:
        return self.sums[self.leaves + leaf]

    cdef double total(self) noexcept nogil:
        return self.sums[1]

    cdef Py_ssize_t find(self, double share) noexcept nogil:
        """The leaf at this share, from 0 to 1, of the sum; one whose value is not 0, if there is one."""
        cdef Py_ssize_t i = 1
        cdef double left = share * self.sums[1]
        while i < self.leaves:
            i *= 2
            if left >= self.sums[i] and self.sums[i + 1] > 0:
                left -= self.sums[i]
                i += 1
        return i - self.leaves
