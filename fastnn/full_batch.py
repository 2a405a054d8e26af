"""Iterations of an optimizer that evaluates the loss over all samples several times: L-BFGS, within `fit`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.kernels.loss import DivergenceError
from fastnn.optimizers import LBFGS

if TYPE_CHECKING:
    from fastnn.network import Network
    from fastnn.program import Program


def check(net: Network, batch: int, samples: int) -> None:
    """Raises ValueError for batches that are not the whole, and for weights with max_norm."""
    if batch < samples:
        raise ValueError(
            f"LBFGS: expected all {samples} samples in one batch, got batch_size {batch}; "
            f"fit(x, y, batch_size={samples}), or another optimizer"
        )
    wanted = net.blocks.wanted if net.features else {}
    if net.features and len(net.spans()) > 1:
        raise ValueError("LBFGS: trains a network that is one block; without frozen layers, and without sub-networks")
    if any(parameter.max_norm is not None for parameter in wanted.values()):
        raise ValueError("LBFGS: a search along a line does not go with max_norm; use l2, or another optimizer")


def iterate(net: Network, program: Program, samples: int, order: np.ndarray | None) -> None:
    """One iteration; ends the fit where it finds no lower loss. What fails leaves the parameters as they were."""
    assert isinstance(net.optimizer, LBFGS)
    (span,) = net.spans()
    counters, values, gradients = net.counters, span.values.array, span.gradients.array
    measured: list[tuple[Any, Any]] = []

    def function(point: np.ndarray) -> tuple[float, np.ndarray]:
        """The loss at the point, with the same dropout throughout the iteration."""
        values[...] = point
        try:
            program.plan.run(samples, samples, 0, order, None, counters["step"], counters["update"])
        except DivergenceError:
            if not measured:
                raise
            return math.inf, gradients
        if not measured:  # an epoch's figures are those at its beginning
            measured.extend((meter, meter.measured) for meter in program.meters.values())
        return program.meters["loss"].last, gradients.astype(np.float64)

    before = values.copy()
    after = before
    slots = [(span.slots[f"step_{i}"].array, span.slots[f"turn_{i}"].array) for i in range(net.optimizer.memory)]
    try:
        after = net.optimizer.iterate(function, before, slots, counters["update"])
    finally:
        values[...] = after
        for meter, figures in measured:
            meter.measured = figures
    net.stop_training |= after is before
    counters["step"] += 1
    counters["update"] += 1
