"""What the tests of Ops share: watched tensors, running, comparing, counting threads, other processes."""

import math
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

import fastnn
import reference
from fastnn.engine.op import Op
from fastnn.engine.plan import Plan
from fastnn.engine.port import Port
from fastnn.engine.tensor import ALIGNMENT, Block, Tensor, aligned, bytes_of
from fastnn.engine.thread_count import threads
from fastnn.engine.thread_team import openmp
from fastnn.kernels import ACTIVATIONS, Activation, Elementary, Gather, Scatter

TAILS = range(1, 71)
# Watched bytes on either side of a tensor, as long as two of the widest vectors.
MARGIN = 2 * ALIGNMENT
# Read as float32 it is NaN, as int32 -1: what reads a byte too many is found out too.
CANARY = 0xFF

# csrc/elementary.h and csrc/activation.h state these bounds, in units in the last place; gelu_tanh's are those of x.
BOUNDS = {
    "exp": 1.5,
    "log": 1.5,
    "erf": 3.0,
    "identity": 0.0,
    "relu": 0.0,
    "sigmoid": 3.0,
    "tanh": 2.0,
    "step": 0.0,
    "leaky_relu": 1.0,
    "elu": 1.0,
    "selu": 2.0,
    "softplus": 2.0,
    "softsign": 1.5,
    "gelu": 10.0,
    "gelu_tanh": 2.0,
    "silu": 3.5,
    "hard_sigmoid": 1.5,
    "hard_tanh": 0.0,
    "relu6": 0.0,
    "square": 0.5,
    "absolute": 0.0,
    "mish": 5.0,
    "hard_swish": 2.5,
}


def generator(*key: int) -> np.random.Generator:
    return np.random.default_rng(key)


# Drawn once: drawing costs more than the kernels do.
NUMBERS = generator(0).standard_normal(2**22, np.float32)
NUMBERS.flags.writeable = False


def normal(*shape: int, start: int = 0) -> NDArray[np.float32]:
    """Standard normal numbers, read-only, the same for the same shape and start."""
    start = (start + 7919 * len(shape) + 104729 * shape[-1]) % 2**21
    return NUMBERS[start : start + math.prod(shape)].reshape(shape)


def memory(tensor: Tensor) -> NDArray[np.uint8]:
    """All bytes of the tensor's block."""
    return Tensor((tensor.block.nbytes,), "uint8", tensor.block).array


def empty(*shape: int, dtype: str = "float32") -> Tensor:
    """A tensor full of canaries, between margins of canaries."""
    block = Block(2 * MARGIN + aligned(bytes_of(shape, dtype)))
    tensor = Tensor(shape, dtype, block, MARGIN)
    memory(tensor)[...] = CANARY
    return tensor


def tensor(array: ArrayLike, capacity: int = 0, dtype: str = "float32") -> Tensor:
    """A copy of the array in a tensor of at least `capacity` rows; the rows not given hold canaries."""
    array = np.asarray(array)
    copy = empty(max(len(array), capacity), *array.shape[1:], dtype=dtype)
    copy.array[: len(array)] = array
    return copy


def assert_margins(tensor: Tensor) -> None:
    """Nothing was written around a tensor made here."""
    block = memory(tensor)
    assert (block[:MARGIN] == CANARY).all(), f"written before {tensor}"
    assert (block[MARGIN + tensor.nbytes :] == CANARY).all(), f"written after {tensor}"


def run(op: Op, *outputs: Tensor, rows: int | None = None, first: int = 0, **settings: object) -> None:
    """Runs the op as it is, or with `rows` as a plan; it must write to its outputs only."""
    tensors = [tensor for tensor in op.tensors if tensor is not None]
    before = [memory(tensor).copy() for tensor in tensors]
    if rows is None:
        op()
    else:
        Plan([op]).run(first + rows, rows, first, **settings)
    for tensor, bytes_before in zip(tensors, before, strict=True):
        if any(tensor is output for output in outputs):
            assert_margins(tensor)
        else:
            assert (memory(tensor) == bytes_before).all(), f"{op} wrote to its input {tensor}"


def written(output: Tensor, rows: int) -> NDArray:
    """The first `rows` rows; those after them must still hold canaries."""
    assert (output.array[rows:].view(np.uint8) == CANARY).all(), f"written after row {rows} of {output}"
    return output.array[:rows]


def assert_close(
    actual: ArrayLike, expected: ArrayLike, scale: ArrayLike | None = None, tolerance: float = 1e-6
) -> None:
    """|actual - expected| <= tolerance * scale everywhere; scale: the largest expected, unless given."""
    actual, expected = reference.double(actual), reference.double(expected)
    assert actual.shape == expected.shape
    scale = np.abs(expected).max(initial=0) if scale is None else np.asarray(scale)
    error = np.abs(actual - expected)
    assert (error <= tolerance * scale).all(), f"relative error {np.max(error / np.maximum(scale, 1e-300)):.3g}"


def assert_same_bits(actual: NDArray, expected: NDArray) -> None:
    assert actual.shape == expected.shape and actual.dtype == expected.dtype
    different = np.flatnonzero(actual.view(np.uint8) != expected.view(np.uint8)) // actual.itemsize
    assert not different.size, f"{len(set(different))} of {actual.size} elements differ, the first at {different[0]}"


def counts_threads() -> bool:
    """Whether `team` can count: with libgomp, which makes a pool for each Python thread; others share one."""
    maps = Path("/proc/self/maps")
    return bool(openmp()) and maps.exists() and "libgomp" in maps.read_text()


def tasks() -> set[str]:
    """The process's threads. A listing may miss one while another ends, so that it takes several."""
    return {task for _ in range(5) for task in os.listdir("/proc/self/task")}


def team(op: Op, most: int) -> int:
    """Runs the op and counts its threads. A new Python thread has a pool of its own, so they are all new."""

    def count() -> int:
        with threads(most):
            before = tasks()
            op()
            return 1 + len(tasks() - before)

    with ThreadPoolExecutor(1) as executor:
        return executor.submit(count).result()


def assert_same_on_threads(build: Callable[[], tuple[Op, *tuple[Tensor, ...]]]) -> None:
    """build() gives an Op, large enough for four threads, and its outputs: the same bits on 1, 2, 3 and 4."""
    with threads(1):
        op, *expected = build()
    counted = team(op, 1) == 1
    assert counted or not counts_threads()
    for most in (2, 3, 4):
        with threads(most):  # nor may what the op settles when it is made depend on them
            again, *outputs = build()
        counted = team(again, most) == most
        assert counted or not counts_threads()
        for output, one in zip(outputs, expected, strict=True):
            assert_margins(output)
            assert_same_bits(output.array, one.array)
        assert getattr(again, "last", None) == getattr(op, "last", None)


def evaluate(name: str, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """The function of BOUNDS, by its kernel, in place."""
    values = Tensor(x.shape)
    values.array[...] = x
    (Activation if name in ACTIVATIONS else Elementary)(values, values, name)()
    return values.array


def truth(name: str, x: NDArray[np.float32]) -> reference.Array:
    """The same in float64."""
    return (reference.Activation if name in ACTIVATIONS else reference.Elementary)(x, name)


def errors(name: str, x: NDArray[np.float32], y: NDArray[np.float32]) -> reference.Array:
    """The errors of y, the function of BOUNDS at x, in the units of its bound."""
    return ulps(y, truth(name, x), x if name == "gelu_tanh" else None)


def ulps(actual: NDArray[np.float32], expected: reference.Array, scale: ArrayLike | None = None) -> reference.Array:
    """The distance in units in the last place of float32 at `expected`, or at scale; infinite where only one is NaN."""
    largest = 2.0**128  # an infinity is one unit above the greatest float32
    actual, clipped = (np.clip(reference.double(x), -largest, largest) for x in (actual, expected))
    scale = clipped if scale is None else np.clip(reference.double(scale), -largest, largest)
    exponent = np.clip(np.frexp(scale)[1] - 1, -126, 127)
    error = np.abs(actual - clipped) / np.ldexp(1.0, exponent - 23)
    nan = np.isnan(expected)
    return np.where(nan | np.isnan(actual), np.where(nan & np.isnan(actual), 0, np.inf), error)


def floats(bits: NDArray) -> NDArray[np.float32]:
    """float32 numbers by their bit patterns."""
    return bits.astype(np.uint32).view(np.float32)


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the code in a new interpreter, in which a crash does no harm."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(fastnn.__file__).parents[1],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


class Copy:
    """A plan that copies the port x to the port y through relu, up to `capacity` rows of `columns` at a time."""

    def __init__(self, capacity: int = 4, columns: int = 3) -> None:
        self.rows = Tensor((capacity, columns))
        self.x, self.y = Port("x", columns), Port("y", columns)
        self.ops = [Gather(self.x, self.rows), Activation(self.rows, self.rows, "relu"), Scatter(self.rows, self.y)]
        self.plan = Plan(self.ops, [self.x, self.y], nbytes=self.rows.nbytes)

    def attach(self, rows: int) -> tuple[NDArray, NDArray]:
        x, y = normal(rows, self.x.columns), np.full((rows, self.x.columns), np.nan, np.float32)
        self.x.attach(x)
        self.y.attach(y)
        return x, y
