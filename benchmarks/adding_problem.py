"""The adding problem over 200 steps: what an LSTM and a GRU learn, and a simple recurrent network does not.

Prints a table, and writes it to results/adding_problem.txt. Each of three seeds trains one layer of 64 units and a
Dense on new sequences, at most 40 times 100 updates, until the mean squared error on 2000 others, not trained on, is
below 0.005; then it is measured on 2000 more, seen once. Always answering the mean gives 0.167.
`python benchmarks/adding_problem.py` takes about ten minutes.
"""

from __future__ import annotations

import time
from pathlib import Path

from tqdm import tqdm

import fastnn as fnn

RESULTS = Path(__file__).parent / "results" / "adding_problem.txt"
STEPS, UNITS, BATCH, UPDATES, ROUNDS, SEEDS = 200, 64, 64, 100, 40, 3
ENOUGH = 0.005
#: The layers, each with the learning rate of Adam.
LAYERS: dict[type[fnn.LSTM | fnn.GRU | fnn.SimpleRNN], float] = {fnn.LSTM: 1e-2, fnn.GRU: 5e-3, fnn.SimpleRNN: 1e-3}


def trained(layer: type[fnn.LSTM | fnn.GRU | fnn.SimpleRNN], seed: int) -> str:
    """A line of the table: a network's error, and what it took."""
    net = fnn.Sequential([layer(UNITS), fnn.Dense(1)], input_shape=(STEPS, 2), seed=seed)
    net.compile(fnn.Adam(LAYERS[layer], clip_norm=1.0), "mse")
    watched, test = (fnn.datasets.adding_problem(2000, STEPS, 1000 * seed + place) for place in (1, 2))
    start = time.perf_counter()
    for done in tqdm(range(1, ROUNDS + 1), f"{layer.__name__}, seed {seed}", leave=False):
        x, y = fnn.datasets.adding_problem(BATCH * UPDATES, STEPS, 1000 * seed + 2 + done)
        net.fit(x, y, BATCH, verbose=0)
        if net.evaluate(*watched)["loss"] < ENOUGH:
            break
    seconds = time.perf_counter() - start
    error = net.evaluate(*test)["loss"]
    return f"{layer.__name__:12}{seed:4}{error:10.4f}{done * UPDATES:10}{seconds:10.0f}"


def main() -> None:
    """Prints and writes the table."""
    lines = [f"{'layer':12}{'seed':>4}{'mse':>10}{'updates':>10}{'seconds':>10}"]
    print(lines[0])
    for layer in LAYERS:
        for seed in range(SEEDS):
            lines.append(trained(layer, seed))
            print(lines[-1], flush=True)
    RESULTS.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
