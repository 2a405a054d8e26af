"""The rival that everyone has: a dense classifier in pure NumPy, as a careful hand writes it.

float32, one flat block of parameters, every product and pass in place, no array of a layer's size made in a step;
np.dot and the reductions of ufuncs, which cost less on small arrays than np.matmul, np.sum and the like.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np


class NumpyNetwork:
    """Dense layers with relu or tanh between them, softmax cross-entropy, SGD or Adam, for batches of `batch` rows."""

    def __init__(
        self, sizes: Sequence[int], activation: str, optimizer: str, rate: float, batch: int, seed: int
    ) -> None:
        rng = np.random.default_rng(seed)
        shapes = list(pairwise(sizes))
        count = sum((i + 1) * o for i, o in shapes)
        self.activation, self.optimizer, self.rate, self.steps = activation, optimizer, np.float32(rate), 0
        self.parameters, self.gradients, self.m, self.v, self.s = (np.zeros(count, np.float32) for _ in range(5))
        self.weights, self.dweights = _carve(self.parameters, shapes), _carve(self.gradients, shapes)
        for weight, _ in self.weights:
            weight[...] = rng.standard_normal(weight.shape, np.float32) * np.sqrt(np.float32(2 / len(weight)))
        self.outputs = [np.empty((batch, o), np.float32) for _, o in shapes]
        self.batched = [(*each, y) for each, y in zip(self.weights, self.outputs, strict=True)]
        self.single = [(weight, bias, np.empty_like(bias)) for weight, bias in self.weights]
        self.deltas = [np.empty((batch, o), np.float32) for _, o in shapes]
        self.masks = [np.empty((batch, o), bool) for _, o in shapes]
        self.rows, self.column = np.arange(batch), np.empty((batch, 1), np.float32)

    def forward(self, x: np.ndarray) -> np.ndarray:
        """The logits: (batch, classes) of a batch, or (classes,) of one sample (inputs,)."""
        *hidden, (weight, bias, y) = self.batched if x.ndim > 1 else self.single
        for w, b, h in hidden:
            np.dot(x, w, h)
            np.add(h, b, h)
            if self.activation == "relu":
                np.maximum(h, 0, out=h)
            else:
                np.tanh(h, h)
            x = h
        np.dot(x, weight, y)
        logits: np.ndarray = np.add(y, bias, y)
        return logits

    def step(self, x: np.ndarray, labels: np.ndarray) -> float:
        """One training step; returns the loss."""
        z, d, column = self.forward(x), self.deltas[-1], self.column
        np.maximum.reduce(z, axis=1, keepdims=True, out=column)
        z -= column
        np.exp(z, out=d)
        np.add.reduce(d, axis=1, keepdims=True, out=column)
        loss = float(np.add.reduce(np.log(column[:, 0]) - z[self.rows, labels])) / len(x)
        d /= column
        d[self.rows, labels] -= 1
        d /= len(x)
        for i in reversed(range(len(self.weights))):
            below = self.outputs[i - 1] if i else x
            dweight, dbias = self.dweights[i]
            np.dot(below.T, self.deltas[i], out=dweight)
            np.add.reduce(self.deltas[i], axis=0, out=dbias)
            if i:
                d = self.deltas[i - 1]
                np.dot(self.deltas[i], self.weights[i][0].T, out=d)
                if self.activation == "relu":
                    np.greater(below, 0, out=self.masks[i - 1])
                    d *= self.masks[i - 1]
                else:  # below is not needed again
                    np.multiply(below, below, out=below)
                    np.subtract(1, below, out=below)
                    d *= below
        self.update()
        return loss

    def update(self) -> None:
        """p -= rate g, or Adam with the usual betas."""
        self.steps += 1
        p, g, m, v, s = self.parameters, self.gradients, self.m, self.v, self.s
        if self.optimizer == "sgd":
            g *= self.rate
            p -= g
            return
        m *= np.float32(0.9)
        np.multiply(g, np.float32(0.1), out=s)
        m += s
        v *= np.float32(0.999)
        np.multiply(g, g, out=s)
        s *= np.float32(0.001)
        v += s
        np.sqrt(v, out=s)
        s *= np.float32(1 / np.sqrt(1 - 0.999**self.steps))
        s += np.float32(1e-8)
        np.divide(m, s, out=s)
        s *= np.float32(self.rate / (1 - 0.9**self.steps))
        p -= s


def _carve(flat: np.ndarray, shapes: Sequence[tuple[int, int]]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Views of a flat block as weight (in, out) and bias (out,) for each layer."""
    views, start = [], 0
    for i, o in shapes:
        middle, end = start + i * o, start + (i + 1) * o
        views.append((flat[start:middle].reshape(i, o), flat[middle:end]))
        start = end
    return views
