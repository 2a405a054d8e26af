"""What is measured: training steps of three networks, each on eight different batches in rotation."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Workload:
    """Dense layers of `sizes` with `activation` between them, softmax cross-entropy, one step on `batch` samples."""

    name: str
    sizes: tuple[int, ...]
    activation: str
    optimizer: str
    batch: int
    rate: float = 1e-3

    def batches(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Eight batches: x float32, labels int64."""
        rng = np.random.default_rng(0)
        shape = (self.batch, self.sizes[0])
        return [(rng.random(shape, np.float32), rng.integers(0, self.sizes[-1], self.batch)) for _ in range(8)]


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("mlp_mnist", (784, 512, 256, 10), "relu", "adam", 128),
        Workload("mlp_small", (64, 100, 10), "relu", "adam", 32),
        Workload("mlp_tiny", (2, 16, 16, 2), "tanh", "sgd", 16),
    )
}
