"""Your own pictures: a folder for each class."""

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
    """The pictures below path as (x, y, classes): each folder in it is a class, and each file in that a picture.

    x (n, height, width, channels): uint8 pixels, one channel where all pictures are grey, and red, green and blue where
    not; transparency is left out, and a camera's orientation applied. y (n,): int64 places in classes, the folders'
    names in order; pictures are in the order of their files' names. Names that begin with a dot, and files beside the
    folders, are passed over. Files are PNG, JPEG, BMP, GIF (its first frame), PPM, TIFF or WebP, whatever their names.
    size: of each picture, (height, width) in pixels or one number for both; they are stretched to it, interpolated
    bilinearly over all that a pixel covers. None: all must be of one size already.
    Raises ImportError without Pillow; ValueError that names the file or folder where there is no class, a class is
    empty, a file is no picture or is broken, has more than 8 bits a channel, or another size than the first, and for a
    size that no picture can have; MemoryError where they do not fit.
    """
    wanted = None if size is None else lengths("image_folder: size", size, 2)
    if wanted is not None:
        checks.shape("image_folder: a picture of that size", (*wanted, 3))
    folders = [folder for folder in _visible(os.fspath(path)) if os.path.isdir(folder)]
    if not folders:
        raise ValueError(f"{os.fspath(path)}: expected a folder for each class, found none")
    files = [_visible(folder) for folder in folders]
    for folder, inside in zip(folders, files, strict=True):
        if not inside:
            raise ValueError(f"{folder}: a class without pictures")
    y = np.repeat(np.arange(len(folders), dtype=np.int64), [len(inside) for inside in files])
    x = _read([file for inside in files for file in inside], wanted)
    return x, y, tuple(os.path.basename(folder) for folder in folders)


def _visible(folder: str) -> list[str]:
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if not name.startswith(".")]


def _read(files: list[str], size: tuple[int, ...] | None) -> NDArray[np.uint8]:
    """The pictures in these files. All are looked at before memory is taken for them."""
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
        raise ValueError(f"{file}: expected 8 bits a channel, got a picture of Pillow's mode {mode}")
    return mode


def _picture(file: str, mode: str, size: tuple[int, ...] | None) -> NDArray[np.uint8]:
    """(height, width, channels)."""
    from PIL import Image, ImageOps

    with _opened(file) as image:
        try:
            picture = ImageOps.exif_transpose(image).convert(mode)
        except Exception as error:  # each format has its own
            raise ValueError(f"{file}: a broken picture: {error}") from error
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
        raise ValueError(f"{file}: not a picture in one of the formats {', '.join(_FORMATS)}: {error}") from error
