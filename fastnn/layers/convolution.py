"""Convolutions of pictures and sequences, and the other way round."""

import math
from dataclasses import dataclass, field
from typing import ClassVar

from fastnn import kernels
from fastnn.common import checks
from fastnn.engine.op import Op
from fastnn.initializers import Initializer
from fastnn.kernels import winograd
from fastnn.kernels.axis import Axis
from fastnn.layers import affine, window
from fastnn.layers.base import Parameter, expected
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Affine, Value


def _ops(rows: Axis, columns: Axis, groups: int, shape: tuple[int, ...]) -> tuple[type[Op], type[Op], type[Op]]:
    """The fastest convolution, with what prepares its weight and what gives the weight's gradient."""
    if winograd.suits(rows, columns, groups, shape):
        return kernels.Winograd, kernels.WinogradFilter, kernels.WinogradWeightGradient
    return kernels.Convolution, kernels.Filter, kernels.ConvolutionWeightGradient


@dataclass(eq=False, repr=False)
class Conv2D(window.Pictured):
    """y[i, j, o] = activation(sum over a, b, c of x[i s + a d - p, j s + b d - p, c] weight[a, b, c, o] + bias[o]).

    With strides s, dilation d, padding p, and zeros outside of x. x (batch, height, width, in), weight (kh, kw, in /
    groups, filters), bias (filters,), y (batch, (height + padding - reach) // s + 1, likewise, filters), where a window
    reaches (kh - 1) d + 1 far. kernel, strides, dilation: an integer, or one for rows and one for columns. padding:
    "valid" (none), "same" (ceil(height / s) outputs, an odd zero below and right), an integer, one for rows and one for
    columns, or ((top, bottom), (left, right)). groups: the channels are cut into so many parts, and the filters of one
    see its channels only. activation, initializer, l1 and l2 as in Dense.
    Raises ValueError for sizes < 1, a padding as long as a window, groups that do not divide the filters, and, when
    built, an input of another rank, smaller than a window, with channels first, or whose channels the groups do not
    divide. Fukushima 1980; LeCun et al. 1998, section II; 3x3 taps between 32 channels and more by Winograd's algorithm
    (Lavin & Gray 2016), with an error of about 1e-6 of the largest output.
    """

    filters: int
    kernel: int | tuple[int, ...]
    strides: int | tuple[int, ...] = 1
    padding: window.Padding = "valid"
    dilation: int | tuple[int, ...] = 1
    groups: int = 1
    activation: str | None = "identity"
    bias: bool = True
    initializer: str | Initializer | None = field(default=None, kw_only=True)
    l1: float = field(default=0.0, kw_only=True)
    l2: float = field(default=0.0, kw_only=True)

    #: Whether it maps as the gradients of a convolution flow.
    transposed: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("filters", "groups"):
            object.__setattr__(self, name, checks.integer(f"{self.kind}: {name}", getattr(self, name)))
        window.check(self, self.axes)
        affine.check(self)
        if self.filters % self.groups:
            raise ValueError(f"{self.kind}: {self.groups} groups do not divide {self.filters} filters")

    def _window(self) -> window.Window:
        return window.Window(self.axes, self.kernel, self.strides, self.padding, self.dilation)

    def windows(self, features: tuple[int, ...]) -> tuple[Axis, ...]:
        """The window along each axis. Raises ValueError for an input that does not fit."""
        return self._window().slide(self, features)

    def parameters(self, features: tuple[int, ...]) -> dict[str, Parameter]:
        kernel, channels = window.lengths("kernel", self.kernel, self.axes), features[-1] // self.groups
        shape, taps = (*kernel, channels, self.filters), math.prod(kernel)
        return affine.parameters(self, shape, taps * channels, taps * self.filters // self.groups, self.filters)

    def output(self, features: tuple[int, ...]) -> tuple[int, ...]:
        lengths = [axis.size if self.transposed else axis.output for axis in self.windows(features)]
        if features[-1] % self.groups:
            raise expected(self, f"with channels that {self.groups} groups divide", features)
        return checks.shape(f"{self.title()}: the output", (*lengths, self.filters))

    def _channels(self, weight: tuple[int, ...]) -> tuple[int, ...]:
        """The shape in which a number for each filter multiplies a weight of this shape, () if it does in none."""
        return weight[-1:]

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        size, (rows, columns) = math.prod(self.output(x.shape)), (Axis(1), *self.windows(x.shape))[-2:]
        x = lowering.read(x)
        weight, bias = weights["weight"], weights.get("bias")
        y = lowering.value(size, trains=x.trains or weight.gradient is not None)
        convolution, prepared, weight_gradient = _ops(rows, columns, self.groups, weight.value.shape)
        packed = lowering.packed(weight.value, prepared, rows, columns, self.groups, self.transposed)
        y.affine = Affine(packed, None if bias is None else bias.value, self._channels(weight.value.shape))
        windows = {"rows": rows, "columns": columns, "groups": self.groups, "transposed": self.transposed}
        y.producer = lowering.emit(convolution, x.buffer, **y.affine.options, y=y.buffer, **windows)
        y.pending = self.activation or "identity"

        def backward() -> None:
            if weight.gradient is not None:
                add, maps = lowering.adds(weight), (y.gradient, x.buffer) if self.transposed else (x.buffer, y.gradient)
                lowering.emit(weight_gradient, *maps, weight.gradient, rows, columns, self.groups, add=add)
                if bias is not None:
                    lowering.emit(kernels.ChannelSum, y.gradient, bias.gradient, add=add)
            if x.trains:
                activation, source = x.slope if x.activation != "identity" else ("identity", None)
                options = {"transposed": not self.transposed, "activation": activation, "source": source}
                back = lowering.gradient(x), rows, columns, self.groups
                lowering.emit(convolution, y.gradient, weight.value, None, *back, **options)

        lowering.backward(backward)
        return y


class Conv1D(Conv2D):
    """The convolution of sequences: Conv2D along one axis.

    x (batch, time, in), weight (kernel, in / groups, filters), bias (filters,), y (batch, (time + padding - reach) //
    strides + 1, filters). padding as there, for one axis: ((before, after),) is what is added. Raises as Conv2D does.
    """

    axes: ClassVar[int] = 1


class Conv2DTranspose(Conv2D):
    """The map by which gradients flow through a Conv2D, as a layer: x is its output's gradient, y its input's.

    y[i s + a d - p, j s + b d - p, o] += x[i, j, c] weight[a, b, o, c]; then bias and activation. x (batch, height,
    width, in), weight (kh, kw, filters / groups, in), bias (filters,), y (batch, (height - 1) s + reach - padding,
    likewise, filters), or with padding "same" (batch, height s, width s, filters). Raises as Conv2D does, and
    ValueError for a padding that leaves no output. Zeiler et al. 2010, Deconvolutional networks.
    """

    transposed: ClassVar[bool] = True

    def windows(self, features: tuple[int, ...]) -> tuple[Axis, ...]:
        return self._window().spread(self, features)

    def parameters(self, features: tuple[int, ...]) -> dict[str, Parameter]:
        kernel, channels = window.lengths("kernel", self.kernel, self.axes), features[-1]
        shape, taps = (*kernel, self.filters // self.groups, channels), math.prod(kernel)
        return affine.parameters(self, shape, taps * channels // self.groups, taps * shape[-2], self.filters)

    def _channels(self, weight: tuple[int, ...]) -> tuple[int, ...]:
        # The filters of each group are the same axis of the weight, which so has none for all of them.
        return (weight[-2], 1) if self.groups == 1 else ()
