"""Rows of users' arrays of every type, in any order of their elements and of their bytes."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import reference
from check import assert_same_bits, empty, generator, run, written
from fastnn.engine.port import TYPES
from fastnn.kernels import Gather, GatherLabels
from test_gather import attached, data, every_type

LAYOUTS: dict[str, Callable[[NDArray], NDArray]] = {
    "bytes swapped": lambda x: x.astype(x.dtype.newbyteorder()),
    "every second row": lambda x: np.repeat(x, 2, axis=0)[::2],
    "rows backwards": lambda x: x[::-1].copy()[::-1],
    "columns of a wider": lambda x: np.concatenate([x, x], axis=1)[:, : x.shape[1]],
    "columns backwards": lambda x: x[:, ::-1].copy()[:, ::-1],
    "Fortran order": np.asfortranarray,
    "Fortran order, bytes swapped": lambda x: np.asfortranarray(x.astype(x.dtype.newbyteorder())),
    "unaligned": lambda x: np.frombuffer(b" " + x.tobytes(), x.dtype, offset=1).reshape(x.shape),
    "three dimensions, turned": lambda x: np.ascontiguousarray(x.reshape(len(x), -1, 1).transpose(1, 2, 0)).T,
    "one row, repeated": lambda x: np.broadcast_to(x[:1], x.shape),
}


def test_types_agree() -> None:
    header = (Path(__file__).parents[1] / "csrc" / "kernels.h").read_text()
    listed = re.search(r"#define FASTNN_TYPES\(T\)((?:.*\\\n)*.*)", header)
    assert listed
    assert tuple(re.findall(r"T\((\w+),", listed[1])) == TYPES


@pytest.mark.parametrize("layout", LAYOUTS)
@every_type
def test_layouts(isa: str, dtype: str, layout: str) -> None:
    """In any order of elements and of their bytes an array gives what it gives in C order."""
    for columns in (1, 3, 16, 33, 600):
        array = LAYOUTS[layout](data(9, columns, dtype))
        plain = np.array(array, np.dtype(dtype)).reshape(9, columns)
        order, y = generator(columns).permutation(9), empty(6, columns)
        for taken in (None, order):
            run(Gather(attached(array), y), y, rows=5, first=2, order=taken)
            assert_same_bits(written(y, 5), reference.Gather(plain, 5, 2, taken).astype(np.float32))
            labels = LAYOUTS[layout]((generator(columns).integers(100, size=(9, columns)) % 2).astype(dtype))
            to = empty(6, columns, dtype="int32")
            run(GatherLabels(attached(labels), to, classes=2), to, rows=5, first=2, order=taken)
            assert (written(to, 5) == reference.Gather(labels.reshape(9, columns), 5, 2, taken)).all()


def test_every_half(isa: str) -> None:
    """Each float16 is the float32 of the same value; zeros keep their signs, NaN stays NaN."""
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
    y = empty(1, 2**16)
    run(Gather(attached(halves[None]), y, check="unchecked"), y)
    np.testing.assert_array_equal(y.array[0], halves.astype(np.float32))
    assert (np.signbit(y.array[0]) == np.signbit(halves)).all()


@every_type
def test_extremes(isa: str, dtype: str) -> None:
    """The largest and the smallest numbers of a type, as float32; any byte but 0 of a bool is true."""
    if dtype == "bool":
        array = np.arange(256, dtype=np.uint8).view(bool)[None]
    elif np.dtype(dtype).kind in "iu":
        limits = np.iinfo(dtype)
        array = np.array([[limits.min, limits.min + 1, limits.max - 1, limits.max, limits.max // 3]], dtype)
    else:
        limits = np.finfo(np.float32 if dtype == "float64" else dtype)
        array = np.array([[limits.min, limits.max, limits.tiny, limits.smallest_subnormal, -0.0]], dtype)
    y = empty(*array.shape)
    run(Gather(attached(array), y), y)
    assert_same_bits(y.array, array.astype(np.float32))
