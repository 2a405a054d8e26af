"""Mel-frequency cepstral coefficients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastnn.audio.mel import mel_power
from fastnn.common import checks

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

#: The least mel power, that of -100 dB.
FLOOR = 1e-10


def mfcc(
    x: ArrayLike,
    rate: int,
    coefficients: int = 13,
    *,
    size: int = 400,
    hop: int = 160,
    bands: int = 80,
    low: float = 0.0,
    high: float | None = None,
    top_db: float = 80.0,
) -> NDArray[np.float32]:
    """c_k = s_k sum over m of d_m cos(pi k (2m + 1) / (2 bands)), the first coefficients of the mel spectrum's DCT-II.

    d = 10 log10(max(mel power, 1e-10)), in decibels; s_0 = sqrt(1 / bands), and s_k = sqrt(2 / bands) for k > 0, which
    makes the transform orthonormal.

    Parameters
    ----------
    x : array (samples,)
        A sound of one channel.
    rate : int
        Its samples per second, in Hz.
    coefficients : int, default 13
        How many, from c_0 on: 1 to bands.
    size, hop : int, default 400 and 160
        The samples of a frame, and from one frame to the next, as for `stft`: 25 and 10 ms at 16 kHz.
    bands, low, high : optional
        As for `mel_filters`.
    top_db : float, default 80
        What is more than this below the greatest d of the sound is raised to it, in decibels.

    Returns
    -------
    array, float32 (frames, coefficients)

    Raises
    ------
    TypeError, ValueError
        For what `stft` and `mel_filters` refuse, more coefficients than bands, and top_db < 0.

    References
    ----------
    S. Davis and P. Mermelstein, "Comparison of Parametric Representations for Monosyllabic Word Recognition in
    Continuously Spoken Sentences", IEEE Transactions on Acoustics, Speech, and Signal Processing 28(4), 1980.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> x = np.sin(2 * np.pi * 1000 / 16000 * np.arange(16000))
    >>> features = fnn.audio.mfcc(x, 16000)
    >>> np.concatenate([features, fnn.audio.deltas(features)], axis=1).shape
    (101, 26)
    """
    count = checks.integer("mfcc: bands", bands)
    kept = checks.integer("mfcc: coefficients", coefficients, most=count)
    spread = checks.real("mfcc: top_db", top_db, 0)
    decibels = 10 * np.log10(np.maximum(mel_power("mfcc", x, rate, size, hop, count, low, high), np.float32(FLOOR)))
    decibels = np.maximum(decibels, decibels.max() - np.float32(spread))
    transform = np.cos(np.pi / count * np.outer(np.arange(count) + 0.5, np.arange(kept))) * np.sqrt(2 / count)
    transform[:, 0] = np.sqrt(1 / count)
    found: NDArray[np.float32] = decibels @ transform.astype(np.float32)
    return found
