"""Side-by-side measurement: `python benchmarks/run.py [--rounds N] [--seconds S] [--json FILE] [WORKLOAD ...]`.

Each contender runs in its own process with the same number of threads; they take turns, and who waits is blocked.
A figure is the best over all rounds; a ratio is the contender's time over fastnn's.
"""

import argparse
import importlib.util
import json
import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from workloads import WORKLOADS

HERE = Path(__file__).parent


class Contender:
    """A process that measures when told to."""

    def __init__(self, name: str, workload: str, threads: int) -> None:
        self.name = name
        environment = os.environ | {
            variable: str(threads) for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        }
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "contenders.py"), name, workload, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.answer()

    def answer(self) -> str:
        """The next line that it prints. Raises RuntimeError where it has died."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended with status {self.process.wait()}")
        return line.strip()

    def measure(self, seconds: float) -> float:
        """Microseconds of a step, the best within that time."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        return float(self.answer())

    def close(self) -> None:
        """Ends the process."""
        self.process.communicate()


def contenders() -> list[str]:
    """fastnn, NumPy, and PyTorch where it is installed."""
    return ["fastnn", "numpy", *(["torch", "torch_compiled"] if importlib.util.find_spec("torch") else [])]


def compare(workload: str, threads: int, rounds: int, seconds: float) -> dict[str, float]:
    """Microseconds of a step for each contender."""
    entered: dict[str, Contender] = {}
    try:
        for name in contenders():
            try:
                entered[name] = Contender(name, workload, threads)
            except RuntimeError as error:
                print(f"{workload}: {name} does not run here: {error}", file=sys.stderr)
        best = dict.fromkeys(entered, float("inf"))
        for _ in range(rounds):
            for name, contender in entered.items():
                best[name] = min(best[name], contender.measure(seconds))
    finally:
        for contender in entered.values():
            contender.close()
    return best


def environment(threads: int) -> dict[str, object]:
    """The machine and the versions."""
    from fastnn.config import config
    from fastnn.op import peak

    versions = {}
    for package in ("numpy", "torch"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    cpu = next((line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")), platform.machine())
    return {**config(), "cpu": cpu, "threads": threads, "FMA peak of a core": f"{peak():.0f} GFLOP/s", **versions}


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def main() -> None:
    """Prints the table and stores it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=f"default: {' '.join(WORKLOADS)}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--json", type=Path, help="store the figures there")
    options = parser.parse_args()
    machine = environment(options.threads)
    figures: dict[str, object] = {"environment": machine}
    for name, value in machine.items():
        print(f"{name}: {value}")
    for workload in options.workloads or WORKLOADS:
        times = compare(workload, options.threads, options.rounds, options.seconds)
        figures[workload] = times
        row = ", ".join(f"{name} {time:.1f} us ({time / times['fastnn']:.2f})" for name, time in times.items())
        print(f"{workload}: {row}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
