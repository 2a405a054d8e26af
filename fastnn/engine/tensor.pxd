cdef enum:
    DIMENSIONS = 32  # at most, of a Tensor or an array: checks.DIMENSIONS of a sample, plus the batch


cdef class Block:
    cdef void *memory           # as allocated
    cdef void *data             # its first aligned byte
    cdef readonly Py_ssize_t nbytes


cdef class Tensor:
    cdef void *data
    cdef readonly Block block
    cdef readonly tuple shape  # type: tuple[int, ...]
    cdef readonly str dtype
    cdef readonly Py_ssize_t size, rows, columns, nbytes


cdef inline float *floats(Tensor tensor) except? NULL:
    """The tensor's float32 memory, NULL for None. Raises TypeError for another dtype."""
    if tensor is None:
        return NULL
    if tensor.dtype != "float32":
        raise TypeError(f"expected a float32 Tensor, got {tensor!r}")
    return <float *> tensor.data
