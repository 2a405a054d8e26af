"""The most memory that training takes, in fastnn and in PyTorch, each without what loading its modules takes.

`python benchmarks/memory.py` trains networks of run.py for some steps, each in a process of its own, prints by how much
the peak of the resident set grew, and writes results/memory.txt. A first run finds out which modules training loads, at
the first step too; the run that counts loads them before. Of PyTorch's two layouts the leaner one counts. Target: at
most 60 % of PyTorch's.
"""

import resource
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
STEPS, THREADS = 20, 2
#: What is trained, and PyTorch's second layout.
NAMES = {"cnn_mnist": "torch_last", "cnn_cifar": "torch_last", "resnet": "torch_last", "lstm_char": "torch_steps"}
#: What trains, and the module that holds it.
CONTENDERS = {"fastnn": "fastnn.bench.contenders", "torch": "rivals", "torch_last": "rivals", "torch_steps": "rivals"}


def peak() -> int:
    """Of this process so far, in KB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def child(who: str, name: str, steps: int) -> None:
    """Loads the modules that it reads, trains, and prints by how much the peak grew and all modules."""
    for module in sys.stdin.read().split():
        with suppress(ImportError):  # some are made by others and cannot be loaded by name
            import_module(module)
    before = peak()
    maker: Callable[..., Any] = import_module(CONTENDERS[who]).CONTENDERS[who]
    task = maker(import_module("fastnn.bench.workloads").WORKLOADS[name], THREADS)
    for step in range(steps):
        task.call(*task.batches[step % len(task.batches)])
    print(peak() - before, *sys.modules)


def megabytes(who: str, name: str) -> float:
    """By which training grows a process whose modules are loaded."""
    modules = ""
    for steps in (1, STEPS):
        command = [sys.executable, __file__, who, name, str(steps)]
        printed = subprocess.run(command, input=modules, text=True, check=True, stdout=subprocess.PIPE).stdout
        grown, modules = printed.split(maxsplit=1)
    return int(grown) / 1024


def main() -> None:
    """Measures, prints and stores."""
    if len(sys.argv) > 1:
        child(sys.argv[1], sys.argv[2], int(sys.argv[3]))
        return
    lines = [f"PyTorch {version('torch')}, {STEPS} steps, {THREADS} threads; target: at most 60 % of PyTorch's"]
    for name, second in NAMES.items():
        ours, *theirs = (megabytes(who, name) for who in ("fastnn", "torch", second))
        share = ours / min(theirs)
        reached = "" if share <= 0.6 else ", SHORT"
        lines.append(f"{name:10} fastnn {ours:4.0f} MB, PyTorch {min(theirs):4.0f} MB: {share:.0%}{reached}")
        print(lines[-1], flush=True)
    (HERE / "results" / "memory.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
