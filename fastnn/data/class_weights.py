"""Class weights, turned into weights of samples or positions, or of each of several labels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fastnn.common import checks
from fastnn.data import arrays
from fastnn.data.examples import Examples


def sample_weights(examples: Examples, output: int, shape: tuple[int, ...], class_weight: Any) -> np.ndarray:
    """The weights of the samples, times that of each sample's class, or of the class at each position.

    output: its place among the outputs. shape: its own, without the batch. class_weight: a dict from class to weight,
    or "balanced". Raises ValueError and TypeError as `fit`.
    """
    targets, (*positions, columns) = examples.targets[output], shape
    numbers = classes(targets, examples.labels[output], columns)
    real = _real(examples, positions)
    if real is not None:  # padded steps have no class
        numbers = np.where(real.reshape(-1), numbers, -1)
    by_class = _weights(class_weight, numbers, max(2, columns))
    found = np.ones(len(numbers))
    known = (numbers >= 0) & (numbers < len(by_class))  # others are ignored, or rejected when they are gathered
    found[known] = by_class[numbers[known].astype(np.int64)]
    return _times(found.reshape(len(targets), -1, 1), examples, output, shape)


def label_weights(examples: Examples, output: int, shape: tuple[int, ...], class_weight: Any) -> np.ndarray:
    """The weight of each element of labels that do not exclude each other, times that of its sample or position.

    class_weight: a dict from label to the weight of its positives, which are 1 for those left out as for all negatives;
    or "balanced": elements / (2 * those that are positive, or negative, as the element), label by label.
    """
    *positions, columns = shape
    count, targets = examples.size, examples.targets[output].reshape(-1, columns)
    positive = targets >= 0.5
    if isinstance(class_weight, str) and class_weight == "balanced":
        steps = _real(examples, positions)
        real = np.ones(len(targets), bool) if steps is None else steps.reshape(-1)
        all_of, of_label = real.sum(), positive[real].sum(axis=0)
        for label in np.flatnonzero((of_label == 0) | (of_label == all_of)):
            which = "negatives" if of_label[label] else "positives"
            raise ValueError(f'class_weight="balanced": label {label} has no {which}; give a dict instead')
        found = np.where(positive, all_of / (2 * of_label), all_of / (2 * (all_of - of_label)))
    else:
        found = np.where(positive, _weights(class_weight, positive, columns), 1.0)
    return _times(found.reshape(count, -1, columns), examples, output, shape)


def _real(examples: Examples, positions: Sequence[int]) -> np.ndarray | None:
    """Which steps of an output exist; None where it has no steps with lengths.

    They are those of the input of as many steps. Raises ValueError where several have other lengths.
    """
    if not positions:
        return None
    both = zip(examples.inputs, examples.ending, strict=False)
    numbers = {number for array, number in both if number >= 0 and array.shape[1] == positions[0]}
    if len(numbers) > 1:
        raise ValueError("class_weight: the inputs have different lengths; give sample_weight (batch, time) instead")
    return np.arange(positions[0]) < examples.lengths[numbers.pop()].reshape(-1, 1) if numbers else None


def _times(found: np.ndarray, examples: Examples, output: int, shape: tuple[int, ...]) -> np.ndarray:
    """Weights (samples, positions, 1 or columns) times those that are given, which may be of fewer."""
    given, count = examples.weights[output] if examples.weights else None, examples.size
    if given is not None:
        columns = shape[-1] if given.size == count * math.prod(shape) else 1
        found = found * given.reshape(count, -1, columns)
    found = arrays.in_proportion(found)
    return arrays.ready(found.reshape(count, *(shape if found.shape[2] > 1 else shape[:-1])))


def classes(targets: np.ndarray, labels: bool, columns: int) -> np.ndarray:
    """The class of each target: its label, the argmax, or for one output whether it is >= 0.5."""
    if labels:
        return targets.reshape(-1).astype(np.float64)  # may hold a -1, too
    rows = targets.reshape(-1, columns)
    return rows[:, 0] >= 0.5 if columns == 1 else rows.argmax(axis=1)


def _weights(class_weight: Any, numbers: np.ndarray, classes: int) -> np.ndarray:
    """The weight of each class."""
    if isinstance(class_weight, str) and class_weight == "balanced":
        counts = np.bincount(numbers[(numbers >= 0) & (numbers < classes)].astype(np.int64), minlength=classes)
        if not counts.all():
            raise ValueError(f'class_weight="balanced": class {counts.argmin()} has no samples; give a dict instead')
        weights: np.ndarray = counts.sum() / (classes * counts)
        return weights
    if not isinstance(class_weight, Mapping):
        raise TypeError(f'class_weight must be "balanced" or a dict from class to weight, got {class_weight!r}')
    weights = np.ones(classes)
    for number, weight in class_weight.items():
        if isinstance(number, bool) or not hasattr(number, "__index__") or not 0 <= number < classes:
            raise ValueError(f"class_weight: there is no class {number!r}; classes are 0 to {classes - 1}")
        weights[number] = checks.real(f"class_weight[{number}]", weight, least=0)
    return weights
