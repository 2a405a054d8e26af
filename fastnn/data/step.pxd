from libc.stdint cimport int32_t

cimport numpy as cnp


cdef cnp.ndarray values_of(str name, object given, tuple shape, int kind)
cdef double number(object reward) except? -1
cdef int32_t chosen(object given, Py_ssize_t actions) except -1
cdef bint truth(str name, object given) except -1
cdef cnp.ndarray flags(str name, object given, Py_ssize_t count)
