"""The command line: what it prints, and that errors are one line and status 2."""

import subprocess
import sys
from pathlib import Path

import pytest

import fastnn as fnn
from fastnn.cli import main


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
    run = subprocess.run([sys.executable, "-m", "fastnn", "train", "nothing"], capture_output=True, text=True)
    assert run.returncode == 2
    assert "Traceback" not in run.stderr
