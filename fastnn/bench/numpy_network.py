"""The rival that everyone has: a dense classifier in careful pure NumPy.

float32, one flat block of parameters, every product and pass in place; a step allocates no array of a layer's size.
It uses np.dot and the reductions of ufuncs, which cost less on small arrays than np.matmul, np.sum and the like.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from fastnn.bench.numpy_training import NumpyTraining


class NumpyNetwork(NumpyTraining):
    """Dense layers with relu or tanh between them, softmax cross-entropy, SGD or Adam, for batches of `batch` rows."""

    def __init__(
        self, sizes: Sequence[int], activation: str, optimizer: str, rate: float, batch: int, seed: int
    ) -> None:
        rng = np.random.default_rng(seed)
        shapes = list(pairwise(sizes))
        flat = [shape for i, o in shapes for shape in ((i, o), (o,))]
        super().__init__(flat, batch, optimizer, rate)
        self.activation = activation
        self.weights, self.dweights = (list(zip(p[::2], p[1::2], strict=True)) for p in (self.parts, self.dparts))
        for weight, _ in self.weights:
            weight[...] = rng.standard_normal(weight.shape, np.float32) * np.sqrt(np.float32(2 / len(weight)))
        self.outputs = [np.empty((batch, o), np.float32) for _, o in shapes]
        self.batched = [(*each, y) for each, y in zip(self.weights, self.outputs, strict=True)]
        self.single = [(weight, bias, np.empty_like(bias)) for weight, bias in self.weights]
        self.deltas = [np.empty((batch, o), np.float32) for _, o in shapes]
        self.masks = [np.empty((batch, o), bool) for _, o in shapes]

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
        loss = self.cross_entropy(self.forward(x), labels, self.deltas[-1])
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
