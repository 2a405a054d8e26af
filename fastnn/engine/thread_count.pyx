"""How many threads an op may use.

The number comes from `set_num_threads`, from `threads(n)` for the calling Python thread, else from OMP_NUM_THREADS or
the processors that affinity and the cgroup's quota leave to the process. See `thread_team` for how they work together.
"""

import contextlib
import math
import os
from collections.abc import Iterator

from fastnn.engine cimport thread_team

cdef extern from *:
    """
    static int fastnn_threads = 1;           /* for every Python thread that has no limit of its own */
    static __thread int fastnn_own_threads;  /* 0: none */
    """
    int fastnn_threads
    int fastnn_own_threads


cdef int allowed() noexcept nogil:
    """Threads that a run started by this thread may use."""
    return fastnn_own_threads or fastnn_threads


def _quota() -> float:
    """Processors that the CPU quota of the cgroup, or of one above it, allows; infinity without one."""
    folders = ["/sys/fs/cgroup", "/sys/fs/cgroup/cpu"]
    try:
        with open("/proc/self/cgroup") as file:
            paths = [line.rstrip().split(":", 2)[2].strip("/").split("/") for line in file]
        folders += ["/".join([root, *path[:i]]) for root in folders for path in paths for i in range(1, len(path) + 1)]
    except (OSError, IndexError):
        pass
    return min((quota for folder in folders for quota in _quotas(folder)), default=math.inf)


def _quotas(folder: str) -> Iterator[float]:
    """The quota of a folder, in the files of cgroup v2 or v1."""
    for names in (["cpu.max"], ["cpu.cfs_quota_us", "cpu.cfs_period_us"]):
        fields = []
        try:
            for name in names:
                with open(f"{folder}/{name}") as file:
                    fields += file.read().split()
            if int(fields[0]) > 0:
                yield max(1.0, int(fields[0]) / int(fields[1]))
        except (OSError, ValueError, IndexError, ZeroDivisionError):
            continue


def _default() -> int:
    try:
        processors = len(os.sched_getaffinity(0))
    except AttributeError:
        processors = os.cpu_count() or 1
    processors = int(min(processors, math.ceil(min(_quota(), 1e6))))
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if asked.isdecimal() and int(asked) > 0:
        return min(int(asked), _MOST)
    return processors


_MOST = 1024


def _checked(n: int) -> int:
    if isinstance(n, bool) or not hasattr(n, "__index__") or not 1 <= n.__index__() <= _MOST:
        raise ValueError(f"the number of threads must be an integer from 1 to {_MOST}, got {n!r}")
    return n.__index__()


def set_num_threads(n: int) -> None:
    """Let ops use up to n threads, in every Python thread without a limit of its own (see `threads`).

    Parameters
    ----------
    n : int
        From 1 to 1024.

    Raises
    ------
    ValueError
        For any other n.

    Examples
    --------
    >>> import fastnn as fnn
    >>> before = fnn.get_num_threads()
    >>> fnn.set_num_threads(1)
    >>> fnn.get_num_threads()
    1
    >>> fnn.set_num_threads(before)
    """
    global fastnn_threads
    fastnn_threads = _checked(n)


def get_num_threads() -> int:
    """Return the number of threads that an op started from this Python thread may use.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.get_num_threads() >= 1
    True
    """
    return 1 if thread_team.serial() else allowed()


@contextlib.contextmanager
def threads(n: int) -> Iterator[None]:
    """Limit this Python thread's ops to n threads inside a `with` block.

    Parameters
    ----------
    n : int
        From 1 to 1024.

    Raises
    ------
    ValueError
        For any other n.

    Examples
    --------
    >>> import fastnn as fnn
    >>> with fnn.threads(1):
    ...     fnn.get_num_threads()
    1
    """
    global fastnn_own_threads
    cdef int before = fastnn_own_threads
    fastnn_own_threads = _checked(n)
    try:
        yield
    finally:
        fastnn_own_threads = before


fastnn_threads = _default()
