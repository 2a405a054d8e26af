"""The short-time Fourier transform and its inverse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.audio.checked import framing, sound, window_of
from fastnn.common import checks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

#: Frames that are transformed at a time: they fit into a core's cache, and a long sound is not copied as a whole.
BLOCK = 256


def stft(
    x: ArrayLike, size: int = 400, hop: int = 160, window: str | ArrayLike = "hann", center: bool = True
) -> NDArray[np.complex64]:
    """X[t, k] = sum over n of w[n] x[t hop + n] exp(-2 pi i k n / size), the spectrum of each frame.

    Parameters
    ----------
    x : array (samples,)
        A sound of one channel.
    size : int, default 400
        The samples of a frame, >= 2: 25 ms at 16 kHz.
    hop : int, default 160
        Samples from the beginning of a frame to that of the next, 1 to size: 10 ms at 16 kHz.
    window : "hann", "hamming" or array (size,), default "hann"
        The weights w of a frame's samples; those with a name are periodic.
    center : bool, default True
        Whether frame t is centred at sample t hop, with zeros before and after the sound. Otherwise it begins there,
        and samples after the last whole frame are left out.

    Returns
    -------
    array, complex64 (frames, size // 2 + 1)
        Frequency k is k / size times the rate. Centred, there are 1 + samples // hop frames, for an even size;
        otherwise 1 + (samples - size) // hop.

    Raises
    ------
    TypeError, ValueError
        For x that is not (samples,), is empty or not finite, for hop > size, an unknown window, one of another length,
        and a sound that is shorter than a frame, unless it is centred.

    References
    ----------
    J. B. Allen and L. R. Rabiner, "A Unified Approach to Short-Time Fourier Analysis and Synthesis", Proceedings of the
    IEEE 65(11), 1977.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> x = np.sin(2 * np.pi * 1000 / 16000 * np.arange(16000))
    >>> spectrum = fnn.audio.stft(x)
    >>> spectrum.shape, int(np.abs(spectrum[50]).argmax()) * 16000 / 400
    ((101, 201), 1000.0)
    """
    size, hop = framing("stft", size, hop)
    weights = window_of("stft", window, size)
    parts = frames("stft", x, size, hop, checks.flag("stft: center", center))
    found = np.empty((len(parts), size // 2 + 1), np.complex64)
    for start, spectrum in transforms(parts, weights):
        found[start : start + len(spectrum)] = spectrum
    return found


def istft(
    spectrum: ArrayLike,
    size: int = 400,
    hop: int = 160,
    window: str | ArrayLike = "hann",
    center: bool = True,
    length: int | None = None,
) -> NDArray[np.float32]:
    """x[n] = sum of w[n - t hop] x_t[n - t hop] / sum of w[n - t hop]^2 over frames t, the inverse of `stft`.

    Of a spectrum that belongs to no sound, it is the sound whose spectrum is nearest in the least-squares sense.

    Parameters
    ----------
    spectrum : array, complex (frames, size // 2 + 1)
        What `stft` returned with the same settings.
    size, hop, window, center : optional
        As for `stft`.
    length : int, optional
        The samples of the sound: it is cut, or followed by zeros. None: as many as the frames cover.

    Returns
    -------
    array, float32 (length,)
        Samples on which no window is greater than 0 are 0: the first of a Hann window, unless it is centred.

    Raises
    ------
    TypeError, ValueError
        For a spectrum that is not complex or has another shape, for hop > size, and a window that `stft` refuses.

    References
    ----------
    D. W. Griffin and J. S. Lim, "Signal Estimation from Modified Short-Time Fourier Transform", IEEE Transactions on
    Acoustics, Speech, and Signal Processing 32(2), 1984, equation 6.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> x = np.random.default_rng(0).uniform(-1, 1, 1000)
    >>> y = fnn.audio.istft(fnn.audio.stft(x), length=1000)
    >>> bool(np.abs(y - x).max() < 1e-6)
    True
    """
    size, hop = framing("istft", size, hop)
    weights = window_of("istft", window, size)
    margin = size // 2 if checks.flag("istft: center", center) else 0
    wanted = None if length is None else checks.integer("istft: length", length)
    given = np.asarray(spectrum)
    if given.dtype.kind != "c":
        raise TypeError(f"istft: expected a complex spectrum, got dtype {given.dtype}; griffin_lim finds the phases")
    if given.ndim != 2 or not len(given) or given.shape[1] != size // 2 + 1:
        raise ValueError(
            f"istft: expected a spectrum (frames, {size // 2 + 1}), for size {size}, got shape {given.shape}"
        )
    pieces = -(-size // hop)
    padded = np.zeros(pieces * hop, np.float32)
    padded[:size] = weights
    total = np.zeros((len(given) + pieces - 1, hop), np.float32)
    squares = np.zeros_like(total)
    for piece, square in enumerate((padded**2).reshape(pieces, hop)):
        squares[piece : piece + len(given)] += square
    for start in range(0, len(given), BLOCK):
        block = given[start : start + BLOCK]
        parts = np.zeros((len(block), pieces * hop), np.float32)
        parts[:, :size] = np.fft.irfft(block, size) * weights
        for piece in range(pieces):
            total[start + piece :][: len(block)] += parts[:, piece * hop : (piece + 1) * hop]
    np.divide(total, squares, out=total, where=squares > np.finfo(np.float32).tiny)
    covered = total.reshape(-1)[margin : size + hop * (len(given) - 1) - margin if wanted is None else None]
    if wanted is None:
        return covered.copy()
    found = np.zeros(wanted, np.float32)
    found[: len(covered)] = covered[:wanted]
    return found


def frames(caller: str, x: Any, size: int, hop: int, center: bool) -> NDArray[np.float32]:
    """The frames of a sound, a view (frames, size)."""
    samples = sound(caller, x)
    if center:
        samples = np.pad(samples, size // 2)
    elif len(samples) < size:
        raise ValueError(f"{caller}: x has {len(samples)} samples; expected {size} or more, one frame, or center=True")
    return np.lib.stride_tricks.sliding_window_view(samples, size)[::hop]


def transforms(parts: NDArray[np.float32], window: NDArray[np.float32]) -> Iterator[tuple[int, NDArray[Any]]]:
    """The spectra of some frames at a time, and the number of the first of them."""
    for start in range(0, len(parts), BLOCK):
        yield start, np.fft.rfft(parts[start : start + BLOCK] * window)
