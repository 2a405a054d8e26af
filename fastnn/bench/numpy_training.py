"""What the trained rivals in pure NumPy share: the loss, and the update of one flat block of parameters."""

import math
from collections.abc import Sequence

import numpy as np


class NumpyTraining:
    """Parameters of these shapes in one block, their gradients in another; SGD, or Adam with the usual betas.

    rows: the number of rows of logits over which the loss is a mean.
    """

    def __init__(self, shapes: Sequence[tuple[int, ...]], rows: int, optimizer: str, rate: float) -> None:
        self.optimizer, self.rate, self.steps = optimizer, np.float32(rate), 0
        self.parameters, self.gradients, self.m, self.v, self.s = (
            np.zeros(sum(map(math.prod, shapes)), np.float32) for _ in range(5)
        )
        self.parts, self.dparts = _carve(self.parameters, shapes), _carve(self.gradients, shapes)
        self.rows, self.column = np.arange(rows), np.empty((rows, 1), np.float32)

    def cross_entropy(self, z: np.ndarray, labels: np.ndarray, d: np.ndarray) -> float:
        """The loss of logits z (rows, classes), which it shifts; writes the gradient into d."""
        column = self.column
        np.maximum.reduce(z, axis=1, keepdims=True, out=column)
        z -= column
        np.exp(z, out=d)
        np.add.reduce(d, axis=1, keepdims=True, out=column)
        loss = float(np.add.reduce(np.log(column[:, 0]) - z[self.rows, labels])) / len(z)
        d /= column
        d[self.rows, labels] -= 1
        d /= len(z)
        return loss

    def update(self) -> None:
        """p -= rate g, or Adam."""
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


def _carve(flat: np.ndarray, shapes: Sequence[tuple[int, ...]]) -> list[np.ndarray]:
    """Views of these shapes, one after another in a flat block."""
    ends = np.cumsum([math.prod(shape) for shape in shapes])
    return [part.reshape(shape) for part, shape in zip(np.split(flat, ends[:-1]), shapes, strict=True)]
