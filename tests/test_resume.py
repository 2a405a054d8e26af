"""Runs that are interrupted and resumed: they end with the bits of a run that nobody touched."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from fastnn.training import resume

N, FEATURES, CLASSES = 96, 6, 3
KILLS = Path(__file__).resolve().parents[1] / "benchmarks" / "kills.py"


class Interruption(Exception):  # noqa: N818
    """Raised instead of a kill."""


class Interrupt(fnn.Callback):
    """Ends the fit after a number of steps, the first time."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def on_batch_end(self, step: int, logs: dict[str, float]) -> None:
        self.left -= 1
        if self.left == 0:
            raise Interruption


@pytest.fixture(autouse=True)
def unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting for the disk is most of a save; only a power cut would show the difference."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


class Remembers(fnn.Callback):
    """An own callback with a state."""

    total = 0.0

    def state(self) -> dict[str, Any]:
        return {"total": self.total, "arrays": {"one": np.array([self.total])}}

    def restore(self, state: dict[str, Any]) -> None:
        self.total = state["total"]
        assert state["arrays"]["one"] == self.total

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        self.total += logs["loss"]
        logs["total"] = self.total


def data() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(3)
    return random.standard_normal((N, FEATURES)), random.integers(0, CLASSES, N)


def spread(y: np.ndarray, t: np.ndarray) -> float:
    """A metric in Python over the whole epoch."""
    return float(np.std(y[:, 0] * (t + 1)))


class Rows:
    """A dataset."""

    def __len__(self) -> int:
        return N

    def __getitem__(self, i: int) -> Any:
        x, y = data()
        return x[i], y[i]


def batches() -> Any:
    x, y = data()
    for first in range(0, N, 8):
        yield x[first : first + 8], y[first : first + 8]


def network() -> fnn.Sequential:
    layers = [fnn.Dense(8, "relu"), fnn.BatchNorm(), fnn.Dropout(0.3), fnn.Dense(CLASSES, "softmax")]
    net = fnn.Sequential(layers, input_shape=(FEATURES,), seed=4)
    return net.compile(fnn.Adam(0.02, ema=0.9), metrics=["accuracy", spread])


def state(net: fnn.Network, history: fnn.History) -> Any:
    tensors = {name: view.tobytes() for name, view in net.weights.items()}
    slots = {name: slot.array.tobytes() for name, slot in net.slots.items()}
    return tensors, slots, net.counters.values(), net.optimizer.learning_rate, history.epoch, history.history


FORMS: dict[str, dict[str, Any]] = {
    "arrays": {"x": data()[0], "y": data()[1], "batch_size": 8},
    "in order": {"x": data()[0], "y": data()[1], "batch_size": 8, "shuffle": False},
    "split": {"x": data()[0], "y": data()[1], "batch_size": 8, "validation_split": 0.25},
    "loader": {"x": fnn.data.Loader(Rows(), 8, workers=2)},
    "batches": {"x": batches, "steps_per_epoch": 12},
}


def fit(path: Path | None, form: str, every: Any, interrupt: int = 0, epochs: int = 4) -> tuple[fnn.Sequential, Any]:
    net = network()
    hooks: list[fnn.Callback] = [
        Remembers(),
        fnn.ReduceOnPlateau(monitor="loss", patience=0, min_delta=0.5),
        fnn.EarlyStopping(monitor="spread", mode="max", patience=50),
    ]
    if path is not None:
        hooks += [fnn.Checkpoint(path, every=every, resume=True), Interrupt(interrupt)]
    else:
        hooks += [Remembers(), Interrupt(-1)]
    return net, net.fit(callbacks=hooks, epochs=epochs, verbose=0, **FORMS[form])


@pytest.mark.parametrize("every", ["epoch", 5, "0.000001 s"])
@pytest.mark.parametrize("form", FORMS)
def test_a_resumed_run_has_the_same_bits(form: str, every: Any, tmp_path: Path) -> None:
    wanted = state(*fit(None, form, None))
    for steps in (3, 11, 13):  # of this process; each time it continues from the file
        with pytest.raises(Interruption):
            fit(tmp_path / "run", form, every, steps)
    assert state(*fit(tmp_path / "run", form, every)) == wanted
    net, history = fit(tmp_path / "run", form, every, 1)  # has ended: not a step is made
    assert state(net, history) == wanted and net.history is history
    assert fnn.load(tmp_path / "run", metrics={"spread": spread}).counters == net.counters


def test_more_epochs_continue_a_run(tmp_path: Path) -> None:
    fit(tmp_path / "run", "arrays", "epoch", epochs=2)
    net, history = fit(tmp_path / "run", "arrays", "epoch", epochs=3)
    assert history.epoch == [0, 1, 2] and net.counters.epoch == 3


def test_states_of_streams_are_resumed(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x, y = random.standard_normal((24, 5, 2)), random.standard_normal((24, 1))

    def run(path: Path, steps: int) -> Any:
        net = fnn.Sequential([fnn.GRU(4), fnn.Dense(1)], input_shape=(5, 2), seed=0).compile("sgd", "mse")
        hooks = [fnn.Checkpoint(path, every=1, resume=True), Interrupt(steps)]
        return state(net, net.fit(x, y, 4, 3, stateful=True, callbacks=hooks, verbose=0))

    with pytest.raises(Interruption):
        run(tmp_path / "cut", 8)
    assert run(tmp_path / "cut", 0) == run(tmp_path / "whole", 0)


def test_early_stopping_is_resumed(tmp_path: Path) -> None:
    """Its patience and its best weights; an ended run is not trained again."""

    def run(path: Path, steps: int) -> Any:
        net = network()
        hooks = [
            fnn.EarlyStopping("loss", patience=2, min_delta=0.3),
            fnn.Checkpoint(path, every="epoch", resume=True),
            Interrupt(steps),
        ]
        return state(net, net.fit(*data(), 8, 30, callbacks=hooks, verbose=0))

    wanted = run(tmp_path / "whole", 0)
    assert 3 <= len(wanted[4]) < 30
    with pytest.raises(Interruption):
        run(tmp_path / "cut", 12 * (len(wanted[4]) - 1) + 3)
    assert run(tmp_path / "cut", 0) == wanted == run(tmp_path / "cut", 1)


def test_a_log_is_resumed(tmp_path: Path) -> None:
    """It has each epoch once, also one that was written after the run was saved."""

    def run(epochs: int, steps: int) -> fnn.History:
        hooks = [fnn.CSVLogger(tmp_path / "log.csv"), fnn.Checkpoint(tmp_path / "run", every=20, resume=True)]
        return network().fit(*data(), 8, epochs, callbacks=[*hooks, Interrupt(steps)], verbose=0)

    with pytest.raises(Interruption):
        run(5, 27)  # saved after step 20, in the second epoch; its row is there
    assert fnn.History.read(tmp_path / "log.csv").epoch == [0, 1]
    history = run(5, 0)
    assert fnn.History.read(tmp_path / "log.csv").history == history.history
    assert history.epoch == fnn.History.read(tmp_path / "log.csv").epoch == [0, 1, 2, 3, 4]


# What is refused.


def other(**changes: Any) -> None:
    net = changes.pop("net", network())
    hooks = changes.pop("callbacks", [])
    x, y = changes.pop("data", data())
    path = changes.pop("path")
    given = {"batch_size": 8, "epochs": 3, "verbose": 0} | changes
    net.fit(x, y, callbacks=[*hooks, fnn.Checkpoint(path, every="epoch", resume=True)], **given)


OTHERS: dict[str, tuple[dict[str, Any], str]] = {
    "network": ({"net": fnn.Sequential([fnn.Dense(3)], input_shape=(FEATURES,)).compile()}, "network, layers was"),
    "optimizer": ({"net": network().compile(fnn.SGD(0.1))}, "network, compiled, optimizer"),
    "rate": (
        {"net": network().compile(fnn.Adam(0.1, ema=0.9), metrics=["accuracy", spread])},
        "learning_rate was 0.02",
    ),
    "data": ({"data": (data()[0] + 1, data()[1])}, "data, checksum was"),
    "samples": ({"data": (data()[0][:90], data()[1][:90])}, "data, samples was 96, and is 90"),
    "batch size": ({"batch_size": 16}, "batch size was 8, and is 16"),
    "order": ({"shuffle": False}, "shuffled was True, and is False"),
    "validation": ({"validation_data": data()}, "validation data was None"),
    "callbacks": ({"callbacks": [fnn.EarlyStopping("loss")]}, "callbacks was"),
}


@pytest.mark.parametrize("difference", OTHERS)
def test_the_run_of_another_fit_is_refused(difference: str, tmp_path: Path) -> None:
    changes, message = OTHERS[difference]
    other(path=tmp_path / "run")
    before = (tmp_path / "run").read_bytes()
    with pytest.raises(ValueError, match=f"run: it is of another fit: .*{message}.*another path"):
        other(path=tmp_path / "run", **changes)
    assert (tmp_path / "run").read_bytes() == before


def test_damaged_and_foreign_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run"
    other(path=path)
    whole = path.read_bytes()
    for damaged in (whole[:-1], whole[:100], b"", whole.replace(b"softmax", b"sigmoid", 1)):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"run: .*another path"):
            other(path=path)
    network().save(path)
    with pytest.raises(ValueError, match="holds a network, and no run"):
        other(path=path)
    path.write_bytes(whole)
    monkeypatch.setattr(resume, "__version__", "0.0.9")
    with pytest.raises(ValueError, match=r"written by fastnn .*, which is newer than 0.0.9"):
        other(path=path)


def test_two_runs_do_not_write_one_file(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")

    class Second(fnn.Callback):
        def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
            with pytest.raises(RuntimeError, match="another run is writing this checkpoint"):
                other(path=tmp_path / "run")

    other(path=tmp_path / "run", callbacks=[Second()])
    (tmp_path / "run").unlink()
    other(path=tmp_path / "run")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    net = network()
    with pytest.raises(FileNotFoundError):
        other(path=tmp_path / "none" / "run", net=net)
    assert net.counters.step == 0


def test_the_last_files_are_kept(tmp_path: Path) -> None:
    net = network()
    net.fit(*data(), 8, 5, callbacks=[fnn.Checkpoint(tmp_path / "run.st", every="epoch", keep=3)], verbose=0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.1.st", "run.2.st", "run.st", "run.st.lock"]
    epochs = [fnn.load(tmp_path / name, metrics={"spread": spread}).counters.epoch for name in ("run.st", "run.2.st")]
    assert epochs == [5, 4]  # the newest is that of the end


def test_settings_are_checked() -> None:
    for every in (0, -1, "day", "5", "0 s", "5 weeks", 2.5):
        with pytest.raises((ValueError, TypeError), match="Checkpoint: every"):
            fnn.Checkpoint("run", every=every)
    with pytest.raises(ValueError, match="resume and keep need every"):
        fnn.Checkpoint("run", resume=True)
    assert fnn.Checkpoint("run", every="5 min").every == 300.0


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL")
@pytest.mark.skipif(not KILLS.exists(), reason="benchmarks/ and examples/ are not here")
@pytest.mark.parametrize(("name", "kills"), [("fit", 3), ("agent", 1)])
def test_killed_at_any_moment(name: str, kills: int) -> None:
    """The benchmark's own kills, of which it makes 220, take half an hour."""
    environment = {**os.environ, "PYTHONPATH": str(Path(fnn.__file__).parents[1])}
    command = [sys.executable, "-P", str(KILLS), name, "--kills", str(kills)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.stdout.endswith(f"{name}: {kills} of {kills} killed runs ended with the same bits\n"), done.stderr
