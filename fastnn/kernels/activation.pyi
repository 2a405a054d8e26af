from fastnn.engine.tensor import Tensor
from fastnn.kernels.sharing import Elementwise

ACTIVATIONS: tuple[str, ...]
DERIVED_FROM_INPUT: tuple[str, ...]

def number(activation: str) -> int: ...

class Activation(Elementwise):
    def __init__(self, x: Tensor, y: Tensor, activation: str) -> None: ...

class ActivationGradient(Elementwise):
    def __init__(self, y: Tensor, dy: Tensor, dx: Tensor, activation: str) -> None: ...
