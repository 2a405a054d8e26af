"""Losses on arrays, outside of any network: the Ops of training, in a plan of their own."""

from __future__ import annotations

import math
from typing import ClassVar, Protocol

import numpy as np

from fastnn import kernels
from fastnn.engine.port import Port
from fastnn.losses.target import Target, gather_weight
from fastnn.lowering.call import Buffer, Call
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


class Lowered(Protocol):
    """What `EagerLoss` needs of a loss."""

    name: ClassVar[str]

    def gather_target(
        self, lowering: Lowering, output: Value, labels: bool, weight: Buffer | None, name: str
    ) -> Target: ...
    def lower(self, lowering: Lowering, output: Value, target: Target) -> Call: ...


class EagerLoss:
    """The loss of up to `rows` outputs.

    form: their shape, whether targets are labels, how many weights each has, and whether it has a length.
    """

    def __init__(
        self, loss: Lowered, rows: int, shape: tuple[int, ...], labels: bool, weights: int, lengths: bool
    ) -> None:
        self.rows, self.form, columns = rows, (shape, labels, weights, lengths), math.prod(shape)
        lowering = Lowering(rows, {})
        self.y, self.dy, self.weight, self.lengths = Port("y", columns), Port("dy", columns), None, None
        output, weight = Value(Buffer(columns), trains=True, shape=shape), None
        with lowering.named(loss.name):
            lowering.emit(kernels.Gather, self.y, output.buffer, check="unchecked")
            if lengths:
                self.lengths, output.lengths = Port("lengths", 1), Buffer(1, "int32")
                lowering.emit(kernels.Steps, self.lengths, output.lengths, times=shape[0])
            if weights:
                self.weight, weight = gather_weight(lowering, weights)
            target = loss.gather_target(lowering, output, labels, weight, "t")
            self.measure = loss.lower(lowering, output, target)
            lowering.emit(kernels.Scatter, output.gradient, self.dy)
        self.t = target.port
        self.ports = [port for port in (self.y, self.t, self.weight, self.lengths, self.dy) if port is not None]
        self.plan = lowering.assemble(self.ports, [])

    def __call__(
        self, y: np.ndarray, t: np.ndarray, weight: np.ndarray | None, lengths: np.ndarray | None, dy: np.ndarray
    ) -> float:
        """The loss; writes its gradient into dy."""
        try:
            for port, array in zip(self.ports, (a for a in (y, t, weight, lengths, dy) if a is not None), strict=True):
                port.attach(array)
            self.plan.run(len(y), len(y), pause=0)
        finally:
            for port in self.ports:
                port.detach()
        return float(self.measure.made.last)  # type: ignore[union-attr]  # assembled: a Meter
