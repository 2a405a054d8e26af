"""Your own images: a folder for each class."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from fastnn.common import checks
from fastnn.layers.window import lengths

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

#: What is opened, as Pillow calls it. It reads more, some of it with programs that interpret the file (EPS).
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "PPM", "TIFF", "WEBP")
_GREY = {"1", "L", "LA"}
_DEEP = ("I", "F")  # I;16 and its kin too


def image_folder(
    path: str | os.PathLike[str], size: int | tuple[int, int] | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.int64], tuple[str, ...]]:
    """Load the images below a folder: each folder in it is a class, and each file in that an image.

    Files are PNG, JPEG, BMP, GIF (its first frame), PPM, TIFF or WebP, whatever their names; nothing else is opened.
    Names that begin with a dot, and files next to the folders, are ignored. Transparency is dropped, and a camera's
    orientation applied.

    Parameters
    ----------
    path : path
        The folder of the classes' folders.
    size : int or tuple of int, optional
        (height, width) in pixels, or one number for both: images are stretched to it, interpolated bilinearly over all
        pixels that one covers. None: all must have the same size already.

    Returns
    -------
    x : array, uint8 (n, height, width, channels)
        Pixels in the order of the files' names: one channel if all images are grey, otherwise red, green and blue.
    y : array, int64 (n,)
        The index of each image's class in classes.
    classes : tuple of str
        The folders' names, sorted.

    Raises
    ------
    ImportError
        Without Pillow.
    ValueError
        For a folder without classes, an empty class, a file that is not an image, is broken or has more than 8 bits per
        channel, an image of another size than the first, and an invalid size. The message names the file or folder.
    MemoryError
        Where the images do not fit into memory.

    Examples
    --------
    >>> import os, tempfile, fastnn as fnn
    >>> from PIL import Image
    >>> path = tempfile.mkdtemp()
    >>> for name in ("cat", "dog"):
    ...     os.mkdir(os.path.join(path, name))
    ...     Image.new("RGB", (8, 6)).save(os.path.join(path, name, "0.png"))
    >>> x, y, classes = fnn.datasets.image_folder(path, size=4)
    >>> x.shape, y, classes
    ((2, 4, 4, 3), array([0, 1]), ('cat', 'dog'))
    """
    wanted = None if size is None else _size(size)
    files, y, classes = _listed(path)
    return _read(files, wanted), y, classes


class ImageFolder:
    """The images below a folder as a dataset: each is read when it is asked for, so that any number fits into memory.

    Files and classes are those of `image_folder`. A sample is (image, class): the image uint8
    (height, width, channels), the class its folder's place among all, in the order of their names.

    Parameters
    ----------
    path : path
        The folder of the classes' folders.
    size : int or tuple of int
        (height, width) in pixels, or one number for both: images are stretched to it.
    channels : {3, 1}
        3 for red, green and blue, 1 for grey.

    Attributes
    ----------
    classes : tuple of str
        The folders' names, sorted.

    Raises
    ------
    ImportError
        Without Pillow.
    ValueError
        For a folder without classes, an empty class, and an invalid size; where an image is read, for a file that is
        broken or not an image. The message names the file or folder.

    Examples
    --------
    >>> import os, tempfile, fastnn as fnn
    >>> from PIL import Image
    >>> path = tempfile.mkdtemp()
    >>> for name in ("cat", "dog"):
    ...     os.mkdir(os.path.join(path, name))
    ...     Image.new("RGB", (8, 6)).save(os.path.join(path, name, "0.png"))
    >>> photos = fnn.datasets.ImageFolder(path, size=4)
    >>> image, number = photos[1]
    >>> len(photos), image.shape, photos.classes[number]
    (2, (4, 4, 3), 'dog')
    """

    def __init__(self, path: str | os.PathLike[str], size: int | tuple[int, ...], channels: int = 3) -> None:
        self.size = _size(size)
        if channels not in (1, 3):
            raise ValueError(f"ImageFolder: channels must be 1 (grey) or 3 (red, green and blue), got {channels!r}")
        self.mode = "L" if channels == 1 else "RGB"
        self.files, self.labels, self.classes = _listed(path)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], int]:
        file = self.files[index]
        _mode(file)
        return _picture(file, self.mode, self.size), int(self.labels[index])


def _size(size: int | tuple[int, ...]) -> tuple[int, ...]:
    wanted = lengths("image_folder: size", size, 2)
    checks.shape("image_folder: an image of that size", (*wanted, 3))
    return wanted


def _listed(path: str | os.PathLike[str]) -> tuple[list[str], NDArray[np.int64], tuple[str, ...]]:
    """The files of images, the class of each, and the classes' names."""
    folders = [folder for folder in _visible(os.fspath(path)) if os.path.isdir(folder)]
    if not folders:
        raise ValueError(f"{os.fspath(path)}: expected a folder for each class, found none")
    files = [_visible(folder) for folder in folders]
    for folder, inside in zip(folders, files, strict=True):
        if not inside:
            raise ValueError(f"{folder}: a class without images")
    y = np.repeat(np.arange(len(folders), dtype=np.int64), [len(inside) for inside in files])
    return [file for inside in files for file in inside], y, tuple(os.path.basename(folder) for folder in folders)


def _visible(folder: str) -> list[str]:
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if not name.startswith(".")]


def _read(files: list[str], size: tuple[int, ...] | None) -> NDArray[np.uint8]:
    """The images in these files. All are opened before memory is allocated for them."""
    mode = "L" if {_mode(file) for file in files} <= _GREY else "RGB"
    height, width = _picture(files[0], mode, None).shape[:2] if size is None else size
    x = np.empty((len(files), height, width, len(mode)), np.uint8)
    for i, file in enumerate(files):
        picture = _picture(file, mode, size)
        if picture.shape != x.shape[1:]:
            sizes = f"{picture.shape[0]} x {picture.shape[1]} pixels, and {files[0]} {height} x {width}"
            raise ValueError(f"{file}: {sizes}; size=(height, width) makes them equal")
        x[i] = picture
    return x


def _mode(file: str) -> str:
    """What its pixels are, as Pillow says it."""
    with _opened(file) as image:
        mode: str = image.mode
    if mode.startswith(_DEEP):
        raise ValueError(f"{file}: expected 8 bits per channel, got an image of Pillow's mode {mode}")
    return mode


def _picture(file: str, mode: str, size: tuple[int, ...] | None) -> NDArray[np.uint8]:
    """(height, width, channels)."""
    from PIL import Image, ImageOps

    with _opened(file) as image:
        try:
            picture = ImageOps.exif_transpose(image).convert(mode)
        except Exception as error:  # each format has its own
            raise ValueError(f"{file}: a damaged image: {error}") from error
    if size is not None:
        picture = picture.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return np.asarray(picture, np.uint8).reshape(picture.height, picture.width, -1)


def _opened(file: str) -> Image:
    try:
        from PIL import Image
    except ImportError:
        raise ImportError("image_folder needs Pillow: pip install 'fastnn-cpu[images]'") from None
    try:
        return Image.open(file, formats=_FORMATS)
    except Exception as error:
        raise ValueError(f"{file}: not an image in one of the formats {', '.join(_FORMATS)}: {error}") from error
