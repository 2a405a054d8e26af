"""Sequences: values with a row for each sample or, by steps, a row for each real step of a sequence."""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from fastnn import kernels
from fastnn.engine.op import Op
from fastnn.engine.port import Port
from fastnn.engine.tensor import Tensor
from fastnn.lowering.backward import Backward
from fastnn.lowering.call import Buffer, Call
from fastnn.lowering.value import Value

#: How a layer changes the lengths n of sequences, to (n multiply + add) // divide: multiply, add, divide.
Scale = tuple[int, int, int]


@dataclass(eq=False, repr=False)
class Sequences(Backward):
    """Changes between the two layouts of sequences.

    layouts: the calls of `Steps`, by the number of steps and by where the lengths come from: a port, a layout with the
    scale of lengths that a layer makes of them, or None where all sequences have all steps. states: what recurrent
    layers carry from run to run; None where each run starts from zeros. stepping: whether a run is one step of
    sequences that continue. apart: whether steps are samples for the present layer.
    """

    layouts: dict[tuple[int, Hashable], Call] = field(default_factory=dict)
    states: list[Tensor] | None = None
    stepping: bool = False
    apart: bool = False

    def lay_out(self, times: int, port: Port | None = None) -> Call:
        """The layout of sequences of up to that many steps. port: where their lengths enter; None: they have all."""
        if self.apart:
            raise ValueError(f"{self.layer}: reads sequences, and cannot do so in each step of another one")
        if (times, port) not in self.layouts:
            self.layouts[times, port] = self.emit(kernels.Steps, port, Buffer(1, "int32"), times=times)
        return self.layouts[times, port]

    def scaled(self, steps: Call, times: int, scale: Scale) -> Call:
        """The layout of the sequences that a layer makes of others with lengths; scale: of their lengths n.

        They are (n multiply + add) // divide. The same layout where that is n.
        """
        if scale[0] == scale[2] and scale[1] == 0 and steps.options["times"] == times:
            return steps
        if (times, (steps, scale)) not in self.layouts:
            given = steps, steps.arguments[-1], Buffer(1, "int32")
            self.layouts[times, (steps, scale)] = self.emit(kernels.ScaledSteps, *given, times=times, scale=scale)
        return self.layouts[times, (steps, scale)]

    def windowed(self, y: Value, x: Value, scale: Scale) -> Value:
        """What a layer of windows made of whole sequences, by steps. scale: of the lengths of x, to those of y."""
        steps = x.buffer.steps
        return y if steps is None else self.by_steps(y, self.scaled(steps, y.shape[0], scale))

    def by_steps(self, x: Value, steps: Call | None = None) -> Value:
        """The value (times, features) with a row for each step.

        steps: the layout for one that is whole; None: a layer made it, and all its sequences have all steps.
        """
        if x.buffer.steps is not None:
            return x
        if self.stepping:
            raise ValueError(f"{self.layer}: reads a sequence that a layer makes, so it cannot run step by step")
        x, steps = self.read(x), steps or self.lay_out(x.shape[0])
        return self._carried(x, self.parted(x.buffer, steps), kernels.FromSteps, steps)

    def whole(self, x: Value, name: str | None = None) -> Value:
        """The value with a row for each sample. Raises ValueError where sequences have lengths of their own.

        name: of the consumer, for the error; None is the layer.
        """
        if x.buffer.steps is None:
            return x
        if x.buffer.lengths is not None:
            raise ValueError(f"{name or self.layer}: reads whole sequences, so lengths cannot be applied")
        return self.filled(x)

    def filled(self, x: Value, pending: bool = False) -> Value:
        """The value with a row for each sample, and zeros after the last step of each.

        pending: whether an activation that is not applied yet stays so.
        """
        steps = x.buffer.steps
        if steps is None:
            return x
        self.check_whole()
        x = x if pending else self.read(x)
        y = self._carried(x, self.joined(x.buffer), kernels.ToSteps, steps)
        y.pending, y.lengths = x.pending, x.buffer.lengths
        return y

    def check_whole(self) -> None:
        """Raises ValueError where sequences are never available as a whole."""
        if self.stepping:
            raise ValueError(f"{self.layer}: reads whole sequences, so it cannot run step by step")

    def aligned(self, x: list[Value]) -> list[Value]:
        """Values of several inputs, applied, all by steps if one of them is.

        Raises ValueError for sequences that have lengths of their own each.
        """
        layouts = {value.buffer.steps for value in x if value.buffer.steps is not None}
        if not layouts:
            return [self.read(value) for value in x]
        if len(layouts) > 1:
            raise ValueError(f"{self.layer}: its inputs are sequences with different lengths")
        (steps,) = layouts
        for value in x:
            if value.buffer.steps is None and value.shape[0] != steps.options["times"] and not self.stepping:
                raise ValueError(f"{self.layer}: cannot join {steps.options['times']} steps and {value.shape[0]}")
        return [self.read(self.by_steps(value, steps)) for value in x]

    @contextmanager
    def steps_apart(self, steps: Call, known: set[Buffer]) -> Iterator[None]:
        """A context in which each step of a layout is a sample of its own, for layers that know of no time.

        known: the Buffers by these steps that are read in it, to which those of its calls are added. What is registered
        in it runs in such a context too.
        """
        registers: tuple[list[tuple[str, Callable[..., Any]]], ...] = (self.backwards, self.closings, self.penalties)
        counts, first, before = [len(each) for each in registers], len(self.calls), self.apart
        for buffer in known:
            buffer.steps = None
        self.apart = True
        try:
            yield
        finally:
            self.apart = before
            for call in self.calls[first:]:
                call.steps = steps
                known.update(call.buffers)
            for buffer in known:
                buffer.steps = steps
            for each, count in zip(registers, counts, strict=True):
                each[count:] = [(layer, partial(self._apart_again, steps, known, call)) for layer, call in each[count:]]

    def _apart_again(self, steps: Call, known: set[Buffer], function: Callable[..., Any], *arguments: Any) -> None:
        with self.steps_apart(steps, known):
            function(*arguments)

    def _carried(self, x: Value, buffer: Buffer, back: type[Op], steps: Call) -> Value:
        """The value in the buffer to which it was copied; back: the Op that copies its gradient back."""
        y = Value(buffer, x.trains, origin=x.ending, shape=x.shape)

        def backward() -> None:
            if x.trains:
                self.emit(back, y.gradient, self.gradient(x), steps)
                self.apply_derivative(x)

        self.backward(backward)
        return y

    def parted(self, buffer: Buffer, steps: Call | None) -> Buffer:
        """A buffer for whole samples, or by these steps if given."""
        if steps is None:
            return buffer
        parted = Buffer(buffer.columns // int(steps.options["times"]), buffer.dtype, steps=steps)
        self.emit(kernels.ToSteps, buffer, parted, steps)
        return parted

    def joined(self, buffer: Buffer) -> Buffer:
        """The buffer for whole samples: what is by steps, with zeros after the last step of each."""
        if buffer.steps is None:
            return buffer
        whole = Buffer(buffer.columns * buffer.times, buffer.dtype)
        self.emit(kernels.FromSteps, buffer, whole, buffer.steps)
        return whole
