"""Stepping: plans that run one step of sequences that continue, after one that runs at their start."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from fastnn import kernels
from fastnn.common import checks
from fastnn.engine.tensor import Tensor
from fastnn.lowering.call import Buffer, Call
from fastnn.lowering.kept import Cache, Count, Kept, Ring
from fastnn.lowering.sequences import Sequences
from fastnn.lowering.value import Value


@dataclass(eq=False, repr=False)
class Stepping(Sequences):
    """Tells what is computed at each step from what is computed once, and what is kept.

    first_calls, first_layouts: as calls and layouts, of what runs once. kept: what steps leave to later ones.
    capacity: the most steps of a sequence where layers keep something of each; None is their own number. count,
    position: of the steps so far, where a layer needs it. at_hands: held values, as steps read them.
    """

    first_calls: list[Call] = field(default_factory=list)
    first_layouts: dict[tuple[int, Hashable], Call] = field(default_factory=dict)
    kept: list[Kept] = field(default_factory=list)
    capacity: int | None = None
    count: Count | None = None
    position: Call | None = None
    at_hands: dict[Value, Value] = field(default_factory=dict)

    @contextmanager
    def once(self) -> Iterator[None]:
        """A context whose calls run at the start of sequences: held inputs are there as a whole."""
        before = self.calls, self.layouts, self.states, self.stepping
        self.calls, self.layouts, self.states, self.stepping = self.first_calls, self.first_layouts, None, False
        try:
            yield
        finally:
            self.calls, self.layouts, self.states, self.stepping = before

    @contextmanager
    def turn(self, x: Sequence[Value]) -> Iterator[None]:
        """The context in which a layer reads these values: once, if they all follow from held inputs."""
        if self.stepping and all(value.held for value in x):
            with self.once():
                yield
        else:
            yield

    def at_hand(self, x: Value) -> Value:
        """A held value as steps read it: whole, and in memory of its own."""
        if x not in self.at_hands:
            with self.once():
                whole = self.filled(x)
                whole.shape = x.shape
                y = self.read(whole)
            y.shape, y.held, self.at_hands[x] = x.shape, True, y
            if y.buffer.memory is None:
                y.buffer.memory = Tensor((self.rows, y.columns), y.buffer.dtype)
                self.kept.append(Kept(self._titled("held"), y.buffer.memory, held=True))
        return self.at_hands[x]

    def lengths_at_hand(self, x: Value, times: int) -> Tensor:
        """The number of steps of each held sequence, int32 (rows, 1): `times`, unless they have their own."""
        given = x.buffer.lengths or x.lengths
        tensor = Tensor((self.rows, 1), "int32") if given is None or given.memory is None else given.memory
        if given is not None:
            given.memory = tensor
        self.kept.append(Count(self._titled("lengths"), tensor, held=True, most=times, least=1))
        return tensor

    def read(self, value: Value) -> Value:
        return self.at_hand(value) if self.stepping and value.held else super().read(value)

    def filled(self, x: Value, pending: bool = False) -> Value:
        return self.at_hand(x) if self.stepping and x.held else super().filled(x, pending)

    def fork(self, x: Value, count: int, logits: bool = False) -> list[Value]:
        with self.turn([x]):
            return super().fork(x, count, logits)

    def by_steps(self, x: Value, steps: Call | None = None) -> Value:
        return super().by_steps(self.at_hand(x) if self.stepping and x.held else x, steps)

    def at_each_step(self, x: Value, times: int) -> Value:
        """The value; a held one (1, features) as steps of a sequence, which are all the same."""
        if not (self.stepping and x.held and x.shape[0] == 1):
            return x
        y = self.step_of(self.at_hand(x))
        y.shape = (times, *x.shape[1:])
        return y

    def step_of(self, x: Value) -> Value:
        """The value of one step as that of the present one."""
        x, steps = super().read(x), self.lay_out(1)
        return self._carried(x, self.parted(x.buffer, steps), kernels.FromSteps, steps)

    def remember(self, name: str, columns: int, first: Tensor | None = None) -> Tensor:
        """A state (rows, columns) that is carried from run to run. first: what it begins with; None is zeros."""
        kept = Kept(self._titled(name), Tensor((self.rows, columns)), first)
        assert self.states is not None
        self.states.append(kept.tensor)
        self.kept.append(kept)
        return kept.tensor

    def present(self, most: int) -> Buffer:
        """The number of the present step of each sequence, from 1: int32. most: what the layer has room for.

        Raises ValueError for a capacity beyond that.
        """
        if self.capacity is not None and self.capacity > most:
            raise ValueError(f"{self.layer}: has room for {most} steps, so capacity cannot be {self.capacity}")
        if self.count is None or self.position is None:
            self.count = Count("steps", Tensor((self.rows, 1), "int32"), most=most)
            self.kept.append(self.count)
            self.position = self.emit(kernels.Position, self.count.tensor, Buffer(1, "int32"), most=most)
            self._advance(self.count.tensor, checks.MOST)
        if most < self.count.most:
            self.count.most = self.position.options["most"] = most
            self.position.layer = self.layer
        present: Buffer = self.position.arguments[1]
        return present

    def cached(self, name: str, x: Buffer, start: int, times: int) -> tuple[Tensor, Buffer]:
        """Appends the elements of x from `start` on to those of earlier steps. times: of the network's sequences.

        Returns all so far, (rows, capacity, columns), and the number of steps.
        """
        capacity = self.capacity or times
        present = self.present(capacity)
        cache = Cache(self._titled(name), Tensor((self.rows, capacity, x.columns - start)), count=self.count)
        self.kept.append(cache)
        self.emit(kernels.Append, x, present, cache.tensor, start=start)
        return cache.tensor, present

    def ring(self, name: str, columns: int, reach: int) -> tuple[Tensor, Tensor]:
        """Room for the last `reach` steps, as kernels.StepConvolution takes it, and the place of the present one."""
        ring = Ring(self._titled(name), Tensor((self.rows, 2 * reach, columns)), place=Tensor((self.rows, 1), "int32"))
        self.kept.append(ring)
        _, place = ring.tensors
        self._advance(place, reach)
        return ring.tensor, place

    def _advance(self, count: Tensor, size: int) -> None:
        """Counts the step, once nothing can stop it."""

        def advance() -> None:
            self.emit(kernels.Advance, count, size=size)

        self.closing(advance)

    def _titled(self, name: str) -> str:
        """A name that no other has: a shared layer has several places."""
        title, taken = f"{self.layer}.{name}", {each.name for each in self.kept}
        found, number = title, 1
        while found in taken:
            found, number = f"{title}_{number}", number + 1
        return found
