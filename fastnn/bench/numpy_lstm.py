"""An LSTM in careful pure NumPy: a time step, and a training step.

float32, every product and pass in place; a step allocates no array.
"""

import numpy as np

from fastnn.bench.numpy_training import NumpyTraining

#: Bytes of gates and of their gradients that are processed at once.
CACHED = 2**19


class NumpyLSTM:
    """An LSTM and a dense layer, sizes (features, units, classes), for a single sequence whose state is kept.

    weight (features + units, 4 units) multiplies x and h, concatenated, in one product. The gates are in the order i,
    f, o, g: the sigmoids, computed as tanh(z / 2), share one pass with the tanh of g. bias (4 units,); dense_weight
    (units, classes), dense_bias.
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

    The weights of x and of h are separate, so that all products with x are one product, as are those of each weight's
    gradient. The parts of a derivative that depend on the states only are computed for as many steps at once as fit in
    the cache. All views are made in advance. at_end: the dense layer follows the last step, not each one.
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
        self.at_end, self.one, self.half = at_end, np.float32(1), np.float32(0.5)
        self.x = np.empty((steps, batch, features), np.float32)
        self.z, self.dz = (np.empty((steps, batch, width), np.float32) for _ in range(2))
        self.h, self.c = (np.zeros((steps + 1, batch, units), np.float32) for _ in range(2))
        self.squashed, self.turn = (np.empty((steps, batch, units), np.float32) for _ in range(2))  # tanh(c), its slope
        self.flat_x, self.flat_z, self.flat_dz = (a.reshape(rows, -1) for a in (self.x, self.z, self.dz))
        self.before = self.h[:-1].reshape(rows, units)
        self.top = self.h[-1] if at_end else self.h[1:].reshape(rows, units)
        self.dtop = np.empty_like(self.top)
        self.y, self.dy = (np.empty((len(self.top), classes), np.float32) for _ in range(2))
        self.wide = np.empty((batch, width), np.float32)
        self.dh, self.dc, self.scratch = (np.empty((batch, units), np.float32) for _ in range(3))
        span = max(1, CACHED // (self.z[0].nbytes + self.dz[0].nbytes))
        self.spans = [slice(first, first + span) for first in range(0, steps, span)]
        dtop = [None] * steps if at_end else self.dtop.reshape(steps, batch, units)
        gates, dgates = (a.reshape(steps, batch, 4, units) for a in (self.z, self.dz))
        self.ahead = [
            (self.h[t], z, z[:, : 3 * units], *gate.swapaxes(0, 1), *self.c[t : t + 2], self.squashed[t], self.h[t + 1])
            for t, (z, gate) in enumerate(zip(self.z, gates, strict=True))
        ]
        self.back = [
            (dtop[t], self.turn[t], gates[t, :, 1], d[:, :2], d[:, 2], d[:, 3], self.dz[t])
            for t, d in enumerate(dgates)
        ]

    def step(self, x: np.ndarray, labels: np.ndarray) -> float:
        """One training step; returns the loss."""
        weight, recurrent, bias, dense, dense_bias = self.parts
        dweight, drecurrent, dbias, ddense, ddense_bias = self.dparts
        self.x[...] = x.swapaxes(0, 1)
        np.dot(self.flat_x, weight, self.flat_z)
        np.add(self.flat_z, bias, self.flat_z)
        self.forward(recurrent)
        np.dot(self.top, dense, self.y)
        np.add(self.y, dense_bias, self.y)
        loss = self.cross_entropy(self.y, labels.T.reshape(-1), self.dy)
        np.dot(self.top.T, self.dy, ddense)
        np.add.reduce(self.dy, axis=0, out=ddense_bias)
        np.dot(self.dy, dense.T, self.dtop)
        self.dh[...], self.dc[...] = self.dtop if self.at_end else 0, 0
        for span in reversed(self.spans):
            self.derive(span)
            self.backward(span, recurrent.T)
        np.dot(self.flat_x.T, self.flat_dz, dweight)
        np.dot(self.before.T, self.flat_dz, drecurrent)
        np.add.reduce(self.flat_dz, axis=0, out=dbias)
        self.update()
        return loss

    def forward(self, recurrent: np.ndarray) -> None:
        """Computes h and c after each step."""
        half, wide, scratch = self.half, self.wide, self.scratch
        for t, (h, z, gates, i, f, o, g, c, next_c, squashed, next_h) in enumerate(self.ahead):
            if t:
                np.dot(h, recurrent, wide)
                np.add(z, wide, z)
            np.multiply(gates, half, gates)
            np.tanh(z, z)
            np.multiply(gates, half, gates)
            np.add(gates, half, gates)
            np.multiply(c, f, next_c)
            np.multiply(i, g, scratch)
            np.add(next_c, scratch, next_c)
            np.tanh(next_c, squashed)
            np.multiply(o, squashed, next_h)

    def derive(self, span: slice) -> None:
        """Writes the factors of dh and dc for these steps into dz and turn."""
        one, squashed, turn, units = self.one, self.squashed[span], self.turn[span], self.h.shape[-1]
        z, dz = self.z[span], self.dz[span]
        (i, _, o, g), (di, df, do, dg) = (np.split(a, 4, axis=-1) for a in (z, dz))
        sigmoids, slopes = z[..., : 3 * units], dz[..., : 3 * units]
        np.multiply(squashed, squashed, turn)
        np.subtract(one, turn, turn)
        np.multiply(turn, o, turn)
        np.subtract(one, sigmoids, slopes)
        np.multiply(slopes, sigmoids, slopes)
        np.multiply(do, squashed, do)
        np.multiply(di, g, di)
        np.multiply(df, self.c[:-1][span], df)
        np.multiply(g, g, dg)
        np.subtract(one, dg, dg)
        np.multiply(dg, i, dg)

    def backward(self, span: slice, turned: np.ndarray) -> None:
        """Computes dz of these steps, and the gradients of h and c before them from those after them."""
        dh, dc, scratch, both = self.dh, self.dc, self.scratch, self.dc[:, None]
        for t, (dtop, turn, f, dif, do, dg, dz) in reversed([*enumerate(self.back)][span]):
            if dtop is not None:
                np.add(dh, dtop, dh)
            np.multiply(turn, dh, scratch)
            np.add(dc, scratch, dc)
            np.multiply(do, dh, do)
            np.multiply(dif, both, dif)
            np.multiply(dg, dc, dg)
            if t:
                np.multiply(dc, f, dc)
                np.dot(dz, turned, dh)
