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
    """Load 1797 handwritten digits, 8x8 pixels: 1437 for training and 360 for testing, shuffled in a fixed order.

    Returns
    -------
    (x, y), (xt, yt)
        x (1437, 64) and xt (360, 64): float32 pixels in [0, 1], row by row. y and yt: int64 labels 0 to 9. New arrays
        at every call.

    References
    ----------
    E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998,
    doi:10.24432/C50P49.

    Examples
    --------
    >>> import fastnn as fnn
    >>> (x, y), (xt, yt) = fnn.datasets.digits()
    >>> x.shape, yt[:5]
    ((1437, 64), array([6, 6, 6, 2, 5]))
    """
    from importlib import resources  # here, because it would take a third of the time of `import fastnn`

    with (
        resources.files("fastnn.datasets").joinpath("digits.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as data,
    ):
        pixels, labels = data["x"].astype(np.float32) / 16, data["y"].astype(np.int64)
    order = np.random.default_rng(0).permutation(len(labels))
    test, train = order[:TEST], order[TEST:]
    return (pixels[train], labels[train]), (pixels[test], labels[test])
