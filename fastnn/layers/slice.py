"""A part along an axis, or one place of it."""

from dataclasses import dataclass
from typing import ClassVar

from fastnn import kernels
from fastnn.common import checks
from fastnn.kernels.axis import Axis
from fastnn.layers import axes
from fastnn.layers.base import Layer
from fastnn.lowering.backward import ROW_WISE
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


def _part_of(lowering: Lowering, x: Value, place: int, start: int, stop: int) -> Value:
    """Emits the part of x along the axis at this place."""
    size = x.shape[place]
    x, (before, after) = axes.split(lowering, x, place, place + 1)
    y = lowering.value(before * (stop - start) * after, x.trains, beside=x)
    y.origin = "identity" if x.ending in ROW_WISE and place == len(x.shape) - 1 else x.ending
    lowering.emit(kernels.Pad, x.buffer, y.buffer, Axis(before), Axis(size, before=-start, after=stop - size))

    def backward() -> None:
        if x.trains:
            back = Axis(stop - start, before=start, after=size - stop)
            lowering.emit(kernels.Pad, y.gradient, lowering.gradient(x), Axis(before), back)
            lowering.apply_derivative(x)

    lowering.backward(backward)
    return y


@dataclass(eq=False, repr=False)
class Slice(Layer):
    """y = x[..., start:stop], a part along an axis, what `Concatenate` joins; x and y are (batch, ...).

    Symbols have the notation of arrays: x[:, 1:] is Slice(1, axis=1)(x). Of sequences with lengths, x[:, 1:] and
    x[:, :-1] have one real step less; along the time, a start that is counted from the end is refused for them.

    Parameters
    ----------
    start : int
        As in Python: the first element of the part, counted from the end where it is negative.
    stop : int, optional
        The element after the last one, likewise. None takes all from start on.
    axis : int, default -1
        As in NumPy: 0 is the batch, which cannot be divided, and -1 the last axis.

    Raises
    ------
    TypeError, ValueError
        For axis 0; when called, for an axis that x does not have, and a part that is empty or not in x.

    Examples
    --------
    >>> import fastnn as fnn
    >>> x = fnn.Dense(6)(fnn.Input((4,)))
    >>> mean, log_variance = fnn.Slice(0, 3)(x), x[:, 3:]
    >>> log_variance.shape
    (3,)
    """

    start: int
    stop: int | None = None
    axis: int = -1

    stepwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "start", checks.integer("Slice: start", self.start, -checks.MOST))
        if self.stop is not None:
            object.__setattr__(self, "stop", checks.integer("Slice: stop", self.stop, -checks.MOST))
        object.__setattr__(self, "axis", axes.checked("Slice", self.axis, "take a part"))

    def _part(self, size: int) -> tuple[int, int]:
        """The part's start and stop in an axis of this size. Raises ValueError where it is empty or beyond the axis."""
        stop = size if self.stop is None else self.stop
        start, stop = (i + size if i < 0 else i for i in (self.start, stop))
        if not 0 <= start < stop <= size:
            shown = f"{self.start}:{'' if self.stop is None else self.stop}"
            raise ValueError(f"{self.title()}: the part {shown} of an axis of length {size} is empty or not in it")
        return start, stop

    def output(self, features: tuple[int, ...]) -> tuple[int, ...]:
        place = axes.place(self, self.axis, features)
        start, stop = self._part(features[place])
        return (*features[:place], stop - start, *features[place + 1 :])

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        place = axes.place_of(self.axis, len(x.shape))
        part = self._part(x.shape[place])
        if place > 0 or self.start < 0 or x.buffer.lengths is None:
            return _part_of(lowering, x, place, *part)
        y = _part_of(lowering, lowering.filled(x), place, *part)
        y.shape = self.output(x.shape)
        return lowering.windowed(y, x, (1, min(self.stop or 0, 0) - self.start, 1))


@dataclass(eq=False, repr=False)
class Take(Layer):
    """y = x[..., index, ...], one place of an axis, which y does not have: h[:, -1] is the last step of sequences.

    Sequences with lengths have no such place of the time in common: there a recurrent layer without return_sequences,
    or the state that it returns, is the last real step.

    Parameters
    ----------
    index : int
        As in Python, counted from the end where it is negative.
    axis : int, default -1
        As in `Slice`.

    Raises
    ------
    TypeError, ValueError
        For axis 0; when called, for an axis that x does not have, the only axis, and an index that is not in it.

    Examples
    --------
    >>> import fastnn as fnn
    >>> h = fnn.Input((20, 8))
    >>> h[:, -1], fnn.Take(0, axis=1)(h)
    (Take(-1) -> (batch, 8), Take(0) -> (batch, 8))
    """

    index: int
    axis: int = -1

    stepwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "index", checks.integer("Take: index", self.index, -checks.MOST))
        object.__setattr__(self, "axis", axes.checked("Take", self.axis, "take one place"))

    def output(self, features: tuple[int, ...]) -> tuple[int, ...]:
        place = axes.place(self, self.axis, features)
        if len(features) == 1:
            raise ValueError(f"{self.title()}: {checks.batch(features)} has no other axis; a slice, i:i + 1, keeps it")
        if not -features[place] <= self.index < features[place]:
            raise ValueError(f"{self.title()}: {self.index} is not in an axis of length {features[place]}")
        return features[:place] + features[place + 1 :]

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        place = axes.place_of(self.axis, len(x.shape))
        start = self.index % x.shape[place]
        return _part_of(lowering, x, place, start, start + 1)
