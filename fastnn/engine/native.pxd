cdef int enough_stack() except -1
cdef bint closing() noexcept nogil
cdef int leave_interpreter() except -1
cdef void return_to_interpreter() noexcept
