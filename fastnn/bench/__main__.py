"""A contender's process: `python -m fastnn.bench MODULE CONTENDER WORKLOAD THREADS`.

Each line on standard input is a number of seconds: it measures that long and prints the best time per unit in
microseconds.
"""

import sys
from importlib import import_module

from fastnn.bench.contest import Maker, measure
from fastnn.bench.workloads import WORKLOADS


def main() -> None:
    """Measures for each line on standard input."""
    module, name, workload, threads = sys.argv[1:]
    maker: Maker = import_module(module).CONTENDERS[name]
    task = maker(WORKLOADS[workload], int(threads))
    if task is not None:
        for arguments in task.batches * 2:
            task.call(*arguments)
    print("ready" if task is not None else "out", flush=True)
    for line in sys.stdin:
        assert task is not None
        print(measure(task, float(line)), flush=True)


if __name__ == "__main__":
    main()
