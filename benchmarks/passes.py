"""Passes over a million elements, beside a copy of the same bytes, NumPy and PyTorch; and what is built from them.

`python benchmarks/passes.py [--rounds N] [--seconds S] [NAME ...]` prints a table with the target of each figure, and
writes results/passes.txt. As in run.py each contender has a process of its own and as many threads as the others, and
they take turns; a figure is the best over all rounds. NumPy works in place, PyTorch where it can.
"""

import argparse
import ctypes
import os
import subprocess
import tempfile
from collections.abc import Callable
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np

import fastnn as fnn
from bench_optimizer import BARE
from fastnn import kernels
from fastnn.bench.contest import Maker, Task, compare
from fastnn.bench.workloads import WORKLOADS
from fastnn.tensor import Tensor
from ops import filled, labels

HERE = Path(__file__).parent
N, SIDE = 1 << 20, 1 << 10
COPY = """
#include <string.h>
void copy(long n, const char *x, char *y, int threads) {
#pragma omp parallel for num_threads(threads)
  for (int i = 0; i < threads; i++) memcpy(y + n / threads * i, x + n / threads * i, n / threads);
}
"""

Call = Callable[[], Any]


def compiled(text: str, name: str) -> Any:
    """A function in C, as fast as this processor runs it."""
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder) / "bare.c", Path(folder) / "bare.so"
        source.write_text(text)
        options = ["-O3", "-march=native", "-fopenmp", "-shared", "-fPIC"]
        subprocess.run([os.environ.get("CC", "cc"), *options, str(source), "-o", str(library)], check=True)
        return getattr(ctypes.CDLL(str(library)), name)


def pointer(array: np.ndarray) -> ctypes.c_void_p:
    """As C takes it."""
    return ctypes.c_void_p(array.ctypes.data)


def copied(nbytes: int, threads: int) -> Call:
    """A copy that reads and writes so many bytes in all."""
    copy, x, y = compiled(COPY, "copy"), filled(nbytes // 8).array, filled(nbytes // 8).array
    return lambda: copy(ctypes.c_long(nbytes // 2), pointer(x), pointer(y), threads)


def ours(name: str) -> Call:
    """The Op of fastnn."""
    activation = name.removesuffix(" gradient")
    x, y, wide, square = filled(N), filled(N), filled(SIDE, SIDE), filled(SIDE, SIDE)
    if name == "mse":
        return kernels.ElementwiseLoss(wide, filled(SIDE, SIDE, seed=1), square, loss="mse")
    if name == "sgd":
        return kernels.SGD(x, filled(N, seed=1))
    if name == "softmax":
        return kernels.Softmax(wide, square)
    if name == "log_softmax":
        return kernels.LogSoftmax(wide, square)
    if name == "cross_entropy":
        return kernels.CrossEntropy(wide, labels(SIDE, SIDE), square)
    if name == "binary_cross_entropy":
        target = filled(SIDE, SIDE)
        target.array[...] = target.array > 0
        return kernels.ElementwiseLoss(wide, target, square, loss="binary_cross_entropy")
    if name.endswith("gradient"):
        return kernels.ActivationGradient(x, filled(N, seed=1), y, activation)
    return kernels.Activation(x, y, name)


def numpys(name: str) -> Call | None:
    """The same in NumPy, in place."""
    x, y, t = (filled(N, seed=seed).array for seed in range(3))
    wide, square = x.reshape(SIDE, SIDE), y.reshape(SIDE, SIDE)

    def sigmoid() -> None:
        np.negative(x, out=y)
        np.exp(y, out=y)
        np.add(y, 1, out=y)
        np.reciprocal(y, out=y)

    def softplus() -> None:
        np.abs(x, out=y)
        np.negative(y, out=y)
        np.exp(y, out=y)
        np.log1p(y, out=y)
        np.maximum(x, 0, out=t)
        np.add(y, t, out=y)

    def silu() -> None:
        sigmoid()
        np.multiply(x, y, out=y)

    def elu() -> None:
        np.minimum(x, 0, out=y)
        np.expm1(y, out=y)
        np.maximum(x, 0, out=t)
        np.add(y, t, out=y)

    def gelu_tanh() -> None:
        np.multiply(x, x, out=y)
        np.multiply(y, 0.044715, out=y)
        np.add(y, 1, out=y)
        np.multiply(y, x, out=y)
        np.multiply(y, 0.79788456, out=y)
        np.tanh(y, out=y)
        np.add(y, 1, out=y)
        np.multiply(y, x, out=y)
        np.multiply(y, 0.5, out=y)

    def softmax() -> None:
        np.subtract(wide, wide.max(axis=1, keepdims=True), out=square)
        np.exp(square, out=square)
        np.divide(square, square.sum(axis=1, keepdims=True), out=square)

    def log_softmax() -> None:
        np.subtract(wide, wide.max(axis=1, keepdims=True), out=square)
        np.exp(square, out=t.reshape(SIDE, SIDE))
        np.subtract(square, np.log(t.reshape(SIDE, SIDE).sum(axis=1, keepdims=True)), out=square)

    forms = (sigmoid, softplus, silu, elu, gelu_tanh, softmax, log_softmax)
    calls: dict[str, Call] = {form.__name__: form for form in forms}
    calls["tanh"] = lambda: np.tanh(x, out=y)
    return calls.get(name)


def torchs(name: str, threads: int) -> Call | None:
    """The same in PyTorch."""
    import torch
    from torch.nn import functional

    torch.set_num_threads(threads)
    x, y, g, aten = torch.randn(N), torch.randn(N), torch.randn(N), torch.ops.aten
    wide, square, target = x.reshape(SIDE, SIDE), torch.empty(SIDE, SIDE), torch.randint(0, SIDE, (SIDE,))
    given = wide.clone().requires_grad_()
    half = (torch.randn(SIDE, SIDE) > 0).float()

    def loss(function: Callable[..., Any], t: Any) -> Call:
        def step() -> None:
            given.grad = None
            function(given, t).backward()

        return step

    calls: dict[str, Call] = {
        "sigmoid": lambda: torch.sigmoid(x, out=y),
        "tanh": lambda: torch.tanh(x, out=y),
        "elu": lambda: aten.elu.out(x, out=y),
        "softplus": lambda: aten.softplus.out(x, out=y),
        "silu": lambda: aten.silu.out(x, out=y),
        "gelu": lambda: aten.gelu.out(x, out=y),
        "gelu_tanh": lambda: aten.gelu.out(x, approximate="tanh", out=y),
        "softmax": lambda: torch.softmax(wide, 1, out=square),
        "log_softmax": lambda: aten._log_softmax.out(wide, 1, False, out=square),
        "gelu gradient": lambda: aten.gelu_backward.grad_input(g, x, grad_input=y),
        "silu gradient": lambda: aten.silu_backward.grad_input(g, x, grad_input=y),
        "cross_entropy": loss(functional.cross_entropy, target),
        "binary_cross_entropy": loss(functional.binary_cross_entropy_with_logits, half),
    }
    return calls.get(name)


def adams(tensors: int, size: int) -> Call:
    """fastnn's Adam on each of so many tensors."""
    ops = [kernels.Adam(filled(size), filled(size, seed=1), Tensor((size,)), Tensor((size,))) for _ in range(tensors)]

    def step() -> None:
        for op in ops:
            op()

    return step


def torch_adam(threads: int) -> Call:
    """PyTorch's fused Adam on ten tensors."""
    import torch

    torch.set_num_threads(threads)
    parameters = [torch.nn.Parameter(torch.randn(N)) for _ in range(10)]
    for parameter in parameters:
        parameter.grad = torch.randn(N)
    step: Call = torch.optim.Adam(parameters, fused=True).step
    return step


def bare_adam(threads: int) -> Call:
    """The loop of bench_optimizer.py."""
    bare, blocks = compiled(BARE, "bare"), [filled(10 * N, seed=seed).array for seed in range(4)]
    return lambda: bare(ctypes.c_long(10 * N), *map(pointer, blocks), threads)


def block() -> Call:
    """relu(x + BatchNorm(Dense(relu(BatchNorm(Dense(x)))))), 256 wide, batch 64, mse and Adam."""
    x = fnn.Input((256,))
    y = fnn.Activation("relu")(fnn.BatchNorm()(fnn.Dense(256)(x)))
    y = fnn.Activation("relu")(fnn.Add()([fnn.BatchNorm()(fnn.Dense(256)(y)), x]))
    net = fnn.Network(x, y, seed=0).compile("adam", "mse")
    given, target = (filled(64, 256, seed=seed).array for seed in range(2))
    return lambda: net.train_on_batch(given, target)


def torch_block(threads: int) -> Call:
    """The same in PyTorch."""
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    first, second = (nn.Sequential(nn.Linear(256, 256), nn.BatchNorm1d(256)) for _ in range(2))
    parameters = [*first.parameters(), *second.parameters()]
    optimizer = torch.optim.Adam(parameters, fused=True)
    x, target = torch.randn(64, 256), torch.randn(64, 256)

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = nn.functional.mse_loss(torch.relu(second(torch.relu(first(x))) + x), target)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


class Doubled(fnn.PythonLayer):
    """y = 2 x, without more NumPy than that."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        y: np.ndarray = np.add(x, x)
        return y

    def backward(self, dy: np.ndarray) -> np.ndarray:
        dx: np.ndarray = np.add(dy, dy)
        return dx


def python_layer(present: bool) -> Call:
    """A training step with and without a layer written in Python."""
    layers = [fnn.Dense(8), *([Doubled()] if present else []), fnn.Dense(4)]
    net = fnn.Sequential(layers, input_shape=(8,), seed=0).compile("sgd", "mse")
    x, y = filled(16, 8).array, filled(16, 4).array
    return lambda: net.train_on_batch(x, y)


def numpy_of_the_layer() -> Call:
    """What the layer does in NumPy."""
    x = filled(16, 8).array
    return lambda: (x + x, x + x)


COPIED = {"relu": 8, "hard_tanh": 8, "leaky_relu": 8, "mse": 12, "sgd": 12}
CURVED = ["sigmoid", "tanh", "elu", "softplus", "silu", "gelu", "gelu_tanh", "softmax", "log_softmax"]
CURVED += ["gelu gradient", "silu gradient", "cross_entropy", "binary_cross_entropy"]

#: By row: the contenders beside fastnn and the least ratio of their time to fastnn's.
ROWS: dict[str, dict[str, float]] = {
    **{name: {"copy": 0.8} for name in COPIED},
    **{name: {"NumPy": 3.0, "PyTorch": 1.0} for name in CURVED},
    "adam, 10 tensors of a million": {"PyTorch": 1.4},
    "adam, a block of ten million": {"bare loop": 0.9},
    "a residual block": {"PyTorch": 3.0},
}


def call(row: str, who: str, threads: int) -> Call | None:
    """What a contender does in a row of the table."""
    if row in COPIED or row in CURVED:
        if who == "copy":
            return copied(COPIED[row] * N, threads)
        if who == "PyTorch":
            return torchs(row, threads)
        return ours(row) if who == "fastnn" else numpys(row)
    if row.startswith("adam, 10"):
        return adams(10, N) if who == "fastnn" else torch_adam(threads)
    if row.startswith("adam"):
        return adams(1, 10 * N) if who == "fastnn" else bare_adam(threads)
    if row == "a residual block":
        return block() if who == "fastnn" else torch_block(threads)
    return {"with": python_layer(True), "without": python_layer(False), "NumPy": numpy_of_the_layer()}[who]


def maker(row: str, who: str) -> Maker:
    """Of the contender of a row."""

    def make(_: Any, threads: int) -> Task | None:
        function = call(row, who, threads)
        return None if function is None else Task(function, [()])

    return make


PYTHON = "a layer in Python"
FIELDS = {row: ["fastnn", *rivals] for row, rivals in ROWS.items()} | {PYTHON: ["with", "without", "NumPy"]}
CONTENDERS: dict[str, Maker] = {f"{who}: {row}": maker(row, who) for row, field in FIELDS.items() for who in field}


def main() -> None:
    """Measures, prints and stores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="NAME", help=f"default: all; {', '.join(FIELDS)}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5, help="of a contender's turn")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    options = parser.parse_args()
    os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
    lines = []
    for row in options.rows or FIELDS:
        field = [("passes", f"{who}: {row}", options.threads) for who in FIELDS[row]]
        first, *others = compare(field, next(iter(WORKLOADS)), options.rounds, options.seconds)
        if row == PYTHON:
            cost = first - others[0] - others[1]
            figures = f"{cost:.2f} us beside its NumPy (5){'' if cost <= 5 else ' SHORT'}"
        else:
            cells = []
            for (who, target), time in zip(ROWS[row].items(), others, strict=True):
                if not isnan(time):
                    cells.append(f"{who} {time / first:.2f} ({target:g}){'' if time / first >= target else ' SHORT'}")
            figures = f"{first:9.1f} us  {', '.join(cells)}"
        lines.append(f"{row:30} {figures}")
        print(lines[-1], flush=True)
    if not options.rows:
        (HERE / "results" / "passes.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
