"""Weights of classes: how much each sample, or position, of a class counts, as weights of these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.common import checks

if TYPE_CHECKING:
    from fastnn.network import Network


def sample_weights(net: Network, x: Any, y: Any, sample_weight: Any, class_weight: Any, lengths: Any = None) -> Any:
    """sample_weight, times the weight of each sample's class, or that at each position, where there are any.

    class_weight: a dict from class to weight, or "balanced". Raises ValueError and TypeError as `fit`.
    """
    if class_weight is None:
        return sample_weight
    assert net.compiled
    if len(net.heads) > 1:
        raise ValueError("class_weight is for networks of one output; use sample_weight")
    if not net.heads[0].loss.classifies:
        raise ValueError(f"class_weight is for classes; {net.heads[0].loss.name} compares values: use sample_weight")
    _, (targets, *weights), labels = net.examples(x, y, sample_weight, lengths)
    ends = None if lengths is None else weights.pop()
    *positions, columns = net.samples(x)[1][0]
    if columns > 1 and net.heads[0].loss.ending == "sigmoid":
        raise ValueError("class_weight: several sigmoid outputs are independent labels, not classes; use sample_weight")
    numbers = _classes(targets, bool(labels & 1), columns)
    if ends is not None and positions:  # what lies beyond is of no class
        numbers = np.where((np.arange(positions[0]) < ends.reshape(-1, 1)).reshape(-1), numbers, -1)
    by_class = _weights(class_weight, numbers, max(2, columns))
    found = np.ones(len(numbers))
    known = (numbers >= 0) & (numbers < len(by_class))  # others are ignored, or refused where they are gathered
    found[known] = by_class[numbers[known].astype(np.int64)]
    if weights:
        found = (found.reshape(len(targets), -1) * weights[0].reshape(len(targets), -1)).reshape(-1)
    return found.reshape(len(targets), *positions)


def _classes(targets: np.ndarray, labels: bool, columns: int) -> np.ndarray:
    """The class of each target: its label, its greatest column, or for one output whether it is >= 0.5."""
    if labels:
        return targets.reshape(-1)
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
