"""The cross-entropy of a dense layer's logits, and its gradients, a few rows at a time: never all logits at once."""

from libc.math cimport isfinite
from libc.stdint cimport int32_t
from libc.string cimport memcpy

from fastnn.engine.op cimport Op
from fastnn.engine.tensor cimport Tensor, floats
from fastnn.kernels.cross_entropy cimport CrossEntropy

from fastnn.kernels.dense import Dense, DenseInputGradient, DenseWeightGradient


cdef class LinearCrossEntropy(CrossEntropy):
    """-log softmax(x weight + bias) at the label, the mean over rows, and dx, dweight and dbias.

    x, dx (rows, in), weight, dweight (in, classes), bias, dbias (classes,), label: int32 (rows,); bias and gradients
    may be None. Each piece of `at_once` rows passes through Dense, CrossEntropy and the gradients; sums continue from
    piece to piece, so that all results have the bits of these Ops on all rows. weight_of_row: (rows, 1). With add,
    dweight and dbias accumulate.
    """

    cdef Op product, first, others, inward
    cdef const float *x_whole
    cdef float *dx_whole
    cdef float *piece   # of x
    cdef float *inner   # of dx
    cdef float *logits
    cdef float *slopes  # the gradient with respect to them
    cdef tuple scratch  # keeps the memory of these alive
    cdef Py_ssize_t inputs, at_once, start, now

    def __init__(
        self, Tensor x, Tensor weight, Tensor bias or None, Tensor label, Tensor dx or None, Tensor dweight or None,
        Tensor dbias or None, Tensor weight_of_row or None = None, *, at_once: int, add: bool = False,
        finite: bool = False,
    ) -> None:
        fits = label.dtype == "int32" and label.rows == x.rows and label.columns == 1
        if not fits or (dx is not None and dx.rows != x.rows):
            self.refuse(x, label, dx)
        self.inputs, self.columns, self.finite, self.pace = x.columns, weight.columns, finite, 50.0
        self.label, self.x_whole, self.dx_whole = <const int32_t *> label.data, floats(x), floats(dx)
        self.bind((x, weight, bias, label, dx, dweight, dbias, weight_of_row))
        self.cut(x.rows, self.columns)
        self.at_once = min(max(at_once // self.chunk, 1) * self.chunk, max(x.rows, 1))  # whole chunks
        piece, inner = Tensor((self.at_once, self.inputs)), Tensor((self.at_once, self.inputs))
        logits, slopes = Tensor((self.at_once, self.columns)), Tensor((self.at_once, self.columns))
        self.piece, self.inner, self.logits, self.slopes = floats(piece), floats(inner), floats(logits), floats(slopes)
        self.product, self.scratch = Dense(piece, weight, bias, logits), (piece, inner, logits, slopes)
        if dweight is not None:
            given = piece, slopes, dweight, dbias
            self.first, self.others = DenseWeightGradient(*given, add=add), DenseWeightGradient(*given, add=True)
        if dx is not None:
            self.inward = DenseInputGradient(slopes, weight, inner)
        self.take_weight(weight_of_row)
        if weight_of_row is not None:
            self.make_weights(x.rows)

    cdef void run(self) noexcept nogil:
        cdef double total = 0
        cdef Py_ssize_t i, rows = self.present_rows()
        if not self.fits():
            return
        self.divide()
        self.start = 0
        while self.start < rows or self.start == 0:
            self.now = min(self.at_once, rows - self.start)
            memcpy(self.piece, self.x_whole + self.start * self.inputs, self.now * self.inputs * sizeof(float))
            self.pass_on(self.product)
            Op.run(self)
            for i in range(self.parts(1)):
                total += self.partial[i]
            if self.first is not None and not self.state.inputs_only:
                if self.start == 0:
                    self.pass_on(self.first)
                else:
                    self.pass_on(self.others)
            if self.inward is not None:
                self.pass_on(self.inward)
                memcpy(self.dx_whole + self.start * self.inputs, self.inner, self.now * self.inputs * sizeof(float))
            self.start += self.at_once
        total *= self.scale
        if self.finite and not isfinite(total):
            self.last = total
            self.fail(0)
        else:
            self.record(total, self.counted)

    cdef void pass_on(self, Op op) noexcept nogil:
        """Runs an Op on the present piece."""
        op.state.rows, op.state.threads = self.now, self.state.threads
        op.run()

    cdef Py_ssize_t parts(self, int threads) noexcept nogil:
        return (self.now + self.chunk - 1) // self.chunk

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t row = index * self.chunk, rows = min(self.chunk, self.now - row)
        self.partial[index] = self.table.cross_entropy(
            rows,
            self.columns,
            self.logits + row * self.columns,
            self.label + self.start + row,
            NULL,
            self.weigh(self.start + row, rows),
            <float> self.scale,
            self.slopes + row * self.columns,
        )

    cdef void finish(self) noexcept nogil:
        pass

    cdef double work(self) noexcept nogil:
        cdef int products = 1 + (self.first is not None and not self.state.inputs_only) + (self.inward is not None)
        return 2.0 * products * self.present_rows() * self.inputs * self.columns
