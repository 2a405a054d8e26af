"""PReLU: learned slopes for negative inputs, one for each feature of the last axis."""

from libc.string cimport memset

from fastnn.engine.tensor cimport Tensor, floats
from fastnn.kernels.sharing cimport Elementwise


cdef enum:
    SHARE = 64  # columns that are worth a thread


cdef int check(name, Tensor slope, tuple tensors) except -1:
    """Raises ValueError unless the tensors are equal, and whole numbers of features wide."""
    cdef Tensor tensor, first = tensors[0]
    fit = slope.size > 0 and first.columns % slope.size == 0
    for tensor in tensors:
        fit = fit and tensor.rows == first.rows and tensor.columns == first.columns
    if not fit:
        shapes = ", ".join([str(tensor.shape) for tensor in (first, slope, *tensors[1:])])
        raise ValueError(f"{name}: shapes {shapes} do not fit")
    return 0


cdef class PReLU(Elementwise):
    """y = x where x > 0, else slope_j x. x, y (rows, ...), slope (features of the last axis,); y may be x."""

    cdef const float *x
    cdef const float *slope
    cdef float *y
    cdef Py_ssize_t features

    def __init__(self, Tensor x, Tensor slope, Tensor y) -> None:
        self.x, self.slope, self.y = floats(x), floats(slope), floats(y)
        check("PReLU(x, slope, y)", slope, (x, y))
        self.columns, self.features = x.columns, slope.size
        self.bind((x, slope, y))

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t rows = self.extent() // self.features
        cdef Py_ssize_t first = rows * index // parts, end = rows * (index + 1) // parts, start = first * self.features
        self.table.prelu(end - first, self.features, self.x + start, self.features, self.slope, self.y + start)


cdef class PReLUGradient(Elementwise):
    """dx = dy where x > 0, else slope_j dy; dslope_j = the sum of x_j dy_j where x_j <= 0. dx may be dy.

    dslope: None where it is not requested; with add it accumulates. Parallel over features: each sum runs from the
    first row to the last.
    """

    cdef const float *x
    cdef const float *slope
    cdef const float *dy
    cdef float *dx
    cdef float *dslope
    cdef Py_ssize_t features
    cdef bint add

    def __init__(
        self, Tensor x, Tensor slope, Tensor dy, Tensor dx, Tensor dslope or None, *, add: bool = False
    ) -> None:
        self.x, self.slope, self.dy = floats(x), floats(slope), floats(dy)
        self.dx, self.dslope = floats(dx), floats(dslope)
        check("PReLUGradient(x, slope, dy, dx)", slope, (x, dy, dx))
        if dslope is not None and dslope.size != slope.size:
            raise ValueError(f"PReLUGradient: expected dslope {slope.shape}, got {dslope.shape}")
        self.columns, self.features, self.add = x.columns, slope.size, add
        self.bind((x, slope, dy, dx, dslope))

    cdef Py_ssize_t parts(self, int threads) noexcept nogil:
        return max(1, min(threads, self.features // SHARE))

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t n = self.features, lines = (n + 15) // 16
        cdef Py_ssize_t start = lines * index // parts * 16, end = min(n, lines * (index + 1) // parts * 16)
        cdef float *dslope = NULL
        if self.dslope != NULL and not self.state.inputs_only:
            dslope = self.dslope + start
            if not self.add:
                memset(dslope, 0, (end - start) * sizeof(float))
        self.table.prelu_gradient(
            self.extent() // n, end - start, self.x + start, n, self.slope + start, self.dy + start,
            self.dx + start, dslope
        )
