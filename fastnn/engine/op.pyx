"""Op: one kernel bound to its buffers.

An Op checks shapes, names and types when it is made and keeps raw pointers; running it takes no arguments. Errors that
only the data can show go into a slot of the Run, which the Ops of a plan share. Calling an Op from Python runs
the same kernel on the same buffers, so an eager call is a plan of length one.
This module owns the tables of csrc.
"""

import os

from libc.stdlib cimport calloc, free

from fastnn.engine cimport csrc, thread_count, thread_team
from fastnn.engine.csrc cimport fastnn_table
from fastnn.engine.native cimport enough_stack, leave_interpreter, return_to_interpreter
from fastnn.engine.tensor cimport Tensor

cdef extern from *:
    """
    #include <time.h>
    static double fastnn_seconds(void) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
    }

    static float *fastnn_scratch(void) {
        enum {
            WINOGRAD = FASTNN_WINOGRAD_SCRATCH,
            ATTENTION = FASTNN_ATTENTION_SCRATCH, /* more than the product's, which is a part of it */
            FLOATS = WINOGRAD > ATTENTION ? WINOGRAD : ATTENTION,
        };
        static _Thread_local float scratch[FLOATS] __attribute__((aligned(64)));
        return scratch;
    }
    """
    double fastnn_seconds() noexcept nogil
    float *fastnn_scratch() noexcept nogil

cdef const fastnn_table *_table = NULL


def levels() -> tuple[str, ...]:
    """The instruction sets that this build holds and this processor has, best first."""
    names = []
    cdef int i = 0
    while csrc.fastnn_level(i) != NULL:
        if csrc.fastnn_select(csrc.fastnn_level(i)) != NULL:
            names.append(csrc.fastnn_level(i).decode())
        i += 1
    return tuple(names)


def get_isa() -> str:
    """The instruction set of the Ops made from now on."""
    return _table.isa.decode()


def set_isa(name: str) -> None:
    """Chooses the instruction set of the Ops made from now on; those that exist keep theirs.

    Raises ValueError for a level that this build or this processor does not have.
    """
    global _table
    table = csrc.fastnn_select(name.encode())
    if table == NULL:
        raise ValueError(f"FASTNN_ISA: this build and processor support {', '.join(levels())}, not {name!r}")
    _table = table


def multiply_add(Py_ssize_t rounds) -> float:
    """Runs multiply-adds on registers alone; returns how many floating-point operations they were."""
    with nogil:
        _table.peak(rounds)
    return 24.0 * rounds * _table.lanes


def peak(repeats: int = 200) -> float:
    """GFLOP/s of one core, multiply-adds on registers alone: the best of `repeats` runs of about 0.1 ms."""
    cdef double start, flops = 0, best = 1.0
    for _ in range(repeats):
        start = fastnn_seconds()
        flops = multiply_add(25000)
        best = min(best, fastnn_seconds() - start)
    return flops / best / 1e9


def _start() -> None:
    try:
        set_isa(os.environ.get("FASTNN_ISA") or levels()[0])
    except ValueError as error:
        raise ImportError(str(error)) from None


_start()


cdef double seconds() noexcept nogil:
    """A clock that only goes forward."""
    return fastnn_seconds()


cdef float *scratch() noexcept nogil:
    """Memory of the thread for one part of an op at a time, too large for its stack; given back when the part ends."""
    return fastnn_scratch()


cdef void part_of(void *op, Py_ssize_t index, Py_ssize_t parts, int thread) noexcept nogil:
    (<Op> op).part(index, parts)


cdef class State:
    """The Run that Ops share, alive as long as one of them."""


cdef class Op:
    """One kernel bound to its buffers.

    A subclass checks its arguments in __init__ (ValueError or TypeError that names the expected and the actual shape),
    calls `bind`, and says what to compute in `run`, or in `part` for one of several independent pieces.
    """

    def __cinit__(self) -> None:
        self.table = _table
        self.join(State(), None)
        self.pace = 4.0
        self.positions = self.length = 1
        self.layer = ""

    cdef void join(self, State shared, object plan):
        """Joins a plan's Run, or with None its own."""
        self.shared, self.plan = shared, plan
        self.state = &shared.run
        if self.leader is None:
            self.count = &self.state.rows

    cdef tuple bind(self, tuple tensors):
        """Keeps the tensors' memory; the first one's rows are the capacity."""
        self.tensors = tensors
        self.state.rows = (<Tensor> tensors[0]).rows
        return tensors

    @property
    def capacity(self) -> int:
        """The most rows that a run may have."""
        return self.tensors[0].rows // (self.positions * self.length)

    @property
    def flops(self) -> float:
        """Floating-point operations of a run with the present number of rows."""
        return self.work()

    @property
    def nbytes(self) -> int:
        """Bytes of its tensors."""
        return sum(tensor.nbytes for tensor in self.tensors if tensor is not None)

    cdef void run(self) noexcept nogil:
        """Runs the parts on as many threads as their work is worth."""
        cdef Py_ssize_t i, parts
        cdef int size = 1
        if self.state.threads > 1:
            size = thread_team.size_for(self.work() / self.pace, self.state.threads)
        parts = self.parts(size)
        if size > 1 and parts > 1:
            thread_team.share(<int> min(<Py_ssize_t> size, parts), parts, part_of, <void *> self)
        else:
            for i in range(parts):
                self.part(i, parts)
        self.finish()

    cdef Py_ssize_t parts(self, int threads) noexcept nogil:
        """The number of parts; if it depends on the threads, no result may depend on it."""
        return threads

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        pass

    cdef void finish(self) noexcept nogil:
        """Work done once, after all parts."""
        pass

    cdef double work(self) noexcept nogil:
        """Floating-point operations at the present number of rows."""
        return 0

    cdef void fail(self, Py_ssize_t place) noexcept nogil:
        """Stops the run after this op; `explain` turns the position into an exception."""
        self.state.failed = <void *> self
        self.state.place = place

    def explain(self, place: int) -> BaseException:
        """The exception for an error that this op found in the data."""
        return RuntimeError(f"{self!r} failed at {place}")

    def __call__(self) -> None:
        """Runs the kernel on the buffers as they are now."""
        if self.tensors is None:
            raise RuntimeError(f"{type(self).__name__} was not initialized")
        if self.state.running:
            raise RuntimeError(f"{self!r} is running in another thread")
        enough_stack()
        leave_interpreter()
        self.state.running = True
        self.state.failed = NULL
        self.state.threads = thread_count.allowed()
        with nogil:
            self.run()
        self.state.running = False
        return_to_interpreter()
        if self.state.failed != NULL:
            raise (<Op> self.state.failed).explain(self.state.place)

    def __reduce__(self) -> tuple:
        raise TypeError(f"{self!r} is bound to memory of this process and cannot be copied")

    def __repr__(self) -> str:
        shapes = ", ".join(str(tensor.shape) for tensor in self.tensors if tensor is not None)
        return f"{self.layer + ': ' if self.layer else ''}{type(self).__name__}({shapes})"


cdef class ChunkedOp(Op):
    """An Op over fixed chunks of rows with one result each, combined in order for any number of threads."""

    cdef tuple bind(self, tuple tensors):
        cdef Tensor first = tensors[0]
        self.cut(first.rows, first.columns)
        return Op.bind(self, tensors)

    cdef void cut(self, Py_ssize_t rows, Py_ssize_t columns) except *:
        """Cuts that many rows into chunks, which have about as many elements for any number of columns."""
        free(self.partial)
        self.chunk = max(1, CHUNK_ELEMENTS // max(1, columns))
        self.partial = <double *> calloc(rows // self.chunk + 1, sizeof(double))
        if self.partial == NULL:
            raise MemoryError

    def __dealloc__(self) -> None:
        free(self.partial)

    cdef Py_ssize_t parts(self, int threads) noexcept nogil:
        return (self.present_rows() + self.chunk - 1) // self.chunk

    cdef double sum_of_chunks(self) noexcept nogil:
        cdef Py_ssize_t i
        cdef double total = 0
        for i in range(self.parts(1)):
            total += self.partial[i]
        return total
