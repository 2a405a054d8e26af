"""Sequences: values with a row for each sample or, by steps, a row for each real step of a sequence."""

from dataclasses import dataclass, field

from fastnn import kernels
from fastnn.engine.op import Op
from fastnn.engine.port import Port
from fastnn.engine.tensor import Tensor
from fastnn.lowering.backward import Backward
from fastnn.lowering.call import Buffer, Call
from fastnn.lowering.value import Value


@dataclass(eq=False, repr=False)
class Sequences(Backward):
    """Changes between the two layouts of sequences.

    sequences: the call of `Steps` for sequences of at most that many steps. lengths: the Buffer of each sequence's own
    length, if they have lengths. states: what recurrent layers carry from run to run; None where each run starts from
    zeros. stepping: whether a run is one step of sequences that continue.
    """

    sequences: dict[int, Call] = field(default_factory=dict)
    lengths: Buffer | None = None
    states: list[Tensor] | None = None
    stepping: bool = False

    def lay_out(self, times: int, port: Port | None = None) -> Call:
        """The layout of sequences of up to that many steps. port: where their lengths enter."""
        if times not in self.sequences:
            if self.lengths is not None:
                known = ", ".join(map(str, self.sequences))
                raise ValueError(f"{self.layer}: its sequences have {times} steps, but lengths are for {known} steps")
            lengths = Buffer(1, "int32")
            self.sequences[times] = self.emit(kernels.Steps, port, lengths, times=times)
            self.lengths = None if port is None else lengths
        return self.sequences[times]

    def by_steps(self, x: Value) -> Value:
        """The value (times, features) with a row for each step."""
        if x.buffer.steps is not None:
            return x
        if self.stepping and self.sequences:
            raise ValueError(f"{self.layer}: reads a sequence that a layer makes, so it cannot run step by step")
        x, steps = self.read(x), self.lay_out(x.shape[0])
        return self._carried(x, self.parted(x.buffer, steps), kernels.FromSteps, steps)

    def whole(self, x: Value, name: str | None = None) -> Value:
        """The value with a row for each sample. Raises ValueError where sequences have lengths of their own.

        name: of the consumer, for the error; None is the layer.
        """
        if x.buffer.steps is None:
            return x
        if self.lengths is not None:
            raise ValueError(f"{name or self.layer}: reads whole sequences, so lengths cannot be applied")
        return self.filled(x)

    def filled(self, x: Value) -> Value:
        """The value with a row for each sample, and zeros after the last step of each."""
        steps = x.buffer.steps
        if steps is None:
            return x
        self.check_whole()
        x = self.read(x)
        return self._carried(x, self.joined(x.buffer), kernels.ToSteps, steps)

    def check_whole(self) -> None:
        """Raises ValueError where sequences are never available as a whole."""
        if self.stepping:
            raise ValueError(f"{self.layer}: reads whole sequences, so it cannot run step by step")

    def aligned(self, x: list[Value]) -> list[Value]:
        """Values of several inputs, applied, all by steps if one of them is."""
        by_steps = any(value.buffer.steps is not None for value in x)
        return [self.read(self.by_steps(value) if by_steps else value) for value in x]

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
