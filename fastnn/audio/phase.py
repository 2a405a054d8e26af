"""A sound out of the magnitudes of its spectrum."""

from __future__ import annotations  # np.random is loaded where it is used

from typing import TYPE_CHECKING

import numpy as np

from fastnn.audio.checked import at_least_0, framing, table
from fastnn.audio.spectra import istft, stft
from fastnn.common import checks

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def griffin_lim(
    magnitude: ArrayLike,
    size: int = 400,
    hop: int = 160,
    steps: int = 32,
    momentum: float = 0.99,
    seed: int | np.random.Generator = 0,
) -> NDArray[np.float32]:
    """Find the phases of a spectrum: X_n = stft(istft(magnitude exp(i arg(X_{n-1} + momentum (X_{n-1} - X_{n-2}))))).

    The phases of the first spectrum are random. Frames are centred, with a Hann window.

    Parameters
    ----------
    magnitude : array (frames, size // 2 + 1)
        Numbers >= 0, of 2 frames or more: np.abs(stft(x, size, hop)).
    size, hop : int, default 400 and 160
        As for `stft`. The frames should overlap by half or more.
    steps : int, default 32
        The number of iterations, >= 0.
    momentum : float, default 0.99
        >= 0, the factor of the last change; 0 is the method of 1984.
    seed : int or numpy.random.Generator, default 0
        What the first phases follow from.

    Returns
    -------
    array, float32 (samples,)
        As many samples as the frames cover, which `istft` says.

    Raises
    ------
    TypeError, ValueError
        For magnitudes that are negative, not finite or of another shape, hop > size, and other settings out of range.

    References
    ----------
    D. W. Griffin and J. S. Lim, "Signal Estimation from Modified Short-Time Fourier Transform", IEEE Transactions on
    Acoustics, Speech, and Signal Processing 32(2), 1984. N. Perraudin, P. Balazs and P. L. Sondergaard, "A Fast
    Griffin-Lim Algorithm", WASPAA 2013, algorithm 2.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> wanted = np.abs(fnn.audio.stft(np.sin(0.3 * np.arange(8000))))
    >>> x = fnn.audio.griffin_lim(wanted)
    >>> found = np.abs(fnn.audio.stft(x))
    >>> bool(np.linalg.norm(found - wanted) < 0.1 * np.linalg.norm(wanted))
    True
    """
    size, hop = framing("griffin_lim", size, hop)
    wanted = at_least_0("griffin_lim: magnitude", table("griffin_lim", "magnitude", magnitude, "size // 2 + 1"))
    if len(wanted) < 2 or wanted.shape[1] != size // 2 + 1:
        raise ValueError(
            f"griffin_lim: expected magnitude (frames, {size // 2 + 1}), for size {size}, of 2 frames or more, got "
            f"shape {wanted.shape}"
        )
    count = checks.integer("griffin_lim: steps", steps, 0)
    factor = np.float32(checks.real("griffin_lim: momentum", momentum, 0))
    turns = np.random.default_rng(seed).random(wanted.shape, np.float32)
    spectrum = wanted * np.exp(np.complex64(2j * np.pi) * turns)
    previous: NDArray[np.complex64] | None = None
    for _ in range(count):
        current = stft(istft(spectrum, size, hop), size, hop)
        ahead = current if previous is None else current + factor * (current - previous)
        length = np.abs(ahead)
        spectrum = wanted * np.divide(ahead, length, out=np.ones_like(ahead), where=length > 0)
        previous = current
    return istft(spectrum, size, hop)
