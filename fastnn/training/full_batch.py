"""Iterations of an optimizer that evaluates the loss over all samples several times: L-BFGS, within `fit`."""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np

from fastnn.kernels.meter import DivergenceError
from fastnn.model.compiled import Compiled
from fastnn.model.feed import ArrayFeed, Feed
from fastnn.model.parameters import Joined
from fastnn.model.program import Program
from fastnn.optimizers import LBFGS


def check(data: Feed, stateful: bool) -> None:
    """Raises ValueError for batches of less than all samples, and for states carried between batches."""
    if stateful:
        raise ValueError("LBFGS: all samples are one batch, so no state is carried to a next one; use stateful=False")
    if not isinstance(data, ArrayFeed):
        raise ValueError("LBFGS: needs all samples at once, in arrays; or use another optimizer")
    if data.rows < data.size:
        raise ValueError(
            f"LBFGS: expected all {data.size} samples in one batch, got batch_size {data.rows}; "
            f"call fit(x, y, batch_size={data.size}), or use another optimizer"
        )


def iterate(net: Compiled, program: Program, samples: int, order: np.ndarray | None) -> None:
    """One iteration; ends the fit if it finds no lower loss. A failure leaves the parameters as they were."""
    optimizer, counters, ranges = cast(LBFGS, net.optimizer), net.counters, net.ranges()
    parameters = Joined([part.of(part.block.values).array for part in ranges])
    gradients = Joined([part.of(part.block.gradients).array for part in ranges])
    slots = {name: Joined([part.of(slot, part.base).array for part in ranges]) for name, slot in net.slots.items()}
    measured: list[tuple[Any, Any]] = []

    def function(point: np.ndarray) -> tuple[float, np.ndarray]:
        """The loss at the point, with the same dropout throughout the iteration."""
        parameters.write(point)
        try:
            program.plan.run(samples, samples, 0, order, None, counters.step, counters.update)
        except DivergenceError:
            if not measured:
                raise
            return math.inf, point
        loss = program.last()["loss"]
        if not measured:  # an epoch's values are those at its start
            measured.extend((meter, meter.measured) for meter in program.meters.values())
        return loss, gradients.read().astype(np.float64)

    before = parameters.read()
    after, count = before, counters.update
    places = [(count - i) % optimizer.memory for i in range(1, min(count, optimizer.memory) + 1)]
    pairs = [(slots[f"step_{i}"].read(), slots[f"turn_{i}"].read()) for i in places]
    try:
        after, turn = optimizer.iterate(function, before, pairs)
    finally:
        parameters.write(after)
        for meter, figures in measured:
            meter.measured = figures
    slots[f"step_{count % optimizer.memory}"].write(after - before)
    slots[f"turn_{count % optimizer.memory}"].write(turn)
    net.stop_training |= after is before
    counters.count_steps(1)
