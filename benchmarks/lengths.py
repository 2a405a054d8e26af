"""Networks of any length, vs. networks of one: a step, a new length, and the memory.

`python benchmarks/lengths.py` trains a network of text alternately at several lengths, in one thread. Printed, and
written to results/lengths.txt.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

import fastnn as fnn

HERE = Path(__file__).parent
LENGTHS = (16, 64)


def network(kind: str, steps: int | None) -> fnn.Network:
    """A classifier of text: convolutions over time, or blocks of a Transformer."""
    ids = fnn.Input((steps,))
    h = fnn.PositionEmbedding(256)(fnn.Embedding(90, 64)(ids))
    for _ in range(4):
        if kind == "Conv1D":
            h = fnn.Conv1D(128, 3, padding="same", activation="relu")(h)
        else:
            h = fnn.TransformerEncoderBlock(2, 256)(h)
    return fnn.Network(ids, fnn.Dense(17)(fnn.GlobalAvgPool()(h)), seed=0).compile("adam")


def seconds(net: fnn.Network, x: np.ndarray, y: np.ndarray) -> float:
    """Of a training step."""
    started = time.perf_counter()
    net.train_on_batch(x, y)
    return time.perf_counter() - started


def main() -> None:
    """Prints and writes the results."""
    random = np.random.default_rng(0)
    lines = []
    with fnn.threads(1):
        for kind in ("Conv1D", "Transformer"):
            free, fixed = network(kind, None), {steps: network(kind, steps) for steps in LENGTHS}
            data = {n: (random.integers(0, 90, (32, n)), random.integers(0, 17, 32)) for n in range(10, 257)}
            best = {(name, n): np.inf for name in ("any", "one") for n in LENGTHS}
            for _ in range(60):
                for n in LENGTHS:
                    best["any", n] = min(best["any", n], seconds(free, *data[n]))
                    best["one", n] = min(best["one", n], seconds(fixed[n], *data[n]))
            for n in LENGTHS:
                a, b = best["any", n] * 1e3, best["one", n] * 1e3
                lines.append(f"{kind}, {n} steps: {a:.2f} ms a step, {b:.2f} in a network of that length")
            new = []
            for n in (20, 31, 40, 63):  # no longer than those before, so that the memory is there
                first = seconds(free, *data[n])
                new.append(first - min(seconds(free, *data[n]) for _ in range(5)))
            lines.append(f"{kind}: a new length costs {1e3 * min(new):.2f} to {1e3 * max(new):.2f} ms")
    for line in lines:
        print(line)
    (HERE / "results" / "lengths.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
