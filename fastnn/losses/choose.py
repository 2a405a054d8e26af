"""One element of each row of an output, which alone is compared with the target."""

from fastnn import kernels
from fastnn.engine.port import Port
from fastnn.losses.base import Loss
from fastnn.lowering.call import Buffer
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


def choose(lowering: Lowering, output: Value, loss: Loss, name: str) -> tuple[Port, Value]:
    """Emits the choice of an element along the last axis, for each position; returns where its number enters, and it.

    What is chosen of the logits of a fused loss are logits. name: for error messages.
    """
    places, columns, steps = output.places, output.shape[-1], output.buffer.steps
    port, given = Port(name, places), Buffer(places, "int32")
    lowering.emit(kernels.GatherLabels, port, given, lengths=output.buffer.lengths, classes=columns, what="index")
    index, x = lowering.parted(given, steps), output if output.pending in loss.fused else lowering.read(output)
    x.logits_used |= x.pending != "identity"
    y = lowering.value(x.positions, x.trains, beside=x)
    y.pending, y.origin, y.logits_used, y.shape = x.pending, x.ending, x.logits_used, (*x.shape[:-1], 1)
    lowering.emit(kernels.Choose, x.buffer, index, y.buffer, positions=x.positions)

    def backward() -> None:
        lowering.emit(kernels.ChooseGradient, y.gradient, index, lowering.gradient(x), positions=x.positions)
        lowering.apply_derivative(x)

    lowering.backward(backward)
    return port, y
