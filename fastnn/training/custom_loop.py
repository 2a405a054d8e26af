"""The low-level loop: forward, backward and step one by one, arrays in, arrays out, for what `fit` is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.common import checks
from fastnn.data import arrays
from fastnn.engine.plan import Plan
from fastnn.engine.port import Port
from fastnn.model.build_program import Given, lower_loop
from fastnn.model.objectives import one_or_all

if TYPE_CHECKING:
    from fastnn.network import Network


class Loop:
    """The two parts of a training pass over up to `rows` rows, whose buffers live from one to the other.

    waiting: rows of the forward pass that no backward pass has used yet. given: what comes beside x.
    """

    def __init__(self, net: Network, rows: int, given: Given) -> None:
        self.rows, self.given, self.waiting, self.step = rows, given, 0, 0
        (self.ahead, self.back), (self.ports, self.dy, self.dx) = lower_loop(net, rows, given)

    def forward(self, x: list[np.ndarray], others: list[np.ndarray], step: int) -> None:
        """The outputs for x into the first of the others, then come lengths. step: the position of random numbers."""
        self.waiting = 0
        _run(self.ahead, step, self.ports, [*x, *others])
        self.waiting, self.step = len(x[0]), step

    def backward(self, dy: list[np.ndarray], dx: list[np.ndarray], parameters: bool) -> None:
        """dx = the gradients with respect to x; those of the parameters are added to theirs."""
        self.back.inputs_only = not parameters
        _run(self.back, self.step, [*self.dy, *self.dx], [*dy, *dx])
        self.waiting = 0


def _run(plan: Plan, step: int, ports: list[Port], attached: list[np.ndarray]) -> None:
    """One run over all rows, with these arrays attached."""
    try:
        for port, array in zip(ports, attached, strict=True):
            port.attach(array)
        rows = len(attached[0])
        plan.run(rows, rows, step=step, pause=0)
    finally:
        for port in ports:
            port.detach()


def forward(net: Network, x: Any, training: bool = False, lengths: Any = None) -> Any:
    """The outputs for x (batch, ...), float32 (batch, ...); for several inputs and outputs as `predict`.

    With training, as training sees them (dropout acts, with other random numbers each time), and `backward` may follow;
    `predict` and the like in between do not disturb it. Without, the same as `predict`. lengths: as there.
    Raises ValueError and TypeError for an x that does not fit or, with training, is not finite.
    """
    if not checks.flag("training", training):
        return net.predict(x, lengths=lengths)
    x, shapes = net.samples(x)
    rows = len(x[0])
    ends = [] if lengths is None else [arrays.lengths(lengths, rows)]
    given = Given.LENGTHS if ends else Given(0)
    with net.guard.changing("forward"), net.built_for(x):
        if net.loop is None or net.loop.rows < rows or net.loop.given != given:
            net.loop = None  # frees the old arena before the new one is made
            net.loop = Loop(net, rows, given)
        loop = net.loop
        y = [np.empty((rows, *shape), np.float32) for shape in shapes]
        loop.forward(x, [*y, *ends], net.counters["step"])
        net.counters["step"] += 1
        return one_or_all(net.graph.output_names, y)


def backward(net: Network, dy: Any, parameters: bool = True) -> Any:
    """The gradient with respect to the input of the last training `forward`, float32, for dy, that of its output.

    For several outputs dy is a list, a tuple or a dict by name; for several inputs the result is a dict by name.
    The gradients of the parameters are added to `net.gradients`, and running statistics (of BatchNorm) are taken on;
    with parameters=False they stay as they are.
    Raises RuntimeError unless exactly one training forward came before it, ValueError and TypeError for a dy that does
    not fit that, or is not finite: then the forward still waits for its backward.
    """
    checks.flag("parameters", parameters)
    with net.guard.changing("backward"):
        loop = net.loop
        if loop is None or not loop.waiting:
            raise RuntimeError("backward: call forward(x, training=True) first, once for each backward")
        found, parts = [], arrays.parted("dy", dy, net.graph.output_names)
        for given, shape, port in zip(parts, net.shapes, loop.dy, strict=True):
            array = arrays.numbers(port.name, given)
            wanted = (loop.waiting, *shape)
            if array.shape != wanted:
                raise ValueError(
                    f"{port.name}: expected {wanted}, the shape of the last training forward, got {array.shape}"
                )
            found.append(arrays.ready(array))
        dx = [np.empty((loop.waiting, *shape), np.float32) for shape in net.features]
        loop.backward(found, dx, parameters)
        return one_or_all(net.graph.inputs, dx)


def step(net: Network) -> None:
    """One update of the parameters by the compiled optimizer: the gradients, with those of penalties, as clipped.

    Raises RuntimeError before the network is compiled and built.
    """
    assert net.compiled and net.blocks and net.optimizer
    with net.guard.changing("step"):
        program = net.pool.lease(net, "update", 1)
        try:
            rates = program.rates_for(1, net.optimizer, net.counters)
            program.plan.run(1, 1, rates=rates, step=net.counters["step"], update=net.counters["update"], pause=0)
            net.counters["update"] += 1
        finally:
            net.pool.give_back(program)


def zero_grad(net: Network) -> None:
    """Sets all gradients to zero. Raises RuntimeError before the network is built."""
    with net.guard.changing("zero_grad"):
        for block in net.blocks.bases:
            block.gradients.array[...] = 0
