"""Spec: what an input or an output of a frozen network looks like, and the arrays that fit."""

from collections.abc import Sequence

cimport cython
cimport numpy as cnp
import numpy as np

cnp.import_array()


@cython.final
cdef class Spec:
    """The shape of a sample and the dtype of results. name: what errors call the array."""

    def __init__(self, name: str, shape: Sequence[int], dtype: str = "float32") -> None:
        self.name, self.shape, self.dimensions = name, tuple(shape), len(shape)
        self.type = np.dtype(dtype).num
        for i, length in enumerate(shape):
            self.lengths[i] = length

    cdef object misfit(self, object out, int batch, Py_ssize_t rows):
        """The error for an array that does not fit."""
        if not isinstance(out, np.ndarray):
            return TypeError(f"{self.name}: expected a float32 array, got {type(out).__name__}")
        flags, wanted = out.flags, (rows, *self.shape) if batch else self.shape
        state = "" if flags.writeable else " read-only"
        state += "" if flags.c_contiguous and flags.aligned else " not in C order"
        return ValueError(
            f"{self.name}: expected a writable float32 array {wanted} in C order, got{state} {out.dtype} {out.shape}"
        )
