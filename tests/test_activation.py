"""Activations and their gradients against their twins: tails, threads, NaN. Their bounds are in test_elementary.py."""

import numpy as np
import pytest

import reference
from check import BOUNDS, TAILS, assert_close, assert_same_on_threads, empty, normal, run, tensor, ulps, written
from fastnn.kernels import ACTIVATIONS, Activation, ActivationGradient
from fastnn.tensor import Tensor

# Elements enough for two threads, and for four.
TWO, FOUR = 46_000, 100_000
every_activation = pytest.mark.parametrize("activation", ACTIVATIONS)


def rows_of(columns: int, num_threads: int) -> int:
    return 3 if num_threads == 1 else TWO // columns + columns


@every_activation
def test_activation(isa: str, num_threads: int, activation: str) -> None:
    for columns in TAILS:
        rows = rows_of(columns, num_threads)
        x, y = 3 * normal(rows, columns), empty(rows + columns % 3, columns)
        run(Activation(tensor(x, y.rows), y, activation), y, rows=rows)
        assert ulps(written(y, rows), reference.Activation(x, activation)).max() <= BOUNDS.get(activation, 0)


@every_activation
def test_gradient(isa: str, num_threads: int, activation: str) -> None:
    for columns in TAILS:
        rows = rows_of(columns, num_threads)
        y = reference.Activation(normal(rows, columns, start=1), activation).astype(np.float32)
        dy, dx = normal(rows, columns), empty(rows + columns % 3, columns)
        run(ActivationGradient(tensor(y, dx.rows), tensor(dy, dx.rows), dx, activation), dx, rows=rows)
        # 1 - y y loses relative digits where y is near 1, so that dy is the measure.
        assert_close(written(dx, rows), reference.ActivationGradient(y, dy, activation), np.abs(dy), 2e-7)


@every_activation
def test_in_place(isa: str, activation: str) -> None:
    x, dy = normal(5, 23), normal(5, 23, start=1)
    y, dx = tensor(x), tensor(dy)
    run(Activation(y, y, activation), y)
    assert ulps(y.array, reference.Activation(x, activation)).max() <= BOUNDS.get(activation, 0)
    run(ActivationGradient(y, dx, dx, activation), dx)
    assert_close(dx.array, reference.ActivationGradient(y.array, dy, activation), np.abs(dy), 2e-7)


@every_activation
def test_same_bits_on_threads(isa: str, activation: str) -> None:
    def forward() -> tuple[Activation, Tensor]:
        y = empty(FOUR + 5)
        return Activation(tensor(normal(FOUR + 5)), y, activation), y

    def gradient() -> tuple[ActivationGradient, Tensor]:
        dx = empty(FOUR + 5)
        return ActivationGradient(tensor(normal(FOUR + 5)), tensor(normal(FOUR + 5, start=1)), dx, activation), dx

    assert_same_on_threads(forward)
    assert_same_on_threads(gradient)


@every_activation
def test_nan_and_infinity(isa: str, activation: str) -> None:
    limits = {"identity": (-np.inf, np.inf), "relu": (0, np.inf), "sigmoid": (0, 1), "tanh": (-1, 1)}[activation]
    for columns in (1, 4, 9, 17, 40):  # a NaN in whole vectors and in the tail, alone among its neighbours
        for place in range(columns):
            x, y = normal(columns).copy(), empty(columns)
            x[place] = np.nan
            run(Activation(tensor(x), y, activation), y)
            assert (np.isnan(y.array) == np.isnan(x)).all()
            for x[place], expected in zip((-np.inf, np.inf), limits, strict=True):
                run(Activation(tensor(x), y, activation), y)
                assert y.array[place] == expected


@every_activation
def test_gradient_of_nan(isa: str, activation: str) -> None:
    """A NaN gradient passes where the slope is not zero; a NaN output is not taken for a slope of zero."""
    y, nan, half, dx = Tensor((1,)), Tensor((1,)), Tensor((1,)), empty(1)
    y.array[...], nan.array[...], half.array[...] = 0.5, np.nan, 0.5
    run(ActivationGradient(y, nan, dx, activation), dx)
    assert np.isnan(dx.array).all()
    run(ActivationGradient(nan, half, dx, activation), dx)
    assert dx.array[0] != 0


def test_relu_turns_at_zero(isa: str) -> None:
    x = np.float32([-0.0, 0.0, 1e-45, -1e-45, 3e38, -3e38])
    y, dx = empty(6), empty(6)
    run(Activation(tensor(x), y, "relu"), y)
    assert (y.array == np.float32([0, 0, 1e-45, 0, 3e38, 0])).all()
    run(ActivationGradient(y, tensor(np.ones(6)), dx, "relu"), dx)
    assert (dx.array == [0, 0, 1, 0, 1, 0]).all()


def test_arguments_are_checked() -> None:
    x, other, whole = Tensor((4, 3)), Tensor((3, 4)), Tensor((4, 3), "int32")
    with pytest.raises(ValueError, match="unknown activation 'relu6'; known: identity, relu, sigmoid, tanh"):
        Activation(x, x, "relu6")
    with pytest.raises(ValueError, match="unknown activation"):
        ActivationGradient(x, x, x, "relu6")
    with pytest.raises(ValueError, match=r"Activation: expected equal shapes, got \(4, 3\), \(3, 4\)"):
        Activation(x, other, "relu")
    for wrong in ((other, x, x), (x, other, x), (x, x, other)):
        with pytest.raises(ValueError, match="ActivationGradient: expected equal shapes"):
            ActivationGradient(*wrong, "relu")
    for wrong in ((whole, x, x), (x, whole, x), (x, x, whole)):
        with pytest.raises(TypeError, match="float32"):
            ActivationGradient(*wrong, "relu")
    with pytest.raises(TypeError):
        Activation(x.array, x, "relu")
