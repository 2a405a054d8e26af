cimport cython
cimport numpy as cnp

from fastnn.engine.tensor cimport DIMENSIONS


@cython.final
cdef class Spec:
    cdef readonly str name
    cdef readonly tuple shape  # type: tuple[int, ...]
    cdef int dimensions, type
    cdef cnp.npy_intp[DIMENSIONS] lengths

    cdef inline int batch_of(self, cnp.ndarray array) noexcept:
        """0 for an array of one sample, 1 for rows of them, -1 for any other."""
        cdef int i, batch = cnp.PyArray_NDIM(array) - self.dimensions
        if batch != 0 and batch != 1:
            return -1
        for i in range(self.dimensions):
            if cnp.PyArray_DIM(array, i + batch) != self.lengths[i]:
                return -1
        return batch

    cdef inline cnp.ndarray empty(self, int batch, Py_ssize_t rows):
        """An array for one sample, or for rows."""
        cdef cnp.npy_intp[DIMENSIONS] shape
        cdef int i
        shape[0] = rows
        for i in range(self.dimensions):
            shape[i + batch] = self.lengths[i]
        return <cnp.ndarray> cnp.PyArray_EMPTY(self.dimensions + batch, shape, self.type, 0)

    cdef inline cnp.ndarray checked(self, object out, int batch, Py_ssize_t rows):
        """The user's array for results, if it fits. Raises TypeError and ValueError."""
        if (
            isinstance(out, cnp.ndarray)
            and cnp.PyArray_TYPE(<cnp.ndarray> out) == self.type
            and cnp.PyArray_ISCARRAY(<cnp.ndarray> out)
            and self.batch_of(<cnp.ndarray> out) == batch
            and (batch == 0 or cnp.PyArray_DIM(<cnp.ndarray> out, 0) == rows)
        ):
            return <cnp.ndarray> out
        raise self.misfit(out, batch, rows)

    cdef inline int refuse_overlap(self, cnp.ndarray out, cnp.ndarray other, str name) except -1:
        """Raises ValueError where the array for results shares memory with another one, of this name."""
        cdef char *begin = <char *> cnp.PyArray_DATA(out)
        cdef char *before = <char *> cnp.PyArray_DATA(other)
        if begin < before + cnp.PyArray_NBYTES(other) and before < begin + cnp.PyArray_NBYTES(out):
            raise ValueError(f"{self.name}: overlaps {name}; give it memory of its own")
        return 0

    cdef object misfit(self, object out, int batch, Py_ssize_t rows)
