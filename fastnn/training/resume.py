"""Runs that are saved as they go, and resumed: the state of a fit, in the file of its network."""

from __future__ import annotations

import json
import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any, NamedTuple

import numpy as np

from fastnn._version import __version__
from fastnn.formats import model_file, safetensors_file
from fastnn.training.hooks import Hooks
from fastnn.training.run import Run


class Saver(Hooks):
    """A hook that saves the run it belongs to, and resumes it.

    every: "epoch", steps, or seconds; None: it does neither. keep: files, the newest and those before it.
    """

    path: str
    every: str | int | float | None
    resume: bool
    keep: int


class Saved(NamedTuple):
    """What the file of a run holds."""

    description: dict[str, Any]
    tensors: dict[str, np.ndarray]

    @property
    def steps(self) -> int:
        """The steps of the network."""
        return int(self.tensors["state.counters"][1])

    def restore(self, run: Run) -> bool:
        """Returns a run to this state; whether it had ended."""
        state = self.description["run"]
        model_file.return_to(run.net, self.description, self.tensors)
        _restore(run, state, self.tensors)
        return bool(state["ended"])


class Saves:
    """The saved runs of one Saver: when they are due, and the thread that writes them."""

    def __init__(self, saver: Saver, run: Run) -> None:
        self.saver, self.run = saver, run
        self.begin = json.loads(json.dumps(_settings(run)))  # as a file returns it
        self.last = time.monotonic()
        self.writer: threading.Thread | None = None
        self.error: BaseException | None = None
        self.copies: dict[str, np.ndarray] = {}  # of the last save: new memory for each would cost more than copying
        self.lock = _locked(saver.path)

    def found(self) -> Saved | None:
        """The saved run, if there is one. Raises ValueError for one of another fit, or a damaged file."""
        if not (self.saver.resume and os.path.exists(self.saver.path)):
            return None
        try:
            description, tensors = safetensors_file.parse(safetensors_file.read(self.saver.path))
            if "run" not in description:
                raise ValueError("it holds a network, and no run to resume")
            if _release(description["fastnn"]) > _release(__version__):
                raise ValueError(f"it was written by fastnn {description['fastnn']}, which is newer than {__version__}")
            _compare(description["run"]["begin"], self.begin)
        except ValueError as error:
            raise ValueError(f"{self.saver.path}: {error}; with another path a new run starts") from None
        return Saved(description, tensors)

    def steps(self, step: int) -> int | None:
        """The steps until a save is due, if that goes by steps."""
        every = self.saver.every
        return every - step % every if isinstance(every, int) else None

    def due(self, step: int, epoch_ended: bool) -> bool:
        """Whether a save is due after this step of the network."""
        every = self.saver.every
        if isinstance(every, float):
            return time.monotonic() >= self.last + every
        return epoch_ended if every == "epoch" else step % int(every or 1) == 0

    def save(self, ended: bool = False) -> None:
        """Saves the run as it is now; the file is written while training continues."""
        self.finish()
        self.last = time.monotonic()
        description, views = model_file.contents(self.run.net)
        for name, view in views.items():
            np.copyto(self.copies.setdefault(name, np.empty_like(view)), view)
        tensors = dict(self.copies)
        state = {"begin": self.begin, "ended": ended, **_describe(self.run, tensors)}
        state = json.loads(json.dumps(state))  # a copy, since training continues to change the History
        self.writer = threading.Thread(target=self._write, args=({**description, "run": state}, tensors))
        self.writer.start()

    def _write(self, description: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
        _yield_cores()
        try:
            paths = [self.saver.path, *(_numbered(self.saver.path, i) for i in range(1, self.saver.keep))]
            for older, newer in zip(paths[:0:-1], paths[-2::-1], strict=True):
                if os.path.exists(newer):
                    _copy(newer, older)
            safetensors_file.write(description, tensors, self.saver.path)
        except BaseException as error:  # noqa: BLE001  # raised by `finish`, in the thread that trains
            self.error = error

    def finish(self) -> None:
        """Waits until the last save is written. Raises OSError where it could not be."""
        if self.writer is not None:
            self.writer.join()
            self.writer = None
        if self.error is not None:
            error, self.error = self.error, None
            raise error

    def close(self) -> None:
        """Ends the writing, and gives the file free for other runs."""
        try:
            self.finish()
        finally:
            if self.lock is not None:
                self.lock.close()


@contextmanager
def saves(run: Run) -> Iterator[list[Saves]]:
    """What saves a run, until it ends. Raises RuntimeError where another run writes one of the files."""
    found: list[Saves] = []
    try:
        for hook in run.callbacks:
            if isinstance(hook, Saver) and hook.every is not None:
                found.append(Saves(hook, run))  # noqa: PERF401  # those before one that fails are closed
        yield found
    finally:
        for each in found:
            each.close()


def _numbered(path: str, number: int) -> str:
    stem, suffix = os.path.splitext(path)
    return f"{stem}.{number}{suffix}"


def _copy(source: str, target: str) -> None:
    """Gives a file a second name, so that it never lacks its first."""
    temporary = f"{target}.{os.urandom(4).hex()}.tmp"
    os.link(source, temporary)
    os.replace(temporary, target)


def _locked(path: str) -> IO[bytes] | None:
    """A lock that ends with the process, however that ends; none on systems without `fcntl`."""
    try:
        import fcntl
    except ImportError:
        return None
    file = open(f"{os.path.realpath(path)}.lock", "wb")  # noqa: SIM115  # open as long as the run
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise RuntimeError(f"{path}: another run is writing this checkpoint") from None
    return file


def _settings(run: Run) -> dict[str, Any]:
    """What two fits have in common if one continues the other."""
    network = model_file.describe(run.net)
    return {
        "network": {name: value for name, value in network.items() if name not in ("metadata", "fastnn")},
        "data": run.data.identity(),
        "validation data": None if run.unseen is None else run.unseen.identity(),
        "batch size": run.data.rows,
        "shuffled": run.data.shuffled,
        "callbacks": [type(each).__name__ for each in run.callbacks],
    }


def _compare(saved: Any, present: Any, place: str = "") -> None:
    """Raises ValueError for the first difference."""
    if isinstance(saved, dict) and isinstance(present, dict) and saved.keys() == present.keys():
        for name, value in saved.items():
            _compare(value, present[name], f"{place}, {name}" if place else name)
    elif saved != present:
        raise ValueError(f"it is of another fit: {place} was {saved!r:.120}, and is {present!r:.120}")


def _yield_cores() -> None:
    """Gives this thread the lowest priority: threads that train would wait for one whose core it has."""
    if sys.platform == "linux":  # elsewhere priorities are those of processes
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)


def _release(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)[:3]]


def _describe(run: Run, tensors: dict[str, np.ndarray]) -> dict[str, Any]:
    """The state of a run as JSON; its arrays are added to the tensors."""

    def put(name: str, array: np.ndarray) -> None:
        tensors[f"run.{name}"] = np.array(array)

    hooks = []
    for i, hook in enumerate(run.callbacks):
        state = hook.state()
        hooks.append({name: value for name, value in state.items() if not isinstance(value, dict)})
        for name, arrays in state.items():
            for key, array in arrays.items() if isinstance(arrays, dict) else ():
                put(f"hooks.{i}.{name}.{key}", array)
    for i, carried in enumerate(run.program.states):
        put(f"states.{i}", carried.array)
    for i, record in enumerate(run.program.records):
        for name, array in record.kept().items():
            put(f"records.{i}.{name}", array)
    return {
        "epoch": run.epoch,
        "place": run.place,
        "step": run.step,
        "stopped": run.net.stop_training,
        "history": [run.history.epoch, run.history.history],
        "meters": {name: meter.measured for name, meter in run.program.meters.items()},
        "hooks": hooks,
    }


def _restore(run: Run, state: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
    """Gives a run the state that `_describe` described; takes its arrays from the tensors."""

    def taken(start: str) -> dict[str, np.ndarray]:
        return {name[len(start) :]: tensors.pop(name) for name in list(tensors) if name.startswith(start)}

    for i, (hook, values) in enumerate(zip(run.callbacks, state["hooks"], strict=True)):
        for name, array in taken(f"run.hooks.{i}.").items():
            part, _, key = name.partition(".")
            values.setdefault(part, {})[key] = array
        hook.restore(values)
    for i, each in enumerate(run.program.states):
        each.array[...] = tensors.pop(f"run.states.{i}")
    for i, record in enumerate(run.program.records):
        record.restore(taken(f"run.records.{i}."))
    for name, measured in state["meters"].items():
        run.program.meters[name].measured = tuple(measured)
    run.epoch, run.place, run.step = state["epoch"], state["place"], state["step"]
    run.net.stop_training = state["stopped"]
    run.history.epoch[:], run.history.history = state["history"][0], state["history"][1]
