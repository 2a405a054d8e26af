"""The contenders: each makes, for a workload, a function that does one step and returns the loss as a float.

Run as a program, `contenders.py CONTENDER WORKLOAD THREADS`, it waits on standard input: for each line, a number of
seconds, it measures that long and prints the best time of a step in microseconds.
"""

import sys
import time
from collections.abc import Callable
from itertools import pairwise

import numpy as np

from workloads import WORKLOADS, Workload

Step = Callable[[np.ndarray, np.ndarray], float]


def fastnn_step(workload: Workload) -> Step:
    """fastnn, one native call a step."""
    import fastnn as fnn

    *hidden, classes = workload.sizes[1:]
    layers = [*(fnn.Dense(units, workload.activation) for units in hidden), fnn.Dense(classes, "softmax")]
    net = fnn.Sequential(layers, input_shape=workload.sizes[:1], seed=0)
    optimizer = (fnn.Adam if workload.optimizer == "adam" else fnn.SGD)(workload.rate)
    return net.compile(optimizer, "cross_entropy").train_on_batch


def numpy_step(workload: Workload) -> Step:
    """NumPy in place."""
    from fastnn.bench import NumpyNetwork

    w = workload
    return NumpyNetwork(w.sizes, w.activation, w.optimizer, w.rate, w.batch, seed=0).step


def torch_step(workload: Workload, compiled: bool = False) -> Step:
    """PyTorch with its fused optimizers, which update all tensors in one call."""
    import torch

    torch.manual_seed(0)
    activation = torch.nn.ReLU if workload.activation == "relu" else torch.nn.Tanh
    layers: list[torch.nn.Module] = []
    for i, o in pairwise(workload.sizes):
        layers += [torch.nn.Linear(i, o), activation()]
    model = torch.nn.Sequential(*layers[:-1])
    kind = torch.optim.Adam if workload.optimizer == "adam" else torch.optim.SGD
    optimizer = kind(model.parameters(), lr=workload.rate, fused=True)
    criterion = torch.nn.CrossEntropyLoss()

    def loss_of(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        loss: torch.Tensor = criterion(model(x), y)
        return loss

    forward = torch.compile(loss_of) if compiled else loss_of

    def step(x: np.ndarray, y: np.ndarray) -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = forward(torch.from_numpy(x), torch.from_numpy(y))
        loss.backward()
        optimizer.step()
        return float(loss.item())

    return step


def torch_compiled_step(workload: Workload) -> Step:
    """PyTorch with torch.compile."""
    return torch_step(workload, compiled=True)


CONTENDERS = {"fastnn": fastnn_step, "numpy": numpy_step, "torch": torch_step, "torch_compiled": torch_compiled_step}


def measure(step: Step, batches: list[tuple[np.ndarray, np.ndarray]], seconds: float) -> float:
    """Microseconds of a step: the best of blocks of eight steps or of 2 ms, whichever is longer."""
    clock = time.perf_counter
    begun, steps, best = clock(), 8, float("inf")
    while clock() - begun < seconds:
        start = clock()
        for i in range(steps):
            step(*batches[i % 8])
        taken = clock() - start
        best = min(best, taken / steps * 1e6)
        if taken < 2e-3:
            steps *= 2
    return best


def main() -> None:
    """Measures whenever it is told to; between that it blocks, so that it takes no time from the others."""
    contender, workload_name, threads = sys.argv[1:]
    workload = WORKLOADS[workload_name]
    if contender.startswith("torch"):
        import torch

        torch.set_num_threads(int(threads))
    step, batches = CONTENDERS[contender](workload), workload.batches()
    for i in range(16):
        step(*batches[i % 8])
    print("ready", flush=True)
    for line in sys.stdin:
        print(measure(step, batches, float(line)), flush=True)


if __name__ == "__main__":
    main()
