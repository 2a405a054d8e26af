"""Losses: how a network's output is compared with its target, and what a target must look like."""

from dataclasses import dataclass
from functools import cached_property

from fastnn import checks, kernels
from fastnn.lowering import ROW_WISE, Buffer, Call, Lowering, Value
from fastnn.op import Op
from fastnn.port import Port


@dataclass(eq=False, repr=False)
class Target:
    """A target in a plan: the port it enters by, its buffer, whether it holds labels (int32) or values (float32)."""

    port: Port
    buffer: Buffer
    labels: bool


@dataclass(eq=False, repr=False)
class Loss:
    """A loss by name: its Op, the activations that may end the network for it, and what a value of the target must be.

    ending: None lets any activation end the network; else this one is fused with the loss, which takes the logits, and
    after a linear layer the outputs are the logits. check: what `Gather` demands of a target's values.
    """

    name: str
    op: type[Op]
    ending: str | None
    check: str

    @cached_property
    def takes_labels(self) -> bool:
        """Whether targets may be class numbers."""
        return self.ending == "softmax"

    @property
    def fused(self) -> tuple[str | None, ...]:
        """The activations whose input the loss takes; the logits are the same before softmax and log_softmax."""
        return tuple(ROW_WISE) if self.ending == "softmax" else (self.ending,)

    def target(self, plan: Lowering, columns: int, labels: bool, name: str = "y") -> Target:
        """Emits the gather of the target."""
        if labels:
            port, buffer = Port(name, 1), Buffer(1, "int32")
            plan.emit(kernels.GatherLabels, port, buffer, classes=columns)
        else:
            port, buffer = Port(name, columns), Buffer(columns)
            plan.emit(kernels.Gather, port, buffer, check=self.check)
        return Target(port, buffer, labels)

    def lower(self, plan: Lowering, output: Value, target: Target) -> Call:
        """Emits the loss and, for training, the gradient of the output."""
        if self.ending is None:
            output = plan.read(output)
        elif output.ending != "identity" and output.pending not in self.fused:
            raise ValueError(
                f"{self.name}: the last layer must end in {self.ending}, or identity for logits; here they "
                f"come from {output.ending}{' and other layers' if output.ending in self.fused else ''}"
            )
        elif self.ending == "softmax" and output.columns == 1:
            raise ValueError(f"{self.name}: one output has nothing to compare; use binary_cross_entropy or Dense(2)")
        output.logits_used = True
        gradient = plan.gradient(output)
        call = plan.emit(self.op, output.buffer, target.buffer, gradient, finite=plan.training)
        if plan.training:
            plan.apply_derivative(output)
        return call


#: The losses by name.
LOSSES = {
    loss.name: loss
    for loss in (
        Loss("cross_entropy", kernels.CrossEntropy, ending="softmax", check="distribution"),
        Loss("binary_cross_entropy", kernels.BinaryCrossEntropy, ending="sigmoid", check="unit"),
        Loss("mse", kernels.MeanSquaredError, ending=None, check="finite"),
    )
}


def resolve(loss: str) -> Loss:
    """The loss of that name. Raises ValueError that lists the known ones."""
    return LOSSES[checks.known("loss", loss, LOSSES)]
