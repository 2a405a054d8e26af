"""What frozen networks are made of: a snapshot of the weights, and the programs that read it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from fastnn.common.free import Shape
from fastnn.engine.plan import Plan
from fastnn.engine.tensor import Tensor
from fastnn.losses import Loss
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.model.average import averages, require_average, untrained
from fastnn.model.build_program import classify_program, losses_of, predict_program
from fastnn.model.compiled import Compiled
from fastnn.model.program import Program
from fastnn.model.request import Kind, Request
from fastnn.model.weight_transfer import move_plan

PREDICT, CLASSIFY = Request(Kind.PREDICT), Request(Kind.CLASSIFY)


class Snapshot:
    """A copy of a network's parameters and statistics, and what is derived from it: their packed forms, say.

    averaged: whether it is of the optimizer's moving average. losses: by which outputs are classes or values; None
    is those that the network has now. source: another snapshot of the same network, whose weights it takes; None is
    the network. features: the shapes of the inputs, where the network has axes of any length.
    """

    def __init__(
        self,
        net: Compiled,
        averaged: bool = False,
        losses: Sequence[Loss | None] | None = None,
        source: Snapshot | None = None,
        features: tuple[Shape, ...] = (),
    ) -> None:
        self.features = features
        self.net, self.blocks, self.averaged = net, net.blocks, averaged
        self.losses = losses_of(net) if losses is None else losses
        flats = [flat for block in self.blocks.bases for flat in (block.values, block.statistics) if flat.size]
        self.copies = {flat: Tensor(flat.shape) for flat in flats}
        self.weights = {
            name: Weight(block.view(self.copies[block.flat(key)], key))
            for name, (block, key) in self.blocks.places.items()
        }
        self.derived: dict[Hashable, Callable[[], None]] = {}
        self._moves: tuple[Any, Plan] | None = None
        if source is None:
            self.update()
        else:
            self.take(source)

    def another(self) -> Snapshot:
        """A new one of the same network."""
        return Snapshot(self.net, self.averaged, self.losses, features=self.features)

    def copied(self) -> Snapshot:
        """A new one of the same weights."""
        return Snapshot(self.net, self.averaged, self.losses, self, self.features)

    def take(self, other: Snapshot) -> None:
        """Copies the weights of another snapshot of the same network; what is derived follows with `update`."""
        for flat, copy in self.copies.items():
            copy.array[...] = other.copies[flat].array

    def update(self, tau: float = 1.0) -> None:
        """Moves towards the weights as they are now, w = (1 - tau) w + tau weights, and derives the rest again."""
        if self.averaged:
            require_average(self.net, "refresh")
        if tau == 1:
            for source, copy in self._pairs():
                copy.array[...] = source.array
        else:
            self._plan(tau).run(1, 1, pause=0)
        for derive in self.derived.values():
            derive()

    def _pairs(self) -> list[tuple[Tensor, Tensor]]:
        """The parts of what it is a copy of, each with its part of the copy."""
        averaged = averages(self.net) if self.averaged else []
        if not averaged:
            return list(self.copies.items())
        pairs = [(mean, part.of(self.copies[part.block.values])) for part, mean in averaged]
        kept = [(part.block.values, part) for part in untrained(self.net)]
        pairs += [(part.of(flat), part.of(self.copies[flat])) for flat, part in kept]
        statistics = [block.statistics for block in self.blocks.bases if block.statistics.size]
        return [*pairs, *((flat, self.copies[flat]) for flat in statistics)]

    def _plan(self, tau: float) -> Plan:
        """The plan that moves the weights, kept for the next time."""
        net = self.net
        key = tau, self.averaged and (net.slots, net.counters.update > 0)
        if self._moves is None or self._moves[0] != key:
            self._moves = key, move_plan(self._pairs(), tau)
        return self._moves[1]

    def program(self, request: Request, rows: int) -> Program:
        """The program that predicts or classifies with these weights, for up to that many rows."""
        lowering = Lowering(rows, self.weights, seed=self.net.seed, derived=self.derived)
        request = request._replace(features=self.features)
        if request.kind is Kind.PREDICT:
            return predict_program(self.net, request, lowering)
        return classify_program(self.net, request, lowering, self.losses)
