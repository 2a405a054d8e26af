"""What layers hand to each other while a network becomes Ops: values and their buffers, weights, and calls of Ops."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from fastnn import kernels
from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor


@dataclass(eq=False, repr=False)
class Weight:
    """A parameter that a network holds: its values, and its gradient, which a frozen one or a statistic has not."""

    value: Tensor
    gradient: Tensor | None = None


@dataclass(eq=False, repr=False)
class Buffer:
    """Memory of `columns` elements a row, needed from the first call that names it to the last.

    shared: whether it is the gradient of several values, so that no call may write to it in place. steps: the call of
    `Steps` by which it lies, with a row for each step of a sequence; None where it has a row for each sample.
    """

    columns: int
    dtype: str = "float32"
    shared: bool = False
    steps: "Call | None" = None

    @property
    def times(self) -> int:
        """Rows for each sample, at the most."""
        return 1 if self.steps is None else int(self.steps.options["times"])

    def beside(self, columns: int | None = None, dtype: str = "float32") -> "Buffer":
        """A new one with as many rows: of so many columns, or as many."""
        return Buffer(self.columns if columns is None else columns, dtype, steps=self.steps)


class ToPack(NamedTuple):
    """A weight that a frozen network's plans read packed: by an Op that takes it and these arguments."""

    weight: Tensor
    op: Callable[..., Op]
    arguments: tuple[Any, ...]


class Affine(NamedTuple):
    """What a producer says of itself where it is linear: y = x weight + bias, or a convolution; bias may be None.

    Its Op takes both by these names, so that `Value.exchange` can put others in. channels: the shape in which a number
    for each channel of y multiplies the weight, () if it does in none.
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


@dataclass(eq=False, repr=False)
class Call:
    """An Op to be made: its class, its arguments (Buffers, Tensors, Ports, earlier Calls, values), and its layer.

    positions: a row of a Buffer is so many rows to the Op, one for each pixel of a picture, say. An Op all of whose
    Buffers lie by steps has the steps as its rows.
    """

    op: type[Op]
    arguments: tuple[Any, ...]
    options: dict[str, Any]
    layer: str
    positions: int = 1
    made: Op | None = None
    steps: "Call | None" = None

    @property
    def buffers(self) -> list[Buffer]:
        """Those among the arguments and options."""
        return [value for value in (*self.arguments, *self.options.values()) if isinstance(value, Buffer)]

    @property
    def leader(self) -> "Call | None":
        """The call of `Steps` whose count its rows follow: what `steps` names, or all Buffers lie by."""
        steps = {buffer.steps for buffer in self.buffers}
        return self.steps or (steps.pop() if len(steps) == 1 else None)


@dataclass(eq=False, repr=False)
class Value:
    """A layer's output, `columns` elements a row.

    pending: an activation that is not applied yet; a loss or metric that wants the logits leaves it so and says it
    (logits_used), anyone else calls `Lowering.read`. activation: one that is applied elementwise; whoever writes the
    gradient multiplies its derivative in, so that `gradient` is with respect to what came before the activation.
    before: what came before it, where that is kept. origin: the activation that the numbers come from where it is
    neither. affine: what a linear producer says of itself. shape: without the batch. states: of a recurrent layer,
    after the last step.
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
    logits_used: bool = False
    applied: "Value | None" = None
    shape: tuple[int, ...] = ()
    states: "tuple[Value, ...]" = ()

    @property
    def columns(self) -> int:
        """Elements of a row."""
        return self.buffer.columns

    @property
    def places(self) -> int:
        """Of its last axis in a sample: a pixel of a picture, a step of a sequence."""
        return math.prod(self.shape[:-1])

    @property
    def positions(self) -> int:
        """The same in a row of its buffer, which may be a step."""
        return math.prod(self.shape[:-1] if self.buffer.steps is None else self.shape[1:-1])

    @property
    def open(self) -> bool:
        """Whether its producer may do more to it, an activation say: nobody else reads it as it is."""
        return self.producer is not None and self.pending == self.activation == "identity" and not self.logits_used

    def exchange(self, weight: Tensor, bias: Tensor) -> None:
        """Has its producer take another weight and bias."""
        assert self.producer is not None
        assert self.affine is not None
        given = self.affine.weight
        self.affine = Affine(
            given._replace(weight=weight) if isinstance(given, ToPack) else weight, bias, self.affine.channels
        )
        self.producer.options |= self.affine.options

    @property
    def ending(self) -> str:
        """The activation that the numbers come from, or will."""
        return next((name for name in (self.pending, self.activation, self.origin) if name != "identity"), "identity")

    @property
    def slope(self) -> tuple[str, Buffer]:
        """The applied activation, and what its derivative is computed from."""
        if self.activation not in kernels.DERIVED_FROM_INPUT:
            return self.activation, self.buffer
        assert self.before is not None
        return self.activation, self.before
