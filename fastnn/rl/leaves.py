"""Leaves: what a tree search asks for."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Leaves(NamedTuple):
    """The positions that a search asks for: one in each game that has a new one.

    game: its number. parent: the node whose position is known. action: what is played there. node: what the new
    position is called from now on, 1, 2, ...; the root is 0.
    """

    game: np.ndarray
    parent: np.ndarray
    action: np.ndarray
    node: np.ndarray
