"""Kills a training run at a random moment, resumes it, and compares its bits with those of a run that was left alone.

`python benchmarks/kills.py` does this 200 times, which takes a quarter of an hour, and prints how often the bits
were the same; it writes results/kills.txt, unless the number is given.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import fastnn as fnn

EPOCHS = 40
RESULTS = Path(__file__).parent / "results" / "kills.txt"


def train(path: str) -> str:
    """A fit that is resumed from the file; the digest of all that it leaves behind."""
    random = np.random.default_rng(0)
    x, y = random.standard_normal((4096, 16)), random.integers(0, 4, 4096)
    layers = [fnn.Dense(32, "relu"), fnn.Dropout(0.2), fnn.Dense(4, "softmax")]
    net = fnn.Sequential(layers, input_shape=(16,), seed=0).compile(fnn.Adam(), metrics=["accuracy"])
    hooks = [
        fnn.ReduceOnPlateau("loss", patience=1, min_delta=0.01),
        fnn.EarlyStopping("accuracy", patience=EPOCHS),
        fnn.Checkpoint(path, every=20, resume=True),
    ]
    history = net.fit(x, y, epochs=EPOCHS, callbacks=hooks, verbose=0)
    result = hashlib.sha256(repr((history.history, net.counters.values(), net.optimizer.learning_rate)).encode())
    for view in [*net.weights.values(), *(slot.array for slot in net.slots.values())]:
        result.update(view.tobytes())
    return result.hexdigest()


def start(path: Path) -> subprocess.Popen[str]:
    """Trains in another process."""
    return subprocess.Popen([sys.executable, __file__, "--train", str(path)], stdout=subprocess.PIPE, text=True)


def survived(folder: Path, wanted: str, seconds: float, random: np.random.Generator) -> bool:
    """Whether a run that is killed once while it trains ends with the same bits."""
    path = folder / "run"
    while True:
        path.unlink(missing_ok=True)
        process = start(path)
        time.sleep(random.uniform(0, seconds))
        process.kill()
        process.communicate()
        if process.returncode != 0:  # it had not ended already
            return start(path).communicate()[0] == wanted


def main() -> None:
    """Prints and writes the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, help="another number; 200")
    parser.add_argument("--train", metavar="PATH", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train:
        print(train(options.train))
        return
    random = np.random.default_rng()
    with tempfile.TemporaryDirectory() as name:
        started = time.monotonic()
        wanted = start(Path(name, "whole")).communicate()[0]
        seconds = time.monotonic() - started
        same, line = 0, ""
        for kill in range(1, (options.kills or 200) + 1):
            same += survived(Path(name), wanted, seconds, random)
            line = f"{same} of {kill} killed runs ended with the same bits"
            print(f"\r{line}", end="", flush=True)
    print()
    if options.kills is None:
        RESULTS.write_text(f"{line}\n")


if __name__ == "__main__":
    main()
