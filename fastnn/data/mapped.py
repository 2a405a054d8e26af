"""Arrays in files: how they are opened without being read, and how the rows of large ones are."""

from __future__ import annotations

import mmap
import os
import weakref
import zipfile
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fastnn.data.file_rows import read_rows

#: Bytes of a mapped array from which on it is read row by row: the pages of a smaller one may all stay in memory.
LARGE = 100_000_000


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


class FileRows:
    """The rows of a large memory map, read from its file, so that its pages need not be in memory.

    A file that is shortened meanwhile is an error, where touching its mapped pages would end the process.
    """

    def __init__(self, array: np.ndarray, name: str, file: int, place: int) -> None:
        self.name, self.file, self.place, self.samples = name, file, place, len(array)
        self.shape, self.dtype, self.stride = array.shape[1:], array.dtype, array.strides[0]
        weakref.finalize(self, os.close, file)

    @classmethod
    def of(cls, array: np.ndarray) -> FileRows | None:
        """None for an array that is small, in memory, or not row by row in a file that is still there."""
        if array.nbytes < LARGE or not array[0].flags.c_contiguous:
            return None
        root = _map_of(array)
        place = None if root is None else _mapped_at(array)
        if root is None or root.filename is None or place is None:
            return None
        try:
            file = os.open(root.filename, os.O_RDONLY)
        except OSError:
            return None
        found = cls(array, root.filename, file, place.offset)
        # The name may belong to another file by now. fstat and maps tell files differently on some file systems.
        here = _mapped_at(np.frombuffer(mmap.mmap(file, 1, access=mmap.ACCESS_READ), np.uint8))
        return found if here is not None and here.file == place.file else None

    def read(self, rows: Sequence[int] | np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Copies of these rows, in the first rows of `out` where it is given.

        Raises OSError where the file has been shortened, or cannot be read.
        """
        found = np.empty((len(rows), *self.shape), self.dtype) if out is None else out[: len(rows)]
        missing = read_rows(self.file, self.place, self.stride, rows, found)
        if missing >= 0:
            raise OSError(f"{self.name}: row {missing} of {self.samples} cannot be read; was the file shortened?")
        return found


class Place(NamedTuple):
    """Where a mapped array begins: the device and inode of the file, and the offset in it."""

    file: tuple[str, str]
    offset: int


def _mapped_at(array: np.ndarray) -> Place | None:
    """The place of an array; None where the system does not say."""
    address = array.ctypes.data
    try:
        with open("/proc/self/maps") as file:
            for line in file:
                addresses, _, offset, device, inode, *_ = line.split()
                start, stop = (int(part, 16) for part in addresses.split("-"))
                if start <= address < stop:
                    return Place((device, inode), int(offset, 16) + address - start)
    except (OSError, ValueError):
        pass
    return None


def _map_of(array: Any) -> np.memmap | None:
    """The memory map that an array is a view of, unless it may hold changes that the file has not (mode "c")."""
    while array is not None and not isinstance(array, np.memmap):
        array = getattr(array, "base", None)
    return None if array is None or array.mode == "c" else array
