"""Spectra and features of sounds: against direct sums, against librosa, there and back, and what is refused."""

import operator
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import assert_close, assert_same_bits, normal
from fastnn import audio

#: Sizes, hops and lengths: even, odd, and a sound shorter than a frame.
FRAMES = [(400, 160, 4000), (512, 128, 3001), (401, 100, 2500), (25, 25, 333), (64, 7, 20), (2, 1, 1)]
#: Rates, sizes, bands and limits of the mel scale.
SCALES = [
    (16000, 400, 40, 0.0, None),
    (16000, 512, 80, 20.0, 7600.0),
    (22050, 2048, 128, 0.0, None),
    (8000, 255, 23, 64.0, 4000.0),
    (44100, 1025, 13, 1000.0, 20000.0),
]


def direct(x: np.ndarray, size: int, hop: int, center: bool) -> np.ndarray:
    """The transform of Hann frames by its sum, in float64."""
    x = np.pad(x.astype(np.float64), size // 2 if center else 0)
    n = np.arange(size)
    turns = np.exp(-2j * np.pi * np.outer(np.arange(size // 2 + 1), n) / size)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * n / size)
    return np.array([turns @ (window * x[start : start + size]) for start in range(0, len(x) - size + 1, hop)])


@pytest.fixture(scope="module")
def librosa() -> Any:
    """What librosa imports when it is first used is imported before a test."""
    found = pytest.importorskip("librosa", reason="librosa is what is compared with")
    found.istft(found.stft(np.zeros(4096, np.float32)))
    found.feature.delta(found.feature.mfcc(y=np.zeros(8192, np.float32)))
    return found


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize(("size", "hop", "length"), FRAMES)
def test_transform_by_direct_sums(size: int, hop: int, length: int, center: bool) -> None:
    x = normal(max(length, 0 if center else size))
    found = audio.stft(x, size, hop, center=center)
    wanted = direct(x, size, hop, center)
    assert found.dtype == np.complex64 and found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= 1e-6 * max(np.abs(wanted).max(), 1)


def test_number_of_frames() -> None:
    assert [len(audio.stft(normal(n), 8, 4)) for n in (1, 3, 4, 8, 9, 12)] == [1, 1, 2, 3, 3, 4]
    assert [len(audio.stft(normal(n), 8, 4, center=False)) for n in (8, 11, 12)] == [1, 1, 2]


@pytest.mark.parametrize(("size", "hop", "length"), [(400, 160, 4000), (512, 128, 3001), (401, 100, 2500), (64, 7, 20)])
@pytest.mark.parametrize("window", ["hann", "hamming"])
def test_inverse(size: int, hop: int, length: int, window: str) -> None:
    x = normal(length)
    found = audio.istft(audio.stft(x, size, hop, window), size, hop, window, length=length)
    assert found.dtype == np.float32
    assert_close(found, x, 1, 1e-5)


def test_inverse_of_long_sounds_and_other_lengths() -> None:
    x = normal(60_000)
    spectrum = audio.stft(x)
    covered = audio.istft(spectrum)
    assert len(covered) == 400 + 160 * (len(spectrum) - 1) - 400
    assert_close(covered, x[: len(covered)], 1, 1e-5)
    assert_same_bits(audio.istft(spectrum, length=1000), covered[:1000])
    longer = audio.istft(spectrum, length=61_000)
    assert len(longer) == 61_000 and not longer[60_400:].any()


def test_inverse_without_centring() -> None:
    window = np.linspace(0.5, 1, 50)
    x = normal(500)
    assert_close(audio.istft(audio.stft(x, 50, 10, window, False), 50, 10, window, False), x, 1, 1e-5)
    hann = audio.istft(audio.stft(x, 50, 10, center=False), 50, 10, center=False)
    assert hann[0] == 0, "no window covers it"
    assert_close(hann[10:-10], x[10:-10], 1, 1e-5)


@pytest.mark.parametrize(("rate", "size", "bands", "low", "high"), SCALES)
def test_filters_are_triangles_of_area_1(rate: int, size: int, bands: int, low: float, high: float | None) -> None:
    found = audio.mel_filters(rate, size * 16, bands, low, high)
    assert found.dtype == np.float32 and found.shape == (size * 8 + 1, bands) and (found >= 0).all()
    assert_close(found.sum(axis=0) * rate / (size * 16), np.ones(bands), tolerance=0.02)
    frequencies = np.arange(size * 8 + 1) * rate / (size * 16)
    outside = (frequencies < low) | (frequencies > (high or rate / 2))
    assert not found[outside].any()
    centres = frequencies[found.argmax(axis=0)]
    steps = np.diff(centres[centres < 900])  # even where the scale is linear
    assert np.ptp(steps) <= 2 * rate / (size * 16) if len(steps) else low >= 900


def test_features_by_their_formulas() -> None:
    x = normal(3000)
    power = np.abs(direct(x, 256, 100, True)) ** 2 @ audio.mel_filters(8000, 256, 20).astype(np.float64)
    found = audio.log_mel(x, 8000, size=256, hop=100, bands=20, floor=1e-3)
    assert found.dtype == np.float32
    assert_close(found, np.log(np.maximum(power, 1e-3)), tolerance=1e-5)
    decibels = 10 * np.log10(np.maximum(power, 1e-10))
    decibels = np.maximum(decibels, decibels.max() - 15)
    m = np.arange(20)
    transform = np.sqrt(2 / 20) * np.cos(np.pi * np.outer(2 * m + 1, m) / 40) / np.where(m == 0, np.sqrt(2), 1)
    assert_close(transform.T @ transform, np.eye(20))
    found = audio.mfcc(x, 8000, 20, size=256, hop=100, bands=20, top_db=15)
    assert found.dtype == np.float32
    assert_close(found, decibels @ transform, tolerance=1e-5)
    assert_close(audio.mfcc(x, 8000, size=256, hop=100, bands=20, top_db=15), found[:, :13])


def test_silence_has_finite_features() -> None:
    assert_close(audio.log_mel(np.zeros(800), 16000, bands=40), np.full((6, 40), np.log(1e-10)))
    assert_close(audio.mfcc(np.zeros(800), 16000, bands=40)[:, :1], np.full((6, 1), -100 * np.sqrt(40)))


def test_deltas_are_slopes() -> None:
    x, t = normal(30, 4), np.arange(30)
    for width in (3, 9, 29):
        lines = [np.polyfit(t[i : i + width], x[i : i + width].astype(np.float64), 1)[0] for i in range(31 - width)]
        wanted = np.pad(lines, ((width // 2, width // 2), (0, 0)), mode="edge")
        assert_close(audio.deltas(x, width), wanted, 1, 1e-5)


@pytest.mark.parametrize("axis", [0, 1])
def test_normalized(axis: int) -> None:
    x = 3 * normal(*[3] * axis, 50, 4) + 7
    x[..., 2] = 1e6 / 3
    found = audio.normalize(x, axis)
    assert found.dtype == np.float32 and not found[..., 2].any()
    assert_close(found.mean(axis=axis), np.zeros_like(found.mean(axis=axis)), 1, 1e-6)
    assert_close(np.delete(found, 2, -1).var(axis=axis), np.ones_like(np.delete(found, 2, -1).var(axis=axis)))


def test_in_a_network() -> None:
    sounds = [audio.log_mel(normal(n), 8000, size=200, hop=80, bands=20) for n in (800, 1200)]
    x, lengths = fnn.data.padded([audio.normalize(each) for each in sounds])
    net = fnn.Sequential([fnn.GRU(4), fnn.Dense(2)], input_shape=(None, 20), seed=0).compile("adam", "mse")
    net.fit(x, np.zeros((2, 2)), lengths=lengths, verbose=0)
    assert lengths.tolist() == [11, 16]


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("window", ["hann", "hamming"])
@pytest.mark.parametrize(("size", "hop", "length"), [(400, 160, 4000), (512, 128, 3001), (401, 100, 2500)])
def test_spectra_as_in_librosa(librosa: Any, size: int, hop: int, length: int, window: str, center: bool) -> None:
    x, settings = normal(length), {"n_fft": size, "hop_length": hop, "window": window, "center": center}
    spectrum = librosa.stft(x, **settings)
    assert_close(audio.stft(x, size, hop, window, center).view(np.float32), spectrum.T.copy().view(np.float32))
    changed = (spectrum * (1 + normal(*spectrum.shape))).astype(np.complex64)  # of no sound
    for wanted in (None, length, length // 2, length + 10):
        found = audio.istft(changed.T, size, hop, window, center, wanted)
        inner = slice(None) if center or window == "hamming" else slice(hop, -size)  # divided by nearly 0 at the ends
        assert_close(found[inner], librosa.istft(changed, length=wanted, **settings)[inner], tolerance=1e-5)


@pytest.mark.parametrize(("rate", "size", "bands", "low", "high"), SCALES)
@pytest.mark.parametrize("length", [12_000, 7777])
def test_features_as_in_librosa(
    librosa: Any, rate: int, size: int, bands: int, low: float, high: float | None, length: int
) -> None:
    filters = librosa.filters.mel(sr=rate, n_fft=size, n_mels=bands, fmin=low, fmax=high)
    assert_close(audio.mel_filters(rate, size, bands, low, high), filters.T)
    x = np.float32(0.1) * normal(length) * np.linspace(0, 1, length, dtype=np.float32) ** 8
    hop = size // 3
    ours = {"size": size, "hop": hop, "bands": bands, "low": low, "high": high}
    theirs = {"sr": rate, "n_fft": size, "hop_length": hop, "n_mels": bands, "fmin": low, "fmax": high}
    power = librosa.feature.melspectrogram(y=x, **theirs)
    assert_close(audio.log_mel(x, rate, **ours), np.log(np.maximum(power, 1e-10)).T, tolerance=1e-4)
    features = audio.mfcc(x, rate, 13, **ours)
    assert_close(features, librosa.feature.mfcc(y=x, n_mfcc=13, **theirs).T, tolerance=1e-4)
    for width in (3, 9):
        assert_close(audio.deltas(features, width), librosa.feature.delta(features.T, width=width).T, tolerance=1e-4)


def test_empty_bands_are_told() -> None:
    with pytest.warns(
        UserWarning, match="mel_filters: 13 of 128 bands have no frequency in them, band 0 first"
    ) as told:
        found = audio.mel_filters(16000, 256, 128)
    assert (found.max(axis=0) == 0).sum() == 13 and told[0].filename == __file__
    with pytest.warns(UserWarning, match="log_mel: 13 of 128 bands") as told:
        audio.log_mel(normal(300), 16000, size=256, bands=128)
    assert told[0].filename == __file__


X, FILTERS = normal(1000), np.ones((201, 4))
BAD: dict[str, tuple[Any, type[Exception], str]] = {
    "no numbers": (lambda: audio.stft(["a"]), TypeError, "stft: x: expected an array of real numbers"),
    "stereo": (
        lambda: audio.stft(np.ones((9, 2))),
        ValueError,
        r"stft: expected x \(samples,\), one channel, got shape \(9, 2\); the mean over the axis of the channels",
    ),
    "empty": (lambda: audio.log_mel([], 16000), ValueError, "log_mel: x has no samples"),
    "a nan": (lambda: audio.stft([0, np.nan]), ValueError, r"stft: x\[1\] is nan; expected finite numbers of float32"),
    "too large": (lambda: audio.mfcc([0.0, 0.0, 1e39], 8000), ValueError, r"mfcc: x\[2\] is 1e\+39; expected finite"),
    "hop": (lambda: audio.stft(X, 100, 101), ValueError, "stft: hop 101 is greater than size 100"),
    "no hop": (lambda: audio.stft(X, 100, 0), ValueError, "stft: hop must be an integer from 1"),
    "size": (lambda: audio.stft(X, 1, 1), ValueError, "stft: size must be an integer from 2"),
    "center": (lambda: audio.stft(X, center=1), TypeError, "stft: center must be True or False"),
    "short": (
        lambda: audio.stft(X[:99], 100, 10, center=False),
        ValueError,
        "stft: x has 99 samples; expected 100 or more, one frame, or center=True",
    ),
    "window": (lambda: audio.stft(X, window="kaiser"), ValueError, "unknown stft: window 'kaiser'; known: hann, ham"),
    "long window": (lambda: audio.stft(X, window=np.ones(9)), ValueError, r"expected a window \(400,\).*got \(9,\)"),
    "not complex": (lambda: audio.istft(np.ones((3, 201))), TypeError, "istft: expected a complex spectrum, got dtype"),
    "other size": (
        lambda: audio.istft(np.ones((3, 200), complex)),
        ValueError,
        r"istft: expected a spectrum \(frames, 201\), for size 400, got shape \(3, 200\)",
    ),
    "length": (lambda: audio.istft(audio.stft(X), length=0), ValueError, "istft: length must be an integer from 1"),
    "rate": (lambda: audio.mel_filters(0, 400), ValueError, "mel_filters: rate must be an integer from 1"),
    "a float rate": (lambda: audio.log_mel(X, 16e3), TypeError, "log_mel: rate must be an integer, got 16000.0"),
    "high": (
        lambda: audio.log_mel(X, 16000, high=8001),
        ValueError,
        "log_mel: expected low < high <= 8000 Hz, rate / 2, got low 0, high 8001",
    ),
    "low": (lambda: audio.mfcc(X, 16000, low=300, high=300), ValueError, "mfcc: expected low < high <= 8000 Hz"),
    "negative": (lambda: audio.mel_filters(16000, 400, low=-1), ValueError, "mel_filters: low must be a number >= 0"),
    "bands": (lambda: audio.mel_filters(16000, 400, 0), ValueError, "mel_filters: bands must be an integer from 1"),
    "floor": (lambda: audio.log_mel(X, 16000, floor=0), ValueError, "log_mel: floor must be a number >= 1.17"),
    "coefficients": (
        lambda: audio.mfcc(X, 16000, 41, bands=40),
        ValueError,
        "mfcc: coefficients must be an integer from 1 to 40, got 41",
    ),
    "top_db": (lambda: audio.mfcc(X, 16000, top_db=-1), ValueError, "mfcc: top_db must be a number >= 0"),
    "width": (lambda: audio.deltas(np.ones((9, 2)), 4), ValueError, "deltas: width must be odd, got 4"),
    "narrow": (lambda: audio.deltas(np.ones((9, 2)), 1), ValueError, "deltas: width must be an integer from 3"),
    "few frames": (lambda: audio.deltas(np.ones((8, 2))), ValueError, "features has 8 frames; expected 9 or more"),
    "no table": (lambda: audio.deltas(X), ValueError, r"deltas: expected features \(frames, n\), got shape \(1000,\)"),
    "a bad feature": (lambda: audio.normalize([[1, np.inf]]), ValueError, r"normalize: features\[0, 1\] is inf"),
    "axis": (
        lambda: audio.normalize(np.ones((3, 2)), 2),
        ValueError,
        "normalize: axis must be an integer from -2 to 1",
    ),
    "one axis": (lambda: audio.normalize(X), ValueError, r"normalize: expected features \(frames, n\) or \(batch"),
    "mel": (
        lambda: audio.mel_to_magnitude(-np.ones((3, 4)), FILTERS),
        ValueError,
        "mel has negative numbers, at least",
    ),
    "other bands": (
        lambda: audio.mel_to_magnitude(np.ones((3, 5)), FILTERS),
        ValueError,
        r"mel_to_magnitude: mel has 5 bands, its shape is \(3, 5\), and the filters \(201, 4\) have 4",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_refused(what: str) -> None:
    call, kind, message = BAD[what]
    with pytest.raises(kind, match=message):
        call()


def test_the_names() -> None:
    for name in audio.__all__:
        assert operator.attrgetter(name)(audio).__name__ == name
