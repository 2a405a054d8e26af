"""How boxes overlap, what is suppressed by that, and the average precision of what is found: against plain loops.

Further against pycocotools, where it is installed, and values computed on paper.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from fastnn.metrics.average_precision import average_precision
from fastnn.vision import area, box_iou, suppress, suppression

Images = list[tuple[Any, ...]]
UNIT, AWAY, FAR = [0, 0, 10, 10], [50, 0, 60, 10], [90, 0, 99, 9]
B, B2 = [[0, 0, 4, 4]], [[0, 0, 4, 4], [1, 1, 3, 3]]


def random_boxes(rng: np.random.Generator, count: int, size: tuple[int, int], whole: bool = False) -> np.ndarray:
    """Boxes with an area, within an image of that size; of whole pixels, in which many coincide, or any."""
    first, second = rng.uniform(0, 1, (2, count, 2)) * size[::-1]
    if whole:
        first, second = first.astype(int), second.astype(int)
        return np.hstack([np.minimum(first, second), np.maximum(first, second) + 1])
    return np.hstack([np.minimum(first, second), np.maximum(first, second)])


def iou_of_two(a: Any, b: Any) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    common = max(width, 0) * max(height, 0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common
    return float(common / union) if union else 0.0


def suppressed(boxes: Any, scores: Any, classes: Any, iou: float, most: int | None) -> list[int]:
    """Non-maximum suppression, box by box."""
    kept: list[int] = []
    for i in sorted(range(len(boxes)), key=lambda i: (-scores[i], i)):
        if all(classes[i] != classes[j] or iou_of_two(boxes[i], boxes[j]) <= iou for j in kept):
            kept.append(i)
    return kept[:most]


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int32, np.uint8])
def test_area_and_iou(dtype: type) -> None:
    for rng in map(np.random.default_rng, range(20)):
        a, b = (random_boxes(rng, rng.integers(0, 12), (20, 30), whole=True).astype(dtype) for _ in range(2))
        a[: len(a) // 4, 2] = a[: len(a) // 4, 0]
        assert area(a).tolist() == [(int(x[2]) - int(x[0])) * (int(x[3]) - int(x[1])) for x in a]
        found = box_iou(a, b)
        assert found.shape == (len(a), len(b)) and found.dtype == np.float64
        assert found.tolist() == [[iou_of_two(x.tolist(), y.tolist()) for y in b] for x in a]
    assert box_iou([], a).shape == (0, len(a)) and area([]).shape == (0,)


def test_iou_of_special_boxes() -> None:
    boxes = [[0, 0, 0, 0], [0, 0, 0, 5], [-3, -2, 1, 2], [0.1, 0.1, 0.3, 0.7], [-(2**31 - 1)] * 2 + [2**31 - 1] * 2]
    found = box_iou(boxes, boxes)
    assert np.diag(found).tolist() == [0, 0, 1, 1, 1]
    np.testing.assert_array_equal(found, found.T)
    assert box_iou([[0, 0, 1e-200, 1e-200]], [[0, 0, 1e-200, 1e-200]]).tolist() == [[0]]
    assert box_iou([[0, 0, 2, 2]], [[2, 0, 4, 2]]).tolist() == [[0]], "boxes that touch share no pixel"


def test_iou_against_pycocotools() -> None:
    mask = pytest.importorskip("pycocotools.mask", reason="pycocotools is the oracle")
    for rng in map(np.random.default_rng, range(20)):
        a, b = (random_boxes(rng, 15, (200, 300)) for _ in range(2))
        x, y = (np.hstack([each[:, :2], each[:, 2:] - each[:, :2]]) for each in (a, b))
        np.testing.assert_allclose(box_iou(a, b), mask.iou(x, y, [0] * len(y)), atol=1e-12)


def test_suppress_against_a_loop() -> None:
    """With equal boxes, equal scores, and limits that are reached exactly."""
    for rng in map(np.random.default_rng, range(120)):
        count = int(rng.integers(0, 60))
        boxes = random_boxes(rng, count, (6, 6) if rng.random() < 0.5 else (60, 60), whole=rng.random() < 0.7)
        scores, classes = rng.integers(-3, 4, count), rng.integers(0, 3, count)
        iou, most = float(rng.choice([0, 0.25, 0.5, 0.8, 1])), [None, 1, 7, 1000][int(rng.integers(4))]
        found = suppress(boxes, scores, classes, iou, most)
        assert found.dtype == np.int64
        assert found.tolist() == suppressed(boxes, scores, classes, iou, most)
        assert suppress(boxes, scores, iou=iou).tolist() == suppressed(boxes, scores, [0] * count, iou, None)


@pytest.mark.parametrize("span", [30, 300])
def test_suppress_over_several_blocks(span: int) -> None:
    rng = np.random.default_rng(span)
    corner = rng.uniform(0, span, (700, 2))
    boxes, scores = np.hstack([corner, corner + rng.uniform(1, 30, (700, 2))]), rng.random(700).astype(np.float32)
    assert len(boxes) > 5 * suppression._BLOCK
    for iou in (0.1, 0.5, 0.9):
        wanted = suppressed(boxes, scores, [0] * 700, iou, None)
        assert suppress(boxes, scores, iou=iou).tolist() == wanted
        for most in (1, suppression._BLOCK, suppression._BLOCK + 1, len(wanted)):
            assert suppress(boxes, scores, iou=iou, most=most).tolist() == wanted[:most]


def test_suppress_few() -> None:
    assert suppress([], []).tolist() == suppress(np.zeros((0, 4)), [], []).tolist() == []
    assert suppress([[0, 0, 1, 1]], [-5]).tolist() == [0]
    same = np.tile([0, 0, 4, 4], (300, 1))
    assert suppress(same, np.ones(300)).tolist() == [0]
    assert suppress(same, np.ones(300), iou=1).tolist() == [*range(300)], "1 removes none"
    assert suppress(same, np.arange(300, dtype=np.uint16)).tolist() == [299]


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
        (lambda: area([0, 0, 4, 4]), ValueError, r"area: boxes: expected \(n, 4\).* got \(4,\); one box is an array"),
        (lambda: area(np.zeros((2, 5))), ValueError, r"expected \(n, 4\), left, top, right, bottom .*, got \(2, 5\)$"),
        (lambda: area("box"), TypeError, "area: boxes: expected an array of real numbers"),
        (lambda: area([[0, 0, 4, 4], [4, 0, 3, 4]]), ValueError, r"boxes\[1\] is \[4.*left <= right and top <= bott"),
        (lambda: area([[0, 0, np.nan, 4]]), ValueError, r"area: boxes\[0\] is \[0.0, 0.0, nan, 4.0\]; expected pixels"),
        (lambda: suppress(B2, [1]), ValueError, r"suppress: scores: expected \(2,\), a score for each box, got \(1,\)"),
        (lambda: suppress(B, [np.nan]), ValueError, r"suppress: scores\[0\] is nan; expected finite numbers"),
        (lambda: suppress(B2, [1, 2], [0]), ValueError, r"suppress: classes: expected \(2,\), a label for each box"),
        (lambda: suppress(B, [1], [-1]), ValueError, r"suppress: classes\[0\] is -1; expected an integer from 0"),
        (lambda: suppress(B, [1], iou=1.1), ValueError, "suppress: iou must be a number >= 0 and <= 1, got 1.1"),
        (lambda: suppress(B, [1], most=0), ValueError, "suppress: most must be an integer from 1"),
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
