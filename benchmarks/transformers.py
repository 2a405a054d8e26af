"""Attention alone, and training steps of small Transformers that predict the next character, vs. PyTorch.

`python benchmarks/transformers.py` prints it and writes results/transformers.txt. One thread each, in turns, the best
of many. PyTorch has its own attention kernel (scaled_dot_product_attention) and its fused Adam.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

import fastnn as fnn
from fastnn.engine.tensor import Tensor
from fastnn.kernels import Attention, AttentionGradient
from generative import Step, best

HERE = Path(__file__).resolve().parent
#: Sequences, steps, heads, numbers of a head, causal.
SHAPES = [
    (32, 64, 4, 32, True),
    (8, 256, 4, 32, True),
    (16, 128, 8, 32, True),
    (4, 512, 8, 64, True),
    (2, 1024, 8, 64, True),
    (8, 256, 4, 64, False),
    (32, 20, 4, 32, False),
]
#: Sequences, steps, features and heads of networks of four blocks.
NETWORKS = [(32, 64, 128, 4), (8, 256, 128, 4), (16, 128, 256, 8)]
VOCABULARY = 91


def theirs(x: torch.Tensor, heads: int, causal: bool) -> torch.Tensor:
    """PyTorch's attention of queries, keys and values that are side by side in x."""
    rows, times, width = x.shape
    q, k, v = (part.view(rows, times, heads, -1).transpose(1, 2) for part in x.split(width // 3, 2))
    y = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal)
    return y.transpose(1, 2).reshape(rows, times, width // 3)


def attention(rows: int, times: int, heads: int, size: int, causal: bool) -> tuple[dict[str, Step], dict[str, Step]]:
    """Forward, and forward and backward, on queries, keys and values in one tensor."""
    width, random = heads * size, np.random.default_rng(0)
    x, y = Tensor((rows, times * 3 * width)), Tensor((rows, times * width))
    moments, dy, dx = Tensor((rows, 2 * heads * times)), Tensor(y.shape), Tensor(x.shape)
    for tensor in (x, dy):
        tensor.array[...] = random.standard_normal(tensor.shape, np.float32)
    steps, both = (times, times), (heads, heads)
    starts, scale = (0, width, 2 * width), size**-0.5
    forward = Attention(
        x, x, x, y, moments, times=steps, heads=both, size=size, starts=starts, causal=causal, scale=scale
    )
    given = x, x, x, y, moments, dy, dx, dx, dx
    backward = AttentionGradient(*given, times=steps, heads=both, size=size, starts=starts, causal=causal, scale=scale)
    made = torch.tensor(x.array.reshape(rows, times, -1), requires_grad=True)
    slope = torch.tensor(dy.array.reshape(rows, times, -1))

    def predicted() -> object:
        with torch.no_grad():
            return theirs(made, heads, causal)

    def trained() -> object:
        made.grad = None
        theirs(made, heads, causal).backward(slope)
        return made.grad

    def both_passes() -> None:
        forward()
        backward()

    return {"fastnn": forward, "PyTorch": predicted}, {"fastnn": both_passes, "PyTorch": trained}


class Block(nn.Module):
    """PyTorch's: attention and two products, each on what is normalized, and added to it."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.made, self.joined = heads, nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.products = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (rows, times, width), and the same shape out."""
        x = x + self.joined(theirs(self.made(self.first(x)), self.heads, True))
        out: torch.Tensor = x + self.products(self.second(x))
        return out


class Theirs(nn.Module):
    """PyTorch's network."""

    def __init__(self, times: int, width: int, heads: int) -> None:
        super().__init__()
        self.ids, self.positions = nn.Embedding(VOCABULARY, width), nn.Parameter(torch.zeros(times, width))
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(4)))
        self.last = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, VOCABULARY))
        self.last[1].weight = self.ids.weight

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Logits of the next characters."""
        out: torch.Tensor = self.last(self.blocks(self.ids(ids) + self.positions))
        return out


def ours(times: int, width: int, heads: int) -> fnn.Network:
    """The same network here."""
    net = fnn.architectures.gpt(VOCABULARY, times, width, heads, seed=0)
    return net.compile(fnn.Adam(1e-3), "cross_entropy")


def training(rows: int, times: int, width: int, heads: int) -> dict[str, Step]:
    """A step of each."""
    random = np.random.default_rng(0)
    x, y = random.integers(0, VOCABULARY, (2, rows, times))
    net, other = ours(times, width, heads), Theirs(times, width, heads)
    optimizer = torch.optim.Adam(other.parameters(), 1e-3, fused=True)
    given, wanted = torch.from_numpy(x), torch.from_numpy(y)

    def step() -> float:
        loss = nn.functional.cross_entropy(other(given).flatten(0, 1), wanted.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return {"fastnn": lambda: net.train_on_batch(x, y), "PyTorch": step}


def main() -> None:
    """Prints and writes the results."""
    torch.set_num_threads(1)
    fnn.set_num_threads(1)
    rows: list[tuple[str, dict[str, Step], int]] = []
    for shape in SHAPES:
        name = "{} x {} steps, {} heads of {}{}".format(*shape[:4], ", causal" if shape[4] else "")
        forward, both = attention(*shape)
        rows += [(f"attention {name}: forward", forward, 40), (f"attention {name}: and backward", both, 40)]
    for network in NETWORKS:
        name = "training step of 4 blocks, {} x {} steps, {} features, {} heads".format(*network)
        rows.append((name, training(*network), 4))
    with open(HERE / "results" / "transformers.txt", "w") as file:
        for name, calls, rounds in rows:
            seconds = best(calls, rounds)
            ratio = seconds["PyTorch"] / seconds["fastnn"]
            line = f"{name}: {seconds['fastnn']:.2f} ms, PyTorch {seconds['PyTorch']:.2f}, {ratio:.2f} times as fast"
            print(line, flush=True)
            print(line, file=file)


if __name__ == "__main__":
    main()
