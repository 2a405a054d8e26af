from fastnn.engine.tensor import Tensor
from fastnn.kernels.packing import Packing, Prepared

class Product(Prepared): ...

class Packed(Packing):
    def __init__(self, weight: Tensor, transposed: bool = False) -> None: ...

class Dense(Product):
    def __init__(
        self,
        x: Tensor,
        weight: Tensor | Packed,
        bias: Tensor | None,
        y: Tensor,
        activation: str = "identity",
        z: Tensor | None = None,
    ) -> None: ...

class DenseInputGradient(Product):
    def __init__(
        self, dz: Tensor, weight: Tensor, dx: Tensor, activation: str = "identity", x: Tensor | None = None
    ) -> None: ...

class DenseWeightGradient(Product):
    def __init__(
        self,
        x: Tensor,
        dz: Tensor,
        dweight: Tensor,
        dbias: Tensor | None = None,
        *,
        other: Tensor | None = None,
        dother: Tensor | None = None,
        add: bool = False,
    ) -> None: ...
