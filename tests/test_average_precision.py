"""The average precision of what is found: against plain loops, and values computed on paper.

Further against pycocotools, where it is installed.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from fastnn.metrics.average_precision import average_precision
from reference_boxes import iou_of_two

Images = list[tuple[Any, ...]]
UNIT, AWAY, FAR = [0, 0, 10, 10], [50, 0, 60, 10], [90, 0, 99, 9]


def plainly(found: Images, truth: Images, iou: float) -> dict[int, float]:
    """The value of each class: every curve point by point, and the area step by step over its recalls."""
    values = {}
    for label in sorted({int(each) for _, labels in truth for each in labels}):
        objects = {(i, j) for i, (_, labels) in enumerate(truth) for j, each in enumerate(labels) if each == label}
        boxes = [
            (-float(score), i, j)
            for i, (_, labels, scores) in enumerate(found)
            for j, (each, score) in enumerate(zip(labels, scores, strict=True))
            if each == label
        ]
        open_objects, right, curve = set(objects), 0, [(0.0, 0.0)]
        for taken, (_, i, j) in enumerate(sorted(boxes), start=1):
            best, match = 0.0, None
            for image, k in sorted(open_objects):
                overlap = iou_of_two(found[i][0][j], truth[i][0][k]) if image == i else 0.0
                if overlap >= iou and overlap > best:
                    best, match = overlap, (image, k)
            if match:
                open_objects.remove(match)
                right += 1
            curve.append((right / len(objects), right / taken))
        value, before = 0.0, 0.0
        for recall in sorted({recall for recall, _ in curve}):
            value += (recall - before) * max(precision for other, precision in curve if other >= recall)
            before = recall
        values[label] = value
    return values


def spread(rng: np.random.Generator, count: int) -> np.ndarray:
    corner = rng.uniform(0, 60, (count, 2))
    return np.hstack([corner, corner + rng.uniform(3, 40, (count, 2))])


def scenes(seed: int, count: int, ties: bool) -> Iterator[tuple[Images, Images]]:
    """Images with objects, of which some are found, about, twice or as another class; and others that are not there."""
    for rng in (np.random.default_rng([seed, i]) for i in range(count)):
        found: Images = []
        truth: Images = []
        for i in range(int(rng.integers(1, 7))):
            boxes, labels = spread(rng, int(rng.integers(i == 0, 8))), rng.integers(0, 3, 8)
            labels = labels[: len(boxes)]
            again = rng.integers(0, max(len(boxes), 1), int(rng.integers(0, 12)) if len(boxes) else 0)
            shifted = boxes[again] + rng.normal(0, 2, (len(again), 4))
            shifted[:, 2:] = np.maximum(shifted[:, 2:], shifted[:, :2])
            guessed = np.vstack([shifted, spread(rng, int(rng.integers(0, 4)))])
            kinds = rng.integers(0, 4, len(guessed))
            kinds[: len(again)] = np.where(rng.random(len(again)) < 0.8, labels[again], kinds[: len(again)])
            scores = rng.integers(0, 4, len(guessed)) / 4 if ties else rng.random(len(guessed))
            found.append((guessed, kinds, scores))
            truth.append((boxes, labels))
        yield found, truth


@pytest.mark.parametrize("ties", [False, True])
def test_against_loops(ties: bool) -> None:
    values = []
    for i, (found, truth) in enumerate(scenes(1, 100, ties)):
        iou = (0, 0.3, 0.5, 0.75, 0.95)[i % 5]
        wanted = plainly(found, truth, iou)
        assert average_precision(found, truth, iou, per_class=True) == pytest.approx(wanted, abs=1e-12)
        value = average_precision(found, truth, iou)
        assert isinstance(value, float) and value == pytest.approx(np.mean([*wanted.values()]), abs=1e-12)
        values.append(value)
    assert np.ptp(values) == 1 and 0.3 < np.mean(values) < 0.7


def of_coco(coco: Any, images: Images) -> Any:
    """Boxes, labels and any scores as pycocotools takes them."""
    dataset, entries = coco.COCO(), []
    for j, (boxes, labels, *scores) in enumerate(images):
        for k, (box, label) in enumerate(zip(boxes, labels, strict=True)):
            entry = {"id": len(entries) + 1, "image_id": j + 1, "category_id": int(label), "iscrowd": 0, "area": 1}
            entries.append(
                entry | {"bbox": [*box[:2], *(box[2:] - box[:2])], "score": float(scores[0][k]) if scores else 1}
            )
    kinds = [{"id": k} for k in range(4)]
    dataset.dataset = {
        "images": [{"id": j + 1} for j in range(len(images))],
        "annotations": entries,
        "categories": kinds,
    }
    dataset.createIndex()
    return dataset


def test_against_pycocotools() -> None:
    """Whose recalls are given, so that its mean over them is the whole area; scores without ties."""
    coco = pytest.importorskip("pycocotools.coco", reason="pycocotools is the oracle")
    evaluation = pytest.importorskip("pycocotools.cocoeval", reason="pycocotools is the oracle")
    for i, (found, truth) in enumerate(scenes(2, 25, ties=False)):
        iou = (0.3, 0.5, 0.75)[i % 3]
        for label, value in average_precision(found, truth, iou, per_class=True).items():
            count = sum(int((labels == label).sum()) for _, labels in truth)
            run = evaluation.COCOeval(of_coco(coco, truth), of_coco(coco, found), "bbox")
            run.params.iouThrs, run.params.recThrs = np.array([iou]), (np.arange(count) + 0.5) / count
            run.params.catIds, run.params.maxDets = [label], [1000]
            run.params.areaRng, run.params.areaRngLbl = [[0, 1e10]], ["all"]
            run.evaluate()
            run.accumulate()
            assert value == pytest.approx(run.eval["precision"].mean(), abs=1e-9)


PAPER = [
    ([([UNIT], [0], [0.1])], [([UNIT], [0])], 1),
    ([([], [], [])], [([UNIT], [0])], 0),
    ([([UNIT], [1], [0.9])], [([UNIT], [0])], 0),
    # The second box on an object is wrong, and the better one does not matter if its score is less.
    ([([UNIT, UNIT], [0, 0], [0.9, 0.8])], [([UNIT], [0])], 1),
    ([([[0, 0, 10, 6], UNIT], [0, 0], [0.9, 0.8])], [([UNIT, AWAY], [0, 0])], 0.5),
    # An intersection over union of exactly 1/2 is enough, less is not.
    ([([[0, 0, 10, 5]], [0], [1])], [([UNIT], [0])], 1),
    ([([[0, 0, 10, 4.9]], [0], [1])], [([UNIT], [0])], 0),
    # Right, wrong, right, of 3: 1/3 + 1/3 * 2/3. Wrong, right, right, of 2: 2/3 at both, interpolated.
    ([([UNIT, FAR, AWAY], [0] * 3, [3, 2, 1])], [([UNIT, AWAY, [20, 0, 30, 10]], [0] * 3)], 5 / 9),
    ([([FAR, UNIT, AWAY], [0] * 3, [3, 2, 1])], [([UNIT, AWAY], [0] * 2)], 2 / 3),
    # Boxes are taken by score over all images; of equal scores the earlier image is first.
    ([([UNIT], [0], [0.5]), ([UNIT], [0], [0.9])], [([UNIT], [0]), ([], [])], 0.5),
    ([([UNIT], [0], [0.5]), ([UNIT], [0], [0.5])], [([UNIT], [0]), ([], [])], 1),
    # The mean of classes; one that is only found is left out.
    ([([UNIT, UNIT], [4, 9], [1, 1])], [([UNIT, UNIT], [4, 7])], 0.5),
    # A box whose best object is taken finds the next best.
    ([([UNIT, [1, 0, 11, 10]], [0, 0], [2, 1])], [([UNIT, [4, 0, 14, 10]], [0, 0])], 1),
]


@pytest.mark.parametrize(("found", "truth", "value"), PAPER)
def test_on_paper(found: Images, truth: Images, value: float) -> None:
    assert average_precision(found, truth) == pytest.approx(value, abs=1e-15)


def test_per_class() -> None:
    found, truth = [([UNIT, UNIT], [4, 9], [1, 1])], [([UNIT, UNIT], [7, 4])]
    values = average_precision(found, truth, per_class=True)
    assert values == {4: 1, 7: 0} and [*values] == [4, 7] and {type(each) for each in values} == {int}
    assert math.isclose(average_precision([*found] * 3, truth * 3), 0.5)


def test_boxes_that_do_not_overlap_never_match() -> None:
    empty = [3, 3, 3, 3]
    assert average_precision([([[20, 0, 30, 10]], [0], [1])], [([UNIT], [0])], iou=0) == 0
    assert average_precision([([empty], [0], [1])], [([empty], [0])], iou=0) == 0
    assert average_precision([([[9, 9, 30, 30]], [0], [1])], [([UNIT], [0])], iou=0) == 1


def test_of_thousands() -> None:
    rng = np.random.default_rng(0)
    truth = [(spread(rng, 50), rng.integers(0, 5, 50)) for _ in range(40)]
    perfect = [(boxes, labels, rng.random(50)) for boxes, labels in truth]
    assert average_precision(perfect, truth, 0.99) == 1
    worse = [(spread(rng, 100), rng.integers(0, 5, 100), rng.random(100)) for _ in truth]
    assert average_precision(worse, truth) < 0.2


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: average_precision([], []),
            ValueError,
            "average_precision: truth has no boxes, so there is nothing to",
        ),
        (
            lambda: average_precision([], [([UNIT], [0])]),
            ValueError,
            "as many images in found as in truth, got 0 and 1",
        ),
        (
            lambda: average_precision(3, []),
            TypeError,
            r"found must be a list of tuples \(boxes, labels, scores\), got 3",
        ),
        (lambda: average_precision([], [3]), TypeError, r"average_precision: truth must be tuples \(boxes, labels\)"),
        (
            lambda: average_precision([([UNIT], [0])], [([UNIT], [0])]),
            ValueError,
            r"expected found\[0\] \(boxes, labels, scores\), got 2 arrays",
        ),
        (
            lambda: average_precision([([UNIT], [0], [1])], [([UNIT], [0], [1])]),
            ValueError,
            r"expected truth\[0\] \(boxes, labels\), got 3 arrays",
        ),
        (lambda: average_precision([], [(UNIT, [0])]), ValueError, r"truth\[0\]: boxes: expected \(n, 4\)"),
        (
            lambda: average_precision([], [([[5, 0, 4, 4]], [0])]),
            ValueError,
            r"truth\[0\]: boxes\[0\] is .*left <= rig",
        ),
        (
            lambda: average_precision([], [([UNIT], [-1])]),
            ValueError,
            r"truth\[0\]: labels\[0\] is -1; expected an int",
        ),
        (lambda: average_precision([([UNIT], [0, 1], [1])], []), ValueError, r"found\[0\]: labels: expected \(1,\)"),
        (
            lambda: average_precision([([UNIT], [0], [])], []),
            ValueError,
            r"found\[0\]: scores: expected \(1,\), a score",
        ),
        (lambda: average_precision([([UNIT], [0], [np.nan])], []), ValueError, r"found\[0\]: scores\[0\] is nan; exp"),
        (lambda: average_precision([], [], iou=1.5), ValueError, "iou must be a number >= 0 and <= 1, got 1.5"),
        (lambda: average_precision([], [], per_class=1), TypeError, "per_class must be True or False, got 1"),
    ],
)
def test_what_is_refused(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
