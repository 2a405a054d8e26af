"""Files of sounds."""

from __future__ import annotations

import os
import struct
import wave
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from fastnn.audio.checked import sound
from fastnn.audio.resampling import resample
from fastnn.common import checks

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

#: The formats of WAV that are read here: PCM and float, and the one that keeps its format further on.
PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
#: Their bits per sample.
BITS = {PCM: (8, 16, 24, 32), FLOAT: (32, 64)}
#: The size of what was written to a pipe: up to the end of the file.
OPEN = 0xFFFFFFFF


def read(path: str | os.PathLike[str], rate: int | None = None) -> tuple[NDArray[np.float32], int]:
    """Read a sound: WAV files of 8, 16, 24 or 32 bits or of floats; what else soundfile reads, with it.

    Parameters
    ----------
    path : path
        The file. Its content says what it is, whatever its name.
    rate : int, optional
        Samples per second, in Hz, that the sound is resampled to. None: those of the file.

    Returns
    -------
    x : array, float32 (samples,)
        In [-1, 1], the mean of the channels; floats are as in the file.
    rate : int
        Samples per second, in Hz.

    Raises
    ------
    ImportError
        Without soundfile, for a file that is not such a WAV: pip install soundfile.
    ValueError
        For a file that is not a sound, is damaged or has no samples, and rate < 1. The message names the file.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> fnn.audio.write("tone.wav", np.sin(0.3 * np.arange(8000)), 8000)
    >>> x, rate = fnn.audio.read("tone.wav", rate=16000)
    >>> x.shape, x.dtype, rate
    ((16000,), dtype('float32'), 16000)
    """
    wanted = None if rate is None else checks.integer("read: rate", rate)
    name = os.fspath(path)
    with open(path, "rb") as file:
        head = file.read(12)
        plain = _wav(name, file) if head[:4] == b"RIFF" and head[8:] == b"WAVE" else None
    x, found = plain or _soundfile(name)
    if not len(x):
        raise ValueError(f"{name}: has no samples")
    mono = x.mean(axis=1, dtype=np.float32)
    return (mono, found) if wanted is None else (resample(mono, found, wanted), wanted)


def write(path: str | os.PathLike[str], x: ArrayLike, rate: int) -> None:
    """Write a sound to a WAV file of 16 bits: round(32768 x), at most 32767.

    Parameters
    ----------
    path : path
        The file, which is replaced if it exists.
    x : array (samples,)
        Samples in [-1, 1], one channel.
    rate : int
        Samples per second, in Hz.

    Raises
    ------
    TypeError, ValueError
        For x that is not (samples,), is empty, not finite or outside [-1, 1], and rate < 1.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> fnn.audio.write("tone.wav", 0.5 * np.sin(2 * np.pi * 440 / 16000 * np.arange(16000)), 16000)
    """
    samples, wanted = sound("write", x), checks.integer("write: rate", rate)
    most = np.abs(samples).max()
    if most > 1:
        raise ValueError(f"write: x must be in [-1, 1], got {most:g}; x / np.abs(x).max() is")
    scaled = np.minimum(np.rint(samples * 32768), 32767).astype("<i2")
    with open(path, "wb") as file, wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(wanted)
        wav.writeframes(scaled.tobytes())


def _wav(name: str, file: BinaryIO) -> tuple[NDArray[np.float32], int] | None:
    """The samples (samples, channels) and the rate of a WAV file after its head; None for a format not known here."""
    described = b""
    while True:
        head = file.read(8)
        if len(head) < 8:
            raise ValueError(f"{name}: a damaged WAV file: it ends before its samples")
        kind, size = struct.unpack("<4sI", head)
        if kind == b"data":
            break
        start = file.tell()
        if kind == b"fmt ":
            described = file.read(min(size, 40))
        file.seek(start + size + size % 2)
    if len(described) < 16:
        raise ValueError(f"{name}: a damaged WAV file: its format does not come before its samples")
    coding, channels, rate, _, _, bits = struct.unpack("<HHIIHH", described[:16])
    if coding == EXTENSIBLE and len(described) >= 26:
        (coding,) = struct.unpack("<H", described[24:26])
    if bits not in BITS.get(coding, ()):
        return None
    if not channels or not rate:
        raise ValueError(f"{name}: a damaged WAV file of {channels} channels and {rate} samples per second")
    data = file.read()
    if len(data) < size != OPEN:
        raise ValueError(f"{name}: a damaged WAV file: {size} bytes of samples are announced, and {len(data)} there")
    width = channels * bits // 8
    return _decoded(data[: min(len(data), size) // width * width], coding, bits).reshape(-1, channels), rate


def _decoded(data: bytes, coding: int, bits: int) -> NDArray[np.float32]:
    if coding == FLOAT:
        return np.frombuffer(data, f"<f{bits // 8}").astype(np.float32)
    if bits == 8:
        return (np.frombuffer(data, np.uint8).astype(np.float32) - 128) / np.float32(128)
    if bits == 24:
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        data, bits = wide.tobytes(), 32
    return np.frombuffer(data, f"<i{bits // 8}").astype(np.float32) / np.float32(2 ** (bits - 1))


def _soundfile(name: str) -> tuple[NDArray[np.float32], int]:
    """The samples (samples, channels) and the rate of a file that soundfile reads."""
    try:
        import soundfile
    except (ImportError, OSError):  # OSError: without its library
        raise ImportError(
            f"{name}: not a WAV file of 8, 16, 24 or 32 bits or floats; others need soundfile: pip install soundfile"
        ) from None
    try:
        x, rate = soundfile.read(name, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise ValueError(f"{name}: not a sound that soundfile reads: {error}") from None
    return x, rate
