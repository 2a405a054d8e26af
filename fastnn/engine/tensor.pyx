"""Memory: a Block of aligned bytes, and the Tensors in it."""

from collections.abc import Sequence
from operator import index

cimport cython
from libc.stdint cimport uintptr_t
from libc.stdlib cimport calloc, free

cimport numpy as cnp
import numpy as np

cnp.import_array()

#: Bytes to which every tensor is aligned: a cache line, and the widest vector.
ALIGNMENT = 64

_TYPES = {"float32": (4, cnp.NPY_FLOAT32), "int32": (4, cnp.NPY_INT32), "uint8": (1, cnp.NPY_UINT8)}


def aligned(nbytes: int) -> int:
    """nbytes rounded up to the alignment."""
    return -(-nbytes // ALIGNMENT) * ALIGNMENT


def bytes_of(shape: Sequence[int], dtype: str = "float32") -> int:
    """Bytes of a tensor, exact for any shape.

    Raises TypeError for an unknown dtype, ValueError for a negative dimension.
    """
    if dtype not in _TYPES:
        raise TypeError(f"a Tensor holds {', '.join(_TYPES)}, not {dtype}")
    nbytes = _TYPES[dtype][0]
    if len(shape) > DIMENSIONS:
        raise ValueError(f"a Tensor has at most {DIMENSIONS} dimensions, not {len(shape)}")
    for length in map(index, shape):
        if length < 0:
            raise ValueError(f"a Tensor's shape cannot be negative, got {tuple(shape)}")
        nbytes *= length
    return nbytes


@cython.final
cdef class Block:
    """nbytes of zeroed memory, aligned to 64.

    Raises MemoryError if they cannot be allocated.
    """

    def __init__(self, nbytes: int) -> None:
        if self.memory != NULL:
            raise RuntimeError("a Block cannot be initialized twice")
        if nbytes < 2**62:  # calloc leaves large zeros to the system: pages never written cost nothing
            self.nbytes = max(aligned(nbytes), ALIGNMENT)
            self.memory = calloc(self.nbytes + ALIGNMENT, 1)
        if self.memory == NULL:
            raise MemoryError(f"cannot allocate {nbytes / 2**30:.3g} GiB")
        self.data = <char *> self.memory + (-<uintptr_t> self.memory) % <uintptr_t> ALIGNMENT

    def __dealloc__(self) -> None:
        free(self.memory)


@cython.final
cdef class Tensor:
    """A shape of float32, int32 or uint8 in a Block: its own, or `offset` bytes into one that it shares.

    `rows` is the first dimension, `columns` the product of the others. Raises TypeError for another dtype, ValueError
    for an offset outside the block, MemoryError if there is no memory.
    """

    def __init__(
        self, shape: Sequence[int], dtype: str = "float32", block: Block | None = None, offset: int = 0
    ) -> None:
        if self.block is not None:
            raise RuntimeError("a Tensor cannot be placed twice")
        nbytes = bytes_of(shape, dtype)
        if block is None:
            block = Block(nbytes)
        if offset < 0 or offset % ALIGNMENT or offset + nbytes > block.nbytes:
            raise ValueError(f"a Tensor of {nbytes} bytes does not fit at byte {offset} of a block of {block.nbytes}")
        self.block = block
        self.shape = tuple(int(length) for length in shape)
        self.dtype = dtype
        self.nbytes = nbytes
        self.size = nbytes // _TYPES[dtype][0]
        self.rows = self.shape[0] if self.shape else 1
        self.columns = self.size // self.rows if self.rows else 0
        self.data = <char *> (<Block> block).data + <Py_ssize_t> offset

    @property
    def array(self) -> np.ndarray:
        """A writable NumPy view of the tensor's memory, which it keeps alive."""
        cdef cnp.npy_intp[DIMENSIONS] shape
        for i, length in enumerate(self.shape):
            shape[i] = length
        view = cnp.PyArray_SimpleNewFromData(len(self.shape), shape, _TYPES[self.dtype][1], self.data)
        cnp.set_array_base(view, self)
        return view

    def __reduce__(self) -> tuple:
        raise TypeError(f"{self!r} is memory of this process and cannot be copied; copy its .array")

    def __repr__(self) -> str:
        return f"Tensor({self.shape}, {self.dtype})"
