"""Arrays in files: how they are opened without being read, and how the memory of what was read is given back."""

from __future__ import annotations

import mmap
import os
import zipfile
from collections.abc import Iterable
from typing import Any

import numpy as np

#: Rows of a native run over mapped arrays: each may bring 16 pages into memory, 64 MB in all.
ROWS = 1024


def is_path(given: Any) -> bool:
    """Whether it names a file or folder."""
    return isinstance(given, str) or hasattr(given, "__fspath__")


def opened(path: str | os.PathLike[str]) -> Any:
    """The array in a .npy file, or those in a .npz file by name, in memory only where the file is compressed.

    Raises ValueError for another kind of file.
    """
    name = os.fspath(path)
    if name.endswith(".npy"):
        return np.load(name, mmap_mode="r")
    if name.endswith(".npz"):
        with zipfile.ZipFile(name) as archive:
            return {info.filename.removesuffix(".npy"): _member(name, archive, info) for info in archive.infolist()}
    raise ValueError(f"{name}: expected a .npy or .npz file, or a folder with a folder of images for each class")


def _member(path: str, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(info) as member:
        if info.compress_type != zipfile.ZIP_STORED:
            return np.lib.format.read_array(member, allow_pickle=False)
        version = np.lib.format.read_magic(member)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = header(member)
        offset = member.tell() + _start(path, info)
    if dtype.hasobject:
        raise ValueError(f"{path}: {info.filename} holds Python objects")
    return np.memmap(path, dtype, "r", offset, shape, "F" if fortran else "C")


def _start(path: str, info: zipfile.ZipInfo) -> int:
    """Where the bytes of a member begin: behind its own header, whose name and extra field have their own lengths."""
    with open(path, "rb") as file:
        file.seek(info.header_offset + 26)
        header = file.read(4)
    return info.header_offset + 30 + int.from_bytes(header[:2], "little") + int.from_bytes(header[2:], "little")


class Maps:
    """The memory maps among arrays."""

    def __init__(self, arrays: Iterable[np.ndarray]) -> None:
        self.maps = list({id(found): found for array in arrays if (found := _map_of(array)) is not None}.values())

    def __bool__(self) -> bool:
        return bool(self.maps)

    def release(self) -> None:
        """Gives back the memory of the pages that were read; they stay in the system's cache of the file."""
        for each in self.maps if hasattr(mmap, "MADV_DONTNEED") else ():
            each.madvise(mmap.MADV_DONTNEED)


def _map_of(array: Any) -> mmap.mmap | None:
    """The file that an array is a view of, unless its pages hold changes that the file has not (mode "c")."""
    while array is not None and not isinstance(array, np.memmap):
        array = getattr(array, "base", None)
    return None if array is None or array.mode == "c" else getattr(array, "_mmap", None)
