"""The convolution of images, transposed too, and the gradient of its weight."""

from libc.stdlib cimport calloc, free

from fastnn.engine.csrc cimport fastnn_axis, fastnn_convolution
from fastnn.engine.op cimport Op, scratch
from fastnn.engine.tensor cimport Tensor, floats
from fastnn.kernels.packing cimport Packing, Prepared

from fastnn.kernels.activation import DERIVED_FROM_INPUT as _DERIVED_FROM_INPUT, number
from fastnn.kernels.axis import Axis, Phase
from fastnn.kernels.dots import pay


cdef fastnn_axis axis_of(phase):
    return fastnn_axis(
        outputs=phase.outputs, size=phase.size, taps=phase.taps, stride=phase.stride, dilation=phase.dilation,
        before=phase.before,
    )


def _joined(rows: Axis, columns: Axis) -> tuple[Axis, Axis]:
    """The axes, as one row where a window is one pixel: longer rows are cut into fuller tiles."""
    for axis in (rows, columns):
        if not isinstance(axis, Axis):
            raise TypeError(f"a window slides along an Axis, got {axis!r}")
    return (Axis(1), Axis(rows.size * columns.size)) if rows.plain and columns.plain else (rows, columns)


def _shape(weight: Tensor) -> tuple[int, ...]:
    """(kh, kw, in / groups, out); kh may be left out."""
    if len(weight.shape) not in (3, 4):
        raise ValueError(f"a convolution's weight is (kh, kw, in / groups, out), not {weight.shape}")
    return (1,) * (4 - len(weight.shape)) + weight.shape


def _check(name, weight, rows, columns, groups, picture, windows, *others):
    """Raises ValueError unless the shapes fit: others are pairs of a tensor, or None, and its size."""
    height, width, inputs, outputs = _shape(weight)
    fits = (height, width) == (rows.kernel, columns.kernel) and outputs % groups == 0 and picture.rows == windows.rows
    fits = fits and picture.columns == rows.size * columns.size * inputs * groups
    fits = fits and windows.columns == rows.output * columns.output * outputs
    if not fits or any(tensor is not None and tensor.size != size for tensor, size in others):
        tensors = weight, picture, windows, *(tensor for tensor, _ in others)
        shapes = ", ".join("None" if tensor is None else str(tensor.shape) for tensor in tensors)
        raise ValueError(f"{name}: shapes {shapes} do not fit {rows}, {columns} and {groups} groups")


def _phases(rows: Axis, columns: Axis, groups: int, transposed: bool) -> list[tuple[int, Phase, Phase]]:
    return [(g, r, c) for g in range(groups) for r in rows.phases(transposed) for c in columns.phases(transposed)]


cdef class Filter(Packing):
    """panels = weight (kh, kw, in / groups, out), laid out as the convolution's tiles read it, for each of its pieces.

    For a Convolution of the same axes; transposed: for one from (.., out) to (.., in). A piece with few outputs is the
    transpose, (outputs, kh * kw * inputs), for dot products.
    """

    cdef Piece *pieces
    cdef Py_ssize_t count
    cdef const float *b
    cdef Py_ssize_t b_row, b_column

    def __init__(self, Tensor weight, rows: Axis, columns: Axis, groups: int = 1, transposed: bool = False) -> None:
        cdef Piece *piece
        cdef Py_ssize_t taps, inputs, outputs, filters, width, place = 0, lanes = self.table.lanes
        if self.pieces != NULL:
            raise RuntimeError("a Filter cannot be initialized twice")
        self.pace = 2.0
        rows, columns = _joined(rows, columns)
        _, _, inputs, filters = _shape(weight)
        outputs = filters // groups
        phases = _phases(rows, columns, groups, transposed)
        self.count = len(phases)
        self.pieces = <Piece *> calloc(self.count, sizeof(Piece))
        if self.pieces == NULL:
            raise MemoryError
        self.b_row, self.b_column = 1 if transposed else filters, filters if transposed else 1
        for i, (group, row, column) in enumerate(phases):
            piece = &self.pieces[i]
            piece.map.rows, piece.map.columns = axis_of(row), axis_of(column)
            piece.map.in_, piece.map.out = (outputs, inputs) if transposed else (inputs, outputs)
            taps = inputs * filters
            piece.source = (row.first * columns.kernel + column.first) * taps + group * outputs
            piece.row_step, piece.column_step = row.tap_step * columns.kernel * taps, column.tap_step * taps
            piece.weight = place
            piece.map.dots = pay(row, column, groups, piece.map.in_, piece.map.out, lanes)
            width = piece.map.out if piece.map.dots else (piece.map.out + lanes - 1) // lanes * lanes
            place += row.taps * column.taps * piece.map.in_ * width
        self.b = floats(weight)
        self.pack_into_panels(weight, place, (rows, columns, groups, transposed))

    def __dealloc__(self) -> None:
        free(self.pieces)

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t i, j, task = 0
        for i in range(self.count):
            for j in range((self.pieces[i].map.out + self.table.panel - 1) // self.table.panel):
                if task % parts == index:
                    self.pack(&self.pieces[i], j * self.table.panel)
                task += 1

    cdef void pack(self, const Piece *piece, Py_ssize_t j) noexcept nogil:
        """The panel of columns j.. of a piece, or all of them."""
        cdef Py_ssize_t panel = self.table.panel, k = piece.map.in_, n = min(panel, piece.map.out - j)
        cdef Py_ssize_t width = panel if n > self.table.lanes else self.table.lanes
        cdef Py_ssize_t y, x, i, o, columns = piece.map.columns.taps, depth = piece.map.rows.taps * columns * k
        cdef float *c = self.c + piece.weight + depth * j
        cdef const float *b
        for y in range(piece.map.rows.taps):
            for x in range(columns):
                b = self.b + piece.source + j * self.b_column + y * piece.row_step + x * piece.column_step
                if piece.map.dots:
                    for o in range(n):
                        for i in range(k):
                            c[o * depth + i] = b[i * self.b_row + o * self.b_column]
                    c += k
                else:
                    self.table.pack(k, n, b, self.b_row, self.b_column, c)
                    c += k * width

    cdef double work(self) noexcept nogil:
        return self.panels.size


cdef class Convolution(Prepared):
    """y = f(x * weight + bias): y[i, j, o] = sum over taps a, b and channels c of x[i', j', c] weight[a, b, c, o].

    i' = i * stride + a * dilation - before, and j' likewise; zeros outside of x. x (batch, rows.size *
    columns.size * in), weight (kh, kw, in / groups, out) or a Filter of it, bias (out,) or None, y (batch, rows.output
    * columns.output * out). The outputs of a group see its inputs only.
    transposed: the map of its gradients, from x (batch, .. out) to y (batch, .. in), with a bias (in,).
    z: None, or like y, receives the sums, for a derivative that is computed from them. source: None, or like y:
    the sums are multiplied by f' of it; see ActivationGradient.
    """

    def __init__(
        self, Tensor x, weight: Tensor | Filter, Tensor bias or None, Tensor y, rows: Axis, columns: Axis,
        groups: int = 1, transposed: bool = False, activation: str = "identity", Tensor z = None, Tensor source = None,
    ) -> None:
        cdef fastnn_convolution *map
        cdef Filter filter
        cdef Tensor matrix = self.matrix(weight, Filter)
        cdef Py_ssize_t i, place, channels, width
        _, _, inputs, filters = _shape(matrix)
        biases = inputs * groups if transposed else filters
        _check(
            "Convolution(weight, x, y, bias, z, source)", matrix, rows, columns, groups,
            *((y, x) if transposed else (x, y)), (bias, biases), (z, y.size), (source, y.size),
        )
        if z is not None and (activation not in _DERIVED_FROM_INPUT or source is not None):
            raise ValueError(f"Convolution: the derivative of {activation} is computed from y; leave out z")
        rows, columns = _joined(rows, columns)
        if self.pieces != NULL:
            raise RuntimeError("a Convolution cannot be initialized twice")
        self.pace = 100.0
        self.prepare(weight, Filter, (rows, columns, groups, transposed))
        filter = <Filter> self.packing
        self.count = filter.count
        self.pieces = <Piece *> calloc(self.count, sizeof(Piece))
        if self.pieces == NULL:
            raise MemoryError
        width = columns.size if transposed else columns.output
        for i, (group, row, column) in enumerate(_phases(rows, columns, groups, transposed)):
            self.pieces[i] = filter.pieces[i]
            map = &self.pieces[i].map
            map.weight = filter.c + filter.pieces[i].weight
            map.x_pixel = map.in_ * groups
            map.x_row, map.x_image = map.x_pixel * (columns.output if transposed else columns.size), x.columns
            map.x = floats(x) + <Py_ssize_t> (group * map.in_)
            channels = map.out * groups
            map.y_pixel, map.y_row, map.y_image = column.step * channels, row.step * width * channels, y.columns
            place = (row.offset * width + column.offset) * channels + group * map.out
            map.y, map.activation = floats(y) + place, number(activation)
            map.bias = NULL if bias is None else floats(bias) + <Py_ssize_t> (group * map.out)
            map.z = NULL if z is None else floats(z) + place
            map.source = NULL if source is None else floats(source) + place
        self.bind((x, matrix, bias, y, z, source))

    def __dealloc__(self) -> None:
        free(self.pieces)

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t i, height, start, end, image, last
        for i in range(self.count):
            height = self.pieces[i].map.rows.outputs
            start = self.present_rows() * height * index // parts
            end = self.present_rows() * height * (index + 1) // parts
            while start < end:
                image = start // height
                last = min(end, (image + 1) * height)
                self.table.convolution(&self.pieces[i].map, image, start - image * height, last - image * height)
                start = last

    cdef double work(self) noexcept nogil:
        return self.present_rows() * work_of(self.pieces, self.count)


cdef double work_of(const Piece *pieces, Py_ssize_t count) noexcept nogil:
    """Multiply-adds of an image times two, including those with the padding."""
    cdef double flops = 0
    cdef Py_ssize_t i
    for i in range(count):
        flops += (
            2.0 * pieces[i].map.rows.outputs * pieces[i].map.rows.taps * pieces[i].map.columns.outputs
            * pieces[i].map.columns.taps * pieces[i].map.in_ * pieces[i].map.out
        )
    return flops


cdef class ConvolutionWeightGradient(Op):
    """dweight[a, b, c, o] = sum over the batch and i, j of x[i', j', c] dy[i, j, o]; see Convolution.

    x (batch, rows.size * columns.size * in), dy (batch, rows.output * columns.output * out), dweight (kh, kw, in /
    groups, out). With add, it accumulates into the destination.
    """

    cdef Piece *pieces
    cdef Py_ssize_t count, columns
    cdef float *dweight
    cdef bint add

    def __init__(
        self, Tensor x, Tensor dy, Tensor dweight, rows: Axis, columns: Axis, groups: int = 1, *, add: bool = False
    ) -> None:
        cdef fastnn_convolution *map
        cdef Py_ssize_t i, inputs
        _check("ConvolutionWeightGradient(dweight, x, dy)", dweight, rows, columns, groups, x, dy)
        if self.pieces != NULL:
            raise RuntimeError("a ConvolutionWeightGradient cannot be initialized twice")
        rows, columns = _joined(rows, columns)
        self.pace, self.add, self.count = 100.0, add, groups
        _, _, inputs, self.columns = _shape(dweight)
        self.pieces = <Piece *> calloc(self.count, sizeof(Piece))
        if self.pieces == NULL:
            raise MemoryError
        for i in range(self.count):
            map = &self.pieces[i].map
            map.rows, map.columns = axis_of(rows.phases()[0]), axis_of(columns.phases()[0])
            map.in_, map.out = inputs, self.columns // groups
            map.x_pixel, map.y_pixel = map.in_ * groups, self.columns
            map.x_row, map.x_image = map.x_pixel * columns.size, x.columns
            map.y_row, map.y_image = map.y_pixel * columns.output, dy.columns
            map.x, map.y = floats(x) + i * map.in_, floats(dy) + i * map.out
        self.dweight = floats(dweight)
        self.bind((x, dy, dweight))

    def __dealloc__(self) -> None:
        free(self.pieces)

    cdef void run(self) noexcept nogil:
        if not self.state.inputs_only:
            Op.run(self)

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef const fastnn_convolution *map
        cdef Py_ssize_t i, rows
        for i in range(self.count):
            map = &self.pieces[i].map
            rows = map.rows.taps * map.columns.taps * map.in_
            self.table.convolution_weight_gradient(
                map, self.present_rows(), rows * index // parts, rows * (index + 1) // parts, self.add,
                self.dweight + i * map.out, self.columns, scratch(),
            )

    cdef double work(self) noexcept nogil:
        return self.present_rows() * work_of(self.pieces, self.count)


cdef class ChannelSum(Op):
    """y = the sum of x (batch, pixels * channels) over the batch and all pixels: the gradient of a bias. y (channels,).

    Each image is summed separately, which preserves the digits of long sums. With add, it accumulates into y.
    """

    cdef Tensor partial
    cdef const float *x
    cdef float *sums
    cdef float *y
    cdef Py_ssize_t pixels, channels
    cdef bint add

    def __init__(self, Tensor x, Tensor y, *, add: bool = False) -> None:
        if not y.size or x.columns % y.size:
            raise ValueError(f"ChannelSum(x, y): shapes {x.shape}, {y.shape} do not fit")
        self.partial = Tensor((x.rows, y.size))
        self.x, self.sums, self.y, self.add = floats(x), floats(self.partial), floats(y), add
        self.channels, self.pixels = y.size, x.columns // y.size
        self.bind((x, y))

    cdef void run(self) noexcept nogil:
        if not self.state.inputs_only:
            Op.run(self)

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(self.present_rows() * index // parts, self.present_rows() * (index + 1) // parts):
            self.table.column_sum(
                self.pixels, self.channels, self.x + i * self.pixels * self.channels, self.channels, False,
                self.sums + i * self.channels,
            )

    cdef void finish(self) noexcept nogil:
        self.table.column_sum(self.present_rows(), self.channels, self.sums, self.channels, self.add, self.y)

    cdef double work(self) noexcept nogil:
        return self.present_rows() * self.pixels * self.channels
