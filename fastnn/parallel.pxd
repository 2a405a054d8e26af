ctypedef void (*Work)(void *context, Py_ssize_t index, Py_ssize_t parts, int thread) noexcept nogil

cdef int allowed() noexcept nogil
cdef int forks() noexcept nogil
cdef int team_for(double nanoseconds, int most) noexcept nogil
cdef int enter(int wanted) noexcept nogil
cdef void share(int team, Py_ssize_t parts, Work work, void *context) noexcept nogil
