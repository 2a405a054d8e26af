"""The depthwise convolution of images and sequences, each channel by itself, and its gradients."""

from libc.stdlib cimport calloc, free
from libc.string cimport memset

from fastnn.engine.csrc cimport fastnn_convolution, fastnn_depthwise
from fastnn.engine.op cimport Op
from fastnn.engine.tensor cimport Tensor, floats
from fastnn.kernels.convolution cimport axis_of

from fastnn.kernels.activation import DERIVED_FROM_INPUT as _DERIVED_FROM_INPUT, number
from fastnn.kernels.axis import Axis

cdef enum:
    CHUNK = 32768  # floats of dy whose part of the weight's gradient is summed separately: they fit the L2 cache


def _check(name, weight, rows, columns, picture, windows, *others):
    """Raises ValueError unless the shapes fit: others are pairs of a tensor, or None, and its size."""
    shape = (1,) * (4 - len(weight.shape)) + weight.shape  # kh may be left out
    fits = len(weight.shape) in (3, 4) and shape[:2] == (rows.kernel, columns.kernel)
    fits = fits and picture.rows == windows.rows
    fits = fits and picture.columns == rows.size * columns.size * shape[2]
    fits = fits and windows.columns == rows.output * columns.output * shape[2] * shape[3]
    if not fits or any(tensor is not None and tensor.size != size for tensor, size in others):
        tensors = weight, picture, windows, *(tensor for tensor, _ in others)
        shapes = ", ".join("None" if tensor is None else str(tensor.shape) for tensor in tensors)
        raise ValueError(f"{name}: shapes {shapes} do not fit {rows} and {columns}")


cdef void describe(fastnn_convolution *map, Tensor x, Tensor y, tuple weight, rows, columns) except *:
    """Makes it the map from x to y."""
    map.rows, map.columns = axis_of(rows.phases()[0]), axis_of(columns.phases()[0])
    *_, channels, multiplier = weight
    map.in_, map.out = channels, channels * multiplier
    map.x, map.x_pixel, map.x_row, map.x_image = floats(x), map.in_, columns.size * map.in_, x.columns
    map.y, map.y_pixel, map.y_row, map.y_image = floats(y), map.out, columns.output * map.out, y.columns


cdef class Depthwise(Op):
    """y = f(x * weight + bias): y[i, j, c m + k] = sum over taps a, b of x[i', j', c] weight[a, b, c, k], of k < m.

    i' = i * stride + a * dilation - before, and j' likewise; zeros outside of x. x (batch, rows.size *
    columns.size * channels), weight (kh, kw, channels, m), or (kw, channels, m) where kh is 1, bias (channels * m,) or
    None, y (batch, rows.output * columns.output * channels * m). z: None, or like y, where the sums are left for a
    derivative that is computed from them.
    """

    cdef fastnn_depthwise map

    def __init__(
        self, Tensor x, Tensor weight, Tensor bias or None, Tensor y, rows: Axis, columns: Axis,
        activation: str = "identity", Tensor z = None,
    ) -> None:
        cdef Py_ssize_t outputs = weight.size // max(1, rows.kernel * columns.kernel)
        _check("Depthwise(weight, x, y, bias, z)", weight, rows, columns, x, y, (bias, outputs), (z, y.size))
        if z is not None and activation not in _DERIVED_FROM_INPUT:
            raise ValueError(f"Depthwise: the derivative of {activation} is computed from y; leave out z")
        self.pace = 30.0
        describe(&self.map.map, x, y, weight.shape, rows, columns)
        self.map.map.weight, self.map.map.bias = floats(weight), floats(bias)
        self.map.map.activation, self.map.map.z = number(activation), floats(z)
        self.map.weight_tap = outputs
        self.map.weight_row = outputs * columns.kernel
        self.bind((x, weight, bias, y, z))

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t height = self.map.map.rows.outputs, image, last
        cdef Py_ssize_t start = self.present_rows() * height * index // parts
        cdef Py_ssize_t end = self.present_rows() * height * (index + 1) // parts
        while start < end:
            image = start // height
            last = min(end, (image + 1) * height)
            self.table.depthwise(&self.map, image, start - image * height, last - image * height)
            start = last

    cdef double work(self) noexcept nogil:
        return self.present_rows() * work_of(&self.map.map)


cdef double work_of(const fastnn_convolution *map) noexcept nogil:
    """Multiply-adds of an image times two, including those with the padding."""
    return 2.0 * map.y_image * map.rows.taps * map.columns.taps


cdef class DepthwiseGradient(Op):
    """The gradients of Depthwise: of its input, its weight and its bias, while dy is in cache.

    x, weight: as in Depthwise; dy: like y. dx: like x, or None; it is multiplied by f' of source, which is like x; see
    ActivationGradient. dweight, dbias: like weight and bias, or None; with add, they accumulate.
    """

    cdef fastnn_depthwise *pieces  # the transposed map: one for each kind of place in dx
    cdef Py_ssize_t count
    cdef fastnn_convolution map
    cdef Tensor partial            # for each chunk: dweight, then dbias
    cdef float *sums
    cdef float *dweight
    cdef float *dbias
    cdef Py_ssize_t images, bands  # images per chunk, and chunks per image: one of the two is 1
    cdef bint add

    def __init__(
        self, Tensor x, Tensor weight, Tensor dy, Tensor dx or None, Tensor dweight or None, Tensor dbias or None,
        rows: Axis, columns: Axis, activation: str = "identity", Tensor source = None, *, add: bool = False,
    ) -> None:
        cdef Py_ssize_t outputs = weight.size // max(1, rows.kernel * columns.kernel)
        _check(
            "DepthwiseGradient(weight, x, dy, dx, dweight, dbias, source)", weight, rows, columns, x, dy,
            (dx, x.size), (dweight, weight.size), (dbias, outputs), (source, x.size),
        )
        if dbias is not None and dweight is None:
            raise ValueError("DepthwiseGradient: dbias needs dweight")
        if self.pieces != NULL:
            raise RuntimeError("a DepthwiseGradient cannot be initialized twice")
        self.pace, self.add = 30.0, add
        describe(&self.map, x, dy, weight.shape, rows, columns)
        if dx is not None:
            self.take(weight, dx, rows, columns, number(activation), source)
        self.split(dy, weight.size + outputs, dweight is not None)
        self.dweight, self.dbias = floats(dweight), floats(dbias)
        self.bind((x, weight, dy, dx, dweight, dbias, source))

    cdef void take(self, Tensor weight, Tensor dx, rows, columns, int activation, Tensor source) except *:
        """Describes the map from dy to dx."""
        cdef fastnn_depthwise *piece
        cdef fastnn_convolution *map
        cdef Py_ssize_t i, place
        phases = [(r, c) for r in rows.phases(True) for c in columns.phases(True)]
        self.count = len(phases)
        self.pieces = <fastnn_depthwise *> calloc(self.count, sizeof(fastnn_depthwise))
        if self.pieces == NULL:
            raise MemoryError
        for i, (row, column) in enumerate(phases):
            place = row.offset * self.map.x_row + column.offset * self.map.x_pixel
            piece = &self.pieces[i]
            map = &piece.map
            map.rows, map.columns, map.in_, map.out = axis_of(row), axis_of(column), self.map.out, self.map.in_
            map.x, map.x_pixel, map.x_row = self.map.y, self.map.y_pixel, self.map.y_row
            map.y, map.y_pixel, map.y_row = floats(dx) + place, column.step * map.out, row.step * self.map.x_row
            map.x_image, map.y_image, map.activation = self.map.y_image, self.map.x_image, activation
            map.weight = floats(weight) + <Py_ssize_t> (row.first * columns.kernel + column.first) * map.in_
            map.source = NULL if source is None else floats(source) + place
            piece.weight_tap = column.tap_step * map.in_
            piece.weight_row = row.tap_step * columns.kernel * map.in_

    cdef void split(self, Tensor dy, Py_ssize_t sums, bint kept) except *:
        """Chooses the chunks, which are never much smaller than their own partial sums."""
        cdef Py_ssize_t floats_of_chunk = max(<Py_ssize_t> CHUNK, 8 * sums)
        self.images = max(1, floats_of_chunk // max(1, dy.columns))
        self.bands = max(1, min(self.map.rows.outputs, dy.columns // floats_of_chunk))
        if kept:
            self.partial = Tensor((self.chunks(dy.rows), sums))
            self.sums = floats(self.partial)

    cdef Py_ssize_t chunks(self, Py_ssize_t images) noexcept nogil:
        return (images + self.images - 1) // self.images * self.bands

    def __dealloc__(self) -> None:
        free(self.pieces)

    cdef bint weighs(self) noexcept nogil:
        return self.dweight != NULL and not self.state.inputs_only

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t chunk, image, first, chunks = self.chunks(self.present_rows())
        for chunk in range(chunks * index // parts, chunks * (index + 1) // parts):
            first = chunk // self.bands * self.images
            if self.weighs():
                memset(self.sums + chunk * self.partial.columns, 0, self.partial.columns * sizeof(float))
            for image in range(first, min(first + self.images, self.present_rows())):
                self.band(image, chunk % self.bands, chunk)

    cdef void band(self, Py_ssize_t image, Py_ssize_t band, Py_ssize_t chunk) noexcept nogil:
        """The gradients of one band of an image: its rows of dx, and the contribution of its rows of dy to the sums."""
        cdef Py_ssize_t i, first, last, taps = self.map.rows.taps * self.map.columns.taps
        cdef float *sums
        for i in range(self.count):
            first = self.pieces[i].map.rows.outputs * band // self.bands
            last = self.pieces[i].map.rows.outputs * (band + 1) // self.bands
            self.table.depthwise(&self.pieces[i], image, first, last)
        if self.weighs():
            sums = self.sums + chunk * self.partial.columns
            first = self.map.rows.outputs * band // self.bands
            last = self.map.rows.outputs * (band + 1) // self.bands
            self.table.depthwise_weight_gradient(&self.map, image, first, last, sums)
            if self.dbias != NULL:
                self.table.column_sum(
                    (last - first) * self.map.columns.outputs, self.map.out,
                    self.map.y + image * self.map.y_image + first * self.map.y_row, self.map.out, True,
                    sums + taps * self.map.out,
                )

    cdef void finish(self) noexcept nogil:
        cdef Py_ssize_t weights = self.partial.columns - self.map.out if self.weighs() else 0
        cdef Py_ssize_t chunks = self.chunks(self.present_rows())
        if self.weighs():
            self.table.column_sum(chunks, weights, self.sums, self.partial.columns, self.add, self.dweight)
            if self.dbias != NULL:
                self.table.column_sum(
                    chunks, self.map.out, self.sums + weights, self.partial.columns, self.add, self.dbias
                )

    cdef double work(self) noexcept nogil:
        return self.present_rows() * work_of(&self.map) * ((self.count > 0) + self.weighs())
