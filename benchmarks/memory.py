"""The most memory that training takes: fastnn beside PyTorch, in its faster layout, each but for its import.

`python benchmarks/memory.py` prints the peak of the resident set over some steps of the networks of run.py, each in a
process of its own, and writes results/memory.txt. Target: at most 60 % of PyTorch's.
"""

import resource
import subprocess
import sys
from pathlib import Path

from fastnn.bench.contenders import fastnn_task
from fastnn.bench.pictures import PICTURES
from rival_pictures import torch_task

HERE = Path(__file__).parent
STEPS = 20


def peak() -> int:
    """Of this process so far, in KB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def child(who: str, name: str) -> None:
    """Trains, and prints what it took more than the import."""
    workload = PICTURES[name]
    if who == "torch":
        import torch  # noqa: F401
    before = peak()
    task = fastnn_task(workload, 2) if who == "fastnn" else torch_task(workload, 2, last=True)
    for i in range(STEPS):
        task.call(*task.batches[i % len(task.batches)])
    print(peak() - before)


def main() -> None:
    """Measures, prints and stores."""
    if len(sys.argv) == 3:
        child(*sys.argv[1:])
        return
    lines = []
    for name in ("cnn_mnist", "cnn_cifar", "resnet"):
        ours, theirs = (
            int(subprocess.run([sys.executable, __file__, who, name], check=True, capture_output=True).stdout)
            for who in ("fastnn", "torch")
        )
        lines.append(f"{name}: fastnn {ours / 1024:.0f} MB, PyTorch {theirs / 1024:.0f} MB, {ours / theirs:.0%} (60 %)")
        print(lines[-1], flush=True)
    (HERE / "results" / "memory.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
