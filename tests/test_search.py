"""Tree search against one in plain Python, and games that break its protocol."""

import math

import numpy as np
import pytest

import fastnn as fnn
from check import generator

ACTIONS = 4


def position(path: tuple[int, ...]) -> tuple[float, np.ndarray, bool]:
    """A game made of random numbers: value, priors and end of the position that these actions lead to."""
    random = generator(len(path), *path)
    legal = random.random(ACTIONS) < 0.7
    legal[random.integers(ACTIONS)] = True
    prior = (random.random(ACTIONS) * legal).astype(np.float32)
    return float(np.float32(random.uniform(-1, 1))), prior / prior.sum(), len(path) > 2 and random.random() < 0.3


class Tree:
    """The rule, with a dictionary for each position."""

    def __init__(self, c: float, players: int, first: tuple[int, ...]) -> None:
        self.c, self.players, self.first = c, players, first
        self.nodes = {first: self.node(first)}

    def node(self, path: tuple[int, ...]) -> dict:
        value, prior, ended = position(path)
        return {"value": value, "prior": prior, "ended": ended, "n": np.zeros(ACTIONS, int), "w": np.zeros(ACTIONS)}

    def simulate(self) -> None:
        path, way = self.first, []
        while True:
            node = self.nodes[path]
            explore = self.c * math.sqrt(max(1, node["n"].sum()))
            tried, mean = node["n"] > 0, node["w"].sum() / max(1, node["n"].sum())
            q = np.where(tried, node["w"] / np.maximum(node["n"], 1), mean)
            score = np.where(node["prior"] > 0, q + explore * node["prior"] / (1 + node["n"]), -np.inf)
            action = int(score.argmax())
            way.append((path, action))
            path = (*path, action)
            if path not in self.nodes:
                self.nodes[path] = self.node(path)
                break
            if self.nodes[path]["ended"]:
                break
        value = self.nodes[path]["value"]
        for at, action in reversed(way):
            value = -value if self.players == 2 else value
            self.nodes[at]["n"][action] += 1
            self.nodes[at]["w"][action] += value


@pytest.mark.parametrize("players", [1, 2])
@pytest.mark.parametrize("c", [0.5, 2.0])
def test_against_the_rule(players: int, c: float) -> None:
    games, simulations = 5, 120
    search = fnn.rl.Search(games, ACTIONS, simulations, c, players, seed=0)
    for turn in range(2):  # the second time in the same memory
        firsts = [(g + 10 * turn,) for g in range(games)]
        trees = [Tree(c, players, first) for first in firsts]
        search.start(np.stack([position(first)[1] for first in firsts]))
        paths = [{0: first} for first in firsts]
        for _ in range(simulations):
            leaves = search.select()
            found = []
            for g, parent, action, node in zip(*leaves, strict=True):
                paths[g][node] = (*paths[g][parent], int(action))
                found.append(position(paths[g][node]))
            values, priors, ended = zip(*found, strict=True) if found else ((), np.zeros((0, ACTIONS)), ())
            search.expand(values, np.array(priors), np.array(ended, bool))
            for tree in trees:
                tree.simulate()
        for g, tree in enumerate(trees):
            root = tree.nodes[firsts[g]]
            assert search.visits[g].tolist() == root["n"].tolist()
            np.testing.assert_allclose(search.values[g], root["w"] / np.maximum(root["n"], 1), rtol=1e-4, atol=1e-5)
        assert (search.visits.sum(axis=1) == simulations).all()


def test_a_won_move_is_found() -> None:
    search = fnn.rl.Search(1, 9, 200, seed=0)
    search.start(np.full((1, 9), 1 / 9))
    for _ in range(200):
        leaves = search.select()
        won = (leaves.parent == 0) & (leaves.action == 5)
        search.expand(np.where(won, -1.0, 0.0), np.full((len(won), 9), 1 / 9), won)
    assert search.visits[0].argmax() == 5
    assert search.values[0, 5] == 1


def test_noise_at_the_root() -> None:
    prior = np.array([[0.5, 0.5, 0.0]])
    drawn = []
    for seed in (0, 0, 1):
        search = fnn.rl.Search(1, 3, 50, c=10.0, seed=seed)
        search.start(prior, noise=0.9, concentration=0.2)
        for _ in range(50):
            leaves = search.select()
            search.expand(np.zeros(len(leaves.game)), np.full((len(leaves.game), 3), 1 / 3))
        drawn.append(search.visits[0].tolist())
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0][2] == drawn[2][2] == 0  # illegal actions stay so


def test_noise_that_is_0_for_all() -> None:
    """A small concentration draws it; only legal actions are tried all the same."""
    search = fnn.rl.Search(20, 3, 1, seed=0)
    search.start(np.tile([0.0, 0.5, 0.5], (20, 1)), noise=1.0, concentration=1e-6)
    assert set(search.select().action.tolist()) <= {1, 2}


def begun() -> fnn.rl.Search:
    search = fnn.rl.Search(2, 3, 10, seed=0)
    search.start(np.full((2, 3), 1 / 3))
    search.select()
    return search


@pytest.mark.parametrize(
    ("value", "prior", "ended", "message"),
    [
        ([0.0], np.ones((2, 3)), None, "value: expected 2 numbers"),
        ([0.0, np.nan], np.ones((2, 3)), None, "value: expected finite numbers"),
        ([1e300, 0.0], np.ones((2, 3)), None, "value: expected finite numbers from -1e30 to 1e30"),
        ([0.0, 0.0], np.ones((2, 4)), None, r"prior: expected \(2, 3\), got \(2, 4\)"),
        ([0.0, 0.0], [[1, 1, 1], [0, 0, 0]], None, r"prior\[1\]: expected probabilities >= 0, at least one"),
        ([0.0, 0.0], [[1, 1, -1], [1, 1, 1]], None, r"prior\[0\]"),
        ([0.0, 0.0], [[1, 1, np.inf], [1, 1, 1]], None, r"prior\[0\]"),
        ([0.0, 0.0], np.ones((2, 3)), [True], "ended: expected 2 bools"),
        ([0.0, 0.0], np.ones((2, 3)), [0.5, 1], "ended: expected 2 bools"),
    ],
)
def test_a_game_that_breaks_the_protocol(value: list, prior: object, ended: object, message: str) -> None:
    search = begun()
    with pytest.raises((TypeError, ValueError), match=message):
        search.expand(value, prior, ended)
    assert not search.visits.any()
    search.expand([0.0, 0.0], np.zeros((2, 3)), np.ones(2, bool))  # priors of ended games are not read
    assert search.visits.sum() == 2


def test_a_second_call_meanwhile() -> None:
    """As another thread might: a tree has no room for both."""
    search = begun()

    class Positions:
        def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
            search.expand([0.0, 0.0], np.ones((2, 3)))
            return np.ones((2, 3))

    with pytest.raises(RuntimeError, match="another thread"):
        search.expand([0.0, 0.0], Positions())
    assert search.visits.sum() == 2
    with pytest.raises(RuntimeError, match="initialized twice"):
        search.__init__(1000, 3, 0)  # type: ignore[misc]


def test_calls_out_of_order() -> None:
    with pytest.raises(RuntimeError, match="call start first"):
        fnn.rl.Search(2, 3, 10).select()
    search = begun()
    with pytest.raises(RuntimeError, match="call expand first"):
        search.select()
    search.expand([0.0, 0.0], np.ones((2, 3)))
    with pytest.raises(RuntimeError, match="call select first"):
        search.expand([0.0, 0.0], np.ones((2, 3)))
    for _ in range(9):
        leaves = search.select()
        search.expand(np.zeros(len(leaves.game)), np.ones((len(leaves.game), 3)))
    with pytest.raises(RuntimeError, match="made for 10 simulations"):
        search.select()
    for wrong in ({"games": 0}, {"actions": 0}, {"simulations": 0}, {"c": -1}, {"players": 3}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            fnn.rl.Search(**{"games": 1, "actions": 2, "simulations": 3, **wrong})
    for noise in (-0.1, 1.5):
        with pytest.raises(ValueError, match="noise"):
            search.start(np.ones((2, 3)), noise)
    with pytest.raises(ValueError, match="prior"):
        search.start(np.ones((1, 3)))
