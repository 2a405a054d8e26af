"""A loss that is a function of yours."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fastnn import kernels
from fastnn.losses.base import Loss, Target
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.values import Buffer, Call

#: function(y, t) -> (loss, dy)
Function = Callable[[np.ndarray, np.ndarray], tuple[float, np.ndarray]]


@dataclass(eq=False, repr=False)
class Own(Loss):
    """loss, dy = function(y, t), in NumPy: the loss of outputs y against targets t, and its gradient by y.

    y, t: read-only, float32 (batch, elements of an output), valid until the function returns; dy: of that shape. An
    exception in the function, and a dy that is not finite or of another shape, end the step before anything is updated.
    Files hold its name: `fnn.load(path, losses={name: function})`. It takes no sample weights.
    """

    function: Function

    whole: ClassVar[bool] = True

    @property
    def name(self) -> str:  # type: ignore[override]
        """What the function is called."""
        return getattr(self.function, "__name__", type(self.function).__name__)

    def emit(self, plan: Lowering, output: Buffer, target: Target, gradient: Buffer) -> Call:
        if target.weight is not None:
            raise ValueError(f"{self.name}: a loss of your own takes (y, t), and so no sample_weight or class_weight")
        options = {"function": self.function, "name": self.name, "finite": plan.training}
        return plan.emit(kernels.OwnLoss, output, target.buffer, gradient, **options)
