"""Softmax, its logarithm, and their gradients against their twins."""

import numpy as np
import pytest

import reference
from check import TAILS, assert_close, assert_same_bits, assert_same_on_threads, empty, normal, run, tensor, written
from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor
from fastnn.kernels import LogSoftmax, LogSoftmaxGradient, Softmax, SoftmaxGradient

# Elements enough for two threads, and for four.
TWO, FOUR = 22_000, 46_000


def rows_of(columns: int, num_threads: int) -> int:
    return 3 if num_threads == 1 else TWO // columns + columns


def test_softmax(isa: str, num_threads: int) -> None:
    for columns in [*TAILS, 1000]:
        rows = rows_of(columns, num_threads)
        x, y = 4 * normal(rows, columns), empty(rows + columns % 3, columns)
        run(Softmax(tensor(x, y.rows), y), y, rows=rows)
        # Small ones keep their digits too, but for the rounding of x - max x.
        scale = reference.Softmax(x) * (4 + x.max(axis=1, keepdims=True) - x)
        assert_close(written(y, rows), reference.Softmax(x), scale)


def test_gradient(isa: str, num_threads: int) -> None:
    for columns in [*TAILS, 1000]:
        rows = rows_of(columns, num_threads)
        y = reference.Softmax(normal(rows, columns)).astype(np.float32)
        dy, dx = normal(rows, columns, start=1), empty(rows + columns % 3, columns)
        run(SoftmaxGradient(tensor(y, dx.rows), tensor(dy, dx.rows), dx), dx, rows=rows)
        scale = y * (np.abs(dy) + (y * np.abs(dy)).sum(axis=1, keepdims=True))
        assert_close(written(dx, rows), reference.SoftmaxGradient(y, dy), scale)


def test_log_softmax(isa: str, num_threads: int) -> None:
    for columns in [*TAILS, 1000]:
        rows = rows_of(columns, num_threads)
        x, y = 4 * normal(rows, columns), empty(rows + columns % 3, columns)
        run(LogSoftmax(tensor(x, y.rows), y), y, rows=rows)
        assert_close(written(y, rows), reference.LogSoftmax(x), 1 + np.abs(reference.LogSoftmax(x)), 3e-6)


def test_log_gradient(isa: str, num_threads: int) -> None:
    for columns in [*TAILS, 1000]:
        rows = rows_of(columns, num_threads)
        y = reference.LogSoftmax(normal(rows, columns)).astype(np.float32)
        dy, dx = normal(rows, columns, start=1), empty(rows + columns % 3, columns)
        run(LogSoftmaxGradient(tensor(y, dx.rows), tensor(dy, dx.rows), dx), dx, rows=rows)
        scale = np.abs(dy) + np.exp(y) * np.abs(dy).sum(axis=1, keepdims=True)
        assert_close(written(dx, rows), reference.LogSoftmaxGradient(y, dy), scale)


@pytest.mark.parametrize(("forward", "gradient"), [(Softmax, SoftmaxGradient), (LogSoftmax, LogSoftmaxGradient)])
def test_in_place(isa: str, forward: type, gradient: type) -> None:
    x, dy = normal(5, 23), normal(5, 23, start=1)
    y, dx = tensor(x), tensor(dy)
    run(forward(y, y), y)
    assert_close(y.array, getattr(reference, forward.__name__)(x))
    run(gradient(y, dx, dx), dx)
    assert_close(dx.array, getattr(reference, gradient.__name__)(y.array, dy))


@pytest.mark.parametrize("columns", [1, 10, 37])
@pytest.mark.parametrize(("softmax", "slope"), [(Softmax, SoftmaxGradient), (LogSoftmax, LogSoftmaxGradient)])
def test_same_bits_on_threads(isa: str, columns: int, softmax: type, slope: type) -> None:
    rows = FOUR // columns + 3

    def forward() -> tuple[Op, Tensor]:
        y = empty(rows, columns)
        return softmax(tensor(normal(rows, columns)), y), y

    def gradient() -> tuple[Op, Tensor]:
        dx = empty(rows, columns)
        y = getattr(reference, softmax.__name__)(normal(rows, columns))
        return slope(tensor(y), tensor(normal(rows, columns, start=1)), dx), dx

    assert_same_on_threads(forward)
    assert_same_on_threads(gradient)


def test_large_outputs_do_not_overflow(isa: str) -> None:
    for shift in (-1e4, 100, 1e4, 3e38):
        x, y = (np.float32(shift) + normal(4, 19)), empty(4, 19)
        run(Softmax(tensor(x), y), y)
        assert_close(y.array, reference.Softmax(x))
        run(LogSoftmax(tensor(x), y), y)
        assert_close(y.array, reference.LogSoftmax(x))


def test_the_logarithm_of_nothing(isa: str) -> None:
    """Where the softmax is 0 in float32 its logarithm is not; that of -inf is -inf, a row without a largest is NaN."""
    for columns in TAILS:
        x, y = normal(4, columns + 1).copy(), empty(4, columns + 1)
        x[0, columns // 2] = -1000
        x[1, columns // 2] = -np.inf
        x[2, columns // 2] = np.inf
        x[3] = -np.inf
        run(LogSoftmax(tensor(x), y), y)
        assert_close(y.array[0], reference.LogSoftmax(x[:1])[0])
        assert y.array[1, columns // 2] == -np.inf
        assert np.isfinite(np.delete(y.array[1], columns // 2)).all()
        assert np.isnan(y.array[2:]).all()


def test_infinite_outputs(isa: str) -> None:
    """exp(-inf) is exactly 0; a row whose largest is infinite, or with nothing else than -inf, has no softmax."""
    for columns in TAILS:
        x, y = normal(4, columns + 1).copy(), empty(4, columns + 1)
        x[0, columns // 2] = -np.inf
        x[1, columns // 2] = np.inf
        x[2] = -np.inf
        run(Softmax(tensor(x), y), y)
        assert y.array[0, columns // 2] == 0
        assert_close(y.array[::3], reference.Softmax(x[::3]), tolerance=2e-6)
        assert np.isnan(y.array[1:3]).all()


def test_a_nan_stays_in_its_row(isa: str) -> None:
    for columns in TAILS:
        x, clean = normal(3, columns).copy(), empty(3, columns)
        run(Softmax(tensor(x), clean), clean)
        dy, clean_dx = normal(3, columns, start=1).copy(), empty(3, columns)
        run(SoftmaxGradient(clean, tensor(dy), clean_dx), clean_dx)
        for place in {0, columns // 2, columns - 1}:
            x[1, place] = dy[1, place] = np.nan
            y, dx = empty(3, columns), empty(3, columns)
            run(Softmax(tensor(x), y), y)
            run(SoftmaxGradient(clean, tensor(dy), dx), dx)
            x[1, place] = dy[1, place] = 0
            for result, before in ((y, clean), (dx, clean_dx)):
                assert np.isnan(result.array[1]).all()
                assert_same_bits(result.array[::2].copy(), before.array[::2].copy())


def test_arguments_are_checked() -> None:
    x, other, whole = Tensor((4, 3)), Tensor((3, 4)), Tensor((4, 3), "int32")
    with pytest.raises(ValueError, match=r"Softmax: expected equal shapes, got \(4, 3\), \(3, 4\)"):
        Softmax(x, other)
    for wrong in ((other, x, x), (x, other, x), (x, x, other)):
        with pytest.raises(ValueError, match="SoftmaxGradient: expected equal shapes"):
            SoftmaxGradient(*wrong)
    for wrong in ((whole, x, x), (x, whole, x), (x, x, whole)):
        with pytest.raises(TypeError, match="float32"):
            SoftmaxGradient(*wrong)


def test_a_row_alone_has_the_bits_that_it_has_among_others(isa: str) -> None:
    for columns in [*TAILS, 1000]:
        x, y = 4 * normal(37, columns), empty(37, columns)
        run(Softmax(tensor(x), y), y)
        for i in (0, 20, 36):
            alone = empty(1, columns)
            run(Softmax(tensor(x[i : i + 1]), alone), alone)
            assert_same_bits(alone.array[0], y.array[i])
