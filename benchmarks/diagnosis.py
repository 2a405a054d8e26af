"""How often History.diagnose is right, on trainings with known faults that it was not tuned on.

Prints a table of both sets and the cases in which it is wrong, and writes them to results/diagnosis.txt. The thresholds
of `diagnose` were chosen on other seeds of the tuning set, and on a first held-out set of other tables and networks, in
which 60 of 72 had been right; the present held-out set has other data, networks and seeds than both. Of each kind,
draws are trained until COUNT of them are what they were meant to be, by the measurements of diagnosis_cases.py on test
samples. `python benchmarks/diagnosis.py` takes about five minutes on two cores.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # one process for each core

import itertools
import multiprocessing
import time
from collections import Counter
from multiprocessing.pool import Pool
from pathlib import Path
from typing import NamedTuple

import report
from diagnosis_cases import KINDS, Case, Training, drawn, truth

RESULTS = Path(__file__).parent / "results" / "diagnosis.txt"
#: Cases of each kind, and how many draws are trained at once.
COUNT, AT_ONCE = 12, 8


class Set(NamedTuple):
    """Data sets, of which some may be named repeatedly to be drawn more often; and the seed of the first draw."""

    name: str
    data: tuple[str, ...]
    held_out: bool
    seed: int


SETS = (
    Set("tuning", ("digits", "breast_cancer", "diabetes", "friedman1", "clusters"), False, 0),
    Set("held-out", ("fashion", "fashion", "digits", "affairs", "visits", "friedman3", "quantiles"), True, 5000),
)


class Told(NamedTuple):
    """A case that is of the kind it was meant to be, and what `diagnose` says of it."""

    case: Case
    kind: str
    said: str
    evidence: dict[str, float]


def told(job: tuple[Set, str, int]) -> Told | None:
    """What is said of a draw; None where it is no case."""
    chosen, kind, seed = job
    run = Training(drawn(kind, chosen.data, chosen.held_out, seed))
    if not truth(run, kind):
        return None
    found = run.history.diagnose()
    return Told(run.case, kind, found.kind, found.evidence)


def cases(chosen: Set, kind: str, pool: Pool) -> tuple[list[Told], int]:
    """The first COUNT cases of a kind, and how many draws that took."""
    found: list[Told] = []
    for first in itertools.count(chosen.seed, AT_ONCE):
        for seed, each in enumerate(pool.map(told, [(chosen, kind, first + i) for i in range(AT_ONCE)], 1), first):
            found += [each] if each else []
            if len(found) == COUNT:
                return found, seed - chosen.seed + 1
    raise AssertionError


def tables(chosen: Set, pool: Pool) -> list[str]:
    """The table of a set, a line for each kind, and its wrong cases."""
    start = time.perf_counter()
    lines, every = [], []
    for kind in KINDS:
        found, draws = cases(chosen, kind, pool)
        counts = Counter(each.said for each in found)
        lines.append(f"{kind:18}{''.join(f'{counts[each]:19}' for each in KINDS)}{draws:8}")
        print(lines[-1], flush=True)
        every += found
    right = sum(each.said == each.kind for each in every)
    data = ", ".join(f"{name} {count}" for name, count in sorted(Counter(each.case.data for each in every).items()))
    title = f"{chosen.name}: {right} of {len(every)} right, {right / len(every):.1%} ({data})"
    print(f"{title}, {time.perf_counter() - start:.0f} s", flush=True)
    head = f"{'is, and is said':18}{''.join(f'{each:>19}' for each in KINDS)}{'draws':>8}"
    wrong = [f"  {each.kind}, said {each.said}: {each.case}" for each in every if each.said != each.kind]
    return [title, head, *lines, *wrong, ""]


def main() -> None:
    """Prints and writes the tables."""
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        lines = [line for chosen in SETS for line in tables(chosen, pool)]
    print("\n".join(lines))
    RESULTS.write_text("\n".join(lines))
    report.write()


if __name__ == "__main__":
    main()
