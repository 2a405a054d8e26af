"""Contenders, each in its own process, taking turns; those that wait are blocked and use no processor time.

A module holds CONTENDERS: functions by name that make a Task for a Workload, or None for one that is not supported.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastnn.bench.workloads import AnyWorkload

#: The least seconds of a block of units, so that reading the clock costs little in comparison.
BLOCK = 2e-3


@dataclass
class Task:
    """What is timed: call(*arguments) for each of the batches in turn; a call does `units` units."""

    call: Callable[..., object]
    batches: list[tuple[Any, ...]]
    units: int = 1


#: Makes a Task for a workload and a number of threads; None for a workload that is not supported.
Maker = Callable[[AnyWorkload, int], Task | None]


def measure(task: Task, seconds: float) -> float:
    """Microseconds per unit: the best block within that time."""
    clock, call, batches = time.perf_counter, task.call, task.batches
    started, rounds, best = clock(), 1, float("inf")
    while clock() - started < seconds:
        start = clock()
        for _ in range(rounds):
            for arguments in batches:
                call(*arguments)
        duration = clock() - start
        best = min(best, duration / (rounds * len(batches) * task.units) * 1e6)
        if duration < BLOCK:
            rounds *= 2
    return best


class Contender:
    """A process that measures when told to. Raises RuntimeError where it does not start."""

    def __init__(self, module: str, name: str, workload: str, threads: int) -> None:
        variables = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC")  # the last is XLA's
        self.name = name
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "fastnn.bench", module, name, workload, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | dict.fromkeys(variables, str(threads)),
        )
        self.takes_part = self.answer() == "ready"

    def answer(self) -> str:
        """The next line that it prints. Raises RuntimeError where it has died."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.close()
            raise RuntimeError(f"{self.name} ended with status {self.process.returncode}")
        return line.strip()

    def begin(self, seconds: float) -> None:
        """Starts a measurement; `answer` returns the result."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()

    def measure(self, seconds: float) -> float:
        """Microseconds per unit, the best within that time."""
        self.begin(seconds)
        return float(self.answer())

    def close(self) -> None:
        """Ends the process."""
        self.process.communicate()


def compare(entrants: list[tuple[str, str, int]], workload: str, rounds: int, seconds: float) -> list[float]:
    """Microseconds per unit for each entrant (module, name, threads), the best of all rounds; NaN without a result."""
    best = [float("nan")] * len(entrants)
    running: dict[int, Contender] = {}
    try:
        for i, (module, name, threads) in enumerate(entrants):
            try:
                contender = Contender(module, name, workload, threads)
            except RuntimeError as error:
                print(f"{workload}: {name} does not run here: {error}", file=sys.stderr)
                continue
            running[i] = contender
        for _ in range(rounds):
            for i, contender in running.items():
                if contender.takes_part:
                    time_of_unit = contender.measure(seconds)
                    best[i] = min(time_of_unit, best[i])  # min(number, NaN) is the number
    finally:
        for contender in running.values():
            contender.close()
    return best
