"""Building programs: what is emitted to train, evaluate, predict and classify, a function for each kind of request."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from fastnn import kernels
from fastnn.common import free
from fastnn.common.free import Shape
from fastnn.engine.port import Port
from fastnn.engine.tensor import Tensor
from fastnn.losses import Joint, Loss, Target
from fastnn.losses.choose import choose
from fastnn.losses.target import gather_weight
from fastnn.lowering.call import Buffer, Call, Weight
from fastnn.lowering.lowering import Lowering, Memory
from fastnn.lowering.value import Value
from fastnn.metrics import Meaning, Metered, classes
from fastnn.model import update
from fastnn.model.compiled import Compiled
from fastnn.model.entry import Entry, input_gradients, leave, title
from fastnn.model.lengths import Ends
from fastnn.model.objectives import repeated
from fastnn.model.parameters import below
from fastnn.model.program import Program
from fastnn.model.record import Record
from fastnn.model.request import Kind, Request


def build_program(net: Compiled, request: Request, rows: int, memory: Memory | None = None) -> Program:
    """The program for a request, for up to that many rows. memory: returns the memory for its buffers.

    Raises ValueError where the loss, a metric or the request does not fit the layers.
    """
    lowering = Lowering(rows, net.blocks.weights, seed=net.seed, memory=memory)
    return _BUILDERS[request.kind](net, request, lowering)


def features_of(net: Compiled, request: Request) -> list[Shape]:
    """The shapes of the inputs that a request is for."""
    return list(request.features) or [free.fixed(each, 0) for each in net.features]


def trained_weights(net: Compiled) -> dict[str, Weight]:
    """The parameters, those of frozen layers without a gradient."""
    weights = net.blocks.weights
    held = {weights[name]: Weight(weights[name].value) for name in below(weights, net.frozen)}
    return {name: held.get(weight, weight) for name, weight in weights.items()}


def predict_program(net: Compiled, request: Request, lowering: Lowering) -> Program:
    """Ports: x, out, and lengths. lowering: with the weights that it predicts with."""
    features = features_of(net, request)
    entry = Entry(net.graph, lowering, features, request, check="unchecked")
    outputs = net.graph.lower(lowering, entry.values, lowering.weights, features)
    with lowering.named(request.kind.value):
        out = leave(lowering, "out", net.graph.output_names, [lowering.read(output).buffer for output in outputs])
    lowering.run_closing()
    plan = lowering.assemble([*entry.ports, *out, *entry.lengths], [])
    results = [(shape, "float32") for shape in net.graph.output_shapes(features)]
    return Program(request, plan, states=lowering.states, outputs=results)


def losses_of(net: Compiled) -> list[Loss | None]:
    """The loss of each output; None before compile."""
    losses: list[Loss | None] = [objective.loss for objective in net.objectives]
    return losses or [None] * len(net.graph.outputs)


def classify_program(
    net: Compiled, request: Request, lowering: Lowering, losses: Sequence[Loss | None] | None = None
) -> Program:
    """Ports: x, out, and lengths. lowering: as in `predict_program`. losses: of a frozen network."""
    features = features_of(net, request)
    entry = Entry(net.graph, lowering, features, request)
    outputs = net.graph.lower(lowering, entry.values, lowering.weights, features)
    with lowering.named(request.kind.value):
        both = zip(outputs, losses_of(net) if losses is None else losses, strict=True)
        found = [classes(lowering, output, Meaning.of(output, loss)) for output, loss in both]
        out = leave(lowering, "out", net.graph.output_names, found)
    lowering.run_closing()
    made = net.graph.output_shapes(features)
    labels = [shape[-1] > 1 and port.columns == math.prod(shape) for shape, port in zip(made, out, strict=True)]
    shapes = [shape if each else shape[:-1] for shape, each in zip(made, labels, strict=True)]
    plan = lowering.assemble([*entry.ports, *out, *entry.lengths], [])
    return Program(request, plan, states=lowering.states, outputs=[(shape, "int64") for shape in shapes])


def _evaluate(net: Compiled, request: Request, lowering: Lowering) -> Program:
    measured = _Measured(net, request, lowering)
    measured.lowering.run_closing()
    return measured.program([], [])


def _train(net: Compiled, request: Request, lowering: Lowering) -> Program:
    measured = _Measured(net, request, replace(lowering, weights=trained_weights(net), training=True))
    measured.lowering.run_closing()
    return measured.program(measured.predictions, _update(net, measured.lowering))


def _descent(net: Compiled, request: Request, lowering: Lowering) -> Program:
    update.refuse_max_norm(net.blocks.wanted)
    measured = _Measured(net, request, replace(lowering, weights=trained_weights(net), training=True))
    measured.lowering.run_closing()
    return measured.program([], [])


def _gradient(net: Compiled, request: Request, lowering: Lowering) -> Program:
    """Running statistics stay as they are: no closing."""
    measured = _Measured(net, request, replace(lowering, training=True, still=request.still))
    with measured.lowering.named(request.kind.value):
        dx = leave(measured.lowering, "dx", net.graph.inputs, input_gradients(measured.lowering, measured.entry.inputs))
    return measured.program(dx, [block.gradients for block in net.blocks.bases])


def _update_alone(net: Compiled, request: Request, lowering: Lowering) -> Program:
    lowering = replace(lowering, weights=trained_weights(net), training=True)
    update.penalize(lowering, net.blocks.each, None)
    return Program(request, lowering.assemble([], _update(net, lowering)))


_BUILDERS: dict[Kind, Callable[[Compiled, Request, Lowering], Program]] = {
    Kind.TRAIN: _train,
    Kind.DESCENT: _descent,
    Kind.GRADIENT: _gradient,
    Kind.UPDATE: _update_alone,
    Kind.EVALUATE: _evaluate,
    Kind.PREDICT: predict_program,
    Kind.CLASSIFY: classify_program,
}


class _Measured:
    """The passes that all programs with targets share: forward, losses and metrics, backward in training, penalties."""

    def __init__(self, net: Compiled, request: Request, lowering: Lowering) -> None:
        self.net, self.request, self.lowering = net, request, lowering
        gradients = request.kind is Kind.GRADIENT
        features = features_of(net, request)
        self.entry = Entry(net.graph, lowering, features, request, gradients=gradients)
        fused = [objective.loss.fused for objective in net.objectives]
        outputs = net.graph.lower(lowering, self.entry.values, lowering.weights, features, fused)
        self.meters: dict[str, Call] = {}
        self.targets: list[Port] = []
        self.weights: list[Port] = []
        self.choices: list[Port] = []
        self.records: list[Record] = []
        self._measure(outputs)
        self.predictions = self._leave(outputs) if request.predictions else []
        several = len(net.objectives) > 1 and "loss" not in self.meters
        self.scales = {f"{each.output}_loss": each.weight for each in net.objectives} if several else {}
        if lowering.penalties or update.penalized(net.blocks.wanted):
            self.meters["penalty"] = lowering.emit(kernels.Penalties, self.meters.get("loss"))
            self.scales |= {"penalty": 1.0} if several else {}
            lowering.run_penalties(self.meters["penalty"])
        if lowering.training:
            lowering.run_backward()
        update.penalize(lowering, net.blocks.each, self.meters.get("penalty"))

    def _measure(self, outputs: list[Value]) -> None:
        """Emits the losses and the metrics, in this order for each output, and the gathers of their targets."""
        lowering, objectives = self.lowering, self.net.objectives
        joint = objectives[0].loss if isinstance(objectives[0].loss, Joint) else None
        waiting: list[tuple[Value, Value, Target]] = []
        for i, (objective, made) in enumerate(zip(objectives, outputs, strict=True)):
            with lowering.named(self._title(i)):
                output, shown, target = self._gather(i, made)
                if objective.metrics or objective.weight != 1 or self.request.predictions:
                    output.linear = None  # the loss is not the only one that reads the logits
                if joint is None:
                    self.meters[f"{self._prefix(i)}loss"] = objective.loss.lower(lowering, output, target)
                    if lowering.training and objective.weight != 1:
                        lowering.scale_gradient(output, objective.weight)
                    self._meter(i, output, shown, target)
                waiting.append((output, shown, target))
        if joint is None:
            return
        with lowering.named(self.request.kind.value):
            compared, _, targets = map(list, zip(*waiting, strict=True))
            self.meters |= joint.lower_all(lowering, self.net.graph.output_names, compared, targets)
        for i, each in enumerate(waiting):
            with lowering.named(self._title(i)):
                self._meter(i, *each)

    def _leave(self, outputs: list[Value]) -> list[Port]:
        """Emits the scatters of the outputs."""
        with self.lowering.named(self.request.kind.value):
            buffers = [self.lowering.read(output).buffer for output in outputs]
            return leave(self.lowering, "out", self.net.graph.output_names, buffers)

    def _prefix(self, index: int) -> str:
        """What the names in the logs begin with."""
        return "" if len(self.net.objectives) == 1 else f"{self.net.objectives[index].output}_"

    def _title(self, index: int) -> str:
        """What the Ops of an output's loss and metrics belong to, in place of a layer."""
        kind = self.request.kind.value
        return kind if len(self.net.objectives) == 1 else f"{kind} {self.net.objectives[index].output}"

    def _gather(self, index: int, made: Value) -> tuple[Value, Value, Target]:
        """Emits the gathers for an output; returns what of it is compared and what is recorded, and the target."""
        lowering, names, loss = self.lowering, self.net.graph.output_names, self.net.objectives[index].loss
        output = loss.laid_out(lowering, made)
        shown = made
        if self.request.choose and self.request.choose[index]:
            port, output = choose(lowering, output, loss, title("choose", names, index))
            self.choices.append(port)
            shown = output
        labels, weight = self.request.labels[index], self._gather_weights(index, output)
        target = loss.gather_target(lowering, output, labels, weight, title("y", names, index))
        self.targets.append(target.port)
        return output, shown, target

    def _meter(self, index: int, output: Value, shown: Value, target: Target) -> None:
        """Emits the metrics of an output."""
        objective = self.net.objectives[index]
        if objective.metrics and not objective.loss.compares:
            raise ValueError(f"metrics: the targets of {objective.loss.name} are not values of the outputs")
        meaning = Meaning.of(output, objective.loss)
        twice = repeated([name for metric in objective.metrics for name in metric.names(meaning)])
        if twice is not None:
            raise ValueError(f"metrics: two would be called {twice!r} in the logs; rename the function")
        for metric in objective.metrics:
            metric.check(meaning, target.labels)
            if isinstance(metric, Metered):
                name = f"{self._prefix(index)}{metric.name}"
                self.meters[name] = metric.lower(self.lowering, output, target, meaning)
        if self.request.outputs and objective.recorded:
            self._record(index, shown, self._prefix(index), meaning)

    def _record(self, index: int, output: Value, prefix: str, meaning: Meaning) -> None:
        """Emits the scatter of an output, for its metrics of a whole epoch."""
        objective, names = self.net.objectives[index], self.net.graph.output_names
        (port,) = leave(self.lowering, title("outputs", names, index), [""], [self.lowering.read(output).buffer])
        named = [(each, [f"{prefix}{name}" for name in each.names(meaning)]) for each in objective.recorded]
        ends = Ends.of(output.buffer, self.entry.lengths)
        self.records.append(Record(index, port, output.shape, ends, meaning, named))

    def _gather_weights(self, index: int, output: Value) -> Buffer | None:
        """Emits the gather of an output's weights, where they are given."""
        count = self.request.weights[index] if self.request.weights else 0
        if not count:
            return None
        name = title("sample_weight", self.net.graph.output_names, index)
        lengths = output.buffer.lengths if count > 1 else None
        port, weight = gather_weight(self.lowering, count, lengths, count // output.buffer.times or 1, name)
        self.weights.append(port)
        return weight

    def program(self, results: list[Port], kept: list[Tensor]) -> Program:
        """The program of what was emitted. results: ports that come last. kept: what a run changes permanently."""
        recorded = [record.port for record in self.records]
        ports = [
            *self.entry.ports,
            *self.targets,
            *self.weights,
            *self.choices,
            *self.entry.lengths,
            *results,
            *recorded,
        ]
        plan = self.lowering.assemble(ports, kept)
        meters = {name: call.made for name, call in self.meters.items()}
        return Program(self.request, plan, meters, self.scales, self.lowering.states, self.records)


def _update(net: Compiled, lowering: Lowering) -> list[Tensor]:
    """Emits the optimizer's update of each range; returns what it changes, and the gradients."""
    update.update(lowering, net.optimizer, net.spans(), net.blocks.each)
    blocks = [flat for block in net.blocks.bases for flat in (block.values, block.statistics, block.gradients)]
    return [*blocks, *net.slots.values()]
