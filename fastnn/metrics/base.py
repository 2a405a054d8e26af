"""What a metric is: its settings, its names in the logs, and how it is measured in a network or on arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from fastnn import kernels, losses
from fastnn.common.settings import FixedSettings
from fastnn.data import arrays
from fastnn.engine.port import Port
from fastnn.losses import Target
from fastnn.losses.target import gather_weight
from fastnn.lowering.call import Buffer, Call
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value
from fastnn.metrics.meaning import Kind, Meaning


@dataclass(eq=False, repr=False)
class Metric(FixedSettings):
    """The settings of a metric, which never change; the base of all metrics.

    Attributes
    ----------
    name : str
        The name in the logs.
    grows : bool
        Whether more is better.
    kind : Kind
        What several outputs stand for where it is called on arrays without a threshold.

    Examples
    --------
    >>> import fastnn as fnn
    >>> isinstance(fnn.metrics.F1("micro"), fnn.metrics.Metric)
    True
    """

    name: ClassVar[str]
    grows: ClassVar[bool] = True
    kind: ClassVar[Kind] = Kind.CLASSES

    def names(self, meaning: Meaning) -> list[str]:
        """The names of its values in the logs."""
        return [self.name]

    def check(self, meaning: Meaning, labels: bool) -> None:
        """Raises ValueError where it does not fit the outputs. labels: whether the targets are class numbers."""
        if self.kind is Kind.VALUES:
            if labels:
                raise ValueError(f"{self.name} compares values; the targets are class numbers: use accuracy")
        else:
            meaning.require_classes()
            if labels and meaning.by_threshold:
                raise ValueError(f"{self.name}: expected a target for each of several labels, got class numbers")

    def __call__(self, y: Any, t: Any, sample_weight: Any = None, threshold: float | None = None) -> Any:
        """Measure outputs y against targets t.

        Parameters
        ----------
        y : array (batch,) or (batch, ..., columns)
            Outputs, as `predict` returns them: probabilities, for metrics of classes.
        t : array
            Targets of the shape of y; for classes also class numbers, of that shape without the last axis.
        sample_weight : array, optional
            Numbers >= 0: (batch,), or a weight for each position, (batch, ...).
        threshold : float, optional
            Of several outputs the greatest is the class; with a threshold each is a label of its own, which is true
            where the output is not less. For one output, 0.5.

        Returns
        -------
        float
            For average=None an array with a value for each class.

        Raises
        ------
        TypeError, ValueError
            For targets and weights that do not fit y.

        Examples
        --------
        >>> import fastnn as fnn
        >>> fnn.metrics.accuracy([0.9, 0.2, 0.4], [1, 0, 1], sample_weight=[1, 1, 2])
        0.5
        """
        outputs = arrays.ready(arrays.numbers("y", y))
        outputs = outputs.reshape(-1, 1) if outputs.ndim == 1 else outputs
        if outputs.ndim == 0 or not outputs.size:
            raise ValueError(f"y: expected outputs (batch, ...), got shape {outputs.shape}")
        shape, count = outputs.shape[1:], len(outputs)
        kind = self.kind if threshold is None or self.kind is Kind.VALUES else Kind.LABELS
        kind = Kind.CLASSES if shape[-1] == 1 and kind is Kind.LABELS else kind
        meaning = Meaning(shape[-1], kind, 0.5 if threshold is None else float(threshold))
        fit = kind is Kind.CLASSES and shape[-1] > 1
        targets, labels = arrays.targets(t, count, shape, fit, "t")
        targets = targets.reshape(count, *shape[: -1 if labels else None])
        if kind is not Kind.VALUES:
            least, most = targets.min(), targets.max()
            if not (least >= 0 and most <= (shape[-1] - 1 if labels else 1)):  # a NaN compares false
                wanted = f"class numbers from 0 to {shape[-1] - 1}" if labels else "numbers from 0 to 1"
                raise ValueError(f"t: expected {wanted}, got numbers from {least} to {most}")
        self.check(meaning, labels)
        weight = None if sample_weight is None else arrays.weights(sample_weight, count, shape, False)
        if weight is not None and not (weight >= 0).all():
            raise ValueError("sample_weight: expected numbers >= 0")
        return self.of_arrays(outputs, targets, weight, meaning)

    def of_arrays(self, y: np.ndarray, t: np.ndarray, weight: np.ndarray | None, meaning: Meaning) -> Any:
        """Its value for outputs (batch, ..., columns), targets and weights of the right shapes."""
        raise NotImplementedError(f"{type(self).__name__}.of_arrays")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(self.settings().values())


class Recorded(Metric):
    """A metric of the outputs of a whole epoch, in NumPy: no mean over batches."""


class Metered(Metric):
    """A metric that is measured in the plan, batch by batch."""

    def lower(self, lowering: Lowering, output: Value, target: Target, meaning: Meaning) -> Call:
        """Emits the Ops that measure it; the last one is a Meter."""
        raise NotImplementedError(f"{type(self).__name__}.lower")

    def of_arrays(self, y: np.ndarray, t: np.ndarray, weight: np.ndarray | None, meaning: Meaning) -> float:
        lowering, shape = Lowering(len(y), {}), y.shape[1:]
        columns, port = math.prod(shape), Port("y", math.prod(shape))
        output, ports, weights = Value(Buffer(columns), trains=False, shape=shape), [port], None
        with lowering.named(self.name):
            lowering.emit(kernels.Gather, port, output.buffer, check="unchecked")
            if weight is not None:
                into, weights = gather_weight(lowering, weight.size // len(y))
                ports.append(into)
            target = losses.mse.gather_target(lowering, output, t.ndim < y.ndim, weights, "t")
            call = self.lower(lowering, output, target, meaning)
        plan = lowering.assemble([*ports, target.port], [])
        for each, array in zip([*ports, target.port], (a for a in (y, weight, t) if a is not None), strict=True):
            each.attach(array)
        plan.run(len(y), len(y), pause=0)
        return float(call.made.mean)  # type: ignore[union-attr]  # assembled: a Meter
