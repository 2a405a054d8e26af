"""exp, log and erf, and the bounds that csrc states; tests/sweep.py asserts them over all floats."""

import numpy as np
import pytest
from numpy.typing import NDArray

from check import (
    BOUNDS,
    TAILS,
    assert_same_bits,
    assert_same_on_threads,
    empty,
    errors,
    evaluate,
    floats,
    normal,
    run,
    tensor,
    truth,
    ulps,
    written,
)
from fastnn.engine.tensor import Tensor
from fastnn.kernels import Elementary

# Elements enough for four threads.
LARGE = 100_000


def special() -> NDArray[np.float32]:
    """Where formulas turn, both signs, with 20 neighbours on each side: limits, powers of two, infinity and NaN."""
    turns = [
        0.0,
        np.sqrt(0.5),
        np.sqrt(2),
        0.3125,
        0.625,
        0.85,
        3.0,
        12.0,
        14.4,
        15.0,
        17.32868,
        30.0,
        120.0,
        8.664339,
        88.722839,
        89.0,
        87.336544,
        103.278929,
        103.972084,
    ]
    turns = np.array([*turns, 104.0, np.inf, np.nan, *(2.0 ** np.arange(-149, 128))], np.float32).view(np.int32)
    near = (turns[:, None] + np.arange(-20, 21)).reshape(-1)
    return floats(np.concatenate([near, near ^ np.int32(-(2**31))]))


@pytest.mark.parametrize("name", BOUNDS)
def test_bound(isa: str, name: str) -> None:
    x = np.concatenate([floats(np.arange(0, 2**32, 4099)), special()])
    error = errors(name, x, evaluate(name, x))
    worst = int(np.argmax(error))
    assert error[worst] <= BOUNDS[name], f"{error[worst]:.3f} ULP at {x[worst]!r}"


@pytest.mark.parametrize(
    ("name", "x", "limits"),
    [
        ("exp", [-np.inf, np.inf, 0.0, -0.0, 89.0, -105.0], [0.0, np.inf, 1.0, 1.0, np.inf, 0.0]),
        ("log", [0.0, -0.0, np.inf, 1.0, -1.0, -np.inf], [-np.inf, -np.inf, np.inf, 0.0, np.nan, np.nan]),
        ("erf", [-np.inf, np.inf, 0.0, -0.0, -4.0, 4.0], [-1.0, 1.0, 0.0, -0.0, -1.0, 1.0]),
        ("sigmoid", [-np.inf, np.inf, 0.0, -0.0], [0.0, 1.0, 0.5, 0.5]),
        ("tanh", [-np.inf, np.inf, 0.0, -0.0], [-1.0, 1.0, 0.0, -0.0]),
        ("softplus", [-200, 200.0, 0.0], [0.0, 200.0, np.log(2)]),
        ("elu", [-100.0, 0.0, 3e38], [-1.0, 0.0, 3e38]),
        ("gelu", [0.0, 10.0, 3e38], [0.0, 10.0, 3e38]),
        ("silu", [0.0, 30.0, 3e38], [0.0, 30.0, 3e38]),
        ("mish", [0.0, 30.0, 3e38, -200.0], [0.0, 30.0, 3e38, -0.0]),
        ("hard_swish", [0.0, 3.0, 3e38, -3.0, -3e38], [0.0, 3.0, 3e38, -0.0, -0.0]),
    ],
)
def test_limits_are_exact(isa: str, name: str, x: list[float], limits: list[float]) -> None:
    y, expected = evaluate(name, np.float32(x)), np.float32(limits)
    np.testing.assert_array_equal(y, expected)
    number = ~np.isnan(expected)  # the sign of zero counts
    np.testing.assert_array_equal(np.signbit(y[number]), np.signbit(expected[number]))


@pytest.mark.parametrize("name", BOUNDS)
def test_nan_in_nan_out(isa: str, name: str) -> None:
    x = floats(np.array([0x7FC00000, 0xFFC00000, 0x7F800001, 0xFF800001, 0x7FFFFFFF, 0xFFFFFFFF]))
    assert np.isnan(evaluate(name, x)).all()


def test_subnormal_results_are_kept(isa: str) -> None:
    assert (evaluate("exp", np.float32([-88, -100, -103.9])) > 0).all()
    assert (evaluate("sigmoid", np.float32([-88, -100, -103.9])) > 0).all()
    assert (evaluate("tanh", floats(np.array([1, 1000]))) == floats(np.array([1, 1000]))).all()
    assert (evaluate("softplus", np.float32([-88, -100, -103.9])) > 0).all()
    assert (evaluate("silu", np.float32([-88, -100, -107])) < 0).all()
    assert (evaluate("mish", np.float32([-88, -100, -107])) < 0).all()
    assert (evaluate("gelu", np.float32([-13.3, -14, -14.3])) < 0).all()


@pytest.mark.parametrize("function", ["exp", "log", "erf"])
def test_tails(isa: str, num_threads: int, function: str) -> None:
    for columns in TAILS:
        rows = 3 if num_threads == 1 else 50_000 // columns + columns
        x, y = np.exp(normal(rows, columns)), empty(rows + 2, columns)
        run(Elementary(tensor(x, y.rows), y, function), y, rows=rows)
        assert ulps(written(y, rows), truth(function, x)).max() <= BOUNDS[function]


@pytest.mark.parametrize("function", ["exp", "log", "erf"])
def test_in_place(isa: str, function: str) -> None:
    x = normal(7, 9) ** 2
    y = tensor(x)
    run(Elementary(y, y, function), y)
    assert ulps(y.array, truth(function, x)).max() <= BOUNDS[function]


@pytest.mark.parametrize("function", ["exp", "log", "erf"])
def test_same_bits_on_threads(isa: str, function: str) -> None:
    def build() -> tuple[Elementary, Tensor]:
        y = empty(LARGE + 7)
        return Elementary(tensor(normal(LARGE + 7) ** 2), y, function), y

    assert_same_on_threads(build)


@pytest.mark.parametrize("name", BOUNDS)
def test_a_value_has_the_same_bits_at_any_place(isa: str, name: str) -> None:
    """Whole and partial vectors, every lane."""
    x = np.abs(normal(70))
    whole = evaluate(name, x)
    for start in TAILS[:-1]:
        assert_same_bits(evaluate(name, x[start:]), whole[start:])


def test_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match="expected exp, log or erf, got 'sin'"):
        Elementary(Tensor((3,)), Tensor((3,)), "sin")
    with pytest.raises(ValueError, match=r"equal shapes, got \(3,\), \(4,\)"):
        Elementary(Tensor((3,)), Tensor((4,)), "exp")
    with pytest.raises(TypeError, match="float32"):
        Elementary(Tensor((3,), "int32"), Tensor((3,)), "exp")
    with pytest.raises(TypeError, match="float32"):
        Elementary(Tensor((3,)), Tensor((3,), "uint8"), "exp")
