"""Normalization of rows, by mean and variance or by the root mean square: the ops against their twins, the layers."""

import numpy as np
import pytest

import fastnn as fnn
import reference_layers
from check import TAILS, assert_close, assert_same_bits, assert_same_on_threads, empty, normal, run, tensor, written
from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor
from fastnn.kernels import LayerNorm, LayerNormInputGradient, LayerNormWeightGradient
from networks import blobs

# Elements enough for two threads, and for four.
TWO, FOUR = 70_000, 140_000
EPSILON = 1e-3


def rows_of(n: int, num_threads: int) -> int:
    return 5 if num_threads == 1 else TWO // n + n


@pytest.mark.parametrize("centred", [True, False])
def test_layer_norm(isa: str, num_threads: int, centred: bool) -> None:
    for n in [*TAILS, 1000] if centred else [1, 7, 16, 33, 70, 1000]:
        rows, groups = rows_of(n, num_threads), 1 + n % 2
        x, gamma, beta = 3 * normal(rows, groups, n) + 2, normal(n), normal(n, start=1) * centred
        moments, y = empty(rows + n % 3, 2 * groups), empty(rows + n % 3, groups, n)
        given = tensor(x, len(y.array)), tensor(gamma), tensor(beta) if centred else None
        run(LayerNorm(*given, moments, y, epsilon=EPSILON), moments, y, rows=rows)
        expected, expected_moments = reference_layers.LayerNorm(x, gamma, beta if centred else None, epsilon=EPSILON)
        assert_close(written(moments, rows), expected_moments, np.abs(expected_moments) + 1e-6)
        scale = np.repeat(expected_moments[:, 1::2, None] * 9, n, axis=2) * np.abs(gamma) + np.abs(beta)
        assert_close(written(y, rows), expected, scale)


@pytest.mark.parametrize("shift", [100, 1e4, 1e6])
def test_the_variance_keeps_its_digits_beside_a_large_mean(isa: str, shift: float) -> None:
    x, n = (normal(20, 500) + np.float32(shift)).astype(np.float32), 500
    moments, y = empty(20, 2), empty(20, n)
    run(LayerNorm(tensor(x), tensor(np.ones(n)), tensor(np.zeros(n)), moments, y, epsilon=EPSILON), moments, y)
    assert_close(
        moments.array, reference_layers.LayerNorm(x, np.ones(n), np.zeros(n), epsilon=EPSILON)[1], tolerance=1e-7
    )


@pytest.mark.parametrize("centred", [True, False])
def test_gradients(isa: str, num_threads: int, centred: bool) -> None:
    for n in [*TAILS, 1000] if centred else [1, 7, 16, 33, 70, 1000]:
        rows, groups = rows_of(n, num_threads), 1 + n % 2
        capacity = rows + n % 3
        x, dy, gamma = normal(rows, groups, n), normal(rows, groups, n, start=1), normal(n)
        moments = reference_layers.LayerNorm(x, gamma, gamma if centred else None, epsilon=EPSILON)[1]
        moments = moments.astype(np.float32)
        given = tensor(x, capacity), tensor(dy, capacity), tensor(moments, capacity)
        dgamma, dbeta, dx = empty(n), empty(n), empty(capacity, groups, n)
        outputs = [dgamma, dbeta] if centred else [dgamma]
        run(LayerNormWeightGradient(*given, dgamma, dbeta if centred else None), *outputs, rows=rows)
        expected = reference_layers.LayerNormWeightGradient(x, dy, moments, n)
        size = np.abs(dy).reshape(-1, n).sum(axis=0)
        assert_close(dgamma.array, expected[0], 6 * size)
        if centred:
            assert_close(dbeta.array, expected[1], size)
        run(LayerNormInputGradient(*given, tensor(gamma), dx, centred=centred), dx, rows=rows)
        scale = np.abs(moments[:, 1::2, None]) * np.abs(gamma * dy).max(axis=2, keepdims=True) * 9
        wanted = reference_layers.LayerNormInputGradient(x, dy, moments, gamma, centred=centred)
        assert_close(written(dx, rows), wanted, scale + np.zeros_like(dy))


def test_gradients_add(isa: str) -> None:
    x, dy, moments = normal(9, 21), normal(9, 21, start=1), normal(9, 2) ** 2
    dgamma, dbeta = tensor(normal(21)), tensor(normal(21, start=3))
    run(LayerNormWeightGradient(*map(tensor, (x, dy, moments)), dgamma, dbeta, add=True), dgamma, dbeta)
    expected = reference_layers.LayerNormWeightGradient(x, dy, moments, 21)
    assert_close(dgamma.array, normal(21) + expected[0], tolerance=2e-6)
    assert_close(dbeta.array, normal(21, start=3) + expected[1], tolerance=2e-6)


@pytest.mark.parametrize("n", [1, 37, 700])
def test_same_bits_on_threads(isa: str, n: int) -> None:
    rows = FOUR // n + 3
    x, dy, gamma, moments = normal(rows, n), normal(rows, n, start=1), normal(n), normal(rows, 2) ** 2

    def forward() -> tuple[Op, ...]:
        outputs = empty(rows, 2), empty(rows, n)
        return LayerNorm(*map(tensor, (x, gamma, gamma)), *outputs, epsilon=EPSILON), *outputs

    def weight_gradient() -> tuple[Op, ...]:
        outputs = empty(n), empty(n)
        return LayerNormWeightGradient(*map(tensor, (x, dy, moments)), *outputs), *outputs

    def input_gradient() -> tuple[Op, ...]:
        dx = empty(rows, n)
        return LayerNormInputGradient(*map(tensor, (x, dy, moments, gamma)), dx), dx

    for build in (forward, weight_gradient, input_gradient):
        assert_same_on_threads(build)


def test_a_nan_stays_in_its_row(isa: str) -> None:
    for n in TAILS:
        x, gamma = normal(3, n).copy(), normal(n)
        results = []
        for value in (x[1, n // 2], np.nan):
            x[1, n // 2] = value
            moments, y = empty(3, 2), empty(3, n)
            run(LayerNorm(*map(tensor, (x, gamma, gamma)), moments, y, epsilon=EPSILON), moments, y)
            results.append(y.array)
        assert_same_bits(results[1][::2], results[0][::2])
        assert np.isnan(results[1][1]).all()


def test_arguments_are_checked() -> None:
    x, n, moments = Tensor((4, 6)), Tensor((3,)), Tensor((4, 4))
    with pytest.raises(ValueError, match=r"LayerNorm\(x, y, gamma, beta\): shapes .* do not fit"):
        LayerNorm(x, n, Tensor((2,)), moments, Tensor((4, 6)), epsilon=EPSILON)
    with pytest.raises(ValueError, match=r"LayerNorm: expected moments \(4, 4\), got \(4, 2\)"):
        LayerNorm(x, n, n, Tensor((4, 2)), Tensor((4, 6)), epsilon=EPSILON)
    with pytest.raises(ValueError, match=r"LayerNormWeightGradient\(x, dy, dgamma, dbeta\): shapes .* do not fit"):
        LayerNormWeightGradient(x, Tensor((4, 3)), moments, n, n)
    with pytest.raises(ValueError, match=r"LayerNormInputGradient: expected moments \(4, 4\), got \(3, 4\)"):
        LayerNormInputGradient(x, x, Tensor((3, 4)), n, x)


@pytest.mark.parametrize("kind", [fnn.LayerNorm, fnn.RMSNorm])
def test_in_a_network(kind: type[fnn.LayerNorm | fnn.RMSNorm]) -> None:
    """By finite differences, and after some training against the formula."""
    layers = [fnn.Dense(6, activation="tanh"), kind(0.01, name="norm"), fnn.Dense(3)]
    net = fnn.Sequential(layers, input_shape=(4,), seed=0)
    net.compile(fnn.SGD(0.1), "cross_entropy")
    x, y = blobs()
    fnn.check_gradients(net, x, y)
    net.fit(x, y, 16, epochs=3, verbose=0)
    w = {name: view.astype(np.float64) for name, view in net.weights.items()}
    h = np.tanh(x @ w["dense_0.weight"] + w["dense_0.bias"])
    h = reference_layers.LayerNorm(h, w["norm.gamma"], w.get("norm.beta"), epsilon=0.01)[0]
    np.testing.assert_allclose(net.predict(x), h @ w["dense_1.weight"] + w["dense_1.bias"], rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match=f"{kind.__name__}: epsilon must be a number"):
        kind(0)


def test_names_of_parameters() -> None:
    """RMSNorm has one, and its initials stay together."""
    net = fnn.Sequential([fnn.RMSNorm()], input_shape=(7, 4))
    assert list(net.weights) == ["rms_norm_0.gamma"]
    x = normal(3, 7, 4)
    assert_same_bits(net.predict(x, lengths=[7, 2, 5])[1, :2], net.predict(x)[1, :2])
