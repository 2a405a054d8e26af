"""Samples as classes: companding by the mu-law."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastnn.common import checks
from fastnn.data.arrays import numbers

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

#: The greatest number of levels: as many as 16 bits have.
MOST = 65536


def mu_law(x: ArrayLike, levels: int = 256) -> NDArray[np.int64]:
    """round((F(x) + 1) / 2 mu) with F(x) = sign(x) log(1 + mu |x|) / log(1 + mu), mu = levels - 1: ids of samples.

    Quiet samples get finer levels than loud ones. The error of `inverse_mu_law` is at most
    ((1 + mu)^(1 / mu) - 1) (|x| + 1 / mu), which for 256 levels is 0.022 |x| + 0.0001.

    Parameters
    ----------
    x : array
        Samples in [-1, 1], of any shape.
    levels : int, default 256
        The number of ids, 2 to 65536.

    Returns
    -------
    array, int64
        Ids from 0 to levels - 1, in the shape of x.

    Raises
    ------
    TypeError, ValueError
        For x that is not numbers or is outside [-1, 1], and an invalid number of levels.

    References
    ----------
    ITU-T Recommendation G.711, "Pulse Code Modulation (PCM) of Voice Frequencies", 1988, of which this is the
    continuous formula. A. van den Oord et al., "WaveNet: A Generative Model for Raw Audio", arXiv:1609.03499, 2016,
    section 2.2.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.audio.mu_law([-1, -0.1, 0, 0.1, 1]).tolist()
    [0, 52, 128, 203, 255]
    """
    samples, mu = numbers("mu_law: x", x), checks.integer("mu_law: levels", levels, 2, MOST) - 1
    found = samples.astype(np.float64)
    inside = np.abs(found) <= 1  # a NaN compares false
    if not inside.all():
        wrong = found[~inside][0]
        raise ValueError(f"mu_law: x must be in [-1, 1], got {wrong}; x / np.abs(x).max() is")
    compressed = np.sign(found) * np.log1p(mu * np.abs(found)) / np.log1p(mu)
    ids: NDArray[np.int64] = np.floor((compressed + 1) / 2 * mu + 0.5).astype(np.int64)
    return ids


def inverse_mu_law(ids: ArrayLike, levels: int = 256) -> NDArray[np.float32]:
    """sign(y) ((1 + mu)^|y| - 1) / mu with y = 2 ids / mu - 1, mu = levels - 1: the samples of `mu_law`'s ids.

    Parameters
    ----------
    ids : array of int
        Ids from 0 to levels - 1, of any shape.
    levels : int, default 256
        The number of ids, 2 to 65536.

    Returns
    -------
    array, float32
        Samples in [-1, 1], in the shape of ids.

    Raises
    ------
    TypeError, ValueError
        For ids that are not integers or are outside 0 to levels - 1, and an invalid number of levels.

    References
    ----------
    ITU-T Recommendation G.711, "Pulse Code Modulation (PCM) of Voice Frequencies", 1988.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.audio.inverse_mu_law([0, 52, 203, 255]).round(2)
    array([-1. , -0.1,  0.1,  1. ], dtype=float32)
    """
    given, mu = numbers("inverse_mu_law: ids", ids), checks.integer("inverse_mu_law: levels", levels, 2, MOST) - 1
    if given.dtype.kind not in "iu":
        raise TypeError(f"inverse_mu_law: ids must be integers, got dtype {given.dtype}")
    outside = (given < 0) | (given > mu)
    if outside.any():
        raise ValueError(f"inverse_mu_law: ids must be from 0 to {mu}, levels - 1, got {given[outside][0]}")
    y = 2 * given.astype(np.float64) / mu - 1
    x: NDArray[np.float32] = (np.sign(y) * np.expm1(np.abs(y) * np.log1p(mu)) / mu).astype(np.float32)
    return x
