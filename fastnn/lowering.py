"""From layers to a flat list of Ops on one arena.

Layers emit calls of Ops on Buffers, first all forward, then, in reverse, what they registered with `backward`. When all
calls are known, Buffers that are not needed at the same time get the same memory, and the Ops are made.
There is no pass over the list: what a layer fuses it decides itself.
"""

import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fastnn import kernels
from fastnn.arena import place
from fastnn.op import Op
from fastnn.plan import Plan
from fastnn.port import Port
from fastnn.tensor import Block, Tensor

#: Activations over the last axis: their Ops, forward and backward.
ROW_WISE: dict[str, tuple[type[Op], type[Op]]] = {
    "softmax": (kernels.Softmax, kernels.SoftmaxGradient),
    "log_softmax": (kernels.LogSoftmax, kernels.LogSoftmaxGradient),
}


@dataclass(eq=False, repr=False)
class Weight:
    """A parameter that a network holds: its values, and its gradient, which a frozen one or a statistic has not."""

    value: Tensor
    gradient: Tensor | None = None


@dataclass(eq=False, repr=False)
class Buffer:
    """Memory of `columns` elements a row, needed from the first call that names it to the last.

    shared: whether it is the gradient of several values, so that no call may write to it in place.
    """

    columns: int
    dtype: str = "float32"
    shared: bool = False


class ToPack(NamedTuple):
    """A weight that a frozen network's plans read packed: by an Op that takes it and these arguments."""

    weight: Tensor
    op: Callable[..., Op]
    arguments: tuple[Any, ...]


@dataclass(eq=False, repr=False)
class Call:
    """An Op to be made: its class, its arguments (Buffers, Tensors, Ports, earlier Calls, values), and its layer.

    positions: a row of a Buffer is so many rows to the Op, one for each pixel of a picture, say.
    """

    op: type[Op]
    arguments: tuple[Any, ...]
    options: dict[str, Any]
    layer: str
    positions: int = 1
    made: Op | None = None

    @property
    def buffers(self) -> list[Buffer]:
        """Those among the arguments and options."""
        return [value for value in (*self.arguments, *self.options.values()) if isinstance(value, Buffer)]


@dataclass(eq=False, repr=False)
class Value:
    """A layer's output, `columns` elements a row.

    pending: an activation that is not applied yet; a loss or metric that wants the logits leaves it so and says it
    (logits_used), anyone else calls `Lowering.read`. activation: one that is applied elementwise; whoever writes the
    gradient multiplies its derivative in, so that `gradient` is with respect to what came before the activation.
    before: what came before it, where that is kept. origin: the activation that the numbers come from where it is
    neither. shape: without the batch.
    """

    buffer: Buffer
    trains: bool
    pending: str = "identity"
    activation: str = "identity"
    before: Buffer | None = None
    gradient: Buffer | None = None
    origin: str = "identity"
    producer: Call | None = None
    logits_used: bool = False
    applied: "Value | None" = None
    shape: tuple[int, ...] = ()

    @property
    def columns(self) -> int:
        """Elements of a row."""
        return self.buffer.columns

    @property
    def positions(self) -> int:
        """Of its last axis: a pixel of a picture, a step of a sequence."""
        return math.prod(self.shape[:-1])

    @property
    def open(self) -> bool:
        """Whether its producer may do more to it, an activation say: nobody else reads it as it is."""
        return self.producer is not None and self.pending == self.activation == "identity" and not self.logits_used

    @property
    def ending(self) -> str:
        """The activation that the numbers come from, or will."""
        return next((name for name in (self.pending, self.activation, self.origin) if name != "identity"), "identity")

    @property
    def slope(self) -> tuple[str, Buffer]:
        """The applied activation, and what its derivative is computed from."""
        if self.activation not in kernels.DERIVED_FROM_INPUT:
            return self.activation, self.buffer
        assert self.before is not None
        return self.activation, self.before


@dataclass(eq=False, repr=False)
class Lowering:
    """Collects the calls of one plan.

    rows: its capacity. weights: the parameters by name. training: whether a backward phase will follow. derived: of a
    frozen network: what follows from its weights, by what it is for, to be called in this order when they change.
    accumulates: whether gradients of weights are added to what is there. streams: how many layers have taken a stream
    of random numbers of their own.
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

    def value(self, columns: int, trains: bool) -> Value:
        """A new value in a buffer of its own."""
        return Value(Buffer(columns), trains)

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
                value.producer.options["z"] = value.before = Buffer(value.columns)
            value.pending = "identity"
        return value

    def regrouped(self, x: Value, shape: tuple[int, ...]) -> Value:
        """The value for another shape of the same elements: a softmax over the last axis comes before that."""
        return self.read(x) if x.pending in ROW_WISE and shape[-1:] != x.shape[-1:] else x

    def _apart(self, x: Value) -> Value:
        """Applies the pending activation into a buffer of its own."""
        y = self.value(x.columns, x.trains)
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
        value.gradient = Buffer(value.columns)
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
            Value(x.buffer, x.trains, x.pending, origin=x.ending, logits_used=x.pending != "identity", shape=x.shape)
            for _ in range(count)
        )

        def backward() -> None:
            gradients = [fork.gradient for fork in forks if fork.gradient is not None]
            if not gradients:
                return
            total = gradients[0]
            if len(gradients) > 1:
                total = next((g for g in gradients if not g.shared), Buffer(x.columns))
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
            value.gradient = Buffer(g.columns) if g.shared else g
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
                shape = self.rows * positions, buffer.columns // positions
                tensors[buffer, positions] = Tensor(shape, buffer.dtype, arena, places[buffer])
            return tensors[buffer, positions]

        for call in self.calls:
            n = call.positions
            arguments = [tensor(a, n) if isinstance(a, Buffer) else self._final(a) for a in call.arguments]
            options = {name: tensor(a, n) if isinstance(a, Buffer) else a for name, a in call.options.items()}
            call.made = call.op(*arguments, **options)
            call.made.layer, call.made.positions = call.layer, n
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
