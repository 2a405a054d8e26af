from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor

class Lookup(Op):
    def take(self, ids: Tensor, table: Tensor, values: Tensor, padding: int | None) -> None: ...

class Embedding(Lookup):
    def __init__(self, ids: Tensor, table: Tensor, y: Tensor, *, padding: int | None = None) -> None: ...
    def explain(self, place: int) -> Exception: ...

class EmbeddingGradient(Lookup):
    def __init__(
        self, ids: Tensor, dy: Tensor, dtable: Tensor, *, padding: int | None = None, add: bool = False
    ) -> None: ...
