"""Images and targets that are changed together."""

from collections.abc import Callable

import numpy as np
import pytest

import fastnn as fnn
from fastnn.data.augment import flip, shift

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


def test_it_follows_from_the_seed() -> None:
    for draw in (lambda seed: flip(X, seed=seed)[0], lambda seed: shift(X, pixels=1, seed=seed)[0]):
        np.testing.assert_array_equal(draw(5), draw(5))
        assert (draw(5) != draw(6)).any()
        rng = np.random.default_rng(5)
        assert (draw(rng) != draw(rng)).any()
    before = X.copy()
    flip(X, seed=0)
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
