"""The speed of fastnn compared with careful pure NumPy: what `fastnn bench` prints."""

from fastnn.bench.contest import compare
from fastnn.bench.workloads import NETWORKS
from fastnn.engine.config import show_config
from fastnn.engine.thread_count import get_num_threads

MODULE = "fastnn.bench.contenders"
ROUNDS = 3


def run(threads: int | None = None, seconds: float = 10.0) -> None:
    """Prints the time of each workload for fastnn and for NumPy on equal numbers of threads, and their ratio.

    threads: None is fastnn's default. seconds: the approximate total time.
    """
    count = threads or get_num_threads()
    show_config()
    print(f"\n{'workload':12} {'fastnn':>11} {'NumPy':>11} {'ratio':>6}  on {count} thread{'s' if count > 1 else ''}")
    share = seconds / (2 * ROUNDS * len(NETWORKS))
    entrants = [(MODULE, name, count) for name in ("fastnn", "numpy")]
    for workload in NETWORKS.values():
        ours, theirs = compare(entrants, workload.name, ROUNDS, share)
        print(f"{workload.name:12} {ours:8.2f} us {theirs:8.2f} us {theirs / ours:6.2f}  {workload.unit}", flush=True)
