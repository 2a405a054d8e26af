"""What a thread needs to run: enough stack, and an interpreter to return to."""

import subprocess
import sys
import threading
from collections.abc import Callable

import numpy as np
import pytest

import fastnn as fnn
from check import python
from fastnn.engine.native import stack_needed
from networks import classifier

DAEMON = """
import sys, threading, time
import numpy as np
import fastnn as fnn

class Same(fnn.PythonLayer):
    def forward(self, x):
        return x
    def backward(self, dy):
        return dy

fnn.set_num_threads(2)
kind = sys.argv[1]
middle = [Same()] if kind == "python" else []
layers = [fnn.Dense(512, "relu"), *middle, fnn.Dense(10, "softmax")]
net = fnn.Sequential(layers, input_shape=(64,), seed=0).compile()
x, y = np.random.default_rng(0).standard_normal((1024, 64), np.float32), np.arange(1024) % 10
f, begun = net.freeze(1024), threading.Event()

def work():
    begun.set()
    while kind == "predict":
        net.predict(x)
    while kind == "frozen":
        f(x)
    net.fit(x, y, 256, 100000, verbose=0)
    print("it came to its end")

threading.Thread(target=work, daemon=True).start()
begun.wait()
time.sleep(float(sys.argv[2]))
"""


@pytest.mark.parametrize("kind", ["fit", "python", "predict", "frozen"])
def test_daemon_threads_at_the_interpreters_end(kind: str) -> None:
    """They end at a step, without a word; the process ends as if they had not been there."""
    for i in range(4):
        command = [sys.executable, "-c", DAEMON, kind, f"{0.02 + 0.02 * i}"]
        run = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_a_last_word_may_still_run() -> None:
    """What the interpreter calls at its end, in its own thread, trains and predicts; another thread cannot any more."""
    result = python("""
import atexit, threading
import numpy as np

def last():
    net.fit(x, y, verbose=0), net.predict(x), net.freeze()(x[0]), net.plan(4096).profile(1)
    go.set()
    thread.join()
    print(*order)

atexit.register(last)  # runs after the hook of fastnn, which is registered later
import fastnn as fnn

x, y, order, go = np.ones((90, 4), np.float32), np.arange(90) % 3, [], threading.Event()
net = fnn.Sequential([fnn.Dense(8, "relu"), fnn.Dense(3, "softmax")], input_shape=(4,), seed=0).compile()
plan = net.plan(4096)

def late():
    go.wait()
    try:
        plan.profile(1)
        order.append("it ran")
    except SystemExit as error:
        order.append(str(error))

thread = threading.Thread(target=late, daemon=True)
thread.start()
""")
    assert (result.returncode, result.stdout, result.stderr) == (0, "the interpreter is shutting down\n", "")


def in_thread(kilobytes: int, work: Callable[[], object]) -> RuntimeError | None:
    """What a thread with so large a stack raises."""
    raised: list[RuntimeError] = []

    def caught() -> None:
        try:
            work()
        except RuntimeError as error:
            raised.append(error)

    before = threading.stack_size(kilobytes << 10)
    try:
        thread = threading.Thread(target=caught)
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    return raised[0] if raised else None


X, Y = np.ones((8, 4), np.float32), np.zeros(8, np.int64)


@pytest.mark.skipif(sys.platform != "linux", reason="a thread's stack is known on Linux only")
def test_a_thread_with_a_small_stack() -> None:
    """It gets an error that says how large a stack must be, whatever it runs; with that all runs."""
    net = classifier()
    net.fit(X, Y, verbose=0)
    f, plan = net.freeze(8), net.plan()
    stream = fnn.Sequential([fnn.LSTM(3)], input_shape=(5, 4), seed=0).freeze(streaming=True)
    calls: list[Callable[[], object]] = [lambda: f(X), lambda: f(X[0]), lambda: net.predict(X), lambda: plan.profile(1)]
    calls += [lambda: net.fit(X, Y, verbose=0), lambda: net.train_on_batch(X, Y), lambda: stream.step(X[0])]
    calls += [net.plan().ops[-2]]
    before = net.parameters.tobytes()
    for call in calls:
        error = in_thread(40, call)
        assert isinstance(error, RuntimeError), error
        assert f"needs {stack_needed() >> 10} KB of stack" in str(error)
        assert "threading.stack_size(262144)" in str(error)
    assert net.parameters.tobytes() == before
    for call in calls:  # also where a thread could not, and in a thread that was there before
        assert in_thread(64, call) is None
        call()


@pytest.mark.skipif(sys.platform != "linux", reason="a thread's stack is known on Linux only")
def test_the_stack_that_is_asked_for_is_enough() -> None:
    """Threads of 64 KB, smaller than those of any system: in a process of its own, for it may crash."""
    result = python("""
import threading
import numpy as np
import fastnn as fnn
from fastnn.engine.op import levels, set_isa

def work():
    x, y = np.random.default_rng(0).standard_normal((16, 12, 12, 16), np.float32), np.arange(16) % 10
    layers = [fnn.Conv2D(32, 3), fnn.Conv2D(32, 5), fnn.DepthwiseConv2D(3), fnn.Flatten(), fnn.Dense(128)]
    for isa in levels():
        set_isa(isa)
        for made in (layers, [fnn.Reshape((144, 16)), fnn.LSTM(64), fnn.Dense(10)]):
            net = fnn.Sequential(made, x.shape[1:])
            net.compile().fit(x, y, 16, 2, verbose=0)
            net.predict(x), net.freeze(16)(x)
    print("done")

threading.stack_size(65536)
thread = threading.Thread(target=work)
thread.start()
thread.join()
""")
    assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr
