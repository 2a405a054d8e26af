"""Datasets whose samples are read one by one, and the networks that train on them."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

import fastnn as fnn

N, FEATURES, CLASSES = 103, 5, 3


def data(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.standard_normal((N, FEATURES), np.float32), random.integers(0, CLASSES, N)


class Dataset:
    """Rows one by one. form: what a sample is made of its row and label."""

    def __init__(
        self, form: Callable[[np.ndarray, int], Any] = lambda x, y: (x, y), x: Any = None, y: Any = None
    ) -> None:
        self.form, (self.x, self.y) = form, data() if x is None else (x, y)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, i: int) -> Any:
        return self.form(self.x[i], self.y[i])


class Batches(Dataset):
    """As PyTorch's: samples in a list; or arrays in a tuple."""

    def __init__(self, arrays: bool) -> None:
        super().__init__()
        self.arrays = arrays

    def __getitems__(self, rows: list[int]) -> Any:
        return (self.x[rows], self.y[rows]) if self.arrays else [(self.x[i], self.y[i]) for i in rows]


def network(**options: Any) -> fnn.Sequential:
    layers = [fnn.Dense(7, "relu"), fnn.Dropout(0.2), fnn.Dense(CLASSES, "softmax")]
    net = fnn.Sequential(layers, input_shape=(FEATURES,), seed=5)
    return net.compile(fnn.Adam(0.01), metrics=["accuracy", worst], **options)


def worst(y: np.ndarray, t: np.ndarray) -> float:
    """A metric of a whole epoch, in order."""
    return float((y[np.arange(len(y)), t.astype(int)] * np.linspace(1, 2, len(y))).sum())


def bits(net: fnn.Network) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in net.weights.items()}


def no_threads() -> bool:
    """Whether no reader is left."""
    return not [thread for thread in threading.enumerate() if "fastnn" in thread.name]
