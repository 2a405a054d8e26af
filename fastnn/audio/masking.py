"""SpecAugment: bands and spans of time that a network does not see in training."""

from __future__ import annotations  # np.random is loaded where it is used

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.audio.features import frames_or_batch
from fastnn.common import checks
from fastnn.data import arrays

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def spec_augment(
    features: ArrayLike,
    seed: int | np.random.Generator,
    frequency_masks: int = 2,
    frequency_width: int = 27,
    time_masks: int = 2,
    time_width: int = 100,
    time_share: float = 0.2,
    lengths: ArrayLike | None = None,
) -> NDArray[np.float32]:
    """Set bands and spans of frames to 0, drawn for each sound: w from 0 to the width, then where they begin.

    0 is the mean of features that are normalized.

    Parameters
    ----------
    features : array (frames, bands) or (batch, frames, bands)
        Log-mel features.
    seed : int or numpy.random.Generator
        What the draws follow from.
    frequency_masks, time_masks : int, default 2
        The number of masks of each kind, >= 0; they may overlap.
    frequency_width : int, default 27
        The most bands of a mask, 0 to bands.
    time_width : int, default 100
        The most frames of a mask, >= 0.
    time_share : float, default 0.2
        The most of a sound's length that a mask of time covers, 0 to 1.
    lengths : array (batch,), optional
        The frames of each sound of a batch, 1 to frames: masks of time end before what follows. None: all.

    Returns
    -------
    array, float32 (frames, bands) or (batch, frames, bands)
        A new array.

    Raises
    ------
    TypeError, ValueError
        For features of another shape or that are not finite, lengths that are not (batch,) or out of range, and other
        settings out of range.

    References
    ----------
    D. S. Park et al., "SpecAugment: A Simple Data Augmentation Method for Automatic Speech Recognition", Interspeech
    2019, section 2: F, T and p are frequency_width, time_width and time_share. Time is not warped.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> fnn.audio.spec_augment(np.ones((4, 6)), 1, 1, 3, 1, time_share=0.5).astype(int)
    array([[1, 1, 1, 0, 1, 1],
           [1, 1, 1, 0, 1, 1],
           [0, 0, 0, 0, 0, 0],
           [0, 0, 0, 0, 0, 0]])
    """
    given = frames_or_batch("spec_augment", features)
    x = given if given.ndim == 3 else given[None]
    batch, frames, bands = x.shape
    if lengths is not None and given.ndim == 2:
        raise ValueError("spec_augment: lengths are for a batch (batch, frames, bands); cut features to its length")
    ends = np.full(batch, frames) if lengths is None else _lengths(lengths, batch, frames)
    most = checks.integer("spec_augment: frequency_width", frequency_width, 0, bands)
    share = checks.real("spec_augment: time_share", time_share, 0, 1)
    longest = np.minimum(checks.integer("spec_augment: time_width", time_width, 0), (share * ends).astype(np.int64))
    counts = [
        checks.integer(f"spec_augment: {name}", count, 0)
        for name, count in (("frequency_masks", frequency_masks), ("time_masks", time_masks))
    ]
    rng = np.random.default_rng(seed)
    in_bands = _masked(rng, counts[0], np.full(batch, most), np.full(batch, bands), bands)
    in_time = _masked(rng, counts[1], longest, ends, frames)
    x[in_bands[:, None, :] | in_time[:, :, None]] = 0
    return given


def _masked(
    rng: np.random.Generator, count: int, most: NDArray[Any], ends: NDArray[Any], places: int
) -> NDArray[np.bool_]:
    """What `count` masks cover, (batch, places): for each row up to most of the places before its end."""
    widths = rng.integers(0, most[:, None], (len(most), count), endpoint=True)
    starts = rng.integers(0, ends[:, None] - widths, endpoint=True)[:, :, None]
    at = np.arange(places)
    covered = (at >= starts) & (at < starts + widths[:, :, None])
    return np.asarray(covered.any(axis=1))


def _lengths(lengths: Any, batch: int, frames: int) -> NDArray[np.int64]:
    ends = arrays.lengths("spec_augment: lengths", lengths, batch).reshape(-1)
    wrong = ~((ends >= 1) & (ends <= frames) & (ends == np.floor(ends)))
    if wrong.any():
        i = int(wrong.argmax())
        raise ValueError(f"spec_augment: lengths[{i}] is {ends[i]}; expected an integer from 1 to {frames}")
    return ends.astype(np.int64)
