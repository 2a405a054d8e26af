"""Values: the outputs of layers on their way into Ops, with what may still be fused into their producer."""

import math
from dataclasses import dataclass
from typing import NamedTuple

from fastnn import kernels
from fastnn.engine.tensor import Tensor
from fastnn.lowering.call import Buffer, Call, ToPack, Weight

#: Elements of a vector below which an activation is a pass of its own.
NARROW = 8


class Affine(NamedTuple):
    """How a linear producer describes itself: y = x weight + bias, or a convolution; bias may be None.

    Its Op takes both by these names, so that `Value.exchange` can replace them. channels: the shape in which a number
    for each channel of y multiplies the weight, () if it cannot.
    """

    weight: Tensor | ToPack
    bias: Tensor | None
    channels: tuple[int, ...]

    @property
    def matrix(self) -> Tensor:
        """The weight itself, which may be packed for the Op."""
        return self.weight.weight if isinstance(self.weight, ToPack) else self.weight

    @property
    def options(self) -> dict[str, Tensor | ToPack | None]:
        """As the Op takes it."""
        return {"weight": self.weight, "bias": self.bias}

    def scales(self, n: int) -> bool:
        """Whether n numbers, one for each channel, can be multiplied into the weight."""
        return self.channels != () and math.prod(self.channels) == n


class Linear(NamedTuple):
    """The product that a value is: a loss may make it itself, with its gradients, and take it out of the calls."""

    x: "Value"
    weight: Weight
    bias: Weight | None
    call: Call


@dataclass(eq=False, repr=False)
class Value:
    """A layer's output, `columns` elements a row.

    pending: an activation that is not applied yet; a loss or metric that uses the logits leaves it pending and sets
    logits_used, all others call `Lowering.read`. activation: one that is applied elementwise; the writer of the
    gradient multiplies its derivative in, so that `gradient` is with respect to what came before the activation.
    before: what came before it, where that is kept. origin: the activation that the numbers come from where it is
    neither. affine: a linear producer's description. linear: the product that it is, where a loss may make it. shape:
    without the batch. states: of a recurrent layer, after the last step. held: whether it follows from inputs that are
    the same at all steps of a stream. lengths: of sequences as a whole that have lengths of their own, with zeros after
    them.
    """

    buffer: Buffer
    trains: bool
    pending: str = "identity"
    activation: str = "identity"
    before: Buffer | None = None
    gradient: Buffer | None = None
    origin: str = "identity"
    producer: Call | None = None
    affine: Affine | None = None
    linear: Linear | None = None
    logits_used: bool = False
    applied: "Value | None" = None
    shape: tuple[int, ...] = ()
    states: "tuple[Value, ...]" = ()
    held: bool = False
    lengths: Buffer | None = None

    @property
    def columns(self) -> int:
        """Elements of a row."""
        return self.buffer.columns

    @property
    def places(self) -> int:
        """Vectors along the last axis in a sample: the pixels of an image, the steps of a sequence."""
        return math.prod(self.shape[:-1])

    @property
    def positions(self) -> int:
        """The same in a row of its buffer, which may be a step."""
        return math.prod(self.shape[:-1] if self.buffer.steps is None else self.shape[1:-1])

    @property
    def open(self) -> bool:
        """Whether its producer may do more to it, an activation say: nothing else reads it as it is."""
        return self.producer is not None and self.pending == self.activation == "identity" and not self.logits_used

    def exchange(self, weight: Tensor, bias: Tensor) -> None:
        """Makes its producer use another weight and bias."""
        assert self.producer is not None
        assert self.affine is not None
        given = self.affine.weight
        self.affine = Affine(
            given._replace(weight=weight) if isinstance(given, ToPack) else weight, bias, self.affine.channels
        )
        self.producer.options |= self.affine.options

    @property
    def ending(self) -> str:
        """The activation that the values come from, or will."""
        return next((name for name in (self.pending, self.activation, self.origin) if name != "identity"), "identity")

    @property
    def slope(self) -> tuple[str, Buffer]:
        """The applied activation, and what its derivative is computed from."""
        if self.activation not in kernels.DERIVED_FROM_INPUT:
            return self.activation, self.buffer
        assert self.before is not None
        return self.activation, self.before
