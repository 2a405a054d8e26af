"""Drawing steps from a replay memory, and their priorities."""

from libc.math cimport fabs, pow
from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from fastnn.data.transitions cimport Transitions
from fastnn.engine cimport csrc
from fastnn.engine.op cimport Op
from fastnn.engine.tensor cimport Tensor, floats

from fastnn.engine.port import TYPES

cdef enum:
    NUMBERS = 64  # random numbers that are drawn at once
    STREAM = 1 << 30  # of random numbers, which no layer has

cdef double LEAST = 1e-6  # an error of 0 leaves a priority
# Of a priority: sums of any number of them are finite, and none is 0, which stands for a slot without a step.
cdef double SMALLEST = 1e-100, GREATEST = 1e100


cdef class Sample(Op):
    """Draws steps: observation, next_observation (rows, columns), action (rows, 1) int32 or (rows, n), and numbers.

    Each step alike, or in proportion to its priority, from equal shares of their sum; weight (rows, 1) is then
    (n p_i / sum p)^-beta over its maximum in the batch, Schaul et al. 2016, section 3.4. The random numbers are those
    of the memory's seed at the run's step. Fewer steps in the memory than rows are an error.
    """

    cdef Transitions memory
    cdef float *s
    cdef float *s2
    cdef char *action
    cdef float *reward
    cdef float *discount
    cdef float *weight
    cdef int64_t *slots
    cdef int64_t *ends
    cdef csrc.fastnn_array source
    cdef Py_ssize_t columns
    cdef double beta
    cdef float[NUMBERS] numbers
    cdef Py_ssize_t used

    def __init__(
        self,
        Transitions memory,
        Tensor observation,
        Tensor next_observation,
        Tensor action,
        Tensor reward,
        Tensor discount,
        Tensor weight or None = None,
        *,
        beta: float = 0.4,
    ) -> None:
        cdef Tensor each
        cdef Py_ssize_t rows = observation.rows, n = 1
        for length in memory.shape:
            n *= length
        if not observation.columns == next_observation.columns == n:
            raise ValueError(f"Sample: the memory's observations are {memory.shape}, got {observation.shape}")
        if action.dtype != ("int32" if memory.actions else "float32") or 4 * action.columns != memory.action_row:
            raise ValueError(f"Sample: the memory's actions are {memory.action_shape}, got {action!r}")
        for each in (next_observation, action, reward, discount, weight):
            if each is not None and each.rows != rows:
                raise ValueError(f"Sample: expected {rows} rows, got {each!r}")
        for each in (reward, discount, weight):
            if each is not None and each.columns != 1:
                raise ValueError(f"Sample: expected one number a row, got {each!r}")
        self.slots = <int64_t *> calloc(2 * rows, sizeof(int64_t))
        if self.slots == NULL:
            raise MemoryError
        self.memory, self.columns, self.beta, self.ends = memory, n, beta, self.slots + rows
        self.s, self.s2, self.action = floats(observation), floats(next_observation), <char *> action.data
        self.reward, self.discount, self.weight = floats(reward), floats(discount), floats(weight)
        self.source.row, self.source.type = memory.row, TYPES.index(memory.dtype)
        self.bind((observation, next_observation, action, reward, discount, weight))

    def __dealloc__(self) -> None:
        free(self.slots)

    cdef void run(self) noexcept nogil:
        cdef Py_ssize_t i, n = self.state.rows
        self.memory.acquire()
        if self.memory.ready < n:
            self.memory.release()
            self.fail(0)
            return
        self.used = 0
        for i in range(n):
            self.slots[i] = self.draw(i, n)
            self.ends[i] = self.memory.next[self.slots[i]]
            self.reward[i], self.discount[i] = self.memory.reward[self.slots[i]], self.memory.discount[self.slots[i]]
            memcpy(
                self.action + i * self.memory.action_row,
                self.memory.action + self.slots[i] * self.memory.action_row,
                self.memory.action_row,
            )
        self.source.data = self.memory.observation
        self.gather(n, self.slots, self.s)
        self.gather(n, self.ends, self.s2)
        if self.weight != NULL:
            self.weigh(n)
        self.memory.release()

    cdef void gather(self, Py_ssize_t rows, const int64_t *slots, float *y) noexcept nogil:
        self.table.gather(rows, self.columns, self.columns, &self.source, 0, slots, csrc.fastnn_unchecked, y)

    cdef Py_ssize_t draw(self, Py_ssize_t row, Py_ssize_t rows) noexcept nogil:
        """A slot for a row of the batch."""
        cdef Py_ssize_t slot = -1
        if self.memory.alpha:
            return self.memory.priorities.find((row + self.number()) / rows)
        while slot < 0:  # most slots have a step that is known
            slot = self.memory.pick(self.number())
        return slot

    cdef double number(self) noexcept nogil:
        """The next random number in [0, 1), of 48 bits."""
        cdef csrc.fastnn_random random
        cdef double high
        if self.used % NUMBERS == 0:
            random.seed, random.step, random.stream = self.memory.key, self.state.step, STREAM
            self.table.uniform(NUMBERS, self.used, random, self.numbers)
        high = self.numbers[self.used % NUMBERS]
        self.used += 2
        return high + self.numbers[(self.used - 1) % NUMBERS] * 5.9604644775390625e-08  # 2^-24

    cdef void weigh(self, Py_ssize_t rows) noexcept nogil:
        cdef Py_ssize_t i
        cdef double least = GREATEST
        for i in range(rows):
            least = min(least, self.memory.priorities.value(self.slots[i]))
        for i in range(rows):  # over the maximum: n and the sum cancel
            self.weight[i] = <float> pow(least / self.memory.priorities.value(self.slots[i]), self.beta)

    def explain(self, place: int) -> Exception:
        return ValueError(
            f"the memory has {self.memory.ready} steps that can be drawn, fewer than the batch of {self.state.rows}"
        )


cdef class Prioritize(Op):
    """The priority of each drawn step becomes (|x - target| + 1e-6)^alpha, Schaul et al. 2016, section 3.3.

    It is kept from 1e-100 to 1e100. x, target: float32 (rows, 1).
    """

    cdef Transitions memory
    cdef Sample sample
    cdef const float *x
    cdef const float *target

    def __init__(self, Sample sample, Tensor x, Tensor target) -> None:
        if sample.memory.priorities is None:
            raise ValueError("Prioritize: the memory has no priorities")
        if not (x.rows == target.rows and x.columns == target.columns == 1):
            raise ValueError(f"Prioritize: expected a number a row, got {x.shape} and {target.shape}")
        self.sample, self.memory, self.x, self.target = sample, sample.memory, floats(x), floats(target)
        self.bind((x, target))

    cdef void run(self) noexcept nogil:
        cdef Py_ssize_t i, slot
        cdef double priority
        self.memory.acquire()
        for i in range(self.state.rows):
            slot = self.sample.slots[i]
            priority = pow(fabs(<double> self.x[i] - self.target[i]) + LEAST, self.memory.alpha)
            priority = min(max(priority, SMALLEST), GREATEST)
            if self.memory.priorities.value(slot) > 0:  # still a step that can be drawn
                self.memory.priorities.set(slot, priority)
                self.memory.greatest = max(self.memory.greatest, priority)
        self.memory.release()
