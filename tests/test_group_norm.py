"""Group normalization: the ops against their twins, and the layer in a network."""

from typing import Any

import numpy as np
import pytest

import fastnn as fnn
import reference_layers
from check import assert_close, assert_same_bits, assert_same_on_threads, empty, normal, run, tensor, written
from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor
from fastnn.kernels import GroupNorm, GroupNormGradient

#: Positions, groups, and channels of a group: tails of vectors, one of all, and each channel alone.
SHAPES = [(1, 1, 1), (1, 3, 5), (7, 1, 16), (5, 6, 1), (9, 2, 33), (70, 4, 8), (3, 5, 13)]
EPSILON = 1e-3


def given(shape: tuple[int, ...], rows: int) -> tuple[list[np.ndarray], dict[str, Any]]:
    """x, dy, gamma, beta, and the settings."""
    positions, groups, each = shape
    n = groups * each
    x = 3 * normal(rows, positions, n) + normal(n, start=5)
    dy, gamma, beta = normal(rows, positions, n, start=1), normal(n), normal(n, start=1)
    return [x, dy, gamma, beta], {"groups": groups, "epsilon": EPSILON}


@pytest.mark.parametrize("shape", SHAPES)
def test_group_norm(isa: str, num_threads: int, shape: tuple[int, ...]) -> None:
    rows = 3 if num_threads == 1 else 80_000 // (shape[0] * shape[1] * shape[2])
    (x, dy, gamma, beta), settings = given(shape, rows)
    capacity, n = rows + 2, len(gamma)
    moments, y = empty(capacity, 2 * n), empty(capacity, *x.shape[1:])
    weights = tensor(gamma), tensor(beta)
    run(GroupNorm(tensor(x, capacity), *weights, moments, y, **settings), moments, y, rows=rows)
    expected, expected_moments = reference_layers.GroupNorm(x, gamma, beta, **settings)
    assert_close(written(moments, rows), expected_moments, np.abs(expected_moments) + 1e-6)
    assert_close(written(y, rows), expected, np.abs(expected).max() + 1, 2e-6)
    dx, dgamma, dbeta = empty(capacity, *x.shape[1:]), empty(n), empty(n)
    before = expected_moments.astype(np.float32)
    op = GroupNormGradient(
        tensor(x, capacity), tensor(dy, capacity), tensor(before, capacity), weights[0], dx, dgamma, dbeta, **settings
    )
    run(op, dx, dgamma, dbeta, rows=rows)
    wanted = reference_layers.GroupNormGradient(x, dy, before, gamma, **settings)
    scale = (np.abs(dy) * np.abs(gamma)).max() * (before[:, n:].min() + EPSILON) ** -0.5 * 9
    assert_close(written(dx, rows), wanted[0], scale)
    size = np.abs(dy).sum(axis=(0, 1))
    assert_close(dgamma.array, wanted[1], 6 * size)
    assert_close(dbeta.array, wanted[2], size)


def test_gradients_add_and_may_be_left_out(isa: str) -> None:
    (x, dy, gamma, beta), settings = given((7, 2, 5), 4)
    moments = tensor(reference_layers.GroupNorm(x, gamma, beta, **settings)[1])
    dx, dgamma, dbeta = empty(*x.shape), tensor(gamma), tensor(beta)
    op = GroupNormGradient(tensor(x), tensor(dy), moments, tensor(gamma), None, dgamma, dbeta, add=True, **settings)
    run(op, dgamma, dbeta)
    wanted = reference_layers.GroupNormGradient(x, dy, moments.array, gamma, **settings)
    assert_close(dgamma.array, gamma + wanted[1], tolerance=2e-6)
    assert_close(dbeta.array, beta + wanted[2], tolerance=2e-6)
    run(GroupNormGradient(tensor(x), tensor(dy), moments, tensor(gamma), dx, None, None, **settings), dx)
    assert_close(dx.array, wanted[0], np.abs(wanted[0]).max() * 4)


@pytest.mark.parametrize("shift", [100, 1e4, 1e6])
def test_the_variance_keeps_its_digits_beside_a_large_mean(isa: str, shift: float) -> None:
    x = (normal(3, 50, 12) + np.float32(shift)).astype(np.float32)
    moments, y, ones = empty(3, 24), empty(3, 50, 12), np.ones(12)
    run(GroupNorm(tensor(x), tensor(ones), tensor(ones), moments, y, groups=3, epsilon=EPSILON), moments, y)
    expected = reference_layers.GroupNorm(x, ones, ones, groups=3, epsilon=EPSILON)[1]
    assert_close(moments.array, expected, np.abs(expected))


@pytest.mark.parametrize("backward", [False, True])
def test_same_bits_on_threads(isa: str, backward: bool) -> None:
    (x, dy, gamma, beta), settings = given((40, 4, 9), 120)

    def build() -> tuple[Op, *tuple[Tensor, ...]]:
        moments, y, dgamma, dbeta = empty(120, 72), empty(120, 40, 36), empty(36), empty(36)
        forward = GroupNorm(*map(tensor, (x, gamma, beta)), moments, y, **settings)
        if not backward:
            return forward, moments, y
        forward()
        given = tensor(x), tensor(dy), moments, tensor(gamma), y
        return GroupNormGradient(*given, dgamma, dbeta, **settings), y, dgamma, dbeta

    assert_same_on_threads(build)


def test_a_sample_has_its_own_bits(isa: str) -> None:
    """In any batch, whatever is in the others."""
    (x, _, gamma, beta), settings = given((7, 2, 5), 3)
    x = x.copy()
    x[0, 2, 3] = np.nan
    found = []
    for batch in (x, x[1:2]):
        moments, y = empty(len(batch), 20), empty(*batch.shape)
        run(GroupNorm(*map(tensor, (batch, gamma, beta)), moments, y, **settings), moments, y)
        found.append(y.array)
    assert_same_bits(found[0][1:2], found[1])
    assert np.isnan(found[0][0, :, :5]).all() and not np.isnan(found[0][0, :, 5:]).any()


def test_arguments_are_checked() -> None:
    x, n, moments, settings = Tensor((4, 12)), Tensor((6,)), Tensor((4, 12)), {"groups": 2, "epsilon": EPSILON}
    with pytest.raises(ValueError, match=r"GroupNorm: shapes .* do not fit"):
        GroupNorm(x, n, Tensor((5,)), moments, x, **settings)
    with pytest.raises(ValueError, match="GroupNorm: 4 groups do not divide 6 channels"):
        GroupNorm(x, n, n, moments, x, groups=4, epsilon=EPSILON)
    with pytest.raises(ValueError, match=r"GroupNorm: expected moments \(4, 12\), got \(4, 2\)"):
        GroupNorm(x, n, n, Tensor((4, 2)), x, **settings)
    with pytest.raises(ValueError, match="dgamma and dbeta are given together"):
        GroupNormGradient(x, x, moments, n, x, n, None, **settings)


@pytest.mark.parametrize("frozen", [False, True])
def test_in_a_network(frozen: bool) -> None:
    """By finite differences; a frozen layer passes gradients on."""
    norm = fnn.GroupNorm(2, 0.01, name="norm")
    layers = [fnn.Conv2D(6, 3, activation="tanh"), norm, fnn.Flatten(), fnn.Dense(3)]
    norm.trainable = not frozen
    net = fnn.Sequential(layers, input_shape=(5, 5, 2), seed=0).compile(fnn.SGD(0.1), "mse")
    net.weights["norm.gamma"] = normal(6) + 1
    x, y = normal(8, 5, 5, 2), normal(8, 3)
    fnn.check_gradients(net, x, y)
    before = net.weights["norm.gamma"].copy()
    assert net.fit(x, y, epochs=3, verbose=0).history["loss"][-1] > 0
    assert (net.weights["norm.gamma"] == before).all() == frozen
    assert_same_bits(net.freeze(8)(x), net.predict(x))


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match=r"GroupNorm\(4\): 4 groups do not divide 6 channels"):
        fnn.Sequential([fnn.GroupNorm(4)], input_shape=(5, 5, 6))
    with pytest.raises(ValueError, match="GroupNorm: groups must be an integer from 1"):
        fnn.GroupNorm(0)
    with pytest.raises(ValueError, match="GroupNorm: epsilon must be a number"):
        fnn.GroupNorm(2, 0)
    net = fnn.Sequential([fnn.GroupNorm(2)], input_shape=(7, 6))
    with pytest.raises(ValueError, match="group_norm_0: reads whole sequences, so lengths cannot be applied"):
        net.predict(normal(2, 7, 6), lengths=[3, 7])
