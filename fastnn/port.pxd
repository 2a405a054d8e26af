cdef class Port:
    cdef const char *data
    cdef int type
    cdef readonly object array
    cdef object reference
    cdef readonly Py_ssize_t rows, columns
    cdef readonly str name, out
