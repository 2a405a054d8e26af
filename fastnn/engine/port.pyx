"""Port: where a user's array enters a plan or leaves it."""

from cpython.weakref cimport PyWeakref_NewRef

cimport numpy as cnp

from fastnn.engine cimport csrc

cnp.import_array()


cdef int type_of(cnp.ndarray array) noexcept:
    """The array's dtype as csrc names it, -1 for one that no Port takes."""
    cdef int kind = cnp.PyArray_TYPE(array)
    if kind == cnp.NPY_FLOAT32:
        return csrc.fastnn_float32
    if kind == cnp.NPY_FLOAT64:
        return csrc.fastnn_float64
    if kind == cnp.NPY_UINT8:
        return csrc.fastnn_uint8
    if kind == cnp.NPY_INT64:
        return csrc.fastnn_int64
    return -1


cpdef bint takes(object array):
    """Whether a Port takes the object as it is: an ndarray in C order, aligned, of float32, float64, uint8 or int64."""
    return (
        type(array) is cnp.ndarray
        and cnp.PyArray_ISCARRAY_RO(<cnp.ndarray> array)
        and type_of(<cnp.ndarray> array) >= 0
    )


cpdef bint is_batch(object array, object features):
    """Whether a Port takes the object as it is, and it is one or more samples (batch, *features), which is a tuple."""
    if type(features) is not tuple or not takes(array):
        return False
    cdef tuple lengths = features
    cdef Py_ssize_t i, length
    if cnp.PyArray_NDIM(<cnp.ndarray> array) != 1 + len(lengths):
        return False
    for i, length in enumerate(lengths):
        if cnp.PyArray_DIM(<cnp.ndarray> array, i + 1) != length:
            return False
    return cnp.PyArray_DIM(<cnp.ndarray> array, 0) > 0


cdef class Port:
    """A user's array, bound to a plan for a run: rows in, labels in, or results out.

    name: what errors call it. columns: elements of a row. out: the dtype of results, None where rows come in.
    """

    def __init__(self, name: str, columns: int) -> None:
        if self.name is not None:
            raise RuntimeError("a Port is made once")
        self.name, self.columns = name, columns

    def claim(self, dtype: str) -> None:
        """Makes it a port of results. Raises ValueError where another dtype is claimed, or attached already."""
        if self.out not in (None, dtype):
            raise ValueError(f"{self.name}: takes results of {self.out}, not {dtype}")
        self.out, self.out_type = dtype, csrc.fastnn_float32 if dtype == "float32" else csrc.fastnn_int64
        if self.array is not None:
            self.attach(self.array)

    cdef void check_idle(self) except *:
        if self.busy:
            raise RuntimeError(f"{self.name}: its plan is running in another thread")

    cpdef void attach(self, object array) except *:
        """Binds a C-contiguous array of float32, float64, uint8 or int64 with rows of `columns` elements.

        A weak reference makes NumPy refuse to resize the array until `detach`. Raises TypeError and ValueError.
        See `takes`.
        """
        cdef cnp.ndarray checked
        if not takes(array):
            got = f"{array!r:.60}"
            raise TypeError(f"{self.name}: expected an array in C order of a dtype that a Port takes, got {got}")
        checked = array
        if self.out is not None and (type_of(checked) != self.out_type or not cnp.PyArray_ISWRITEABLE(checked)):
            raise ValueError(f"{self.name}: expected a writable array of {self.out}, got {array.dtype}")
        self.check_idle()
        cdef Py_ssize_t rows = cnp.PyArray_DIM(checked, 0) if cnp.PyArray_NDIM(checked) else 0
        if cnp.PyArray_SIZE(checked) != rows * self.columns:
            raise ValueError(f"{self.name}: expected rows of {self.columns} elements, got {array.shape}")
        self.point(checked, rows)
        self.reference = PyWeakref_NewRef(array, None)
        self.array = array

    cdef void point(self, cnp.ndarray array, Py_ssize_t rows) noexcept:
        """Binds an array that was checked, and that the caller holds."""
        self.type = type_of(array)
        self.data = <const char *> cnp.PyArray_DATA(array)
        self.rows = rows

    cpdef void detach(self) except *:
        """Lets go of the array."""
        self.check_idle()
        self.array = self.reference = None
        self.data = NULL
        self.rows = 0
