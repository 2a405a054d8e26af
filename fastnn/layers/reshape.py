"""Another shape of a sample."""

import math
from dataclasses import dataclass

from fastnn.common import checks
from fastnn.layers.base import Layer, expected
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


@dataclass(eq=False, repr=False)
class Reshape(Layer):
    """(batch, ...) -> (batch, *shape), in C order; one length may be -1: as many as remain. It costs nothing.

    Raises TypeError and ValueError for what is no such shape, and, when built, for an input that has not its size.
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
            raise expected(self, f"of {wanted} elements", features, f"which has {size}")
        return tuple(size // known if n == -1 else n for n in self.shape)

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        return lowering.regrouped(x, self.output(x.shape))
