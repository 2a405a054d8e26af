"""Pooling: the maximum or the mean of windows that slide over images and sequences, or of a whole one."""

import math
from dataclasses import dataclass
from typing import ClassVar

from fastnn import kernels
from fastnn.common import checks
from fastnn.engine.op import Op
from fastnn.kernels.axis import Axis
from fastnn.kernels.pooling import MOST_TAPS
from fastnn.layers import window
from fastnn.layers.base import Layer, expected
from fastnn.lowering.backward import ROW_WISE
from fastnn.lowering.call import Buffer, Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.sequences import Scale
from fastnn.lowering.value import Value


@dataclass(eq=False, repr=False)
class _Pooling(window.Pictured):
    """A layer of windows, each over one channel."""

    size: window.Lengths = 2
    strides: window.Lengths | None = None
    padding: window.Padding = "valid"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("size", "strides"):
            value = getattr(self, name)
            if name == "size" or value is not None:
                each = window.lengths(f"{self.kind}: {name}", value, self.axes)
                object.__setattr__(self, name, each[0] if len(set(each)) == 1 else each)
        object.__setattr__(
            self, "padding", window.padding(f"{self.kind}: padding", self.padding, self.axes, self.paddings)
        )

    def _window(self) -> window.Window:
        return window.Window(self.axes, self.size, self.size if self.strides is None else self.strides, self.padding)

    def windows(self, features: tuple[int, ...]) -> tuple[Axis, ...]:
        """The window along each axis. Raises ValueError for an input that does not fit."""
        return self._window().slide(self, features)

    def output(self, features: tuple[int, ...]) -> tuple[int, ...]:
        shape = *(axis.output for axis in self.windows(features)), features[-1]
        return checks.shape(f"{self.title()}: the output", shape)


class _OverTime(window.OverTime, _Pooling):
    """The same for sequences."""

    axes: ClassVar[int] = 1

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        if x.buffer.lengths is not None and self.windows(x.shape)[0].after:
            raise ValueError(f"{self.title()}: sequences with lengths can only be padded before them: ((before, 0),)")
        return super().lower(lowering, x, weights, index)

    def scale(self, features: tuple[int, ...]) -> Scale:
        return self._window().scale(self, *self.windows(features))


class _MaxPool(_Pooling):
    def __post_init__(self) -> None:
        super().__post_init__()
        taps = math.prod(window.lengths("size", self.size, self.axes))
        if taps > MOST_TAPS:
            raise ValueError(
                f"{self.title()}: a window has at most {MOST_TAPS} elements, not {taps}; pool in two steps, or "
                "use GlobalMaxPool"
            )

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        windows, columns = (Axis(1), *self.windows(x.shape))[-2:], math.prod(self.output(x.shape))
        x = lowering.read(x)
        y = _selected(lowering, x, columns)
        place = Buffer(columns, "uint8") if lowering.training and x.trains else None
        lowering.emit(kernels.MaxPool, x.buffer, y.buffer, *windows, place)

        def backward() -> None:
            if x.trains:
                lowering.emit(kernels.MaxPoolGradient, place, y.gradient, lowering.gradient(x), *windows)
                if y.activation != x.activation:
                    lowering.apply_derivative(x)

        lowering.backward(backward)
        return y


class MaxPool2D(_MaxPool):
    """y = the largest x in each window, channel by channel; NaN where the window has one.

    x is (batch, height, width, channels), y (batch, rows, columns, channels), one for each window. Of equal pixels the
    first gets the gradient.

    Parameters
    ----------
    size : int or (int, int), default 2
        Of a window in pixels: one number, or rows and columns; at most 256 pixels.
    strides : int or (int, int), optional
        Pixels from one window to the next; None is the size.
    padding : {"valid", "same"}, int or tuple, default "valid"
        Around x, as -infinity: "valid" for none; "same" for as much as gives ceil(height / stride) rows of y, an odd
        pixel below and right; one number for all sides; (vertical, horizontal); or ((top, bottom), (left, right)).

    Raises
    ------
    TypeError, ValueError
        For other settings; when built, for an input of another rank, a window larger than the padded image, and a
        padding as large as a window.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> x = np.arange(16).reshape(1, 4, 4, 1)
    >>> fnn.Sequential([fnn.MaxPool2D(2)]).predict(x)[0, :, :, 0]
    array([[ 5.,  7.],
           [13., 15.]], dtype=float32)
    """


class MaxPool1D(_OverTime, _MaxPool):
    """y = the largest x in each window, channel by channel: `MaxPool2D` for sequences.

    x is (batch, time, channels), y (batch, windows, channels). Of sequences with lengths, y has the windows of
    real steps alone.

    Parameters
    ----------
    size, strides
        As in `MaxPool2D`, with one number each.
    padding : {"valid", "same"}, int or tuple, default "valid"
        As in `MaxPool2D`; ((before, after),) gives both sides.

    Raises
    ------
    TypeError, ValueError
        As `MaxPool2D`.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.MaxPool1D(3, padding="same")(fnn.Input((100, 8))).shape
    (34, 8)
    """


class _AvgPool(_Pooling):
    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        windows = (Axis(1), *self.windows(x.shape))[-2:]
        return _average(lowering, x, windows, math.prod(self.output(x.shape)))


class AvgPool2D(_AvgPool):
    """y = the mean of x in each window, channel by channel, without the padding.

    x is (batch, height, width, channels), y (batch, rows, columns, channels), one for each window. The padding does not
    enter the mean, as in Keras, and in ONNX with count_include_pad=0.

    Parameters
    ----------
    size, strides, padding
        As in `MaxPool2D`, with windows of any size.

    Raises
    ------
    TypeError, ValueError
        As `MaxPool2D`.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> x = np.arange(16).reshape(1, 4, 4, 1)
    >>> fnn.Sequential([fnn.AvgPool2D(2)]).predict(x)[0, :, :, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]], dtype=float32)
    """


class AvgPool1D(_OverTime, _AvgPool):
    """y = the mean of x in each window, channel by channel: `AvgPool2D` for sequences.

    x is (batch, time, channels), y (batch, windows, channels). Of sequences with lengths, y has the windows of
    real steps alone.

    Parameters
    ----------
    size, strides, padding
        As in `MaxPool1D`, with windows of any size.

    Raises
    ------
    TypeError, ValueError
        As `MaxPool2D`.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.AvgPool1D(4, strides=2)(fnn.Input((100, 8))).shape
    (49, 8)
    """


class _GlobalPool(Layer):
    stepwise: ClassVar[bool] = True

    def output(self, features: tuple[int, ...]) -> tuple[int, ...]:
        if len(features) < 2:
            raise expected(self, "(batch, ..., channels)", features, "there is nothing between batch and channels")
        return features[-1:]


class GlobalMaxPool(_GlobalPool):
    """y = the largest x of each channel; NaN where the channel has one.

    x is (batch, ..., channels), y (batch, channels). Of sequences with lengths, only the real steps count. Of equal
    elements the first gets the gradient.

    Raises
    ------
    ValueError
        When built, for an x (batch, features).

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.GlobalMaxPool()(fnn.Input((7, 7, 64))).shape
    (64,)
    """

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        channels = x.shape[-1]
        x = lowering.read(x)
        y = _selected(lowering, x, channels)
        if x.buffer.steps is not None:
            _over_time(lowering, x, y, kernels.StepMaximum, kernels.StepMaximumGradient, Buffer(channels, "int32"))
            return y
        lowering.emit(kernels.Maxout, x.buffer, y.buffer)

        def backward() -> None:
            if x.trains:
                lowering.emit(kernels.MaxoutGradient, x.buffer, y.buffer, y.gradient, lowering.gradient(x))
                if y.activation != x.activation:
                    lowering.apply_derivative(x)

        lowering.backward(backward)
        return y


class GlobalAvgPool(_GlobalPool):
    """y = the mean of each channel of x.

    x is (batch, ..., channels), y (batch, channels). Of sequences with lengths, only the real steps count.

    Raises
    ------
    ValueError
        When built, for an x (batch, features).

    References
    ----------
    M. Lin, Q. Chen and S. Yan, "Network in Network", ICLR 2014, section 3.2.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.GlobalAvgPool()(fnn.Input((7, 7, 64))).shape
    (64,)
    """

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        if x.buffer.steps is not None:
            x = lowering.read(x)
            y = lowering.value(x.shape[-1], x.trains)
            y.origin = _mean_of(x)
            _over_time(lowering, x, y, kernels.StepMean, kernels.StepMeanGradient)
            return y
        pixels = math.prod(x.shape[:-1])
        return _average(lowering, x, (Axis(1), Axis(pixels, kernel=pixels)), x.shape[-1])


def _selected(lowering: Lowering, x: Value, columns: int) -> Value:
    """A value of some elements of x.

    A derivative that is computed from y it multiplies in itself: so it is where fewer elements are.
    """
    y = lowering.value(columns, x.trains)
    y.origin = x.ending
    if x.activation not in kernels.DERIVED_FROM_INPUT:
        y.activation = x.activation
    return y


def _mean_of(x: Value) -> str:
    """Where means of x come from: those of probabilities are that, those of others are new numbers."""
    return x.ending if x.ending in (*ROW_WISE, "sigmoid") else "identity"


def _over_time(lowering: Lowering, x: Value, y: Value, forward: type[Op], gradient: type[Op], *kept: Buffer) -> None:
    """Emits y from the steps of x, and registers the gradient. kept: what the one leaves for the other."""
    lowering.check_whole()
    lowering.emit(forward, x.buffer, y.buffer, x.buffer.steps, *kept)

    def backward() -> None:
        if x.trains:
            lowering.emit(gradient, y.gradient, lowering.gradient(x), x.buffer.steps, *kept)
            if y.activation != x.activation:
                lowering.apply_derivative(x)

    lowering.backward(backward)


def _average(lowering: Lowering, x: Value, windows: tuple[Axis, ...], columns: int) -> Value:
    x = lowering.read(x)
    y = lowering.value(columns, x.trains)
    y.origin = _mean_of(x)
    lowering.emit(kernels.AveragePool, x.buffer, y.buffer, *windows)

    def backward() -> None:
        if x.trains:
            lowering.emit(kernels.AveragePoolGradient, y.gradient, lowering.gradient(x), *windows)
            lowering.apply_derivative(x)

    lowering.backward(backward)
    return y
