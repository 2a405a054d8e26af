"""Sounds changed and made: companding, phases, masks and other rates, and what is refused."""

from typing import Any

import numpy as np
import pytest

from check import assert_close, assert_same_bits, normal
from fastnn import audio


@pytest.mark.parametrize("levels", [2, 3, 16, 255, 256, 65536])
def test_mu_law_there_and_back(levels: int) -> None:
    ids = np.arange(levels)
    exact = audio.inverse_mu_law(ids, levels)
    assert exact.dtype == np.float32 and exact[0] == -1 and exact[-1] == 1 and (np.diff(exact) > 0).all()
    assert_same_bits(audio.mu_law(exact, levels), ids)
    assert_close(exact, -exact[::-1], 1)
    x, mu = np.linspace(-1, 1, 10_001).reshape(73, 137), levels - 1
    error = np.abs(audio.inverse_mu_law(audio.mu_law(x, levels), levels) - x)
    assert (error <= ((1 + mu) ** (1 / mu) - 1) * (np.abs(x) + 1 / mu) + 1e-6).all()


def test_mu_law_by_its_formula() -> None:
    x = np.linspace(-1, 1, 101)
    curve = np.sign(x) * np.log(1 + 255 * np.abs(x)) / np.log(256)
    assert audio.mu_law(x).tolist() == np.floor((curve + 1) / 2 * 255 + 0.5).tolist()
    assert audio.mu_law(0.0).shape == ()


def speech() -> np.ndarray:
    """Harmonics of a pitch that rises, with a rhythm, half a second at 16 kHz."""
    t = np.arange(8000) / 16000
    turns = 2 * np.pi * (120 * t + 40 * t**2)
    return sum(np.sin(k * turns) / k for k in range(1, 20)) * np.sin(2 * np.pi * 3 * t) ** 2


def distance(x: np.ndarray, wanted: np.ndarray) -> float:
    """How far the spectrum of x is from these magnitudes, of 1."""
    return float(np.linalg.norm(np.abs(audio.stft(x, 512, 128)) - wanted) / np.linalg.norm(wanted))


def test_griffin_lim() -> None:
    wanted = np.abs(audio.stft(speech(), 512, 128))
    by_steps = [distance(audio.griffin_lim(wanted, 512, 128, steps), wanted) for steps in (0, 4, 32, 100)]
    assert by_steps == sorted(by_steps, reverse=True) and by_steps[-1] < 0.1 and by_steps[0] > 0.3, by_steps
    slow = audio.griffin_lim(wanted, 512, 128, momentum=0)
    assert by_steps[2] < distance(slow, wanted) < by_steps[0], "momentum makes it faster"
    found = audio.griffin_lim(wanted, 512, 128)
    assert found.dtype == np.float32 and found.shape == (7936,)
    assert_same_bits(found, audio.griffin_lim(wanted, 512, 128))
    assert not np.array_equal(found, audio.griffin_lim(wanted, 512, 128, seed=1))
    assert not audio.griffin_lim(np.zeros((4, 201))).any()


def test_magnitude_of_mel_power() -> None:
    filters, wanted = audio.mel_filters(16000, 512, 80), np.abs(audio.stft(speech(), 512, 128))
    mel = wanted**2 @ filters
    found = audio.mel_to_magnitude(mel, filters)
    assert found.dtype == np.float32 and (found >= 0).all()
    assert_close(found**2 @ filters, mel, tolerance=0.02)
    assert np.linalg.norm(found - wanted) < 0.3 * np.linalg.norm(wanted)
    assert not found[:, filters.max(axis=1) == 0].any()
    assert not audio.mel_to_magnitude(np.zeros((2, 80)), filters).any()


def zeros_of(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which frames and which bands of an array of ones are masked."""
    frames, bands = (x == 0).all(axis=1), (x == 0).all(axis=0)
    assert ((x == 0) == (frames[:, None] | bands)).all()
    return frames, bands


def test_masks_end_with_the_sound() -> None:
    lengths, x = np.array([1, 5, 30, 60]), np.ones((4, 60, 20))
    covered = np.zeros((4, 60), int)
    for seed in range(300):
        for i, each in enumerate(audio.spec_augment(x, seed, 0, 5, 3, 40, 0.5, lengths)):
            frames, bands = zeros_of(each)
            covered[i] += frames
            assert not bands.any() and not frames[lengths[i] :].any() and frames.sum() <= 3 * (lengths[i] // 2)
    for i, end in enumerate(lengths.tolist()[1:], 1):
        assert covered[i, :end].all(), "every frame may be masked"
    assert not covered[0].any(), "half of one frame is none"
    assert x.all(), "a new array"


def test_widths_of_masks() -> None:
    widths = {"bands": set(), "frames": set()}
    for seed in range(300):
        frames, bands = zeros_of(audio.spec_augment(np.ones((30, 20)), seed, 1, 4, 1, 3))
        for name, masked in (("bands", bands), ("frames", frames)):
            widths[name].add(int(masked.sum()))
            assert np.abs(np.diff(masked.astype(int), prepend=0, append=0)).sum() in (0, 2), "one span"
    assert widths == {"bands": {0, 1, 2, 3, 4}, "frames": {0, 1, 2, 3}}


def test_masks_follow_from_the_seed() -> None:
    x = normal(3, 50, 30)
    first = audio.spec_augment(x, 5)
    assert first.dtype == np.float32
    assert_same_bits(first, audio.spec_augment(x, np.random.default_rng(5)))
    assert not np.array_equal(first, audio.spec_augment(x, 6))
    assert not np.array_equal(first[0] == 0, first[1] == 0), "each sound has its own"
    assert_same_bits(audio.spec_augment(x, 5, 0, 0, 0, 0), np.array(x))
    rng = np.random.default_rng(5)
    assert not np.array_equal(audio.spec_augment(x, rng), audio.spec_augment(x, rng))


@pytest.mark.parametrize(
    ("rate", "new"),
    [(44100, 16000), (16000, 44100), (8000, 16000), (48000, 8000), (22050, 22051), (3, 7), (16000, 16000)],
)
def test_a_sine_keeps_its_frequency_and_amplitude(rate: int, new: int) -> None:
    samples = 16_001
    for share in (0.01, 0.4, 0.85):
        hertz = share * min(rate, new) / 2
        found = audio.resample(np.sin(2 * np.pi * hertz / rate * np.arange(samples)), rate, new)
        assert found.dtype == np.float32 and len(found) == -(-samples * new // rate)
        edge = int(70 * new / min(rate, new)) + 1
        wanted = np.sin(2 * np.pi * hertz / new * np.arange(len(found)))
        assert_close(found[edge:-edge], wanted[edge:-edge], 1, 1e-4)


def test_what_the_lower_rate_cannot_hold_is_removed() -> None:
    x = np.sin(2 * np.pi * 5000 / 16000 * np.arange(16000))
    assert np.abs(audio.resample(x, 16000, 8000)[100:-100]).max() < 1e-4
    assert_close(audio.resample(np.full(4000, 0.7), 44100, 16000)[200:-200], np.full(1052, 0.7), tolerance=1e-5)
    assert len(audio.resample([1.0], 44100, 8000)) == 1


def test_resampling_by_its_sum() -> None:
    x, up, down = normal(300), 3, 2
    reach = 68
    wanted = np.zeros(450)
    for k in range(450):
        t = k * down / up
        n = np.arange(int(t) - reach + 1, int(t) + reach + 1)
        h = np.sinc(0.95 * (t - n)) * np.i0(10.06 * np.sqrt(1 - ((t - n) / reach) ** 2))
        inside = (n >= 0) & (n < 300)
        wanted[k] = (h[inside] * x[n[inside]]).sum() / h.sum()
    assert_close(audio.resample(x, 20, 30), wanted, tolerance=1e-5)


X = normal(100)
BAD: dict[str, tuple[Any, type[Exception], str]] = {
    "loud": (lambda: audio.mu_law([0, 1.5]), ValueError, r"mu_law: x must be in \[-1, 1\], got 1.5; x / np.abs"),
    "a nan": (lambda: audio.mu_law([np.nan]), ValueError, r"mu_law: x must be in \[-1, 1\], got nan"),
    "levels": (lambda: audio.mu_law([0], 1), ValueError, "mu_law: levels must be an integer from 2 to 65536, got 1"),
    "an id": (lambda: audio.inverse_mu_law([0, 256]), ValueError, "ids must be from 0 to 255, levels - 1, got 256"),
    "a negative id": (lambda: audio.inverse_mu_law([-1]), ValueError, "ids must be from 0 to 255, levels - 1, got -1"),
    "a float id": (lambda: audio.inverse_mu_law([0.5]), TypeError, "inverse_mu_law: ids must be integers, got dtype"),
    "a negative magnitude": (
        lambda: audio.griffin_lim(-np.ones((3, 201))),
        ValueError,
        "magnitude has negative numbers",
    ),
    "other size": (
        lambda: audio.griffin_lim(np.ones((3, 257))),
        ValueError,
        r"expected magnitude \(frames, 201\), for size 400, of 2 frames or more, got shape \(3, 257\)",
    ),
    "one frame": (lambda: audio.griffin_lim(np.ones((1, 201))), ValueError, "of 2 frames or more"),
    "steps": (lambda: audio.griffin_lim(np.ones((3, 201)), steps=-1), ValueError, "griffin_lim: steps must be"),
    "momentum": (
        lambda: audio.griffin_lim(np.ones((3, 201)), momentum=-1),
        ValueError,
        "griffin_lim: momentum must be",
    ),
    "features": (lambda: audio.spec_augment(X, 0), ValueError, r"spec_augment: expected features \(frames, n\) or"),
    "wide": (
        lambda: audio.spec_augment(np.ones((9, 13)), 0),
        ValueError,
        "spec_augment: frequency_width must be an integer from 0 to 13, got 27",
    ),
    "share": (lambda: audio.spec_augment(np.ones((9, 40)), 0, time_share=2), ValueError, "time_share must be a number"),
    "masks": (lambda: audio.spec_augment(np.ones((9, 40)), 0, -1), ValueError, "frequency_masks must be an integer"),
    "one length": (lambda: audio.spec_augment(np.ones((9, 40)), 0, lengths=[9]), ValueError, "lengths are for a batch"),
    "long": (
        lambda: audio.spec_augment(np.ones((2, 9, 40)), 0, lengths=[9, 10]),
        ValueError,
        r"spec_augment: lengths\[1\] is 10; expected an integer from 1 to 9",
    ),
    "lengths": (
        lambda: audio.spec_augment(np.ones((2, 9, 40)), 0, lengths=[9]),
        ValueError,
        r"spec_augment: lengths: expected \(2,\)",
    ),
    "rate": (lambda: audio.resample(X, -1, 8000), ValueError, "resample: rate must be an integer from 1"),
    "new rate": (lambda: audio.resample(X, 8000, 0), ValueError, "resample: new_rate must be an integer from 1"),
    "stereo": (lambda: audio.resample(np.ones((2, 9)), 8000, 4000), ValueError, r"resample: expected x \(samples,\)"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_refused(what: str) -> None:
    call, kind, message = BAD[what]
    with pytest.raises(kind, match=message):
        call()
