from typing import Any

import numpy as np

def draw(
    x: Any,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    rng: np.random.Generator | None = None,
    *,
    logits: bool | None = None,
) -> Any: ...
