"""An LSTM in pure NumPy, as a careful hand writes it: a time step, and a training step.

float32, every product and pass in place, no array made in a step.
"""

import numpy as np

from fastnn.bench.numpy_training import NumpyTraining


class NumpyLSTM:
    """An LSTM and a dense layer, sizes (features, units, classes), for a single sequence whose state is kept.

    weight (features + units, 4 units) takes x and h side by side, in one product. The gates are in the order i, f, o,
    g: the sigmoids, as tanh of the half, are one pass with that of g. bias (4 units,); dense_weight (units, classes),
    dense_bias.
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


class NumpyLSTMTraining(NumpyTraining):
    """Training steps of the same network on batches (batch, steps, features), with softmax cross-entropy.

    The weights of x and of h lie apart, so that all products with x are one, and those for each weight's gradient too.
    at_end: the dense layer stands behind the last step, not at each one.
    """

    def __init__(
        self, sizes: tuple[int, int, int], steps: int, batch: int, at_end: bool, optimizer: str, rate: float, seed: int
    ) -> None:
        features, units, classes = sizes
        rows, width = steps * batch, 4 * units
        shapes = [(features, width), (units, width), (width,), (units, classes), (classes,)]
        super().__init__(shapes, batch if at_end else rows, optimizer, rate)
        rng = np.random.default_rng(seed)
        for weight in (self.parts[0], self.parts[1], self.parts[3]):
            weight[...] = rng.standard_normal(weight.shape, np.float32) * np.float32(len(weight) ** -0.5)
        self.at_end, self.x = at_end, np.empty((steps, batch, features), np.float32)
        self.h, self.c = (np.zeros((steps + 1, batch, units), np.float32) for _ in range(2))
        self.z, self.dz = (np.empty((steps, batch, width), np.float32) for _ in range(2))
        self.squashed = np.empty((steps, batch, units), np.float32)  # tanh(c)
        self.wide = np.empty((batch, width), np.float32)
        self.dh, self.dc, self.one = (np.empty((batch, units), np.float32) for _ in range(3))
        self.top = self.h[-1] if at_end else self.h[1:].reshape(rows, units)
        self.dtop = np.empty_like(self.top)
        self.y, self.dy = (np.empty((len(self.top), classes), np.float32) for _ in range(2))

    def step(self, x: np.ndarray, labels: np.ndarray) -> float:
        """One training step; returns the loss."""
        weight, recurrent, bias, dense, dense_bias = self.parts
        dweight, drecurrent, dbias, ddense, ddense_bias = self.dparts
        self.x[...] = x.swapaxes(0, 1)
        flat_x, flat_z, flat_dz = (a.reshape(-1, a.shape[-1]) for a in (self.x, self.z, self.dz))
        np.dot(flat_x, weight, flat_z)
        np.add(flat_z, bias, flat_z)
        for t in range(len(self.x)):
            self.forward(t, recurrent)
        np.dot(self.top, dense, self.y)
        np.add(self.y, dense_bias, self.y)
        loss = self.cross_entropy(self.y, labels.T.reshape(-1), self.dy)
        np.dot(self.top.T, self.dy, ddense)
        np.add.reduce(self.dy, axis=0, out=ddense_bias)
        np.dot(self.dy, dense.T, self.dtop)
        self.dh[...], self.dc[...] = self.dtop if self.at_end else 0, 0
        for t in reversed(range(len(self.x))):
            if not self.at_end:
                self.dh += self.dtop.reshape(self.squashed.shape)[t]
            self.backward(t, recurrent)
        np.dot(flat_x.T, flat_dz, dweight)
        np.dot(self.h[:-1].reshape(len(flat_z), -1).T, flat_dz, drecurrent)
        np.add.reduce(flat_dz, axis=0, out=dbias)
        self.update()
        return loss

    def forward(self, t: int, recurrent: np.ndarray) -> None:
        """h and c after step t."""
        z, c, one, half, units = self.z[t], self.c[t + 1], self.one, np.float32(0.5), self.h.shape[-1]
        if t:
            np.dot(self.h[t], recurrent, self.wide)
            np.add(z, self.wide, z)
        gates = z[:, : 3 * units]
        np.multiply(gates, half, gates)
        np.tanh(z, z)
        np.multiply(gates, half, gates)
        np.add(gates, half, gates)
        i, f, o, g = z.reshape(len(z), 4, units).swapaxes(0, 1)
        np.multiply(self.c[t], f, c)
        np.multiply(i, g, one)
        np.add(c, one, c)
        np.tanh(c, self.squashed[t])
        np.multiply(o, self.squashed[t], self.h[t + 1])

    def backward(self, t: int, recurrent: np.ndarray) -> None:
        """dz of step t, and the gradients of h and c before it, from those after it."""
        z, dz, s, dh, dc, one = self.z[t], self.dz[t], self.squashed[t], self.dh, self.dc, self.one
        (i, f, o, g), (di, df, do, dg) = (a.reshape(len(a), 4, -1).swapaxes(0, 1) for a in (z, dz))
        np.multiply(s, s, one)
        np.subtract(1, one, one)
        np.multiply(one, o, one)
        np.multiply(one, dh, one)
        np.add(dc, one, dc)
        for gate, dgate, d, factor in ((o, do, dh, s), (i, di, dc, g), (f, df, dc, self.c[t])):
            np.multiply(d, factor, dgate)
            np.multiply(dgate, gate, dgate)
            np.subtract(1, gate, one)
            np.multiply(dgate, one, dgate)
        np.multiply(g, g, one)
        np.subtract(1, one, one)
        np.multiply(dc, i, dg)
        np.multiply(dg, one, dg)
        np.multiply(dc, f, dc)
        if t:
            np.dot(dz, recurrent.T, dh)
