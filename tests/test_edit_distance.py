"""Edit distances, against the recursion that defines them."""

from functools import cache
from typing import Any

import numpy as np
import pytest

from check import generator
from fastnn.metrics import edit_distance, error_rate


def by_definition(a: tuple[Any, ...], b: tuple[Any, ...]) -> int:
    @cache
    def of(m: int, n: int) -> int:
        if not m or not n:
            return m + n
        return min(of(m - 1, n) + 1, of(m, n - 1) + 1, of(m - 1, n - 1) + (a[m - 1] != b[n - 1]))

    return of(len(a), len(b))


def test_random_sequences() -> None:
    for seed in range(200):
        random = generator(seed)
        a, b = (tuple(random.integers(0, 4, random.integers(0, 12)).tolist()) for _ in range(2))
        wanted = by_definition(a, b)
        text = "".join(map(str, a)), "".join(map(str, b))
        for one, other in ((a, b), (b, a), (list(a), np.array(b, np.int64)), text):
            assert edit_distance(one, other) == wanted


def test_items_of_any_kind() -> None:
    assert edit_distance("kitten", "sitting") == 3
    assert edit_distance(["the", "cat", "sat"], ["the", "cat", "sat", "down"]) == 1
    assert edit_distance([(1, 2), None], [(1, 2), 2.5]) == 1
    assert edit_distance(["a", "b"], "ab") == 0


def test_error_rate() -> None:
    assert error_rate(["abc", ""], ["abd", "x"]) == 2 / 4
    assert error_rate([[1, 2], np.array([], int)], [np.array([1, 2]), np.array([], int)]) == 0
    assert error_rate(["aaaa"], ["b"]) == 4


WRONG = {
    "number": (lambda: edit_distance(3, "a"), TypeError, "a must be a string, a list or an array .*got int"),
    "matrix": (lambda: edit_distance("a", np.ones((2, 2))), TypeError, r"got ndarray of shape \(2, 2\)"),
    "items": (
        lambda: edit_distance([[1], [2]], "a"),
        TypeError,
        "items must be numbers, strings or tuples: unhashable",
    ),
    "text": (lambda: error_rate("ab", ["a", "b"]), TypeError, "predicted must be a list of sequences, got str"),
    "none": (lambda: error_rate(["a"], None), TypeError, "true must be a list of sequences, got NoneType"),
    "counts": (lambda: error_rate(["a"], ["a", "b"]), ValueError, "as many predicted as true sequences, got 1 and 2"),
    "empty": (lambda: error_rate(["a"], [""]), ValueError, "all true sequences are empty"),
    "padding": (lambda: error_rate([[1]], np.array([[1, -1]])), ValueError, r"true has padded rows; pass \[row"),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors(name: str) -> None:
    call, kind, message = WRONG[name]
    with pytest.raises(kind, match=message):
        call()
