cdef int allowed() noexcept nogil
cdef int enter(int wanted) noexcept nogil
cdef void leave(int threads) noexcept nogil
