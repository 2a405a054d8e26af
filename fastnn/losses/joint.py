"""A loss of several outputs together that is a function defined by the user."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np

from fastnn import kernels
from fastnn.common import checks
from fastnn.losses.base import Loss
from fastnn.losses.own import check_function, name_of
from fastnn.losses.target import Target
from fastnn.lowering.call import Call
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


@dataclass(eq=False, repr=False)
class Joint(Loss):
    """A loss of all outputs of a network in NumPy: loss, gradients = function(y, t), of dicts by output.

    It is the only loss: `compile(loss=Joint(function))`. An exception in the function, and a gradient that is missing,
    not finite or of another shape than its output, end the step before anything is updated. Files hold its name:
    `fnn.load(path, losses={name: function})`.

    Parameters
    ----------
    function : callable
        Called with y, the outputs by name, float32 (batch, ...), and t, the targets by name, of the same shapes, or
        labels, int32, without the last axis. All are read-only and valid until the function returns. It returns the
        loss, a mean, and a dict of its gradients with respect to each output; with `parts` a dict of these as well.
    targets : dict of str to tuple of int or None, optional
        The shapes of samples' targets where they are not the outputs'. None: the output has no target, t does not hold
        it, and `fit` takes no y for it.
    parts : list of str, default ()
        Names of numbers that the function returns in its third dict, and that the logs show: parts of the loss, say.

    Raises
    ------
    TypeError, ValueError
        For a function that cannot be called, targets that are no such shapes, and names that are no strings.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> def alike(y, t):
    ...     d = y["a"] - y["b"]
    ...     return (d**2).mean(), {"a": 2 * d / d.size, "b": -2 * d / d.size}
    >>> x = fnn.Input((2,))
    >>> net = fnn.Network(x, [fnn.Dense(3, name="a")(x), fnn.Dense(3, name="b")(x)], seed=0)
    >>> net = net.compile("sgd", fnn.losses.Joint(alike, targets={"a": None, "b": None}))
    >>> net.evaluate(np.zeros((4, 2)))
    {'loss': 0.0}
    """

    function: Callable[[dict[str, np.ndarray], dict[str, np.ndarray]], Any]
    targets: Mapping[str, tuple[int, ...] | None] | None = None
    parts: Sequence[str] = ()
    output: str = field(default="", init=False)

    takes_labels: ClassVar[bool] = True
    positional: ClassVar[bool] = True
    whole: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_function(self)
        given = {} if self.targets is None else self.targets
        if not isinstance(given, Mapping):
            raise TypeError(f"{self.name}: targets must be a dict of shapes by output, got {given!r:.60}")
        shapes = {
            output: None if shape is None else checks.shape(f"{self.name}: targets[{output!r}]", shape)
            for output, shape in given.items()
        }
        object.__setattr__(self, "targets", shapes)
        parts = [checks.name(f"{self.name}: a part", part) for part in checks.listed("parts", self.parts, str, "names")]
        object.__setattr__(self, "parts", tuple(parts))

    @property
    def name(self) -> str:  # type: ignore[override]
        """The function's name."""
        return name_of(self.function)

    def of(self, output: str) -> Self:
        """The same as the loss of one of the outputs: it says what the target of that one looks like."""
        twin = type(self)(**self.settings())
        object.__setattr__(twin, "output", output)
        return twin

    @property
    def compares(self) -> bool:  # type: ignore[override]
        """Whether the target of its output has the shape of that."""
        return self.output not in (self.targets or {})

    def labels_fit(self, shape: tuple[int, ...]) -> bool:
        return self.compares and super().labels_fit(shape)

    def target_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        own = (self.targets or {}).get(self.output, shape)
        return (0,) if own is None else own

    def lower_all(
        self, lowering: Lowering, names: Sequence[str], outputs: list[Value], targets: list[Target]
    ) -> dict[str, Call]:
        """Emits the loss of all outputs and its gradients; returns what it measures, by name in the logs."""
        if any(target.weight is not None for target in targets):
            raise ValueError(f"{self.name}: a Joint loss takes no sample_weight or class_weight; pass them as targets")
        outputs = [lowering.read(output) for output in outputs]
        parts = {part: lowering.emit(kernels.Part) for part in self.parts}
        buffers = [
            (output.buffer, target.buffer if target.buffer.columns else None, lowering.gradient(output))
            for output, target in zip(outputs, targets, strict=True)
        ]
        shapes = [
            (output.shape, output.shape[:-1] if target.labels else self.of(name).target_shape(output.shape))
            for name, output, target in zip(names, outputs, targets, strict=True)
        ]
        options = {"function": self.function, "name": self.name, "outputs": tuple(names), "shapes": tuple(shapes)}
        flat = [buffer for three in buffers for buffer in three]
        call = lowering.emit(
            kernels.JointLoss, *flat, *parts.values(), parts=tuple(parts), finite=lowering.training, **options
        )
        for output in outputs if lowering.training else ():
            lowering.apply_derivative(output)
        return {"loss": call, **parts}

    def __call__(self, y: Any, t: Any, sample_weight: Any = None) -> Any:
        """What the function returns for outputs and targets by name."""
        return self.function(y, t)
