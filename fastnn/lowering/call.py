"""Calls of Ops before the Ops are made, and their arguments: buffers and weights."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor


@dataclass(eq=False, repr=False)
class Weight:
    """A parameter that a network holds: its values, and its gradient, unless it is frozen or a statistic."""

    value: Tensor
    gradient: Tensor | None = None


@dataclass(eq=False, repr=False)
class Buffer:
    """Memory of `columns` elements a row, needed from the first call that names it to the last.

    shared: whether it is the gradient of several values, so that no call may write to it in place. steps: the call of
    `Steps` by which it is laid out, with a row for each step of a sequence; None if it has a row for each sample.
    memory: its own, which stays from run to run; None if it is in the arena.
    """

    columns: int
    dtype: str = "float32"
    shared: bool = False
    steps: "Call | None" = None
    memory: Tensor | None = None

    @property
    def lengths(self) -> "Buffer | None":
        """The Buffer of the lengths of its sequences, where they have their own."""
        return None if self.steps is None or self.steps.arguments[0] is None else self.steps.arguments[-1]

    @property
    def times(self) -> int:
        """Rows for each sample, at most."""
        return 1 if self.steps is None else int(self.steps.options["times"])

    def beside(self, columns: int | None = None, dtype: str = "float32") -> "Buffer":
        """A new Buffer with as many rows, of the given number of columns or as many."""
        return Buffer(self.columns if columns is None else columns, dtype, steps=self.steps)


class ToPack(NamedTuple):
    """A weight that a frozen network's plans read packed: by an Op built from it and these arguments."""

    weight: Tensor
    op: Callable[..., Op]
    arguments: tuple[Any, ...]


@dataclass(eq=False, repr=False)
class Call:
    """An Op to be made: its class, its arguments (Buffers, Tensors, Ports, earlier Calls, values), and its layer.

    positions: the rows of the Op for each row of a Buffer: one for each pixel of an image, say. An Op all of whose
    Buffers are by steps has the steps as its rows. narrow: its results are vectors of so few elements that an
    activation is faster in a pass of its own, which does not compute each as the tail of a vector. factor: of the
    learning rate, for an update.
    """

    op: type[Op]
    arguments: tuple[Any, ...]
    options: dict[str, Any]
    layer: str
    positions: int = 1
    made: Op | None = None
    steps: "Call | None" = None
    narrow: bool = False
    factor: float = 1.0

    @property
    def buffers(self) -> list[Buffer]:
        """The Buffers among the arguments and options."""
        return [value for value in (*self.arguments, *self.options.values()) if isinstance(value, Buffer)]

    @property
    def leader(self) -> "Call | None":
        """The call of `Steps` whose count its rows follow: named by `steps`, or shared by all Buffers."""
        steps = {buffer.steps for buffer in self.buffers}
        return self.steps or (steps.pop() if len(steps) == 1 else None)
