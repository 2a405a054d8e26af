"""The programs of a network: what is emitted to train, evaluate, predict and classify, and the pool of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING

from fastnn import checks, kernels, losses
from fastnn import metrics as measures
from fastnn.lowering import Buffer, Call, Lowering, Value, Weight
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
    """A copy of a network's parameters and statistics, and what is derived from it: their packed forms, say."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self.values, self.statistics = Tensor(parameters.shape), Tensor(parameters.statistics.shape)
        self.weights = {
            name: Weight(parameters.view(self.statistics if wanted.statistic else self.values, name))
            for name, wanted in parameters.wanted.items()
        }
        self.derived: dict[Hashable, Callable[[], None]] = {}
        self.take()

    def take(self) -> None:
        """Copies the parameters and statistics as they are now, and derives anew."""
        self.values.array[...] = self.parameters.values.array
        self.statistics.array[...] = self.parameters.statistics.array
        for derive in self.derived.values():
            derive()


def rows_of(batch_size: int | None, samples: int) -> int:
    """The rows of a run: as asked for or as fastnn chooses, and no more than there are."""
    return min(CHUNK if batch_size is None else checks.integer("batch_size", batch_size), samples)


def lower(net: Network, kind: str, labels: bool, rows: int, frozen: Snapshot | None = None) -> Program:
    """The program of a kind for up to that many rows.

    "train", "gradient" (without the update, and with the input's gradient), "update" (alone), "evaluate", "predict" or
    "classify". frozen: what takes the place of the network's parameters. Raises ValueError where the loss, a metric or
    the kind does not fit the layers.
    """
    assert net.input_shape is not None
    if kind == "update":
        plan = Lowering(1, {})
        kept = _update(net, plan)
        return Program(kind, labels, plan.assemble([], kept), None)
    weights, derived = (net.built.weights, None) if frozen is None else (frozen.weights, frozen.derived)
    plan = Lowering(rows, weights, training=kind in ("train", "gradient"), seed=net.seed, derived=derived)
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
    if kind == "train":
        plan.run_closing()
        kept = [*_update(net, plan), net.built.statistics]
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
    with plan.named(type(net.optimizer).__name__):
        net.optimizer.lower(plan, net.built.values, net.built.gradients, net.slots)
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
        plan.run_closing()
    parts = [(end, [x, y], []), (len(plan.calls), [dy, dx], [net.built.gradients, net.built.statistics])]
    return plan.assemble_parts(parts), [x, y, dy, dx]


def _measure(net: Network, plan: Lowering, output: Value, target: losses.Target) -> dict[str, Call]:
    """Emits the loss and the metrics."""
    loss = net.compiled
    calls = {"loss": loss.lower(plan, output, target)}
    for name in net.metrics:
        calls[name] = measures.resolve(name)(plan, output, target, loss)
    return calls
