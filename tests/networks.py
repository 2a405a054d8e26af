"""What the tests of networks share: small data, small networks, the whole state as bytes, and child processes."""

import hashlib
import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn as fnn

ROOT = Path(fnn.__file__).parents[1]
BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


def blobs(samples: int = 90, features: int = 4, classes: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian clouds: x float32 (samples, features), y int64 (samples,)."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, samples)
    centres = 2 * rng.standard_normal((classes, features))
    return (centres[y] + rng.standard_normal((samples, features))).astype(np.float32), y


def classifier(optimizer: Any = "adam", hidden: int = 8, seed: int = 0, **options: Any) -> fnn.Sequential:
    """4 -> hidden -> 3, relu and softmax, with cross_entropy and accuracy."""
    layers = [fnn.Dense(hidden, activation="relu"), fnn.Dense(3, activation="softmax")]
    net = fnn.Sequential(layers, input_shape=(4,), seed=seed)
    return net.compile(optimizer, "cross_entropy", options.get("metrics", ["accuracy"]))


def regression(outputs: int = 1, **options: Any) -> fnn.Sequential:
    """4 -> 6 -> outputs, tanh and linear, with mse and mae."""
    net = fnn.Sequential([fnn.Dense(6, activation="tanh"), fnn.Dense(outputs)], input_shape=(4,), seed=3)
    return net.compile(options.get("optimizer", fnn.SGD(0.01)), "mse", ["mae"])


def state(net: fnn.Network, gradients: bool = True, history: bool = True) -> str:
    """A digest of everything that a refused call must leave alone."""
    digest = hashlib.sha256()
    plain: list[Any] = [net.input_shape, net.output_shape, net.counters, net.seed, repr(net.optimizer), repr(net.loss)]
    plain += [net.metrics, sorted(net.slots), net.metadata]
    if history:
        plain += [net.history.history, net.history.epoch, id(net.history)]
    digest.update(repr(plain).encode())
    if net.input_shape is not None:
        statistics = [net.weights[name] for name in net.weights if name not in net.gradients]
        blocks = [net.parameters, *statistics, *(net.slots[name].array for name in sorted(net.slots))]
        for block in blocks:
            digest.update(block.tobytes())
        if gradients:
            for view in net.gradients.values():
                digest.update(view.tobytes())
    return digest.hexdigest()


def training_state(net: fnn.Network) -> str:
    """As `state`, of what a file keeps: parameters, slots, counters and seed."""
    return state(net, gradients=False, history=False)


def child(code: str, *arguments: Any, timeout: float = 60, **environment: str) -> Any:
    """Runs code in a new Python process and returns what it printed last, read as JSON."""
    import os

    path = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, f"exit status {done.returncode}:\n{done.stderr[-3000:]}"
    lines = done.stdout.splitlines()
    return json.loads(lines[-1]) if lines else None


def script(monkeypatch: pytest.MonkeyPatch, name: str) -> Any:
    """A module of benchmarks/."""
    if not BENCHMARKS.is_dir():
        pytest.skip("the sources are not here")
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module(name)
