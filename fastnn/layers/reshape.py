"""Reshaping of samples."""

import math
from dataclasses import dataclass

from fastnn.common import checks
from fastnn.layers.base import Layer, expected
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


@dataclass(eq=False, repr=False)
class Reshape(Layer):
    """Reshape (batch, ...) to (batch, *shape), in C order. It costs nothing: the memory is the same.

    Parameters
    ----------
    shape : tuple of int
        Of a sample. One length may be -1: it follows from the size of the input.

    Raises
    ------
    TypeError, ValueError
        For an invalid shape; when built, for an input of another size.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.Reshape((7, -1))(fnn.Input((28,))).shape
    (7, 4)
    """

    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        lengths = tuple(self.shape) if isinstance(self.shape, (tuple, list)) else self.shape
        if isinstance(lengths, tuple) and lengths.count(-1) == 1:
            place = lengths.index(-1)
            known = checks.shape("Reshape: shape", (*lengths[:place], 1, *lengths[place + 1 :]))
            lengths = (*known[:place], -1, *known[place + 1 :])
        else:
            lengths = checks.shape("Reshape: shape", lengths)
        object.__setattr__(self, "shape", lengths)

    def output(self, features: tuple[int, ...]) -> tuple[int, ...]:
        size, known = math.prod(features), abs(math.prod(self.shape))
        if size % known or (size != known and -1 not in self.shape):
            wanted = f"a multiple of {known}" if -1 in self.shape else f"{known}"
            raise expected(self, f"of {wanted} elements", features, f"it has {size}")
        return tuple(size // known if n == -1 else n for n in self.shape)

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        return lowering.regrouped(x, self.output(x.shape))
