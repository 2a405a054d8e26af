"""A loss on arrays, outside of any network: the Ops that training runs, in a plan of their own."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fastnn import kernels
from fastnn.engine.port import Port
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.values import Buffer, Value

if TYPE_CHECKING:
    from fastnn.losses.base import Loss


def gather_weight(plan: Lowering, count: int, lengths: Buffer | None = None) -> tuple[Port, Buffer]:
    """Emits the gather of `count` weights for each sample, and returns where they enter and where they are.

    lengths: of sequences, where a weight beyond their end is not looked at.
    """
    port, buffer = Port("sample_weight", count), Buffer(count)
    plan.emit(kernels.Gather, port, buffer, lengths, check="nonnegative", width=count if lengths is None else 1)
    return port, buffer


class ByHand:
    """The loss of up to `rows` outputs. form: their shape, whether targets are labels, how many weights each has."""

    def __init__(self, loss: Loss, rows: int, shape: tuple[int, ...], labels: bool, weights: int) -> None:
        self.rows, self.form, columns = rows, (shape, labels, weights), math.prod(shape)
        plan = Lowering(rows, {})
        self.y, self.dy, self.weight = Port("y", columns), Port("dy", columns), None
        output, weight = Value(Buffer(columns), trains=True, shape=shape), None
        with plan.named(loss.name):
            plan.emit(kernels.Gather, self.y, output.buffer, check="unchecked")
            if weights:
                self.weight, weight = gather_weight(plan, weights)
            target = loss.target(plan, output, labels, weight, "t")
            self.measure = loss.lower(plan, output, target)
            plan.emit(kernels.Scatter, output.gradient, self.dy)
        self.t = target.port
        self.ports = [port for port in (self.y, self.t, self.weight, self.dy) if port is not None]
        self.plan = plan.assemble(self.ports, [])

    def __call__(self, y: np.ndarray, t: np.ndarray, weight: np.ndarray | None, dy: np.ndarray) -> float:
        """The loss; dy = its gradient."""
        try:
            for port, array in zip(self.ports, (a for a in (y, t, weight, dy) if a is not None), strict=True):
                port.attach(array)
            self.plan.run(len(y), len(y), pause=0)
        finally:
            for port in self.ports:
                port.detach()
        return float(self.measure.made.last)  # type: ignore[union-attr]  # assembled: a Meter
