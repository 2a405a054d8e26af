"""From layers to a flat list of Ops on one arena.

Layers emit calls of Ops on Buffers, first all forward, then, in reverse, what they registered with `backward`. When all
calls are known, Buffers that are not needed at the same time get the same memory, and the Ops are made.
There is no pass over the list: what a layer fuses it decides itself.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from fastnn import kernels
from fastnn.engine.op import Op
from fastnn.engine.plan import Plan
from fastnn.engine.port import Port
from fastnn.engine.tensor import Block, Tensor
from fastnn.lowering.arena import place
from fastnn.lowering.values import Buffer, Call, ToPack, Value, Weight

#: Activations over the last axis: their Ops, forward and backward.
ROW_WISE: dict[str, tuple[type[Op], type[Op]]] = {
    "softmax": (kernels.Softmax, kernels.SoftmaxGradient),
    "log_softmax": (kernels.LogSoftmax, kernels.LogSoftmaxGradient),
}


@dataclass(eq=False, repr=False)
class Lowering:
    """Collects the calls of one plan.

    rows: its capacity. weights: the parameters by name. training: whether a backward phase will follow. derived: of a
    frozen network: what follows from its weights, by what it is for, to be called in this order when they change.
    accumulates: whether gradients of weights are added to what is there. streams: how many layers have taken a stream
    of random numbers of their own. sequences: how the steps of sequences lie, by how many there are at the most.
    lengths: the Buffer of each sequence's own length, where they have such. states: what recurrent layers carry from
    run to run; None where they begin each run with zeros. stepping: whether a run is one step of sequences that go on.
    """

    rows: int
    weights: Mapping[str, Weight]
    training: bool = False
    seed: int = 0
    derived: dict[Hashable, Callable[[], None]] | None = None
    accumulates: bool = False
    calls: list[Call] = field(default_factory=list)
    backwards: list[tuple[str, Callable[[], None]]] = field(default_factory=list)
    closings: list[tuple[str, Callable[[], None]]] = field(default_factory=list)
    written: set[Weight] = field(default_factory=set)
    streams: int = 0
    layer: str = ""
    sequences: dict[int, Call] = field(default_factory=dict)
    lengths: Buffer | None = None
    states: list[Tensor] | None = None
    stepping: bool = False

    @contextmanager
    def named(self, layer: str) -> Iterator[None]:
        """What is emitted inside belongs to this layer, or to the layer of this name in the present one."""
        before, self.layer = self.layer, f"{self.layer}.{layer}" if self.layer else layer
        try:
            yield
        finally:
            self.layer = before

    def emit(self, op: type[Op], *arguments: Any, **options: Any) -> Call:
        """Adds a call of an Op. options: its own, and the `positions` of a Call."""
        positions = options.pop("positions", 1)
        call = Call(op, arguments, options, self.layer, positions)
        self.calls.append(call)
        return call

    def packed(self, weight: Tensor, op: Callable[..., Op] = kernels.Packed, *arguments: Any) -> Tensor | ToPack:
        """The weight as a product reads it fastest: packed if it is frozen."""
        return weight if self.derived is None else ToPack(weight, op, arguments)

    def derive(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """What make() makes of a frozen network's weights, the same for all of its plans."""
        assert self.derived is not None
        if key not in self.derived:
            self.derived[key] = make()
        return self.derived[key]

    def value(self, columns: int, trains: bool, beside: Value | None = None) -> Value:
        """A new value in a buffer of its own, with as many rows as that of another one."""
        return Value(Buffer(columns) if beside is None else beside.buffer.beside(columns), trains)

    def read(self, value: Value) -> Value:
        """The value with its pending activation applied: in its producer's epilogue, or apart if that is too late."""
        if value.applied is not None:
            return value.applied
        if value.pending in ROW_WISE or (value.pending != "identity" and value.logits_used):
            value.applied = self._apart(value)
            return value.applied
        if value.pending != "identity":
            assert value.producer is not None
            value.producer.options["activation"] = value.activation = value.pending
            if self.training and value.pending in kernels.DERIVED_FROM_INPUT and value.before is None:
                value.producer.options["z"] = value.before = value.buffer.beside()
            value.pending = "identity"
        return value

    def regrouped(self, x: Value, shape: tuple[int, ...]) -> Value:
        """The value for another shape of the same elements: a softmax over the last axis comes before that."""
        return self.read(x) if x.pending in ROW_WISE and shape[-1:] != x.shape[-1:] else x

    def lay_out(self, times: int, port: Port | None = None) -> Call:
        """How sequences of up to so many steps lie. port: where their lengths enter."""
        if times not in self.sequences:
            if self.lengths is not None:
                known = ", ".join(map(str, self.sequences))
                raise ValueError(f"{self.layer}: has sequences of {times} steps, lengths are for those of {known}")
            lengths = Buffer(1, "int32")
            self.sequences[times] = self.emit(kernels.Steps, port, lengths, times=times)
            self.lengths = None if port is None else lengths
        return self.sequences[times]

    def by_steps(self, x: Value) -> Value:
        """The value (times, features) with a row for each step."""
        if x.buffer.steps is not None:
            return x
        if self.stepping and self.sequences:
            raise ValueError(f"{self.layer}: takes a sequence that a layer makes, and so cannot go step by step")
        x, steps = self.read(x), self.lay_out(x.shape[0])
        return self._carried(x, self.parted(x.buffer, steps), kernels.FromSteps, steps)

    def whole(self, x: Value, name: str | None = None) -> Value:
        """The value with a row for each sample. Raises ValueError where sequences have lengths of their own.

        name: what the error calls that which takes it; None is the layer.
        """
        steps = x.buffer.steps
        if steps is None:
            return x
        if self.lengths is not None:
            raise ValueError(f"{name or self.layer}: takes sequences as a whole, and so no lengths")
        self.check_whole()
        x = self.read(x)
        return self._carried(x, self.joined(x.buffer), kernels.ToSteps, steps)

    def check_whole(self) -> None:
        """Raises ValueError where sequences are never there as a whole."""
        if self.stepping:
            raise ValueError(f"{self.layer}: takes sequences as a whole, and so cannot go step by step")

    def aligned(self, x: list[Value]) -> list[Value]:
        """Values of several inputs, applied, all by steps if one of them is."""
        by_steps = any(value.buffer.steps is not None for value in x)
        return [self.read(self.by_steps(value) if by_steps else value) for value in x]

    def _carried(self, x: Value, buffer: Buffer, back: type[Op], steps: Call) -> Value:
        """The value in the buffer, to which it was carried; back: the Op by which its gradient returns."""
        y = Value(buffer, x.trains, origin=x.ending, shape=x.shape)

        def backward() -> None:
            if x.trains:
                self.emit(back, y.gradient, self.gradient(x), steps)
                self.apply_derivative(x)

        self.backward(backward)
        return y

    def parted(self, buffer: Buffer, steps: Call | None) -> Buffer:
        """A buffer for whole samples, by these steps if there are such."""
        if steps is None:
            return buffer
        parted = Buffer(buffer.columns // int(steps.options["times"]), buffer.dtype, steps=steps)
        self.emit(kernels.ToSteps, buffer, parted, steps)
        return parted

    def joined(self, buffer: Buffer) -> Buffer:
        """The buffer for whole samples: what lies by steps, with zeros after the last step of each."""
        if buffer.steps is None:
            return buffer
        whole = Buffer(buffer.columns * buffer.times, buffer.dtype)
        self.emit(kernels.FromSteps, buffer, whole, buffer.steps)
        return whole

    def _apart(self, x: Value) -> Value:
        """Applies the pending activation into a buffer of its own."""
        y = self.value(x.columns, x.trains, beside=x)
        y.origin, y.shape = x.pending, x.shape
        positions = x.positions if x.pending in ROW_WISE else 1
        forward, gradient = ROW_WISE.get(x.pending, (kernels.Activation, kernels.ActivationGradient))
        options = {} if x.pending in ROW_WISE else {"activation": x.pending}
        self.emit(forward, x.buffer, y.buffer, positions=positions, **options)
        source = x.buffer if y.origin in kernels.DERIVED_FROM_INPUT else y.buffer

        def backward() -> None:
            if y.gradient is not None:  # not only a metric read it
                self.emit(gradient, source, y.gradient, self.gradient(x), positions=positions, **options)
                self.apply_derivative(x)

        self.backward(backward)
        return y

    def backward(self, function: Callable[[], None]) -> None:
        """Registers what a layer does in the backward phase."""
        self.backwards.append((self.layer, function))

    def closing(self, function: Callable[[], None]) -> None:
        """Registers what a layer changes in the network by itself: it comes after all that may stop a step."""
        self.closings.append((self.layer, function))

    def run_backward(self) -> None:
        """The backward phase: the layers in reverse."""
        self._call(reversed(self.backwards))

    def run_closing(self) -> None:
        """What layers change by themselves, for steps that count."""
        self._call(self.closings)

    def _call(self, functions: Iterable[tuple[str, Callable[[], None]]]) -> None:
        for layer, function in functions:
            with self.named(layer):
                function()

    def gradient(self, value: Value) -> Buffer:
        """Where the gradient of a value is written."""
        assert value.gradient is None
        value.gradient = value.buffer.beside()
        return value.gradient

    def pass_gradient(self, y: Value, *values: Value) -> None:
        """The gradient of y is that of each of these values too, which is true of sums; nothing is copied."""
        values = tuple(x for x in values if x.trains)
        if y.gradient is not None:
            y.gradient.shared |= len(values) > 1
        for x in values:
            x.gradient = y.gradient
            self.apply_derivative(x)

    def scale_gradient(self, value: Value, factor: float) -> None:
        """Multiplies the gradient of the value."""
        self.emit(kernels.Scale, value.gradient, value.gradient, factor=factor)

    def fork(self, x: Value, count: int, logits: bool = False) -> list[Value]:
        """The value for each of `count` consumers; their gradients are added up, and x's derivative applied once.

        logits: a pending activation stays so, and who reads it gets it in a buffer of its own.
        """
        if count == 1:
            return [x]
        if not logits:
            x = self.read(x)
        forks = tuple(
            Value(
                x.buffer,
                x.trains,
                x.pending,
                origin=x.ending,
                logits_used=x.pending != "identity",
                shape=x.shape,
                states=x.states,
            )
            for _ in range(count)
        )

        def backward() -> None:
            gradients = [fork.gradient for fork in forks if fork.gradient is not None]
            if not gradients:
                return
            total = gradients[0]
            if len(gradients) > 1:
                total = next((g for g in gradients if not g.shared), x.buffer.beside())
                first, *others = sorted(gradients, key=lambda g: g is not total)
                for g in others:
                    self.emit(kernels.Add, first, g, total)
                    first = total
            x.gradient = total
            self.apply_derivative(x)

        self.backward(backward)
        return list(forks)

    def adds(self, weight: Weight) -> bool:
        """Whether the next op that writes the weight's gradient adds to it: the first one overwrites."""
        before = weight in self.written
        self.written.add(weight)
        return before or self.accumulates

    def stream(self) -> int:
        """A number of a stream of random numbers that no other layer of the plan has."""
        self.streams += 1
        return self.streams - 1

    def apply_derivative(self, value: Value) -> None:
        """Multiplies the derivative of the value's activation into its gradient, for writers that cannot fuse it."""
        g = value.gradient
        if value.activation != "identity" and g is not None:
            activation, source = value.slope
            value.gradient = g.beside() if g.shared else g
            self.emit(kernels.ActivationGradient, source, g, value.gradient, activation)

    def assemble(self, ports: list[Port], kept: list[Tensor]) -> Plan:
        """Places the Buffers in an arena and makes the Ops."""
        return self.assemble_parts([(len(self.calls), ports, kept)])[0]

    def assemble_parts(self, parts: list[tuple[int, list[Port], list[Tensor]]]) -> list[Plan]:
        """The same for a plan that runs in parts: each ends after so many calls, with its ports and what it changes."""
        self.backwards.clear()
        self.closings.clear()  # each holds this Lowering: a cycle that would keep the arena until a collection
        places, nbytes = place(self.calls, self.rows)
        arena = Block(nbytes)
        tensors: dict[tuple[Buffer, int], Tensor] = {}

        def tensor(buffer: Buffer, positions: int) -> Tensor:
            if (buffer, positions) not in tensors:
                shape = self.rows * buffer.times * positions, buffer.columns // positions
                tensors[buffer, positions] = Tensor(shape, buffer.dtype, arena, places[buffer])
            return tensors[buffer, positions]

        for call in self.calls:
            n = call.positions
            arguments = [tensor(a, n) if isinstance(a, Buffer) else self._final(a) for a in call.arguments]
            options = {
                name: tensor(a, n) if isinstance(a, Buffer) else self._final(a) for name, a in call.options.items()
            }
            call.made = call.op(*arguments, **options)
            call.made.layer, call.made.positions = call.layer, n
            if call.leader is not None:
                call.leader.made.lead(call.made)  # type: ignore[union-attr]  # it is made: Steps come first
        ops = [call.made for call in self.calls if call.made is not None]
        plans, start = [], 0
        for end, ports, kept in parts:
            plans.append(Plan(ops[start:end], ports, kept, nbytes))
            start = end
        return plans

    def _final(self, argument: Any) -> Any:
        """The argument as an Op takes it; a matrix is packed now that it is known that a product reads it."""
        if isinstance(argument, Call):
            return argument.made
        if isinstance(argument, ToPack):
            return self.derive(argument, lambda: argument.op(argument.weight, *argument.arguments))
        return argument
