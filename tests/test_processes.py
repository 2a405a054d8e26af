"""Other processes, other threads, and Ctrl-C."""

import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from networks import blobs, child, classifier, state, training_state


def wide(seed: int = 0) -> fnn.Sequential:
    """64 -> 512 -> 10: large enough for two threads at 256 rows."""
    layers = [fnn.Dense(512, activation="relu"), fnn.Dense(10, activation="softmax")]
    return fnn.Sequential(layers, input_shape=(64,), seed=seed).compile(metrics=["accuracy"])


def data(rows: int = 1024) -> tuple[np.ndarray, np.ndarray]:
    """Random rows for `wide`."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((rows, 64)).astype(np.float32), rng.integers(0, 10, rows)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("inside", [False, True], ids=["after fit", "in a callback"])
def test_fork(inside: bool) -> None:
    """A child forked after, or during, training on several threads trains and predicts with the same bits."""
    x, y = data()
    net = wide()
    reader, writer = os.pipe()
    pids = []

    def fork() -> None:
        pid = os.fork()
        if pid:
            pids.append(pid)
            return
        try:
            signal.alarm(20)
            other = wide() if inside else net
            other.fit(x, y, 256, 2, verbose=0)
            answer = training_state(other) + str(net.predict(x).sum())
            os.write(writer, answer.encode())
        finally:
            os._exit(0)

    class Fork(fnn.Callback):
        """Forks at the end of the first epoch."""

        def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
            if epoch == 0:
                fork()

    with fnn.threads(2):
        net.fit(x, y, 256, 2, callbacks=[Fork()] if inside else [], verbose=0)
        before = wide()
        before.fit(x, y, 256, 2, verbose=0) if not inside else before.fit(x, y, 256, 1, verbose=0)
        seen = str(before.predict(x).sum())
        if not inside:
            fork()
            net.fit(x, y, 256, 2, verbose=0)
            seen = str(net.predict(x).sum())
    os.close(writer)
    os.waitpid(pids[0], 0)
    with os.fdopen(reader) as pipe:
        assert pipe.read() == training_state(net) + seen


def test_many_threads_predict() -> None:
    """Eight Python threads that predict, classify and evaluate one network at once all get the right answers."""
    x, y = data(700)
    net = wide()
    wanted = net.predict(x), net.classify(x), net.evaluate(x, y)
    start = threading.Barrier(8)

    def work(index: int) -> list[bool]:
        start.wait()
        right = []
        for i in range(12):
            rows = slice(7 * index, 400 + i)
            right.append(np.array_equal(net.predict(x[rows]), wanted[0][rows]))
            right.append(np.array_equal(net.classify(x[rows], batch_size=64), wanted[1][rows]))
            right.append(net.evaluate(x, y) == wanted[2])
        return right

    with ThreadPoolExecutor(8) as pool:
        assert all(all(right) for right in pool.map(work, range(8)))
    net.fit(x, y, verbose=0)


def test_many_threads_build() -> None:
    """Threads whose first data build the network agree on one set of weights, and later writes count for all."""
    x, _ = data(8)
    for round_ in range(20):
        net = fnn.Sequential([fnn.Dense(10)], seed=round_)
        start = threading.Barrier(8)

        def work(_: int, net: fnn.Sequential = net, start: threading.Barrier = start) -> np.ndarray | None:
            start.wait()
            try:
                return net.predict(x)
            except RuntimeError as error:
                assert "another thread" in str(error)
                return None

        with ThreadPoolExecutor(8) as pool:
            answers = [answer for answer in pool.map(work, range(8)) if answer is not None]
        assert answers and all(np.array_equal(answer, net.predict(x)) for answer in answers)
        net.parameters[...] = 0
        with ThreadPoolExecutor(4) as pool:
            assert not any(answer is not None and answer.any() for answer in map(net.predict, [x] * 4))


def test_a_second_thread_while_one_trains() -> None:
    """It gets a RuntimeError that says so, at once; the training loses nothing."""
    x, y = data(300)
    net, twin = wide(), wide()
    inside, finish = threading.Event(), threading.Event()

    class Wait(fnn.Callback):
        """Holds the fit in its first epoch's end."""

        def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
            inside.set()
            assert finish.wait(20)

    with ThreadPoolExecutor(1) as pool:
        fit = pool.submit(net.fit, x, y, epochs=2, callbacks=[Wait()], verbose=0)
        assert inside.wait(20)
        before = state(net)
        calls: list[tuple[Any, ...]] = [(net.fit, x, y), (net.predict, x), (net.classify, x), (net.evaluate, x, y)]
        calls += [(net.train_on_batch, x, y), (net.compile,), (net.weights.__setitem__, "dense_0.bias", np.ones(512))]
        calls += [(net.save, os.devnull), (net.__reduce__,)]
        try:
            for call, *arguments in calls:
                with pytest.raises(RuntimeError, match=r"another thread.*fit"):
                    call(*arguments)
            assert state(net) == before
        finally:
            finish.set()
        fit.result(20)
    twin.fit(x, y, epochs=2, verbose=0)
    assert training_state(net) == training_state(twin)
    net.fit(x, y, verbose=0)


INTERRUPT = """
import json, os, signal, sys, threading, time
import numpy as np
from networks import training_state
from test_processes import wide
import fastnn as fnn

net, kind = wide(), sys.argv[1]
net.fit(*[a[:300] for a in __import__("test_processes").data()], verbose=0)
rows = 20000 if "fit" in kind else 3_000_000
x = np.random.default_rng(0).integers(0, 9, (rows, 64), np.uint8)
y = np.zeros(rows, np.int64)
before, sent = training_state(net), []

def interrupt():
    sent.append(time.perf_counter())
    os.kill(os.getpid(), signal.SIGINT)

threading.Timer(0.4, interrupt).start()
try:
    if kind == "fit":
        net.fit(x, y, epochs=100000, verbose=0)
    elif kind == "fit from a Loader":
        net.fit(fnn.data.Loader((x, y), workers=2), epochs=100000, verbose=0)
    else:
        getattr(net, kind)(*[x, y][: 2 if kind == "evaluate" else 1])
except KeyboardInterrupt:
    late = time.perf_counter() - sent[0]
    unchanged = training_state(net) == before
    steps = net.counters.values()
    kept = net.history.history
    finite = bool(np.isfinite(net.fit(x[:100], y[:100], verbose=0).history["loss"][0]))
    readers = [thread.name for thread in threading.enumerate() if "reader" in thread.name]
    print(json.dumps([late, unchanged, steps, kept, finite, len(net.predict(x[:9])), net.counters.values(), readers]))
"""


@pytest.mark.parametrize("kind", ["fit", "fit from a Loader", "predict", "evaluate"])
def test_control_c(kind: str) -> None:
    """KeyboardInterrupt comes within 0.2 s (1 s is allowed to a busy machine) and leaves a usable network."""
    answer = child(INTERRUPT, kind)
    assert answer is not None, "it ended before the signal came"
    late, unchanged, steps, kept, finite, rows, after, readers = answer
    assert late < 1.0 and finite and rows == 9 and not readers
    assert unchanged == ("fit" not in kind)
    assert steps[1] == steps[2] and after[1] == steps[1] + 4
    if kind == "fit":
        assert steps[1] > 10 and len(kept.get("loss", [])) == steps[0] - 1


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timers")
@pytest.mark.parametrize("kind", ["predict", "train_on_batch", "evaluate", "fit"])
def test_control_c_at_any_moment(kind: str) -> None:
    """However a small call is interrupted, the network is not left locked, and its counters agree."""
    x, y = blobs(3)
    net = classifier()
    options: dict[str, Any] = {"verbose": 0} if kind == "fit" else {}
    arguments = (x,) if kind == "predict" else (x, y)
    rng = np.random.default_rng(0)

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for _ in range(400):
            try:
                signal.setitimer(signal.ITIMER_REAL, rng.uniform(3e-5, 4e-4))
                while True:
                    getattr(net, kind)(*arguments, **options)
            except KeyboardInterrupt:
                pass
            net.train_on_batch(x, y)
            assert net.counters.step == net.counters.update
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


IMPORT = """
import json, locale, os, signal, sys, threading, time
import numpy as np

def world():
    tiny = float(np.float32(1e-40) * np.float32(1)) + float(np.array([1e-40], np.float32)[0] * np.float32(0.5))
    handlers = [repr(signal.getsignal(s)) for s in sorted(signal.valid_signals()) if s not in (9, 19)]
    return repr([tiny, np.random.get_state()[1].tolist(), np.random.get_state()[2:], handlers, np.geterr(),
                 locale.setlocale(locale.LC_ALL), dict(os.environ), os.getcwd(), sys.getrecursionlimit(),
                 sys.getswitchinterval(), threading.active_count(), os.umask(os.umask(0)), 1 / 3])

import random
before, known = [world(), repr(random.getstate())], set(sys.modules)
start = time.perf_counter()
import fastnn
cost = time.perf_counter() - start
modules = sorted({name.split(".")[0] for name in set(sys.modules) - known})
imported = [world(), repr(random.getstate())] == before
from networks import blobs, classifier
net = classifier()
x, y = blobs()
net.fit(x, y, verbose=0), net.predict(x), net.classify(x), net.evaluate(x, y), net.summary()
with fastnn.threads(2):
    from test_processes import data, wide
    wide().fit(*data(), 256, verbose=0)
used = [world(), repr(random.getstate())] == before
print(json.dumps([cost, modules, imported, used]))
"""


def test_nothing_global_changes(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither import nor use; import loads no safetensors, tqdm or matplotlib. Its cost is printed."""
    cost, modules, imported, used = child(IMPORT)
    assert imported and used
    assert not {"safetensors", "tqdm", "matplotlib", "sklearn", "pandas", "multiprocessing"} & set(modules)
    assert "fastnn" in modules
    with capsys.disabled():
        print(f"\nimport fastnn over import numpy: {1e3 * cost:.1f} ms", file=sys.stderr)


def test_the_gil_is_released() -> None:
    """Another Python thread runs while a long prediction does."""
    x, _ = data(60000)
    net = wide()
    net.predict(x[:100])
    count, stop = [0], threading.Event()

    def tick() -> None:
        while not stop.is_set():
            count[0] += 1
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        before = count[0]
        net.predict(x, batch_size=60000)  # one native call
        assert count[0] - before >= 3
    finally:
        stop.set()
        thread.join()
