"""The class of each row, and metrics of classes that are measured in the plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fastnn import kernels
from fastnn.common import checks
from fastnn.losses import Target
from fastnn.losses.target import repeated
from fastnn.lowering.call import Buffer, Call
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value
from fastnn.metrics.base import Metered
from fastnn.metrics.meaning import Kind, Meaning


def classes(lowering: Lowering, output: Value, meaning: Meaning) -> Buffer:
    """Emits the class at each position, or whether each of several labels is true; softmax is not computed.

    Raises ValueError where the outputs are not probabilities or logits of classes.
    """
    meaning.require_classes()
    threshold = None
    if meaning.by_threshold:
        threshold = meaning.threshold if output.pending == "identity" else 0.0  # of the logits
    output.logits_used = True
    return _decided(lowering, output.buffer, _places(output, meaning), threshold)


def _places(output: Value, meaning: Meaning) -> int:
    """How many classes or labels a row of the output has."""
    return output.columns if meaning.kind is Kind.LABELS else output.positions


def _decided(lowering: Lowering, buffer: Buffer, places: int, threshold: float | None) -> Buffer:
    numbers = buffer.beside(places, "int32")
    lowering.emit(kernels.Classes, buffer, numbers, threshold=threshold, positions=places)
    return numbers


def _classes_of_target(lowering: Lowering, output: Value, target: Target, meaning: Meaning) -> Buffer:
    """The target's class numbers, or the argmax at each of its positions, or its labels."""
    if target.labels:
        return target.buffer
    return _decided(lowering, target.buffer, _places(output, meaning), 0.5 if meaning.by_threshold else None)


def _weight(lowering: Lowering, target: Target, places: int) -> Buffer | None:
    """The weight of each class or label of a row."""
    same = target.positions == places
    return target.weight if same else repeated(lowering, target.sample_weight, places)


class Accuracy(Metered):
    """The fraction of samples, or of positions, whose class is the target's (the argmax, for distributions).

    Of several labels, which do not exclude each other, the fraction of all labels that are right.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dense(2, "softmax", initializer="ones")], input_shape=(3,))
    >>> net = net.compile("sgd", "cross_entropy", metrics=["accuracy"])
    >>> net.evaluate(np.ones((4, 3)), [0, 0, 0, 1])["accuracy"]
    0.75
    """

    name: ClassVar[str] = "accuracy"

    def lower(self, lowering: Lowering, output: Value, target: Target, meaning: Meaning) -> Call:
        predicted = classes(lowering, output, meaning)
        wanted, places = _classes_of_target(lowering, output, target, meaning), _places(output, meaning)
        weight = _weight(lowering, target, places)
        return lowering.emit(kernels.Accuracy, predicted, wanted, weight, positions=places)


@dataclass(eq=False, repr=False)
class TopK(Metered):
    """The fraction of samples whose target is among the k most probable classes: "top_5_accuracy" is TopK(5).

    Parameters
    ----------
    k : int
        At least 1; 1 is the accuracy, except that all classes of the greatest probability count.

    Raises
    ------
    TypeError, ValueError
        For a k that is not a positive integer.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dense(10, "softmax")], input_shape=(3,), seed=0)
    >>> net = net.compile("sgd", "cross_entropy", metrics=["top_5_accuracy", fnn.metrics.TopK(2)])
    >>> logs = net.evaluate(np.ones((10, 3)), np.arange(10))
    >>> logs["top_5_accuracy"], logs["top_2_accuracy"]
    (0.5, 0.2)
    """

    k: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "k", checks.integer("TopK: k", self.k))

    @property
    def name(self) -> str:  # type: ignore[override]
        """With k in it."""
        return f"top_{self.k}_accuracy"

    def check(self, meaning: Meaning, labels: bool) -> None:
        """Needs several classes."""
        if meaning.by_threshold or meaning.kind is Kind.VALUES:
            raise ValueError(f"{self.name} is for classes: end the network with softmax")

    def lower(self, lowering: Lowering, output: Value, target: Target, meaning: Meaning) -> Call:
        output.logits_used = True
        wanted, n = _classes_of_target(lowering, output, target, meaning), output.positions
        weight = _weight(lowering, target, n)
        return lowering.emit(kernels.TopAccuracy, output.buffer, wanted, weight, k=self.k, positions=n)
