"""What is measured: training steps and predictions of dense networks, single products, pictures.py and sequences.py."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from fastnn.bench.pictures import PICTURES, Pictures
from fastnn.bench.sequences import SEQUENCES, Sequences

#: The number of different batches that take turns, so that none stays in a cache by chance.
BATCHES = 8


@dataclass(frozen=True)
class Workload:
    """A unit of work of a `kind` on dense layers of `sizes` with `batch` samples.

    "train": a step with softmax cross-entropy and `optimizer`; "predict": the outputs; "one": the output of a single
    sample without a batch dimension; "product": y = relu(x weight + bias), "packed": the same with weights packed in
    advance; "input_gradient" and "weight_gradient": the products of the backward pass.
    """

    name: str
    kind: str
    sizes: tuple[int, ...]
    batch: int
    activation: str = "relu"
    optimizer: str = ""
    rate: float = 1e-3

    @property
    def unit(self) -> str:
        """The unit of work in words."""
        shape = "-".join(map(str, self.sizes))
        if self.kind == "train":
            return f"a training step of {shape}, {self.activation}, {self.optimizer}, batch {self.batch}"
        if self.kind in ("predict", "one"):
            samples = "one sample" if self.batch == 1 else f"{self.batch} samples"
            return f"{samples} through {shape}, {self.activation}"
        shape = f"{self.batch}x{self.sizes[0]}x{self.sizes[1]}"
        names = {"packed": "with bias and relu, weights packed before", "product": "with bias and relu"}
        return f"the product {shape}, {names.get(self.kind, 'the ' + self.kind.replace('_', ' '))}"

    @property
    def flops(self) -> float:
        """Floating-point operations of the products."""
        products = [2.0 * self.batch * i * o for i, o in pairwise(self.sizes)]
        if self.kind == "train":  # the input needs no gradient
            return 3 * sum(products) - products[0]
        return sum(products)

    def batches(self) -> list[tuple[np.ndarray, ...]]:
        """The arguments of each unit: x float32, and for a training step labels int64."""
        rng = np.random.default_rng(0)
        shape = self.sizes[:1] if self.kind == "one" else (self.batch, self.sizes[0])
        x = [rng.random(shape, np.float32) for _ in range(BATCHES)]
        if self.kind != "train":
            return [(each,) for each in x]
        return [(each, rng.integers(0, self.sizes[-1], self.batch)) for each in x]


def _listed(*workloads: Workload) -> dict[str, Workload]:
    return {workload.name: workload for workload in workloads}


#: The networks.
NETWORKS = _listed(
    Workload("mlp_mnist", "train", (784, 512, 256, 10), 128, optimizer="Adam"),
    Workload("mlp_small", "train", (64, 100, 10), 32, optimizer="Adam"),
    Workload("mlp_tiny", "train", (2, 16, 16, 2), 16, "tanh", "SGD"),
    Workload("infer_one", "one", (784, 128, 10), 1),
    Workload("infer_tiny", "one", (8, 32, 32, 4), 1, "tanh"),
    Workload("infer_batch", "predict", (784, 512, 256, 10), 1024),
)
#: The products.
PRODUCTS = _listed(
    Workload("packed", "packed", (784, 512), 128),
    Workload("product", "product", (784, 512), 128),
    Workload("product_2048", "product", (2048, 2048), 2048),
    Workload("input_gradient", "input_gradient", (784, 512), 128),
    Workload("weight_gradient", "weight_gradient", (784, 512), 128),
)
#: A workload of any kind.
AnyWorkload = Workload | Pictures | Sequences
WORKLOADS: dict[str, AnyWorkload] = {**NETWORKS, **PICTURES, **SEQUENCES, **PRODUCTS}
