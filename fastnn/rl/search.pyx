"""Search: trees for Monte Carlo tree search, whose game stays the user's."""

from __future__ import annotations

from typing import Any

from libc.math cimport INFINITY, NAN, sqrt
from libc.stdint cimport int32_t, int64_t

cimport numpy as cnp
import numpy as np

from fastnn.common import checks
from fastnn.common.randomness import Purpose, checked_seed, generator
from fastnn.data import arrays
from fastnn.rl.leaves import Leaves

cnp.import_array()

cdef float LARGEST = 1e30  # of a value: the sums of all simulations stay finite


cdef struct Edge:  # an action at a node; those of a node lie side by side
    float prior
    int32_t count
    float total
    int32_t child


cdef class Search:
    """Trees of positions in games that are searched at the same time, by the rule of AlphaZero (PUCT).

    From the root the action with the greatest Q + c P sqrt(sum N) / (1 + N) is followed until a position is new: Q is
    the mean value of what was found behind the action (behind all of them, if this one was not tried), N how often it
    was followed, P its prior. Positions belong to the user: `select` names the new ones, `expand` takes what is known
    of them.

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
    cdef Edge *edges
    cdef float *outcome    # of nodes at which the game has ended; NaN elsewhere
    cdef int32_t *nodes    # of each tree
    cdef int32_t *path     # of each tree: node, action, node, ...
    cdef int32_t *depth

    def __init__(
        self, games: int, actions: int, simulations: int, c: float = 1.5, players: int = 2, seed: int | None = None
    ) -> None:
        if self.arrays is not None:
            raise RuntimeError("a Search cannot be initialized twice")
        self.games, self.actions = checks.integer("games", games), checks.integer("actions", actions)
        self.simulations = checks.integer("simulations", simulations, 1, 10**7)
        self.c, self.players = checks.real("c", c, 0), checks.integer("players", players, 1, 2)
        self.seed = checked_seed(seed)
        n, m, a = self.games, self.simulations + 1, self.actions
        shapes = {"edges": (n, m, a), "outcome": (n, m), "nodes": (n,), "path": (n, 2 * m), "depth": (n,)}
        kinds = {"edges": [("prior", "f4"), ("count", "i4"), ("total", "f4"), ("child", "i4")], "outcome": np.float32}
        self.arrays = {name: np.zeros(shape, kinds.get(name, np.int32)) for name, shape in shapes.items()}
        self.edges = <Edge *> cnp.PyArray_DATA(self.arrays["edges"])
        self.outcome = <float *> cnp.PyArray_DATA(self.arrays["outcome"])
        self.nodes = <int32_t *> cnp.PyArray_DATA(self.arrays["nodes"])
        self.path = <int32_t *> cnp.PyArray_DATA(self.arrays["path"])
        self.depth = <int32_t *> cnp.PyArray_DATA(self.arrays["depth"])
        self.visits = self.arrays["edges"]["count"][:, 0]

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
        cdef Py_ssize_t g
        table = self.priors(prior, self.games, np.zeros(self.games, bool))
        fraction = checks.real("noise", noise, 0, 1)
        if fraction:
            random = generator(self.seed, Purpose.SEARCH, self.started)
            drawn = random.standard_gamma(checks.real("concentration", concentration, 1e-6), table.shape) * (table > 0)
            sums = drawn.sum(axis=1, keepdims=True)
            # What a small concentration draws may be 0 for all.
            drawn = np.where(sums > 0, drawn / np.where(sums > 0, sums, 1), table)
            table = ((1 - fraction) * table + fraction * drawn).astype(np.float32)
        for g in range(self.games):
            self.open(g, 0, <const float *> cnp.PyArray_DATA(table) + g * self.actions)
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
        cdef Py_ssize_t i, g, n
        cdef float v, end
        chosen = self.chosen
        if chosen is None:
            raise RuntimeError("expand: call select first")
        n = len(chosen.game)
        with np.errstate(over="ignore", under="ignore"):
            each = np.ascontiguousarray(arrays.numbers("value", value), np.float32)
        if each.shape != (n,):
            raise ValueError(f"value: expected {n} numbers, one for each leaf, got shape {each.shape}")
        cdef const float *values = <const float *> cnp.PyArray_DATA(each)
        for i in range(n):
            if not -LARGEST <= values[i] <= LARGEST:
                raise ValueError(f"value: expected finite numbers from -1e30 to 1e30, got {each}")
        over = np.zeros(n, bool) if ended is None else np.asarray(ended)
        if over.shape != (n,) or over.dtype != np.bool_:
            raise ValueError(f"ended: expected {n} bools, got {over.shape} {over.dtype}")
        cdef cnp.ndarray ends = np.ascontiguousarray(over)
        cdef cnp.ndarray table = self.priors(prior, n, ends)
        cdef cnp.ndarray games = chosen.game
        if self.chosen is not chosen:
            raise RuntimeError("expand: another thread has used this search meanwhile")
        for i in range(n):
            g, v = (<int64_t *> cnp.PyArray_DATA(games))[i], values[i]
            self.edge(g, self.last(g, 2))[self.last(g, 1)].child = self.nodes[g]
            self.open(g, self.nodes[g], <const float *> cnp.PyArray_DATA(table) + i * self.actions)
            end = v if (<char *> cnp.PyArray_DATA(ends))[i] else <float> NAN
            self.outcome[g * (self.simulations + 1) + self.nodes[g]] = end
            self.nodes[g] += 1
            self.back(g, v)
        self.chosen = None

    @property
    def values(self) -> np.ndarray:
        """The mean values of the actions at the roots, (games, actions), for the player there; 0 if untried."""
        return self.arrays["edges"]["total"][:, 0] / np.maximum(self.visits, 1)

    cdef object priors(self, object prior, Py_ssize_t n, cnp.ndarray ended):
        """Priors (n, actions), checked, each row scaled to the sum 1; 0 where the game has ended."""
        cdef Py_ssize_t i, j, a = self.actions
        with np.errstate(over="ignore", under="ignore"):
            given = np.ascontiguousarray(arrays.numbers("prior", prior), np.float32)
        if given.shape != (n, a):
            raise ValueError(f"prior: expected ({n}, {a}), got {given.shape}")
        table = np.zeros((n, a), np.float32)
        cdef const float *p
        cdef float *to
        cdef double sum
        cdef bint fits
        for i in range(n):
            if (<char *> cnp.PyArray_DATA(ended))[i]:
                continue
            p, to = <const float *> cnp.PyArray_DATA(given) + i * a, <float *> cnp.PyArray_DATA(table) + i * a
            sum, fits = 0, True
            for j in range(a):
                sum += p[j]
                fits &= p[j] >= 0
            if not (fits and 0 < sum < INFINITY):
                raise ValueError(f"prior[{i}]: expected probabilities >= 0, at least one of them > 0, got {given[i]}")
            for j in range(a):
                to[j] = <float> (p[j] / sum)
        return table

    cdef inline Edge *edge(self, Py_ssize_t g, Py_ssize_t node) noexcept nogil:
        """The first of a node's."""
        return self.edges + (g * (self.simulations + 1) + node) * self.actions

    cdef inline void open(self, Py_ssize_t g, Py_ssize_t node, const float *prior) noexcept nogil:
        """Makes a node of which only the priors are known."""
        cdef Py_ssize_t j
        cdef Edge *edge = self.edge(g, node)
        for j in range(self.actions):
            edge[j] = Edge(prior[j], 0, 0, -1)

    cdef inline int32_t last(self, Py_ssize_t g, Py_ssize_t back) noexcept nogil:
        """The path's element, counted from its end."""
        return self.path[g * 2 * (self.simulations + 1) + 2 * self.depth[g] - back]

    cdef bint follow(self, Py_ssize_t g) noexcept nogil:
        """Follows tree g; whether it comes to a new position. If not, the outcome at its end is counted."""
        cdef Py_ssize_t node = 0, j, best
        cdef double score, most, explore, mean
        cdef int32_t *path = self.path + g * 2 * (self.simulations + 1)
        cdef int64_t visits
        cdef Edge *edge
        cdef float end
        self.depth[g] = 0
        while True:
            edge, visits, mean, most, best = self.edge(g, node), 0, 0, -INFINITY, 0
            for j in range(self.actions):
                visits += edge[j].count
                mean += edge[j].total
            mean = mean / visits if visits else 0
            explore = self.c * sqrt(<double> (visits if visits else 1))
            for j in range(self.actions):
                if edge[j].prior > 0:
                    score = edge[j].total / edge[j].count if edge[j].count else mean
                    score += explore * edge[j].prior / (1 + edge[j].count)
                    if score > most:
                        most, best = score, j
            path[2 * self.depth[g]], path[2 * self.depth[g] + 1] = <int32_t> node, <int32_t> best
            self.depth[g] += 1
            if edge[best].child < 0:
                return True
            node = edge[best].child
            end = self.outcome[g * (self.simulations + 1) + node]
            if end == end:
                self.back(g, end)
                return False

    cdef void back(self, Py_ssize_t g, float value) noexcept nogil:
        """Counts the value, for the player who is next at the end of the path, on all of its actions."""
        cdef Py_ssize_t i
        cdef int32_t *path = self.path + g * 2 * (self.simulations + 1)
        cdef Edge *edge
        for i in range(self.depth[g] - 1, -1, -1):
            if self.players == 2:
                value = -value
            edge = self.edge(g, path[2 * i]) + path[2 * i + 1]
            edge.count += 1
            edge.total += value

    def __reduce__(self) -> tuple:
        raise TypeError("a Search cannot be copied; make another")
