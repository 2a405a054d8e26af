"""Cross-entropy of a softmax, from its logits, and its smoothed and weighted targets."""

from libc.stdint cimport int32_t

from fastnn.engine.op cimport Op
from fastnn.engine.tensor cimport Tensor, floats
from fastnn.kernels.loss cimport Loss, after


cdef inline const int32_t *labels_after(const int32_t *start, Py_ssize_t n) noexcept nogil:
    """start + n, NULL for NULL."""
    if start == NULL:
        return NULL
    return start + n


cdef class SoftTargets(Op):
    """Targets with label smoothing and class weights, for CrossEntropy.

    With q_j = c_j ((1 - smoothing) t_j + smoothing / classes): y = q / sum q, mass = sum_j q_j, the weight of a row's
    loss, and count = sum_j c_j t_j, its part of the divisor. target: int32 labels (rows,), or float32 distributions
    (rows, classes); class_weights c: float32 (1, classes), or None for 1; mass, count: float32 (rows, 1); y: float32
    (rows, classes). Szegedy et al. 2016, section 7.
    """

    cdef const int32_t *label
    cdef const float *target
    cdef const float *class_weights
    cdef float *y
    cdef float *mass
    cdef float *count
    cdef float smoothing
    cdef Py_ssize_t columns

    def __init__(
        self,
        Tensor target,
        Tensor y,
        Tensor mass,
        Tensor count,
        *,
        Tensor class_weights or None = None,
        smoothing: float = 0.0,
    ) -> None:
        cdef Tensor tensor
        labels = target.dtype == "int32"
        if target.rows != y.rows or target.columns != (1 if labels else y.columns):
            raise ValueError(f"SoftTargets: shapes {target.shape} {target.dtype} and {y.shape} do not fit")
        for tensor in (mass, count):
            if tensor.rows != y.rows or tensor.columns != 1:
                raise ValueError(f"SoftTargets: expected a number for each of {y.rows} rows, got {tensor!r}")
        if class_weights is not None and class_weights.size != y.columns:
            raise ValueError(f"SoftTargets: expected {y.columns} class weights, got {class_weights!r}")
        if labels:
            self.label = <const int32_t *> target.data
        else:
            self.target = floats(target)
        self.y, self.mass, self.count = floats(y), floats(mass), floats(count)
        self.class_weights, self.smoothing, self.columns = floats(class_weights), smoothing, y.columns
        self.bind((target, y, mass, count, class_weights))

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t row = self.present_rows() * index // parts, end = self.present_rows() * (index + 1) // parts
        self.table.soften(
            end - row,
            self.columns,
            labels_after(self.label, row),
            after(self.target, row * self.columns),
            self.class_weights,
            self.smoothing,
            self.y + row * self.columns,
            self.mass + row,
            self.count + row,
        )

    cdef double work(self) noexcept nogil:
        return self.present_rows() * self.columns


cdef class CrossEntropy(Loss):
    """-sum_j t_j log softmax(x)_j, the mean over rows, in nats; dx = (softmax(x) - t) / rows.

    x: logits (rows, classes). target: int32 labels (rows,), or float32 distributions (rows, classes).
    mass, count: of SoftTargets; they multiply the weights in the sum and in its divisor, respectively.
    """

    def __init__(
        self,
        Tensor x,
        Tensor target,
        Tensor dx,
        Tensor weight or None = None,
        Tensor mass or None = None,
        Tensor count or None = None,
        *,
        finite: bool = False,
    ) -> None:
        cdef Py_ssize_t columns = 1 if target.dtype == "int32" else x.columns
        cdef Tensor factor
        if not (target.rows == x.rows and target.columns == columns):
            self.refuse(x, target, dx)
        if target.dtype == "int32":
            self.label = <const int32_t *> target.data
        else:
            self.target = floats(target)
        self.take(x, target, dx, weight, finite)
        if (mass is None) != (count is None):
            raise ValueError(f"{type(self).__name__}: mass and count go together")
        if mass is None:
            return
        for factor in (mass, count):
            if factor.rows != x.rows or factor.columns != 1:
                raise ValueError(f"{type(self).__name__}: expected a number for each of {x.rows} rows, got {factor!r}")
        self.mass_of_row, self.count_of_row = floats(mass), floats(count)
        self.tensors += (mass, count)
        self.make_weights(x.rows)

    cdef double terms(self) noexcept nogil:
        return 1

    cdef double mass(self) noexcept nogil:
        cdef Py_ssize_t i
        cdef double mass = 0
        if self.count_of_row == NULL:
            return Loss.mass(self)
        for i in range(self.present_rows()):
            mass += self.count_of_row[i] if self.weight == NULL else <double> self.weight[i] * self.count_of_row[i]
        return mass

    cdef const float *weigh(self, Py_ssize_t row, Py_ssize_t rows) noexcept nogil:
        cdef Py_ssize_t i
        if self.mass_of_row == NULL:
            return Loss.weigh(self, row, rows)
        if self.weight == NULL:
            self.table.scale(rows, <float> self.unit, self.mass_of_row + row, self.weights + row)
        else:
            Loss.weigh(self, row, rows)
            for i in range(row, row + rows):
                self.weights[i] *= self.mass_of_row[i]
        return self.weights + row

    cdef bint fits(self) noexcept nogil:
        """Whether all labels are classes."""
        cdef Py_ssize_t i
        if self.label != NULL:
            for i in range(self.present_rows()):
                if not 0 <= self.label[i] < self.columns:
                    self.fail(1 + i)
                    return False
        return True

    cdef void run(self) noexcept nogil:
        if self.fits():
            Loss.run(self)

    def explain(self, place: int) -> Exception:
        if place == 0:
            return Loss.explain(self, place)
        return ValueError(f"CrossEntropy: label {self.label[place - 1]} is not from 0 to {self.columns - 1}")

    cdef double piece(self, Py_ssize_t row, Py_ssize_t rows, const float *weight) noexcept nogil:
        cdef Py_ssize_t start = row * self.columns
        return self.table.cross_entropy(
            rows,
            self.columns,
            self.x + start,
            labels_after(self.label, row),
            after(self.target, start),
            weight,
            <float> self.scale,
            self.dx + start,
        )


cdef class KLDivergence(CrossEntropy):
    """sum_j t_j log(t_j / softmax(x)_j), the mean over rows, in nats; dx = (softmax(x) - t) / rows.

    x, target, dx: as CrossEntropy, from which it differs by the entropy of the target alone.
    """

    def __init__(
        self, Tensor x, Tensor target, Tensor dx, Tensor weight or None = None, *, finite: bool = False
    ) -> None:
        CrossEntropy.__init__(self, x, target, dx, weight, finite=finite)

    cdef double piece(self, Py_ssize_t row, Py_ssize_t rows, const float *weight) noexcept nogil:
        cdef double loss = CrossEntropy.piece(self, row, rows, weight)
        if self.target != NULL:
            loss += self.table.negative_entropy(rows, self.columns, self.target + row * self.columns, weight)
        return loss
