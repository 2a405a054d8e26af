from fastnn.engine.plan cimport Plan
from fastnn.engine.port cimport Port
from fastnn.inference.spec cimport Spec


cdef class Streaming:
    cdef readonly Py_ssize_t batch_size
    cdef readonly object input_shape, output_shape  # type: Any
    cdef readonly tuple held  # type: tuple[str, ...]
    cdef object net, snapshot, stepping, capacity
    cdef list names, results_names  # of the inputs at a step, and of the outputs
    cdef list inputs, outputs       # their Specs
    cdef bint single                # whether there is one input and one output
    cdef Spec x, y                  # the first of each
    cdef Port first, last           # of the plan
    cdef Plan plan
    cdef bint busy
    cdef bint ready                 # whether held inputs are known, if there are any
    cdef int make(self, object net, Py_ssize_t batch_size, object snapshot, object capacity, tuple held) except -1
    cdef int begin(self, str action) except -1
    cdef int copy_to(self, Streaming other) except -1
    cdef object streams(self, object rows)
