"""Blocks and tensors: alignment, places, types and views."""

import gc

import numpy as np
import pytest

from check import python
from fastnn.common import checks
from fastnn.engine.tensor import ALIGNMENT, Block, Tensor, aligned, bytes_of

TYPES = {"float32": 4, "int32": 4, "uint8": 1}


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", [(), (1,), (7,), (3, 5), (2, 3, 4, 5), (0,), (4, 0), (1,) * 8])
def test_shape(shape: tuple[int, ...], dtype: str) -> None:
    tensor = Tensor(shape, dtype)
    size = int(np.prod(shape))
    assert tensor.shape == shape and tensor.dtype == dtype
    assert tensor.size == size and tensor.nbytes == size * TYPES[dtype] == bytes_of(shape, dtype)
    assert tensor.rows == (shape[0] if shape else 1)
    assert tensor.rows * tensor.columns == size
    assert tensor.array.shape == shape and tensor.array.dtype == dtype
    assert repr(tensor) == f"Tensor({shape}, {dtype})"


def test_memory_is_zeroed_aligned_and_writable() -> None:
    for size in range(1, 300, 7):
        tensor = Tensor((size,))
        assert not tensor.array.any() and tensor.array.ctypes.data % ALIGNMENT == 0
        tensor.array[...] = 1
        assert (tensor.array == 1).all() and tensor.array.flags.c_contiguous


def test_tensors_share_a_block() -> None:
    block = Block(1000)
    assert block.nbytes == aligned(1000) == 1024
    whole, part = Tensor((256,), block=block), Tensor((2, 8), block=block, offset=128)
    assert part.block is block is whole.block
    part.array[...] = np.arange(16).reshape(2, 8)
    assert (whole.array[32:48] == np.arange(16)).all() and whole.array.sum() == 120
    assert Tensor((256,), "int32", block).array[33] == np.float32(1).view(np.int32)


def test_a_view_keeps_the_memory() -> None:
    view = Tensor((1000, 1000)).array
    gc.collect()
    view[...] = 3
    others = [Tensor((1000, 1000)) for _ in range(3)]
    assert (view == 3).all() and not any(other.array.any() for other in others)


@pytest.mark.parametrize("offset", [-64, 1, 32, 1024, 64, 2**63 - 64, 2**70])
def test_a_place_outside_the_block(offset: int) -> None:
    with pytest.raises(
        (ValueError, OverflowError), match=r"1024 bytes does not fit at byte .* of a block of 1024|large"
    ):
        Tensor((256,), block=Block(1024), offset=offset)


def test_sizes_are_exact() -> None:
    assert [aligned(n) for n in (0, 1, 63, 64, 65, 2**70)] == [0, 64, 64, 64, 128, 2**70]
    assert bytes_of((2**40, 2**40)) == 2**82
    assert bytes_of((np.int64(2**62), 4)) == 2**66  # and not 0
    assert bytes_of(()) == 4 and bytes_of((), "uint8") == 1


@pytest.mark.parametrize("shape", [(2**62,), (2**40, 2**40), (np.int64(2**62), np.int64(4)), (2**61, 1)])
def test_too_much_memory(shape: tuple[int, ...]) -> None:
    with pytest.raises(MemoryError):
        Tensor(shape)


def test_arguments_are_checked() -> None:
    with pytest.raises(TypeError, match="a Tensor holds float32, int32, uint8, not float64"):
        Tensor((3,), "float64")
    with pytest.raises(ValueError, match=r"cannot be negative, got \(3, -1\)"):
        Tensor((3, -1))
    for shape in ((2.5,), ("3",), 3, None):
        with pytest.raises(TypeError):
            Tensor(shape)
    with pytest.raises(TypeError):
        Tensor((3,), block=np.zeros(100))


def test_built_once() -> None:
    block, tensor = Block(64), Tensor((3,))
    with pytest.raises(RuntimeError, match="a Block cannot be initialized twice"):
        block.__init__(128)
    with pytest.raises(RuntimeError, match="a Tensor cannot be placed twice"):
        tensor.__init__((4,))


def test_too_many_dimensions_are_refused() -> None:
    """More than the view's array of lengths holds. In a process of its own, for it may crash."""
    result = python("""
from fastnn.engine.tensor import Tensor
try:
    Tensor((1,) * 300).array
except ValueError:
    pass
else:
    raise AssertionError
""")
    assert result.returncode == 0, result.stderr


def test_a_sample_may_have_the_dimensions_of_a_tensor_less_one() -> None:
    """The same limit is said in two languages: with the batch a sample just fits."""
    assert Tensor((1,) * (checks.DIMENSIONS + 1)).array.ndim == checks.DIMENSIONS + 1
    with pytest.raises(ValueError, match=f"at most {checks.DIMENSIONS + 1} dimensions"):
        Tensor((1,) * (checks.DIMENSIONS + 2))
