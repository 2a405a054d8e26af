"""Backward: pending activations, forks and gradients, and the phase in which layers run in reverse."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from fastnn import kernels
from fastnn.engine.op import Op
from fastnn.lowering.call import Buffer, Call
from fastnn.lowering.emission import Emission
from fastnn.lowering.value import Value

#: Activations over the last axis: their Ops, forward and backward.
ROW_WISE: dict[str, tuple[type[Op], type[Op]]] = {
    "softmax": (kernels.Softmax, kernels.SoftmaxGradient),
    "log_softmax": (kernels.LogSoftmax, kernels.LogSoftmaxGradient),
}


@dataclass(eq=False, repr=False)
class Backward(Emission):
    """Applies activations where their values are read, and keeps what remains to be done after the forward phase.

    backwards: what layers do in the backward phase. closings: what they change in the network by themselves.
    penalties: what they add to the loss.
    """

    backwards: list[tuple[str, Callable[[], None]]] = field(default_factory=list)
    closings: list[tuple[str, Callable[[], None]]] = field(default_factory=list)
    penalties: list[tuple[str, Callable[[Call], object]]] = field(default_factory=list)

    def read(self, value: Value) -> Value:
        """The value with its pending activation applied: in its producer's epilogue, or separately if too late."""
        if value.applied is not None:
            return value.applied
        if value.pending in ROW_WISE or (value.pending != "identity" and value.logits_used):
            value.applied = self._apart(value)
            return value.applied
        if value.pending != "identity":
            assert value.producer is not None
            keeps = self.training and value.pending in kernels.DERIVED_FROM_INPUT and value.before is None
            if value.producer.narrow:
                self._pass(value, value.producer, keeps)
            else:
                value.producer.options["activation"] = value.pending
                if keeps:
                    value.producer.options["z"] = value.before = value.buffer.beside()
            value.activation, value.pending = value.pending, "identity"
        return value

    def _pass(self, value: Value, producer: Call, keeps: bool) -> None:
        """Applies the pending activation right after the producer; keeps: its input, for the derivative."""
        z = value.buffer
        if keeps:
            producer.options["y"] = value.before = z = value.buffer.beside()
        self.emit(kernels.Activation, z, value.buffer, value.pending).layer = producer.layer

    def regrouped(self, x: Value, shape: tuple[int, ...]) -> Value:
        """The value for another shape of the same elements: a softmax over the last axis comes before that."""
        return self.read(x) if x.pending in ROW_WISE and shape[-1:] != x.shape[-1:] else x

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
        """Registers what a layer changes in the network by itself: it comes after all Ops that may stop a step."""
        self.closings.append((self.layer, function))

    @contextmanager
    def predicting(self) -> Iterator[None]:
        """A context in which layers act as in prediction, and leave nothing to be done afterwards."""
        training = self.training
        registered: tuple[list[Any], ...] = (self.backwards, self.closings, self.penalties)
        counts = [len(each) for each in registered]
        self.training = False
        try:
            yield
        finally:
            self.training = training
            for each, count in zip(registered, counts, strict=True):
                del each[count:]

    def penalty(self, function: Callable[[Call], object]) -> None:
        """Registers what a layer adds to the loss, where there is one; its gradient is in the layer's backward."""
        self.penalties.append((self.layer, function))

    def run_penalties(self, loss: Call) -> None:
        """What layers add to the loss, which is measured by then."""
        self._call((layer, partial(function, loss)) for layer, function in self.penalties)

    def run_backward(self) -> None:
        """The backward phase: the layers in reverse."""
        self._call(reversed(self.backwards))

    def run_closing(self) -> None:
        """What layers change by themselves, in steps that succeed."""
        self._call(self.closings)

    def _call(self, functions: Iterable[tuple[str, Callable[[], object]]]) -> None:
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

        logits: a pending activation stays pending, and its readers get it in a buffer of its own.
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
                held=x.held,
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

    def apply_derivative(self, value: Value) -> None:
        """Multiplies the derivative of the value's activation into its gradient, for writers that cannot fuse it."""
        g = value.gradient
        if value.activation != "identity" and g is not None:
            activation, source = value.slope
            value.gradient = g.beside() if g.shared else g
            self.emit(kernels.ActivationGradient, source, g, value.gradient, activation)
