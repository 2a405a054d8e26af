"""1797 handwritten digits, 8x8 grey levels.

Source: E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998,
doi:10.24432/C50P49, licence CC BY 4.0: its test set, unchanged, in the order of scikit-learn's `load_digits`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    _Part = tuple[NDArray[np.float32], NDArray[np.int64]]

TEST = 360


def digits() -> tuple[_Part, _Part]:
    """The handwritten digits as ((x, y), (xt, yt)): 1437 to train on and 360 to test on, shuffled in one fixed order.

    x (1437, 64) and xt (360, 64): float32 pixels in [0, 1], row by row; y (1437,) and yt (360,): int64 labels 0 to 9.
    Every call returns new arrays.
    """
    from importlib import resources  # here, because it would be a third of the time of `import fastnn`

    with (
        resources.files("fastnn.datasets").joinpath("digits.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as data,
    ):
        pixels, labels = data["x"].astype(np.float32) / 16, data["y"].astype(np.int64)
    order = np.random.default_rng(0).permutation(len(labels))
    test, train = order[:TEST], order[TEST:]
    return (pixels[train], labels[train]), (pixels[test], labels[test])
