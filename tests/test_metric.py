"""Metrics and classes against their twins."""

from functools import partial

import numpy as np
import pytest

import reference
import reference_losses
from check import (
    TAILS,
    assert_close,
    assert_same_bits,
    assert_same_on_threads,
    empty,
    generator,
    normal,
    run,
    tensor,
    written,
)
from fastnn import kernels
from fastnn.engine.plan import Plan
from fastnn.engine.tensor import Tensor
from fastnn.kernels import Accuracy, Classes, PeakSignalToNoise, RootMeanSquaredError, TopAccuracy

# Elements enough for two threads, and for four.
TWO, FOUR = 125_000, 250_000


def test_classes(isa: str, num_threads: int) -> None:
    for columns in TAILS if num_threads == 1 else (*range(1, 71, 9), 10):
        rows = 7 if num_threads == 1 else TWO // columns + columns
        x, y = np.round(4 * normal(rows, columns)), empty(rows + columns % 3, dtype="int32")  # rounded: with ties
        run(Classes(tensor(x, y.rows), y), y, rows=rows)
        assert_same_bits(written(y, rows), reference.Classes(x))


def test_threshold(isa: str) -> None:
    x, y = np.float32([[0.5], [0.49999997], [-np.inf], [np.inf], [0]]), empty(5, dtype="int32")
    for threshold in (0.5, 0.0):
        run(Classes(tensor(x), y, threshold=threshold), y)
        assert_same_bits(y.array, reference.Classes(x, threshold=threshold))


def test_ties_and_infinities(isa: str) -> None:
    """The first of equals, as in NumPy."""
    inf = np.inf
    x = np.float32([[1, 1, 1], [0, 2, 2], [-inf, -inf, -inf], [inf, 0, inf]])
    y = empty(4, dtype="int32")
    run(Classes(tensor(x), y), y)
    assert y.array.tolist() == [0, 1, 0, 0] == x.argmax(axis=1).tolist()


@pytest.mark.parametrize("row", [[0, np.nan, np.inf], [np.nan, 1, 2], [1, 2, np.nan]])
def test_nan_is_no_class(isa: str, row: list[float]) -> None:
    x, y = np.float32([[1, 2, 3], row]), empty(2, dtype="int32")
    with pytest.raises(ValueError, match="row 1 of a batch is NaN"):
        Classes(tensor(x), y)()
    with pytest.raises(ValueError, match="is NaN"):
        Classes(tensor(np.float32([[np.nan]])), empty(1, dtype="int32"), threshold=0.0)()


def test_accuracy(isa: str) -> None:
    random = generator(1)
    for rows in (*TAILS, 100_000):
        classes, target = random.integers(3, size=(2, rows))
        op = Accuracy(tensor(classes, rows + 2, "int32"), tensor(target, rows + 2, "int32"))
        run(op, rows=rows)
        assert op.last == op.mean == reference_losses.Accuracy(classes, target)
        weight = random.integers(4, size=rows) + (np.arange(rows) == 0)
        weighted = Accuracy(*op.tensors[:2], tensor(weight, rows + 2))
        run(weighted, rows=rows)
        assert weighted.last == weighted.mean == reference_losses.Accuracy(classes, target, weight)
        assert weighted.count == weight.sum()


def test_top_accuracy(isa: str, num_threads: int) -> None:
    random = generator(2)
    for columns in (1, 5, 6, 33) if num_threads == 1 else (10, 1000):
        rows = 70 if num_threads == 1 else TWO // columns + columns
        x, target = (
            np.round(3 * normal(rows, columns)).copy(),
            random.integers(columns, size=rows),
        )  # rounded: with ties
        x[3, 0] = np.nan
        weight = random.integers(4, size=rows)
        for k in (1, 5):
            op = TopAccuracy(tensor(x, rows + 2), tensor(target, rows + 2, "int32"), k=k)
            run(op, rows=rows)
            assert op.last == op.mean == reference_losses.TopAccuracy(x, target, k=k)
            weighted = TopAccuracy(*op.tensors[:2], tensor(weight, rows + 2), k=k)
            run(weighted, rows=rows)
            assert weighted.last == weighted.mean == reference_losses.TopAccuracy(x, target, weight, k=k)


@pytest.mark.parametrize(("name", "settings"), [("RootMeanSquaredError", {}), ("PeakSignalToNoise", {"data_range": 3})])
def test_of_squared_error(isa: str, num_threads: int, name: str, settings: dict[str, float]) -> None:
    make, twin = getattr(kernels, name), partial(getattr(reference_losses, name), **settings)
    for columns in TAILS if num_threads == 1 else (*range(1, 71, 9), 64):
        rows = 5 if num_threads == 1 else TWO // columns + columns
        x, target = normal(rows, columns), normal(rows, columns, start=1)
        op = make(tensor(x, rows + 2), tensor(target, rows + 2), **settings)
        run(op, rows=rows)
        assert_close([op.last, op.mean], [twin(x, target)] * 2)
    weight = np.arange(rows)
    op = make(tensor(x), tensor(target), tensor(weight), **settings)
    for _ in range(2):
        run(op)
    assert_close([op.last, op.mean], [twin(x, target, weight)] * 2)
    assert np.isfinite(op.mean)
    weighed, total = op.tensors[-1], op.mean
    weighed.array[...] = 0
    run(op)
    assert op.last == 0 and op.mean == total


def test_the_root_is_of_the_whole_mean(isa: str) -> None:
    """Not a mean of roots: errors 3 and 1 give sqrt(5), in two batches too."""
    op = RootMeanSquaredError(tensor([[3.0], [1.0]]), tensor([[0.0], [0.0]]))
    Plan([op]).run(2, 2)
    assert_close(op.mean, np.sqrt(5))
    error = op.tensors[0].array
    op.reset()
    for value in (3, 1):
        error[...] = value
        op()
        assert op.last == value
    assert_close(op.mean, np.sqrt(5))


def test_the_peak_is_of_the_whole_mean(isa: str) -> None:
    """Not a mean of decibels, one of which may be infinite."""
    op = PeakSignalToNoise(tensor([[0.0]]), tensor([[0.0]]), data_range=1.0)
    op()
    assert op.last == op.mean == np.inf
    op.tensors[0].array[...] = 0.2
    op()
    assert_close([op.last, op.mean], [-10 * np.log10(0.04), -10 * np.log10(0.02)])


def test_same_bits_on_threads(isa: str) -> None:
    for columns in (1, 10):
        x = normal(FOUR // columns, columns)

        def classes(x: np.ndarray = x) -> tuple[Classes, Tensor]:
            y = empty(len(x), dtype="int32")
            return Classes(tensor(x), y), y

        def top(x: np.ndarray = x) -> tuple[TopAccuracy]:
            weight = np.abs(normal(len(x)))
            return (TopAccuracy(tensor(x), tensor(np.zeros(len(x)), dtype="int32"), tensor(weight), k=2),)

        assert_same_on_threads(classes)
        assert_same_on_threads(top)


def test_mean_over_batches(isa: str) -> None:
    """Four rows, then two: the mean is over rows, not over batches."""
    accuracy = Accuracy(tensor([1, 2, 3, 4], dtype="int32"), tensor([1, 2, 0, 0], dtype="int32"))
    plan = Plan([accuracy])
    plan.run(6, 4, pause=60)
    assert (accuracy.last, accuracy.mean, accuracy.total, accuracy.count) == (1.0, 4 / 6, 4, 6)
    accuracy.reset()
    assert accuracy.count == 0 and accuracy.total == 0 and np.isnan(accuracy.mean)


def test_arguments_are_checked() -> None:
    x, labels = Tensor((4, 3)), Tensor((4,), "int32")
    for y in (Tensor((4,)), Tensor((3,), "int32"), Tensor((4, 2), "int32")):
        with pytest.raises(ValueError, match=r"Classes: expected an int32 y of shape \(4,\)"):
            Classes(x, y)
        with pytest.raises(ValueError, match="Accuracy: expected equal int32 classes"):
            Accuracy(labels, y)
    with pytest.raises(TypeError, match="float32"):
        Classes(Tensor((4, 3), "int32"), labels)
    for weight in (Tensor((3,)), Tensor((4, 2))):
        with pytest.raises(ValueError, match="Accuracy: expected a weight for each of 4 rows"):
            Accuracy(labels, labels, weight)
    for y in (Tensor((4,)), Tensor((3,), "int32"), Tensor((4, 2), "int32")):
        with pytest.raises(ValueError, match="TopAccuracy: expected an int32 target"):
            TopAccuracy(x, y, k=5)
