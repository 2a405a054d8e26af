"""A loss that is a function defined by the user."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from fastnn import kernels
from fastnn.common import checks
from fastnn.losses.base import Loss
from fastnn.losses.target import Target
from fastnn.lowering.call import Buffer, Call
from fastnn.lowering.lowering import Lowering

#: function(y, t) -> (loss, dy), or function(y, t, sample_weight)
Function = Callable[..., tuple[float, np.ndarray]]


@dataclass(eq=False, repr=False)
class Own(Loss):
    """A loss that is a function in NumPy: loss, dy = function(y, t), or function(y, t, sample_weight).

    Without a target it is function(y), or function(y, sample_weight).

    `compile` accepts the function itself. An exception in it, and a dy that is not finite or of another shape than y,
    end the step before anything is updated. Files hold its name: `fnn.load(path, losses={name: function})`.

    Parameters
    ----------
    function : callable
        Called with y, the outputs, float32 (batch, ...), and t, the targets of that shape, or labels, int32, without
        the last axis. Both are read-only and valid until the function returns. A function of three arguments also
        receives sample_weight: (batch,), or one for each position, or of the shape of y, or None. It returns the loss,
        a mean, and dy, its gradient with respect to y.
    target : tuple of int or None, default "output"
        The shape of a sample's target, where it is not the output's: (3,) is t (batch, 3). None: the loss has no
        target, and `fit` takes no y for that output.

    Raises
    ------
    TypeError, ValueError
        For a function that cannot be called, and a target that is no such shape.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> def cubic(y, t):
    ...     d = y - t
    ...     return np.abs(d**3).mean(), 3 * d * np.abs(d) / d.size
    >>> net = fnn.Sequential([fnn.Dense(1)], input_shape=(2,), seed=0).compile("sgd", cubic)
    >>> net.evaluate(np.zeros((4, 2)), np.ones(4))
    {'loss': 1.0}
    """

    function: Function
    target: tuple[int, ...] | str | None = "output"

    takes_labels: ClassVar[bool] = True
    elementwise: ClassVar[bool] = True
    whole: ClassVar[bool] = True

    @property
    def name(self) -> str:  # type: ignore[override]
        """The function's name."""
        return name_of(self.function)

    def __post_init__(self) -> None:
        check_function(self)
        if self.target is not None and self.target != "output":
            if isinstance(self.target, str) or not self.target:
                raise ValueError(
                    f'{self.name}: target must be a shape such as (3,), "output" or None, got {self.target!r}'
                )
            object.__setattr__(self, "target", checks.shape(f"{self.name}: target", self.target))

    @property
    def compares(self) -> bool:  # type: ignore[override]
        """Whether its targets have the shape of the outputs."""
        return self.target == "output"

    @property
    def weighted(self) -> bool:
        """Whether the function accepts sample weights."""
        return takes_weights(self.function, 1 if self.target is None else 2)

    def labels_fit(self, shape: tuple[int, ...]) -> bool:
        return self.target == "output" and super().labels_fit(shape)

    def target_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if self.target is None:
            return (0,)
        return self.target if isinstance(self.target, tuple) else shape

    def emit(self, lowering: Lowering, output: Buffer, target: Target, gradient: Buffer) -> Call:
        given, taken = ("y, t", target.buffer) if self.target is not None else ("y", None)
        if target.weight is not None and not self.weighted:
            raise ValueError(
                f"{self.name}: its parameters are ({given}), without sample_weight or class_weight; "
                f"define {self.name}({given}, sample_weight) to receive them"
            )
        return lowering.emit(
            kernels.OwnLoss,
            output,
            taken,
            gradient,
            target.weight,
            function=self.function,
            name=self.name,
            shape=target.shape,
            target_shape=None if taken is None else self.target_shape(target.shape),
            weighted=self.weighted,
            finite=lowering.training,
        )


def check_function(loss: Any) -> None:
    """Raises TypeError for a loss whose function cannot be called."""
    if not callable(loss.function):
        raise TypeError(f"{type(loss).__name__}: expected a function, got {loss.function!r:.60}")


def name_of(function: Callable[..., object]) -> str:
    """The function's name, by which files hold it; of other callables that of their class."""
    return getattr(function, "__name__", type(function).__name__)


def takes_weights(function: Callable[..., object], others: int = 2) -> bool:
    """Whether a function of (y, t), or of as many others, has another argument for sample weights."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # some callables written in C have no signature
        return False
    positional = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    required = [each for each in positional if each.default is each.empty]
    return len(required) == others + 1 or any(each.name == "sample_weight" for each in positional[others : others + 1])
