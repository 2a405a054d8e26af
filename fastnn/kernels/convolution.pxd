from fastnn.engine.csrc cimport fastnn_axis


cdef fastnn_axis axis_of(phase)
