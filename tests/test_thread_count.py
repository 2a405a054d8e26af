"""Threads: how many, for whom, after a fork and among others. Each Op's tests assert the same bits on 1 to 4."""

import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from check import assert_same_bits, counts_threads, normal, python, team, tensor
from fastnn import Sequential, layers
from fastnn.engine.tensor import Tensor
from fastnn.engine.thread_count import get_num_threads, set_num_threads, threads
from fastnn.kernels import Activation, Dense

needs_openmp = pytest.mark.skipif(not counts_threads(), reason="threads are counted with libgomp")


def large() -> Dense:
    """An op worth four threads."""
    return Dense(tensor(normal(64, 512)), tensor(normal(512, 256)), None, Tensor((64, 256)), "tanh")


def test_set_and_get() -> None:
    before = get_num_threads()
    for n in (1, 2, 7, np.int64(3), 1024):
        set_num_threads(n)
        assert get_num_threads() == n
    set_num_threads(before)


@pytest.mark.parametrize("n", [0, -1, 1025, 2**40, 2.0, "2", None, True, np.float32(2), np.nan])
def test_what_is_no_number_of_threads(n: object) -> None:
    before = get_num_threads()
    with pytest.raises(ValueError, match="the number of threads must be an integer from 1 to 1024, got"):
        set_num_threads(n)
    with pytest.raises(ValueError, match="the number of threads must be an integer"), threads(n):
        pass
    assert get_num_threads() == before


def test_context_nests_and_ends_with_an_error() -> None:
    before = get_num_threads()
    with threads(3):
        with threads(5):
            assert get_num_threads() == 5
        assert get_num_threads() == 3
        with pytest.raises(KeyError), threads(1):
            raise KeyError
        assert get_num_threads() == 3
    assert get_num_threads() == before


def test_context_is_of_one_python_thread(num_threads: int) -> None:
    seen = []
    with threads(9):
        other = threading.Thread(target=lambda: seen.append(get_num_threads()))
        other.start()
        other.join()
        set_num_threads(num_threads + 1)  # does not reach a thread with a limit of its own
        assert get_num_threads() == 9
    assert seen == [num_threads]
    assert get_num_threads() == num_threads + 1


@needs_openmp
def test_threads_by_work() -> None:
    """Small work stays on one thread, larger work uses as many as it is worth."""
    teams = [team(Activation(Tensor((n,)), Tensor((n,)), "relu"), 4) for n in (1, 1000, 30_000, 50_000, 100_000)]
    assert teams[:2] == [1, 1] and teams[-1] == 4 and sorted(teams) == teams


@needs_openmp
@pytest.mark.parametrize("n", ["1", "3", "2,1", "nonsense", "0", ""])
def test_omp_num_threads(n: str) -> None:
    result = python(
        "from fastnn.engine.thread_count import get_num_threads; print(get_num_threads())", OMP_NUM_THREADS=n
    )
    expected = n[:1] if n[:1] in ("1", "2", "3") else str(len(os.sched_getaffinity(0)))
    if n[:1] in ("1", "2", "3"):
        assert result.stdout.strip() == expected
    else:
        assert 1 <= int(result.stdout) <= int(expected)  # a quota may leave fewer


def test_affinity() -> None:
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
    code += "from fastnn.engine.thread_count import get_num_threads; print(get_num_threads())"
    assert python(code, OMP_NUM_THREADS="").stdout.strip() == "1"


def outcome_of_child(work: object, seconds: float = 20) -> int:
    """The exit status of a forked child that calls work(), 0 for True; it is killed when its time is over."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if work() else 2
        finally:
            os._exit(status)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    raise AssertionError(f"the child still ran after {seconds} s")


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_works() -> None:
    """After a parallel region, whose threads the child does not have: serially, the same bits; and so its child."""
    op = large()
    y = op.tensors[3].array
    assert team(op, 2) == 2 or not counts_threads()
    with threads(2):
        op()
    expected = y.copy()

    def work() -> bool:
        y[...] = 0
        with threads(2):
            op()
            return bool((y == expected).all()) and get_num_threads() == 1

    assert outcome_of_child(work) == 0
    assert outcome_of_child(lambda: outcome_of_child(work) == 0) == 0
    y[...] = 0
    with threads(2):
        op()
    assert_same_bits(y, expected)


def test_several_python_threads() -> None:
    """Where another's region is open an op runs serially: each has its own result right, every time."""
    expected = large()
    with threads(1):
        expected()
    wrong, finished = [], []

    def work() -> None:
        op = large()
        y = op.tensors[3].array
        for _ in range(40):
            y[...] = 0
            with threads(2):
                op()
            if (y != expected.tensors[3].array).any():
                wrong.append(1)
        finished.append(1)

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(finished) == 3 and not wrong


@needs_openmp
def test_one_region_at_a_time() -> None:
    """While one Python thread runs parallel ops all the time, another's find the region open, or free again after."""
    stop, teams = threading.Event(), []
    op = Dense(Tensor((512, 512)), Tensor((512, 2048)), None, Tensor((512, 2048)))

    def work() -> None:
        with threads(2):
            while not stop.is_set():
                op()

    other = threading.Thread(target=work)
    other.start()
    time.sleep(0.05)
    try:
        teams = [team(large(), 2) for _ in range(30)]
    finally:
        stop.set()
        other.join()
    assert 1 in teams
    assert team(large(), 2) == 2  # and none is left open


def medium() -> Sequential:
    """A network of which one prediction is worth the helper, and no region."""
    return Sequential([layers.Dense(128, "relu"), layers.Dense(10)], input_shape=(784,), seed=1)


THREADS = """
import os, numpy as np, fastnn as fnn
net = fnn.Sequential([fnn.Dense(128, "relu"), fnn.Dense(10)], input_shape=(784,), seed=1)
f, x, count = net.freeze(), np.ones(784, np.float32), lambda: len(os.listdir("/proc/self/task"))
f(x); before = count()
fnn.set_num_threads({threads})
for _ in range(20000): f(x)
print(count() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted in Linux's /proc")
@pytest.mark.parametrize("threads", [1, 2])
def test_the_helper_comes_where_two_threads_are_allowed(threads: int) -> None:
    assert python(THREADS.format(threads=threads)).stdout.strip() == str(threads - 1)


def test_the_helper_changes_no_bit() -> None:
    """With it, without it, and while it comes and goes; from several Python threads, of which one has it at a time."""
    net = medium()
    f, xs = net.freeze(), normal(50, 784)
    expected = net.predict(xs)
    wrong: list[int] = []

    def work() -> None:
        with threads(2):
            wrong.extend(i for _ in range(100) for i, x in enumerate(xs) if (f(x) != expected[i]).any())

    workers = [threading.Thread(target=work) for _ in range(3)]
    work()
    time.sleep(0.01)  # the helper falls asleep
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_has_no_helper_and_needs_none() -> None:
    f, x = medium().freeze(), normal(784)

    def predictions() -> bool:
        return all((f(x) == expected).all() for _ in range(2000))

    with threads(2):
        expected = f(x)
        assert predictions()
        assert outcome_of_child(predictions) == 0
        assert predictions()


def test_subnormals_are_kept_on_every_thread(num_threads: int) -> None:
    """No thread of a region flushes them to zero."""
    x, y = Tensor((100_000,)), Tensor((100_000,))
    x.array[...] = -100
    Activation(x, y, "sigmoid")()
    assert (y.array == np.float32(np.exp(-100.0))).all() and y.array[0] > 0
