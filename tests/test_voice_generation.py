"""The WaveNet of voice_generation.py, and a short run of the program."""

import importlib
import re
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

import fastnn as fnn
from check import assert_same_bits

EXAMPLES = Path(__file__).parent.parent / "examples"
sys.path.insert(0, str(EXAMPLES))
sounds, voice = (importlib.import_module(name) for name in ("sounds", "voice_generation"))


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    call = [sys.executable, str(EXAMPLES / "voice_generation.py"), "--short", "--out", "said", *options]
    return subprocess.run(call, capture_output=True, text=True, cwd=folder, timeout=300)


def test_a_track_tells_what_is_said_where() -> None:
    """Parts go from the first to the last of each digit, with silence before it."""
    digits = sounds.tones(1, 0)
    found = voice.track(digits)
    assert len(found.levels) == len(found.parts) == sum(len(sound) + voice.PAUSE for sound, _ in digits)
    silent = found.parts == voice.SILENCE
    assert (found.levels[silent] == voice.SILENT).all() and silent.sum() == 10 * voice.PAUSE
    steps = np.diff(found.parts[~silent])
    assert set(steps) <= {0, 1} and found.parts[~silent][[0, -1]].tolist() == [0, voice.SILENCE - 1]
    loudest = [abs(found.levels[found.parts // voice.PARTS == digit] - voice.SILENT).max() for digit in range(10)]
    assert max(loudest) - min(loudest) <= 1  # either side of zero


def test_windows_hold_what_was_before() -> None:
    given = voice.track(sounds.tones(2, 0))
    x, y = voice.windows(given)
    assert x["before"].shape == x["part"].shape == y.shape == (len(given.levels) // voice.WINDOW, voice.WINDOW)
    assert x["before"].ravel()[0] == voice.SILENT and (x["before"].ravel()[1:] == y.ravel()[:-1]).all()


def test_the_future_is_not_seen() -> None:
    net = voice.wavenet(4, [1, 2, 4], 0)
    rng = np.random.default_rng(0)
    before, part = rng.integers(0, voice.LEVELS, (1, 40)), rng.integers(0, voice.SILENCE, (1, 40))
    wanted = net.predict({"before": before, "part": part})
    changed = before.copy()
    changed[0, 20:] = 0
    found = net.predict({"before": changed, "part": part})
    assert_same_bits(found[:, :20], wanted[:, :20])
    assert (found[:, 20:] != wanted[:, 20:]).any()
    f = net.freeze(streaming=True)
    for t in range(40):
        assert_same_bits(np.asarray(f.step(before[0, t], part[0, t])), wanted[0, t])


def test_the_baseline_counts_pairs() -> None:
    """Where each level is followed by one of two, it takes about a bit."""
    levels = np.cumsum(np.random.default_rng(0).integers(0, 2, 100_000)) % 8
    given = voice.Track(levels, levels)
    assert abs(voice.follows(given, given) - 1) < 0.05


def test_in_short(tmp_path: Path) -> None:
    """Each digit is a file, as long as those that it has learnt, with silence around it."""
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "digits.safetensors is missing, so nobody listens: python examples/speech_recognition.py d" in done.stdout
    assert re.search(r"held out, bits a sample: \d\.\d\d; from the sample before alone \d\.\d\d", done.stdout)
    files = sorted((tmp_path / "said").glob("*.wav"))
    assert [path.name for path in files] == [f"{i}_{i}.wav" for i in range(10)]
    for path in files:
        with wave.open(str(path)) as sound:
            assert sound.getframerate() == sounds.RATE
            assert 0.06 < sound.getnframes() / sounds.RATE - 2 * voice.PAUSE / sounds.RATE < 0.2
    assert (tmp_path / "said" / "model.safetensors").exists()


def test_a_recogniser_listens(capsys: pytest.CaptureFixture[str]) -> None:
    """One that hears nothing is right in no case."""
    silent = fnn.Sequential([fnn.Dense(11, "softmax")], input_shape=(None, int(sounds.FRONT_END["bands"])), seed=0)
    for weight in silent.weights.values():
        weight[...] = 0
    silent.weights["dense_0.bias"][0] = 20
    silent.metadata |= {"classes": list(sounds.WORDS), "front end": sounds.FRONT_END, "stride": 1}
    net = voice.wavenet(4, [1, 2], 0)
    net.metadata["lengths"] = 10 * [300]
    voice.recognised(net, sounds.tones(1, 0), silent, 0)
    assert capsys.readouterr().out == "".join(
        f"recognised, of {count} {name} digits: 0%\n" for count, name in ((100, "generated"), (10, "held-out"))
    )


def test_bad_options(tmp_path: Path) -> None:
    assert "--say: expected digits, got '1 2'" in run(tmp_path, "--say", "1 2").stderr
