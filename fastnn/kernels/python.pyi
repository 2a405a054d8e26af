from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor

class Python(Op):
    def explain(self, place: int) -> BaseException: ...

class PythonForward(Python):
    def __init__(
        self,
        function: Callable[[np.ndarray], np.ndarray],
        x: Tensor,
        y: Tensor,
        features: tuple[int, ...],
        output: tuple[int, ...],
        *,
        finite: bool = False,
    ) -> None: ...

class PythonBackward(Python):
    def __init__(
        self,
        function: Callable[[np.ndarray], Any],
        dy: Tensor,
        dx: Tensor | None,
        features: tuple[int, ...],
        output: tuple[int, ...],
        gradients: Mapping[str, Tensor | None],
        *kept: Tensor,
        add: Iterable[str] = (),
        finite: bool = False,
    ) -> None: ...
