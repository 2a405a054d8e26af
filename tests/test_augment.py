"""Images and targets that are changed together."""

from collections.abc import Callable

import numpy as np
import pytest

import fastnn as fnn
from check import tensor
from fastnn.data.augment import flip, rotation, shift
from fastnn.kernels import Rotate

X = np.random.default_rng(0).integers(1, 255, (200, 6, 5, 3)).astype(np.uint8)
MASK = X[..., 0].astype(np.int32)
VALUES = np.random.default_rng(1).standard_normal((200, 2)).astype(np.float32)


def test_flip_does_the_same_to_all() -> None:
    x, mask, values = flip(X, MASK, seed=3, values=VALUES, signs=(-1, 1))
    assert (x.dtype, mask.dtype, values.dtype) == (np.uint8, np.int32, np.float32)
    np.testing.assert_array_equal(mask, x[..., 0])
    turned = (x == X[:, :, ::-1]).all(axis=(1, 2, 3))
    assert 60 < turned.sum() < 140 and ((x == X).all(axis=(1, 2, 3)) ^ turned).all()
    np.testing.assert_array_equal(values, np.where(turned[:, None], VALUES * np.float32([-1, 1]), VALUES))


def test_flip_vertically() -> None:
    (x,) = flip(X, seed=0, horizontal=False, vertical=True)
    same, turned = (x == X).all(axis=(1, 2, 3)), (x == X[:, ::-1]).all(axis=(1, 2, 3))
    assert (same ^ turned).all() and 60 < turned.sum() < 140
    both, _ = flip(X, MASK, seed=0, vertical=True)
    kinds = [(both == X[:, ::i, ::j]).all(axis=(1, 2, 3)).sum() for i in (1, -1) for j in (1, -1)]
    assert sum(kinds) == 200 and min(kinds) > 25


def test_shift_does_the_same_to_all() -> None:
    x, mask = shift(X, MASK, pixels=2, seed=3, fill=(0, -1))
    assert (x.dtype, mask.dtype) == (np.uint8, np.int32)
    np.testing.assert_array_equal(mask, np.where(x[..., 0] == 0, -1, x[..., 0].astype(np.int32)))
    larger, found = np.pad(X, [(0, 0), (2, 2), (2, 2), (0, 0)]), set()
    for i in range(200):
        places = [(a, b) for a in range(5) for b in range(5) if (larger[i, a : a + 6, b : b + 5] == x[i]).all()]
        assert len(places) == 1
        found |= set(places)
    assert len(found) == 25
    assert (shift(X, pixels=0, seed=0)[0] == X).all()


def angles(degrees: float, count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-degrees, degrees, count)


@pytest.mark.parametrize("degrees", [0, 20, 180])
def test_rotation_is_that_of_the_layer(degrees: float) -> None:
    """To the precision of a draw in float32; masks without channels and images with some have the same angles."""
    x = np.random.default_rng(2).standard_normal((30, 6, 5, 3)).astype(np.float32)
    found, first = rotation(x, x[..., 0], degrees=degrees, nearest=False, seed=4)
    assert found.dtype == first.dtype == np.float32
    np.testing.assert_array_equal(found[..., 0], first)
    draws = (angles(degrees, 30, 4) / max(degrees, 1) + 1) / 2
    y = tensor(np.zeros((30, 90)))
    Rotate(tensor(x.reshape(30, -1)), tensor(draws[:, None]), y, shape=(6, 5, 3), degrees=degrees)()
    np.testing.assert_allclose(found.reshape(30, -1), y.array, atol=2e-5)


@pytest.mark.parametrize("shape", [(40, 7, 5), (40, 6, 6, 2), (4, 1, 9)])
def test_rotation_against_scipy(shape: tuple[int, ...]) -> None:
    ndimage = pytest.importorskip("scipy.ndimage", reason="SciPy is the oracle")
    x = np.random.default_rng(3).integers(1, 200, shape).astype(np.float64)
    smooth, near = rotation(x, x.astype(np.int16), degrees=170, nearest=(False, True), seed=7, fill=(-3.5, -1))
    assert smooth.dtype == np.float64 and near.dtype == np.int16
    (grey,) = rotation(x.astype(np.uint8), degrees=170, nearest=False, seed=7)
    assert grey.dtype == np.uint8
    for i, angle in enumerate(np.radians(angles(170, shape[0], 7))):
        turn = np.eye(len(shape) - 1)
        turn[:2, :2] = [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
        centre = np.array([shape[1] - 1, shape[2] - 1, *[0] * (len(shape) - 3)]) / 2
        given = {"matrix": turn, "offset": centre - turn @ centre, "mode": "grid-constant"}
        wanted = ndimage.affine_transform(x[i], **given, order=1, cval=-3.5)
        np.testing.assert_allclose(smooth[i], wanted, atol=1e-9)
        np.testing.assert_array_equal(near[i], ndimage.affine_transform(x[i], **given, order=0, cval=-1))
        np.testing.assert_array_equal(grey[i], ndimage.affine_transform(x[i], **given, order=1).round())


def test_rotation_makes_no_new_labels() -> None:
    """What bilinear interpolation would do: between 0 and 9 there is 4."""
    mask = np.where(X[..., 0] > 100, 9, 0)
    near, mixed = (rotation(mask, degrees=45, nearest=each, seed=0, fill=9)[0] for each in (True, False))
    assert set(np.unique(near)) == {0, 9} < set(np.unique(mixed))
    assert (rotation(mask, degrees=0, nearest=True, seed=0)[0] == mask).all()


def test_it_follows_from_the_seed() -> None:
    def turned(seed: int | np.random.Generator) -> np.ndarray:
        return rotation(X, degrees=30, nearest=False, seed=seed)[0]

    for draw in (lambda seed: flip(X, seed=seed)[0], lambda seed: shift(X, pixels=1, seed=seed)[0], turned):
        np.testing.assert_array_equal(draw(5), draw(5))
        assert (draw(5) != draw(6)).any()
        rng = np.random.default_rng(5)
        assert (draw(rng) != draw(rng)).any()
    before = X.copy()
    flip(X, seed=0)
    turned(0)
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: flip(seed=0), TypeError, "flip: give at least one array"),
        (lambda: flip(X, MASK[:, :5], seed=0), ValueError, "flip: expected .* the same for all"),
        (lambda: flip(VALUES, seed=0), ValueError, "flip: expected"),
        (lambda: flip(X, seed=0, values=VALUES), ValueError, "values and signs go together"),
        (lambda: flip(X, seed=0, values=VALUES, signs=[1]), ValueError, r"expected values \(200, 1\)"),
        (lambda: flip(X, seed=0, values=VALUES, signs="-+"), TypeError, "flip: signs: expected"),
        (lambda: flip(X, seed=0, values=VALUES, signs=[1, np.nan]), ValueError, "signs must be finite numbers"),
        (lambda: flip(X, seed=0, values=MASK[:, 0, :1].astype("u1"), signs=[-1]), ValueError, "uint8 does not hold -"),
        (lambda: flip(X, seed=0, values=MASK[:, 0, :1], signs=[0.3]), ValueError, "values: int32 does not hold"),
        (lambda: shift(X, pixels=1, seed=0, fill=-1), ValueError, "fill: uint8 does not hold -1"),
        (lambda: shift(X, pixels=1, seed=0, fill=300), ValueError, "fill: uint8 does not hold 300"),
        (lambda: shift(X, pixels=1, seed=0, fill=0.5), ValueError, r"fill: uint8 does not hold 0\.5"),
        (lambda: shift(MASK, pixels=1, seed=0, fill=np.nan), ValueError, "fill: int32 does not hold nan"),
        (lambda: shift(X, pixels=1, seed=0, fill="grey"), TypeError, "shift: fill: expected"),
        (lambda: flip(X, seed=0, horizontal=2), TypeError, "horizontal"),
        (lambda: shift(X, pixels=-1, seed=0), ValueError, "shift: pixels must be an integer"),
        (lambda: shift(X, MASK, pixels=1, seed=0, fill=(1, 2, 3)), ValueError, "a number, or 2 of them"),
        (lambda: rotation(degrees=1, nearest=True, seed=0), TypeError, "rotation: give at least one array"),
        (lambda: rotation(X, MASK[1:], degrees=1, nearest=True, seed=0), ValueError, "rotation: expected .* the same"),
        (
            lambda: rotation(X, degrees=181, nearest=True, seed=0),
            ValueError,
            "degrees must be a number >= 0 and <= 180",
        ),
        (lambda: rotation(X, degrees=1, nearest=(True, False), seed=0), ValueError, "a bool, or 1 of them"),
        (lambda: rotation(X, degrees=1, nearest=1, seed=0), TypeError, "rotation: nearest must be a list of bools"),
        (lambda: rotation(X, degrees=1, nearest=True, seed=0, fill=-1), ValueError, "rotation: fill: uint8 does not"),
    ],
)
def test_what_is_refused(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_in_a_loader() -> None:
    """A dataset that changes images with their masks, batch by batch."""

    class Pairs:
        def __init__(self) -> None:
            self.rng = np.random.default_rng(0)

        def __len__(self) -> int:
            return len(X)

        def __getitem__(self, i: int) -> tuple[np.ndarray, np.ndarray]:
            return X[i], MASK[i, ..., None] > 100

        def __getitems__(self, indices: list[int]) -> tuple[np.ndarray, ...]:
            return flip(X[indices], MASK[indices][..., None] > 100, seed=self.rng)

    net = fnn.Sequential([fnn.Rescale(1 / 255), fnn.Conv2D(1, 1, activation="sigmoid")], input_shape=(6, 5, 3), seed=0)
    net.compile(fnn.Adam(0.05), "binary_cross_entropy")
    losses = net.fit(fnn.data.Loader(Pairs(), 20), epochs=10, verbose=0).history["loss"]
    assert losses[-1] < 0.7 * losses[0]
