"""Workloads on sequences: a recurrent layer and a dense layer, trained on whole sequences or run step by step."""

from dataclasses import dataclass

import numpy as np

#: The number of different batches that take turns.
BATCHES = 8


@dataclass(frozen=True)
class Sequences:
    """A unit of work on `batch` sequences of `steps` steps, of a `kind`.

    The network is a recurrent layer ("LSTM" or "GRU") and a dense one, `sizes` their features, units and classes; the
    dense layer follows every step, or with at_end the last one. "train": a step with softmax cross-entropy,
    with `lengths` on sequences of 1 to `steps` steps; "step": one time step of a single sequence, the state kept.
    """

    name: str
    kind: str
    layer: str
    sizes: tuple[int, int, int]
    steps: int
    batch: int
    at_end: bool = False
    lengths: bool = False
    optimizer: str = ""
    rate: float = 1e-3

    @property
    def unit(self) -> str:
        """The unit of work in words."""
        features, units, classes = self.sizes
        if self.kind == "step":
            return f"one time step of {self.layer} {features}-{units}, dense {classes}, its state kept"
        steps = f"1 to {self.steps} steps, each sequence its own" if self.lengths else f"{self.steps} steps"
        dense = f"dense {classes} at {'the end' if self.at_end else 'each step'}"
        return (
            f"a training step of {self.layer} {features}-{units} over {steps}, {dense}, {self.optimizer}, "
            f"batch {self.batch}"
        )

    @property
    def flops(self) -> float:
        """Floating-point operations of the products over the real steps, the mean of the batches."""
        features, units, classes = self.sizes
        gates = {"LSTM": 4, "GRU": 3}[self.layer]
        steps = (
            float(np.mean([given[2].sum() for given in self.batches()])) if self.lengths else self.batch * self.steps
        )
        inputs, recurrent = 2.0 * steps * features * gates * units, 2.0 * steps * units * gates * units
        dense = 2.0 * (self.batch if self.at_end else steps) * units * classes
        if self.kind == "train":  # the input needs no gradient
            return 2 * inputs + 3 * (recurrent + dense)
        return inputs + recurrent + dense

    def batches(self) -> list[tuple[np.ndarray, ...]]:
        """The arguments of each unit: x float32, for a training step labels int64, with `lengths` those, int64."""
        rng = np.random.default_rng(0)
        features, _, classes = self.sizes
        shape = (features,) if self.kind == "step" else (self.batch, self.steps, features)
        x = [rng.random(shape, np.float32) for _ in range(BATCHES)]
        if self.kind != "train":
            return [(each,) for each in x]
        labelled = self.batch if self.at_end else (self.batch, self.steps)
        given = [(each, rng.integers(0, classes, labelled)) for each in x]
        if not self.lengths:
            return list(given)
        return [(*each, rng.integers(1, self.steps + 1, self.batch)) for each in given]


SEQUENCES = {
    workload.name: workload
    for workload in (
        Sequences("lstm_char", "train", "LSTM", (64, 256, 64), 64, 32, optimizer="Adam"),
        Sequences("gru_char", "train", "GRU", (64, 256, 64), 64, 32, optimizer="Adam"),
        Sequences("lstm_small", "train", "LSTM", (8, 32, 2), 30, 16, at_end=True, optimizer="Adam"),
        Sequences("lstm_stream", "step", "LSTM", (64, 256, 64), 1, 1),
        Sequences("lengths", "train", "LSTM", (64, 256, 64), 64, 32, lengths=True, optimizer="Adam"),
    )
}
