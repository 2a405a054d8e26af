"""Fashion-MNIST: 70000 grey images of clothes, 28 x 28, in ten classes.

Source: H. Xiao, K. Rasul and R. Vollgraf, Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
Algorithms, 2017, licence MIT. It does not come with fastnn.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from fastnn.datasets.idx import read_idx

if TYPE_CHECKING:
    from numpy.typing import NDArray

    _Part = tuple[NDArray[np.uint8], NDArray[np.int64]]

#: What the labels 0 to 9 of `fashion_mnist` mean.
FASHION_MNIST_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

#: Where the Debian package dataset-fashion-mnist installs it.
FOLDER = "/usr/share/datasets/fashion-mnist"

_FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def fashion_mnist(folder: str | os.PathLike[str] | None = None) -> tuple[_Part, _Part]:
    """Load Fashion-MNIST: 60000 images for training and 10000 for testing, as distributed.

    Parameters
    ----------
    folder : path, optional
        The folder of its four IDX files, gzip or not. None is where the Debian package dataset-fashion-mnist installs
        them. Data sets in the same files, such as MNIST, may have another number of images.

    Returns
    -------
    (x, y), (xt, yt)
        x (60000, 28, 28, 1) and xt (10000, 28, 28, 1): uint8 pixels, 0 to 255. y and yt: int64 labels 0 to 9, named in
        FASHION_MNIST_CLASSES.

    Raises
    ------
    FileNotFoundError
        Where the files are missing; the message says how to install them.
    ValueError
        For files with other contents.

    References
    ----------
    H. Xiao, K. Rasul and R. Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
    Algorithms", 2017.

    Examples
    --------
    >>> import fastnn as fnn
    >>> (x, y), (xt, yt) = fnn.datasets.fashion_mnist()  # doctest: +SKIP
    >>> fnn.datasets.FASHION_MNIST_CLASSES[9]
    'Ankle boot'
    """
    found = [_found(os.fspath(FOLDER if folder is None else folder), name) for name in _FILES]
    return _part(*found[:2]), _part(*found[2:])


def _found(folder: str, name: str) -> str:
    path = os.path.join(folder, name)
    for file in (f"{path}.gz", path):
        if os.path.isfile(file):
            return file
    raise FileNotFoundError(
        f"fashion_mnist: there is no file {path}.gz. `apt-get install dataset-fashion-mnist` installs the data where "
        f"fashion_mnist() finds them; or pass the path of a folder with {', '.join(_FILES)}, with .gz or without"
    )


def _part(images: str, labels: str) -> _Part:
    x, y = read_idx(images), read_idx(labels)
    if x.dtype != np.uint8 or x.shape[1:] != (28, 28):
        raise ValueError(f"{images}: expected uint8 images (n, 28, 28), got {x.dtype} {x.shape}")
    if y.dtype != np.uint8 or y.shape != x.shape[:1] or y.max() >= len(FASHION_MNIST_CLASSES):
        raise ValueError(
            f"{labels}: expected a uint8 label below 10 for each of {len(x)} images, got {y.dtype} {y.shape}"
        )
    return x[..., None], y.astype(np.int64)
