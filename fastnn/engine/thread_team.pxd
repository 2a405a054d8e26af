ctypedef void (*Work)(void *context, Py_ssize_t index, Py_ssize_t parts, int thread) noexcept nogil

cdef int forks() noexcept nogil
cdef bint serial() noexcept nogil
cdef int size_for(double nanoseconds, int most) noexcept nogil
cdef void share(int size, Py_ssize_t parts, Work work, void *context) noexcept nogil
cdef int call_helper(double nanoseconds, int most) noexcept nogil
cdef void dismiss_helper(double nanoseconds) noexcept nogil
