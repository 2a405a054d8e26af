"""The adding problem is what it says."""

from typing import Any

import numpy as np
import pytest

from fastnn.datasets import adding_problem


@pytest.mark.parametrize("steps", [2, 3, 20])
def test_adding_problem(steps: int) -> None:
    x, y = adding_problem(4000, steps, seed=1)
    numbers, markers = x[..., 0], x[..., 1]
    assert (x.dtype, y.dtype, x.shape, y.shape) == ("float32", "float32", (4000, steps, 2), (4000, 1))
    assert numbers.min() >= 0 and numbers.max() < 1 and np.isin(markers, (0, 1)).all()
    assert (markers[:, : steps // 2].sum(axis=1) == 1).all() and (markers[:, steps // 2 :].sum(axis=1) == 1).all()
    assert (markers.sum(axis=0) > 0).all()
    np.testing.assert_allclose((numbers * markers).sum(axis=1), y[:, 0], rtol=1e-6)
    assert ((y - 1) ** 2).mean() == pytest.approx(1 / 6, rel=0.05)


def test_seeds() -> None:
    first, again, other, drawn = (adding_problem(3, seed=seed)[0] for seed in (0, 0, 1, None))
    assert (first == again).all() and (first != other).any() and (first != drawn).any()


@pytest.mark.parametrize(("arguments", "message"), [((0,), "samples must be"), ((1, 1), "steps must be")])
def test_bad_input(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"adding_problem: {message} an integer from"):
        adding_problem(*arguments)
