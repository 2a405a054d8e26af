"""The same bits: on any number of threads, in any process, at any batch size and place."""

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

import fastnn as fnn
from check import counts_threads
from fastnn.engine import op
from networks import child

TASKS = Path("/proc/self/task")


def mlp(sizes: list[int], seed: int = 0) -> fnn.Sequential:
    """Dense layers, relu between them, dropout before the last, Adam."""
    hidden: list[fnn.Layer] = [fnn.Dense(units, activation="relu") for units in sizes[1:-1]]
    layers = [*hidden, fnn.Dropout(0.2), fnn.Dense(sizes[-1], activation="softmax")]
    return fnn.Sequential(layers, input_shape=(sizes[0],), seed=seed).compile(metrics=["accuracy"])


def trained(sizes: list[int], batch: int, steps: int) -> tuple[str, dict[str, list[float]]]:
    """A digest of the parameters, and the History, after shuffled steps; the last one short."""
    rng = np.random.default_rng(0)
    x = rng.random((batch * 8 - batch // 3, sizes[0])).astype(np.float32)
    y = rng.integers(0, sizes[-1], len(x))
    net = mlp(sizes)
    for _ in range(steps // 8):
        history = net.fit(x, y, batch_size=batch, epochs=1, validation_data=(x, y), verbose=0)
    assert net.counters.step == steps // 8 * 8
    return hashlib.sha256(net.parameters).hexdigest(), history.history


LARGE, SMALL = ([784, 512, 256, 10], 128, 56), ([7, 16, 5, 3], 16, 56)
PROGRAM = """
import json, sys
from test_determinism import SMALL, LARGE, trained
print(json.dumps(trained(*SMALL)))
"""


@pytest.mark.parametrize("work", [LARGE, SMALL], ids=["large", "small"])
def test_threads(work: tuple[list[int], int, int]) -> None:
    """50 steps and more on 1, 2, 3 and 4 threads."""
    results = []
    for threads in (1, 2, 3, 4):
        with fnn.threads(threads):
            results.append(trained(*work))
    assert results[0] == results[1] == results[2] == results[3]
    if work is LARGE and counts_threads() and TASKS.is_dir():
        # The main thread and its team's; NumPy's own may be one more.
        assert len(os.listdir(TASKS)) >= 3, "the large network never went parallel"


def test_threads_on_every_instruction_set(isa: str, num_threads: int) -> None:
    """A few steps of the large network give the bits of one thread."""
    sizes, batch, _ = LARGE
    found = trained(sizes, batch, 8)
    with fnn.threads(1):
        assert trained(sizes, batch, 8) == found


def test_processes() -> None:
    """Two processes, with other threads, hash seeds and random state, give the bits of this one."""
    digest, history = trained(*SMALL)
    for environment in (
        {"PYTHONHASHSEED": "1", "OMP_NUM_THREADS": "1"},
        {"PYTHONHASHSEED": "2", "OMP_NUM_THREADS": "3"},
    ):
        assert child(PROGRAM, FASTNN_ISA=op.get_isa(), **environment) == [digest, history]


@pytest.mark.parametrize("sizes", [[64, 128, 10], [784, 300, 7], [3, 5, 1], [33, 31, 17]], ids=str)
def test_a_row_has_the_same_bits_anywhere(sizes: list[int], isa: str, num_threads: int) -> None:
    """One row's prediction, at any batch size and position."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((301, sizes[0])).astype(np.float32)
    layers = [fnn.Dense(sizes[1], activation="tanh"), fnn.Dense(sizes[2]), fnn.Activation("softmax")]
    net = fnn.Sequential(layers, input_shape=(sizes[0],), seed=1)
    whole = net.predict(x)
    for batch in (1, 2, 3, 5, 6, 7, 8, 13, 16, 31, 64, 100, 300, 301):
        np.testing.assert_array_equal(net.predict(x, batch_size=batch), whole)
    for row in (0, 1, 5, 6, 150, 299, 300):
        np.testing.assert_array_equal(net.predict(x[row : row + 1])[0], whole[row])
        np.testing.assert_array_equal(net.predict(np.repeat(x[row : row + 1], 9, axis=0)), np.tile(whole[row], (9, 1)))
    places = rng.permutation(301)
    np.testing.assert_array_equal(net.predict(x[places]), whole[places])
    np.testing.assert_array_equal(net.predict(x.astype(np.float64)), whole)


def test_the_number_of_threads_is_of_the_python_thread() -> None:
    """`threads` nests, is put back after an error, and refuses nonsense."""
    before = fnn.get_num_threads()
    with pytest.raises(KeyError), fnn.threads(3):
        assert fnn.get_num_threads() == 3
        with fnn.threads(1):
            assert fnn.get_num_threads() == 1
        assert fnn.get_num_threads() == 3
        raise KeyError
    assert fnn.get_num_threads() == before
    for wrong in (0, -1, 2**40, True, 1.5, "2", None):
        with pytest.raises((ValueError, TypeError), match="threads"):
            fnn.set_num_threads(wrong)  # type: ignore[arg-type]
    assert fnn.get_num_threads() == before
