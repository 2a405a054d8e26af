"""Depthwise convolutions: each channel of an image or a sequence is convolved by itself."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from fastnn import kernels
from fastnn.common import checks
from fastnn.initializers import Initializer
from fastnn.kernels.axis import Axis
from fastnn.layers import affine, window
from fastnn.layers.base import Layer, Parameter
from fastnn.layers.composite import Composite
from fastnn.layers.convolution import Conv1D, Conv2D
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.sequences import Scale
from fastnn.lowering.value import Affine, Value


@dataclass(eq=False, repr=False)
class DepthwiseConv2D(window.Pictured):
    """y[i, j, c m + k] = activation(sum over a, b of x[i s + a d - p, j s + b d - p, c] weight[a, b, c, k] + bias).

    s are the strides, d the dilation, p the padding and m the multiplier, k < m; outside of x are zeros. Each channel
    is convolved by itself. x is (batch, height, width, channels), weight (kh, kw, channels, m), bias (channels m,) and
    y (batch, (height + padding - reach) // s + 1, likewise, channels m), where a window reaches over (kh - 1) d + 1
    rows.

    Parameters
    ----------
    kernel, strides, padding, dilation
        As in `Conv2D`.
    multiplier : int, default 1
        Channels of y for each channel of x.
    activation, bias, initializer, l1, l2
        As in `Dense`.

    Raises
    ------
    TypeError, ValueError
        For sizes < 1 and a padding as large as a window; when built, for an input of another rank, with channels first,
        or smaller than a window.

    References
    ----------
    F. Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", CVPR 2017.

    A. G. Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications",
    arXiv:1704.04861, 2017, section 3.1.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.DepthwiseConv2D(3, padding="same", multiplier=2)(fnn.Input((32, 32, 16))).shape
    (32, 32, 32)
    """

    kernel: int | tuple[int, ...]
    strides: int | tuple[int, ...] = 1
    padding: window.Padding = "valid"
    dilation: int | tuple[int, ...] = 1
    multiplier: int = 1
    activation: str | None = "identity"
    bias: bool = True
    initializer: str | Initializer | None = field(default=None, kw_only=True)
    l1: float = field(default=0.0, kw_only=True)
    l2: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        window.check(self, self.axes)
        object.__setattr__(self, "multiplier", checks.integer(f"{self.kind}: multiplier", self.multiplier))
        affine.check(self)

    def _window(self) -> window.Window:
        return window.Window(self.axes, self.kernel, self.strides, self.padding, self.dilation)

    def windows(self, features: tuple[int, ...]) -> tuple[Axis, ...]:
        """The window along each axis. Raises ValueError for an input that does not fit."""
        return self._window().slide(self, features)

    def parameters(self, features: tuple[int, ...]) -> dict[str, Parameter]:
        kernel, channels = window.lengths("kernel", self.kernel, self.axes), features[-1]
        taps, shape = math.prod(kernel), (*kernel, channels, self.multiplier)
        return affine.parameters(self, shape, taps, taps * self.multiplier, channels * self.multiplier)

    def output(self, features: tuple[int, ...]) -> tuple[int, ...]:
        lengths = [axis.output for axis in self.windows(features)]
        return checks.shape(f"{self.title()}: the output", (*lengths, features[-1] * self.multiplier))

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        size, windows = math.prod(self.output(x.shape)), (Axis(1), *self.windows(x.shape))[-2:]
        x = lowering.read(x)
        weight, bias = weights["weight"], weights.get("bias")
        y = lowering.value(size, trains=x.trains or weight.gradient is not None)
        y.affine = Affine(weight.value, None if bias is None else bias.value, channels=weight.value.shape[-2:])
        rows, columns = windows
        y.producer = lowering.emit(
            kernels.Depthwise, x.buffer, **y.affine.options, y=y.buffer, rows=rows, columns=columns
        )
        y.pending = self.activation or "identity"

        def backward() -> None:
            if not y.trains:
                return
            add = weight.gradient is not None and lowering.adds(weight)
            activation, source = x.slope if x.trains and x.activation != "identity" else ("identity", None)
            dx = lowering.gradient(x) if x.trains else None
            given = x.buffer, weight.value, y.gradient, dx, weight.gradient, bias and bias.gradient
            options = {"activation": activation, "source": source}
            lowering.emit(kernels.DepthwiseGradient, *given, *windows, **options, add=add)

        lowering.backward(backward)
        return y


class DepthwiseConv1D(window.OverTime, DepthwiseConv2D):
    """The depthwise convolution of sequences: `DepthwiseConv2D` along one axis.

    x is (batch, time, channels), weight (kernel, channels, multiplier), bias (channels multiplier,) and y (batch,
    (time + padding - reach) // strides + 1, channels multiplier). Sequences with lengths are as in `Conv1D`.

    Parameters
    ----------
    kernel, strides, padding, dilation
        As in `Conv1D`.
    multiplier, activation, bias, initializer, l1, l2
        As in `DepthwiseConv2D`.

    Raises
    ------
    TypeError, ValueError
        As `DepthwiseConv2D`.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.DepthwiseConv1D(5, padding="same", multiplier=2)(fnn.Input((100, 16))).shape
    (100, 32)
    """

    axes: ClassVar[int] = 1

    def scale(self, features: tuple[int, ...]) -> Scale:
        return self._window().scale(self, *self.windows(features))


@dataclass(eq=False, repr=False)
class SeparableConv2D(Composite):
    """A `DepthwiseConv2D` without activation and bias, then a 1x1 `Conv2D` with both.

    x is (batch, height, width, channels), y (batch, rows, columns, filters), with the rows and columns of the former.
    The parameters are "depthwise_conv2d_0.weight" (kh, kw, channels, multiplier), "conv2d_0.weight" (1, 1, channels
    multiplier, filters) and "conv2d_0.bias".

    Parameters
    ----------
    filters : int
        Channels of y.
    kernel, strides, padding, dilation, multiplier
        Of the `DepthwiseConv2D`.
    activation, bias
        Of the `Conv2D`.
    initializer, l1, l2
        Of both weights, as in `Dense`.

    Raises
    ------
    TypeError, ValueError
        As these layers do.

    References
    ----------
    F. Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", CVPR 2017, section 1.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.SeparableConv2D(64, 3, strides=2, padding="same")(fnn.Input((32, 32, 16))).shape
    (16, 16, 64)
    """

    filters: int
    kernel: int | tuple[int, ...]
    strides: int | tuple[int, ...] = 1
    padding: window.Padding = "valid"
    dilation: int | tuple[int, ...] = 1
    multiplier: int = 1
    activation: str | None = "identity"
    bias: bool = True
    initializer: str | Initializer | None = field(default=None, kw_only=True)
    l1: float = field(default=0.0, kw_only=True)
    l2: float = field(default=0.0, kw_only=True)

    #: The layers that it consists of.
    depthwise: ClassVar[type[DepthwiseConv2D]] = DepthwiseConv2D
    pointwise: ClassVar[type[Conv2D]] = Conv2D

    def __post_init__(self) -> None:
        super().__post_init__()
        depthwise, pointwise = self.layers()
        for layer, names in (
            (depthwise, ("kernel", "strides", "padding", "dilation", "multiplier", "initializer", "l1", "l2")),
            (pointwise, ("filters", "activation", "bias")),
        ):
            for name in names:  # in their plain form
                object.__setattr__(self, name, getattr(layer, name))

    def layers(self) -> Sequence[Layer]:
        start, l1, l2 = self.initializer, self.l1, self.l2
        windows = self.kernel, self.strides, self.padding, self.dilation, self.multiplier
        return [
            self.depthwise(*windows, bias=False, initializer=start, l1=l1, l2=l2),
            self.pointwise(
                self.filters, 1, activation=self.activation, bias=self.bias, initializer=start, l1=l1, l2=l2
            ),
        ]


class SeparableConv1D(SeparableConv2D):
    """A `DepthwiseConv1D` without activation and bias, then a `Conv1D` of single steps with both.

    x is (batch, time, channels), y (batch, steps, filters), with the steps of the former. The parameters are
    "depthwise_conv1d_0.weight" (kernel, channels, multiplier), "conv1d_0.weight" (1, channels multiplier, filters) and
    "conv1d_0.bias". Sequences with lengths are as in `Conv1D`.

    Parameters
    ----------
    filters, kernel, strides, padding, dilation, multiplier, activation, bias, initializer, l1, l2
        As in `SeparableConv2D`; kernel, strides and dilation are one number each.

    Raises
    ------
    TypeError, ValueError
        As these layers do.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.SeparableConv1D(64, 5, strides=2, padding="same")(fnn.Input((100, 16))).shape
    (50, 64)
    """

    depthwise: ClassVar[type[DepthwiseConv2D]] = DepthwiseConv1D
    pointwise: ClassVar[type[Conv2D]] = Conv1D
