"""The programs of a network: what is emitted to train, evaluate, predict and classify, and the pool of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from enum import IntFlag
from typing import TYPE_CHECKING

from fastnn import kernels, metrics
from fastnn.common import checks
from fastnn.engine.plan import Plan
from fastnn.engine.port import Port
from fastnn.engine.tensor import Tensor
from fastnn.losses.eager import gather_weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.values import Buffer, Call, Value, Weight
from fastnn.model import update
from fastnn.model.assembly import below
from fastnn.model.program import Program
from fastnn.optimizers import Span

if TYPE_CHECKING:
    from fastnn.model.parameters import Blocks
    from fastnn.network import Network

Shape = tuple[int, ...]

#: Rows that predict, classify and evaluate run at once, unless told otherwise.
CHUNK = 512


class Given(IntFlag):
    """What is given beside inputs and targets, and enters after them in this order."""

    WEIGHTS = 1  # of each sample
    WEIGHTS_OF_POSITIONS = 2
    LENGTHS = 4
    STATE = 8  # nothing enters: recurrent layers go on from the batch before


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


def rows_of(batch_size: int | None, samples: int, stateful: bool = False) -> int:
    """The rows of a run: as asked for or as fastnn chooses, and no more than there are.

    Raises ValueError where states are to be carried and not all runs have as many.
    """
    if checks.flag("stateful", stateful):
        if batch_size is None:
            raise ValueError("stateful: give the batch_size, which is how many streams there are")
        if samples % checks.integer("batch_size", batch_size):
            raise ValueError(f"stateful: {samples} samples are no whole number of batches of {batch_size} streams")
    return min(CHUNK if batch_size is None else checks.integer("batch_size", batch_size), samples)


def lower(net: Network, kind: str, labels: int, rows: int, snapshot: Snapshot | None = None) -> Program:
    """The program of a kind for up to that many rows.

    "train", "descent" (without the update, for an optimizer that makes it itself), "gradient" (without the update, and
    with the inputs' gradients, those of frozen layers too), "update" (alone), "evaluate", "predict" or "classify".
    labels: a bit for each output whose targets are class numbers, and after those what `Given` says. snapshot: what
    takes the place of the network's parameters.
    Raises ValueError where the loss, a metric or the kind does not fit the layers.
    """
    if kind == "update":
        plan = Lowering(1, _trained(net), training=True)
        update.penalize(plan, net.blocks.each, None)
        kept = _update(net, plan)
        return Program(kind, labels, plan.assemble([], kept))
    weights, derived = (net.blocks.weights, None) if snapshot is None else (snapshot.weights, snapshot.derived)
    if kind in ("train", "descent"):
        weights = _trained(net)
    if kind == "descent":
        update.refuse_max_norm(net.blocks.wanted)
    training = kind in ("train", "descent", "gradient")
    plan = Lowering(rows, weights, training=training, seed=net.seed, derived=derived)
    given = Given(labels >> len(net.graph.outputs))
    lengths = _lengths(net, plan) if given & Given.LENGTHS else []
    if given & Given.STATE:
        plan.states = []
        if not net.graph.recurrent:
            raise ValueError("stateful: no layer of the network is recurrent, so there is no state to carry")
    x, values, flowing = _enter(
        net, plan, net.features, kind == "gradient", "unchecked" if kind == "predict" else "finite"
    )
    if kind in ("predict", "classify"):
        outputs = net.graph.lower(plan, flowing, weights, net.features)
        with plan.named(kind):
            ports = [*x, *_results(net, plan, kind, outputs), *lengths]
        plan.run_closing()
        return Program(kind, labels, plan.assemble(ports, []), states=plan.states)
    outputs = net.graph.lower(plan, flowing, weights, net.features, [head.loss.fused for head in net.heads])
    meters, ports = _measure(net, plan, kind, labels, outputs)
    weights_of = {f"{head.output}_loss": head.weight for head in net.heads} if len(net.heads) > 1 else {}
    if weights_of and update.penalized(net.blocks.wanted):
        meters["penalty"], weights_of["penalty"] = plan.emit(kernels.Penalties), 1.0
    ports, kept = [*x, *ports, *lengths], []
    if plan.training:
        plan.run_backward()
    update.penalize(plan, net.blocks.each, meters.get("penalty", meters.get("loss")))
    if kind != "gradient":
        plan.run_closing()
    if kind == "train":
        kept = _update(net, plan)
    if kind == "gradient":
        kept = [block.gradients for block in net.blocks.bases]
        with plan.named(kind):
            ports += _leave(plan, "dx", net.graph.inputs, _gradients(plan, values))
    assembled = plan.assemble(ports, kept)
    measured = {name: call.made for name, call in meters.items()}
    return Program(kind, labels, assembled, measured, weights_of, plan.states)


def lower_stream(net: Network, rows: int, snapshot: Snapshot) -> tuple[Program, Shape]:
    """The program of one time step for so many streams, and the shape of what it gives.

    Raises ValueError for a network that cannot go step by step.
    """
    if not net.graph.recurrent:
        raise ValueError("freeze: no layer of the network is recurrent; without streaming=True it is a function")
    plan = Lowering(rows, snapshot.weights, seed=net.seed, derived=snapshot.derived, states=[], stepping=True)
    x, _, flowing = _enter(net, plan, [(1, *net.input_shape[1:])], False, "unchecked")
    outputs = net.graph.lower(plan, flowing, snapshot.weights, net.features)
    shape = net.output_shape if outputs[0].buffer.steps is None else net.output_shape[1:]
    with plan.named("predict"):
        ports = [*x, *_results(net, plan, "predict", outputs)]
    plan.run_closing()
    return Program("predict", 0, plan.assemble(ports, []), states=plan.states), shape


def lower_loop(net: Network, rows: int, given: Given) -> tuple[list[Plan], list[list[Port]]]:
    """The plans of a forward and a backward pass on one arena, for up to that many rows; their ports.

    These are those of x, y and, where given, lengths; of dy; and of dx.
    """
    weights = _trained(net)
    plan = Lowering(rows, weights, training=True, seed=net.seed, accumulates=True)
    lengths = _lengths(net, plan) if given & Given.LENGTHS else []
    x, values, flowing = _enter(net, plan, net.features, True, "finite")
    outputs = [plan.read(output) for output in net.graph.lower(plan, flowing, weights, net.features)]
    names = net.graph.output_names
    with plan.named("forward"):
        y = _leave(plan, "y", names, [plan.joined(output.buffer) for output in outputs])
    end = len(plan.calls)
    dy = [Port(_called("dy", names, i), output.columns * output.buffer.times) for i, output in enumerate(outputs)]
    with plan.named("backward"):
        for port, output in zip(dy, outputs, strict=True):
            entry = Buffer(port.columns)
            partial = None if output.buffer.steps is None else plan.lengths
            plan.emit(kernels.Gather, port, entry, partial, width=port.columns // output.buffer.times)
            output.gradient = plan.parted(entry, output.buffer.steps)
            plan.apply_derivative(output)
    plan.run_backward()
    with plan.named("backward"):
        dx = _leave(plan, "dx", net.graph.inputs, _gradients(plan, values))
    plan.run_closing()
    kept = [flat for block in net.blocks.bases for flat in (block.gradients, block.statistics)]
    ahead = [*x, *y, *lengths]
    parts: list[tuple[int, list[Port], list[Tensor]]] = [(end, ahead, []), (len(plan.calls), [*dy, *dx], kept)]
    return plan.assemble_parts(parts), [ahead, dy, dx]


def _trained(net: Network) -> dict[str, Weight]:
    """The parameters, those of frozen layers without a gradient."""
    weights = net.blocks.weights
    held = {weights[name]: Weight(weights[name].value) for name in below(weights, net.frozen)}
    return {name: held.get(weight, weight) for name, weight in weights.items()}


def _enter(
    net: Network, plan: Lowering, shapes: Sequence[Shape], trains: bool, check: str
) -> tuple[list[Port], list[Value], list[Value]]:
    """Emits the gather of each input, of ids as integers. trains: whether the others' gradients are wanted.

    Returns the ports, the inputs, and these as layers take them: sequences by steps where they have lengths, are of
    ids, or the network is recurrent, so that it computes in the same order with lengths and without.
    """
    ports, values, flowing, sequences = [], [], [], net.graph.sequences(shapes)
    for i, features in enumerate(shapes):
        size, ids = math.prod(features), net.graph.vocabulary(i)
        port = Port(_called("x", net.graph.inputs, i), size)
        value = Value(Buffer(size, "float32" if ids is None else "int32"), trains and ids is None, shape=features)
        lengths = plan.lengths if i in sequences else None
        if ids is not None:
            plan.emit(kernels.GatherLabels, port, value.buffer, lengths=lengths, classes=ids, what="id")
        else:
            width = size if lengths is None else features[-1]
            plan.emit(kernels.Gather, port, value.buffer, lengths, check=check, width=width)
        by_steps = i in sequences and (lengths is not None or ids is not None or net.graph.recurrent)
        ports.append(port)
        values.append(value)
        flowing.append(plan.by_steps(value) if by_steps else value)
    return ports, values, flowing


def _lengths(net: Network, plan: Lowering) -> list[Port]:
    """Emits how sequences of their own lengths lie; returns where these enter."""
    port = Port("lengths", 1)
    plan.lay_out(net.graph.times(net.features), port)
    return [port]


def _gradients(plan: Lowering, values: Sequence[Value]) -> list[Buffer | Tensor]:
    """The gradients of the inputs; of ids zeros."""
    return [value.gradient or Tensor((plan.rows, value.columns)) for value in values]


def _leave(plan: Lowering, what: str, names: Sequence[str], buffers: Sequence[Buffer | Tensor]) -> list[Port]:
    """Emits the scatter of each buffer."""
    ports = []
    for i, buffer in enumerate(buffers):
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
    return _leave(plan, "out", net.graph.output_names, [plan.joined(result) for result in results])


def _measure(
    net: Network, plan: Lowering, kind: str, labels: int, outputs: list[Value]
) -> tuple[dict[str, Call], list[Port]]:
    """Emits the losses and the metrics, in this order for each output; and where their targets enter."""
    calls, ports, names = {}, [], net.graph.output_names
    entry, weight, given = None, None, Given(labels >> len(names))
    if given & (Given.WEIGHTS | Given.WEIGHTS_OF_POSITIONS):
        if given & Given.WEIGHTS:
            entry, weight = gather_weight(plan, 1)
        else:
            by_steps = outputs[0].buffer.steps is not None
            entry, weight = gather_weight(plan, outputs[0].places, plan.lengths if by_steps else None)
    for i, (head, made) in enumerate(zip(net.heads, outputs, strict=True)):
        prefix = "" if len(names) == 1 else f"{head.output}_"
        with plan.named(f"{kind} {head.output}" if prefix else kind):
            output = plan.whole(made) if head.loss.whole else made
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
    update.update(plan, net.optimizer, spans, net.blocks.each)
    blocks = [flat for block in net.blocks.bases for flat in (block.values, block.statistics, block.gradients)]
    return [*blocks, *net.slots.values()]
