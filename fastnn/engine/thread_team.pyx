"""Threads: the parallel loop, and the helper that halves the loops of short predictions.

A long enough loop opens an OpenMP region, one at a time in a process: a second one runs serially instead of
oversubscribing. Opening one costs 2 us, and 50 us once its threads sleep, too much for a prediction of a few
microseconds. Where such predictions follow each other closely, a thread of our own, awake for as long, takes half of
their loops: it costs 0.2 us a loop, and the weights stay divided between two cores' caches. The caller waits for it
only if it has taken a part. A forked child runs serially: no thread survives a fork.
"""

from libc.stdint cimport int64_t

cdef extern from *:
    """
    #include <time.h>

    #ifdef _OPENMP
    #include <omp.h>
    #define FASTNN_OPENMP _OPENMP
    #else
    #define FASTNN_OPENMP 0
    #endif
    #ifndef _WIN32
    #include <pthread.h>
    #include <sched.h>
    #include <signal.h>
    #endif

    typedef void (*fastnn_work)(void *context, Py_ssize_t index, Py_ssize_t parts, int thread);

    static int fastnn_serial, fastnn_open;
    static int fastnn_forks;          /* generations since this process was the parent */
    static __thread int fastnn_leads; /* whether this thread has the helper */

    static int fastnn_enter(void) {
        int closed = 0;
        return !__atomic_load_n(&fastnn_serial, __ATOMIC_RELAXED)
            && __atomic_compare_exchange_n(&fastnn_open, &closed, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
    }
    static void fastnn_leave(void) { __atomic_store_n(&fastnn_open, 0, __ATOMIC_RELEASE); }

    /* In C, for Cython's prange asks the interpreter whether this thread has the GIL: once it has had a
     * sub-interpreter, or is gone while a daemon thread is still here, Python 3.11 says yes, and the process aborts. */
    static void fastnn_region(int size, Py_ssize_t parts, fastnn_work work, void *context) {
    #ifdef _OPENMP
        #pragma omp parallel for num_threads(size) schedule(static)
        for (Py_ssize_t i = 0; i < parts; i++) work(context, i, parts, omp_get_thread_num());
    #else
        for (Py_ssize_t i = 0; i < parts; i++) work(context, i, parts, 0);
    #endif
    }

    static int64_t fastnn_now(void) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * 1000000000ll + t.tv_nsec;
    }

    #if defined(__x86_64__) || defined(__i386__)
    #define fastnn_pause() __builtin_ia32_pause()
    #else
    #define fastnn_pause() (void)0
    #endif

    /* The loop in progress: its number << 32 | how many of its parts are not taken. A thread that changes it has taken
     * a part, and only then are the other fields surely this loop's. */
    static uint64_t fastnn_loop __attribute__((aligned(128)));
    static struct { fastnn_work work; void *context; Py_ssize_t parts; } fastnn_given;
    static Py_ssize_t fastnn_done __attribute__((aligned(128)));
    static int fastnn_ready __attribute__((aligned(128))); /* whether the helper is awake */
    static int fastnn_hired;                               /* whether it exists */

    /* Does one part of the loop, if any is left. */
    static int fastnn_take(int thread) {
        uint64_t loop = __atomic_load_n(&fastnn_loop, __ATOMIC_ACQUIRE);
        const uint32_t left = (uint32_t)loop;
        if (!left || !__atomic_compare_exchange_n(&fastnn_loop, &loop, loop - 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            return 0;
        fastnn_given.work(fastnn_given.context, left - 1, fastnn_given.parts, thread);
        __atomic_fetch_add(&fastnn_done, 1, __ATOMIC_RELEASE);
        return 1;
    }
    static void fastnn_give_out(Py_ssize_t parts, fastnn_work work, void *context) {
        const uint64_t number = (fastnn_loop >> 32) + 1;
        fastnn_given.work = work, fastnn_given.context = context, fastnn_given.parts = parts;
        __atomic_store_n(&fastnn_done, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&fastnn_loop, number << 32 | (uint32_t)parts, __ATOMIC_RELEASE);
        while ((uint32_t)__atomic_load_n(&fastnn_loop, __ATOMIC_ACQUIRE)) fastnn_take(0);
        while (__atomic_load_n(&fastnn_done, __ATOMIC_ACQUIRE) < parts) fastnn_pause();
    }

    #ifdef _WIN32
    static void fastnn_wake(void) {}
    static void fastnn_watch_forks(void) {}
    #else
    static pthread_mutex_t fastnn_mutex = PTHREAD_MUTEX_INITIALIZER;
    static pthread_cond_t fastnn_called = PTHREAD_COND_INITIALIZER;

    static void *fastnn_help(void *nothing) {
        for (;;) {
            for (int spins = 0; spins < 4000; spins++) /* 0.1 ms */
                if (fastnn_take(1)) spins = 0;
                else fastnn_pause();
            pthread_mutex_lock(&fastnn_mutex);
            __atomic_store_n(&fastnn_ready, 0, __ATOMIC_RELEASE);
            while (!__atomic_load_n(&fastnn_ready, __ATOMIC_RELAXED)) pthread_cond_wait(&fastnn_called, &fastnn_mutex);
            pthread_mutex_unlock(&fastnn_mutex);
        }
        return nothing;
    }
    /* Wakes the helper for the next time, or hires it; signals are for other threads. */
    static void fastnn_wake(void) {
        pthread_mutex_lock(&fastnn_mutex);
        __atomic_store_n(&fastnn_ready, 1, __ATOMIC_RELEASE);
        if (fastnn_hired) {
            pthread_cond_signal(&fastnn_called);
        } else {
            pthread_t thread;
            sigset_t all, before;
            sigfillset(&all);
            pthread_sigmask(SIG_SETMASK, &all, &before);
            fastnn_hired = pthread_create(&thread, NULL, fastnn_help, NULL) == 0;
            pthread_sigmask(SIG_SETMASK, &before, NULL);
            if (fastnn_hired) pthread_detach(thread);
            else fastnn_ready = 0;
        }
        pthread_mutex_unlock(&fastnn_mutex);
    }

    static void fastnn_in_child(void) {
        fastnn_serial = 1;
        fastnn_forks++;
        fastnn_open = fastnn_leads = 0;
    }
    static void fastnn_watch_forks(void) { pthread_atfork(NULL, NULL, fastnn_in_child); }
    #endif
    """
    int FASTNN_OPENMP
    int fastnn_serial
    int fastnn_forks
    int fastnn_leads
    int fastnn_ready
    int64_t fastnn_now() noexcept nogil
    int fastnn_enter() noexcept nogil
    void fastnn_leave() noexcept nogil
    void fastnn_region(int size, Py_ssize_t parts, Work work, void *context) noexcept nogil
    void fastnn_give_out(Py_ssize_t parts, Work work, void *context) noexcept nogil
    void fastnn_wake() noexcept nogil
    void fastnn_watch_forks()

# The least work that pays for a thread: of a region, and of a loop that is halved with the helper.
cdef double FOR_REGION = 15e3
cdef double FOR_HELPER = 1e3
# From here on, a region's own cost is negligible.
cdef double LONGEST_HELPED = 300e3

# The helper is called where predictions follow each other like this, and the last region's threads are asleep (ns).
cdef int64_t CLOSE = 50_000
cdef int64_t ASLEEP = 10_000_000

# The time that it saves is credited to an account, up to a limit, and the time lost waiting for it is debited: other
# processes may need its processor. When the account is empty it rests, for longer each time.
cdef int64_t MOST_SAVED = 200_000
cdef int64_t SHORTEST_REST = 10_000_000
cdef int64_t LONGEST_REST = 1_000_000_000

cdef int64_t _called = 0  # when the helper was, last
cdef int64_t _closed = 0  # when a region was, last
cdef int64_t _until = 0   # the end of the helper's rest
cdef int64_t _rest = 0    # its length
cdef int64_t _saved = MOST_SAVED


cdef int forks() noexcept nogil:
    """How often this process and its ancestors have been forked since the import: tells a child from its parent."""
    return fastnn_forks


cdef bint serial() noexcept nogil:
    """Whether this process has one thread only, for good."""
    return fastnn_serial


cdef int size_for(double nanoseconds, int most) noexcept nogil:
    """The number of threads that this much work in one loop is worth."""
    if fastnn_leads:
        return 2 if nanoseconds >= 2 * FOR_HELPER and most > 1 else 1
    return <int> max(1.0, min(nanoseconds / FOR_REGION, <double> most))


cdef void share(int size, Py_ssize_t parts, Work work, void *context) noexcept nogil:
    """Runs work(context, i, parts, thread) for each part i, on `size` threads, or one while a region is open.

    A thread takes neighbouring parts, the same each time: taken in turns, a pass over 12 MB needed 1.8 times as long.
    """
    global _closed
    cdef Py_ssize_t i
    if fastnn_leads:
        fastnn_give_out(parts, work, context)
    elif size > 1 and fastnn_enter():
        fastnn_region(size, parts, work, context)
        _closed = fastnn_now()
        fastnn_leave()
    else:
        for i in range(parts):
            work(context, i, parts, 0)


cdef int call_helper(double nanoseconds, int most) noexcept nogil:
    """How many threads, of `most`, a run of this much work gets; with fastnn_leads set, until `dismiss_helper`.

    A helped run has two. A region's threads stay awake for a while and would be in the helper's way: where runs follow
    each other closely, they run on one thread until those sleep.
    """
    global _called, fastnn_leads
    cdef int64_t now = fastnn_now(), before = _called
    if most < 2 or not 2 * FOR_HELPER <= nanoseconds < (LONGEST_HELPED if most == 2 else 2 * FOR_REGION):
        return most
    _called = now
    if now - before > CLOSE + <int64_t> (2 * nanoseconds) or now < _until:
        return most
    if now - _closed < ASLEEP:
        return 1
    if not fastnn_enter():
        return most
    if not fastnn_ready:
        fastnn_wake()
        fastnn_leave()
        return 1
    fastnn_leads = True
    return 2


cdef void dismiss_helper(double nanoseconds) noexcept nogil:
    """Ends what `call_helper` started, if anything."""
    global _until, _rest, _saved, fastnn_leads
    if not fastnn_leads:
        return
    cdef int64_t now = fastnn_now()
    fastnn_leads = False
    # Estimates are rough: only a run of twice the time or more counts as delayed by waiting.
    cdef int64_t waited = max(0, now - _called - <int64_t> (2 * nanoseconds))
    _saved = min(MOST_SAVED, _saved + <int64_t> (0.2 * nanoseconds) - waited)
    if _saved < 0:
        _rest = min(2 * _rest, LONGEST_REST) if now - _until < LONGEST_REST else SHORTEST_REST
        _until, _saved = now + _rest, MOST_SAVED
    fastnn_leave()


def openmp() -> int:
    """The OpenMP version (yyyymm) that this build uses, 0 for a serial build."""
    return FASTNN_OPENMP


fastnn_watch_forks()
