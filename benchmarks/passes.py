"""Passes over a million elements, vs. a copy of the same bytes, NumPy and PyTorch; and what is built from them.

`python benchmarks/passes.py [--rounds N] [--seconds S] [NAME ...]` prints how many times as long as fastnn each of the
others takes, with the target behind it, and writes results/passes.txt. As in run.py each contender has a process of its
own and as many threads as the others, and they take turns; a time is the best over all rounds. The copies, memcpy and
a plain loop, and the loop that Adam is held to are in bare.py.
"""

import argparse
import os
from collections.abc import Callable
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np

import bare
import fastnn as fnn
import rival_passes
from fastnn import kernels
from fastnn.bench.contest import Maker, Task, compare
from fastnn.bench.workloads import WORKLOADS
from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor
from ops import filled, labels
from rival_passes import SIDE, Call, N
from run import environment

HERE = Path(__file__).parent
#: Bytes that a pass over an element reads and writes.
COPIED = {"relu": 8, "hard_tanh": 8, "leaky_relu": 8, "mse": 12, "sgd": 12}
CURVED = ["sigmoid", "tanh", "elu", "selu", "softplus", "softplus gradient", "silu", "silu gradient"]
CURVED += ["gelu", "gelu gradient", "gelu_tanh", "gelu_tanh gradient"]
CURVED += ["softmax", "log_softmax", "log_softmax gradient", "cross_entropy", "binary_cross_entropy"]
TENSORS, BLOCK, RESIDUAL = "adam, 10 tensors of a million", "adam, a block of ten million", "a residual block"
PYTHON = "a layer in Python"

#: By row: fastnn's rivals, and the least ratio of their time to fastnn's.
ROWS: dict[str, dict[str, float]] = {
    **{name: {"memcpy": 0.8, "loop": 0.8} for name in COPIED},
    **{name: {"NumPy": 3.0, "PyTorch": 1.0} for name in CURVED},
    TENSORS: {"PyTorch": 1.4},
    BLOCK: {"loop": 0.9},
    RESIDUAL: {"PyTorch": 3.0},
}
#: Microseconds that a layer in Python may cost a training step on top of its own NumPy work.
PYTHON_COST = 5.0


def ours(row: str, threads: int) -> Call:
    """What fastnn does in a row of the table."""
    makers = {TENSORS: adam_of_a_network, BLOCK: adam_of_a_block, RESIDUAL: residual_block}
    makers[PYTHON] = lambda: python_layer(present=True)
    return makers[row]() if row in makers else op(row)


def op(row: str) -> Call:
    """The Op of a pass."""
    x, y, dy, wide, square = filled(N), Tensor((N,)), filled(N, seed=1), filled(SIDE, SIDE), Tensor((SIDE, SIDE))
    target = filled(SIDE, SIDE, seed=1)
    if row == "mse":
        return kernels.ElementwiseLoss(wide, target, square, loss="mse")
    if row == "binary_cross_entropy":
        target.array[...] = target.array > 0
        return kernels.ElementwiseLoss(wide, target, square, loss="binary_cross_entropy")
    if row == "cross_entropy":
        return kernels.CrossEntropy(wide, labels(SIDE, SIDE), square)
    if row == "sgd":
        return kernels.SGD(x, dy)
    if row == "softmax":
        return kernels.Softmax(wide, square)
    if row == "log_softmax":
        return kernels.LogSoftmax(wide, square)
    if row == "log_softmax gradient":
        return kernels.LogSoftmaxGradient(wide, target, square)
    if row.endswith(" gradient"):
        return kernels.ActivationGradient(x, dy, y, row.removesuffix(" gradient"))
    return kernels.Activation(x, y, row)


def adam_of_a_network() -> Call:
    """The update of ten layers 1024x1024, whose parameters are in one block."""
    layers = [fnn.Dense(SIDE, bias=False) for _ in range(10)]
    net = fnn.Sequential(layers, input_shape=(SIDE,), seed=0).compile("adam", "mse")
    return moving(net.plan(1, training=True).ops[-1])


def adam_of_a_block() -> Call:
    """The update of ten million parameters."""
    return moving(kernels.Adam(filled(10 * N), *(Tensor((10 * N,)) for _ in range(3))))


def moving(update: Op) -> Op:
    """With gradients and moments that are not zero."""
    _, *rest = update.tensors
    for seed, tensor in enumerate(rest):
        assert tensor is not None
        tensor.array[...] = abs(filled(10 * N, seed=seed).array)
    return update


def residual_block() -> Call:
    """relu(x + BatchNorm(Dense(relu(BatchNorm(Dense(x)))))), 256 wide, batch 64, mse and Adam: a training step."""
    x = fnn.Input((256,))
    y = fnn.Activation("relu")(fnn.BatchNorm()(fnn.Dense(256)(x)))
    y = fnn.Activation("relu")(fnn.Add()([fnn.BatchNorm()(fnn.Dense(256)(y)), x]))
    net = fnn.Network(x, y, seed=0).compile("adam", "mse")
    given, target = (filled(64, 256, seed=seed).array for seed in range(2))
    return lambda: net.train_on_batch(given, target)


class Doubled(fnn.PythonLayer):
    """y = 2 x, without more NumPy than that."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        """2 x."""
        y: np.ndarray = x + x
        return y

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """2 dy."""
        dx: np.ndarray = dy + dy
        return dx


def python_layer(present: bool) -> Call:
    """A training step with or without a layer written in Python."""
    layers = [fnn.Dense(8), *([Doubled()] if present else []), fnn.Dense(4)]
    net = fnn.Sequential(layers, input_shape=(8,), seed=0).compile("sgd", "mse")
    x, y = filled(16, 8).array, filled(16, 4).array
    return lambda: net.train_on_batch(x, y)


def numpy_call(row: str, threads: int) -> Call | None:
    """NumPy; for a layer in Python, what that computes."""
    x = filled(16, 8).array
    return (lambda: (x + x, x + x)) if row == PYTHON else rival_passes.numpy_call(row, threads)


def loop(row: str, threads: int) -> Call:
    """The plain loop in C over the same bytes."""
    if row == BLOCK:
        return bare.loop("adam", threads, *(filled(10 * N, seed=seed).array for seed in range(4)))
    return copy("plain_copy", row, threads)


def copy(name: str, row: str, threads: int) -> Call:
    """A copy of half the bytes that the pass reads and writes."""
    floats = COPIED[row] * N // 8
    return bare.loop(name, threads, filled(floats).array, filled(floats).array)


CALLS: dict[str, Callable[[str, int], Call | None]] = {
    "fastnn": ours,
    "NumPy": numpy_call,
    "PyTorch": rival_passes.torch_call,
    "memcpy": lambda row, threads: copy("memory_copy", row, threads),
    "loop": loop,
    "without": lambda row, threads: python_layer(present=False),
}
FIELDS = {row: ["fastnn", *others] for row, others in ROWS.items()} | {PYTHON: ["fastnn", "without", "NumPy"]}


def maker(row: str, who: str) -> Maker:
    """Of the contender of a row."""

    def make(_: Any, threads: int) -> Task | None:
        call = CALLS[who](row, threads)
        return None if call is None else Task(call, [()])

    return make


CONTENDERS: dict[str, Maker] = {f"{who}: {row}": maker(row, who) for row, field in FIELDS.items() for who in field}


def line(row: str, times: list[float]) -> str:
    """A row of the table, from the microseconds of its contenders."""
    first, *others = times
    if row == PYTHON:
        cost = first - sum(others)
        return f"{row:30} {cost:9.2f} us on top of its NumPy ({PYTHON_COST:g}){'' if cost <= PYTHON_COST else ' SHORT'}"
    cells = []
    for (who, target), time in zip(ROWS[row].items(), others, strict=True):
        if not isnan(time):
            cells.append(f"{who} {time / first:.2f} ({target:g}){'' if time / first >= target else ' SHORT'}")
    return f"{row:30} {first:9.1f} us  {', '.join(cells)}"


def main() -> None:
    """Measures, prints and stores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="NAME", help=f"default: all; {', '.join(FIELDS)}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5, help="of a contender's turn")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    options = parser.parse_args()
    unknown = [row for row in options.rows if row not in FIELDS]
    if unknown:
        parser.error(f"no row is called {unknown[0]!r}; there are {', '.join(FIELDS)}")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
    machine = environment(options.threads)
    versions = [f"{name} {machine[key]}" for name, key in (("NumPy", "NumPy"), ("PyTorch", "torch")) if key in machine]
    named = [machine["day"], machine["cpu"], machine["instruction set"].split()[0], f"{options.threads} threads"]
    lines = [", ".join([*named, *versions])]
    print(lines[0], flush=True)
    for row in options.rows or FIELDS:
        field = [("passes", f"{who}: {row}", options.threads) for who in FIELDS[row]]
        lines.append(line(row, compare(field, next(iter(WORKLOADS)), options.rounds, options.seconds)))
        print(lines[-1], flush=True)
    if not options.rows:
        (HERE / "results" / "passes.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
