"""How many threads an op may use.

The number comes from `set_num_threads`, from `threads(n)` for the calling Python thread, else from OMP_NUM_THREADS or
the processors that affinity and the cgroup's quota leave to the process. One parallel region is open at a time in a
process: a second one runs serially instead of oversubscribing. A forked child runs serially: libgomp's threads do not
survive a fork, whoever in the parent had it start them.
"""

import contextlib
import math
import os
from collections.abc import Iterator

from cython.parallel cimport prange, threadid

cdef extern from *:
    """
    static int fastnn_threads = 1;           /* for every Python thread that has no limit of its own */
    static __thread int fastnn_own_threads;  /* 0: none */
    static int fastnn_region_open, fastnn_serial;
    static int fastnn_forks; /* generations since this process was the parent */

    #ifdef _OPENMP
    #define FASTNN_OPENMP _OPENMP
    #else
    #define FASTNN_OPENMP 0
    #endif

    static int fastnn_enter(void) {
        int closed = 0;
        if (__atomic_load_n(&fastnn_serial, __ATOMIC_RELAXED)) return 0;
        if (!__atomic_compare_exchange_n(&fastnn_region_open, &closed, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            return 0;
        return 1;
    }
    static void fastnn_leave(void) { __atomic_store_n(&fastnn_region_open, 0, __ATOMIC_RELEASE); }

    static void fastnn_in_child(void) {
        fastnn_serial = 1;
        fastnn_forks++;
        fastnn_region_open = 0;
    }
    #ifdef _WIN32
    static void fastnn_watch_forks(void) { (void)fastnn_in_child; }
    #else
    #include <pthread.h>
    static void fastnn_watch_forks(void) { pthread_atfork(NULL, NULL, fastnn_in_child); }
    #endif
    """
    int FASTNN_OPENMP
    int fastnn_threads
    int fastnn_own_threads
    int fastnn_serial
    int fastnn_forks
    int fastnn_enter() noexcept nogil
    void fastnn_leave() noexcept nogil
    void fastnn_watch_forks()

# A thread is worth waking for this much work of its own: opening a region costs 1 to 2 us hot, far more cold.
cdef double NANOSECONDS_PER_THREAD = 15e3


cdef int allowed() noexcept nogil:
    """Threads that a run started by this thread may use."""
    return fastnn_own_threads or fastnn_threads


cdef int forks() noexcept nogil:
    """How often this process and its ancestors have been forked since the import: tells a child from its parent."""
    return fastnn_forks


cdef int team_for(double nanoseconds, int most) noexcept nogil:
    """Threads that so much work is worth."""
    return <int> max(1.0, min(nanoseconds / NANOSECONDS_PER_THREAD, <double> most))


cdef int enter(int wanted) noexcept nogil:
    """Threads for a region: wanted, or 1 while another is open or after a fork. More than 1 go to `share`."""
    return wanted if wanted > 1 and fastnn_enter() else 1


cdef void share(int team, Py_ssize_t parts, Work work, void *context) noexcept nogil:
    """Runs work(context, i, parts, thread) for each part i on the team that `enter` gave: the one parallel loop."""
    cdef Py_ssize_t i
    for i in prange(parts, num_threads=team, schedule="dynamic", chunksize=1):
        work(context, i, parts, threadid())
    fastnn_leave()


def openmp() -> int:
    """The OpenMP version (yyyymm) that this build uses, 0 for a serial build."""
    return FASTNN_OPENMP


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
    """Lets ops use up to n threads, in every Python thread without a limit of its own (see `threads`).

    Raises ValueError unless n is an integer from 1 to 1024.
    """
    global fastnn_threads
    fastnn_threads = _checked(n)


def get_num_threads() -> int:
    """The number of threads that an op started from this Python thread may use."""
    return 1 if fastnn_serial else allowed()


@contextlib.contextmanager
def threads(n: int) -> Iterator[None]:
    """A context in which this Python thread's ops use up to n threads.

    Raises ValueError unless n is an integer from 1 to 1024.
    """
    global fastnn_own_threads
    cdef int before = fastnn_own_threads
    fastnn_own_threads = _checked(n)
    try:
        yield
    finally:
        fastnn_own_threads = before


fastnn_threads = _default()
fastnn_watch_forks()
