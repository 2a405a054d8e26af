from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

from fastnn.data.sum_tree cimport SumTree


cdef class Transitions:
    cdef readonly Py_ssize_t capacity, environments, n_step, actions
    cdef readonly double gamma
    cdef readonly object seed           # type: int
    cdef readonly tuple shape           # type: tuple[int, ...]
    cdef readonly tuple action_shape    # type: tuple[int, ...]
    cdef readonly str dtype
    cdef readonly double alpha          # of the priorities; 0 draws all steps alike
    cdef readonly Py_ssize_t ready      # steps that can be drawn
    cdef readonly dict arrays           # type: dict[str, np.ndarray]
    cdef Py_ssize_t ring, row, action_row  # slots of an environment; bytes of an observation and of an action
    cdef char *observation
    cdef char *action
    cdef float *reward
    cdef float *discount
    cdef int64_t *next
    cdef uint8_t *status
    cdef int64_t *head
    cdef int64_t *pending
    cdef uint8_t *continues
    cdef SumTree priorities     # of the slots, or None
    cdef Py_ssize_t filled      # slots of a ring that were ever written
    cdef uint64_t key           # the seed
    cdef double greatest        # priority so far
    cdef void *lock
    cdef int process, kind
    cdef void point(self) except *
    cdef void acquire(self) noexcept nogil
    cdef void release(self) noexcept nogil
    cdef void put(
        self, Py_ssize_t e, const char *s, const char *action, float reward, const char *s2, bint terminated,
        bint truncated
    ) noexcept nogil
    cdef void end(self, Py_ssize_t e) noexcept nogil
    cdef void clear(self, Py_ssize_t slot) noexcept nogil
    cdef void finish(self, Py_ssize_t slot) noexcept nogil
    cdef Py_ssize_t pick(self, double share) noexcept nogil
    cdef void add_one(
        self, object observation, object action, object reward, object next_observation, object terminated,
        object truncated
    ) except *
    cdef void add_all(
        self, object observation, object action, object reward, object next_observation, object terminated,
        object truncated
    ) except *
