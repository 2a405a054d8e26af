from fastnn.engine.csrc cimport fastnn_axis, fastnn_convolution
from fastnn.kernels.packing cimport Prepared

cdef fastnn_axis axis_of(phase)

cdef struct Piece:
    # A group's channels at one phase of rows and columns: a convolution of its own, and which taps it has.
    fastnn_convolution map
    Py_ssize_t weight  # where its panels start
    Py_ssize_t source  # where its first tap is in the weight
    Py_ssize_t row_step, column_step  # from a tap to the next there


cdef class Convolution(Prepared):
    cdef Piece *pieces
    cdef Py_ssize_t count
