"""Random boxes, how two overlap, number by number, and non-maximum suppression, box by box."""

from typing import Any

import numpy as np


def iou_of_two(a: Any, b: Any) -> float:
    """Intersection over union; 0 where both are empty."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    common = max(width, 0) * max(height, 0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common
    return float(common / union) if union else 0.0


def random_boxes(rng: np.random.Generator, count: int, size: tuple[int, int], whole: bool = False) -> np.ndarray:
    """Boxes with an area, within an image of that size; of whole pixels, in which many coincide, or any."""
    first, second = rng.uniform(0, 1, (2, count, 2)) * size[::-1]
    if whole:
        first, second = first.astype(int), second.astype(int)
        return np.hstack([np.minimum(first, second), np.maximum(first, second) + 1])
    return np.hstack([np.minimum(first, second), np.maximum(first, second)])


def suppressed(boxes: Any, scores: Any, classes: Any, iou: float, most: int | None) -> list[int]:
    """Non-maximum suppression, box by box."""
    kept: list[int] = []
    for i in sorted(range(len(boxes)), key=lambda i: (-scores[i], i)):
        if all(classes[i] != classes[j] or iou_of_two(boxes[i], boxes[j]) <= iou for j in kept):
            kept.append(i)
    return kept[:most]
