"""What reading and saving cost: a Loader per sample, training from a mapped file, checkpoints.

`python benchmarks/loading.py [--gigabytes 8]` prints it and writes results/loading.txt. Each value is the best of
rounds that take turns. PyTorch's DataLoader is measured on the same dataset where PyTorch is installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

import fastnn as fnn
from fastnn.training import resume

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "examples"))
PIXELS = 784


class Rows:
    """A dataset in Python."""

    def __init__(self, samples: int) -> None:
        random = np.random.default_rng(0)
        self.x, self.y = random.random((samples, 64), np.float32), random.integers(0, 10, samples)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, i: int) -> tuple[np.ndarray, int]:
        return self.x[i], int(self.y[i])


def fastest(calls: dict[str, Callable[[], object]], rounds: int = 5) -> dict[str, float]:
    """Seconds of each call, the best of rounds in which they take turns."""
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(rounds):
        for name, call in calls.items():
            started = time.perf_counter()
            call()
            best[name] = min(best[name], time.perf_counter() - started)
    return best


def per_sample(samples: int = 50_000) -> list[str]:
    """The time that a Loader, or PyTorch's DataLoader, adds to the dataset's own for a sample."""
    rows = Rows(samples)
    passes: dict[str, Callable[[], object]] = {"the dataset alone": lambda: [rows[i] for i in range(samples)]}
    for workers in (0, 1):
        loader = fnn.data.Loader(rows, 32, shuffle=False, workers=workers)
        name = f"fastnn's Loader, {workers} workers"
        passes[name] = lambda loader=loader: [None for _ in loader.chunks(np.arange(samples), 0, 32)]  # type: ignore[misc]
    if importlib.util.find_spec("torch"):
        from torch.utils.data import DataLoader

        for workers in (0, 2):
            theirs: Any = DataLoader(rows, 32, num_workers=workers)  # type: ignore[arg-type]
            passes[f"PyTorch's DataLoader, {workers} workers"] = lambda theirs=theirs: [None for _ in theirs]  # type: ignore[misc]
    times = fastest(passes, 8)
    alone = times["the dataset alone"]
    return [
        f"{name}: {t / samples * 1e6:.2f} us a sample, {(t - alone) / samples * 1e6:+.2f}" for name, t in times.items()
    ]


def network(*hidden: int) -> fnn.Sequential:
    """784-hidden-10 for images of bytes, Adam."""
    layers = [fnn.Rescale(1 / 255), *(fnn.Dense(units, "relu") for units in hidden), fnn.Dense(10, "softmax")]
    return fnn.Sequential(layers, input_shape=(PIXELS,), seed=0).compile(fnn.Adam())


class Resident(threading.Thread):
    """The most MB that the process has in memory while this thread runs."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most, self.ended = 0.0, threading.Event()

    def run(self) -> None:
        while not self.ended.wait(0.02):
            lines = Path("/proc/self/status").read_text().splitlines()
            sizes = [int(line.split()[1]) for line in lines if line.startswith(("RssAnon", "RssFile"))]
            self.most = max(self.most, sum(sizes) / 1e3)

    def measured(self, call: Callable[[], object]) -> float:
        """The MB that a call adds at most."""
        self.start()
        time.sleep(0.1)
        before = self.most
        call()
        self.ended.set()
        self.join()
        return self.most - before


def mapped(gigabytes: float) -> list[str]:
    """Training in random order from a file in the system's cache, compared with memory."""
    from larger_than_memory import make

    with tempfile.TemporaryDirectory() as folder:
        x, y = make(Path(folder, "x.npy"), int(gigabytes * 1e9) // PIXELS)
        most = Resident().measured(lambda: network(512).fit(x, y, batch_size=128, verbose=0))
        part = slice(min(len(x), 400_000))
        loaded, net = np.array(x[part]), network(512)
        file, memory = (partial(net.fit, rows, y[part], batch_size=128, verbose=0) for rows in (x[part], loaded))
        times = fastest({"file": file, "memory": memory}, 12)
    return [
        f"a mapped file of {x.nbytes / 1e9:.1f} GB: training adds at most {most:.0f} MB to the resident memory",
        f"rows a second from the file: {times['memory'] / times['file']:.1%} of those from memory",
    ]


def checkpoints() -> list[str]:
    """784-512-256-10 with a checkpoint each 200 steps: the time of 200 steps after a save, and after one left out.

    Both are pieces of one run, in turns: the time of a whole run scatters more than a checkpoint costs.
    """
    random = np.random.default_rng(0)
    x, y = random.random((128 * 1000, PIXELS), np.float32), random.integers(0, 10, 128 * 1000)
    real, times = resume.Saves.save, []

    def save(saves: resume.Saves, ended: bool = False) -> None:
        times.append(time.perf_counter())
        if ended or len(times) % 2:
            real(saves, ended)

    with tempfile.TemporaryDirectory() as folder, mock.patch.object(resume.Saves, "save", save):
        hook = fnn.Checkpoint(Path(folder, "run"), every=200)
        network(512, 256).fit(x, y, batch_size=128, epochs=40, callbacks=[hook], verbose=0)
    spent = np.diff(times)[:-2]  # without what follows the last step
    saved, without = spent[::2], spent[1::2]
    ratio = np.median(saved[: len(without)] / without)
    return [f"a checkpoint each 200 steps: {ratio - 1:+.1%} time"]


def main() -> None:
    """Prints and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=8.0, help="the size of the mapped file")
    options = parser.parse_args()
    with open(HERE / "results" / "loading.txt", "w") as file:
        for part in (per_sample, checkpoints, lambda: mapped(options.gigabytes)):
            for line in part():
                print(line, flush=True)
                print(line, file=file)


if __name__ == "__main__":
    main()
