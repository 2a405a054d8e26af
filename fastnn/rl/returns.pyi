from typing import Any

import numpy as np

def discounted(reward: Any, ended: Any, gamma: float = 0.99, last: Any = 0.0) -> np.ndarray: ...
def gae(
    reward: Any,
    value: Any,
    terminated: Any,
    last: Any,
    gamma: float = 0.99,
    lam: float = 0.95,
    truncated: Any = False,
    final_value: Any = 0.0,
) -> tuple[np.ndarray, np.ndarray]: ...
