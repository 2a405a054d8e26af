"""ONNX's operators on pictures and sequences, as in onnx_adapter.py."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import fastnn as fnn
from onnx_adapter import Array, Operator, OutOfScopeError, Outputs


def through(layers: Sequence[fnn.Layer], x: Array) -> Array:
    """What a network makes of x with channels second."""
    rows = np.moveaxis(x, 1, -1)
    y = fnn.Sequential(list(layers), input_shape=rows.shape[1:]).predict(rows)
    return np.moveaxis(y, -1, 1)


def sides_of(
    shape: Sequence[int], kernel: Sequence[int], strides: Sequence[int], pads: Sequence[int], auto: str, ceil: int
) -> list[tuple[int, int]]:
    """What is added before and after each axis.

    SAME_LOWER adds an odd element first. ceil: as much more at the end as makes one more window, if it sees something.
    """
    sides = []
    for i, (n, k, s) in enumerate(zip(shape, kernel, strides, strict=True)):
        before, after = pads[i], pads[i + len(shape)]
        if auto in ("SAME_UPPER", "SAME_LOWER"):
            missing = max((-(-n // s) - 1) * s + k - n, 0)
            before, after = sorted((missing // 2, missing - missing // 2), reverse=auto == "SAME_LOWER")
        rest = -(n + before + after - k) % s
        if ceil and rest and n + before + after - k + rest < n + before:
            after += rest
        sides.append((before, after))
    return sides


def pool(*layers: Callable[..., fnn.Layer]) -> Operator:
    """Windows over sequences and over images; ONNX's places of the maxima, which may follow, are not outputs."""

    def operator(
        x: Array,
        *,
        kernel_shape: Sequence[int],
        strides: Sequence[int] = (),
        pads: Sequence[int] = (),
        dilations: Sequence[int] = (),
        auto_pad: str = "NOTSET",
        ceil_mode: int = 0,
        count_include_pad: int = 0,
        storage_order: int = 0,
    ) -> Outputs:
        axes = len(kernel_shape)
        if axes > 2:
            raise OutOfScopeError("windows slide over sequences and pictures")
        if any(dilation != 1 for dilation in dilations):
            raise OutOfScopeError("windows of pooling have no gaps")
        steps = strides or [1] * axes
        sides = sides_of(x.shape[2:], kernel_shape, steps, pads or [0] * 2 * axes, auto_pad, ceil_mode)
        if count_include_pad and axes == 2:  # zeros that count are pixels
            return [through([fnn.ZeroPad2D(sides), layers[1](kernel_shape, steps)], x)]
        return [through([layers[axes - 1](kernel_shape, steps, sides)], x), None]

    return operator


def weighted(layers: list[fnn.Layer], x: Array, weight: Array, bias: Array | None) -> Array:
    """What a network makes of x with channels second, its first layer's weight (.., .., height, width) given."""
    rows = np.moveaxis(x, 1, -1)
    net = fnn.Sequential(layers, input_shape=rows.shape[1:])
    net.weights[next(iter(net.weights))] = np.moveaxis(weight, (0, 1), (-1, -2))
    if bias is not None:
        net.weights[list(net.weights)[1]] = bias
    return np.moveaxis(net.predict(rows), -1, 1)


def conv(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    kernel_shape: Sequence[int] = (),
    strides: Sequence[int] = (),
    pads: Sequence[int] = (),
    dilations: Sequence[int] = (),
    group: int = 1,
    auto_pad: str = "NOTSET",
) -> Outputs:
    kernel, axes = weight.shape[2:], weight.ndim - 2
    if axes > 2:
        raise OutOfScopeError("windows slide over sequences and pictures")
    steps, gaps = strides or [1] * axes, dilations or [1] * axes
    reach = [(k - 1) * gap + 1 for k, gap in zip(kernel, gaps, strict=True)]
    sides = sides_of(x.shape[2:], reach, steps, pads or [0] * 2 * axes, auto_pad, 0)
    if any(max(side) >= length for side, length in zip(sides, reach, strict=True)):
        raise OutOfScopeError("a border is narrower than a window")
    kind = (fnn.Conv1D, fnn.Conv2D)[axes - 1]
    layer = kind(weight.shape[0], kernel, tuple(steps), tuple(sides), tuple(gaps), group, bias=bias is not None)
    return [weighted([layer], x, weight, bias)]


def conv_transpose(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    kernel_shape: Sequence[int] = (),
    strides: Sequence[int] = (),
    pads: Sequence[int] = (),
    dilations: Sequence[int] = (),
    group: int = 1,
    auto_pad: str = "NOTSET",
    output_padding: Sequence[int] = (),
    output_shape: Sequence[int] = (),
) -> Outputs:
    """Sequences as pictures of one row. More of the output than the windows give is zeros, and the bias."""
    kernel, axes = list(weight.shape[2:]), weight.ndim - 2
    if axes > 2:
        raise OutOfScopeError("windows slide over sequences and pictures")
    steps, gaps, more = strides or [1] * axes, dilations or [1] * axes, output_padding or [0] * axes
    wanted = list(output_shape)
    if auto_pad in ("SAME_UPPER", "SAME_LOWER") and not wanted:
        wanted = [n * s for n, s in zip(x.shape[2:], steps, strict=True)]
    sides = []
    for i in range(axes):
        before, after = (pads[i], pads[i + axes]) if pads else (0, 0)
        if wanted:
            total = steps[i] * (x.shape[2 + i] - 1) + more[i] + (kernel[i] - 1) * gaps[i] + 1 - wanted[i]
            before, after = sorted((total // 2, total - total // 2), reverse=auto_pad != "SAME_UPPER")
        sides.append((before, after - more[i]))
    if axes == 1:
        y = conv_transpose(
            x[:, :, None],
            weight[:, :, None],
            bias,
            strides=[1, *steps],
            pads=[0, sides[0][0], 0, sides[0][1]],
            dilations=[1, *gaps],
            group=group,
        )[0]
        return [None if y is None else y[:, :, 0]]
    cut = tuple((max(before, 0), max(after, 0)) for before, after in sides)
    rest = tuple((max(-before, 0), max(-after, 0)) for before, after in sides)
    reach = [(k - 1) * gap + 1 for k, gap in zip(kernel, gaps, strict=True)]
    if any(max(side) >= length for side, length in zip(cut, reach, strict=True)):
        raise OutOfScopeError("a border is narrower than a window")
    layers: list[fnn.Layer] = [
        fnn.Conv2DTranspose(weight.shape[1] * group, tuple(kernel), tuple(steps), cut, tuple(gaps), group, bias=False)
    ]
    if np.any(rest):
        layers.append(fnn.ZeroPad2D(rest))
    y = weighted(layers, x, weight, None)
    return [y if bias is None else y + bias.reshape(-1, 1, 1)]


def global_pool(layer: Callable[[], fnn.Layer]) -> Operator:
    return lambda x: [through([layer()], x).reshape(*x.shape[:2], *(1 for _ in x.shape[2:]))]


def pad(
    x: Array, pads: Sequence[int], value: Any = 0.0, axes: Sequence[int] | None = None, *, mode: str = "constant"
) -> Outputs:
    if mode != "constant" or value:
        raise OutOfScopeError("a border is zeros")
    count, sides = len(pads) // 2, [(0, 0)] * x.ndim
    for i, axis in enumerate(range(x.ndim) if axes is None else axes):
        sides[axis] = int(pads[i]), int(pads[i + count])
    if x.ndim != 4 or any(sides[0] + sides[1]):
        raise OutOfScopeError("a border is around pictures")
    return [through([fnn.ZeroPad2D(sides[2:])], x)]


#: How ONNX says which pixel is the nearest, or where pixels are, as fastnn has it for whole factors.
NEAREST = {("half_pixel", "round_prefer_floor"), ("asymmetric", "floor")}
LINEAR = {"half_pixel", "pytorch_half_pixel", "half_pixel_symmetric"}


def resize(
    x: Array,
    roi: Array | None = None,
    scales: Array | None = None,
    sizes: Array | None = None,
    *,
    mode: str = "nearest",
    coordinate_transformation_mode: str = "half_pixel",
    nearest_mode: str = "round_prefer_floor",
    axes: Sequence[int] | None = None,
    **settings: Any,
) -> Outputs:
    if mode not in ("nearest", "linear"):
        raise OutOfScopeError("interpolation is nearest or bilinear")
    places = list(range(x.ndim)) if axes is None else list(axes)
    times = np.ones(x.ndim)
    times[places] = np.array(sizes) / np.array(x.shape)[places] if scales is None else scales
    if (times != np.round(times)).any() or any(times[:2] != 1):
        raise OutOfScopeError("pictures become a whole number of times as large")
    coordinates = coordinate_transformation_mode
    if (coordinates, nearest_mode) not in NEAREST if mode == "nearest" else coordinates not in LINEAR:
        raise OutOfScopeError("the centres of pixels are at their middles, and the nearest one counts")
    interpolation = "bilinear" if mode == "linear" else "nearest"
    return [through([fnn.UpSample2D(times[2:].astype(int), interpolation)], x)]


def upsample(x: Array, scales: Array, *, mode: str = "nearest") -> Outputs:
    return resize(x, None, scales, mode=mode, coordinate_transformation_mode="asymmetric", nearest_mode="floor")


#: By the name of ONNX's operator.
OPERATORS: dict[str, Operator] = {
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "MaxPool": pool(fnn.MaxPool1D, fnn.MaxPool2D),
    "AveragePool": pool(fnn.AvgPool1D, fnn.AvgPool2D),
    "GlobalMaxPool": global_pool(fnn.GlobalMaxPool),
    "GlobalAveragePool": global_pool(fnn.GlobalAvgPool),
    "Pad": pad,
    "Resize": resize,
    "Upsample": upsample,
}
