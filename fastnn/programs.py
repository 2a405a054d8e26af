"""The programs of a network: what is emitted to train, evaluate, predict and classify, and the pool of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING

from fastnn import checks, kernels, metrics, updates
from fastnn.assembly import below
from fastnn.losses.by_hand import gather_weight
from fastnn.lowering import Buffer, Call, Lowering, Value, Weight
from fastnn.optimizers import Span
from fastnn.plan import Plan
from fastnn.port import Port
from fastnn.program import Program
from fastnn.tensor import Tensor

if TYPE_CHECKING:
    from fastnn.network import Network
    from fastnn.weights import Blocks

#: Rows that predict, classify and evaluate run at once, unless told otherwise.
CHUNK = 512


class Snapshot:
    """A copy of a network's parameters and statistics, and what is derived from it: their packed forms, say."""

    def __init__(self, blocks: Blocks) -> None:
        self.blocks = blocks
        flats = [flat for block in blocks.bases for flat in (block.values, block.statistics)]
        self.copies = {flat: Tensor(flat.shape) for flat in flats}
        self.weights = {
            name: Weight(block.view(self.copies[block.flat(key)], key)) for name, (block, key) in blocks.places.items()
        }
        self.derived: dict[Hashable, Callable[[], None]] = {}
        self.take()

    def take(self) -> None:
        """Copies them as they are now, and derives anew."""
        for flat, copy in self.copies.items():
            copy.array[...] = flat.array
        for derive in self.derived.values():
            derive()


def rows_of(batch_size: int | None, samples: int) -> int:
    """The rows of a run: as asked for or as fastnn chooses, and no more than there are."""
    return min(CHUNK if batch_size is None else checks.integer("batch_size", batch_size), samples)


def lower(net: Network, kind: str, labels: int, rows: int, snapshot: Snapshot | None = None) -> Program:
    """The program of a kind for up to that many rows.

    "train", "descent" (without the update, for an optimizer that makes it itself), "gradient" (without the update, and
    with the inputs' gradients, those of frozen layers too), "update" (alone), "evaluate", "predict" or "classify".
    labels: a bit for each output whose targets are class numbers, and after those one where samples have weights, or
    the next one where each position has: they enter last. snapshot: what takes the place of the network's parameters.
    Raises ValueError where the loss, a metric or the kind does not fit the layers.
    """
    if kind == "update":
        plan = Lowering(1, _trained(net), training=True)
        updates.penalize(plan, net.blocks.each, None)
        kept = _update(net, plan)
        return Program(kind, labels, plan.assemble([], kept))
    weights, derived = (net.blocks.weights, None) if snapshot is None else (snapshot.weights, snapshot.derived)
    if kind in ("train", "descent"):
        weights = _trained(net)
    if kind == "descent":
        updates.refuse_max_norm(net.blocks.wanted)
    training = kind in ("train", "descent", "gradient")
    plan = Lowering(rows, weights, training=training, seed=net.seed, derived=derived)
    x, values = _enter(net, plan, kind == "gradient", "unchecked" if kind == "predict" else "finite")
    if kind in ("predict", "classify"):
        outputs = net.graph.lower(plan, values, weights, net.features)
        with plan.named(kind):
            return Program(kind, labels, plan.assemble([*x, *_results(net, plan, kind, outputs)], []))
    outputs = net.graph.lower(plan, values, weights, net.features, [head.loss.fused for head in net.heads])
    meters, ports = _measure(net, plan, kind, labels, outputs)
    weights_of = {f"{head.output}_loss": head.weight for head in net.heads} if len(net.heads) > 1 else {}
    if weights_of and updates.penalized(net.blocks.wanted):
        meters["penalty"], weights_of["penalty"] = plan.emit(kernels.Penalties), 1.0
    ports, kept = [*x, *ports], []
    if plan.training:
        plan.run_backward()
    updates.penalize(plan, net.blocks.each, meters.get("penalty", meters.get("loss")))
    if kind in ("train", "descent"):
        plan.run_closing()
    if kind == "train":
        kept = _update(net, plan)
    if kind == "gradient":
        kept = [block.gradients for block in net.blocks.bases]
        with plan.named(kind):
            ports += _leave(plan, "dx", net.graph.inputs, [value.gradient for value in values])
    assembled = plan.assemble(ports, kept)
    return Program(kind, labels, assembled, {name: call.made for name, call in meters.items()}, weights_of)


def lower_loop(net: Network, rows: int) -> tuple[list[Plan], list[list[Port]]]:
    """The plans of a forward and a backward pass on one arena, for up to that many rows; the ports x, y, dy and dx."""
    weights = _trained(net)
    plan = Lowering(rows, weights, training=True, seed=net.seed, accumulates=True)
    x, values = _enter(net, plan, True, "finite")
    outputs = [plan.read(output) for output in net.graph.lower(plan, values, weights, net.features)]
    names = net.graph.output_names
    with plan.named("forward"):
        y = _leave(plan, "y", names, [output.buffer for output in outputs])
    end = len(plan.calls)
    dy = [Port(_called("dy", names, i), output.columns) for i, output in enumerate(outputs)]
    with plan.named("backward"):
        for port, output in zip(dy, outputs, strict=True):
            plan.emit(kernels.Gather, port, plan.gradient(output))
            plan.apply_derivative(output)
    plan.run_backward()
    with plan.named("backward"):
        dx = _leave(plan, "dx", net.graph.inputs, [value.gradient for value in values])
    plan.run_closing()
    kept = [flat for block in net.blocks.bases for flat in (block.gradients, block.statistics)]
    parts: list[tuple[int, list[Port], list[Tensor]]] = [(end, [*x, *y], []), (len(plan.calls), [*dy, *dx], kept)]
    return plan.assemble_parts(parts), [x, y, dy, dx]


def _trained(net: Network) -> dict[str, Weight]:
    """The parameters, those of frozen layers without a gradient."""
    weights = net.blocks.weights
    held = {weights[name]: Weight(weights[name].value) for name in below(weights, net.frozen)}
    return {name: held.get(weight, weight) for name, weight in weights.items()}


def _enter(net: Network, plan: Lowering, trains: bool, check: str) -> tuple[list[Port], list[Value]]:
    """Emits the gather of each input. trains: whether their gradients are wanted."""
    sizes = [math.prod(features) for features in net.features]
    ports = [Port(_called("x", net.graph.inputs, i), size) for i, size in enumerate(sizes)]
    values = [Value(Buffer(size), trains) for size in sizes]
    for port, value in zip(ports, values, strict=True):
        plan.emit(kernels.Gather, port, value.buffer, check=check)
    return ports, values


def _leave(plan: Lowering, what: str, names: Sequence[str], buffers: Sequence[Buffer | None]) -> list[Port]:
    """Emits the scatter of each buffer."""
    ports = []
    for i, buffer in enumerate(buffers):
        assert buffer is not None
        ports.append(Port(_called(what, names, i), buffer.columns))
        plan.emit(kernels.Scatter, buffer, ports[-1])
    return ports


def _called(what: str, names: Sequence[str], index: int) -> str:
    """What errors call the array for an input or output."""
    return what if len(names) == 1 else f"{what}[{names[index]!r}]"


def _results(net: Network, plan: Lowering, kind: str, outputs: list[Value]) -> list[Port]:
    """Emits what `predict` or `classify` returns."""
    if kind == "predict":
        results = [plan.read(output).buffer for output in outputs]
    else:
        criteria = [head.loss for head in net.heads] if net.heads else [None] * len(outputs)
        results = [metrics.classes(plan, *each) for each in zip(outputs, criteria, strict=True)]
    return _leave(plan, "out", net.graph.output_names, results)


def _measure(
    net: Network, plan: Lowering, kind: str, labels: int, outputs: list[Value]
) -> tuple[dict[str, Call], list[Port]]:
    """Emits the losses and the metrics, in this order for each output; and where their targets enter."""
    calls, ports, names = {}, [], net.graph.output_names
    entry, weight = None, None
    if weighted := labels >> len(names):
        entry, weight = gather_weight(plan, 1 if weighted == 1 else outputs[0].positions)
    for i, (head, output) in enumerate(zip(net.heads, outputs, strict=True)):
        prefix = "" if len(names) == 1 else f"{head.output}_"
        with plan.named(f"{kind} {head.output}" if prefix else kind):
            target = head.loss.target(plan, output, bool(labels >> i & 1), weight, _called("y", names, i))
            calls[f"{prefix}loss"] = head.loss.lower(plan, output, target)
            if plan.training and head.weight != 1:
                plan.scale_gradient(output, head.weight)
            for name in head.metrics:
                calls[f"{prefix}{name}"] = metrics.resolve(name)(plan, output, target, head.loss)
        ports.append(target.port)
    return calls, ports if entry is None else [*ports, entry]


def _update(net: Network, plan: Lowering) -> list[Tensor]:
    """Emits the optimizer's update of each range; returns what it changes, and the gradients."""
    assert net.optimizer is not None
    spans = []
    for part in net.ranges():
        slots = {name: part.of(slot, part.base) for name, slot in net.slots.items()}
        spans.append(Span(part.of(part.block.values), part.of(part.block.gradients), slots))
    updates.update(plan, net.optimizer, spans, net.blocks.each)
    blocks = [flat for block in net.blocks.bases for flat in (block.values, block.statistics, block.gradients)]
    return [*blocks, *net.slots.values()]
