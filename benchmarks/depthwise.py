"""A depthwise convolution, forward and backward, beside PyTorch: `python benchmarks/depthwise.py [--rounds N]`.

16 pictures of 56 x 56 x 96, 3 x 3, padding "same", with a bias; the gradients of input, weight and bias. As in run.py
each contender has a process of its own with the same number of threads, and they take turns.
"""

import argparse
import os
from pathlib import Path

import numpy as np

from fastnn import kernels
from fastnn.bench.contest import Maker, Task, compare
from fastnn.bench.workloads import WORKLOADS, Workload
from fastnn.kernels.axis import Axis
from fastnn.tensor import Tensor
from ops import filled

BATCH, SIZE, CHANNELS, KERNEL = 16, 56, 96, 3


def fastnn_task(_: Workload, threads: int) -> Task:
    """The two Ops, on two batches in turn."""
    axis, pixels = Axis(SIZE, KERNEL, 1, 1, 1, 1), SIZE * SIZE * CHANNELS
    weight, bias = filled(KERNEL, KERNEL, CHANNELS, 1), filled(CHANNELS)
    y, dx, dweight, dbias = (Tensor(shape) for shape in ((BATCH, pixels), (BATCH, pixels), weight.shape, bias.shape))
    steps = []
    for i in range(2):
        x, dy = filled(BATCH, pixels, seed=2 * i), filled(BATCH, pixels, seed=2 * i + 1)
        forward = kernels.Depthwise(x, weight, bias, y, axis, axis)
        steps.append((forward, kernels.DepthwiseGradient(x, weight, dy, dx, dweight, dbias, axis, axis)))

    def step(forward: kernels.Depthwise, backward: kernels.DepthwiseGradient) -> None:
        forward()
        backward()

    return Task(step, steps)


def torch_task(last: bool) -> Maker:
    """PyTorch with channels first, or last."""

    def make(_: Workload, threads: int) -> Task:
        import torch

        torch.set_num_threads(threads)
        layout = torch.channels_last if last else torch.contiguous_format
        weight, bias = torch.randn(CHANNELS, 1, KERNEL, KERNEL).requires_grad_(), torch.zeros(CHANNELS).requires_grad_()

        def picture() -> torch.Tensor:
            values = np.random.default_rng(0).standard_normal((BATCH, CHANNELS, SIZE, SIZE), np.float32)
            return torch.from_numpy(values).to(memory_format=layout)

        def step(x: torch.Tensor, dy: torch.Tensor) -> None:
            x.grad = weight.grad = bias.grad = None
            torch.nn.functional.conv2d(x, weight, bias, padding=1, groups=CHANNELS).backward(dy)

        return Task(step, [(picture().requires_grad_(), picture()) for _ in range(2)])

    return make


CONTENDERS: dict[str, Maker] = {
    "fastnn": fastnn_task,
    "torch": torch_task(last=False),
    "torch, channels last": torch_task(last=True),
}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of a contender's turn")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    options = parser.parse_args()
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    )
    field = [("depthwise", name, options.threads) for name in CONTENDERS]
    times = compare(field, next(iter(WORKLOADS)), options.rounds, options.seconds)
    for name, time in zip(CONTENDERS, times, strict=True):
        print(f"{name}: {time / 1e3:.2f} ms ({time / times[0]:.2f})")


if __name__ == "__main__":
    main()
