"""The mel scale: its filters, log-mel features, and the way back to frequencies."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.audio.checked import at_least_0, framing, table, window_of
from fastnn.audio.spectra import frames, transforms
from fastnn.common import checks

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

#: Slaney's scale: linear up to KNEE Hz, with LINEAR Hz per mel, then logarithmic, with a factor of exp(STEP) per mel.
KNEE, LINEAR, STEP = 1000.0, 200 / 3, np.log(6.4) / 27
#: Updates of `mel_to_magnitude`.
UPDATES = 32


def mel_filters(
    rate: int, size: int, bands: int = 80, low: float = 0.0, high: float | None = None
) -> NDArray[np.float32]:
    """Triangles whose corners are evenly spaced on the mel scale, each of area 1 over the frequencies in Hz.

    The scale is Slaney's: linear up to 1000 Hz, then logarithmic. Triangle i rises from corner i to corner i + 1 and
    falls to corner i + 2. The mel power of frames is np.abs(stft(x)) ** 2 @ filters.

    Parameters
    ----------
    rate : int
        Samples per second, in Hz.
    size : int
        The samples of a frame, as for `stft`.
    bands : int, default 80
        The number of filters.
    low, high : float, default 0 and rate / 2
        The first and the last corner, in Hz: 0 <= low < high <= rate / 2.

    Returns
    -------
    array, float32 (size // 2 + 1, bands)
        The weight of each frequency in each band, per Hz.

    Raises
    ------
    TypeError, ValueError
        For rate <= 0, size < 2, bands < 1 and frequencies out of order or above rate / 2.

    Warns
    -----
    UserWarning
        Where bands are so narrow that no frequency of the frame is in them: they are always 0.

    References
    ----------
    M. Slaney, "Auditory Toolbox, Version 2", Interval Research Corporation, Technical Report 1998-010, 1998.

    Examples
    --------
    >>> import fastnn as fnn
    >>> filters = fnn.audio.mel_filters(16000, 400, bands=40)
    >>> filters.shape, filters.argmax(axis=0)[[0, 20, 39]].tolist()
    ((201, 40), [2, 44, 185])
    """
    return _filters("mel_filters", rate, size, bands, low, high)


def log_mel(
    x: ArrayLike,
    rate: int,
    *,
    size: int = 400,
    hop: int = 160,
    bands: int = 80,
    low: float = 0.0,
    high: float | None = None,
    floor: float = 1e-10,
) -> NDArray[np.float32]:
    """log(max(|X|^2 @ filters, floor)), the natural logarithm of the mel power of centred Hann frames.

    Parameters
    ----------
    x : array (samples,)
        A sound of one channel.
    rate : int
        Its samples per second, in Hz.
    size, hop : int, default 400 and 160
        The samples of a frame, and from one frame to the next, as for `stft`: 25 and 10 ms at 16 kHz.
    bands, low, high : optional
        As for `mel_filters`.
    floor : float, default 1e-10
        The least power, > 0.

    Returns
    -------
    array, float32 (frames, bands)

    Raises
    ------
    TypeError, ValueError
        For what `stft` and `mel_filters` refuse, and floor <= 0.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> x = np.sin(2 * np.pi * 1000 / 16000 * np.arange(16000))
    >>> features = fnn.audio.log_mel(x, 16000, bands=40)
    >>> features.shape, int(features[50].argmax())
    ((101, 40), 13)
    """
    least = checks.real("log_mel: floor", floor, checks.SMALLEST)
    return np.log(np.maximum(mel_power("log_mel", x, rate, size, hop, bands, low, high), np.float32(least)))


def mel_to_magnitude(mel: ArrayLike, filters: ArrayLike) -> NDArray[np.float32]:
    """The magnitude sqrt(p) of p >= 0 that makes |p @ filters - mel|^2 small, by multiplicative updates.

    p <- p (mel @ filters^T) / (p @ filters @ filters^T), 32 times. For `griffin_lim`, which finds the phases.

    Parameters
    ----------
    mel : array (frames, bands)
        Mel power, >= 0: np.exp(log_mel(x, rate)).
    filters : array (size // 2 + 1, bands)
        What `mel_filters` returned.

    Returns
    -------
    array, float32 (frames, size // 2 + 1)
        The magnitude of each frequency; 0 where no filter has a weight.

    Raises
    ------
    TypeError, ValueError
        For other shapes, and numbers that are negative or not finite.

    References
    ----------
    D. D. Lee and H. S. Seung, "Algorithms for Non-negative Matrix Factorization", NIPS 2000, theorem 1.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> filters = fnn.audio.mel_filters(16000, 400, bands=40)
    >>> power = np.abs(fnn.audio.stft(np.random.default_rng(0).normal(size=4000))) ** 2
    >>> magnitude = fnn.audio.mel_to_magnitude(power @ filters, filters)
    >>> error = np.linalg.norm(magnitude**2 @ filters - power @ filters) / np.linalg.norm(power @ filters)
    >>> magnitude.shape, bool(error < 0.01)
    ((26, 201), True)
    """
    weights = table("mel_to_magnitude", "filters", filters, "bands")
    wanted = at_least_0("mel_to_magnitude: mel", table("mel_to_magnitude", "mel", mel, "bands"))
    at_least_0("mel_to_magnitude: filters", weights)
    if wanted.shape[1] != weights.shape[1]:
        raise ValueError(
            f"mel_to_magnitude: mel has {wanted.shape[1]} bands, its shape is {wanted.shape}, and the filters "
            f"{weights.shape} have {weights.shape[1]}"
        )
    above, both = wanted @ weights.T, weights @ weights.T
    power = above.copy()
    for _ in range(UPDATES):
        below = power @ both
        power *= np.divide(above, below, out=np.zeros_like(above), where=below > 0)
    magnitude: NDArray[np.float32] = np.sqrt(power)
    return magnitude


def mel_power(
    caller: str, x: Any, rate: Any, size: Any, hop: Any, bands: Any, low: Any, high: Any
) -> NDArray[np.float32]:
    """The mel power of centred Hann frames, (frames, bands)."""
    size, hop = framing(caller, size, hop)
    filters = _filters(caller, rate, size, bands, low, high)
    parts = frames(caller, x, size, hop, center=True)
    found = np.empty((len(parts), filters.shape[1]), np.float32)
    for start, spectrum in transforms(parts, window_of(caller, "hann", size)):
        found[start : start + len(spectrum)] = (spectrum.real**2 + spectrum.imag**2) @ filters
    return found


def _filters(caller: str, rate: Any, size: Any, bands: Any, low: Any, high: Any) -> NDArray[np.float32]:
    half = checks.integer(f"{caller}: rate", rate) / 2
    size, bands = checks.integer(f"{caller}: size", size, 2), checks.integer(f"{caller}: bands", bands)
    first = checks.real(f"{caller}: low", low, 0)
    last = half if high is None else checks.real(f"{caller}: high", high, 0)
    if not first < last <= half:
        raise ValueError(f"{caller}: expected low < high <= {half:g} Hz, rate / 2, got low {first:g}, high {last:g}")
    corners = _hertz(np.linspace(_mels(first), _mels(last), bands + 2))
    frequencies = np.arange(size // 2 + 1)[:, None] * (2 * half / size)
    rise = (frequencies - corners[:-2]) / (corners[1:-1] - corners[:-2])
    fall = (corners[2:] - frequencies) / (corners[2:] - corners[1:-1])
    triangles = np.maximum(0, np.minimum(rise, fall))
    found: NDArray[np.float32] = (triangles * (2 / (corners[2:] - corners[:-2]))).astype(np.float32)
    empty = np.flatnonzero(found.max(axis=0) == 0)
    if len(empty):
        warnings.warn(
            f"{caller}: {len(empty)} of {bands} bands have no frequency in them, band {empty[0]} first: use fewer "
            "bands or a greater size",
            stacklevel=3 if caller == "mel_filters" else 4,
        )
    return found


def _mels(hertz: float) -> float:
    return hertz / LINEAR if hertz < KNEE else float(KNEE / LINEAR + np.log(hertz / KNEE) / STEP)


def _hertz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mels < KNEE / LINEAR, mels * LINEAR, KNEE * np.exp((mels - KNEE / LINEAR) * STEP))
