from libc.stdint cimport int64_t, uint64_t

from fastnn.engine.csrc cimport fastnn_table
from fastnn.engine.tensor cimport Tensor

ctypedef struct Run:
    Py_ssize_t rows         # of this step
    Py_ssize_t first        # its first sample in the order
    const int64_t *order    # samples by row; NULL takes them as they come
    uint64_t step           # of the network, counted from its build: the position of random numbers
    uint64_t update         # of the optimizer, counted from compile
    const double *rate      # the learning rate of this step
    int threads
    bint inputs_only        # whether gradients of parameters are not computed
    bint running            # then other threads must not touch it
    void *failed            # the Op that found an error, or NULL
    Py_ssize_t place        # its position


cdef class State:
    cdef Run run


cdef class Op:
    cdef const fastnn_table *table
    cdef State shared       # the plan's, or its own while it is in no plan
    cdef Run *state         # in it
    cdef object plan        # a weak reference to the plan that it belongs to
    cdef object leader      # the Steps by whose count its rows go, or None
    cdef const Py_ssize_t *count  # the size of the run: its rows, or the leader's steps
    cdef Py_ssize_t length  # of the leader's sequences, or 1
    cdef public Py_ssize_t positions  # rows of its tensors for each of the plan's: 1, or the positions of a map
    cdef double pace        # its GFLOP/s on one core, about as Plan.profile shows them: for the choice of threads
    cdef readonly tuple tensors  # type: tuple[Tensor | None, ...]
    cdef public str layer
    cdef readonly bint python  # it needs the GIL: not for a parallel region
    cdef void join(self, State shared, object plan)
    cdef tuple bind(self, tuple tensors)
    cdef void run(self) noexcept nogil
    cdef inline Py_ssize_t present_rows(self) noexcept nogil:
        """The rows of its tensors that the run has."""
        return self.count[0] * self.positions
    cdef Py_ssize_t parts(self, int threads) noexcept nogil
    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil
    cdef void finish(self) noexcept nogil
    cdef double work(self) noexcept nogil
    cdef void fail(self, Py_ssize_t place) noexcept nogil


cdef class ChunkedOp(Op):
    cdef double *partial    # a result for each chunk of rows
    cdef Py_ssize_t chunk   # rows of a chunk
    cdef void cut(self, Py_ssize_t rows, Py_ssize_t columns) except *
    cdef double sum_of_chunks(self) noexcept nogil


cdef double seconds() noexcept nogil
cdef float *scratch() noexcept nogil

# Elements of a chunk that is summed separately: 32 KB of float32, which fits the L1 cache.
cdef enum:
    CHUNK_ELEMENTS = 8192

# Below this a run keeps the GIL: releasing and reacquiring it costs 0.1 us.
cdef enum:
    NANOSECONDS_WITH_GIL = 5000
