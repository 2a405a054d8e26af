"""Sounds that the programs about speech learn: voices, tones, rows of digits, disturbances, and their features."""

import importlib
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

import fastnn as fnn

EXAMPLES = Path(__file__).parent.parent / "examples"
sys.path.insert(0, str(EXAMPLES))
sounds = importlib.import_module("sounds")


def speech(seed: int = 0) -> np.ndarray:
    """Noise that grows and fades, half a second."""
    return (np.random.default_rng(seed).normal(size=4000) * np.hanning(4000) * 0.1).astype(np.float32)


def test_the_parts_share_no_variant_and_no_unseen_accent() -> None:
    variants = [set(part[0]) for part in sounds.PARTS.values()]
    assert set.union(*variants) == set(sounds.VARIANTS) and sum(map(len, variants)) == len(sounds.VARIANTS)
    assert not set(sounds.PARTS["test"][1]) & {*sounds.PARTS["train"][1], *sounds.PARTS["validation"][1]}


def test_voices_follow_from_their_seed() -> None:
    chosen = sounds.voices("train", 130, 0)
    assert chosen == sounds.voices("train", 130, 0) != sounds.voices("train", 130, 1)
    assert len(chosen) == 130 and len(set(chosen)) == 130
    names = {voice.name for voice in chosen}
    assert {"kal", "slt"} <= names and {name.rpartition("+")[2] for name in names} <= {
        *sounds.PARTS["train"][0],
        *sounds.FLITE,
    }
    assert all(80 <= voice.speed <= 220 and 20 <= voice.pitch < 80 for voice in chosen)


def test_sounds_are_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def say(voice: object, text: str) -> np.ndarray:
        made.append(text)
        return speech(len(text))

    monkeypatch.setattr(sounds.Voice, "say", say)
    cache = tmp_path / "sounds.npz"
    first = sounds.digits("test", 2, cache)
    assert len(made) == 20 and [digit for _, digit in first] == [*range(10)] * 2
    again = sounds.digits("test", 2, cache)
    assert len(made) == 20 and all(np.array_equal(one, two) for (one, _), (two, _) in zip(first, again, strict=True))
    sounds.sequences("test", 3, cache)
    assert len(made) == 23 and all(set(text.replace(",", "").split()) <= set(sounds.WORDS) for text in made)


def test_it_says_which_program_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first sound is made."""
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "flite" else name)
    with pytest.raises(SystemExit, match=r"^flite is missing: apt-get install flite$"):
        sounds.said([(sounds.Voice("en-us+m3"), "one"), (sounds.Voice("slt"), "one")], tmp_path / "none.npz")


@pytest.mark.parametrize(("program", "name"), [("espeak-ng", "en-us+m3"), ("flite", "slt")])
def test_synthetic_voices_are_slower_and_higher(program: str, name: str) -> None:
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    slow, fast = (sounds.trimmed(sounds.Voice(name, speed).say("seven")) for speed in (100, 200))
    assert 0.2 < len(fast) / sounds.RATE < len(slow) / sounds.RATE < 2
    assert slow.dtype == np.float32 and np.abs(slow).max() > 0.05


def test_the_real_voice_or_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if sounds.ASTERISK.exists():
        assert [digit for _, digit in sounds.asterisk()] == [*range(10)]
    monkeypatch.setattr(sounds, "ASTERISK", tmp_path)
    with pytest.raises(SystemExit, match="apt-get install asterisk-core-sounds-en-wav"):
        sounds.asterisk()


def test_tones_are_those_of_the_keypad() -> None:
    for sound, digit in sounds.tones(2, 0):
        spectrum = np.abs(np.fft.rfft(sound, sounds.RATE))  # bins of 1 Hz
        low, high = spectrum[:1100].argmax(), 1100 + spectrum[1100:].argmax()
        row, column = (
            np.abs(np.subtract(tones, heard)).argmin() for tones, heard in zip(sounds.KEYPAD, (low, high), strict=True)
        )
        assert ("123", "456", "789", "*0#")[row][column] == str(digit)


def test_silence_is_trimmed() -> None:
    sound = speech()
    found = sounds.trimmed(np.pad(sound, (4000, 2400)))
    assert len(found) < len(sound) + 4 * sounds.BLOCK and np.abs(found).max() == np.abs(sound).max()
    assert np.array_equal(sounds.trimmed(np.pad(found, 800)), sounds.trimmed(found))
    assert len(sounds.trimmed(np.zeros(700, np.float32))) == 700


def test_digits_are_connected() -> None:
    given = [(np.full(400, 0.1 * (i // 10 + 1), np.float32), i % 10) for i in range(20)]
    made = sounds.connected(given, 100, np.random.default_rng(0))
    assert {len(labels) for _, labels in made} == {1, 2, 3, 4, 5}
    assert {label for _, labels in made for label in labels} == set(range(1, 11))
    for sound, labels in made:
        quietest = sound[sound > 0].min()  # one voice in an utterance
        assert np.isclose(quietest, [0.1, 0.2]).any() and np.allclose(sound / quietest % 1, 0)
        assert len(labels) * 400 - 4 * 400 <= len(sound) <= len(labels) * (400 + 2400)


def test_disturbances_follow_from_their_seed() -> None:
    sound = speech()
    first, again, other = (sounds.disturbed(sound, np.random.default_rng(seed), 0.2) for seed in (0, 0, 1))
    assert np.array_equal(first, again) and first.dtype == np.float32
    assert len(first) != len(other) and 4000 / 1.21 < len(first) < 4000 * 1.21
    same = sounds.disturbed(sound, np.random.default_rng(0), 0.0)
    assert abs(len(same) - 4000) <= 1 and np.corrcoef(same[:3999], sound[:3999])[0, 1] > 0.5


def test_loudness_does_not_matter() -> None:
    sound = speech()
    found = sounds.features(sound)
    assert found.shape == (51, 40) and found.dtype == np.float32
    np.testing.assert_allclose(sounds.features(sound / 30), found, atol=1e-2)


def test_warped_distances() -> None:
    """Of a slower copy 0, and otherwise those of a loop over all paths."""
    rng = np.random.default_rng(0)
    one, others = rng.normal(size=(5, 3)), [rng.normal(size=(n, 3)) for n in (4, 7, 1)]
    assert sounds.warped(one, [one, one.repeat(2, axis=0)]) == pytest.approx(np.zeros(2), abs=1e-6)
    for found, other in zip(sounds.warped(one, others), others, strict=True):
        costs = np.full((6, len(other) + 1), np.inf)
        costs[0, 0] = 0
        for i in range(5):
            for j in range(len(other)):
                step = np.linalg.norm(one[i] - other[j])
                costs[i + 1, j + 1] = step + min(costs[i, j], costs[i, j + 1], costs[i + 1, j])
        assert found == pytest.approx(costs[-1, -1] / (5 + len(other)))
    assert sounds.nearest(others, [3, 1, 2], [others[1], others[2]]) == [1, 2]


def test_a_network_says_what_it_hears() -> None:
    """Its classes, without blanks, by the most probable alignment and by a beam search."""
    p = np.eye(4)[[0, 2, 2, 0, 3]] * 0.9 + 0.025
    assert sounds.decoded(p, 1) == sounds.decoded(p, 4) == [2, 3]
    inputs = fnn.Input((None, 40))
    net = fnn.Network(inputs, fnn.Dense(4, "softmax")(fnn.Conv1D(3, 5, strides=4, padding=2)(inputs)), seed=0)
    net.metadata |= {"classes": ["a", "b", "c"], "stride": 4, "front end": sounds.FRONT_END}
    assert [each.shape for each in sounds.probabilities(net, [speech(), speech()[:2000]])] == [(13, 4), (7, 4)]
    assert set(sounds.recognise(net, speech())) <= {"a", "b", "c"}
