"""Emission: the calls of a plan, collected layer by layer."""

from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from fastnn import kernels
from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor
from fastnn.lowering.call import Buffer, Call, ToPack, Weight
from fastnn.lowering.value import Value


@dataclass(eq=False, repr=False)
class Emission:
    """Collects the calls of one plan.

    rows: its capacity. weights: the parameters by name. training: whether a backward phase will follow. still: whether
    layers nevertheless act as in prediction: no dropout, running statistics. seed: of the random numbers. derived: of a
    frozen network: what is derived from its weights, by its purpose, to be called in this order when they change.
    accumulates: whether gradients of weights are added to those of earlier passes. written: the weights whose gradient
    has been written. seen: of a pass that computes running statistics again, the numbers of values that they are
    means of; None in all other passes. streams: how many layers have a stream of random numbers of their own. layer:
    the layer that emits.
    """

    rows: int
    weights: Mapping[str, Weight]
    training: bool = False
    still: bool = False
    seed: int = 0
    derived: dict[Hashable, Callable[[], None]] | None = None
    accumulates: bool = False
    calls: list[Call] = field(default_factory=list)
    written: set[Weight] = field(default_factory=set)
    seen: dict[Weight, Tensor] | None = None
    streams: int = 0
    layer: str = ""

    @property
    def varies(self) -> bool:
        """Whether layers act as in training where that differs from prediction."""
        return self.training and not self.still

    @contextmanager
    def named(self, layer: str) -> Iterator[None]:
        """A context whose calls belong to this layer, or to the layer of this name in the present one."""
        before, self.layer = self.layer, f"{self.layer}.{layer}" if self.layer else layer
        try:
            yield
        finally:
            self.layer = before

    def emit(self, op: type[Op], *arguments: Any, **options: Any) -> Call:
        """Adds a call of an Op. options: its own, and the `positions` of a Call."""
        positions = options.pop("positions", 1)
        call = Call(op, arguments, options, self.layer, positions)
        self.calls.append(call)
        return call

    def packed(self, weight: Tensor, op: Callable[..., Op] = kernels.Packed, *arguments: Any) -> Tensor | ToPack:
        """The weight in the form that a product reads fastest: packed if it is frozen."""
        return weight if self.derived is None else ToPack(weight, op, arguments)

    def derive(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """The result of make() on a frozen network's weights, the same for all of its plans."""
        assert self.derived is not None
        if key not in self.derived:
            self.derived[key] = make()
        return self.derived[key]

    def value(self, columns: int, trains: bool, beside: Value | None = None) -> Value:
        """A new value in a buffer of its own, with as many rows as another value's."""
        return Value(Buffer(columns) if beside is None else beside.buffer.beside(columns), trains)

    def adds(self, weight: Weight) -> bool:
        """Whether the next op that writes the weight's gradient adds to it: the first one overwrites."""
        before = weight in self.written
        self.written.add(weight)
        return before or self.accumulates

    def stream(self) -> int:
        """A number of a stream of random numbers that no other layer of the plan has."""
        self.streams += 1
        return self.streams - 1
