"""CustomPass: a forward pass and its backward pass as two plans on one arena."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn import kernels
from fastnn.engine.plan import Plan
from fastnn.engine.port import Port
from fastnn.engine.tensor import Tensor
from fastnn.lowering.call import Buffer
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value
from fastnn.model import update
from fastnn.model.build_program import features_of, trained_weights
from fastnn.model.compiled import Compiled
from fastnn.model.entry import Entry, input_gradients, leave, title
from fastnn.model.request import Request
from fastnn.optimizers import FirstOrder


class CustomPass:
    """Passes over up to `rows` rows, whose buffers live from forward to backward.

    features, shapes: of the inputs and outputs. waiting: rows of the forward pass that no backward pass has used yet.
    ports: of x, y and, where requested, lengths. ending: the ops of the backward pass alone; after them come, for an
    optimizer that makes single steps, the update and the zeroing of the gradients.
    """

    def __init__(self, net: Compiled, rows: int, request: Request) -> None:
        self.rows, self.request, self.waiting, self.step = rows, request, 0, 0
        weights = trained_weights(net)
        lowering = Lowering(rows, weights, training=True, seed=net.seed, accumulates=True)
        features = features_of(net, request)
        self.features, self.shapes = features, net.graph.output_shapes(features)
        entry = Entry(net.graph, lowering, features, request, gradients=True)
        outputs = net.graph.lower(lowering, entry.values, weights, features)
        outputs = [lowering.read(output) for output in outputs]
        with lowering.named("forward"):
            y = leave(lowering, "y", net.graph.output_names, [output.buffer for output in outputs])
        end = len(lowering.calls)
        with lowering.named("backward"):
            self.dy = [
                _gradient_of(lowering, output, title("dy", net.graph.output_names, i))
                for i, output in enumerate(outputs)
            ]
        lowering.run_backward()
        with lowering.named("backward"):
            self.dx = leave(lowering, "dx", net.graph.inputs, input_gradients(lowering, entry.inputs))
        lowering.run_closing()
        self.ports = [*entry.ports, *y, *entry.lengths]
        self.ending = len(lowering.calls) - end
        if isinstance(net.optimizer, FirstOrder):
            update.penalize(lowering, net.blocks.each, None)
            update.update(lowering, net.optimizer, net.spans(), net.blocks.each)
            with lowering.named("zero_grad"):
                for gradients in net.blocks.flat_gradients:
                    lowering.emit(kernels.Zero, gradients)
        flats = [(block.gradients, block.statistics, block.values) for block in net.blocks.bases]
        kept = [*(flat for each in flats for flat in each), *net.slots.values()]
        parts: list[tuple[int, list[Port], list[Tensor]]] = [
            (end, self.ports, []),
            (len(lowering.calls), [*self.dy, *self.dx], kept),
        ]
        self.ahead, self.back = lowering.assemble_parts(parts)

    def forward(self, x: list[np.ndarray], others: list[np.ndarray], step: int) -> None:
        """The outputs for x into the first of the others, then the lengths. step: the position of random numbers."""
        self.waiting = 0
        _run(self.ahead, step, self.ports, [*x, *others])
        self.waiting, self.step = len(x[0]), step

    def backward(self, dy: list[np.ndarray], dx: list[np.ndarray], parameters: bool, number: int) -> None:
        """dx = the gradients with respect to x; those of the parameters are added to theirs. number: of the update."""
        self.back.inputs_only = not parameters
        self.back.limit(self.ending)
        _run(self.back, self.step, [*self.dy, *self.dx], [*dy, *dx], update=number)
        self.waiting = 0

    def update(self, dy: list[np.ndarray], dx: list[np.ndarray], rates: np.ndarray, number: int) -> None:
        """The same with an update by all gradients, which are zero afterwards."""
        self.back.inputs_only = False
        self.back.limit(len(self.back.ops))
        _run(self.back, self.step, [*self.dy, *self.dx], [*dy, *dx], rates=rates, update=number)
        self.waiting = 0


def _gradient_of(lowering: Lowering, output: Value, name: str) -> Port:
    """Emits the gather of the gradient with respect to an output; returns where it enters."""
    steps = output.buffer.steps
    port = Port(name, output.columns * output.buffer.times)
    entry = Buffer(port.columns)
    lowering.emit(kernels.Gather, port, entry, output.buffer.lengths, width=port.columns // output.buffer.times)
    output.gradient = lowering.parted(entry, steps)
    lowering.apply_derivative(output)
    return port


def _run(plan: Plan, step: int, ports: list[Port], attached: list[np.ndarray], **update: Any) -> None:
    """One run over all rows, with these arrays attached."""
    try:
        for port, array in zip(ports, attached, strict=True):
            port.attach(array)
        rows = len(attached[0])
        plan.run(rows, rows, step=step, pause=0, **update)
    finally:
        for port in ports:
            port.detach()
