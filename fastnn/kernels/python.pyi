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
        function: Callable[[Any], np.ndarray],
        y: Tensor,
        *x: Tensor,
        features: tuple[int, ...] | list[tuple[int, ...]],
        output: tuple[int, ...],
        finite: bool = False,
    ) -> None: ...

class PythonBackward(Python):
    def __init__(
        self,
        function: Callable[[np.ndarray], Any],
        dy: Tensor,
        *tensors: Tensor | None,
        features: tuple[int, ...] | list[tuple[int, ...]],
        output: tuple[int, ...],
        gradients: Mapping[str, Tensor | None],
        add: Iterable[str] = (),
        finite: bool = False,
    ) -> None: ...
