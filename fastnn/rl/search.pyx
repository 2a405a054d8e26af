"""Search: trees for Monte Carlo tree search, whose game stays the user's."""

from __future__ import annotations

from typing import Any

from libc.math cimport INFINITY, sqrt
from libc.stdint cimport int32_t, int64_t

cimport numpy as cnp
import numpy as np

from fastnn.common import checks
from fastnn.common.randomness import Purpose, checked_seed, generator
from fastnn.data import arrays
from fastnn.rl.leaves import Leaves

cnp.import_array()

cdef double LARGEST = 1e30  # of a value: the sums of all simulations stay finite


cdef class Search:
    """Trees of positions in games that are searched at the same time, by the rule of AlphaZero (PUCT).

    From the root the action with the greatest Q + c P sqrt(sum N) / (1 + N) is followed until a position is new: Q is
    the mean value of what was found behind the action, N how often it was followed, P its prior. Positions belong to
    the user: `select` names the new ones, `expand` takes what is known of them.

    Parameters
    ----------
    games : int
        Trees, each for a game of its own.
    actions : int
        In every position; illegal ones have prior 0.
    simulations : int
        Positions that are tried in each tree, at most.
    c : float, default 1.5
        The weight of the priors, > 0.
    players : {2, 1}, default 2
        With 2, players take turns, and what is good for one is bad for the other.
    seed : int, optional
        Of the noise at the roots.

    Raises
    ------
    TypeError, ValueError
        For other settings.

    References
    ----------
    D. Silver et al., "A General Reinforcement Learning Algorithm that Masters Chess, Shogi, and Go through Self-Play",
    Science 362, 2018.

    Examples
    --------
    A game of one move, in which action 2 wins:

    >>> import numpy as np, fastnn as fnn
    >>> search = fnn.rl.Search(games=1, actions=3, simulations=30)
    >>> search.start(np.full((1, 3), 1 / 3))
    >>> for _ in range(30):
    ...     leaves = search.select()
    ...     lost = np.where(leaves.action == 2, -1.0, 0.0)  # for the player who would be next
    ...     search.expand(lost, np.zeros((len(lost), 3)), ended=np.ones(len(lost), bool))
    >>> int(search.visits[0].argmax())
    2
    """

    cdef readonly Py_ssize_t games, actions, simulations
    cdef readonly double c
    cdef readonly object visits  # type: np.ndarray
    cdef object arrays, seed, chosen
    cdef Py_ssize_t players, started, done
    cdef float *prior
    cdef int32_t *count
    cdef float *total
    cdef int32_t *child
    cdef float *outcome    # of nodes at which the game has ended; NaN elsewhere
    cdef int32_t *nodes    # of each tree
    cdef int32_t *path     # of each tree: node, action, node, ...
    cdef int32_t *depth

    def __init__(
        self,
        games: int,
        actions: int,
        simulations: int,
        c: float = 1.5,
        players: int = 2,
        seed: int | None = None,
    ) -> None:
        if self.arrays is not None:
            raise RuntimeError("a Search cannot be initialized twice")
        self.games, self.actions = checks.integer("games", games), checks.integer("actions", actions)
        self.simulations = checks.integer("simulations", simulations, 1, 10**7)
        self.c, self.players = checks.real("c", c, 0), checks.integer("players", players, 1, 2)
        self.seed = checked_seed(seed)
        n, m, a = self.games, self.simulations + 1, self.actions
        shapes = {"prior": (n, m, a), "count": (n, m, a), "total": (n, m, a), "child": (n, m, a)}
        shapes |= {"outcome": (n, m), "nodes": (n,), "path": (n, 2 * m), "depth": (n,)}
        whole = ("count", "child", "nodes", "path", "depth")
        kinds = {name: np.int32 if name in whole else np.float32 for name in shapes}
        self.arrays = {name: np.zeros(shape, kinds[name]) for name, shape in shapes.items()}
        self.prior = <float *> cnp.PyArray_DATA(self.arrays["prior"])
        self.count = <int32_t *> cnp.PyArray_DATA(self.arrays["count"])
        self.total = <float *> cnp.PyArray_DATA(self.arrays["total"])
        self.child = <int32_t *> cnp.PyArray_DATA(self.arrays["child"])
        self.outcome = <float *> cnp.PyArray_DATA(self.arrays["outcome"])
        self.nodes = <int32_t *> cnp.PyArray_DATA(self.arrays["nodes"])
        self.path = <int32_t *> cnp.PyArray_DATA(self.arrays["path"])
        self.depth = <int32_t *> cnp.PyArray_DATA(self.arrays["depth"])
        self.visits = self.arrays["count"][:, 0]

    def start(self, prior: Any, noise: float = 0.0, concentration: float = 1.0) -> None:
        """Begin at new roots, from which nothing is known but the priors of their actions.

        Parameters
        ----------
        prior : array (games, actions)
            Probabilities, 0 for illegal actions.
        noise : float, default 0
            The fraction of the priors that is drawn from a Dirichlet distribution over the legal actions, so that
            self-play tries all of them.
        concentration : float, default 1
            Of that distribution, > 0.

        Raises
        ------
        TypeError, ValueError
            For priors that do not fit, are negative or not finite, or allow no action at all.

        Examples
        --------
        See `Search`.
        """
        table = self.priors(prior, self.games, np.zeros(self.games, bool))
        fraction = checks.real("noise", noise, 0, 1)
        if fraction:
            random = generator(self.seed, Purpose.SEARCH, self.started)
            drawn = random.standard_gamma(checks.real("concentration", concentration, 1e-6), table.shape) * (table > 0)
            sums = drawn.sum(axis=1, keepdims=True)
            # What a small concentration draws may be 0 for all.
            drawn = np.where(sums > 0, drawn / np.where(sums > 0, sums, 1), table)
            table = ((1 - fraction) * table + fraction * drawn).astype(np.float32)
        for name in ("count", "total"):
            self.arrays[name][:, 0] = 0
        self.arrays["child"][:, 0] = -1
        self.arrays["prior"][:, 0] = table
        self.arrays["outcome"][:, 0] = np.nan
        self.arrays["nodes"][...] = 1
        self.started, self.done, self.chosen = self.started + 1, 0, None

    def select(self) -> Leaves:
        """Follow each tree to a new position; what is behind an ended game is counted again, without asking.

        Returns
        -------
        Leaves
            In the order in which `expand` expects them.

        Raises
        ------
        RuntimeError
            Before `start`, without `expand` after the last `select`, and after as many simulations as there may be.

        Examples
        --------
        See `Search`.
        """
        cdef Py_ssize_t g, found = 0
        if not self.started or self.chosen is not None:
            raise RuntimeError("select: call " + ("expand" if self.started else "start") + " first")
        if self.done == self.simulations:
            raise RuntimeError(f"select: this search was made for {self.simulations} simulations")
        cdef cnp.ndarray leaves = np.empty((4, self.games), np.int64)
        cdef int64_t *to = <int64_t *> cnp.PyArray_DATA(leaves)
        for g in range(self.games):
            if self.follow(g):
                to[found], to[self.games + found] = g, self.last(g, 2)
                to[2 * self.games + found], to[3 * self.games + found] = self.last(g, 1), self.nodes[g]
                found += 1
        self.done += 1
        self.chosen = Leaves(*leaves[:, :found])
        return self.chosen

    def expand(self, value: Any, prior: Any, ended: Any = None) -> None:
        """Add the new positions to the trees, and count their values along the way back to the roots.

        Parameters
        ----------
        value : array (n,)
            For each of the leaves, its value for the player who is next there: from -1 to 1, say, and from -1e30 to
            1e30.
        prior : array (n, actions)
            Probabilities, 0 for illegal actions; ignored where the game has ended.
        ended : array of bool (n,), optional
            Whether the game has ended; then value is its outcome. None: nowhere.

        Raises
        ------
        RuntimeError
            Without a `select` before.
        TypeError, ValueError
            For arrays that do not fit, values that are not finite or too large, and positions that allow no action
            though the game has not ended: the trees stay as they were.

        Examples
        --------
        See `Search`.
        """
        cdef Py_ssize_t i, g, node, n, a = self.actions
        chosen = self.chosen
        if chosen is None:
            raise RuntimeError("expand: call select first")
        n = len(chosen.game)
        values = arrays.numbers("value", value)
        if values.shape != (n,):
            raise ValueError(f"value: expected {n} numbers, one for each leaf, got shape {values.shape}")
        if not (np.abs(values) <= LARGEST).all():
            raise ValueError(f"value: expected finite numbers from -1e30 to 1e30, got {values}")
        over = np.zeros(n, bool) if ended is None else np.asarray(ended)
        if over.shape != (n,) or over.dtype != np.bool_:
            raise ValueError(f"ended: expected {n} bools, got {over.shape} {over.dtype}")
        cdef cnp.ndarray table = self.priors(prior, n, over)
        cdef cnp.ndarray each = np.ascontiguousarray(values, np.float32), ends = np.ascontiguousarray(over)
        cdef cnp.ndarray games = chosen.game
        cdef const float *p = <const float *> cnp.PyArray_DATA(table)
        if self.chosen is not chosen:
            raise RuntimeError("expand: another thread has used this search meanwhile")
        for i in range(n):
            g = (<int64_t *> cnp.PyArray_DATA(games))[i]
            node = self.nodes[g]
            self.nodes[g] += 1
            self.child[self.edge(g, self.last(g, 2), self.last(g, 1))] = <int32_t> node
            for j in range(a):
                self.prior[self.edge(g, node, j)] = p[i * a + j]
                self.count[self.edge(g, node, j)] = 0
                self.total[self.edge(g, node, j)] = 0
                self.child[self.edge(g, node, j)] = -1
            self.outcome[g * (self.simulations + 1) + node] = (
                (<float *> cnp.PyArray_DATA(each))[i] if (<char *> cnp.PyArray_DATA(ends))[i] else <float> float("nan")
            )
            self.back(g, (<float *> cnp.PyArray_DATA(each))[i])
        self.chosen = None

    @property
    def values(self) -> np.ndarray:
        """The mean values of the actions at the roots, (games, actions), for the player there; 0 if untried."""
        return self.arrays["total"][:, 0] / np.maximum(self.visits, 1)

    cdef object priors(self, object prior, Py_ssize_t n, object ended):
        """Priors (n, actions), checked, each row scaled to the sum 1."""
        given = arrays.numbers("prior", prior)
        with np.errstate(over="ignore", under="ignore"):
            table = np.ascontiguousarray(given, np.float32)
        if table.shape != (n, self.actions):
            raise ValueError(f"prior: expected ({n}, {self.actions}), got {table.shape}")
        sums = table.sum(axis=1, keepdims=True, dtype=np.float64)
        bad = ~ended & ~(np.isfinite(sums[:, 0]) & (table >= 0).all(axis=1) & (sums[:, 0] > 0))
        if bad.any():
            row = int(bad.argmax())
            raise ValueError(f"prior[{row}]: expected probabilities >= 0, at least one of them > 0, got {table[row]}")
        return np.where(ended[:, None], 0, table / np.where(sums > 0, sums, 1)).astype(np.float32)

    cdef inline Py_ssize_t edge(self, Py_ssize_t g, Py_ssize_t node, Py_ssize_t action) noexcept nogil:
        return (g * (self.simulations + 1) + node) * self.actions + action

    cdef inline int32_t last(self, Py_ssize_t g, Py_ssize_t back) noexcept nogil:
        """The path's element, counted from its end."""
        return self.path[g * 2 * (self.simulations + 1) + 2 * self.depth[g] - back]

    cdef bint follow(self, Py_ssize_t g) noexcept nogil:
        """Follows tree g; whether it comes to a new position. If not, the outcome at its end is counted."""
        cdef Py_ssize_t node = 0, start, j, best
        cdef double score, most, explore
        cdef int32_t *path = self.path + g * 2 * (self.simulations + 1)
        cdef int64_t visits
        cdef float end
        self.depth[g] = 0
        while True:
            start, visits, most, best = self.edge(g, node, 0), 0, -INFINITY, 0
            for j in range(start, start + self.actions):
                visits += self.count[j]
            explore = self.c * sqrt(<double> (visits if visits else 1))
            for j in range(self.actions):
                if self.prior[start + j] > 0:
                    score = self.total[start + j] / self.count[start + j] if self.count[start + j] else 0.0
                    score += explore * self.prior[start + j] / (1 + self.count[start + j])
                    if score > most:
                        most, best = score, j
            path[2 * self.depth[g]], path[2 * self.depth[g] + 1] = <int32_t> node, <int32_t> best
            self.depth[g] += 1
            if self.child[start + best] < 0:
                return True
            node = self.child[start + best]
            end = self.outcome[g * (self.simulations + 1) + node]
            if end == end:
                self.back(g, end)
                return False

    cdef void back(self, Py_ssize_t g, float value) noexcept nogil:
        """Counts the value, for the player who is next at the end of the path, on all of its actions."""
        cdef Py_ssize_t i, j
        cdef int32_t *path = self.path + g * 2 * (self.simulations + 1)
        for i in range(self.depth[g] - 1, -1, -1):
            if self.players == 2:
                value = -value
            j = self.edge(g, path[2 * i], path[2 * i + 1])
            self.count[j] += 1
            self.total[j] += value

    def __reduce__(self) -> tuple:
        raise TypeError("a Search cannot be copied; make another")
