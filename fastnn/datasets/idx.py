"""The IDX format of MNIST and similar data sets: a magic number, the sizes, and the numbers, all big-endian."""

import math
import os
from typing import Any, BinaryIO, cast

import numpy as np

_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}

#: The largest compression ratio of a gzip file; images reach 10, a decompression bomb 1000.
_MOST = 100


def read_idx(path: str | os.PathLike[str]) -> np.ndarray[Any, Any]:
    """Read the array in an IDX file, gzip or not.

    Parameters
    ----------
    path : path

    Returns
    -------
    array
        Of the shape and type that the file states, in this machine's byte order.

    Raises
    ------
    OSError
        Where the file cannot be opened.
    ValueError
        For a file that is not IDX, truncated, longer than it states, or damaged. The length is compared before memory
        is allocated.

    References
    ----------
    Y. LeCun, C. Cortes and C. Burges, The MNIST database of handwritten digits.

    Examples
    --------
    >>> import os, tempfile, fastnn as fnn
    >>> path = os.path.join(tempfile.mkdtemp(), "labels")
    >>> with open(path, "wb") as file:
    ...     _ = file.write(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9]))
    >>> fnn.datasets.read_idx(path)
    array([7, 9], dtype=uint8)
    """
    import gzip  # here, because it takes a millisecond of `import fastnn`
    import zlib

    with open(path, "rb") as file:
        length = os.fstat(file.fileno()).st_size
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        try:
            return _array(cast(BinaryIO, gzip.GzipFile(fileobj=file)) if packed else file, file, length)
        except (ValueError, EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(f"{os.fspath(path)}: {error}") from None


def _array(stream: BinaryIO, file: BinaryIO, length: int) -> np.ndarray[Any, Any]:
    """The array in a stream of bytes, which is the file itself or what is compressed in it."""
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _TYPES or magic[3] == 0:
        raise ValueError(
            f"not an IDX file: it begins with {magic.hex(' ') or 'nothing'}; expected 00 00, a type from 08 to 0e, and "
            "the number of dimensions"
        )
    head = stream.read(4 * magic[3])
    if len(head) < 4 * magic[3]:
        raise ValueError("truncated: it ends within its sizes")
    shape = tuple(int.from_bytes(head[i : i + 4], "big") for i in range(0, len(head), 4))
    dtype = np.dtype(_TYPES[magic[2]])
    stated = 4 + len(head) + math.prod(shape) * dtype.itemsize
    if 0 in shape:
        raise ValueError(f"it states the shape {shape}, which has no elements")
    _check_length(stated, shape, None if stream is file else file, length)
    array = np.empty(shape, dtype)
    left = array.reshape(-1).view(np.uint8).data
    while left:
        count = stream.readinto(left)  # type: ignore[attr-defined]  # both have it
        if not count:
            raise ValueError(f"truncated: it ends {len(left)} bytes before the {stated} that it states")
        left = left[count:]
    if stream.read(1):  # the end of a gzip file compares its checksum
        raise ValueError(f"longer than the {stated} bytes that it states")
    return array.astype(dtype.newbyteorder("="), copy=False)


def _check_length(stated: int, shape: tuple[int, ...], packed: BinaryIO | None, length: int) -> None:
    """Raises ValueError where a file of this length, `packed` if it is gzip, does not hold the stated bytes."""
    states = f"it states the shape {shape}, {stated} bytes in all"
    if packed is None:
        if stated != length:
            raise ValueError(f"{'truncated' if length < stated else 'too long'}: {states}, and has {length}")
        return
    at = packed.tell()
    packed.seek(-4, os.SEEK_END)
    end = int.from_bytes(packed.read(4), "little")  # its length modulo 2^32
    packed.seek(at)
    if end != stated % 2**32:
        raise ValueError(f"truncated or damaged: {states}, and unpacks to {end} by the end of the gzip file")
    if stated > _MOST * length + 2**20:
        raise ValueError(
            f"{states}, from {length} packed ones: too many for images; if it is right, unpack it with gunzip first"
        )
