from collections.abc import Sequence
from typing import Any

import numpy as np

ALIGNMENT: int

def aligned(nbytes: int) -> int: ...
def bytes_of(shape: Sequence[int], dtype: str = ...) -> int: ...

class Block:
    nbytes: int
    def __init__(self, nbytes: int) -> None: ...

class Tensor:
    block: Block
    shape: tuple[int, ...]
    dtype: str
    size: int
    rows: int
    columns: int
    nbytes: int
    def __init__(
        self, shape: Sequence[int], dtype: str = ..., block: Block | None = ..., offset: int = ...
    ) -> None: ...
    @property
    def array(self) -> np.ndarray[Any, Any]: ...
