"""The ops of batch normalization against their twins."""

import numpy as np
import pytest

import reference
import reference_layers
from check import TAILS, assert_close, assert_same_bits, assert_same_on_threads, empty, normal, run, tensor, written
from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor
from fastnn.kernels import (
    BatchNorm,
    BatchNormInputGradient,
    BatchNormMoments,
    BatchNormRunning,
    BatchNormWeightGradient,
)

# Elements enough for two threads, and for four.
TWO, FOUR = 70_000, 140_000
EPSILON = 1e-3


def rows_of(n: int, num_threads: int) -> int:
    return 5 if num_threads == 1 else TWO // n + n


def positive(*shape: int) -> np.ndarray:
    return 0.1 + normal(*shape, start=3) ** 2


def test_moments(isa: str, num_threads: int) -> None:
    for n in TAILS:
        rows, groups = rows_of(n, num_threads), 1 + n % 3
        x = 3 * normal(rows, groups, n) + normal(n, start=1)
        mean, variance = empty(n), empty(n)
        run(BatchNormMoments(tensor(x, rows + n % 3), mean, variance), mean, variance, rows=rows)
        expected = reference_layers.BatchNormMoments(x, n)
        assert_close(mean.array, expected[0], np.abs(expected[0]) + 1e-7, 1e-6)
        assert_close(variance.array, expected[1], expected[1], 1e-6)


@pytest.mark.parametrize("shift", [0, 100, 1e4, 1e6])
def test_the_variance_keeps_its_digits_beside_a_large_mean(isa: str, shift: float) -> None:
    """Also where the first row, which is the centre of the sums, is far from all others."""
    for rows in (2, 33, 5000):
        x = (normal(rows, 20) + np.float32(shift)).astype(np.float32)
        x[0, ::3] = 0
        mean, variance = empty(20), empty(20)
        run(BatchNormMoments(tensor(x), mean, variance), mean, variance)
        expected = reference_layers.BatchNormMoments(x, 20)
        assert_close(mean.array, expected[0], np.abs(expected[0]) + 1e-6, 1e-6)
        assert_close(variance.array, expected[1], expected[1], 1e-6)


def test_a_single_value_has_no_variance(isa: str) -> None:
    x, mean, variance = normal(1, 37), empty(37), empty(37)
    run(BatchNormMoments(tensor(x), mean, variance), mean, variance)
    assert_same_bits(mean.array, x[0])
    assert (variance.array == 0).all()


def test_batch_norm(isa: str, num_threads: int) -> None:
    for n in TAILS:
        activation = ("identity", "relu", "tanh")[n % 3]
        rows, groups = rows_of(n, num_threads), 1 + n % 2
        x, y = normal(rows, groups, n), empty(rows + n % 3, groups, n)
        weights = normal(n, start=1), positive(n), normal(n, start=2), normal(n, start=4)
        op = BatchNorm(tensor(x, len(y.array)), *map(tensor, weights), y, epsilon=EPSILON, activation=activation)
        run(op, y, rows=rows)
        expected = reference_layers.BatchNorm(x, *weights, epsilon=EPSILON, activation=activation)
        scale = np.abs(x - weights[0]) * np.abs(weights[2]) / np.sqrt(weights[1]) + np.abs(weights[3])
        assert_close(written(y, rows), expected, scale)


def test_what_the_activation_is_applied_to_can_be_kept(isa: str) -> None:
    x, y, z = normal(50, 37), empty(50, 37), empty(50, 37)
    weights = normal(37, start=1), positive(37), normal(37, start=2), normal(37, start=4)
    op = BatchNorm(tensor(x), *map(tensor, weights), y, epsilon=EPSILON, activation="gelu", z=z)
    run(op, y, z)
    expected = reference_layers.BatchNorm(x, *weights, epsilon=EPSILON)
    assert_close(z.array, expected, tolerance=2e-6)
    assert_close(y.array, reference.Activation(expected, "gelu"), tolerance=2e-6)
    with pytest.raises(ValueError, match="the derivative of relu is computed from y"):
        BatchNorm(tensor(x), *map(tensor, weights), y, epsilon=EPSILON, activation="relu", z=z)


def test_gradients(isa: str, num_threads: int) -> None:
    for n in TAILS:
        rows, groups = rows_of(n, num_threads), 1 + n % 3
        capacity = rows + n % 3
        x, dy = normal(rows, groups, n), normal(rows, groups, n, start=1)
        mean, variance, gamma = normal(n, start=1), positive(n), normal(n, start=2)
        sums = [empty(n) for _ in range(4)]
        given = tensor(x, capacity), tensor(dy, capacity), tensor(mean), tensor(variance)
        run(BatchNormWeightGradient(*given, *sums, epsilon=EPSILON), *sums, rows=rows)
        expected = reference_layers.BatchNormWeightGradient(x, dy, mean, variance, epsilon=EPSILON)
        size = reference_layers.BatchNormWeightGradient(
            np.abs(x - mean) + mean, np.abs(dy), mean, variance, epsilon=EPSILON
        )
        for actual, wanted, scale in zip(sums, expected, size, strict=True):
            assert_close(actual.array, wanted, scale)
        dx = empty(capacity, groups, n)
        run(BatchNormInputGradient(*given, *sums[:2], tensor(gamma), dx, epsilon=EPSILON), dx, rows=rows)
        shift, slope = (t.array for t in sums[:2])
        wanted = reference_layers.BatchNormInputGradient(x, dy, mean, variance, shift, slope, gamma, epsilon=EPSILON)
        wide = variance + EPSILON
        scale = np.abs(gamma) / np.sqrt(wide) * (np.abs(dy) + np.abs(shift) + np.abs((x - mean) * slope) / wide)
        assert_close(written(dx, rows), wanted, scale)


def test_gradients_add(isa: str) -> None:
    x, dy, mean, variance = normal(9, 21), normal(9, 21, start=1), normal(21), positive(21)
    sums = [tensor(normal(21, start=5)) for _ in range(4)]
    op = BatchNormWeightGradient(*map(tensor, (x, dy, mean, variance)), *sums, epsilon=EPSILON, add=True)
    run(op, *sums)
    shift, slope, dgamma, dbeta = reference_layers.BatchNormWeightGradient(x, dy, mean, variance, epsilon=EPSILON)
    before = normal(21, start=5)
    for actual, wanted in zip(sums, (shift, slope, before + dgamma, before + dbeta), strict=True):
        assert_close(actual.array, wanted, tolerance=2e-6)


def test_running(isa: str) -> None:
    given = normal(37), positive(37), normal(37, start=1), positive(37)
    mean, variance, running_mean, running_variance = map(tensor, given)
    for groups, rows in ((1, 1), (1, 2), (3, 1)):
        op = BatchNormRunning(mean, variance, running_mean, running_variance, momentum=0.7, groups=groups)
        before = running_mean.array.copy(), running_variance.array.copy()
        run(op, running_mean, running_variance, rows=rows)
        expected = reference_layers.BatchNormRunning(*given[:2], *before, momentum=0.7)
        if rows * groups == 1:
            expected = before
        assert_close(running_mean.array, expected[0])
        assert_close(running_variance.array, expected[1])


def test_running_mean_of_all_runs(isa: str) -> None:
    """With `seen`: whatever was there before, each run counts by its values, one value for nothing."""
    batches = [(normal(37, start=i), positive(37) + i, rows) for i, rows in enumerate((4, 1, 3, 9))]
    running, seen = (tensor(np.full(37, np.inf)), tensor(np.full(37, np.nan))), tensor(np.zeros(1))
    for mean, variance, rows in batches:
        op = BatchNormRunning(tensor(mean), tensor(variance), *running, momentum=0.7, seen=seen)
        run(op, *running, seen, rows=rows)
    counted = [batch for batch in batches if batch[2] > 1]
    for found, i in zip(running, (0, 1), strict=True):
        assert_close(found.array, np.average([batch[i] for batch in counted], axis=0, weights=[4, 3, 9]))
    assert seen.array[0] == 16


@pytest.mark.parametrize("n", [1, 16, 37, 700])
def test_same_bits_on_threads(isa: str, n: int) -> None:
    rows = FOUR // n + 3
    x, dy = normal(rows, n), normal(rows, n, start=1)
    weights = normal(n, start=1), positive(n), normal(n, start=2), normal(n, start=4)

    def moments() -> tuple[Op, ...]:
        outputs = empty(n), empty(n)
        return BatchNormMoments(tensor(x), *outputs), *outputs

    def forward() -> tuple[Op, ...]:
        y = empty(rows, n)
        return BatchNorm(tensor(x), *map(tensor, weights), y, epsilon=EPSILON, activation="relu"), y

    def weight_gradient() -> tuple[Op, ...]:
        outputs = [empty(n) for _ in range(4)]
        given = map(tensor, (x, dy, *weights[:2]))
        return BatchNormWeightGradient(*given, *outputs, epsilon=EPSILON), *outputs

    def input_gradient() -> tuple[Op, ...]:
        dx = empty(rows, n)
        given = map(tensor, (x, dy, *weights, weights[2]))
        return BatchNormInputGradient(*given, dx, epsilon=EPSILON), dx

    for build in (moments, forward, weight_gradient, input_gradient):
        assert_same_on_threads(build)


def test_a_row_has_the_same_bits_in_any_batch(isa: str) -> None:
    x, weights = normal(600, 37), (normal(37, start=1), positive(37), normal(37), normal(37, start=2))
    y, one = empty(600, 37), empty(1, 37)
    run(BatchNorm(tensor(x), *map(tensor, weights), y, epsilon=EPSILON), y)
    for row in (0, 17, 599):
        run(BatchNorm(tensor(x[row : row + 1]), *map(tensor, weights), one, epsilon=EPSILON), one)
        assert_same_bits(one.array[0], y.array[row])


def test_arguments_are_checked() -> None:
    x, y, n = Tensor((4, 6)), Tensor((4, 6)), [Tensor((3,)) for _ in range(6)]
    with pytest.raises(ValueError, match=r"BatchNormMoments\(x, mean, variance\): shapes \(4, 6\), \(4,\), \(4,\)"):
        BatchNormMoments(x, Tensor((4,)), Tensor((4,)))
    with pytest.raises(ValueError, match=r"BatchNorm\(.*shapes \(4, 6\), \(4, 3\).* do not fit"):
        BatchNorm(x, *n[:4], Tensor((4, 3)), epsilon=EPSILON)
    with pytest.raises(ValueError, match=r"BatchNorm\(.*\(2,\) do not fit"):
        BatchNorm(x, *n[:3], Tensor((2,)), y, epsilon=EPSILON)
    with pytest.raises(ValueError, match=r"unknown activation 'no'"):
        BatchNorm(x, *n[:4], y, epsilon=EPSILON, activation="no")
    with pytest.raises(ValueError, match=r"BatchNormWeightGradient\(.*do not fit"):
        BatchNormWeightGradient(x, Tensor((3, 6)), *n, epsilon=EPSILON)
    with pytest.raises(ValueError, match=r"BatchNormInputGradient\(.*do not fit"):
        BatchNormInputGradient(x, y, *n[:5], Tensor((5, 6)), epsilon=EPSILON)
    with pytest.raises(
        ValueError, match=r"BatchNormRunning: expected equal shapes, got \(3,\), \(3,\), \(3,\), \(2,\)"
    ):
        BatchNormRunning(*n[:3], Tensor((2,)), momentum=0.9)
    with pytest.raises(ValueError, match=r"BatchNormRunning: expected seen \(1,\), got \(3,\)"):
        BatchNormRunning(*n[:4], momentum=0.9, seen=Tensor((3,)))
    with pytest.raises(TypeError, match="float32"):
        BatchNormMoments(Tensor((4, 6), "int32"), *n[:2])
