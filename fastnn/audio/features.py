"""Features of frames: how they change over time, and their normalization."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.audio.checked import finite, table
from fastnn.common import checks
from fastnn.data.arrays import numbers

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def deltas(features: ArrayLike, width: int = 9) -> NDArray[np.float32]:
    """d[t] = sum of j f[t + j] / sum of j^2 over j from -(width // 2) to width // 2, the slope of each feature.

    It is that of the line that fits `width` frames best, the Savitzky-Golay filter of order 1. The first and last
    width // 2 frames have the slope of the first and last line.

    Parameters
    ----------
    features : array (frames, n)
        Features with `width` frames or more.
    width : int, default 9
        The frames of a line: odd, >= 3.

    Returns
    -------
    array, float32 (frames, n)
        Slopes per frame; deltas of them are accelerations.

    Raises
    ------
    TypeError, ValueError
        For features of another shape, too few frames, numbers that are not finite, and an invalid width.

    References
    ----------
    S. Furui, "Speaker-Independent Isolated Word Recognition Using Dynamic Features of Speech Spectrum", IEEE
    Transactions on Acoustics, Speech, and Signal Processing 34(1), 1986.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.audio.deltas([[0], [2], [4], [6], [4]], width=3).ravel().tolist()
    [2.0, 2.0, 2.0, 0.0, 0.0]
    """
    x, count = table("deltas", "features", features, "n"), checks.integer("deltas: width", width, 3)
    if count % 2 == 0:
        raise ValueError(f"deltas: width must be odd, got {count}")
    if len(x) < count:
        raise ValueError(f"deltas: features has {len(x)} frames; expected {count} or more, the width")
    reach = count // 2
    steps = np.arange(-reach, reach + 1)
    windows = np.lib.stride_tricks.sliding_window_view(x, count, axis=0)
    slopes = windows @ (steps / (steps**2).sum()).astype(np.float32)
    return np.pad(slopes, ((reach, reach), (0, 0)), mode="edge")


def normalize(features: ArrayLike, axis: int = 0) -> NDArray[np.float32]:
    """(f - mean) / standard deviation of each feature over time: cepstral mean and variance normalization.

    Parameters
    ----------
    features : array (frames, n) or (batch, frames, n)
        Features of one sound, or of sounds of the same length.
    axis : int, default 0
        That of the frames: 1 for a batch.

    Returns
    -------
    array, float32 (frames, n) or (batch, frames, n)
        Of mean 0 and variance 1 over the axis; 0 where a feature is constant.

    Raises
    ------
    TypeError, ValueError
        For features of another shape, numbers that are not finite, and an axis that they do not have.

    References
    ----------
    O. Viikki and K. Laurila, "Cepstral Domain Segmental Feature Vector Normalization for Noise Robust Speech
    Recognition", Speech Communication 25, 1998.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.audio.normalize([[1, 5], [3, 5]]).tolist()
    [[-1.0, 0.0], [1.0, 0.0]]
    """
    x = frames_or_batch("normalize", features).astype(np.float64)
    over = checks.integer("normalize: axis", axis, -x.ndim, x.ndim - 1)
    apart = x - x.mean(axis=over, keepdims=True)
    deviation = np.sqrt((apart**2).mean(axis=over, keepdims=True))
    varied = x.max(axis=over, keepdims=True) > x.min(axis=over, keepdims=True)
    found: NDArray[np.float32] = np.divide(apart, deviation, out=np.zeros_like(x), where=varied).astype(np.float32)
    return found


def frames_or_batch(caller: str, features: Any) -> NDArray[np.float32]:
    """A new array of features (frames, n) or (batch, frames, n), float32."""
    array = numbers(f"{caller}: features", features)
    if array.ndim not in (2, 3) or not array.size:
        raise ValueError(f"{caller}: expected features (frames, n) or (batch, frames, n), got shape {array.shape}")
    return finite(f"{caller}: features", array)
