"""Metrics: what is measured beside the loss."""

from collections.abc import Callable

from fastnn import checks, kernels
from fastnn.losses import Loss, Target
from fastnn.lowering import ROW_WISE, Buffer, Call, Lowering, Value


def classes(plan: Lowering, output: Value, loss: Loss | None) -> Buffer:
    """Emits the class of each row of the output: its argmax, or for one output whether its probability is >= 0.5.

    The softmax is not computed. Raises ValueError where the outputs are not probabilities or logits of classes.
    """
    ending = output.ending
    if (loss is None or loss.ending is None) and ending not in (*ROW_WISE, "sigmoid"):
        raise ValueError("this network predicts values, not classes: end it with softmax or sigmoid; or use predict")
    if output.columns > 1 and "sigmoid" in (ending, loss and loss.ending):
        raise ValueError("several sigmoid outputs are independent labels, not classes; use predict(x) >= 0.5")
    threshold = None
    if output.columns == 1 and ending not in ROW_WISE:
        threshold = 0.5 if ending == "sigmoid" and output.pending == "identity" else 0.0
    numbers = Buffer(1, "int32")
    output.logits_used = True
    plan.emit(kernels.Classes, output.buffer, numbers, threshold=threshold)
    return numbers


def accuracy(plan: Lowering, output: Value, target: Target, loss: Loss) -> Call:
    """The share of samples whose class is the target's (of a distribution: its greatest)."""
    predicted = classes(plan, output, loss)
    wanted = target.buffer
    if not target.labels:
        wanted = Buffer(1, "int32")
        plan.emit(kernels.Classes, target.buffer, wanted, threshold=0.5 if output.columns == 1 else None)
    return plan.emit(kernels.Accuracy, predicted, wanted)


def mae(plan: Lowering, output: Value, target: Target, loss: Loss) -> Call:
    """|y - t|, the mean over all elements."""
    if target.labels:
        raise ValueError("mae compares values; the targets are class numbers: use accuracy")
    return plan.emit(kernels.MeanAbsoluteError, plan.read(output).buffer, target.buffer)


Metric = Callable[[Lowering, Value, Target, Loss], Call]

#: The metrics by name.
METRICS: dict[str, Metric] = {"accuracy": accuracy, "mae": mae}


def resolve(name: str) -> Metric:
    """The metric of that name. Raises ValueError that lists the known ones."""
    return METRICS[checks.known("metric", name, METRICS)]
