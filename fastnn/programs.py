"""The programs of a network: what is emitted to train, evaluate, predict and classify, and the pool of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fastnn import checks, kernels, losses, updates
from fastnn import metrics as measures
from fastnn.lowering import Buffer, Call, Lowering, Value, Weight
from fastnn.optimizers import Span
from fastnn.plan import Plan
from fastnn.port import Port
from fastnn.program import Program
from fastnn.tensor import Tensor

if TYPE_CHECKING:
    from fastnn.network import Network
    from fastnn.weights import Parameters

#: Rows that predict, classify and evaluate run at once, unless told otherwise.
CHUNK = 512


class Snapshot:
    """A copy of a network's parameters, and their packed forms."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self.values = Tensor(parameters.shape)
        self.weights = {name: Weight(parameters.view(self.values, name)) for name in parameters.wanted}
        self.panels: dict[Tensor, kernels.Packed] = {}
        self.take()

    def take(self) -> None:
        """Copies and packs the parameters as they are now."""
        self.values.array[...] = self.parameters.values.array
        for packed in self.panels.values():
            packed()


def rows_of(batch_size: int | None, samples: int) -> int:
    """The rows of a run: as asked for or as fastnn chooses, and no more than there are."""
    return min(CHUNK if batch_size is None else checks.integer("batch_size", batch_size), samples)


def lower(net: Network, kind: str, labels: bool, rows: int, frozen: Snapshot | None = None) -> Program:
    """The program of a kind for up to that many rows.

    "train", "descent" (without the update, for an optimizer that makes it itself), "gradient" (without the update, and
    with the input's gradient), "update" (alone), "evaluate", "predict" or "classify". frozen: what takes the place of
    the network's parameters. Raises ValueError where the loss, a metric or the kind does not fit the layers.
    """
    assert net.input_shape is not None
    if kind == "update":
        plan = Lowering(1, net.built.weights, training=True)
        updates.penalize(plan, net.built.wanted, None)
        kept = _update(net, plan)
        return Program(kind, labels, plan.assemble([], kept), None)
    weights, panels = (net.built.weights, None) if frozen is None else (frozen.weights, frozen.panels)
    plan = Lowering(rows, weights, training=kind in ("train", "descent", "gradient"), seed=net.seed, panels=panels)
    x = Port("x", math.prod(net.input_shape))
    value = Value(Buffer(x.columns), trains=kind == "gradient")
    plan.emit(kernels.Gather, x, value.buffer, check="unchecked" if kind == "predict" else "finite")
    output = net.lower(plan, value)
    with plan.named(kind):
        if kind in ("predict", "classify"):
            out = Port("out", output.columns if kind == "predict" else 1)
            result = plan.read(output).buffer if kind == "predict" else measures.classes(plan, output, net.loss)
            plan.emit(kernels.Scatter, result, out)
            return Program(kind, labels, plan.assemble([x, out], []), x, out=out)
        target = net.compiled.target(plan, output.columns, labels)
        calls = _measure(net, plan, output, target)
    kept, ports = [], [x, target.port]
    dx: Port | None = None
    if plan.training:
        plan.run_backward()
    updates.penalize(plan, net.built.wanted, calls["loss"])
    if kind == "train":
        kept = _update(net, plan)
    if kind == "gradient":
        kept, dx = [net.built.gradients], Port("dx", x.columns)
        with plan.named(kind):
            plan.emit(kernels.Scatter, value.gradient, dx)
        ports.append(dx)
    assembled = plan.assemble(ports, kept)
    meters = {name: call.made for name, call in calls.items()}
    return Program(kind, labels, assembled, x, target.port, dx, meters=meters)


def _update(net: Network, plan: Lowering) -> list[Tensor]:
    """Emits the optimizer's update; returns what it changes, and the gradients."""
    assert net.optimizer is not None
    span = Span(net.built.values, net.built.gradients, net.slots)
    updates.update(plan, net.optimizer, [span], net.built.wanted)
    return [net.built.values, net.built.gradients, *net.slots.values()]


def lower_loop(net: Network, rows: int) -> tuple[list[Plan], list[Port]]:
    """The plans of a forward and a backward pass on one arena, for up to that many rows; the ports x, y, dy and dx."""
    assert net.input_shape is not None
    plan = Lowering(rows, net.built.weights, training=True, seed=net.seed, accumulates=True)
    size = math.prod(net.input_shape)
    x, dx = Port("x", size), Port("dx", size)
    value = Value(Buffer(size), trains=True)
    plan.emit(kernels.Gather, x, value.buffer)
    output = plan.read(net.lower(plan, value))
    y, dy = Port("y", output.columns), Port("dy", output.columns)
    with plan.named("forward"):
        plan.emit(kernels.Scatter, output.buffer, y)
    end = len(plan.calls)
    with plan.named("backward"):
        plan.emit(kernels.Gather, dy, plan.gradient(output))
        plan.apply_derivative(output)
        plan.run_backward()
        plan.emit(kernels.Scatter, value.gradient, dx)
    parts = [(end, [x, y], []), (len(plan.calls), [dy, dx], [net.built.gradients])]
    return plan.assemble_parts(parts), [x, y, dy, dx]


def _measure(net: Network, plan: Lowering, output: Value, target: losses.Target) -> dict[str, Call]:
    """Emits the loss and the metrics."""
    loss = net.compiled
    calls = {"loss": loss.lower(plan, output, target)}
    for name in net.metrics:
        calls[name] = measures.resolve(name)(plan, output, target, loss)
    return calls
