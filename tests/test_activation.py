"""Activations and their gradients against their twins: tails, threads, NaN. Their bounds are in test_elementary.py."""

import numpy as np
import pytest
from numpy.typing import NDArray

import reference
from check import BOUNDS, TAILS, assert_close, assert_same_on_threads, empty, errors, normal, run, tensor, written
from fastnn.engine.tensor import Tensor
from fastnn.kernels import ACTIVATIONS, DERIVED_FROM_INPUT, Activation, ActivationGradient

# Elements enough for two threads, and for four.
TWO, FOUR = 46_000, 100_000
# At -infinity and infinity.
LIMITS = {
    **dict.fromkeys(["identity", "leaky_relu"], (-np.inf, np.inf)),
    **dict.fromkeys(["relu", "softplus", "gelu", "gelu_tanh", "silu", "exp", "mish", "hard_swish"], (0, np.inf)),
    **dict.fromkeys(["sigmoid", "step", "hard_sigmoid"], (0, 1)),
    **dict.fromkeys(["tanh", "softsign", "hard_tanh"], (-1, 1)),
    **dict.fromkeys(["square", "absolute"], (np.inf, np.inf)),
    "relu6": (0, 6),
    "elu": (-1, np.inf),
    "selu": (np.float32(-1.7580993408473769), np.inf),
}
# Where formulas turn, and the slopes below, at and above the place, which takes the side that PyTorch takes.
KINKS = [
    ("relu", 0, (0, 0, 1)),
    ("leaky_relu", 0, (0.01, 0.01, 1)),
    ("elu", 0, (1, 1, 1)),
    ("selu", 0, (1.7580993, 1.7580993, 1.050701)),
    ("hard_sigmoid", -3, (0, 0, 1 / 6)),
    ("hard_sigmoid", 3, (1 / 6, 0, 0)),
    ("hard_tanh", -1, (0, 0, 1)),
    ("hard_tanh", 1, (1, 0, 0)),
    ("relu6", 0, (0, 0, 1)),
    ("relu6", 6, (1, 0, 0)),
    ("absolute", 0, (-1, 0, 1)),
    ("hard_swish", -3, (0, 0, -0.5)),
    ("hard_swish", 3, (1.5, 1, 1)),
]
every_activation = pytest.mark.parametrize("activation", ACTIVATIONS)


def rows_of(columns: int, num_threads: int) -> int:
    return 3 if num_threads == 1 else TWO // columns + columns


def assert_slopes(dx: NDArray, y: NDArray, dy: NDArray, activation: str) -> None:
    """1 - y y loses relative digits where y is near 1, so that dy is the measure, or dx where slopes are above 1."""
    wanted = reference.ActivationGradient(y, dy, activation)
    assert_close(dx, wanted, np.maximum(np.abs(dy), np.abs(wanted)), 3e-7)


@every_activation
def test_activation(isa: str, num_threads: int, activation: str) -> None:
    for columns in TAILS:
        rows = rows_of(columns, num_threads)
        x, y = 3 * normal(rows, columns), empty(rows + columns % 3, columns)
        run(Activation(tensor(x, y.rows), y, activation), y, rows=rows)
        assert errors(activation, x, written(y, rows)).max() <= BOUNDS[activation]


@every_activation
def test_gradient(isa: str, num_threads: int, activation: str) -> None:
    for columns in TAILS:
        rows = rows_of(columns, num_threads)
        y = reference.slope_source(normal(rows, columns, start=1), activation).astype(np.float32)
        dy, dx = normal(rows, columns), empty(rows + columns % 3, columns)
        run(ActivationGradient(tensor(y, dx.rows), tensor(dy, dx.rows), dx, activation), dx, rows=rows)
        assert_slopes(written(dx, rows), y, dy, activation)


@every_activation
def test_in_place(isa: str, activation: str) -> None:
    x, dy = normal(5, 23), normal(5, 23, start=1)
    y, dx = tensor(x), tensor(dy)
    run(Activation(y, y, activation), y)
    assert errors(activation, x, y.array).max() <= BOUNDS[activation]
    run(ActivationGradient(y, dx, dx, activation), dx)
    assert_slopes(dx.array, y.array, dy, activation)


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
    for columns in (1, 4, 9, 17, 40):  # a NaN in whole vectors and in the tail, alone among its neighbours
        for place in range(columns):
            x, y = normal(columns).copy(), empty(columns)
            x[place] = np.nan
            run(Activation(tensor(x), y, activation), y)
            assert (np.isnan(y.array) == np.isnan(x)).all()
            for x[place], expected in zip((-np.inf, np.inf), LIMITS[activation], strict=True):
                run(Activation(tensor(x), y, activation), y)
                assert y.array[place] == expected


@every_activation
def test_gradient_of_nan(isa: str, activation: str) -> None:
    """A NaN gradient passes where the slope is not zero; a NaN output is not taken for a slope of zero."""
    y, nan, half, dx = Tensor((1,)), Tensor((1,)), Tensor((1,)), empty(1)
    y.array[...], nan.array[...], half.array[...] = 0.5, np.nan, 0.5
    run(ActivationGradient(y, nan, dx, activation), dx)
    assert np.isnan(dx.array).all() or activation == "step"
    run(ActivationGradient(nan, half, dx, activation), dx)
    assert dx.array[0] != 0


@every_activation
def test_gradient_at_infinity(isa: str, activation: str) -> None:
    """The limits, though some formulas multiply 0 by infinity."""
    x, dx = np.float32([-np.inf, np.inf]), empty(2)
    source = reference.slope_source(x, activation)
    run(ActivationGradient(tensor(source), tensor(np.ones(2)), dx, activation), dx)
    below = {"identity": 1, "leaky_relu": np.float32(0.01), "square": -np.inf, "absolute": -1}.get(activation, 0)
    steep = {"selu": np.float32(1.0507009873554805), "exp": np.inf, "square": np.inf}
    above = steep.get(activation, float(LIMITS[activation][1] == np.inf))
    np.testing.assert_array_equal(dx.array, [below, above])


def test_relu_turns_at_zero(isa: str) -> None:
    x = np.float32([-0.0, 0.0, 1e-45, -1e-45, 3e38, -3e38])
    y, dx = empty(6), empty(6)
    run(Activation(tensor(x), y, "relu"), y)
    assert (y.array == np.float32([0, 0, 1e-45, 0, 3e38, 0])).all()
    run(ActivationGradient(y, tensor(np.ones(6)), dx, "relu"), dx)
    assert (dx.array == [0, 0, 1, 0, 1, 0]).all()


@pytest.mark.parametrize(("activation", "place", "slopes"), KINKS)
def test_slopes_at_kinks(isa: str, activation: str, place: float, slopes: tuple[float, ...]) -> None:
    x, dx = np.float32([place - 1e-6, place, place + 1e-6]), empty(3)
    y = tensor(x)
    if activation not in DERIVED_FROM_INPUT:
        run(Activation(y, y, activation), y)
    run(ActivationGradient(y, tensor(np.ones(3)), dx, activation), dx)
    np.testing.assert_allclose(dx.array, slopes, rtol=3e-6)


def test_step_turns_at_zero(isa: str) -> None:
    y = tensor(np.float32([-1e-45, -0.0, 0.0, 1e-45]))
    run(Activation(y, y, "step"), y)
    assert (y.array == [0, 1, 1, 1]).all()


def test_arguments_are_checked() -> None:
    x, other, whole = Tensor((4, 3)), Tensor((3, 4)), Tensor((4, 3), "int32")
    with pytest.raises(ValueError, match="unknown activation 'swoosh'; known: identity, relu, sigmoid, tanh"):
        Activation(x, x, "swoosh")
    with pytest.raises(ValueError, match="unknown activation"):
        ActivationGradient(x, x, x, "swoosh")
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
