"""Files of sounds: every format of WAV, what soundfile reads, there and back, and what is refused."""

import struct
import sys
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from check import assert_close, assert_same_bits, normal
from fastnn import audio


def riff(coding: int, channels: int, bits: int, data: bytes, rate: int = 8000, size: int | None = None) -> bytes:
    """A WAV file: with another chunk of odd length first, and its format in the longer form where bits are 24."""
    width = channels * bits // 8
    described = struct.pack("<HHIIHH", coding, channels, rate, rate * width, width, bits)
    if bits == 24:
        described = struct.pack("<H", 0xFFFE) + described[2:] + struct.pack("<HHIH14s", 22, 24, 4, coding, b"")
    chunks = b"LIST" + struct.pack("<I", 3) + b"abc\0" + b"fmt " + struct.pack("<I", len(described)) + described
    chunks += b"data" + struct.pack("<I", len(data) if size is None else size) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def encoded(x: np.ndarray, coding: int, bits: int) -> bytes:
    """Samples as the bytes of a WAV file."""
    if coding == 3:
        return x.astype(f"<f{bits // 8}").tobytes()
    numbers = np.minimum(np.rint(x.astype(np.float64) * 2 ** (bits - 1)), 2 ** (bits - 1) - 1).astype(np.int64)
    raw = (numbers + 128 if bits == 8 else numbers).astype("<i8")
    return raw.view(np.uint8).reshape(-1, 8)[:, : bits // 8].tobytes()


FORMATS = [(1, 8), (1, 16), (1, 24), (1, 32), (3, 32), (3, 64)]


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize(("coding", "bits"), FORMATS)
def test_formats_of_wav(tmp_path: Path, coding: int, bits: int, channels: int) -> None:
    x = np.concatenate([[-1, 1, 0], np.random.default_rng(0).uniform(-1, 1, 300)]).reshape(-1, 3)[:, :channels]
    file = tmp_path / "sound"
    file.write_bytes(riff(coding, channels, bits, encoded(x, coding, bits)))
    found, rate = audio.read(file)
    assert rate == 8000 and found.dtype == np.float32 and np.abs(found).max() <= 1
    assert_close(found, x.mean(axis=1), 1, 1e-6 if coding == 3 else max(2.0 ** (1 - bits), 1e-6))


@pytest.mark.parametrize(
    ("subtype", "bits"), [("PCM_U8", 8), ("PCM_16", 16), ("PCM_24", 24), ("PCM_32", 32), ("FLOAT", 32), ("DOUBLE", 64)]
)
def test_as_soundfile_reads_wav(tmp_path: Path, subtype: str, bits: int) -> None:
    soundfile = pytest.importorskip("soundfile", reason="soundfile is what is compared with")
    file = tmp_path / "sound.wav"
    soundfile.write(file, np.clip(0.3 * normal(500), -1, 1), 11025, subtype=subtype)
    found, rate = audio.read(file)
    assert rate == 11025
    assert_close(found, soundfile.read(file, dtype="float32")[0], 1, 1e-7)


def test_other_formats(tmp_path: Path) -> None:
    soundfile = pytest.importorskip("soundfile", reason="soundfile reads them")
    x = np.rint(np.clip(0.3 * normal(500), -1, 0.99) * 32768) / 32768
    for name, subtype in (("sound.flac", "PCM_16"), ("a-law.wav", "ALAW")):
        soundfile.write(tmp_path / name, np.stack([x, x], axis=1), 8000, subtype=subtype)
        found, rate = audio.read(str(tmp_path / name))
        assert rate == 8000
        assert_close(found, x, 1, 1e-7 if subtype == "PCM_16" else 0.04)
    (tmp_path / "text").write_text("no sound")
    with pytest.raises(ValueError, match="text: not a sound that soundfile reads"):
        audio.read(tmp_path / "text")


def test_without_soundfile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    (tmp_path / "sound.flac").write_bytes(b"fLaC")
    (tmp_path / "law.wav").write_bytes(riff(7, 1, 8, b"ab"))
    for name in ("sound.flac", "law.wav"):
        with pytest.raises(ImportError, match=f"{name}: not a WAV file of .* pip install soundfile"):
            audio.read(tmp_path / name)


def test_written_and_read(tmp_path: Path) -> None:
    file = tmp_path / "sound.wav"
    x = np.array([-1, -0.5, 0, 3 / 32768, 32767 / 32768, 1])
    audio.write(file, x, 16000)
    with wave.open(str(file)) as wav:
        assert wav.getparams()[:4] == (1, 2, 16000, 6)
    found, rate = audio.read(file)
    assert rate == 16000 and found.tolist() == [*x[:-1], 32767 / 32768]
    audio.write(file, found, 8000)
    assert_same_bits(audio.read(file)[0], found)
    again, rate = audio.read(file, 4000)
    assert rate == 4000
    assert_same_bits(again, audio.resample(found, 8000, 4000))


def test_what_follows_the_samples(tmp_path: Path) -> None:
    file = tmp_path / "sound.wav"
    file.write_bytes(riff(1, 1, 16, b"\0\x40") + b"LIST\x02\0\0\0ab")
    assert audio.read(file)[0].tolist() == [0.5]


def test_a_file_of_a_pipe(tmp_path: Path) -> None:
    file = tmp_path / "sound.wav"
    file.write_bytes(riff(1, 2, 16, encoded(np.array([0.5, 0.25, 0]), 1, 16), size=0xFFFFFFFF))
    assert audio.read(file)[0].tolist() == [0.375], "whole samples, up to the end"


BAD: dict[str, tuple[Any, type[Exception], str]] = {
    "loud": (lambda: audio.write("x", [2.0], 8000), ValueError, r"write: x must be in \[-1, 1\], got 2; x / np"),
    "stereo": (lambda: audio.write("x", np.ones((9, 2)), 8000), ValueError, r"write: expected x \(samples,\)"),
    "written rate": (lambda: audio.write("x", [0.5], 0), ValueError, "write: rate must be an integer from 1"),
    "read rate": (lambda: audio.read("x", 0), ValueError, "read: rate must be an integer from 1"),
    "no file": (lambda: audio.read("nothing.wav"), FileNotFoundError, "nothing.wav"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_refused(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    call, kind, message = BAD[what]
    with pytest.raises(kind, match=message):
        call()
    assert not list(tmp_path.iterdir())


DAMAGED = {
    "ends before its samples": riff(1, 1, 16, b"")[:40],
    "its format does not come before its samples": b"RIFF\0\0\0\0WAVEdata\0\0\0\0",
    "of 0 channels and 8000 samples per second": riff(1, 0, 16, b"ab"),
    "1000 bytes of samples are announced, and 4 there": riff(1, 1, 16, b"abcd", size=1000),
    "sound.wav: has no samples": riff(1, 1, 16, b""),
}


@pytest.mark.parametrize("message", DAMAGED)
def test_damaged_files(tmp_path: Path, message: str) -> None:
    (tmp_path / "sound.wav").write_bytes(DAMAGED[message])
    with pytest.raises(ValueError, match=f"sound.wav: .*{message}" if "sound" not in message else message):
        audio.read(tmp_path / "sound.wav")
