"""Callbacks that write each epoch's values to files: CSVLogger, TensorBoard."""

import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from networks import blobs, classifier


class Adds(fnn.Callback):
    """Adds a value to the logs, from an epoch on; looks at a file after each epoch."""

    def __init__(self, name: str, first: int = 0, look_at: Path | None = None) -> None:
        self.name, self.first, self.look_at = name, first, look_at
        self.seen: list[str] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        if epoch >= self.first:
            logs[self.name] = np.float32(epoch)  # type: ignore[assignment]
        if self.look_at:
            self.seen.append(self.look_at.read_text())


def fit(*callbacks: fnn.Callback, epochs: int = 3, **options: Any) -> fnn.History:
    (x, y), net = blobs(), classifier()
    return net.fit(x, y, 16, epochs, validation_data=(x, y), callbacks=callbacks, verbose=0, **options)


def same(a: fnn.History, b: fnn.History) -> bool:
    return a.epoch == b.epoch and repr(list(a.history.items())) == repr(list(b.history.items()))


def test_a_row_for_each_epoch(tmp_path: Path) -> None:
    """The History to the bit, and on the disk as soon as the epoch ends; what callbacks before it add is in it."""
    path = tmp_path / "log.csv"
    look = Adds("late", look_at=path)
    history = fit(Adds("mine"), fnn.CSVLogger(path), look)
    assert list(history.history) == ["loss", "accuracy", "val_loss", "val_accuracy", "mine", "late"]
    del history.history["late"]
    assert same(fnn.History.read(path), history)
    assert [text.count("\n") for text in look.seen] == [2, 3, 4]
    assert path.read_bytes().startswith(b"epoch,loss,accuracy,val_loss,val_accuracy,mine\n0,")
    fit(fnn.CSVLogger(path), epochs=1)
    assert path.read_text().count("\n") == 2  # a new table


def test_columns_that_some_epochs_lack(tmp_path: Path) -> None:
    """Names of validation are known before the first; a later name adds a column; both are nan elsewhere."""
    path = tmp_path / "log.csv"
    history = fit(Adds("mine", 2), fnn.CSVLogger(path), epochs=4, validation_freq=3)
    read = fnn.History.read(path)
    assert list(read.history) == ["loss", "accuracy", "val_loss", "val_accuracy", "mine"]
    assert read.epoch == history.epoch
    for name, values in history.history.items():
        np.testing.assert_array_equal(read.history[name], values)
    assert np.isnan(read.history["mine"]).tolist() == [True, True, False, False]
    assert np.isnan(read.history["val_loss"]).tolist() == [True, True, False, True]


def test_append(tmp_path: Path) -> None:
    """To a file that is not there or empty, to one of the same names, to one with fewer and others."""
    path = tmp_path / "log.csv"
    log = fnn.CSVLogger(path, append=True)
    first = fit(log, epochs=2)
    assert same(fnn.History.read(path), first)
    second = fit(log, Adds("after"), epochs=3, initial_epoch=2)
    del second.history["after"]
    assert same(fnn.History.read(path), first + second)
    third = fit(Adds("mine"), log, epochs=4, initial_epoch=3)
    assert same(fnn.History.read(path), first + second + third)
    path.write_text("")
    assert same(fit(log), fnn.History.read(path))


def test_another_file_is_not_touched(tmp_path: Path) -> None:
    """Before the first epoch has ended, nothing is written: a fit that is refused costs no log."""
    path = tmp_path / "log.csv"
    path.write_text("name,age\nAnn,5\n")
    net, (x, y) = classifier(), blobs()
    with pytest.raises(ValueError, match=r"log\.csv: line 1: expected epoch and different names, got 'name,age'"):
        net.fit(x, y, callbacks=[fnn.CSVLogger(path, append=True)], verbose=0)
    with pytest.raises(ValueError, match="unknown monitor"):
        net.fit(x, y, callbacks=[fnn.EarlyStopping("los"), fnn.CSVLogger(path)], verbose=0)
    with pytest.raises(ValueError, match="unknown monitor"):
        net.fit(x, y, callbacks=[fnn.CSVLogger(path), fnn.EarlyStopping("los")], verbose=0)
    assert path.read_text() == "name,age\nAnn,5\n" and net.counters.step == 0
    with pytest.raises(FileNotFoundError):
        net.fit(x, y, callbacks=[fnn.CSVLogger(tmp_path / "none" / "log.csv")], verbose=0)


def test_an_error_leaves_the_rows_before(tmp_path: Path) -> None:
    class Fails(fnn.Callback):
        def on_epoch_begin(self, epoch: int) -> None:
            if epoch == 2:
                raise KeyboardInterrupt

    path = tmp_path / "log.csv"
    with pytest.raises(KeyboardInterrupt):
        fit(fnn.CSVLogger(path), Fails(), epochs=5)
    assert fnn.History.read(path).epoch == [0, 1]


@pytest.mark.parametrize(
    ("make", "message"), [(lambda: fnn.CSVLogger(None), "NoneType"), (lambda: fnn.CSVLogger("x", 1), "append must be")]
)
def test_settings_are_checked(make: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        make()


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Steps and values by tag, from the records of event files: length, its sum, an Event, its sum."""
    from tensorboardX.proto.event_pb2 import Event

    found: dict[str, list[tuple[int, float]]] = {}
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        while data:
            (size,) = struct.unpack("<Q", data[:8])
            event, data = Event.FromString(data[12 : 12 + size]), data[16 + size :]
            for value in event.summary.value:
                found.setdefault(value.tag, []).append((event.step, value.simple_value))
    return {tag: sorted(values) for tag, values in found.items()}


def test_tensorboard(tmp_path: Path) -> None:
    """A run for each kind of data, with the same tags; fits into one folder add to it, also within a second."""
    pytest.importorskip("tensorboardX", reason="TensorBoard needs the extra 'tensorboard'")
    board = fnn.TensorBoard(tmp_path / "logs")
    first = fit(Adds("mine"), board, evaluate_training=True)
    second = fit(board, epochs=4, initial_epoch=3)
    whole = first + second
    assert {path.name for path in (tmp_path / "logs").iterdir()} == {"train", "validation", "train_evaluated"}
    runs = {run: scalars(tmp_path / "logs" / run) for run in ("train", "validation", "train_evaluated")}
    assert {run: set(tags) for run, tags in runs.items()} == {
        "train": {"loss", "accuracy", "mine"},
        "validation": {"loss", "accuracy"},
        "train_evaluated": {"loss", "accuracy"},
    }
    for run, prefix in (("train", ""), ("validation", "val_")):
        for tag in ("loss", "accuracy"):
            assert [step for step, _ in runs[run][tag]] == [0, 1, 2, 3]
            np.testing.assert_array_equal(
                np.float32([value for _, value in runs[run][tag]]), np.float32(whole.history[f"{prefix}{tag}"])
            )
    assert runs["train"]["mine"] == [(0, 0), (1, 1), (2, 2)]


def test_without_tensorboard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match=r"pip install 'fastnn-cpu\[tensorboard\]'"):
        fnn.TensorBoard("logs")
