"""The plans of a network: what is emitted to train, evaluate, predict and classify, and how a run uses it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import checks, kernels, losses
from fastnn import metrics as measures
from fastnn.callbacks import Logs
from fastnn.lowering import Buffer, Call, Lowering, Value, Weight
from fastnn.plan import Plan
from fastnn.port import Port
from fastnn.tensor import Tensor

if TYPE_CHECKING:
    from fastnn.network import Network
    from fastnn.optimizers import Optimizer
    from fastnn.weights import Parameters

#: Rows that predict, classify and evaluate run at once, unless told otherwise.
CHUNK = 512


@dataclass(eq=False, repr=False)
class Program:
    """A plan of a network, and where its arrays and figures are. key: its kind and whether it takes labels."""

    key: tuple[str, bool]
    plan: Plan
    x: Port
    y: Port | None = None
    out: Port | None = None
    meters: dict[str, Any] = field(default_factory=dict)
    rates: np.ndarray = field(default_factory=lambda: np.empty(0))

    def attach(self, x: np.ndarray, y: np.ndarray | None = None, out: np.ndarray | None = None) -> None:
        """Binds the user's arrays."""
        for port, array in ((self.x, x), (self.y, y), (self.out, out)):
            if port is not None and array is not None:
                port.attach(array)
        for port in (self.y, self.out):  # one of them may have been resized since it was checked
            if port is not None and port.rows != self.x.rows:
                raise ValueError(f"{port.name}: {port.rows} rows for {self.x.rows} samples")

    def detach(self) -> None:
        """Lets go of them."""
        for port in self.plan.ports:
            port.detach()

    def run_all(self, samples: int, rows: int) -> None:
        """Runs over all samples, returning now and then so that signals are seen."""
        done = 0
        while done < samples:
            done = self.plan.run(samples, rows, done)

    def rates_for(self, steps: int, optimizer: Optimizer) -> np.ndarray:
        """The learning rate for each of the next steps, at least that many."""
        if len(self.rates) < steps or self.rates[0] != optimizer.learning_rate:
            optimizer.check()
            self.rates = np.full(max(steps, len(self.rates)), optimizer.learning_rate, np.float64)
        return self.rates

    def reset(self) -> None:
        """Begins to measure anew."""
        for meter in self.meters.values():
            meter.reset()

    def means(self) -> Logs:
        """The loss and the metrics since `reset`."""
        return {name: meter.mean for name, meter in self.meters.items()}

    def last(self) -> Logs:
        """The loss and the metrics of the last step."""
        return {name: meter.last for name, meter in self.meters.items()}


class Pool:
    """The programs that a network keeps between its runs."""

    def __init__(self) -> None:
        self.free: dict[tuple[str, bool], list[Program]] = {}

    def lease(self, net: Network, kind: str, rows: int, labels: bool = False) -> Program:
        """A program of at least that many rows for one run: a kept one, or a clone while that is in use."""
        try:
            program = self.free[kind, labels].pop()  # one step: another thread may be at it too
        except (KeyError, IndexError):
            return lower(net, kind, labels, rows)
        if program.plan.capacity < rows:
            del program  # frees the old arena before the new one is made
            return lower(net, kind, labels, rows)
        return program

    def give_back(self, program: Program) -> None:
        """Keeps a leased program for the next run."""
        program.detach()
        self.free.setdefault(program.key, []).append(program)

    def clear(self) -> None:
        """Forgets them all."""
        self.free.clear()


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
    """The program of a kind, "train", "evaluate", "predict" or "classify", for up to that many rows.

    frozen: what takes the place of the network's parameters. Raises ValueError where the loss, a metric or the kind does not fit the layers.
    """
    assert net.input_shape is not None
    weights, panels = (net.built.weights, None) if frozen is None else (frozen.weights, frozen.panels)
    plan = Lowering(rows, weights, training=kind == "train", seed=net.seed, panels=panels)
    x = Port("x", math.prod(net.input_shape))
    value = Value(Buffer(x.columns), trains=False)
    plan.emit(kernels.Gather, x, value.buffer, check="unchecked" if kind == "predict" else "finite")
    output = net.lower(plan, value)
    with plan.named(kind):
        if kind in ("predict", "classify"):
            out = Port("out", output.columns if kind == "predict" else 1)
            result = plan.read(output).buffer if kind == "predict" else measures.classes(plan, output, net.loss)
            plan.emit(kernels.Scatter, result, out)
            return Program((kind, labels), plan.assemble([x, out], []), x, out=out)
        target = net.compiled.target(plan, output.columns, labels)
        calls = _measure(net, plan, output, target)
    kept: list[Tensor] = []
    if kind == "train":
        assert net.optimizer is not None
        plan.run_backward()
        with plan.named(type(net.optimizer).__name__):
            net.optimizer.lower(plan, net.built.values, net.built.gradients, net.slots)
        kept = [net.built.values, net.built.gradients, *net.slots.values()]
    assembled = plan.assemble([x, target.port], kept)
    meters = {name: call.made for name, call in calls.items()}
    return Program((kind, labels), assembled, x, target.port, meters=meters)


def _measure(net: Network, plan: Lowering, output: Value, target: losses.Target) -> dict[str, Call]:
    """Emits the loss and the metrics."""
    loss = net.compiled
    calls = {"loss": loss.lower(plan, output, target)}
    for name in net.metrics:
        calls[name] = measures.resolve(name)(plan, output, target, loss)
    return calls
