"""The float64 NumPy twins of the Ops of convolution, tap by tap, as in reference.py."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from fastnn.kernels.axis import Axis
from fastnn.kernels.dots import pay
from reference import FUNCTIONS, SLOPES, Array, Packed, double


def taps(rows: Axis, columns: Axis) -> Iterator[tuple[tuple[int, int], tuple[Array, Array], tuple[Array, Array]]]:
    """Each tap, the windows in which it is inside the image (rows and columns of them), and where."""
    for a in range(rows.kernel):
        for b in range(columns.kernel):
            windows, places = [], []
            for axis, tap in ((rows, a), (columns, b)):
                place = np.arange(axis.output) * axis.stride + tap * axis.dilation - axis.before
                inside = (place >= 0) & (place < axis.size)
                windows.append(np.flatnonzero(inside))
                places.append(place[inside])
            yield (a, b), np.ix_(*windows), np.ix_(*places)


def maps(x: ArrayLike, rows: Axis, columns: Axis, outer: bool) -> Array:
    """x (batch, ...) as (batch, rows, columns, channels): of the windows' outputs, or else of the image."""
    height, width = (rows.output, columns.output) if outer else (rows.size, columns.size)
    return double(x).reshape(len(x), height, width, -1)


def grouped(weight: ArrayLike, groups: int) -> Array:
    """The weight (kh, kw, in / groups, out) as one of a single group: (kh, kw, in, out) with zeros between groups."""
    kernel = double(weight)
    kernel = kernel.reshape((1,) * (4 - kernel.ndim) + kernel.shape)
    height, width, inputs, outputs = kernel.shape
    whole = np.zeros((height, width, inputs * groups, outputs))
    for g in range(groups):
        part = slice(g * outputs // groups, (g + 1) * outputs // groups)
        whole[:, :, g * inputs : (g + 1) * inputs, part] = kernel[..., part]
    return whole


def Convolution(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None,
    rows: Axis,
    columns: Axis,
    groups: int = 1,
    transposed: bool = False,
    activation: str = "identity",
    source: ArrayLike | None = None,
) -> Array:
    whole = grouped(weight, groups)
    given = maps(x, rows, columns, transposed)
    lengths = (rows.size, columns.size) if transposed else (rows.output, columns.output)
    y = np.zeros((len(given), *lengths, whole.shape[2 if transposed else 3]))
    for tap, windows, places in taps(rows, columns):
        if transposed:
            y[:, *places] += given[:, *windows] @ whole[tap].T
        else:
            y[:, *windows] += given[:, *places] @ whole[tap]
    y = (y + (0 if bias is None else double(bias))).reshape(len(y), -1)
    return FUNCTIONS[activation](y) if source is None else y * SLOPES[activation](double(source))


def ConvolutionWeightGradient(x: ArrayLike, dy: ArrayLike, rows: Axis, columns: Axis, shape: tuple[int, ...]) -> Array:
    """dweight of that shape."""
    height, width, inputs, outputs = (1,) * (4 - len(shape)) + shape
    x, dy = maps(x, rows, columns, False), maps(dy, rows, columns, True)
    whole = np.zeros((height, width, x.shape[-1], outputs))
    for tap, windows, places in taps(rows, columns):
        whole[tap] = np.einsum("nijc,nijo->co", x[:, *places], dy[:, *windows])
    groups = x.shape[-1] // inputs
    parts = np.split(whole, groups, axis=3)
    return np.concatenate([p[:, :, g * inputs :][:, :, :inputs] for g, p in enumerate(parts)], axis=3).reshape(shape)


def Filter(
    weight: ArrayLike, rows: Axis, columns: Axis, groups: int, transposed: bool, panel: int, lanes: int
) -> Array:
    kernel = double(weight)
    kernel = kernel.reshape((1,) * (4 - kernel.ndim) + kernel.shape)
    panels = []
    for group in np.split(kernel, groups, axis=3):
        for r in rows.phases(transposed):
            for c in columns.phases(transposed):
                places = (
                    [r.first + i * r.tap_step for i in range(r.taps)],
                    [c.first + i * c.tap_step for i in range(c.taps)],
                )
                part = group[np.ix_(*places)]
                part = part.swapaxes(2, 3) if transposed else part
                if part.size:
                    matrix = part.reshape(-1, part.shape[3])
                    dots = pay(r, c, groups, *part.shape[2:], lanes)
                    panels.append(matrix.T.ravel() if dots else Packed(matrix, panel, lanes))
    return np.concatenate(panels)


#: Another way to the same numbers.
Winograd, WinogradWeightGradient = Convolution, ConvolutionWeightGradient


def WinogradFilter(weight: ArrayLike, transposed: bool, panel: int, lanes: int) -> Array:
    g = double(weight)
    if transposed:
        g = g[::-1, ::-1].swapaxes(2, 3)
    matrix = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
    u = np.einsum("ia,jb,abco->ijco", matrix, matrix, g).reshape(16, *g.shape[2:])
    return np.concatenate([Packed(each, panel, lanes) for each in u])


def ChannelSum(x: ArrayLike, channels: int) -> Array:
    return double(x).reshape(-1, channels).sum(axis=0)


def Depthwise(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None,
    rows: Axis,
    columns: Axis,
    activation: str = "identity",
) -> Array:
    """A convolution of as many groups as channels."""
    kernel = double(weight)
    height, width, channels, multiplier = kernel.shape
    kernel = kernel.reshape(height, width, 1, channels * multiplier)
    return Convolution(x, kernel, bias, rows, columns, channels, activation=activation)


def DepthwiseGradient(
    x: ArrayLike,
    weight: ArrayLike,
    dy: ArrayLike,
    rows: Axis,
    columns: Axis,
    activation: str = "identity",
    source: ArrayLike | None = None,
) -> tuple[Array, Array, Array]:
    """dx, dweight, dbias."""
    kernel = double(weight)
    height, width, channels, multiplier = shape = kernel.shape
    kernel = kernel.reshape(height, width, 1, channels * multiplier)
    dx = Convolution(dy, kernel, None, rows, columns, channels, True, activation, source)
    dweight = ConvolutionWeightGradient(x, dy, rows, columns, kernel.shape)
    return dx, dweight.reshape(shape), ChannelSum(dy, channels * multiplier)
