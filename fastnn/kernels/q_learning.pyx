"""Q-learning: the targets of its values, the network that computes them, and actions that explore."""

from libc.stdint cimport int32_t, uint64_t
from libc.string cimport memcpy

from fastnn.engine cimport csrc
from fastnn.engine.op cimport Op
from fastnn.engine.tensor cimport Tensor, floats
from fastnn.kernels.sharing cimport Flat


cdef class TDTarget(Op):
    """y_i = reward_i + discount_i q_i[argmax_j choice_i[j]]; choice None: q itself. All float32.

    q: the values of the next observation by the target network, (rows, actions); choice: those by the network that
    learns, van Hasselt et al. 2016, eq. 4. reward, discount, y: (rows, 1).
    """

    cdef const float *q
    cdef const float *choice
    cdef const float *reward
    cdef const float *discount
    cdef float *y
    cdef Py_ssize_t actions

    def __init__(self, Tensor q, Tensor choice or None, Tensor reward, Tensor discount, Tensor y) -> None:
        cdef Tensor each
        if choice is not None and (choice.rows != q.rows or choice.columns != q.columns):
            raise ValueError(f"TDTarget: expected values of equal shapes, got {q.shape} and {choice.shape}")
        for each in (reward, discount, y):
            if each.rows != q.rows or each.columns != 1:
                raise ValueError(f"TDTarget: expected ({q.rows}, 1), got {each.shape}")
        self.q, self.choice, self.actions = floats(q), floats(q if choice is None else choice), q.columns
        self.reward, self.discount, self.y = floats(reward), floats(discount), floats(y)
        self.bind((q, choice, reward, discount, y))

    cdef void run(self) noexcept nogil:
        cdef Py_ssize_t i, j, best, n = self.actions
        cdef const float *choice = self.choice
        for i in range(self.state.rows):
            best = 0
            for j in range(1, n):
                if choice[i * n + j] > choice[i * n + best]:
                    best = j
            self.y[i] = self.reward[i] + self.discount[i] * self.q[i * n + best]


cdef class CopyEvery(Flat):
    """y = x after each `every` updates: the target network of Mnih et al. 2015."""

    cdef const float *x
    cdef float *y
    cdef Py_ssize_t every
    cdef bint due

    def __init__(self, Tensor x, Tensor y, *, every: int) -> None:
        self.x, self.y, self.every = floats(x), floats(y), every
        self.bind_equal((x, y))

    cdef void prepare(self) noexcept nogil:
        self.due = (self.state.update + 1) % <uint64_t> self.every == 0

    cdef void span(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
        if self.due:
            memcpy(self.y + start, self.x + start, 4 * n)


cdef class Explore(Op):
    """action_i = one of all actions, each as likely, with probability epsilon; else as it is. action: int32 (rows, 1).

    epsilon may be set between runs. The random numbers are those of the seed at the run's step.
    """

    cdef public double epsilon
    cdef int32_t *action
    cdef Py_ssize_t actions
    cdef csrc.fastnn_random random

    def __init__(self, Tensor action, *, actions: int, seed: int) -> None:
        if action.dtype != "int32" or action.columns != 1:
            raise ValueError(f"Explore: expected int32 (rows, 1), got {action!r}")
        self.action, self.actions, self.random.seed = <int32_t *> action.data, actions, seed
        self.bind((action,))

    cdef void run(self) noexcept nogil:
        cdef csrc.fastnn_random random = self.random
        cdef float[64] numbers
        cdef Py_ssize_t i
        if self.epsilon == 0:
            return
        random.step = self.state.step
        for i in range(self.state.rows):
            if i % 32 == 0:
                self.table.uniform(64, 2 * i, random, numbers)
            if numbers[2 * (i % 32)] < self.epsilon:
                self.action[i] = <int32_t> (numbers[2 * (i % 32) + 1] * <double> self.actions)
