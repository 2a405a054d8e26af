from typing import Any

import numpy as np

from fastnn.network import Network

class Predictor:
    batch_size: int
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    def __init__(self, net: Network, batch_size: int = ...) -> None: ...
    def __call__(self, x: Any, out: np.ndarray | None = ...) -> np.ndarray: ...
    def refresh(self) -> None: ...
