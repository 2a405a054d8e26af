"""The convolution of 3x3 taps with fewer multiplications, and its gradients: see csrc/winograd.h."""

from fastnn.engine.csrc cimport FASTNN_WINOGRAD_CHANNELS, fastnn_convolution
from fastnn.engine.op cimport Op, scratch
from fastnn.engine.tensor cimport Tensor, floats
from fastnn.kernels.convolution cimport axis_of
from fastnn.kernels.packing cimport Packing, Prepared

from fastnn.kernels.activation import DERIVED_FROM_INPUT as _DERIVED_FROM_INPUT, number
from fastnn.kernels.axis import Axis

_UNFIT = "{}: Winograd's algorithm does not support a weight {}, {}, {} and {} groups"


def takes(rows: Axis, columns: Axis, groups: int, shape: tuple[int, ...]) -> bool:
    """Whether Winograd supports the windows of a weight (kh, kw, in / groups, out)."""
    for axis in (rows, columns):
        if not isinstance(axis, Axis):
            raise TypeError(f"a window slides along an Axis, got {axis!r}")
    plain = all((axis.kernel, axis.stride, axis.dilation) == (3, 1, 1) for axis in (rows, columns))
    return plain and groups == 1 and len(shape) == 4 and max(shape[2:]) <= FASTNN_WINOGRAD_CHANNELS


def suits(rows: Axis, columns: Axis, groups: int, shape: tuple[int, ...]) -> bool:
    """Whether it is also faster: channels fill tiles of the products, and pixels fill tiles of the image."""
    if not takes(rows, columns, groups, shape) or min(shape[2:]) < 32:
        return False
    pixels = tiled = 1
    for axis in (rows, columns):
        for length in (axis.size, axis.output):  # backward and forward
            pixels, tiled = pixels * length, tiled * (length + length % 2)
    return tiled < 2 * pixels


def _check(name, weight, rows, columns, groups, picture, windows, *others):
    """Raises ValueError unless the shapes fit: others are pairs of a tensor, or None, and its size."""
    if not takes(rows, columns, groups, weight.shape):
        raise ValueError(_UNFIT.format(name, weight.shape, rows, columns, groups))
    height, width, inputs, outputs = weight.shape
    fits = (height, width) == (3, 3) and picture.rows == windows.rows
    fits = fits and picture.columns == rows.size * columns.size * inputs
    fits = fits and windows.columns == rows.output * columns.output * outputs
    if not fits or any(tensor is not None and tensor.size != size for tensor, size in others):
        tensors = weight, picture, windows, *(tensor for tensor, _ in others)
        shapes = ", ".join("None" if tensor is None else str(tensor.shape) for tensor in tensors)
        raise ValueError(f"{name}: shapes {shapes} do not fit {rows}, {columns}")


cdef Py_ssize_t tiles_of(const fastnn_convolution *map) noexcept nogil:
    """Tiles of an image: each is 2x2 outputs."""
    return (map.rows.outputs + 1) // 2 * ((map.columns.outputs + 1) // 2)


cdef double work_of(const fastnn_convolution *map) noexcept nogil:
    """Floating-point operations of the 16 products of an image."""
    return 32.0 * tiles_of(map) * map.in_ * map.out


cdef class WinogradFilter(Packing):
    """panels = G g G^T for the taps g of a weight (3, 3, in, out), as the 16 products of Winograd read them.

    Used like a Filter.
    """

    cdef fastnn_convolution map
    cdef const float *g
    cdef Py_ssize_t step, row_step, column_step, g_row, g_column

    def __init__(self, Tensor weight, rows: Axis, columns: Axis, groups: int = 1, transposed: bool = False) -> None:
        cdef Py_ssize_t inputs, filters, lanes = self.table.lanes
        if not takes(rows, columns, groups, weight.shape):
            raise ValueError(_UNFIT.format("WinogradFilter(weight)", weight.shape, rows, columns, groups))
        row, column = rows.phases(transposed)[0], columns.phases(transposed)[0]
        self.pace = 4.0
        _, _, inputs, filters = weight.shape
        self.map.rows, self.map.columns = axis_of(row), axis_of(column)
        self.map.in_, self.map.out = (filters, inputs) if transposed else (inputs, filters)
        self.row_step, self.column_step = 3 * row.tap_step * inputs * filters, column.tap_step * inputs * filters
        self.g_row, self.g_column = 1 if transposed else filters, filters if transposed else 1
        self.step = self.map.in_ * ((self.map.out + lanes - 1) // lanes * lanes)
        self.g = floats(weight) + <Py_ssize_t> (3 * row.first + column.first) * inputs * filters
        self.pack_into_panels(weight, 16 * self.step, (rows, columns, groups, transposed))

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t panel = self.table.panel, k = self.map.in_, n = self.map.out, j = panel * index
        while j < n:
            self.table.winograd_pack(
                k, min(panel, n - j), self.g + j * self.g_column, self.row_step, self.column_step, self.g_row,
                self.g_column, self.c + j * k, self.step, scratch(),
            )
            j += panel * parts

    cdef double work(self) noexcept nogil:
        return 40.0 * self.map.in_ * self.map.out


cdef class Winograd(Prepared):
    """Convolution for 3x3 taps, neighbouring windows and one group, with the same arguments.

    Its error is that of sums of a few more terms: about 1e-6 of the sum of absolute values.
    """

    cdef fastnn_convolution map

    def __init__(
        self, Tensor x, weight: Tensor | WinogradFilter, Tensor bias or None, Tensor y, rows: Axis, columns: Axis,
        groups: int = 1, transposed: bool = False, activation: str = "identity", Tensor z = None, Tensor source = None,
    ) -> None:
        cdef Tensor matrix = self.matrix(weight, WinogradFilter)
        cdef fastnn_convolution *map = &self.map
        _check(
            "Winograd(weight, x, y, bias, z, source)", matrix, rows, columns, groups,
            *((y, x) if transposed else (x, y)), (bias, matrix.shape[2 if transposed else 3]), (z, y.size),
            (source, y.size),
        )
        if z is not None and (activation not in _DERIVED_FROM_INPUT or source is not None):
            raise ValueError(f"Winograd: the derivative of {activation} is computed from y; leave out z")
        self.pace = 100.0
        self.prepare(weight, WinogradFilter, (rows, columns, groups, transposed))
        map[0] = (<WinogradFilter> self.packing).map
        map.weight = self.packing.c
        map.x_pixel, map.y_pixel = map.in_, map.out
        map.x_row, map.y_row = map.in_ * map.columns.size, map.out * map.columns.outputs
        map.x_image, map.y_image, map.x, map.y = x.columns, y.columns, floats(x), floats(y)
        map.bias = NULL if bias is None else floats(bias)
        map.activation = number(activation)
        map.z = NULL if z is None else floats(z)
        map.source = NULL if source is None else floats(source)
        self.bind((x, matrix, bias, y, z, source))

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t tiles = self.present_rows() * tiles_of(&self.map)
        self.table.winograd(&self.map, tiles * index // parts, tiles * (index + 1) // parts, scratch())

    cdef double work(self) noexcept nogil:
        return self.present_rows() * work_of(&self.map)


cdef class WinogradWeightGradient(Op):
    """ConvolutionWeightGradient for windows that Winograd supports, with the same arguments."""

    cdef fastnn_convolution map
    cdef Tensor products
    cdef float *sums
    cdef float *dweight
    cdef bint add

    def __init__(
        self, Tensor x, Tensor dy, Tensor dweight, rows: Axis, columns: Axis, groups: int = 1, *, add: bool = False
    ) -> None:
        cdef fastnn_convolution *map = &self.map
        _check("WinogradWeightGradient(dweight, x, dy)", dweight, rows, columns, groups, x, dy)
        self.pace, self.add = 100.0, add
        map.rows, map.columns = axis_of(rows.phases()[0]), axis_of(columns.phases()[0])
        _, _, map.in_, map.out = dweight.shape
        map.x_pixel, map.y_pixel = map.in_, map.out
        map.x_row, map.y_row = map.in_ * map.columns.size, map.out * map.columns.outputs
        map.x_image, map.y_image, map.x, map.y = x.columns, dy.columns, floats(x), floats(dy)
        self.products = Tensor((16, map.in_, map.out))
        self.sums, self.dweight = floats(self.products), floats(dweight)
        self.bind((x, dy, dweight))

    cdef void run(self) noexcept nogil:
        if not self.state.inputs_only:
            Op.run(self)

    cdef Py_ssize_t parts(self, int threads) noexcept nogil:
        return min(threads, 16)

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        self.table.winograd_gradient(
            &self.map, self.present_rows() * tiles_of(&self.map), 16 * index // parts, 16 * (index + 1) // parts,
            scratch(), self.sums,
        )

    cdef void finish(self) noexcept nogil:
        cdef Py_ssize_t n = self.map.in_ * self.map.out
        self.table.winograd_taps(n, self.sums, n, self.add, self.dweight)

    cdef double work(self) noexcept nogil:
        return self.present_rows() * work_of(&self.map)
