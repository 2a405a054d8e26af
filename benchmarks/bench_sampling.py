"""A draw from a predicted distribution."""

from typing import Any

import numpy as np
import pytest

from fastnn.decode import draw


@pytest.mark.parametrize("classes", [100, 50_000])
@pytest.mark.parametrize("settings", [{}, {"temperature": 0.8}, {"top_k": 40}, {"top_p": 0.9}], ids=str)
def test_draw(benchmark: Any, classes: int, settings: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    benchmark(draw, rng.standard_normal(classes, np.float32), rng=rng, **settings)
