from typing import final

import numpy as np

@final
class SumTree:
    @property
    def array(self) -> np.ndarray: ...
    def __init__(self, leaves: int) -> None: ...
