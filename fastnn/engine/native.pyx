"""What a thread needs to run native code: enough stack for the kernels, and an interpreter to return to."""

import atexit
import os
import time

cdef extern from "Python.h":
    """
    #ifdef __linux__
    #include <pthread.h>
    #endif
    #ifdef __GLIBC__
    #define FASTNN_TLS __thread __attribute__((tls_model("initial-exec"))) /* a load instead of a call */
    #else
    #define FASTNN_TLS __thread
    #endif

    /* The largest frame that csrc may have, 16 KB, and what calls it. */
    enum { FASTNN_STACK = 32 << 10 };

    static FASTNN_TLS uintptr_t fastnn_lowest = UINTPTR_MAX; /* where a run may begin; not known before the first */

    static int fastnn_find_stack(uintptr_t here) {
    #ifdef __linux__
        pthread_attr_t attributes;
        void *bottom;
        size_t size, guard;
        if (pthread_getattr_np(pthread_self(), &attributes)) return 1;
        const int known = !pthread_attr_getstack(&attributes, &bottom, &size)
            && !pthread_attr_getguardsize(&attributes, &guard);
        pthread_attr_destroy(&attributes);
        if (!known || here - (uintptr_t)bottom >= size) return 1; /* a coroutine's stack, say, of unknown size */
        fastnn_lowest = (uintptr_t)bottom + guard + FASTNN_STACK;
        return here >= fastnn_lowest;
    #else
        fastnn_lowest = 0; /* not known on other systems */
        return 1;
    #endif
    }
    static inline int fastnn_stack_fits(void) {
        const uintptr_t here = (uintptr_t)__builtin_frame_address(0);
        return here >= fastnn_lowest || fastnn_find_stack(here);
    }
    """
    int FASTNN_STACK
    bint fastnn_stack_fits() noexcept
    unsigned long PyThread_get_thread_ident()

cdef int _away = 0             # runs in progress that have released the GIL
cdef unsigned long _last = 0   # the thread that shuts the interpreter down, 0 before


def stack_needed() -> int:
    """Bytes of stack that must be left when a run starts."""
    return FASTNN_STACK


cdef int enough_stack() except -1:
    """Raises RuntimeError in a thread whose stack the kernels would overrun."""
    if not fastnn_stack_fits():
        raise RuntimeError(
            f"fastnn needs {FASTNN_STACK >> 10} KB of stack, more than this thread has left; "
            "call threading.stack_size(262144), or more, before the thread is created"
        )
    return 0


cdef bint closing() noexcept nogil:
    """Whether the interpreter is shutting down: long runs end at the next step."""
    return _last != 0


cdef int leave_interpreter() except -1:
    """Before a run releases the GIL. In a daemon thread during the interpreter's shutdown raises SystemExit.

    Such a thread is stopped by the interpreter as soon as it asks for the GIL again; in the middle of native code, an
    OpenMP region or a layer written in Python, that could abort the process.
    """
    global _away
    if _last != 0 and _last != PyThread_get_thread_ident():
        raise SystemExit("the interpreter is shutting down")
    _away += 1
    return 0


cdef void return_to_interpreter() noexcept:
    """After it has the GIL again."""
    global _away
    _away -= 1


def _shut_down() -> None:
    """Waits for the steps that daemon threads are in, up to a second."""
    global _last
    _last = PyThread_get_thread_ident()
    until = time.monotonic() + 1
    while _away > 0 and time.monotonic() < until:
        time.sleep(0.001)


def _in_child() -> None:
    """After a fork: the other threads no longer exist."""
    global _away
    _away = 0


atexit.register(_shut_down)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
