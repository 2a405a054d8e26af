"""Sounds at another rate."""

from __future__ import annotations

from math import ceil, gcd
from typing import TYPE_CHECKING

import numpy as np

from fastnn.audio.checked import sound
from fastnn.common import checks

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

#: The filter passes what is below CUTOFF of the lower rate's Nyquist frequency. Its sinc has CROSSINGS zeros on either
#: side, and Kaiser's window of parameter BETA: -100 dB from the Nyquist frequency on.
CUTOFF, CROSSINGS, BETA = 0.95, 64, 10.06


def resample(x: ArrayLike, rate: int, new_rate: int) -> NDArray[np.float32]:
    """y[k] = sum of h(k rate / new_rate - n) x[n], with a sinc h in Kaiser's window: the sound at another rate.

    Frequencies up to 0.9 of half of the lower rate keep their amplitude, to 1e-4; those above that half are removed.

    Parameters
    ----------
    x : array (samples,)
        A sound of one channel, with zeros before and after it.
    rate, new_rate : int
        Samples per second of x and of the result, in Hz.

    Returns
    -------
    array, float32 (ceil(samples new_rate / rate),)

    Raises
    ------
    TypeError, ValueError
        For x that is not (samples,), is empty or not finite, and rates below 1.

    References
    ----------
    J. O. Smith and P. Gossett, "A Flexible Sampling-Rate Conversion Method", ICASSP 1984.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> x = np.sin(2 * np.pi * 1000 / 44100 * np.arange(44100))
    >>> y = fnn.audio.resample(x, 44100, 16000)
    >>> wanted = np.sin(2 * np.pi * 1000 / 16000 * np.arange(16000))
    >>> len(y), bool(np.abs(y - wanted)[100:-100].max() < 1e-4)
    (16000, True)
    """
    samples = sound("resample", x)
    before, after = checks.integer("resample: rate", rate), checks.integer("resample: new_rate", new_rate)
    if before == after:
        return samples
    common = gcd(before, after)
    up, down = after // common, before // common
    cutoff = CUTOFF * min(1, after / before)
    reach = ceil(CROSSINGS / cutoff)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(samples, (reach - 1, reach)), 2 * reach)
    found = np.empty(-(-len(samples) * up // down), np.float32)
    for phase in range(min(up, len(found))):  # samples phase, phase + up, ... have the same filter
        first, rest = divmod(phase * down, up)
        apart = rest / up - np.arange(1 - reach, reach + 1)
        taps = np.sinc(cutoff * apart) * np.i0(BETA * np.sqrt(np.maximum(0, 1 - (apart / reach) ** 2)))
        found[phase::up] = windows[first::down] @ (taps / taps.sum()).astype(np.float32)
    return found
