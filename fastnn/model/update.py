"""What a training plan does after the backward phase: penalties, clipping, the update, max-norm, the moving average.

Each is an Op for each range or parameter that needs it.
"""

from collections.abc import Mapping, Sequence

from fastnn import kernels
from fastnn.kernels.optimizer import Update
from fastnn.layers.base import Parameter
from fastnn.lowering.call import Call
from fastnn.lowering.lowering import Lowering
from fastnn.optimizers import FirstOrder, Optimizer, Span


def penalized(wanted: Mapping[str, Parameter]) -> bool:
    """Whether a parameter has a penalty."""
    return any(parameter.l1 or parameter.l2 for parameter in wanted.values())


def penalize(lowering: Lowering, wanted: Mapping[str, Parameter], loss: Call | None) -> None:
    """Adds the penalties of the parameters to the loss, if there is one, and in training to their gradients."""
    for name, parameter in wanted.items():
        if parameter.l1 or parameter.l2:
            weight = lowering.weights[name]
            gradient = weight.gradient if lowering.training else None
            with lowering.named(name):
                lowering.emit(kernels.Penalty, weight.value, gradient, loss, l1=parameter.l1, l2=parameter.l2)


def refuse_max_norm(wanted: Mapping[str, Parameter]) -> None:
    """Raises ValueError where a parameter has a max_norm, for an optimizer that searches along a line."""
    for name, parameter in wanted.items():
        if parameter.max_norm is not None:
            raise ValueError(f"{name}: max_norm does not work with LBFGS; use l2, or another optimizer")


def update(lowering: Lowering, optimizer: Optimizer, spans: Sequence[Span], wanted: Mapping[str, Parameter]) -> None:
    """Emits the update of the spans. Raises RuntimeError for an optimizer that is not a single step."""
    optimizer = require_single_step(optimizer)
    with lowering.named(type(optimizer).__name__):
        _clip(lowering, optimizer, spans)
        for span in spans:
            first = len(lowering.calls)
            optimizer.update(lowering, span)
            for call in lowering.calls[first:]:
                if issubclass(call.op, Update):
                    call.factor = span.factor
    for name, parameter in wanted.items():
        if parameter.max_norm is not None and lowering.weights[name].gradient is not None:
            with lowering.named(name):
                lowering.emit(kernels.MaxNorm, lowering.weights[name].value, limit=parameter.max_norm)
    if optimizer.ema is not None:
        with lowering.named("average"):
            for span in spans:
                lowering.emit(kernels.Average, span.values, span.slots["average"], decay=optimizer.ema)


def require_single_step(optimizer: Optimizer) -> FirstOrder:
    """The optimizer. Raises RuntimeError for one that is not a single step."""
    if not isinstance(optimizer, FirstOrder):
        raise RuntimeError(
            f"{type(optimizer).__name__} trains with fit only: it evaluates the loss several times per iteration"
        )
    return optimizer


def _clip(lowering: Lowering, optimizer: FirstOrder, spans: Sequence[Span]) -> None:
    """Clips the gradients: first each element, then the norm of all."""
    if optimizer.clip_value is not None:
        for span in spans:
            lowering.emit(kernels.Clip, span.gradients, limit=optimizer.clip_value)
    if optimizer.clip_norm is not None:
        norm: Call | None = None
        for span in spans:
            norm = lowering.emit(kernels.SquaredNorm, span.gradients, norm)
        for span in spans:
            lowering.emit(kernels.ClipNorm, span.gradients, norm, limit=optimizer.clip_norm)
