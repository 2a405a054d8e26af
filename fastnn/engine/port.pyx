"""Port: where a user's array enters a plan or leaves it."""

from cpython.weakref cimport PyWeakref_NewRef

cimport numpy as cnp
import numpy as np

from fastnn.engine cimport csrc

cnp.import_array()

#: The dtypes that a Port reads, in the order of csrc/kernels.h.
TYPES = (
    "float32",
    "float64",
    "float16",
    "bool",
    "uint8",
    "int8",
    "uint16",
    "int16",
    "uint32",
    "int32",
    "uint64",
    "int64",
)

cdef enum:
    NUMBERS = 32  # more than NumPy has for its own dtypes of numbers

cdef int[NUMBERS] types  # by NumPy's numbers of dtypes, which are those of C's types; -1 for one that no Port reads
cdef int[NUMBERS] widths  # bytes of each of TYPES

for _number in range(NUMBERS):
    types[_number] = -1
for _dtype in map(np.dtype, "?bBhHiIlLqQefdg"):  # some C types share a NumPy name but have different numbers
    if _dtype.name in TYPES:
        types[_dtype.num] = TYPES.index(_dtype.name)
        widths[types[_dtype.num]] = _dtype.itemsize


cdef inline int type_of(cnp.ndarray array) noexcept:
    """The array's dtype as csrc names it, -1 for one that no Port reads."""
    cdef int number = cnp.PyArray_TYPE(array)
    return types[number] if 0 <= number < NUMBERS else -1


cpdef bint takes(object array):  # type: (...) -> TypeGuard[np.ndarray]
    """Whether a Port reads the object as it is, and it is in C order, aligned, and of this machine's byte order."""
    return (
        type(array) is cnp.ndarray
        and cnp.PyArray_ISCARRAY_RO(<cnp.ndarray> array)
        and type_of(<cnp.ndarray> array) >= 0
    )


cpdef bint reads(object array):  # type: (...) -> TypeGuard[np.ndarray]
    """Whether a Port reads the object as it is: an ndarray of one of TYPES, in any order."""
    return type(array) is cnp.ndarray and type_of(<cnp.ndarray> array) >= 0


cpdef bint is_batch(object array, object features):  # type: (...) -> TypeGuard[np.ndarray]
    """Whether the object is what `takes` says, of one or more samples (batch, *features), which is a tuple.

    False where the features have an axis of any length, None.
    """
    if type(features) is not tuple or not takes(array):
        return False
    cdef tuple lengths = features
    cdef Py_ssize_t i
    if cnp.PyArray_NDIM(<cnp.ndarray> array) != 1 + len(lengths):
        return False
    for i in range(len(lengths)):
        if lengths[i] is None or cnp.PyArray_DIM(<cnp.ndarray> array, i + 1) != <Py_ssize_t> lengths[i]:
            return False
    return cnp.PyArray_DIM(<cnp.ndarray> array, 0) > 0


cdef class Port:
    """A user's array, bound to a plan for a run: rows in, labels in, or results out.

    name: what errors call it. columns: elements of a row. out: the dtype of results, None where rows come in.
    samples: what errors call the rows, where they are copies of a user's; None: as they lie. padded: whether rows may
    have fewer elements, at least one; `columns` is then the number of those that are attached. prepare: called with
    that number where an op needs memory for it.
    """

    def __init__(self, name: str, columns: int, padded: bool = False) -> None:
        if self.name is not None:
            raise RuntimeError("a Port cannot be initialized twice")
        self.name, self.columns, self.most = name, columns, columns if padded else 0

    def claim(self, dtype: str) -> None:
        """Makes it a port of results. Raises ValueError if another dtype is set, or attached already."""
        if self.out not in (None, dtype):
            raise ValueError(f"{self.name}: its results are {self.out}, not {dtype}")
        self.out, self.out_type = dtype, csrc.fastnn_float32 if dtype == "float32" else csrc.fastnn_int64
        if self.array is not None:
            self.attach(self.array)

    def trial_array(self, generator: np.random.Generator, rows: int) -> np.ndarray:
        """An array of that many rows for a trial run: random numbers that its op accepts, or room for results."""
        shape = (rows, self.columns)
        if self.out is not None:
            return np.empty(shape, self.out)
        return generator.standard_normal(shape, np.float32) if self.trial is None else self.trial(generator, shape)

    cdef void check_idle(self) except *:
        if self.busy:
            raise RuntimeError(f"{self.name}: its plan is running in another thread")

    cpdef void attach(self, object array) except *:
        """Binds an array of one of TYPES with rows of `columns` elements; for results a writable one in C order.

        A weak reference makes NumPy refuse to resize the array until `detach`. Raises TypeError and ValueError.
        See `reads`.
        """
        cdef cnp.ndarray checked
        cdef bint plain = takes(array)
        if not (plain or reads(array)):
            raise TypeError(f"{self.name}: expected an array of a dtype that a Port reads, got {array!r:.60}")
        checked = array
        if self.out is not None and not (
            plain and type_of(checked) == self.out_type and cnp.PyArray_ISWRITEABLE(checked)
        ):
            raise ValueError(f"{self.name}: expected a writable array of {self.out} in C order, got {array.dtype}")
        self.check_idle()
        cdef Py_ssize_t rows = cnp.PyArray_DIM(checked, 0) if cnp.PyArray_NDIM(checked) else 0
        cdef Py_ssize_t columns = self.columns
        if self.most and rows:
            columns = min(cnp.PyArray_SIZE(checked) // rows, self.most)
        if cnp.PyArray_SIZE(checked) != rows * columns or columns == 0 < self.most:
            expected = f"1 to {self.most}" if self.most else f"{columns}"
            raise ValueError(f"{self.name}: expected rows of {expected} elements, got {array.shape}")
        if self.prepare is not None:
            self.prepare(columns)
        self.columns = columns
        self.source.element, self.source.swapped = NULL, False
        self.point(checked, rows)
        if not plain:
            self.lay_out(array)
        self.reference = PyWeakref_NewRef(array, None)
        self.array = array

    cdef void point(self, cnp.ndarray array, Py_ssize_t rows) noexcept:
        """Binds an array for which `takes` is true, that was checked, and that the caller keeps alive."""
        self.source.type = type_of(array)
        self.source.data = <const char *> cnp.PyArray_DATA(array)
        self.source.row = self.columns * widths[self.source.type]
        self.rows = rows

    cdef void lay_out(self, object array) except *:
        """Where the elements of any array are."""
        cdef cnp.ndarray elements = np.zeros(1, np.intp)
        if self.rows:
            self.source.row = array.strides[0]
        self.source.swapped = not array.dtype.isnative
        if not (array[:1].flags.c_contiguous and array.flags.aligned):
            for length, stride in zip(array.shape[1:], array.strides[1:]):
                elements = np.add.outer(elements, np.arange(length) * stride).ravel()
            self.elements, self.source.element = elements, <const Py_ssize_t *> cnp.PyArray_DATA(elements)

    def __reduce__(self) -> tuple:
        raise TypeError(f"{self.name}: a Port belongs to its plan and cannot be copied")

    cpdef void detach(self) except *:
        """Releases the array."""
        self.check_idle()
        self.array = self.reference = self.elements = self.samples = None
        self.source.data = NULL
        self.source.element, self.source.swapped = NULL, False
        self.rows = 0
