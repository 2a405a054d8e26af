"""Kills a run at a random moment, resumes it, and compares its bits with those of a run that was left alone.

`python benchmarks/kills.py [NAME ...]` does this 200 times with a fit, and 20 times with an agent that makes 100,000
steps, or with those named, on one and two threads in turn. It takes half an hour, prints how often the bits were the
same, and writes results/kills.txt, where the lines of the others stay.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import fastnn as fnn

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))
import environments

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


def agent(path: str) -> str:
    """An agent of Q-learning, continued from the file; the digest of all that it leaves behind."""
    env = environments.CartPole(8, 0)
    layers = [fnn.Dense(64, "relu"), fnn.Dense(2)]
    net = fnn.Sequential(layers, input_shape=env.shape, seed=0).compile(fnn.Adam(), "mse")
    memory = fnn.rl.Replay(20_000, env.shape, env.actions, n_step=3, environments=8, seed=0)
    learn = fnn.rl.QLearning(net, memory, 64)
    first = 0
    if Path(path).exists():
        first, state, ages, bits = learn.restore(path)
        env.state, env.time, env.random.bit_generator.state = np.array(state), np.array(ages), bits
        env.observation = env.state.astype(np.float32)
    for step in range(first, 12_500):
        if step % 500 == 0:
            learn.save(path, [step, env.state.tolist(), env.time.tolist(), env.random.bit_generator.state])
        observation = env.observation
        action = learn.act(observation, 0.1)
        memory.add(observation, action, *env.step(action))
        if len(memory) >= 64:
            learn(2)
    result = hashlib.sha256(repr(net.counters.values()).encode())
    for array in [*net.weights.values(), *(slot.array for slot in net.slots.values()), *memory.arrays.values()]:
        result.update(array.tobytes())
    return result.hexdigest()


RUNS = {"fit": train, "agent": agent}
KILLS = {"fit": 200, "agent": 20}


def start(run: str, path: Path, threads: int) -> subprocess.Popen[str]:
    """Runs in another process."""
    call = [sys.executable, __file__, "--run", run, str(path)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    return subprocess.Popen(call, stdout=subprocess.PIPE, text=True, env=environment)


def survived(run: str, path: Path, threads: int, wanted: str, seconds: float, random: np.random.Generator) -> bool:
    """Whether a run that is killed once while it trains ends with the same bits."""
    while True:
        path.unlink(missing_ok=True)
        process = start(run, path, threads)
        time.sleep(random.uniform(0, seconds))
        process.kill()
        process.communicate()
        if process.returncode != 0:  # it had not ended already
            return start(run, path, threads).communicate()[0] == wanted


def repeat(run: str, kills: int) -> str:
    """The result of that many kills."""
    random = np.random.default_rng()
    with tempfile.TemporaryDirectory() as name:
        started = time.monotonic()
        wanted = start(run, Path(name, "whole"), 2).communicate()[0]
        seconds = time.monotonic() - started
        same, line = 0, ""
        for kill in range(1, kills + 1):
            same += survived(run, Path(name, "run"), 1 + kill % 2, wanted, seconds, random)
            line = f"{same} of {kill} killed runs ended with the same bits"
            print(f"\r{run}: {line}", end="", flush=True)
    print()
    return line


def main() -> None:
    """Prints the results, and writes them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(KILLS))
    parser.add_argument("--kills", type=int, help="another number of them; then nothing is written")
    parser.add_argument("--run", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        print(RUNS[options.run[0]](options.run[1]))
        return
    if unknown := [name for name in options.names if name not in KILLS]:
        raise SystemExit(f"kills.py: unknown: {', '.join(unknown)}; known: {', '.join(KILLS)}")
    lines = dict(line.split(": ", 1) for line in RESULTS.read_text().splitlines()) if RESULTS.exists() else {}
    for name in options.names or KILLS:
        lines[name] = repeat(name, options.kills or KILLS[name])
        if not options.kills:
            RESULTS.write_text("".join(f"{name}: {lines[name]}\n" for name in KILLS if name in lines))


if __name__ == "__main__":
    main()
