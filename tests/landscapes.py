"""Networks whose loss is known in closed form: XOR's, and a quadratic one."""

from typing import Any

import numpy as np

import fastnn as fnn

XOR = np.array([[0, 0], [0, 1], [1, 0], [1, 1.0]]), np.array([0, 1, 1, 0.0])


def xor(seed: int = 0, **options: Any) -> fnn.Network:
    layers = [fnn.Dense(2, "tanh", **options), fnn.Dense(1, **options)]
    return fnn.Sequential(layers, input_shape=(2,), seed=seed).compile("sgd", "mse")


def exact(weights: dict[str, np.ndarray]) -> tuple[float, np.ndarray, np.ndarray]:
    """Loss, gradient and Hessian of XOR's network, each derivative written out."""
    (x, t), w = XOR, weights
    h = np.tanh(x @ w["dense_0.weight"] + w["dense_0.bias"])
    d = (h @ w["dense_1.weight"] + w["dense_1.bias"])[:, 0] - t
    second = w["dense_1.weight"][:, 0]
    slope, bend = 1 - h * h, -2 * h * (1 - h * h)
    ahead = np.concatenate([x, np.ones((4, 1))], axis=1)  # what each pre-activation depends on: two weights, a bias
    gradient, matrix = np.zeros(9), np.zeros((9, 9))
    for n in range(4):
        # The coordinates of unit j's pre-activation are weights j and 2 + j, and bias 4 + j.
        dy, ddy = np.zeros(9), np.zeros((9, 9))
        dy[6:8], dy[8] = h[n], 1
        for j in range(2):
            own = [j, 2 + j, 4 + j]
            dy[own] = second[j] * slope[n, j] * ahead[n]
            ddy[np.ix_(own, own)] = second[j] * bend[n, j] * np.outer(ahead[n], ahead[n])
            ddy[own, 6 + j] = ddy[6 + j, own] = slope[n, j] * ahead[n]
        gradient += 2 * d[n] * dy / 4
        matrix += 2 * (np.outer(dy, dy) + d[n] * ddy) / 4
    return float((d * d).mean()), gradient, matrix


def linear(outputs: int = 1, **options: Any) -> tuple[fnn.Network, np.ndarray, np.ndarray, np.ndarray]:
    """A linear network with mse, x, y, and its Hessian 2 x^T x / n, for each output."""
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((40, 5)), rng.standard_normal((40, outputs))
    layer = fnn.Dense(outputs, bias=False, **options)
    net = fnn.Sequential([layer], input_shape=(5,), seed=2).compile("adam", "mse")
    return net, x, y, np.kron(2 * x.T @ x / x.shape[0], np.eye(outputs)) / outputs
