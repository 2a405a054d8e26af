"""Random numbers by counter (Philox): keyed by seed, purpose and place, so that no generator keeps a state."""

from __future__ import annotations  # np.random is loaded where it is used

import os
from enum import IntEnum

import numpy as np

from fastnn.common import checks


class Purpose(IntEnum):
    """The purposes of random numbers: streams of the same seed that never overlap."""

    WEIGHTS = 1
    SHUFFLE = 2
    SPLIT = 3
    DIRECTIONS = 4
    SEARCH = 5


def checked_seed(seed: int | None) -> int:
    """The seed, 0 to 2**64 - 1; None draws one."""
    return int.from_bytes(os.urandom(8), "little") if seed is None else checks.integer("seed", seed, 0, 2**64 - 1)


def generator(seed: int, purpose: Purpose, index: int) -> np.random.Generator:
    """NumPy's generator for one purpose at one place (a layer, an epoch)."""
    return np.random.Generator(np.random.Philox(key=np.array([seed, (int(purpose) << 56) | index], np.uint64)))
