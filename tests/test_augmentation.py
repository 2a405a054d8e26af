"""The Ops of augmentation against their twins, and the same bits wherever they run."""

from typing import Any

import numpy as np
import pytest

import reference_augmentation as reference
from check import TAILS, assert_close, assert_same_bits, assert_same_on_threads, empty, normal, run, tensor, written
from fastnn import kernels
from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor

OPS: dict[str, list[dict[str, Any]]] = {
    "FlipShift": [
        {"flip": (False, True)},
        {"flip": (True, True)},
        {"pixels": (1, 2)},
        {"pixels": (3, 0)},
        {"pixels": (90, 90)},
        {"flip": (True, False), "pixels": (0, 2)},
    ],
    "Rotate": [{"degrees": 0.0}, {"degrees": 25.0}, {"degrees": 180.0}],
    "Brightness": [{"amount": 0.3}],
    "Contrast": [{"amount": 0.7}],
    "Cutout": [{"side": 1}, {"side": 4}, {"side": 5}],
}
CASES = [(name, settings, transposed) for name in OPS for settings in OPS[name] for transposed in (False, True)]
DRAWS = {"FlipShift": 2, "Cutout": 2}
SHAPES = [(1, 1, 1), (3, 4, 1), (4, 3, 3), (5, 5, 2), (2, 7, 4), (6, 1, 9), (4, 9, 17)]


def numbers(rows: int, draws: int) -> np.ndarray:
    """In [0, 1), both ends among them."""
    u = np.random.default_rng(rows).random((rows, draws), np.float32)
    u[:2] = [[0], [1 - 2**-24]][:rows]
    return u


@pytest.mark.parametrize(("name", "settings", "transposed"), CASES, ids=str)
def test_ops(isa: str, num_threads: int, name: str, settings: dict[str, Any], transposed: bool) -> None:
    for shape in SHAPES:
        size, draws = int(np.prod(shape)), DRAWS.get(name, 1)
        rows = 7 if num_threads == 1 else 60_000 // size % 500 + 30
        x, u, y = normal(rows, size), numbers(rows, draws), empty(rows + size % 3, size)
        options = {"shape": shape, **settings, "transposed": transposed}
        run(getattr(kernels, name)(tensor(x, y.rows), tensor(u, y.rows), y, **options), y, rows=rows)
        expected = getattr(reference, name)(x, u, **options)
        if name in ("FlipShift", "Cutout"):
            assert_same_bits(written(y, rows), expected.astype(np.float32))
        else:
            assert_close(written(y, rows), expected, tolerance=1e-6)


@pytest.mark.parametrize("name", OPS)
def test_same_bits_on_threads(isa: str, name: str) -> None:
    """And those of an image do not depend on its neighbours in the batch."""
    x, u = normal(600, 9 * 11 * 3), numbers(600, DRAWS.get(name, 1))
    options = {"shape": (9, 11, 3), **OPS[name][-1]}
    x = np.tile(x, (8 if name != "Rotate" else 1, 1))
    u = np.tile(u, (8 if name != "Rotate" else 1, 1))

    def build() -> tuple[Op, ...]:
        y = empty(*x.shape)
        return getattr(kernels, name)(tensor(x), tensor(u), y, **options), y

    assert_same_on_threads(build)
    op, y = build()
    op()
    alone = empty(1, x.shape[1])
    getattr(kernels, name)(tensor(x[333:334]), tensor(u[333:334]), alone, **options)()
    assert_same_bits(alone.array[0], y.array[333])


def test_uniform(isa: str, num_threads: int) -> None:
    for columns in TAILS if num_threads == 1 else (3,):
        rows = 5 if num_threads == 1 else 30_000
        y = empty(rows + columns % 3, columns)
        settings = {"seed": 0xFEDCBA9876543210 + columns, "stream": columns}
        run(kernels.Uniform(y, **settings), y, rows=rows, step=columns << 32)
        wanted = reference.Uniform((rows, columns), **settings, step=columns << 32)
        assert_same_bits(written(y, rows), wanted.astype(np.float32))
    assert wanted.min() >= 0 and wanted.max() < 1
    if num_threads == 2:
        assert abs(wanted.mean() - 0.5) < 5 * np.sqrt(1 / 12 / wanted.size)


def test_uniform_has_the_same_bits_on_threads(isa: str) -> None:
    def build() -> tuple[Op, ...]:
        y = empty(60_000, 2)
        return kernels.Uniform(y, seed=1, stream=2), y

    assert_same_on_threads(build)


def test_what_leaves_pictures_as_they_are(isa: str) -> None:
    """No angle, no shift, contrast 1 and brightness 0: not one bit changes."""
    x, u, y = tensor(normal(4, 60)), tensor(np.full((4, 1), 0.5)), empty(4, 60)
    for name, settings in (("Rotate", {"degrees": 30.0}), ("Brightness", {"amount": 1}), ("Contrast", {"amount": 1})):
        getattr(kernels, name)(x, u, y, shape=(4, 5, 3), **settings)()
        assert_same_bits(y.array, x.array)
    kernels.FlipShift(x, tensor(np.full((4, 2), 0.5)), y, shape=(4, 5, 3), flip=(False, True), pixels=(2, 0))()
    assert_same_bits(y.array, x.array)


def test_right_angles_are_exact(isa: str) -> None:
    x, y = normal(2, 5 * 5 * 2), empty(2, 50)
    kernels.Rotate(tensor(x), tensor([[1.0], [0.0]]), y, shape=(5, 5, 2), degrees=90.0)()
    assert_close(y.array[0].reshape(5, 5, 2), np.rot90(x[0].reshape(5, 5, 2), 1))
    assert_close(y.array[1].reshape(5, 5, 2), np.rot90(x[1].reshape(5, 5, 2), -1))


def test_arguments_are_checked() -> None:
    x, u = Tensor((4, 12)), Tensor((4, 1))
    for wrong in ((x, Tensor((4, 2)), x), (Tensor((4, 11)), u, x), (x, u, Tensor((3, 12))), (x, Tensor((3, 1)), x)):
        with pytest.raises(ValueError, match=r"Contrast: expected x and y \(rows, 12\) and u \(rows, 1\), got"):
            kernels.Contrast(*wrong, shape=(2, 3, 2), amount=0.5)
    with pytest.raises(TypeError, match="float32"):
        kernels.Brightness(x, Tensor((4, 1), "int32"), x, shape=(2, 3, 2), amount=0.5)
