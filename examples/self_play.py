"""Self-play: a network that learns a game for two from nothing but its rules, by searching and playing against itself.

`python examples/self_play.py [GAME] [--minutes M] [--seed N] [--out FOLDER] [--play FILE] [--short]`
GAME is tic-tac-toe or connect-four. For each move the trees of many games are searched side by side, with the network's
estimates of who wins and which actions are worth trying; the network then learns what the searches found and how the
games ended (AlphaZero). Most moves are searched quickly, so that more games end; only whole searches teach the policy
(KataGo). At the end it plays against a perfect player (tic-tac-toe), or against searches with ten times as many
simulations whose values come from random games (Connect Four). `--play FILE` lets you play against a network that was
saved.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

import fastnn as fnn
from games import GAMES, Player, Rows, perfect

GAMES_AT_ONCE = 128
#: Of positions: their values for the player who is next, and the probabilities of actions.
Judge = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Settings:
    """How a game is learnt.

    simulations: of a whole search, and of a quick one. whole: the fraction of moves with a whole search. moves: the
    first ones of a game, which are drawn in proportion to the visits. searched: the part of the value's target that the
    search found; the rest is how the game ended.
    """

    minutes: float
    filters: int
    simulations: tuple[int, int]
    whole: float
    moves: int
    window: int
    searched: float = 0.5
    concentration: float = 1.0
    rate: float = 2e-3


SETTINGS = {
    "tic-tac-toe": Settings(1, 32, (50, 50), 1.0, 6, 8_000, searched=0.0),
    "connect-four": Settings(10, 24, (80, 20), 0.3, 10, 120_000),
}


class Samples(NamedTuple):
    """Positions, what their searches found, their values for who was next, and whether the searches were whole."""

    boards: np.ndarray
    policy: np.ndarray
    value: np.ndarray
    whole: np.ndarray


def network(game: Rows, filters: int, seed: int) -> fnn.Network:
    """Convolutions, and two outputs: logits of the actions, and the value from -1 to 1."""
    x = y = fnn.Input((*game.shape, 2))
    for _ in range(3):
        y = fnn.Activation("relu")(fnn.BatchNorm()(fnn.Conv2D(filters, 3, padding="same", bias=False)(y)))
    y = fnn.Flatten()(y)
    policy = fnn.Dense(game.actions, name="policy")(fnn.Dense(64, "relu")(y))
    value = fnn.Dense(1, "tanh", name="value")(fnn.Dense(64, "relu")(y))
    return fnn.Network(x, [policy, value], seed=seed)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Of each row."""
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def judged_by(net: fnn.Network, game: Rows, count: int) -> Judge:
    """What the network as it is now says of up to `count` positions."""
    f = net.freeze(count)

    def judge(boards: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found = f(game.planes(boards))
        return found["value"][:, 0], softmax(found["policy"])

    return judge


def judged_by_random_games(game: Rows, random: np.random.Generator) -> Judge:
    """The outcome of one random game from each position, and no preference: what search did before networks."""

    def judge(boards: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values, going, sign, now = np.zeros(len(boards), np.float32), np.arange(len(boards)), 1, boards
        while len(going):
            chance = random.random((len(now), game.actions)) * game.legal(now)
            now, sign = game.play(now, chance.argmax(axis=1)), -sign
            outcome, ended = game.outcome(now)
            values[going[ended]] = sign * outcome[ended]
            going, now = going[~ended], now[~ended]
        return values, np.full((len(boards), game.actions), 1 / game.actions, np.float32)

    return judge


class Searcher:
    """Searches positions of a number of games; the visits of their actions are how good they are."""

    def __init__(self, game: Rows, judge: Judge, count: int, simulations: int, seed: int) -> None:
        self.game, self.judge, self.simulations = game, judge, simulations
        self.search = fnn.rl.Search(count, game.actions, simulations, seed=seed)
        self.boards = np.zeros((count, simulations + 1, *game.shape), np.int8)

    def visits(self, boards: np.ndarray, noise: float = 0.0, concentration: float = 1.0) -> np.ndarray:
        """The visits of each action, (count, actions)."""
        game, search = self.game, self.search
        _, prior = self.judge(boards)
        search.start(prior * game.legal(boards), noise, concentration)
        self.boards[:, 0] = boards
        for _ in range(self.simulations):
            leaves = search.select()
            if len(leaves.game):
                after = game.play(self.boards[leaves.game, leaves.parent], leaves.action)
                self.boards[leaves.game, leaves.node] = after
                outcome, ended = game.outcome(after)
                value, prior = self.judge(after)
                search.expand(np.where(ended, outcome, value), prior * game.legal(after), ended)
            else:
                search.expand([], np.zeros((0, game.actions)))
        return search.visits


def self_play(game: Rows, searchers: list[Searcher], settings: Settings, random: np.random.Generator) -> Samples:
    """All positions of as many games as are searched at once, each to its end."""
    boards = game.start(GAMES_AT_ONCE)
    going = np.ones(GAMES_AT_ONCE, bool)
    kept: list[tuple[np.ndarray, ...]] = []
    results = np.zeros(GAMES_AT_ONCE, np.float32)
    for move in range(game.start(1).size):
        whole = random.random() < settings.whole
        searcher = searchers[0 if whole else 1]
        visits = searcher.visits(boards, 0.25 if whole else 0.0, settings.concentration)
        policy = visits / visits.sum(axis=1, keepdims=True)
        value = (policy * searcher.search.values).sum(axis=1)
        kept.append((boards, policy.astype(np.float32), value, np.full(len(boards), whole, np.float32), going.copy()))
        weights = policy if move < settings.moves else policy**10
        shares = (weights / weights.sum(axis=1, keepdims=True)).cumsum(axis=1)
        action = (shares < random.random((len(boards), 1)) * shares[:, -1:]).sum(axis=1)
        boards = np.where(going[:, None, None], game.play(boards, action), boards)
        outcome, ended = game.outcome(boards)
        now = going & ended
        results[now] = outcome[now] * (-1) ** (move + 1)  # for the player who began
        going &= ~ended
        boards = np.where(going[:, None, None], boards, game.start(1))  # what has ended is searched without being kept
        if not going.any():
            break
    rows = []
    for move, (boards, policy, value, searched, played) in enumerate(kept):
        target = settings.searched * value + (1 - settings.searched) * results * (-1) ** move
        rows.append([each[played] for each in (boards, policy, target.astype(np.float32), searched)])
    return Samples(*(np.concatenate(each) for each in zip(*rows, strict=True)))


def train(game: Rows, settings: Settings, minutes: float, seed: int) -> fnn.Network:
    """A network that has played for that time."""
    random = np.random.default_rng(seed)
    net = network(game, settings.filters, seed)
    net.compile(fnn.Adam(settings.rate), {"policy": "cross_entropy", "value": "mse"})
    memory = Samples(game.start(0), np.zeros((0, game.actions), np.float32), *np.zeros((2, 0), np.float32))
    begin = time.monotonic()
    with tqdm(total=round(60 * minutes), unit="s", desc=game.name) as progress:
        played = 0
        while (spent := time.monotonic() - begin) < 60 * minutes:
            judge = judged_by(net, game, GAMES_AT_ONCE)
            searchers = [Searcher(game, judge, GAMES_AT_ONCE, n, seed + played) for n in settings.simulations]
            found = self_play(game, searchers, settings, random)
            memory = Samples(*(np.concatenate(both)[-settings.window :] for both in zip(memory, found, strict=True)))
            net.optimizer.learning_rate = settings.rate * (1 if spent < 42 * minutes else 0.2)
            chosen = random.integers(0, len(memory.boards), min(4 * len(found.boards), len(memory.boards)))
            boards, policy, value, whole = (array[chosen] for array in memory)
            sides = game.mirrored(boards, policy)
            half = np.arange(len(chosen)) % 2 == 0
            boards = np.where(half[:, None, None], boards, sides[0])
            policy = np.where(half[:, None], policy, sides[1])
            weights = {"policy": whole, "value": np.ones_like(whole)}
            history = net.fit(
                game.planes(boards), {"policy": policy, "value": value}, 128, sample_weight=weights, verbose=0
            )
            played += GAMES_AT_ONCE
            losses = [history.history[f"{name}_loss"][-1] for name in ("policy", "value")]
            progress.set_postfix_str(f"{played} games, losses {losses[0]:.3f} and {losses[1]:.3f}")
            progress.update(min(round(time.monotonic() - begin), progress.total) - progress.n)
    return net


def by_search(game: Rows, judge: Judge, count: int, simulations: int, seed: int) -> Player:
    """A player whose moves are those with the most visits."""
    searcher = Searcher(game, judge, count, simulations, seed)

    def move(boards: np.ndarray) -> np.ndarray:
        room = np.concatenate([boards, game.start(count - len(boards))])
        return np.asarray(searcher.visits(room).argmax(axis=1)[: len(boards)])

    return move


def match(game: Rows, ours: Player, theirs: Player, count: int) -> np.ndarray:
    """The results of games for our side, 1, 0 or -1; each side begins half of them."""
    boards, results = game.start(count), np.zeros(count)
    ours_next, going = np.arange(count) % 2 == 0, np.ones(count, bool)
    with tqdm(total=count, unit="games", desc="match") as progress:
        while going.any():
            for mine, player in ((True, ours), (False, theirs)):
                turn = going & (ours_next == mine)
                if turn.any():
                    boards[turn] = game.play(boards[turn], player(boards[turn]))
                    outcome, ended = game.outcome(boards)
                    over = turn & ended
                    results[over] = outcome[over] * (-1 if mine else 1)
                    going &= ~over
                    ours_next[turn] = ~ours_next[turn]
                    progress.update(int(over.sum()))
    return results


def examine(game: Rows, net: fnn.Network, count: int, simulations: int, seed: int) -> str:
    """The results against the reference, with a tenth of its simulations."""
    random = np.random.default_rng(seed)
    ours = by_search(game, judged_by(net, game, count), count, simulations // 10, seed)
    if game.name == "tic-tac-toe":
        results = match(game, ours, perfect(game, random), count)
        rival = "a perfect player"
    else:
        theirs = by_search(game, judged_by_random_games(game, random), count, simulations, seed + 1)
        results, rival = match(game, ours, theirs, count), f"{simulations} simulations of random games a move"
    score = (results.sum() + count) / 2 / count
    won, drawn, lost = ((results == each).sum() for each in (1, 0, -1))
    result = f"{won} won, {drawn} drawn, {lost} lost, score {score:.1%}"
    return f"{simulations // 10} simulations a move against {rival}: {result}"


def draw(game: Rows, net: fnn.Network, path: Path, seed: int) -> None:
    """The last position of a game of the network against itself, and its values on the way, if matplotlib is there."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        print(f"nothing is drawn: {error}")
        return
    player, judge = by_search(game, judged_by(net, game, 1), 1, 100, seed), judged_by(net, game, 1)
    board, values, sign = game.start(1), [], 1
    while not game.outcome(board)[1][0]:
        values.append(sign * float(judge(board)[0][0]))
        board, sign = game.play(board, player(board)), -sign
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.5), layout="constrained")
    left.imshow(sign * board[0], cmap="coolwarm", vmin=-1.5, vmax=1.5)
    left.set(title=f"{game.name}: the end of a game against itself", xticks=[], yticks=[])
    right.plot(values, marker=".")
    right.axhline(0, color="black", linewidth=0.5)
    right.set(title="its value for the first player", xlabel="move", ylim=(-1.1, 1.1))
    figure.savefig(path)
    print(f"drawn: {path}")


def against_you(game: Rows, net: fnn.Network) -> None:
    """A game in the terminal; you begin."""
    player = by_search(game, judged_by(net, game, 1), 1, 200, 0)
    board, yours = game.start(1), True
    while not game.outcome(board)[1][0]:
        if yours:
            print(game.text(board[0], "XO"))
            legal = np.flatnonzero(game.legal(board)[0])
            answer = ""
            while not (answer.isdigit() and int(answer) in legal):
                answer = input(f"your move, one of {', '.join(map(str, legal))}: ")
            action = np.array([int(answer)])
        else:
            action = player(board)
        board, yours = game.play(board, action), not yours
    print(game.text(board[0], "XO" if yours else "OX"))
    lost = game.outcome(board)[0][0] < 0
    print(("you lose" if yours else "you win") if lost else "a draw")


def main() -> None:
    """Runs the example."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("game", nargs="?", default="tic-tac-toe", choices=sorted(GAMES))
    parser.add_argument("--minutes", type=float, help="of self-play and learning")
    parser.add_argument("--games", type=int, help="of the match at the end")
    parser.add_argument("--out", default="self_play", metavar="FOLDER", help="where the figure and the network are put")
    parser.add_argument("--play", metavar="FILE", help="play against the network in this file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    game, settings = GAMES[options.game], SETTINGS[options.game]
    count = options.games or (500 if options.game == "tic-tac-toe" else 100)
    minutes = settings.minutes if options.minutes is None else options.minutes
    if options.short:
        minutes, count, settings = 0.01, 4, replace(settings, simulations=(8, 4))
    out = Path(options.out)
    try:
        if options.play:
            against_you(game, fnn.load(options.play))
            return
        out.mkdir(parents=True, exist_ok=True)
        net = train(game, settings, minutes, options.seed)
        net.save(out / f"{game.name}.safetensors")
        draw(game, net, out / f"{game.name}.png", options.seed)
        print(examine(game, net, count, 50 if options.short else 1000, options.seed))
    except (OSError, ValueError, EOFError) as error:
        raise SystemExit(f"self_play.py: {error}") from None


if __name__ == "__main__":
    main()
