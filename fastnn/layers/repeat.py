"""A vector at each step of a sequence."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastnn.common import checks
from fastnn.layers.base import Layer, expected
from fastnn.layers.composite import Composite
from fastnn.layers.reshape import Reshape
from fastnn.layers.upsample import UpSample1D


@dataclass(eq=False, repr=False)
class RepeatVector(Composite):
    """y[t] = x at each of n steps, from an encoder's last state to a decoder, say; x (batch, in), y (batch, n, in).

    Parameters
    ----------
    n : int
        The steps.

    Raises
    ------
    TypeError, ValueError
        For an n that is no integer >= 1; when called, for an input of another rank.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.RepeatVector(10)(fnn.Input((16,))).shape
    (10, 16)
    """

    n: int

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "n", checks.integer("RepeatVector: n", self.n))

    def layers(self) -> Sequence[Layer]:
        return [Reshape((1, -1)), UpSample1D(self.n)]

    def output(self, features: tuple[int, ...]) -> tuple[int, ...]:
        if len(features) != 1:
            raise expected(self, "(batch, features)", features)
        return super().output(features)
