"""The programs of a network: what is emitted to train, evaluate, predict and classify, and the pool of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastnn import checks, kernels, metrics
from fastnn.assembly import below
from fastnn.lowering import Buffer, Call, Lowering, Value, Weight
from fastnn.port import Port
from fastnn.program import Program
from fastnn.tensor import Tensor

if TYPE_CHECKING:
    from fastnn.network import Network
    from fastnn.weights import Blocks

#: Rows that predict, classify and evaluate run at once, unless told otherwise.
CHUNK = 512


class Snapshot:
    """A copy of a network's parameters, and their packed forms."""

    def __init__(self, blocks: Blocks) -> None:
        self.blocks = blocks
        self.copies = {block: Tensor(block.shape) for block in blocks.bases}
        self.weights = {
            name: Weight(block.view(self.copies[block], key)) for name, (block, key) in blocks.places.items()
        }
        self.panels: dict[Tensor, kernels.Packed] = {}
        self.take()

    def take(self) -> None:
        """Copies and packs the parameters as they are now."""
        for block, copy in self.copies.items():
            copy.array[...] = block.values.array
        for packed in self.panels.values():
            packed()


def rows_of(batch_size: int | None, samples: int) -> int:
    """The rows of a run: as asked for or as fastnn chooses, and no more than there are."""
    return min(CHUNK if batch_size is None else checks.integer("batch_size", batch_size), samples)


def lower(net: Network, kind: str, labels: int, rows: int, snapshot: Snapshot | None = None) -> Program:
    """The program of a kind, "train", "evaluate", "predict" or "classify", for up to that many rows.

    labels: a bit for each output whose targets are class numbers. snapshot: what takes the place of the network's
    parameters. Raises ValueError where the loss, a metric or the kind does not fit the layers.
    """
    weights, panels = (net.blocks.weights, None) if snapshot is None else (snapshot.weights, snapshot.panels)
    if kind == "train":
        held = {weights[name]: Weight(weights[name].value) for name in below(weights, net.frozen)}
        weights = {name: held.get(weight, weight) for name, weight in weights.items()}
    plan = Lowering(rows, weights, training=kind == "train", seed=net.seed, panels=panels)
    x = [
        Port(_called("x", net.graph.inputs, i), math.prod(features)) for i, features in enumerate(net.features)
    ]
    values = [Value(Buffer(port.columns), trains=False) for port in x]
    for port, value in zip(x, values, strict=True):
        plan.emit(kernels.Gather, port, value.buffer, check="unchecked" if kind == "predict" else "finite")
    measures = kind in ("train", "evaluate")
    fused = [head.loss.ending for head in net.heads] if measures else []
    outputs = net.graph.lower(plan, values, weights, net.features, fused)
    if not measures:
        with plan.named(kind):
            return Program(kind, 0, plan.assemble([*x, *_results(net, plan, kind, outputs)], []))
    meters, targets = _measure(net, plan, kind, labels, outputs)
    kept = _update(net, plan) if kind == "train" else []
    assembled = plan.assemble([*x, *targets], kept)
    weights_of = {f"{head.output}_loss": head.weight for head in net.heads} if len(net.heads) > 1 else {}
    return Program(kind, labels, assembled, {name: call.made for name, call in meters.items()}, weights_of)


def _called(what: str, names: Sequence[str], index: int) -> str:
    """What errors call the array for an input or output."""
    return what if len(names) == 1 else f"{what}[{names[index]!r}]"


def _results(net: Network, plan: Lowering, kind: str, outputs: list[Value]) -> list[Port]:
    """Emits what leaves the plan."""
    ports = []
    for i, output in enumerate(outputs):
        out = Port(_called("out", net.graph.output_names, i), output.columns if kind == "predict" else 1)
        loss = net.heads[i].loss if net.heads else None
        result = plan.read(output).buffer if kind == "predict" else metrics.classes(plan, output, loss)
        plan.emit(kernels.Scatter, result, out)
        ports.append(out)
    return ports


def _measure(
    net: Network, plan: Lowering, kind: str, labels: int, outputs: list[Value]
) -> tuple[dict[str, Call], list[Port]]:
    """Emits the losses and the metrics, in this order for each output; and where their targets enter."""
    calls, ports, names = {}, [], net.graph.output_names
    for i, (head, output) in enumerate(zip(net.heads, outputs, strict=True)):
        prefix = "" if len(names) == 1 else f"{head.output}_"
        with plan.named(f"{kind} {head.output}" if prefix else kind):
            target = head.loss.target(plan, output.columns, bool(labels >> i & 1), _called("y", names, i))
            calls[f"{prefix}loss"] = head.loss.lower(plan, output, target)
            if plan.training and head.weight != 1:
                plan.scale_gradient(output, head.weight)
            for name in head.metrics:
                calls[f"{prefix}{name}"] = metrics.resolve(name)(plan, output, target, head.loss)
        ports.append(target.port)
    return calls, ports


def _update(net: Network, plan: Lowering) -> list[Tensor]:
    """Emits the backward phase and the update of each range; returns what they change for good."""
    assert net.optimizer is not None
    plan.run_backward()
    with plan.named(type(net.optimizer).__name__):
        for part in net.ranges():
            values, gradients = part.of(part.block.values), part.of(part.block.gradients)
            slots = {name: part.of(slot, part.base) for name, slot in net.slots.items()}
            net.optimizer.lower(plan, values, gradients, slots)
    blocks = [tensor for block in net.blocks.bases for tensor in (block.values, block.gradients)]
    return [*blocks, *net.slots.values()]
