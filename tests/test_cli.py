"""The command line: what it prints, and that errors are one line and status 2."""

import csv
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from fastnn.cli import tables
from fastnn.cli.options import main
from fastnn.cli.preprocessing import KEY, Preprocessing, split
from networks import classifier

try:  # here, since it leaves a trace in the environment
    from sklearn import datasets
except ImportError:
    datasets = None

ROOT = Path(fnn.__file__).parents[1]


def test_train_digits_saves_a_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "m.safetensors"
    arguments = ["--hidden", "32,16", "--epochs", "3", "--lr", "0.005", "--batch-size", "64", "--seed", "7"]
    assert main(["train", "digits", *arguments, "--save", str(path)]) == 0
    out = capsys.readouterr().out
    assert "test accuracy 0." in out
    assert "samples/s" in out
    net = fnn.load(path)
    assert net.seed == 7
    assert {name: view.shape for name, view in net.weights.items()}["dense_1.weight"] == (32, 16)
    _, (xt, yt) = fnn.datasets.digits()
    assert f"{(net.classify(xt) == yt).mean():.4f}" in out


def test_threads_option(capsys: pytest.CaptureFixture[str]) -> None:
    before = fnn.get_num_threads()
    try:
        assert main(["train", "digits", "--hidden", "8", "--epochs", "1", "--threads", "1"]) == 0
        assert fnn.get_num_threads() == 1
    finally:
        fnn.set_num_threads(before)


def test_info_lists_what_it_runs_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info"]) == 0
    out = capsys.readouterr().out
    for name in ("instruction set", "OpenMP", "threads", "NumPy"):
        assert name in out


def flowers(folder: Path, name: str = "iris") -> Path:
    """A data set of scikit-learn as a CSV file, with classes by name."""
    if datasets is None:
        pytest.skip("scikit-learn, which has real tables, is not installed")
    data = getattr(datasets, f"load_{name}")()
    labels = data.target if name == "diabetes" else data.target_names[data.target]
    return written(folder / f"{name}.csv", [*data.feature_names, "label"], zip(*data.data.T, labels, strict=True))


def written(path: Path, names: list[str], rows: Any) -> Path:
    """A CSV file."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([names, *rows])
    return path


def printed(text: str) -> list[list[str]]:
    """What predict printed."""
    return list(csv.reader(text.splitlines()))


@pytest.mark.parametrize(("name", "least"), [("iris", 0.9), ("wine", 0.9), ("breast_cancer", 0.93)])
def test_a_table_of_classes(name: str, least: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Learned as well as these data are; predict gives what the network gives, whatever the order of the columns."""
    path, model = flowers(tmp_path, name), tmp_path / "m.safetensors"
    assert main(["train", str(path), "--target", "label", "--epochs", "60", "--save", str(model)]) == 0
    out = capsys.readouterr().out
    assert float(out.split("validation accuracy ")[1].split(";")[0]) >= least
    assert float(out.split("most frequent class has ")[1].split()[0]) < 0.7
    assert main(["predict", str(model), str(path), "--probabilities"]) == 0
    header, *rows = printed(capsys.readouterr().out)
    net, table = fnn.load(model), tables.read(path, target="label")
    known = Preprocessing.restore(net)
    assert header == ["label", *(f"P({name})" for name in known.classes)]
    assert [row[0] for row in rows] == [known.classes[label] for label in net.classify(known.inputs(table))]
    assert np.mean([row[0] == cell for row, cell in zip(rows, table.target, strict=True)]) >= least
    probabilities = np.array([row[1:] for row in rows], float)
    np.testing.assert_allclose(probabilities, net.predict(known.inputs(table)), rtol=1e-5)
    turned = [[*row[::-1], "extra"] for row in table.numbers.tolist()]
    other = written(tmp_path / "turned.csv", [*table.features[::-1], "note"], turned)
    assert main(["predict", str(model), str(other)]) == 0
    assert printed(capsys.readouterr().out) == [["label"], *([row[0]] for row in rows)]


def test_a_table_of_values(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Errors are in the target's units, and well below those of the mean."""
    path, model = flowers(tmp_path, "diabetes"), tmp_path / "m.safetensors"
    assert main(["train", str(path), "--target", "label", "--save", str(model)]) == 0
    out = capsys.readouterr().out
    rmse, mae = (float(out.split(f"{name} ")[1].split(";")[0].split(",")[0]) for name in ("RMSE", "MAE"))
    blind = [float(value) for value in out.split("predicting the mean: ")[1].splitlines()[0].split(", ")]
    assert 40 < rmse < 0.85 * blind[0] < 80 and 35 < mae < 0.85 * blind[1]
    assert main(["predict", str(model), str(path)]) == 0
    header, *rows = printed(capsys.readouterr().out)
    net, table = fnn.load(model), tables.read(path, target="label")
    known = Preprocessing.restore(net)
    found = np.array(rows, float)[:, 0]
    assert header == ["label"]
    np.testing.assert_allclose(found, known.values(net.predict(known.inputs(table))), rtol=1e-10)
    assert np.corrcoef(found, np.array(table.target, float))[0, 1] > 0.7
    assert main(["predict", str(model), str(path), "--probabilities"]) == 2


def without_progress(text: str) -> list[str]:
    """The lines of what a command printed to stderr, without those of epochs."""
    return [line for line in text.splitlines() if line and not line.startswith("epoch ")]


def small(folder: Path) -> Path:
    """Two classes of 20 rows; the second feature is constant."""
    return written(
        folder / "data.csv", ["a", "b", "y"], [[i % 7 + 9 * (i % 2), 0.1, ["no", "yes"][i % 2]] for i in range(40)]
    )


@pytest.mark.parametrize("seed", [0, 1])
def test_the_scaler_is_of_what_is_trained_on(seed: int, tmp_path: Path) -> None:
    """Features and target."""
    x, model = [[i**2, i**3 / 7] for i in range(40)], tmp_path / "m"
    path = written(tmp_path / "data.csv", ["x", "y"], x)
    train, held = split(np.zeros(40), 0.2, seed)
    assert main(["train", str(path), "--target", "y", "--epochs", "1", "--seed", str(seed), "--save", str(model)]) == 0
    table, numbers = fnn.load(model).metadata[KEY], np.array(x, float)[train]
    assert len(held) == 8
    np.testing.assert_allclose([*table["mean"], table["target_mean"]], numbers.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose([*table["scale"], table["target_scale"]], numbers.std(axis=0), rtol=1e-12)


def test_options_of_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    numbers = written(tmp_path / "n.csv", ["x", "count"], [[i, i % 3] for i in range(50)])
    assert main(["train", str(numbers), "--target", "count", "--task", "regression", "--hidden", "4,3"]) == 0
    assert "RMSE" in capsys.readouterr().out
    assert main(["train", str(numbers), "--target", "count", "--hidden", "", "--validation", "0.5"]) == 0
    assert "accuracy" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "data.csv"], "data.csv: --target must name the column to predict; there are 'a', 'b', 'y'"),
        (
            ["train", "data.csv", "--target", "z"],
            "data.csv: there is no column 'z' for --target; there are 'a', 'b', 'y'",
        ),
        (["train", "none.csv", "--target", "y"], "No such file or directory: 'none.csv'"),
        (["train", ".", "--target", "y"], "Is a directory: '.'"),
        (["train", "bad.csv", "--target", "y"], "bad.csv:3: column 'a': 'abc' is not a number"),
        (
            ["train", "data.csv", "--target", "y", "--task", "regression"],
            "data.csv:2: column 'y': 'no' is not a number",
        ),
        (["train", "data.csv", "--target", "y", "--task", "sorting"], "--task"),
        (
            ["train", "data.csv", "--target", "y", "--validation", "1"],
            "--validation must be a fraction between 0 and 1",
        ),
        (["train", "data.csv", "--target", "y", "--lr", "1e38"], "smaller learning rate"),
        (["train", "data.csv", "--target", "y", "--seed", "-1"], "seed"),
        (["train", "data.csv", "--target", "y", "--epochs", "0"], "epochs"),
        (["train", "data.csv", "--target", "y", "--hidden", "2000000000"], "cannot allocate"),
        (["train", "digits", "--target", "y"], "--target, --task and --validation are for CSV files"),
        (["train", "digits", "--task", "regression"], "--target, --task and --validation are for CSV files"),
        (["train", "digits", "--validation", "0.3"], "--target, --task and --validation are for CSV files"),
        (["train"], "required: data"),
        (["predict", "m", "bad.csv"], "bad.csv:3: column 'a': 'abc' is not a number"),
        (["predict", "m", "other.csv"], "other.csv: there is no column 'b'; expected 'a', 'b'; the file has 'a', 'y'"),
        (["predict", "m", "none.csv"], "No such file or directory: 'none.csv'"),
        (["predict", "data.csv", "data.csv"], "data.csv: not a fastnn file"),
        (["predict", "foreign", "data.csv"], "foreign: the model has no columns"),
        (["predict", "m", "data.csv", "--threads", "0"], "threads"),
        (["predict", "m"], "required: data"),
        (["bake"], "bake"),
        ([], "required: command"),
    ],
)
def test_a_mistake_is_one_line_and_changes_no_file(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    small(tmp_path)
    written(tmp_path / "bad.csv", ["a", "b", "y"], [[1, 2, "no"], ["abc", 4, "yes"]])
    written(tmp_path / "other.csv", ["a", "y"], [[1, "no"]])
    classifier().save("foreign")
    assert main(["train", "data.csv", "--target", "y", "--epochs", "1", "--save", "m"]) == 0
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    capsys.readouterr()
    try:
        status = main([*arguments, *(["--save", "m"] if arguments[:1] == ["train"] else [])])
    except SystemExit as stop:  # argparse's own
        status = stop.code  # type: ignore[assignment]
    out, err = capsys.readouterr()
    (line,) = without_progress(err)
    assert (status, out) == (2, "")
    assert line.startswith("fastnn: ") and message in line
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("destination", ["data.csv", "./data.csv", ".", "none/m"])
def test_where_a_model_cannot_go(
    destination: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Told before training, not after it."""
    monkeypatch.chdir(tmp_path)
    before = small(tmp_path).read_bytes()
    monkeypatch.setattr(fnn.Sequential, "fit", lambda *_, **__: pytest.fail("trained"))
    assert main(["train", "data.csv", "--target", "y", "--save", destination]) == 2
    assert capsys.readouterr().err.startswith("fastnn: --save: ")
    assert os.listdir(tmp_path) == ["data.csv"] and (tmp_path / "data.csv").read_bytes() == before


def program(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Runs the command line as a process."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})}
    command = [sys.executable, "-m", "fastnn", *arguments]
    return subprocess.run(command, env=environment, text=True, stderr=subprocess.PIPE, timeout=60, **options)


@pytest.mark.parametrize("buffered", ["", "1"])
def test_a_closed_pipe(buffered: str, tmp_path: Path) -> None:
    """Nothing is printed for a reader that has gone, and the model is saved all the same."""
    path, model = small(tmp_path), tmp_path / "m"
    commands = [
        ["train", str(path), "--target", "y", "--epochs", "1", "--save", str(model)],
        ["predict", str(model), str(path)],
        ["info"],
    ]
    for command in commands:
        read, write = os.pipe()
        os.close(read)
        run = program(*command, stdout=write, env={"PYTHONUNBUFFERED": buffered})
        os.close(write)
        assert run.returncode == 141
        assert without_progress(run.stderr) == []
    assert Preprocessing.restore(fnn.load(model)).classes == ["no", "yes"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
def test_a_full_disk() -> None:
    with open("/dev/full", "w") as full:
        run = program("info", stdout=full)
    assert run.returncode == 2
    assert run.stderr.startswith("fastnn: [Errno 28]") and len(run.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["--hidden", "0"],
        ["--epochs", "0"],
        ["--batch-size", "-1"],
        ["--lr", "nan"],
        ["--threads", "0"],
        ["--seed", "-1"],
        ["--epochs", "1", "--hidden", "4", "--save", "/nonexistent/m.safetensors"],
    ],
)
def test_mistakes_are_one_line_and_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "digits", *arguments]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("fastnn: ")


def test_as_a_program() -> None:
    run = program("train", "nothing", stdout=subprocess.PIPE)
    assert run.returncode == 2
    assert run.stderr == "fastnn: [Errno 2] No such file or directory: 'nothing'\n"
