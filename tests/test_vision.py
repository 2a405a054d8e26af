"""Objects on a grid, pastes, flips and mosaics, against plain loops over boxes, cells and pixels."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from fastnn.vision import CentreGrid, area, flip, mosaic, paste
from reference_boxes import random_boxes, suppressed


def draws(seed: int, count: int) -> Iterator[np.random.Generator]:
    for i in range(count):
        yield np.random.default_rng([seed, i])


def scene(rng: np.random.Generator, grid: CentreGrid) -> tuple[np.ndarray, np.ndarray]:
    boxes = random_boxes(rng, int(rng.integers(0, 20)), grid.size, whole=rng.random() < 0.5)
    return boxes, rng.integers(0, grid.classes, len(boxes))


def random_grid(rng: np.random.Generator) -> CentreGrid:
    stride = int(rng.integers(1, 20))
    rows, columns = rng.integers(1, 12, 2).tolist()
    return CentreGrid((rows * stride, columns * stride), stride, int(rng.integers(1, 6)))


def test_encode_against_a_loop() -> None:
    shared = 0
    for rng in draws(4, 100):
        grid, owner = random_grid(rng), dict[tuple[int, int], int]()
        boxes, labels = scene(rng, grid)
        for i, (left, top, right, bottom) in enumerate(boxes):
            cell = math.floor((top + bottom) / 2 / grid.stride), math.floor((left + right) / 2 / grid.stride)
            shared += cell in owner
            if cell not in owner or area(boxes)[i] < area(boxes)[owner[cell]]:
                owner[cell] = i
        targets = grid.encode(boxes, labels)
        rows, columns = grid.shape
        assert [x.shape for x in targets] == [(rows, columns), (rows, columns), (rows, columns, 4)]
        assert [x.dtype for x in targets] == [np.float32, np.int64, np.float32]
        for cell in np.ndindex(grid.shape):
            values = targets.offsets_and_sizes[cell]
            if cell not in owner:
                assert targets.objectness[cell] == 0 and targets.labels[cell] == -1 and not values.any()
                continue
            left, top, right, bottom = boxes[owner[cell]]
            assert targets.objectness[cell] == 1 and targets.labels[cell] == labels[owner[cell]]
            offsets = (left + right) / 2 / grid.stride - cell[1], (top + bottom) / 2 / grid.stride - cell[0]
            sizes = math.log((right - left) / grid.stride), math.log((bottom - top) / grid.stride)
            np.testing.assert_allclose(values, [*offsets, *sizes], atol=1e-6, rtol=1e-6)
            assert (values[:2] >= 0).all() and (values[:2] < 1).all()
    assert shared > 50


def perfect(grid: CentreGrid, targets: Any) -> tuple[np.ndarray, ...]:
    """The outputs of a network that predicts the targets, a batch of one."""
    return targets.objectness[None], np.eye(grid.classes)[targets.labels][None], targets.offsets_and_sizes[None]


def test_decode_is_the_inverse() -> None:
    for rng in draws(5, 100):
        grid = random_grid(rng)
        boxes, labels = scene(rng, grid)
        targets = grid.encode(boxes, labels)
        [(found, kinds, scores)] = grid.decode(*perfect(grid, targets), iou=1)
        assert (found.dtype, kinds.dtype, scores.dtype) == (np.float64, np.int64, np.float64)
        assert len(found) == targets.objectness.sum() and (scores == 1).all()
        distance = np.abs(found[:, None] - boxes).max(axis=2) if len(boxes) else np.zeros((0, 1))
        nearest = distance.argmin(axis=1)
        assert (distance.min(axis=1) < 1e-4).all() and len({*nearest}) == len(found)
        assert (kinds == labels[nearest]).all()


def decoded(grid: CentreGrid, chances: Any, kinds: Any, values: Any, threshold: float) -> list[tuple[Any, ...]]:
    """What is decoded of one image before suppression, cell by cell."""
    found = []
    for row, column in np.ndindex(grid.shape):
        label = int(kinds[row, column].argmax())
        score = chances[row, column] * kinds[row, column, label]
        if score >= threshold:
            u, v, w, h = values[row, column].tolist()
            x, y = (column + u) * grid.stride, (row + v) * grid.stride
            w, h = grid.stride * math.exp(w), grid.stride * math.exp(h)
            box = [x - w / 2, y - h / 2, x + w / 2, y + h / 2]
            found.append(([min(max(b, 0), grid.size[1 - i % 2]) for i, b in enumerate(box)], label, float(score)))
    return found


def test_decode_against_a_loop() -> None:
    for rng in draws(7, 40):
        grid, batch = random_grid(rng), int(rng.integers(1, 4))
        chances = rng.random((batch, *grid.shape))
        kinds = rng.random((batch, *grid.shape, grid.classes))
        values = rng.normal(0, 1.5, (batch, *grid.shape, 4))
        threshold, iou = float(rng.uniform(0, 0.6)), float(rng.uniform(0, 1))
        found = grid.decode(chances[..., None] if rng.random() < 0.5 else chances, kinds, values, threshold, iou, 9)
        assert len(found) == batch
        for i, (boxes, labels, scores) in enumerate(found):
            wanted = decoded(grid, chances[i], kinds[i], values[i], threshold)
            every, classes, sure = ([*part] for part in zip(*wanted, strict=True)) if wanted else ([], [], [])
            kept = suppressed(every, sure, classes, iou, 9)
            np.testing.assert_allclose(boxes, np.reshape([every[j] for j in kept], (-1, 4)), atol=1e-9)
            assert labels.tolist() == [classes[j] for j in kept]
            np.testing.assert_allclose(scores, [sure[j] for j in kept])


def test_decode_of_extremes() -> None:
    """float32 outputs of any size; no images; nothing found."""
    grid = CentreGrid((32, 64), 16, 2)
    values = np.full((1, 2, 4, 4), 1e30, np.float32)
    values[..., :2] = 0
    [(boxes, _, _)] = grid.decode(np.ones((1, 2, 4), np.float32), np.ones((1, 2, 4, 2), np.float32), values, iou=1)
    assert boxes.tolist() == [[0, 0, 64, 32]] * 8
    assert grid.decode(np.ones((0, 2, 4)), np.ones((0, 2, 4, 2)), np.ones((0, 2, 4, 4))) == []
    [(boxes, labels, scores)] = grid.decode(np.zeros((1, 2, 4)), np.ones((1, 2, 4, 2)), values)
    assert boxes.shape == (0, 4) and labels.shape == scores.shape == (0,)


def test_encode_at_the_edges() -> None:
    grid = CentreGrid((32, 64), 16, 2)
    targets = grid.encode([[64 - 1e-14, 0, 64, 1e-14], [0, 31, 1, 32]], [0, 1])
    assert targets.labels.tolist() == [[-1, -1, -1, 0], [1, -1, -1, -1]]
    assert (targets.offsets_and_sizes[..., :2] < 1).all()
    assert grid.encode([], []).objectness.sum() == 0
    assert (grid.shape, grid) == ((2, 4), CentreGrid((np.int64(32), 64), 16, 2))
    equal = grid.encode([[0, 0, 8, 4], [0, 0, 4, 8], [0, 0, 16, 16]], [1, 0, 0])
    assert equal.labels[0, 0] == 1, "of equal areas the first"


def test_paste_everywhere() -> None:
    """At every position around a canvas, pixel by pixel; around the canvas nothing is written."""
    rng = np.random.default_rng(0)
    for dtype in (np.uint8, np.float32, np.int64, np.float16):
        for left in range(-5, 9):
            for top in range(-4, 8):
                around = rng.integers(0, 256, (14, 16, 3)).astype(dtype)
                labels = rng.integers(0, 9, (14, 16)).astype(np.int16)
                image = rng.integers(0, 256, (3, 4, 3)).astype(dtype)
                alpha = np.round(rng.uniform(0, 1, (3, 4)), 1) * (rng.random((3, 4)) < 0.6)
                wanted, wanted_labels, pixels = around.astype(np.float64), labels.copy(), []
                for i, j in np.ndindex(3, 4):
                    y, x = top + i, left + j
                    if 0 <= y < 6 and 0 <= x < 8:
                        old = wanted[4 + y, 4 + x]
                        wanted[4 + y, 4 + x] = alpha[i, j] * image[i, j].astype(float) + (1 - alpha[i, j]) * old
                        if alpha[i, j] >= 0.5:
                            wanted_labels[4 + y, 4 + x] = 77
                            pixels.append((x, y))
                box = paste(around[4:10, 4:12], image, alpha, (left, top), labels[4:10, 4:12], 77)
                tolerance = {np.uint8: 0.501, np.float32: 1e-4, np.int64: 0.501, np.float16: 0.2}[dtype]
                np.testing.assert_allclose(around.astype(np.float64), wanted, atol=tolerance, rtol=0)
                around[4:10, 4:12] = wanted[4:10, 4:12].astype(dtype)
                np.testing.assert_array_equal(around, wanted.astype(dtype))
                np.testing.assert_array_equal(labels, wanted_labels)
                assert (box is None) == (not pixels)
                if box is not None:
                    assert box.tolist() == [*np.min(pixels, axis=0), *(np.max(pixels, axis=0) + 1)]


def test_paste_of_what_alpha_hides() -> None:
    """0 leaves the canvas as it is, whatever the image has there; 1 replaces it, whatever the canvas had."""
    canvas, mask = np.array([[5.0, np.inf, 7.0]]), np.zeros((1, 3), bool)
    box = paste(canvas, np.array([[np.nan, 2, np.inf]]), [[0, 1, 0]], (0, 0), mask, 1)
    assert canvas.tolist() == [[5, 2, 7]]
    assert box is not None and box.tolist() == [1, 0, 2, 1] and mask.tolist() == [[False, True, False]]
    grey = np.full((4, 4), 10, np.uint8)
    assert paste(grey, np.full((2, 2), 20, np.uint8), np.full((2, 2), 0.4), (1, 1)) is None
    assert grey[1:3, 1:3].tolist() == [[14, 14], [14, 14]] and grey.sum() == 10 * 16 + 16
    assert paste(grey, np.full((2, 2), 20, np.uint8), np.ones((2, 2), bool), np.array([40, -30])) is None


def test_flip() -> None:
    for rng in draws(8, 30):
        height, width = rng.integers(1, 12, 2).tolist()
        image = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
        boxes, mask = random_boxes(rng, 5, (height, width), whole=True), rng.integers(0, 9, (height, width))
        turned, moved, labels = flip(image, boxes, mask)
        np.testing.assert_array_equal(turned, image[:, ::-1])
        np.testing.assert_array_equal(labels, mask[:, ::-1])
        for (left, top, right, bottom), old in zip(moved.astype(int), boxes, strict=True):
            part = image[old[1] : old[3], old[0] : old[2]]
            np.testing.assert_array_equal(turned[top:bottom, left:right], part[:, ::-1])
        for once, before in zip(flip(turned, moved, labels), (image, boxes, mask), strict=True):
            np.testing.assert_array_equal(once, before)
        assert len(flip(image, [])) == 2 and not np.shares_memory(turned, image)


def marked(rng: np.random.Generator, first: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """An image in which up to six objects, that do not overlap, are rectangles of a number of their own."""
    height, width = rng.integers(3, 40, 2).tolist()
    image, boxes = np.full((height, width), -1), []
    for _ in range(20):
        left, top, right, bottom = random_boxes(rng, 1, (height, width), whole=True)[0].tolist()
        if len(boxes) < 6 and (image[top:bottom, left:right] < 0).all():
            image[top:bottom, left:right] = first + len(boxes)
            boxes.append([left, top, right, bottom])
    return image, np.array(boxes).reshape(-1, 4), first + np.arange(len(boxes))


def test_mosaic_keeps_boxes_around_their_pixels() -> None:
    """Each object has a number of its own in the image and the mask, which is also its label."""
    dropped = clipped = 0
    for rng in draws(9, 150):
        images, boxes, labels = zip(*(marked(rng, 10 * i + 1) for i in range(4)), strict=True)
        size, seed = tuple(rng.integers(1, 50, 2).tolist()), int(rng.integers(1000))
        visible = float(rng.choice([0, 0.25, 0.5, 1]))
        image, found, kinds, mask = mosaic(images, boxes, labels, size, seed, images, visible)
        assert (image.shape, image.dtype, found.dtype, kinds.dtype) == (size, np.int64, np.float64, np.int64)
        np.testing.assert_array_equal(image, mask)
        wanted = {}
        for box, label in zip(np.concatenate(boxes), np.concatenate(labels), strict=True):
            rows, columns = np.nonzero(image == label)
            if len(rows) and len(rows) >= visible * area([box])[0]:
                wanted[int(label)] = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
                clipped += len(rows) < area([box])[0]
            else:
                dropped += 1
        assert len(found) == len(wanted)
        assert dict(zip(kinds.tolist(), found.tolist(), strict=True)) == wanted
        colours = [np.stack([x] * 3, axis=2).astype(np.float32) for x in images]
        coloured, same, _ = mosaic(colours, boxes, labels, size, np.random.default_rng(seed), visible=visible)
        np.testing.assert_array_equal(coloured, np.stack([image] * 3, axis=2))
        np.testing.assert_array_equal(same, found)
    assert dropped > 100 and clipped > 100


def test_mosaic_places_its_images() -> None:
    """The corners of the images meet at every point of the middle half, and nowhere else; small ones leave 0."""
    images, none, rng, points = [np.full((20, 20), i) for i in (1, 2, 3, 4)], [[]] * 4, np.random.default_rng(0), set()
    for _ in range(400):
        image, boxes, labels = mosaic(images, none, none, (8, 12), rng)
        assert boxes.shape == (0, 4) and labels.shape == (0,)
        row, column = int((image[:, 0] == 1).sum()), int((image[0] == 1).sum())
        wanted = np.where(np.arange(8)[:, None] < row, 0, 2) + np.where(np.arange(12) < column, 1, 2)
        np.testing.assert_array_equal(image, wanted)
        points.add((row, column))
    assert points == {(row, column) for row in range(2, 7) for column in range(3, 10)}
    small = mosaic([x[:1, :1] for x in images], none, none, (8, 12), 3)[0]
    assert sorted(small[small > 0].tolist()) == [1, 2, 3, 4] and (mosaic(images, none, none, (8, 12), 3)[0] > 0).all()
    np.testing.assert_array_equal(small, mosaic([x[:1, :1] for x in images], none, none, (8, 12), 3)[0])


def test_nothing_that_is_given_is_changed() -> None:
    rng = np.random.default_rng(0)
    boxes, labels, image = random_boxes(rng, 9, (32, 32)), rng.integers(0, 3, 9), rng.random((32, 32))
    for array in (boxes, labels, image):
        array.flags.writeable = False
    grid = CentreGrid((32, 32), 8, 3)
    grid.decode(*perfect(grid, grid.encode(boxes, labels)))
    flip(image, boxes)
    mosaic([image] * 4, [boxes] * 4, [labels] * 4, (16, 16), 0)
    paste(image.copy(), image, image, (3, 3))


B, L, GRID = [[0, 0, 4, 4]], [[0]] * 4, CentreGrid((32, 48), 16, 3)
P, C, V = np.ones((1, 2, 3)), np.ones((1, 2, 3, 3)), np.ones((1, 2, 3, 4))
X, A, U, BITS = np.zeros((4, 4)), np.ones((2, 2)), np.zeros((4, 4), np.uint8), np.zeros((4, 4), bool)
IMAGES, BOXES, MASKS, ORIGIN = [X] * 4, [B] * 4, [U] * 4, (0, 0)
VALUES: list[tuple[Callable[[], object], str]] = [
    (lambda: CentreGrid((32,), 16, 3), r"CentreGrid: size must be \(height, width\), got \(32,\)"),
    (lambda: CentreGrid((32, 40), 16, 3), r"CentreGrid: size \(32, 40\) must be multiples of the stride, 16"),
    (lambda: CentreGrid((32, 32), 0, 3), "CentreGrid: stride must be an integer from 1"),
    (lambda: CentreGrid((32, 32), 16, 0), "CentreGrid: classes must be an integer from 1"),
    (lambda: GRID.encode([[-1, 0, 4, 4]], [0]), r"encode: boxes\[0\] is \[-1.*, outside of the image of height 32 and"),
    (lambda: GRID.encode([[0, 0, 4, 33]], [0]), "outside of the image of height 32 and width 48; clip it"),
    (lambda: GRID.encode([[3, 0, 3, 3]], [0]), r"encode: boxes\[0\] is .*, which has no area; leave it out"),
    (lambda: GRID.encode(B, [3]), r"encode: labels\[0\] is 3; expected an integer from 0 to 2"),
    (lambda: GRID.encode(B, []), r"encode: labels: expected \(1,\), a label for each box, got \(0,\)"),
    (lambda: GRID.decode(P[0], C, V), r"decode: expected objectness \(batch, 2, 3\), got \(2, 3\)"),
    (lambda: GRID.decode(C, C, V), r"decode: expected objectness \(batch, 2, 3\), got \(1, 2, 3, 3\)"),
    (lambda: GRID.decode(P, V, V), r"decode: expected class_probabilities \(1, 2, 3, 3\), got \(1, 2, 3, 4\)"),
    (lambda: GRID.decode(P, C, C), r"decode: expected offsets_and_sizes \(1, 2, 3, 4\), got \(1, 2, 3, 3\)"),
    (lambda: GRID.decode(P + 1, C, V), "decode: objectness has 2.0; expected probabilities, from 0 to 1, as sigmoid"),
    (lambda: GRID.decode(P, C * np.nan, V), "decode: class_probabilities has nan; expected probabilities"),
    (lambda: GRID.decode(P, C, V * np.inf), "decode: offsets_and_sizes has numbers that are not finite"),
    (lambda: GRID.decode(P, C, V, threshold=2), "decode: threshold must be a number >= 0 and <= 1, got 2"),
    (lambda: GRID.decode(P, C, V, iou=-1), "iou must be a number >= 0 and <= 1, got -1"),
    (lambda: flip(np.zeros(4), B), r"flip: image: expected \(height, width\) or .*, got \(4,\)"),
    (lambda: flip(X, [[0, 0, 5, 4]]), r"flip: boxes\[0\] is .*, outside of the image of height 4 and width 4"),
    (lambda: flip(X, B, BITS[1:]), r"flip: mask: expected \(4, 4\), a label for each pixel of the image, got \(3, 4\)"),
    (lambda: mosaic([], BOXES, L, (8, 8), 0), "mosaic: expected four images, one for each quarter, got 0"),
    (lambda: mosaic(IMAGES, B, L, (8, 8), 0), "mosaic: expected four boxes, one for each quarter, got 1"),
    (lambda: mosaic(IMAGES, BOXES, None, (8, 8), 0), "mosaic: expected four labels, .*, got NoneType"),
    (lambda: mosaic(IMAGES, BOXES, L, (8, 8), 0, U[:3]), "mosaic: expected four masks, one for each quarter, got 3"),
    (lambda: mosaic([X, X, X, C[0]], BOXES, L, (8, 8), 0), r"images must have the same channels, got \(4, 4\), "),
    (lambda: mosaic(IMAGES, BOXES, L, (8,), 0), r"mosaic: size must be \(height, width\), got \(8,\)"),
    (lambda: mosaic(IMAGES, [B, B, [[0, 0, 9, 9]], B], L, (8, 8), 0), r"boxes\[2\]\[0\] is .*, outside of the image"),
    (lambda: mosaic(IMAGES, BOXES, [[0]] * 3 + [[]], (8, 8), 0), r"mosaic: labels\[3\]: expected \(1,\), a label"),
    (lambda: mosaic(IMAGES, BOXES, L, (8, 8), 0, visible=2), "mosaic: visible must be a number >= 0 and <= 1"),
    (lambda: paste(np.zeros(4), A, A, ORIGIN), r"paste: canvas: expected \(height, width\) or .*, got \(4,\)"),
    (lambda: paste(X, C[0], A, ORIGIN), r"paste: image \(2, 3, 3\) and canvas \(4, 4\) differ in their channels"),
    (lambda: paste(X, A, X, ORIGIN), r"paste: expected alpha \(2, 2\), a number for each pixel .*, got \(4, 4\)"),
    (lambda: paste(X, A, A * np.nan, ORIGIN), "paste: alpha has nan; expected numbers from 0 to 1$"),
    (lambda: paste(X, A, U[:2, :2] + 255, ORIGIN), "paste: alpha has 255; .* from 0 to 1; divide by 255"),
    (lambda: paste(X, A, A, (1, 2, 3)), r"paste: at must be \(left, top\), got \(1, 2, 3\)"),
    (lambda: paste(X, A, A, ORIGIN, U), "paste: mask and label go together"),
    (lambda: paste(X, A, A, ORIGIN, label=1), "paste: mask and label go together"),
    (lambda: paste(X, A, A, ORIGIN, U[1:], 1), r"paste: mask: expected \(4, 4\), a label for each pixel of the image"),
    (lambda: paste(X, A, A, ORIGIN, U, 256), "paste: label, of a mask of uint8, must be an integer from 0 to 255"),
    (lambda: paste(X, A, A, ORIGIN, BITS, 2), "paste: label, of a mask of bool, must be an integer from 0 to 1"),
]
TYPES: list[tuple[Callable[[], object], str]] = [
    (lambda: CentreGrid(32, 16, 3), "CentreGrid: size must be a tuple of integers, got 32"),
    (lambda: GRID.encode(B, ["cat"]), r"encode: labels: .*np.unique\("),
    (lambda: flip(X, B, X), "flip: mask: expected integers or bools, got dtype float64"),
    (
        lambda: mosaic([X, X, X, U], BOXES, L, (8, 8), 0),
        "images must be of one dtype, got float64, float64, float64, u",
    ),
    (lambda: mosaic(IMAGES, BOXES, L, (8, 8), 0, [U, U, U, BITS]), "mosaic: masks must be of one dtype, got uint8"),
    (lambda: paste([[0.0]], A, A, ORIGIN), "expected a NumPy array for the canvas, which is changed .* got list"),
    (lambda: paste(np.broadcast_to(0.0, (4, 4)), A, A, ORIGIN), "for the canvas, .* got one that is read-only"),
    (lambda: paste(BITS, A > 0, A, ORIGIN), "paste: expected a canvas of integers or floats, got dtype bool"),
    (lambda: paste(X, U, A, ORIGIN), "paste: expected an image of the canvas's dtype, float64, got uint8"),
    (lambda: paste(X, A, A, (0.5, 0)), r"paste: at\[0\] must be an integer, got 0.5"),
    (lambda: paste(X, A, A, ORIGIN, [[1]], 1), "paste: expected a NumPy array for the mask, .* got list"),
    (lambda: paste(X, A, A, ORIGIN, X.copy(), 1), "paste: mask: expected integers or bools, got dtype float64"),
    (lambda: paste(X, A, A, ORIGIN, U, 0.5), "paste: label, of a mask of uint8, must be an integer, got 0.5"),
]


@pytest.mark.parametrize("error", [ValueError, TypeError])
def test_what_is_refused(error: type[Exception]) -> None:
    for call, message in VALUES if error is ValueError else TYPES:
        with pytest.raises(error, match=message):
            call()
        assert not X.any() and not U.any() and not BITS.any(), "nothing is changed"
