"""The updates, each one pass over flat blocks: as many parameters as the networks of the table have, and ten million.

Ten million are compared with a bare loop in C that moves the same bytes on as many threads, and with PyTorch's fused
Adam on ten tensors of a million.
"""

from collections.abc import Callable
from typing import Any

import pytest

import bare
from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor
from fastnn.engine.thread_count import get_num_threads
from fastnn.kernels import SGD, Adam, Lion, Nadam
from ops import filled

MANY = 10_000_000
OPS: dict[str, Callable[[Tensor, Tensor, Tensor, Tensor], Op]] = {
    "sgd": lambda p, g, m, v: SGD(p, g),
    "momentum": lambda p, g, m, v: SGD(p, g, v, momentum=0.9),
    "adam": Adam,
    "adamw": lambda p, g, m, v: Adam(p, g, m, v, weight_decay=0.01, decoupled=True),
    "nadam": Nadam,
    "lion": lambda p, g, m, v: Lion(p, g, m),
}


def blocks(n: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Parameters, gradients and two slots."""
    return filled(n), filled(n, seed=1), Tensor((n,)), Tensor((n,))


@pytest.mark.parametrize("n", [368, 7536, 535824, MANY])
@pytest.mark.parametrize("name", OPS)
def test_update(benchmark: Any, name: str, n: int) -> None:
    benchmark(OPS[name](*blocks(n)))


def test_bare_loop(benchmark: Any) -> None:
    benchmark(bare.loop("adam", get_num_threads(), *(tensor.array for tensor in blocks(MANY))))


def test_torch_fused_adam(benchmark: Any) -> None:
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    torch.set_num_threads(get_num_threads())
    tensors = [torch.randn(MANY // 10) for _ in range(10)]
    for tensor in tensors:
        tensor.grad = torch.randn(MANY // 10)
    benchmark(torch.optim.Adam(tensors, fused=True).step)
