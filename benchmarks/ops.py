"""What the benchmarks of single ops share: filled tensors, and the names of shapes."""

import numpy as np

from fastnn.engine.tensor import Tensor


def filled(*shape: int, seed: int = 0) -> Tensor:
    """A tensor of normal numbers."""
    tensor = Tensor(shape)
    tensor.array[...] = np.random.default_rng(seed).standard_normal(shape, np.float32)
    return tensor


def labels(rows: int, classes: int) -> Tensor:
    """An int32 tensor of class numbers."""
    tensor = Tensor((rows,), "int32")
    tensor.array[...] = np.random.default_rng(0).integers(0, classes, rows)
    return tensor
