"""Broadcasting: values of length 1 along some axes, repeated there to the shape of the others."""

import math

from fastnn import kernels
from fastnn.kernels.axis import Axis
from fastnn.layers import axes
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


def common(shapes: list[tuple[int, ...]]) -> tuple[int, ...] | None:
    """The shape that all are broadcast to, as in NumPy; None for other ranks and lengths that do not fit."""
    if len(set(map(len, shapes))) > 1:
        return None
    lengths = [set(lengths) - {1} for lengths in zip(*shapes, strict=True)]
    return None if any(len(each) > 1 for each in lengths) else tuple(max(each, default=1) for each in lengths)


def aligned(lowering: Lowering, x: list[Value], shape: tuple[int, ...]) -> list[Value]:
    """The values repeated to this shape, all whole or all by steps; a held one of one step is that of each step."""
    if any(value.buffer.steps is not None and not value.held for value in x):
        x = [lowering.at_each_step(value, shape[0]) for value in x]
    return lowering.aligned([spread(lowering, value, shape) for value in x])


def spread(lowering: Lowering, x: Value, shape: tuple[int, ...]) -> Value:
    """The value repeated to this shape; its gradient is summed over what was repeated."""
    while x.shape != shape:
        last = max(i for i, (n, wanted) in enumerate(zip(x.shape, shape, strict=True)) if n != wanted) + 1
        first = last - 1
        while first and x.shape[first - 1] == 1:
            first -= 1
        x = _repeated(lowering, x, first, shape[first:last])
    return x


def _repeated(lowering: Lowering, x: Value, first: int, lengths: tuple[int, ...]) -> Value:
    """The value with these lengths of axes from `first` on, which have length 1."""
    shape, last, times = x.shape, first + len(lengths), math.prod(lengths)
    x, (before, after) = axes.split(lowering, x, first, last)
    y = lowering.value(before * times * after, x.trains, beside=x)
    y.origin, y.shape = x.ending, (*shape[:first], *lengths, *shape[last:])
    # As in UpSample2D: the gradient of a sum, each element going to its whole window.
    windows = Axis(before), Axis(times, kernel=times)
    lowering.emit(kernels.AveragePoolGradient, x.buffer, y.buffer, *windows, mean=False)

    def backward() -> None:
        if x.trains:
            lowering.emit(kernels.AveragePool, y.gradient, lowering.gradient(x), *windows, mean=False)
            lowering.apply_derivative(x)

    lowering.backward(backward)
    return y
