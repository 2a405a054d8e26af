"""Losses of policies: the clipped objective of PPO, or the plain policy gradient, with an entropy bonus."""

from libc.math cimport sqrt

from fastnn.engine.tensor cimport Tensor, floats
from fastnn.kernels.gather cimport is_index
from fastnn.kernels.loss cimport Loss

cdef double SMALLEST_DEVIATION = 1e-8  # added to the standard deviation of advantages
cdef double LOG_2_PI = 1.8378770664093453


cdef class Policy(Loss):
    """-min(r A, clip(r, 1 - clip, 1 + clip) A) - entropy H, the mean over rows, r = exp(log p(a) - old).

    target: float32 (rows, columns): what the action is, then its advantage A, and, with clip, the logarithm `old` of
    the probability that it had when it was taken. Without clip -A log p(a) - entropy H. normalize: the advantages of a
    batch have their weighted mean subtracted and are divided by their standard deviation + 1e-8.
    """

    cdef Py_ssize_t actions  # columns of the target that say what the action is
    cdef Py_ssize_t width    # columns of the target
    cdef double clip, entropy
    cdef bint clipped, normalize
    cdef double center, spread  # of the advantages

    cdef void take_targets(
        self, Tensor x, Tensor target, Tensor dx, Py_ssize_t actions, object clip, double entropy, bint normalize
    ) except *:
        self.actions, self.width = actions, actions + (1 if clip is None else 2)
        if target.rows != x.rows or target.columns != self.width:
            self.refuse(x, target, dx)
        self.target = floats(target)
        self.clipped, self.clip = clip is not None, 0.0 if clip is None else clip
        self.entropy, self.normalize = entropy, normalize
        self.center, self.spread = 0, 1

    cdef double terms(self) noexcept nogil:
        return 1

    cdef void run(self) noexcept nogil:
        cdef Py_ssize_t i
        cdef double mean = 0, square = 0, mass = self.mass(), weight, advantage
        if self.normalize and mass > 0:
            for i in range(self.present_rows()):
                mean += self.weight_of(i) * self.target[i * self.width + self.actions]
            mean /= mass
            for i in range(self.present_rows()):
                advantage, weight = self.target[i * self.width + self.actions] - mean, self.weight_of(i)
                square += weight * advantage * advantage
            self.center, self.spread = mean, sqrt(square / mass) + SMALLEST_DEVIATION
        Loss.run(self)

    cdef double weight_of(self, Py_ssize_t row) noexcept nogil:
        return 1.0 if self.weight == NULL else self.weight[row]

    cdef double objective(self, Py_ssize_t row, double log_p, double *slope) noexcept nogil:
        """The loss of a row, without entropy, for the logarithm of its action's probability; slope: its derivative."""
        cdef const float *given = self.target + row * self.width + self.actions
        cdef double advantage = (given[0] - self.center) / self.spread, ratio, limit
        cdef float change
        if advantage == 0:  # also where the ratio overflows
            slope[0] = 0
            return 0
        if not self.clipped:
            slope[0] = -advantage
            return -advantage * log_p
        change = <float> (log_p - given[1])
        self.table.exp(1, &change, &change)
        ratio = change
        limit = min(max(ratio, 1 - self.clip), 1 + self.clip)
        if ratio * advantage > limit * advantage:
            slope[0] = 0
            return -advantage * limit
        slope[0] = -advantage * ratio  # also where it is NaN
        return -advantage * ratio


cdef class PolicyGradient(Policy):
    """The loss of a policy that chooses among actions: p = softmax(x), x the logits (rows, actions).

    target: as Policy, the number of the action first. log_p: float32 like x, for what is computed in between.
    An action that is not among these is an error. Schulman et al. 2017, equations 7 and 9; Williams 1992.
    """

    cdef float *log_p

    def __init__(
        self,
        Tensor x,
        Tensor target,
        Tensor dx,
        Tensor log_p,
        Tensor weight or None = None,
        *,
        clip: float | None = 0.2,
        entropy: float = 0.0,
        normalize: bool = False,
        finite: bool = False,
    ) -> None:
        self.take_targets(x, target, dx, 1, clip, entropy, normalize)
        if log_p.rows != x.rows or log_p.columns != x.columns:
            self.refuse(x, target, log_p)
        self.take(x, target, dx, weight, finite)
        self.log_p = floats(log_p)
        self.tensors += (log_p,)

    cdef void run(self) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(self.present_rows()):
            if not is_index(self.target[i * self.width], self.columns):
                self.fail(1 + i)
                return
        Policy.run(self)

    def explain(self, place: int) -> Exception:
        if place == 0:
            return Loss.explain(self, place)
        action = self.target[(place - 1) * self.width]
        return ValueError(f"PolicyGradient: action {action:g} is not an integer from 0 to {self.columns - 1}")

    cdef double piece(self, Py_ssize_t row, Py_ssize_t rows, const float *weight) noexcept nogil:
        cdef Py_ssize_t i, n = self.columns, start = row * n
        cdef double loss = 0
        self.table.log_softmax(rows, n, self.x + start, self.log_p + start)
        self.table.exp(rows * n, self.log_p + start, self.dx + start)
        for i in range(rows):
            loss += self.of_row(row + i, 1.0 if weight == NULL else weight[i])
        return loss

    cdef double of_row(self, Py_ssize_t row, double weight) noexcept nogil:
        """The weighted loss of a row, and its gradient, which replaces the probabilities."""
        cdef const float *log_p = self.log_p + row * self.columns
        cdef float *dx = self.dx + row * self.columns
        cdef Py_ssize_t j, action = <Py_ssize_t> self.target[row * self.width]
        cdef double entropy = 0, slope = 0, loss, p
        if weight == 0:
            for j in range(self.columns):
                dx[j] = 0
            return 0
        for j in range(self.columns):
            if dx[j] != 0:  # p log p is 0 where p is, even if log p is infinite
                entropy -= <double> dx[j] * log_p[j]
        loss = self.objective(row, log_p[action], &slope) - self.entropy * entropy
        for j in range(self.columns):
            p = dx[j]
            dx[j] = <float> (weight * self.scale * (
                (slope if j == action else 0) - slope * p
                + (0 if p == 0 or self.entropy == 0 else self.entropy * p * (log_p[j] + entropy))
            ))
        return weight * loss


cdef class GaussianPolicyGradient(Policy):
    """The loss of a policy of independent normal actions: x = (means m, logarithms s of the standard deviations).

    x, dx: (rows, 2 k). target: as Policy, the k actions first. log p(a) is the sum of -(a - m)^2 / (2 e^(2 s)) - s -
    log(2 pi) / 2, and H that of s + log(2 pi e) / 2.
    """

    def __init__(
        self,
        Tensor x,
        Tensor target,
        Tensor dx,
        Tensor weight or None = None,
        *,
        clip: float | None = 0.2,
        entropy: float = 0.0,
        normalize: bool = False,
        finite: bool = False,
    ) -> None:
        if x.columns % 2:
            self.refuse(x, target, dx)
        self.take_targets(x, target, dx, x.columns // 2, clip, entropy, normalize)
        self.take(x, target, dx, weight, finite)

    cdef double piece(self, Py_ssize_t row, Py_ssize_t rows, const float *weight) noexcept nogil:
        cdef Py_ssize_t i
        cdef double loss = 0
        for i in range(rows):
            loss += self.of_row(row + i, 1.0 if weight == NULL else weight[i])
        return loss

    cdef double of_row(self, Py_ssize_t row, double weight) noexcept nogil:
        """The weighted loss of a row; its gradient."""
        cdef Py_ssize_t j, k = self.actions
        cdef const float *mean = self.x + row * self.columns
        cdef const float *log_deviation = mean + k
        cdef const float *action = self.target + row * self.width
        cdef float *dx = self.dx + row * self.columns
        cdef double log_p = 0, entropy = 0, slope = 0, distance, loss, factor
        for j in range(k):
            dx[j] = -log_deviation[j]
        self.table.exp(k, dx, dx)  # 1 / the standard deviation
        for j in range(k):
            distance = (action[j] - mean[j]) * <double> dx[j]
            log_p -= (distance * distance + LOG_2_PI) / 2 + log_deviation[j]
            entropy += log_deviation[j] + (1 + LOG_2_PI) / 2
        loss, factor = self.objective(row, log_p, &slope) - self.entropy * entropy, weight * self.scale
        for j in range(k):
            distance = (action[j] - mean[j]) * <double> dx[j]
            dx[k + j] = 0 if weight == 0 else <float> (factor * (slope * (distance * distance - 1) - self.entropy))
            dx[j] = 0 if weight == 0 else <float> (factor * slope * distance * dx[j])
        return 0 if weight == 0 else weight * loss
