"""History: the best epoch, two joined, the file that keeps it to the bit, tables and figures."""

import builtins
import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from networks import blobs, classifier


def history(first: int = 0, **values: list[float]) -> fnn.History:
    """A History of these values, whose epochs begin with `first`."""
    made = fnn.History()
    for i, each in enumerate(zip(*values.values(), strict=True)):
        made.record(first + i, dict(zip(values, each, strict=True)))
    return made


def same(a: fnn.History, b: fnn.History) -> bool:
    """Whether all is the same, NaN too, and in the same order."""
    return a.epoch == b.epoch and list(a.history.items()).__repr__() == list(b.history.items()).__repr__()


@pytest.mark.parametrize(
    ("name", "values", "mode", "expected"),
    [
        ("val_loss", [3, 1, 2], "auto", (6, 1)),
        ("val_accuracy", [0.1, 0.9, 0.9], "auto", (6, 0.9)),
        ("val_accuracy", [0.1, 0.9, 0.9], "min", (5, 0.1)),
        ("mine", [3, 1, 2], "max", (5, 3)),
        ("loss", [math.nan, math.inf, 2], "auto", (7, 2)),
        ("loss", [math.nan, math.inf, math.nan], "auto", (6, math.inf)),
    ],
)
def test_best(name: str, values: list[float], mode: str, expected: tuple[int, float]) -> None:
    """The first of the best epochs by its number; NaN never."""
    assert history(5, **{name: values}).best(name, mode) == expected


def test_best_is_what_early_stopping_restores() -> None:
    x, y = blobs()
    net = classifier(fnn.Adam(0.5))
    found = net.fit(x, y, 30, 20, validation_data=blobs(40, seed=1), callbacks=[fnn.EarlyStopping()], verbose=0)
    assert net.evaluate(*blobs(40, seed=1))["loss"] == found.best("val_loss")[1]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: history(loss=[1]).best("val_loss"), "best: unknown name 'val_loss'; known: loss"),
        (lambda: fnn.History().best("loss"), "best: unknown name 'loss'; known: none"),
        (lambda: history(loss=[math.nan]).best("loss"), "best: loss has no value in 1 epochs"),
        (lambda: history(loss=[1]).best("loss", "least"), "unknown best: mode 'least'; known: auto, min, max"),
    ],
)
def test_nothing_is_best(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_joined_is_one_fit() -> None:
    """Of two epochs and two, as of four; whether the second fit was told where it begins or not."""
    x, y = blobs()
    whole = classifier().fit(x, y, 16, 4, verbose=0)
    for second in ({"epochs": 2}, {"epochs": 4, "initial_epoch": 2}):
        net = classifier()
        first = net.fit(x, y, 16, 2, verbose=0)
        assert same(first + net.fit(x, y, 16, verbose=0, **second), whole)
        assert first.epoch == [0, 1]


def test_joined_with_others() -> None:
    """Names that one lacks are NaN there; a gap between the numbers stays; an empty one adds nothing."""
    both = history(loss=[3, 2]) + history(1, loss=[1], val_loss=[4])
    assert both.epoch == [0, 1, 2] and both.history["loss"] == [3, 2, 1]
    assert both.history["val_loss"][2] == 4 and np.isnan(both.history["val_loss"][:2]).all()
    assert (history(loss=[3]) + history(7, loss=[2])).epoch == [0, 7]
    assert same(fnn.History() + both, both) and same(both + fnn.History(), both)
    with pytest.raises(TypeError):
        both + {"loss": [1.0]}


EXACT = [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, -0.0, math.nan, math.inf, -math.inf, 2.348239256699657]


def test_a_file_keeps_every_bit(tmp_path: Path) -> None:
    """With numbers that begin anywhere, and names with commas, quotes and line breaks."""
    kept = history(3, **{"loss": EXACT, 'a, "b"\n': EXACT[::-1]})
    kept.save(tmp_path / "history.csv")
    assert same(fnn.History.read(tmp_path / "history.csv"), kept)
    fnn.History().save(tmp_path / "history.csv")
    assert same(fnn.History.read(tmp_path / "history.csv"), fnn.History())


def test_others_read_the_file(tmp_path: Path) -> None:
    kept = history(2, loss=EXACT)
    kept.save(tmp_path / "history.csv")
    with open(tmp_path / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == kept.epoch
    np.testing.assert_array_equal([float(row["loss"]) for row in rows], EXACT)
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_csv(tmp_path / "history.csv", index_col="epoch")
    pandas.testing.assert_frame_equal(frame, kept.to_frame(), rtol=1e-15, atol=0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: expected epoch and different names, got ''"),
        ("loss,epoch\n", "line 1: .* got 'loss,epoch'"),
        ("epoch,a,a\n", "line 1: .* got 'epoch,a,a'"),
        ("epoch,a\n0,1\n1\n", "line 3: expected an epoch and 1 numbers, got '1'"),
        ("epoch,a\n0,1,2\n", "line 2: .* got '0,1,2'"),
        ("epoch,a\n0.5,1\n", "line 2: .* got '0.5,1'"),
        ("epoch,a\n0,one\n", "line 2: .* got '0,one'"),
        ("epoch,a\n\n", "line 2: .* got ''"),
        ("\xff", "expected epoch|not a CSV file"),
    ],
)
def test_other_files_are_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "file.csv").write_text(text, encoding="latin-1")
    with pytest.raises(ValueError, match=rf"file\.csv: ({message})"):
        fnn.History.read(tmp_path / "file.csv")


def test_empty_cells_are_nan(tmp_path: Path) -> None:
    (tmp_path / "file.csv").write_text("epoch,a,b\r\n0,,2\r\n")
    assert repr(fnn.History.read(tmp_path / "file.csv").history) == "{'a': [nan], 'b': [2.0]}"


def test_to_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    made = history(4, loss=[1.0, 2.0], val_loss=[math.nan, 3.0])
    imported = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "pandas":
            raise ImportError(name)
        return imported(name, *rest, **more)

    with monkeypatch.context() as patch:
        patch.setattr(builtins, "__import__", without)
        with pytest.raises(ImportError, match="to_frame needs pandas: pip install pandas"):
            made.to_frame()
    pytest.importorskip("pandas")
    frame = made.to_frame()
    assert frame.index.tolist() == [4, 5] and frame.index.name == "epoch" and list(frame) == ["loss", "val_loss"]
    np.testing.assert_array_equal(frame["val_loss"], [math.nan, 3.0])
    assert fnn.History().to_frame().empty


def test_plot(tmp_path: Path) -> None:
    """The figure of fastnn.plot; the numbers of epochs count from 1, those without a value are left out."""
    pytest.importorskip("matplotlib", reason="figures need the extra 'plot'")
    made = history(4, loss=[3, 2, 1], val_loss=[3, math.nan, 2], train_loss=[2, 1, 0], only=[1, 1, 1])
    figure = made.plot(tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    loss, only = figure.axes
    lines = [line.get_xydata().tolist() for line in loss.lines]
    assert lines == [[[5, 3], [6, 2], [7, 1]], [[5, 3], [7, 2]], [[5, 2], [6, 1], [7, 0]]]
    labels = [text.get_text() for text in loss.get_legend().get_texts()]
    assert labels == ["training", "validation", "training, evaluated"]
    assert only.get_ylabel() == "only" and len(only.lines) == 1


def test_several_histories_in_one_figure() -> None:
    """A colour for each history, a style for each of training and validation; one axes for each name of any."""
    pytest.importorskip("matplotlib", reason="figures need the extra 'plot'")
    from fastnn import plot

    runs = {"$dropout$": history(loss=[3, 2], val_loss=[3, 3]), "none": history(loss=[2, 1, 0], mine=[1, 1, 1])}
    figure = plot.learning_curves(runs)
    figure.canvas.draw()
    loss, mine = figure.axes
    assert [loss.get_ylabel(), mine.get_ylabel()] == ["loss", "mine"]
    assert [text.get_text() for text in loss.get_legend().get_texts()] == [
        r"\$dropout\$, training",
        r"\$dropout\$, validation",
        "none, training",
    ]
    assert [line.get_color() for line in loss.lines] == ["C0", "C0", "C1"]
    assert [line.get_linestyle() for line in loss.lines] == ["--", "-", "--"]
    assert len(mine.lines) == 1
    with pytest.raises(ValueError, match="learning_curves: b has no epochs"):
        plot.learning_curves({"a": runs["none"], "b": fnn.History()})
    with pytest.raises(ValueError, match="expected histories by name, got none"):
        plot.learning_curves({})
