"""Convolutions of images and sequences, and transposed convolutions."""

import math
from dataclasses import dataclass, field
from typing import ClassVar

from fastnn import kernels
from fastnn.common import checks
from fastnn.engine.op import Op
from fastnn.initializers import Initializer
from fastnn.kernels import stepping, winograd
from fastnn.kernels.axis import Axis
from fastnn.layers import affine, window
from fastnn.layers.base import Parameter, expected
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.sequences import Scale
from fastnn.lowering.value import NARROW, Affine, Value


def _ops(rows: Axis, columns: Axis, groups: int, shape: tuple[int, ...]) -> tuple[type[Op], type[Op], type[Op]]:
    """The fastest convolution, with the Ops that pack its weight and compute the weight's gradient."""
    if winograd.suits(rows, columns, groups, shape):
        return kernels.Winograd, kernels.WinogradFilter, kernels.WinogradWeightGradient
    return kernels.Convolution, kernels.Filter, kernels.ConvolutionWeightGradient


@dataclass(eq=False, repr=False)
class Conv2D(window.Pictured):
    """y[i, j, o] = activation(sum over a, b, c of x[i s + a d - p, j s + b d - p, c] weight[a, b, c, o] + bias[o]).

    s are the strides, d the dilation and p the padding; outside of x are zeros. x is (batch, height, width, in), weight
    (kh, kw, in / groups, filters), bias (filters,) and y (batch, (height + padding - reach) // s + 1, likewise,
    filters), where a window reaches over (kh - 1) d + 1 rows.

    3x3 kernels between 32 and more channels are computed by Winograd's algorithm, with an error of about 1e-6 of the
    largest output.

    Parameters
    ----------
    filters : int
        Channels of y.
    kernel : int or (int, int)
        Size of a window: one number, or rows and columns.
    strides : int or (int, int), default 1
        Pixels from one window to the next.
    padding : {"valid", "same"}, int or tuple, default "valid"
        Zeros around x: "valid" for none; "same" for as many as give ceil(height / s) rows of y, an odd one below and
        right; one number for all sides; (vertical, horizontal); or ((top, bottom), (left, right)).
    dilation : int or (int, int), default 1
        Pixels from one element of a window to the next.
    groups : int, default 1
        Parts that the channels are split into; the filters of a part see its channels only.
    activation, bias, initializer, l1, l2
        As in `Dense`.

    Raises
    ------
    TypeError, ValueError
        For sizes < 1, a padding as large as a window, and groups that do not divide the filters; when built, for an
        input of another rank, with channels first, smaller than a window, or whose channels the groups do not divide.

    References
    ----------
    K. Fukushima, "Neocognitron: A Self-organizing Neural Network Model for a Mechanism of Pattern Recognition
    Unaffected by Shift in Position", Biological Cybernetics 36, 1980.

    Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-Based Learning Applied to Document Recognition",
    Proceedings of the IEEE 86(11), 1998, section II.

    A. Lavin and S. Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016.

    Examples
    --------
    >>> import fastnn as fnn
    >>> net = fnn.Sequential([fnn.Conv2D(16, 3, padding="same", activation="relu")], input_shape=(28, 28, 3), seed=0)
    >>> net.output_shape, net.weights["conv2d_0.weight"].shape
    ((28, 28, 16), (3, 3, 3, 16))
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

    #: Whether it maps as gradients flow through a convolution.
    transposed: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("filters", "groups"):
            object.__setattr__(self, name, checks.integer(f"{self.kind}: {name}", getattr(self, name)))
        window.check(self, self.axes)
        affine.check(self)
        if self.filters % self.groups:
            raise ValueError(f"{self.kind}: filters must be divisible by groups, got {self.filters} and {self.groups}")

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
            raise expected(self, f"with a number of channels divisible by groups, {self.groups}", features)
        return checks.shape(f"{self.title()}: the output", (*lengths, self.filters))

    def _channels(self, weight: tuple[int, ...]) -> tuple[int, ...]:
        """The shape in which a number per filter broadcasts over a weight of this shape; () if there is none."""
        return weight[-1:]

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        if lowering.stepping and x.buffer.steps is not None:
            return self._lower_step(lowering, lowering.read(x), weights)
        size, (rows, columns) = math.prod(self.output(x.shape)), (Axis(1), *self.windows(x.shape))[-2:]
        x = lowering.read(x)
        weight, bias = weights["weight"], weights.get("bias")
        y = lowering.value(size, trains=x.trains or weight.gradient is not None)
        convolution, prepared, weight_gradient = _ops(rows, columns, self.groups, weight.value.shape)
        packed = lowering.packed(weight.value, prepared, rows, columns, self.groups, self.transposed)
        y.affine = Affine(packed, None if bias is None else bias.value, self._channels(weight.value.shape))
        windows = {"rows": rows, "columns": columns, "groups": self.groups, "transposed": self.transposed}
        y.producer = lowering.emit(convolution, x.buffer, **y.affine.options, y=y.buffer, **windows)
        y.producer.narrow = self.filters // self.groups < NARROW
        y.pending = self.activation or "identity"

        def backward() -> None:
            if weight.gradient is not None:
                add, maps = lowering.adds(weight), (y.gradient, x.buffer) if self.transposed else (x.buffer, y.gradient)
                lowering.emit(weight_gradient, *maps, weight.gradient, rows, columns, self.groups, add=add)
                if bias is not None:
                    lowering.emit(kernels.ChannelSum, y.gradient, bias.gradient, add=add)
            if x.trains:
                narrow = x.shape[-1] // self.groups < NARROW
                activation, source = x.slope if x.activation != "identity" and not narrow else ("identity", None)
                options = {"transposed": not self.transposed, "activation": activation, "source": source}
                back = lowering.gradient(x), rows, columns, self.groups
                lowering.emit(convolution, y.gradient, weight.value, None, *back, **options)
                if narrow:
                    lowering.apply_derivative(x)

        lowering.backward(backward)
        return y

    def _lower_step(self, lowering: Lowering, x: Value, weights: dict[str, Weight]) -> Value:
        """The output at the present step of a stream, of the last steps of its input."""
        (columns,) = self.windows(x.shape)
        bias, y = weights.get("bias"), lowering.value(self.filters, trains=False, beside=x)
        weight, alone = weights["weight"].value, columns.reach == 1
        axes = (Axis(1), Axis(1)) if alone else stepping.window(columns)
        y.affine = Affine(
            lowering.packed(weight, kernels.Filter, *axes, self.groups),
            None if bias is None else bias.value,
            self._channels(weight.shape),
        )
        given = {**y.affine.options, "y": y.buffer, "groups": self.groups}
        if alone:
            y.producer = lowering.emit(kernels.Convolution, x.buffer, rows=axes[0], columns=axes[1], **given)
        else:
            ring = lowering.ring("inputs", x.columns, columns.reach)
            y.producer = lowering.emit(kernels.StepConvolution, x.buffer, *ring, columns=columns, **given)
        y.producer.narrow = self.filters // self.groups < NARROW
        y.pending = self.activation or "identity"
        return y


class Conv1D(window.OverTime, Conv2D):
    """The convolution of sequences: `Conv2D` along one axis.

    x is (batch, time, in), weight (kernel, in / groups, filters), bias (filters,) and y (batch, (time + padding -
    reach) // strides + 1, filters). Of sequences with lengths, y has as many steps as it would have of each alone;
    padding "same" with strides > 1 is refused then, since its windows depend on the longest.

    Parameters
    ----------
    filters, kernel, strides, dilation, groups, activation, bias, initializer, l1, l2
        As in `Conv2D`; kernel, strides and dilation are one number each.
    padding : {"valid", "same", "causal"}, int or tuple, default "valid"
        As in `Conv2D`; ((before, after),) gives both sides. "causal" is for (kernel - 1) dilation zeros before x, so
        that a step of y depends on no later step of x: with strides of 1 it can run step by step, see `freeze`.

    Raises
    ------
    TypeError, ValueError
        As `Conv2D`.

    References
    ----------
    "causal": A. van den Oord et al., "WaveNet: A Generative Model for Raw Audio", arXiv 1609.03499, 2016, section 2.1.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.Conv1D(8, 5, strides=2)(fnn.Input((100, 3))).shape
    (48, 8)
    """

    axes: ClassVar[int] = 1
    paddings: ClassVar[tuple[str, ...]] = window.PADDINGS_OF_SEQUENCES

    @property
    def remembers(self) -> bool:
        steps = window.lengths("kernel", self.kernel, 1)[0] - 1
        past = ((steps * window.lengths("dilation", self.dilation, 1)[0], 0),)
        causal = self.padding in ("causal", past) or (steps == 0 and isinstance(self.padding, str))
        return causal and window.lengths("strides", self.strides, 1) == (1,)

    def scale(self, features: tuple[int, ...]) -> Scale:
        return self._window().scale(self, *self.windows(features))


class Conv2DTranspose(Conv2D):
    """y[i s + a d - p, j s + b d - p, o] += x[i, j, c] weight[a, b, o, c], then bias and activation.

    The transposed convolution maps as gradients flow through a `Conv2D`, from its outputs to its inputs. x is (batch,
    height, width, in), weight (kh, kw, filters / groups, in), bias (filters,) and y (batch, (height - 1) s + reach -
    padding, likewise, filters), or with padding "same" (batch, height s, width s, filters).

    Parameters
    ----------
    filters, kernel, strides, padding, dilation, groups, activation, bias, initializer, l1, l2
        As in `Conv2D`; the padding is removed from y.

    Raises
    ------
    TypeError, ValueError
        As `Conv2D`, and for a padding that leaves nothing of y.

    References
    ----------
    M. D. Zeiler, D. Krishnan, G. W. Taylor and R. Fergus, "Deconvolutional Networks", CVPR 2010.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.Conv2DTranspose(8, 2, strides=2)(fnn.Input((7, 7, 16))).shape
    (14, 14, 8)
    """

    transposed: ClassVar[bool] = True

    def windows(self, features: tuple[int, ...]) -> tuple[Axis, ...]:
        return self._window().spread(self, features)

    def parameters(self, features: tuple[int, ...]) -> dict[str, Parameter]:
        kernel, channels = window.lengths("kernel", self.kernel, self.axes), features[-1]
        shape, taps = (*kernel, self.filters // self.groups, channels), math.prod(kernel)
        return affine.parameters(self, shape, taps * channels // self.groups, taps * shape[-2], self.filters)

    def _channels(self, weight: tuple[int, ...]) -> tuple[int, ...]:
        # The groups share one axis of the weight for their filters, so no axis has all filters.
        return (weight[-2], 1) if self.groups == 1 else ()


class Conv1DTranspose(window.OverTime, Conv2DTranspose):
    """The transposed convolution of sequences: `Conv2DTranspose` along one axis.

    x is (batch, time, in), weight (kernel, filters / groups, in), bias (filters,) and y (batch, (time - 1) strides +
    reach - padding, filters), or with padding "same" (batch, time strides, filters). Of sequences with lengths, y has
    as many steps as it would have of each alone.

    Parameters
    ----------
    filters, kernel, strides, dilation, groups, activation, bias, initializer, l1, l2
        As in `Conv2D`; kernel, strides and dilation are one number each.
    padding : {"valid", "same"}, int or tuple, default "valid"
        As in `Conv2DTranspose`, removed from y; ((before, after),) gives both sides.

    Raises
    ------
    TypeError, ValueError
        As `Conv2DTranspose`.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.Conv1DTranspose(8, 4, strides=2, padding="same")(fnn.Input((50, 3))).shape
    (100, 8)
    """

    axes: ClassVar[int] = 1

    def scale(self, features: tuple[int, ...]) -> Scale:
        return self._window().spread_scale(*self.windows(features))
