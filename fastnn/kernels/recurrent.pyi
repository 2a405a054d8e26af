from fastnn.engine.tensor import Tensor
from fastnn.kernels.dense import Packed
from fastnn.kernels.recurrence import Backward, Forward
from fastnn.kernels.steps import Steps

def activation_number(activation: str) -> int: ...

class LSTM(Forward):
    def __init__(
        self,
        z: Tensor,
        weight: Tensor | Packed,
        steps: Steps,
        h: Tensor,
        c: Tensor,
        *,
        y: Tensor | None = None,
        last_h: Tensor | None = None,
        last_c: Tensor | None = None,
        before: Tensor | None = None,
        cells: Tensor | None = None,
        h0: Tensor | None = None,
        c0: Tensor | None = None,
        mask: Tensor | None = None,
        reverse: bool = False,
    ) -> None: ...

class LSTMGradient(Backward):
    def __init__(
        self,
        z: Tensor,
        weight: Tensor,
        steps: Steps,
        h: Tensor,
        c: Tensor,
        cells: Tensor,
        *,
        dy: Tensor | None = None,
        dlast_h: Tensor | None = None,
        dlast_c: Tensor | None = None,
        dh0: Tensor | None = None,
        dc0: Tensor | None = None,
        mask: Tensor | None = None,
        reverse: bool = False,
    ) -> None: ...

class GRU(Forward):
    def __init__(
        self,
        z: Tensor,
        weight: Tensor | Packed,
        steps: Steps,
        h: Tensor,
        sums: Tensor,
        *,
        y: Tensor | None = None,
        last_h: Tensor | None = None,
        before: Tensor | None = None,
        h0: Tensor | None = None,
        mask: Tensor | None = None,
        plain: Tensor | None = None,
        bias: Tensor | None = None,
        reverse: bool = False,
    ) -> None: ...

class GRUGradient(Backward):
    def __init__(
        self,
        z: Tensor,
        weight: Tensor,
        steps: Steps,
        h: Tensor,
        sums: Tensor,
        before: Tensor,
        *,
        dy: Tensor | None = None,
        dlast_h: Tensor | None = None,
        dh0: Tensor | None = None,
        mask: Tensor | None = None,
        scratch: Tensor | None = None,
        reverse: bool = False,
    ) -> None: ...

class RNN(Forward):
    def __init__(
        self,
        z: Tensor,
        weight: Tensor | Packed,
        steps: Steps,
        h: Tensor,
        *,
        y: Tensor | None = None,
        last_h: Tensor | None = None,
        before: Tensor | None = None,
        h0: Tensor | None = None,
        mask: Tensor | None = None,
        reverse: bool = False,
        activation: str = "tanh",
    ) -> None: ...

class RNNGradient(Backward):
    def __init__(
        self,
        z: Tensor,
        weight: Tensor,
        steps: Steps,
        h: Tensor,
        *,
        dy: Tensor | None = None,
        dlast_h: Tensor | None = None,
        dh0: Tensor | None = None,
        mask: Tensor | None = None,
        reverse: bool = False,
        activation: str = "tanh",
    ) -> None: ...
