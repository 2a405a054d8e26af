"""One time step of an LSTM in pure NumPy, as a careful hand writes it.

float32, one product for the input and the state side by side, every pass in place, no array made in a step.
"""

import numpy as np


class NumpyLSTM:
    """An LSTM and a dense layer, sizes (features, units, classes), for a single sequence whose state is kept.

    weight (features + units, 4 units) takes x and h side by side, the gates in the order i, f, o, g: the sigmoids, as
    tanh of the half, are one pass with that of g. bias (4 units,); dense_weight (units, classes), dense_bias.
    """

    def __init__(self, sizes: tuple[int, int, int], seed: int) -> None:
        rng = np.random.default_rng(seed)
        features, units, classes = sizes
        self.weight = rng.standard_normal((features + units, 4 * units), np.float32) * np.float32(units**-0.5)
        self.dense_weight = rng.standard_normal((units, classes), np.float32) * np.float32(units**-0.5)
        self.bias, self.dense_bias = np.zeros(4 * units, np.float32), np.zeros(classes, np.float32)
        self.given = np.zeros(features + units, np.float32)
        self.x, self.h = self.given[:features], self.given[features:]
        self.z, self.y = np.empty(4 * units, np.float32), np.empty(classes, np.float32)
        self.c, self.s = np.zeros(units, np.float32), np.empty(units, np.float32)
        self.gates, self.half = self.z[: 3 * units], np.float32(0.5)
        self.i, self.f, self.o, self.g = self.z.reshape(4, units)

    def step(self, x: np.ndarray) -> np.ndarray:
        """The logits (classes,) of the next step (features,)."""
        z, gates, half, c, s = self.z, self.gates, self.half, self.c, self.s
        self.x[...] = x
        np.dot(self.given, self.weight, z)
        np.add(z, self.bias, z)
        np.multiply(gates, half, gates)
        np.tanh(z, z)
        np.multiply(gates, half, gates)
        np.add(gates, half, gates)
        np.multiply(c, self.f, c)
        np.multiply(self.i, self.g, s)
        np.add(c, s, c)
        np.tanh(c, s)
        np.multiply(self.o, s, self.h)
        np.dot(self.h, self.dense_weight, self.y)
        logits: np.ndarray = np.add(self.y, self.dense_bias, self.y)
        return logits
