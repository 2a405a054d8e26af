"""Transitions: what an agent observed, did and was rewarded with, in a ring for each environment."""

from collections.abc import Sequence
from typing import Any

from libc.math cimport isfinite
from libc.string cimport memcmp, memcpy

cimport numpy as cnp

import numpy as np

from fastnn.data.step cimport chosen, flags, number, truth, values_of
from fastnn.data.sum_tree cimport SumTree
from fastnn.engine cimport thread_team

from fastnn.common import checks
from fastnn.common.randomness import checked_seed
from fastnn.engine.port import TYPES

cdef extern from "pythread.h":
    void *PyThread_allocate_lock() noexcept nogil
    void PyThread_free_lock(void *lock) noexcept nogil
    int PyThread_acquire_lock(void *lock, int wait) noexcept nogil
    void PyThread_release_lock(void *lock) noexcept nogil

cnp.import_array()

cdef enum:
    EMPTY = 0    # no step begins here
    PENDING = 1  # one whose next n_step rewards are not known yet
    READY = 2    # one that can be drawn


cdef class Transitions:
    """A ring of slots for each environment: each slot an observation, and the step that was taken from it.

    The observation that a step leads to is that of a later slot, stored once. reward: the sum of gamma^k r_k over the
    next n_step steps, fewer where the episode ends; discount: what multiplies the value of the observation at slot
    `next`: gamma^n, or 0 where the episode terminated. Steps are added and drawn with the lock held, by any threads.
    """

    def __init__(
        self,
        capacity: int,
        observation: Sequence[int],
        actions: int | Sequence[int],
        dtype: str = "float32",
        n_step: int = 1,
        gamma: float = 0.99,
        environments: int = 1,
        alpha: float = 0.0,
        seed: int | None = None,
    ) -> None:
        if self.arrays is not None:
            raise RuntimeError("a memory cannot be initialized twice")
        self.environments = checks.integer("environments", environments)
        self.n_step = checks.integer("n_step", n_step)
        self.capacity = checks.integer("capacity", capacity, self.environments * (self.n_step + 2), 2**40)
        self.shape, self.dtype = checks.shape("observation", observation), checks.known("dtype", dtype, TYPES)
        self.gamma, self.seed = checks.real("gamma", gamma, 0, 1), checked_seed(seed)
        self.key = self.seed
        self.alpha = checks.real("alpha", alpha, 0)
        self.ring = self.capacity // self.environments
        cdef Py_ssize_t slots = self.ring * self.environments
        if isinstance(actions, Sequence):
            self.actions, self.action_shape = 0, checks.shape("actions", actions)
        else:
            self.actions, self.action_shape = checks.integer("actions", actions, 1, 2**31 - 1), ()
        self.kind = np.dtype(self.dtype).num
        self.priorities = SumTree(slots) if self.alpha else None
        self.arrays = {
            "observation": np.zeros((slots, *self.shape), self.dtype),
            "action": np.zeros((slots, *self.action_shape), np.int32 if self.actions else np.float32),
            "reward": np.zeros(slots, np.float32),
            "discount": np.zeros(slots, np.float32),
            "next": np.zeros(slots, np.int64),
            "status": np.zeros(slots, np.uint8),
            "head": np.zeros(self.environments, np.int64),
            "pending": np.zeros(self.environments, np.int64),
            "continues": np.zeros(self.environments, np.uint8),
        }
        if self.alpha:
            self.arrays["priorities"] = self.priorities.array
        self.filled, self.greatest, self.process = 0, 1.0, thread_team.forks()
        self.lock = PyThread_allocate_lock()
        if self.lock == NULL:
            raise MemoryError
        self.point()

    def __dealloc__(self) -> None:
        if self.lock != NULL:
            PyThread_free_lock(self.lock)

    cdef void point(self) except *:
        """Takes the pointers of the arrays."""
        cdef dict given = self.arrays
        self.row = given["observation"][0].nbytes
        self.action_row = given["action"][0].nbytes
        self.observation = <char *> cnp.PyArray_DATA(given["observation"])
        self.action = <char *> cnp.PyArray_DATA(given["action"])
        self.reward = <float *> cnp.PyArray_DATA(given["reward"])
        self.discount = <float *> cnp.PyArray_DATA(given["discount"])
        self.next = <int64_t *> cnp.PyArray_DATA(given["next"])
        self.status = <uint8_t *> cnp.PyArray_DATA(given["status"])
        self.head = <int64_t *> cnp.PyArray_DATA(given["head"])
        self.pending = <int64_t *> cnp.PyArray_DATA(given["pending"])
        self.continues = <uint8_t *> cnp.PyArray_DATA(given["continues"])

    cdef void acquire(self) noexcept nogil:
        """Waits for another thread that adds or draws; it holds the lock for microseconds, and needs no GIL."""
        if self.process != thread_team.forks():  # the thread that held it is not in this process
            self.process = thread_team.forks()
            self.lock = PyThread_allocate_lock()
        PyThread_acquire_lock(self.lock, 1)

    cdef void release(self) noexcept nogil:
        PyThread_release_lock(self.lock)

    # Adding.

    def add(
        self,
        observation: Any,
        action: Any,
        reward: Any,
        next_observation: Any,
        terminated: Any,
        truncated: Any = False,
    ) -> None:
        """Add a step of each environment.

        Where the next step does not begin with the observation that this one led to, the episode counts as truncated.

        Parameters
        ----------
        observation, next_observation : array
            Before and after the step: of the observation's shape, or (environments, ...) for several.
        action : int, or array
            The action taken, for several environments (environments, ...).
        reward : float, or array (environments,)
        terminated : bool, or array (environments,)
            Whether the episode ended by itself, so that nothing more is to be expected.
        truncated : bool, or array (environments,), default False
            Whether it was broken off, by a limit of time: then the value of next_observation counts.

        Raises
        ------
        TypeError, ValueError
            For values that do not fit, or are not finite: nothing is added.
        """
        if self.environments == 1:
            self.add_one(observation, action, reward, next_observation, terminated, truncated)
        else:
            self.add_all(observation, action, reward, next_observation, terminated, truncated)

    cdef void add_one(
        self, object observation, object action, object reward, object next_observation, object terminated,
        object truncated
    ) except *:
        cdef cnp.ndarray s = values_of("observation", observation, self.shape, self.kind)
        cdef cnp.ndarray s2 = values_of("next_observation", next_observation, self.shape, self.kind)
        cdef double r = number(reward)
        cdef int32_t number_of_action
        cdef cnp.ndarray values
        cdef char *taken = <char *> &number_of_action
        if self.actions:
            number_of_action = chosen(action, self.actions)
        else:
            values = values_of("action", action, self.action_shape, cnp.NPY_FLOAT32)
            taken = <char *> cnp.PyArray_DATA(values)
        cdef bint ended = truth("terminated", terminated), cut = truth("truncated", truncated)
        if not isfinite(<float> r):
            raise ValueError(f"reward: expected a finite number, got {reward}")
        self.acquire()
        self.put(0, <char *> cnp.PyArray_DATA(s), taken, <float> r, <char *> cnp.PyArray_DATA(s2), ended, cut)
        self.release()

    cdef void add_all(
        self, object observation, object action, object reward, object next_observation, object terminated,
        object truncated
    ) except *:
        cdef Py_ssize_t e, n = self.environments
        cdef cnp.ndarray s = values_of("observation", observation, (n, *self.shape), self.kind)
        cdef cnp.ndarray s2 = values_of("next_observation", next_observation, (n, *self.shape), self.kind)
        cdef cnp.ndarray r = values_of("reward", reward, (n,), cnp.NPY_FLOAT32)
        cdef int kind = cnp.NPY_INT32 if self.actions else cnp.NPY_FLOAT32
        cdef cnp.ndarray a = values_of("action", action, (n, *self.action_shape), kind)
        cdef cnp.ndarray ended = flags("terminated", terminated, n), cut = flags("truncated", truncated, n)
        if self.actions and not ((a >= 0) & (a < self.actions)).all():
            raise ValueError(f"action: expected integers from 0 to {self.actions - 1}, got {a}")
        self.acquire()
        for e in range(n):
            self.put(
                e,
                <char *> cnp.PyArray_DATA(s) + e * self.row,
                <char *> cnp.PyArray_DATA(a) + e * self.action_row,
                (<float *> cnp.PyArray_DATA(r))[e],
                <char *> cnp.PyArray_DATA(s2) + e * self.row,
                (<uint8_t *> cnp.PyArray_DATA(ended))[e],
                (<uint8_t *> cnp.PyArray_DATA(cut))[e],
            )
        self.release()

    cdef void put(
        self, Py_ssize_t e, const char *s, const char *action, float reward, const char *s2, bint terminated,
        bint truncated
    ) noexcept nogil:
        """A step of environment e; all is checked, and the lock is held."""
        cdef Py_ssize_t base = e * self.ring, p = self.head[e], q, i, slot
        cdef bint continues = self.continues[e]
        if continues and memcmp(self.observation + (base + p) * self.row, s, self.row) != 0:
            self.end(e)  # its steps lead to the observation at p, which is kept
            p, continues = (p + 1) % self.ring, False
        if not continues:
            self.clear(base + p)
            memcpy(self.observation + (base + p) * self.row, s, self.row)
        q = (p + 1) % self.ring
        self.clear(base + q)
        memcpy(self.observation + (base + q) * self.row, s2, self.row)
        memcpy(self.action + (base + p) * self.action_row, action, self.action_row)
        self.reward[base + p], self.discount[base + p], self.status[base + p] = 0, 1, PENDING
        self.pending[e] += 1
        for i in range(self.pending[e]):
            slot = base + (p - i + self.ring) % self.ring
            self.reward[slot] += self.discount[slot] * reward
            self.discount[slot] = 0 if terminated else self.discount[slot] * <float> self.gamma
            self.next[slot] = base + q
        self.filled = max(self.filled, p + 2 if p + 2 < self.ring else self.ring)
        self.head[e], self.continues[e] = q, True
        if terminated or truncated:
            self.end(e)
            if truncated and not terminated:  # the observation at q is needed
                self.head[e] = (q + 1) % self.ring
        elif self.pending[e] == self.n_step:
            self.finish(base + (p - self.n_step + 1 + self.ring) % self.ring)
            self.pending[e] -= 1

    cdef void end(self, Py_ssize_t e) noexcept nogil:
        """The episode of environment e ends before its head: the pending steps are known now."""
        cdef Py_ssize_t i, base = e * self.ring
        for i in range(self.pending[e], 0, -1):
            self.finish(base + (self.head[e] - i + self.ring) % self.ring)
        self.pending[e], self.continues[e] = 0, False

    cdef void clear(self, Py_ssize_t slot) noexcept nogil:
        """Forgets the step that begins at a slot."""
        if self.status[slot] == READY:
            self.ready -= 1
            if self.alpha:
                self.priorities.set(slot, 0)
        self.status[slot] = EMPTY

    cdef void finish(self, Py_ssize_t slot) noexcept nogil:
        """The step that begins at a slot can be drawn from now on."""
        self.status[slot] = READY
        self.ready += 1
        if self.alpha:
            self.priorities.set(slot, self.greatest)

    # Drawing.

    cdef Py_ssize_t pick(self, double share) noexcept nogil:
        """The slot at this share, from 0 to 1, of all that were written, or -1 if no known step begins there."""
        cdef Py_ssize_t i = <Py_ssize_t> (share * <double> (self.environments * self.filled))
        cdef Py_ssize_t slot = i // self.filled * self.ring + i % self.filled
        return slot if self.status[slot] == READY else -1

    def __len__(self) -> int:
        """The steps that can be drawn."""
        return self.ready

    # Files.

    def kept(self) -> tuple[dict[str, float], dict[str, np.ndarray]]:
        """The counts that are not in the arrays, and copies of these: all of one moment, also while threads add."""
        cdef dict copies = {name: np.empty_like(array) for name, array in self.arrays.items()}
        cdef Py_ssize_t ready, filled
        cdef double greatest
        cdef list sources = list(self.arrays.values()), targets = list(copies.values())
        self.acquire()
        copy(sources, targets)
        ready, filled, greatest = self.ready, self.filled, self.greatest
        self.release()
        return {"ready": ready, "filled": filled, "greatest": greatest}, copies

    def check(self, counts: dict[str, float], arrays: dict[str, np.ndarray]) -> None:
        """Raises ValueError for what `kept` does not return of such a memory: many of the numbers are places."""
        status, slots = arrays["status"].reshape(self.environments, self.ring), self.ring * self.environments
        filled, greatest = checks.integer("filled", counts["filled"], 0, self.ring), counts["greatest"]
        limits = {"status": READY + 1, "next": slots, "head": self.ring, "pending": self.n_step, "continues": 2}
        limits |= {"action": self.actions} if self.actions else {}
        fits = all(((arrays[name] >= 0) & (arrays[name] < limit)).all() for name, limit in limits.items())
        fits = fits and counts["ready"] == (status == READY).sum() and not status[:, filled:].any()
        fits = fits and 0 < greatest < 1e300
        if self.alpha:
            sums = arrays["priorities"]
            leaves = sums[self.priorities.leaves:]
            fits = fits and (0 <= sums).all() and np.isfinite(sums).all() and not leaves[slots:].any()
            fits = fits and ((leaves[:slots] > 0) == (status.ravel() == READY)).all()
            fits = fits and (sums[1:self.priorities.leaves] == sums[2::2] + sums[3::2]).all()
        if not fits:
            raise ValueError("the file of a memory is damaged: its places, counts or priorities do not fit each other")

    def restore(self, counts: dict[str, float], arrays: dict[str, np.ndarray]) -> None:
        """Returns to what `kept` returned, of a memory of the same settings."""
        cdef Py_ssize_t ready = counts["ready"], filled = counts["filled"]
        cdef double greatest = counts["greatest"]
        cdef list targets = list(self.arrays.values())
        cdef list sources = [np.ascontiguousarray(arrays[name], array.dtype) for name, array in self.arrays.items()]
        self.acquire()
        copy(sources, targets)
        self.ready, self.filled, self.greatest = ready, filled, greatest
        self.release()

    def __reduce__(self) -> tuple:
        raise TypeError("a memory cannot be pickled; save() writes it to a file")


cdef void copy(list sources, list targets) noexcept:
    """Copies arrays in C order; no other thread gets the GIL meanwhile, since it might wait with it for the lock."""
    cdef cnp.ndarray source, target
    cdef Py_ssize_t i
    for i in range(len(sources)):
        source, target = sources[i], targets[i]
        memcpy(cnp.PyArray_DATA(target), cnp.PyArray_DATA(source), cnp.PyArray_NBYTES(source))
