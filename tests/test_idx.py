"""The reader of IDX files: every type, gzip or not, and files that are damaged or whose header lies."""

import gzip
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fastnn.datasets import read_idx

CODES = {"uint8": 0x08, "int8": 0x09, "int16": 0x0B, "int32": 0x0C, "float32": 0x0D, "float64": 0x0E}


def header(code: int, *shape: int) -> bytes:
    return bytes([0, 0, code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)


def idx(array: np.ndarray) -> bytes:
    return header(CODES[array.dtype.name], *array.shape) + array.astype(array.dtype.newbyteorder(">")).tobytes()


WHOLE = idx(np.arange(60, dtype=np.uint8).reshape(5, 4, 3))
PACKED = gzip.compress(WHOLE)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("dtype", CODES)
def test_round_trip(dtype: str, pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    """Whatever the file is called; the array is the caller's, in this machine's byte order."""
    for shape in ((7,), (2, 3, 4), (1, 1, 1, 1, 5)):
        array = (1000 * np.random.default_rng(0).standard_normal(shape)).astype(dtype)
        path = tmp_path / "some file"
        path.write_bytes(pack(idx(array)))
        for found in (read_idx(path), read_idx(str(path))):
            np.testing.assert_array_equal(found, array)
            assert found.dtype == array.dtype and found.dtype.isnative
            assert found.flags.writeable and found.flags.c_contiguous


def end(data: bytes, stated: int) -> bytes:
    """The gzip file with another length at its end."""
    return data[:-4] + struct.pack("<I", stated)


LIE = header(0x08, 2**31, 2**31)
ZEROS = idx(np.zeros(2**24, np.uint8))
BAD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "not an IDX file: it begins with nothing"),
    "short": (b"\0\0\x08", "not an IDX file: it begins with 00 00 08"),
    "another format": (b"\x89PNG\r\n\x1a\n", "not an IDX file: it begins with 89 50 4e 47; expected 00 00, a type"),
    "unknown type": (b"\0\0\x0a\x01\0\0\0\x01\0", "not an IDX file: it begins with 00 00 0a 01"),
    "no dimension": (b"\0\0\x08\0\0", "not an IDX file: it begins with 00 00 08 00"),
    "half a header": (WHOLE[:10], "truncated: it ends within its sizes"),
    "truncated": (WHOLE[:-1], r"truncated: it states the shape \(5, 4, 3\), 76 bytes in all, and has 75"),
    "trailing": (WHOLE + b"\0", r"too long: it states the shape \(5, 4, 3\), 76 bytes in all, and has 77"),
    "nothing in it": (header(0x08, 5, 0), r"it states the shape \(5, 0\), which has no elements"),
    "lies": (LIE + bytes(100), r"truncated: it states the shape \(2147483648, 2147483648\), 4611686018427387916 bytes"),
    "too many dimensions": (header(0x08, *[1] * 200) + b"\0", "dimension"),
    "gzip, not IDX": (gzip.compress(b"hello"), "not an IDX file: it begins with 68 65 6c 6c"),
    "gzip, cut": (PACKED[:-9], r"truncated or damaged: it states the shape \(5, 4, 3\), 76 bytes"),
    "gzip, cut early": (PACKED[:12], "Compressed file ended"),
    "gzip, trailing": (PACKED + b"more", "truncated or damaged: .* by the end of the gzip file"),
    "gzip, short inside": (gzip.compress(WHOLE[:-1]), "truncated or damaged: .* 76 bytes in all, and unpacks to 75"),
    "gzip, short inside, lies": (end(gzip.compress(WHOLE[:-1]), 76), "Incorrect length"),
    "gzip, long inside, lies": (end(gzip.compress(WHOLE + b"\0"), 76), "longer than the 76 bytes"),
    "gzip, wrong sum": (PACKED[:-8] + bytes(4) + PACKED[-4:], "CRC check failed"),
    "gzip, garbage": (PACKED[:10] + b"\xff" * 30 + PACKED[-8:], "invalid|Error"),
    "gzip, lies": (
        end(gzip.compress(LIE), 2**62 + 12 & 0xFFFFFFFF),
        "4611686018427387916 bytes in all, from .* too many for images",
    ),
    "bomb": (gzip.compress(ZEROS), r"it states the shape \(16777216,\), 16777224 bytes in all, from 1\d* packed ones"),
    "bomb behind little": (end(gzip.compress(WHOLE + bytes(2**26)), 76), "longer than the 76 bytes"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_files(what: str, tmp_path: Path) -> None:
    """Each is a ValueError that names the file, before memory is taken for what it states."""
    data, message = BAD[what]
    path = tmp_path / "bad"
    path.write_bytes(data)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=rf"(?s)^{path}: .*{message}"):
            read_idx(path)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="missing"):
        read_idx(tmp_path / "missing")
    with pytest.raises(IsADirectoryError):
        read_idx(tmp_path)
