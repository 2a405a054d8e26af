from collections.abc import Sequence

import numpy as np

def read_rows(file: int, place: int, stride: int, rows: Sequence[int] | np.ndarray, out: np.ndarray) -> int: ...
