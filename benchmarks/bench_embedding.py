"""Vectors for ids, and the gradient of their table."""

from typing import Any

from fastnn.engine.tensor import Tensor
from fastnn.kernels import Embedding, EmbeddingGradient
from ops import filled, labels

ROWS, VOCABULARY, UNITS = 2048, 5000, 64


def ids() -> Tensor:
    found = Tensor((ROWS, 1), "int32")
    found.array[:, 0] = labels(ROWS, VOCABULARY).array
    return found


def test_embedding(benchmark: Any) -> None:
    benchmark(Embedding(ids(), filled(VOCABULARY, UNITS), Tensor((ROWS, UNITS))))


def test_gradient(benchmark: Any) -> None:
    benchmark(EmbeddingGradient(ids(), filled(ROWS, UNITS), Tensor((VOCABULARY, UNITS))))
