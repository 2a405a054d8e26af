cdef int allowed() noexcept nogil
