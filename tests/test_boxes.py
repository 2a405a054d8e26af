"""Areas of boxes, how they overlap, and what is suppressed by that: against plain loops.

Further against pycocotools, where it is installed.
"""

from collections.abc import Callable

import numpy as np
import pytest

from fastnn.vision import area, box_iou, suppress, suppression
from reference_boxes import iou_of_two, random_boxes, suppressed

B, B2 = [[0, 0, 4, 4]], [[0, 0, 4, 4], [1, 1, 3, 3]]


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
    ],
)
def test_what_is_refused(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
