from fastnn.kernels.csrc cimport fastnn_axis


cdef fastnn_axis axis_of(phase)
