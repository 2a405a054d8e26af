"""Runs examples whose results depend on chance with several seeds, and prints the figure of each seed and their mean.

`python benchmarks/seeds.py [NAME ...]` runs all, or those named, each seed in a process of its own and on one thread,
and writes results/seeds_NAME.txt. All take an hour.
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gallery import printed_by

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Figure:
    """A number that an example prints behind `before`, and what it means."""

    title: str
    command: str
    before: str
    seeds: int


MEAN = "return, mean of 100 episodes"
FIGURES = {
    "gan": Figure("Frechet distance to the test images", "gan.py", "to the test images: ", 3),
    "lunar_lander": Figure(MEAN, "dqn.py LunarLander-v3", "LunarLander-v3: ", 5),
    "breakout": Figure(MEAN, "ppo.py minatar:breakout", "minatar:breakout: ", 3),
    "space_invaders": Figure(MEAN, "ppo.py minatar:space_invaders", "minatar:space_invaders: ", 3),
}


def main() -> None:
    """Prints the figures, and writes them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(FIGURES))
    names = parser.parse_args().names
    if unknown := [name for name in names if name not in FIGURES]:
        raise SystemExit(f"seeds.py: unknown: {', '.join(unknown)}; known: {', '.join(FIGURES)}")
    os.environ["OMP_NUM_THREADS"] = "1"
    for name in names or FIGURES:
        figure, lines, found = FIGURES[name], [], []
        for seed in range(figure.seeds):
            with tempfile.TemporaryDirectory() as folder:
                printed = printed_by(f"{figure.command} --seed {seed}", folder)
            match = re.search(rf"{figure.before}(-?[\d.]+\d)", printed)
            if match is None:
                raise SystemExit(f"seeds.py: {figure.command} printed no {figure.title}:\n{printed}")
            found.append(float(match[1]))
            lines += [f"seed {seed}: {found[-1]}", *(f"    {line}" for line in printed.splitlines())]
            print(lines[-len(printed.splitlines()) - 1], flush=True)
        lines.append(f"{figure.command}: {figure.title}: mean {np.mean(found):.2f} of {figure.seeds} seeds")
        print(lines[-1], flush=True)
        (RESULTS / f"seeds_{name}.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
