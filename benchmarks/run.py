"""fastnn vs. its rivals: `python benchmarks/run.py [--rounds N] [--seconds S] [--json FILE] [WORKLOAD ...]`.

Each contender runs in its own process with the same number of threads; they take turns, and those that wait are
blocked. A time is the best over all rounds, a ratio the contender's time over fastnn's. Rivals that are not installed
are left out. Stores benchmarks/results/speed.json, in which a run of some workloads replaces these, and lets report.py
rewrite what is published of it.
"""

import argparse
import importlib.util
import json
import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from math import isnan
from pathlib import Path
from typing import Any

from fastnn.bench.contest import Contender, compare
from fastnn.bench.workloads import PRODUCTS, WORKLOADS
from fastnn.engine.config import config

HERE = Path(__file__).parent
OWN, RIVALS = "fastnn.bench.contenders", "rivals"
#: A rival and the package that it needs.
PACKAGES = {
    "torch": "torch",
    "torch_last": "torch",
    "torch_steps": "torch",
    "torch_compiled": "torch",
    "jax": "jax",
    "sklearn": "sklearn",
    "onnxruntime": "onnxruntime",
    "keras": "keras",
}


def entrants(threads: int, only: list[str] | None) -> list[tuple[str, str, int]]:
    """fastnn, also on one thread and by fit, NumPy, and the rivals that are installed; or only those that are named."""
    present = [name for name, package in PACKAGES.items() if package not in missing()]
    own = [("fastnn", threads), ("fastnn", 1), ("fit", threads), ("numpy", threads)]
    everyone = [(OWN, name, n) for name, n in dict.fromkeys(own)] + [(RIVALS, name, threads) for name in present]
    return [entrant for entrant in everyone if only is None or entrant[1] in only]


def missing() -> set[str]:
    """The rivals' packages that are not installed."""
    return {package for package in PACKAGES.values() if not importlib.util.find_spec(package)}


def peaks(threads: int, rounds: int, seconds: float) -> tuple[float, float]:
    """The FMA peak in GFLOP/s of one core, and of `threads` cores at once: the best over the rounds.

    A unit of this contender is a thousand operations.
    """
    contenders = [Contender(OWN, "peak", next(iter(PRODUCTS)), threads) for _ in range(threads)]
    one = both = 0.0
    try:
        for _ in range(rounds):
            one = max(one, 1 / contenders[0].measure(seconds))
            for contender in contenders:
                contender.begin(seconds)
            both = max(both, sum(1 / float(contender.answer()) for contender in contenders))
    finally:
        for contender in contenders:
            contender.close()
    return one, both


def environment(threads: int) -> dict[str, Any]:
    """The machine, the day and the versions."""
    versions = {}
    for package in ("torch", "jax", "scikit-learn", "onnxruntime", "keras"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    cpu = next((line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")), platform.machine())
    own = {**config(), "threads": threads, "platform": f"{platform.system()} {platform.machine()}"}
    return {"day": datetime.now(UTC).date().isoformat(), "cpu": cpu, "cores": os.cpu_count(), **own, **versions}


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def measure(
    names: list[str], threads: int, rounds: int, seconds: float, only: list[str] | None = None
) -> dict[str, Any]:
    """All times, in microseconds, with the environment and the peaks."""
    own = str(HERE)
    os.environ["PYTHONPATH"] = os.pathsep.join([own, *filter(None, [os.environ.get("PYTHONPATH")])])
    results: dict[str, Any] = {"environment": environment(threads), "workloads": {}}
    best = (0.0, 0.0)
    for name in names:
        best = tuple(map(max, best, peaks(threads, 2, seconds / 4)))  # type: ignore[assignment]
        times: dict[str, float] = {}
        field = entrants(threads, only)
        for (_, contender, count), time in zip(field, compare(field, name, rounds, seconds), strict=True):
            label = contender if count == threads else f"{contender}, 1 thread"
            if not isnan(time):
                times[label] = time
        workload = WORKLOADS[name]
        results["workloads"][name] = {"unit": workload.unit, "flops": workload.flops, "us": times}
        row = ", ".join(f"{label} {time:.2f} us ({time / times['fastnn']:.2f})" for label, time in times.items())
        print(f"{name}: {row}", flush=True)
    results["peak"] = {"1": best[0], str(threads): best[1]}
    print(f"FMA peak: {best[0]:.0f} GFLOP/s on one core, {best[1]:.0f} on {threads}")
    return results


def main() -> None:
    """Measures, prints, stores and reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=f"default: {' '.join(WORKLOADS)}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of a contender's turn")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--only", nargs="+", metavar="CONTENDER", help=f"default: all; {', '.join(PACKAGES)} ...")
    parser.add_argument("--json", type=Path, help="store the results there, and report nothing")
    options = parser.parse_args()
    names = options.workloads or list(WORKLOADS)
    for package in sorted(missing()):
        print(f"{package} is not installed, and left out", file=sys.stderr)
    results = measure(names, options.threads, options.rounds, options.seconds, options.only)
    path = options.json or HERE / "results" / "speed.json"
    path.parent.mkdir(exist_ok=True)
    if options.workloads and not options.json and path.exists():
        stored = json.loads(path.read_text())
        results["workloads"] = stored["workloads"] | results["workloads"]
        results["peak"] = {count: max(peak, stored["peak"].get(count, 0)) for count, peak in results["peak"].items()}
    path.write_text(json.dumps(results, indent=2) + "\n")
    if not options.json:
        import report

        report.write()


if __name__ == "__main__":
    main()
