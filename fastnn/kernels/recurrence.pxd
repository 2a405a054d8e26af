from fastnn.engine.csrc cimport fastnn_product
from fastnn.engine.tensor cimport Tensor
from fastnn.kernels.packing cimport Prepared
from fastnn.kernels.steps cimport Steps


cdef class Recurrence(Prepared):
    cdef Steps steps
    cdef bint reverse          # from the last step of each sequence to its first
    cdef fastnn_product product  # at present
    cdef Py_ssize_t units, width  # width: elements of z for a step
    cdef int across            # threads that share a product out by columns, where there are too few sequences
    cdef float *z
    cdef float *h              # running: the state, or its gradient
    cdef float *c              # the same of an LSTM's cells, else NULL
    cdef const float *first_h  # the initial h and c of each row, NULL for zeros
    cdef const float *first_c
    cdef float *result_h       # where the final ones of each row are written, or NULL
    cdef float *result_c
    cdef float *before         # the state before each step, or NULL
    cdef float *cells          # the cells before each step, or NULL
    cdef float *sums           # of a GRU: what the state contributes, for each step
    cdef const float *mask     # of the state before, for each row, or NULL
    cdef Tensor take(self, Tensor z, object weight, Steps steps, Tensor h, int gates, bint transposed, bint reverse)
    cdef float *by_step(self, name, Tensor x, Py_ssize_t states=*) except? NULL
    cdef float *by_row(self, name, Tensor x) except? NULL
    cdef float *shaped(self, name, Tensor x, Py_ssize_t rows, Py_ssize_t columns) except? NULL
    cdef Py_ssize_t place(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil
    cdef bint backwards(self) noexcept nogil
    cdef void at_time(self, Py_ssize_t t, Py_ssize_t index, Py_ssize_t first, Py_ssize_t last) noexcept nogil
    cdef void step(self, Py_ssize_t at, Py_ssize_t first, Py_ssize_t rows, Py_ssize_t index) noexcept nogil
    cdef void begin(self, Py_ssize_t place, Py_ssize_t row) noexcept nogil
    cdef void end(self, Py_ssize_t place, Py_ssize_t row) noexcept nogil
    cdef void multiply(self, const float *a, Py_ssize_t rows, float *c, bint add, int activation=*) noexcept nogil
    cdef void columns(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil
    cdef void fill(self, float *state, const float *given, Py_ssize_t place, Py_ssize_t row) noexcept nogil
    cdef void leave(self, const float *state, float *result, Py_ssize_t place, Py_ssize_t row) noexcept nogil
    cdef void masked(self, const float *x, Py_ssize_t first, Py_ssize_t rows, float *y) noexcept nogil


cdef class Forward(Recurrence):
    cdef float *y
    cdef float *plain          # the state before each step without the mask, or NULL
    cdef Py_ssize_t begun(self, Py_ssize_t first, Py_ssize_t rows, Py_ssize_t index) noexcept nogil
    cdef void cell(
        self, Py_ssize_t at, Py_ssize_t first, Py_ssize_t rows, const float *state, Py_ssize_t begun
    ) noexcept nogil


cdef class Backward(Recurrence):
    cdef const float *dy
    cdef void cell(self, Py_ssize_t at, Py_ssize_t first, Py_ssize_t rows, bint wanted) noexcept nogil
    cdef void pass_back(self, const float *dz, Py_ssize_t first, Py_ssize_t rows, bint add) noexcept nogil
