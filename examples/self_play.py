"""Self-play: a network that learns a game for two from nothing but its rules, by searching and playing against itself.

`python examples/self_play.py [GAME] [--minutes M] [--seed N] [--out FOLDER] [--play FILE] [--short]`
GAME is tic-tac-toe, connect-four or go-5x5. For each move the trees of many games are searched side by side, with the
network's estimates of who wins and which actions are worth trying; the network then learns what the searches found and
how the games ended (AlphaZero). Most moves are searched quickly, so that more games end; only whole searches teach the
policy (KataGo). At the end it plays against a perfect player (tic-tac-toe), or against searches with ten times as many
simulations whose values come from random games: for Go those of OpenSpiel (`pip install open-spiel`), otherwise, or
where it is missing, this program's own. `--play FILE` lets you play against a network that was saved.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

import fastnn as fnn
from games import ConnectFour, Game, Judge, Player, Rows, TicTacToe, judged_by_random_games, match, perfect
from go import Go, match_open_spiel

GAMES: dict[str, Game] = {game.name: game for game in (TicTacToe(), ConnectFour(), Go())}
GAMES_AT_ONCE = 256
#: A frozen network: both outputs for what it sees of positions.
Function = Callable[[np.ndarray], dict[str, np.ndarray]]


@dataclass(frozen=True)
class Settings:
    """How a game is learnt.

    simulations: of a whole search, and of a quick one. whole: the fraction of moves with a whole search. moves: the
    first ones of a game, which are drawn in proportion to the visits. searched: the part of the value's target that the
    search found; the rest is how the game ended. window: positions that are remembered.
    """

    minutes: float
    simulations: tuple[int, int]
    whole: float
    moves: int
    window: int
    searched: float = 0.5
    fresh: int = 2048  # positions of ended games, after which the network learns


SETTINGS = {
    "tic-tac-toe": Settings(1, (50, 50), 1.0, 6, 8_000, searched=0.0),
    "connect-four": Settings(10, (80, 20), 0.3, 10, 500_000),
    "go-5x5": Settings(10, (80, 20), 0.3, 10, 500_000),
}
C = 1.2  # the weight of the network's advice in a search
RATE = 2e-3  # of learning; a fifth of it in the last three tenths of the time
REUSE = 4  # how often a position is learnt


class Samples(NamedTuple):
    """Positions, what their searches found, their values for who was next, and whether the searches were whole."""

    boards: np.ndarray
    policy: np.ndarray
    value: np.ndarray
    whole: np.ndarray


def network(game: Game, seed: int) -> fnn.Network:
    """Two outputs: logits of the actions, and the value from -1 to 1."""
    x = fnn.Input((*game.shape, game.seen.shape[-1]))
    if isinstance(game, Rows):  # filters that see a line's length each way
        h = fnn.Flatten()(fnn.Conv2D(64, game.length, activation="relu")(x))
        for _ in range(2):
            h = fnn.Dense(128, "relu")(h)
        last = h
    else:  # groups of stones are followed from cell to cell
        h = fnn.Conv2D(32, 3, padding="same", activation="relu")(x)
        for _ in range(3):
            h = fnn.Add()([h, fnn.Conv2D(32, 3, padding="same", activation="relu")(h)])
        h = fnn.Flatten()(h)
        last = fnn.Dense(64, "relu")(h)
    policy, value = fnn.Dense(game.actions, name="policy")(h), fnn.Dense(1, "tanh", name="value")(last)
    return fnn.Network(x, [policy, value], seed=seed)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Of each row."""
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def judged_by(f: Function, game: Game) -> Judge:
    """What a frozen network says of positions."""

    def judge(boards: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found = f(game.planes(boards))
        return found["value"][:, 0], softmax(found["policy"])

    return judge


class Searcher:
    """Searches positions of a number of games; the visits of their actions are how good they are."""

    def __init__(self, game: Game, judge: Judge, count: int, simulations: int, seed: int) -> None:
        self.game, self.judge, self.simulations = game, judge, simulations
        self.search = fnn.rl.Search(count, game.actions, simulations, C, seed=seed)
        self.boards = np.zeros((count, simulations + 1, 2), np.uint64)

    def visits(self, boards: np.ndarray, noise: float = 0.0) -> np.ndarray:
        """The visits of each action, (count, actions)."""
        game, search = self.game, self.search
        _, prior = self.judge(boards)
        search.start(prior * game.legal(boards), noise)
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


class SelfPlay:
    """Games of the network against itself, side by side; one that has ended makes place for another."""

    def __init__(self, game: Game, settings: Settings, seed: int) -> None:
        self.game, self.settings, self.random = game, settings, np.random.default_rng(seed)
        self.boards, self.move = game.start(GAMES_AT_ONCE), np.zeros(GAMES_AT_ONCE, int)
        shape = (GAMES_AT_ONCE, game.longest)
        boards, policy = np.zeros((*shape, 2), np.uint64), np.zeros((*shape, game.actions), np.float32)
        self.kept = Samples(boards, policy, np.zeros(shape, np.float32), np.zeros(shape, np.float32))
        self.simulations, self.seconds = 0, 0.0

    def step(self, searchers: list[Searcher]) -> list[Samples]:
        """Makes a move in each game. Returns those that ended by it, with all of their positions."""
        game, settings, each = self.game, self.settings, np.arange(GAMES_AT_ONCE)
        whole = self.random.random() < settings.whole
        searcher = searchers[0 if whole else 1]
        begin = time.perf_counter()
        visits = searcher.visits(self.boards, 0.25 if whole else 0.0)
        self.seconds += time.perf_counter() - begin
        self.simulations += searcher.simulations * GAMES_AT_ONCE
        policy = visits / visits.sum(axis=1, keepdims=True)
        found = Samples(self.boards, policy, (policy * searcher.search.values).sum(axis=1), np.array(whole))
        for array, now in zip(self.kept, found, strict=True):
            array[each, self.move] = now
        weights = np.where((self.move < settings.moves)[:, None], policy, policy**10)
        shares = (weights / weights.sum(axis=1, keepdims=True)).cumsum(axis=1)
        action = (shares < self.random.random((GAMES_AT_ONCE, 1)) * shares[:, -1:]).sum(axis=1)
        self.boards = game.play(self.boards, action)
        self.move += 1
        outcome, ended = game.outcome(self.boards)
        done = []
        for g in np.flatnonzero(ended):
            boards, policy, value, searched = (array[g, : self.move[g]].copy() for array in self.kept)
            result = outcome[g] * (-1.0) ** np.arange(self.move[g], 0, -1)  # for who was next
            value = settings.searched * value + np.float32(1 - settings.searched) * result.astype(np.float32)
            done.append(Samples(boards, policy, value, searched))
        self.boards[ended], self.move[ended] = 0, 0
        return done


def joined(parts: list[Samples]) -> Samples:
    """One after the other."""
    return Samples(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def learn(game: Game, net: fnn.Network, memory: Samples, count: int, random: np.random.Generator) -> dict[str, float]:
    """An epoch of positions of the memory, half of them from other sides; returns the losses."""
    chosen = random.integers(0, len(memory.boards), count)
    boards, policy, value, whole = (array[chosen] for array in memory)
    planes, half = game.planes(boards), count // 2
    for array, flipped in zip((planes, policy), game.mirrored(planes[:half], policy[:half]), strict=True):
        array[:half] = flipped
    weights = {"policy": whole, "value": np.ones_like(whole)}
    targets = {"policy": policy, "value": value}
    history = net.fit(planes, targets, 256, sample_weight=weights, verbose=0).history
    return {name: history[f"{name}_loss"][-1] for name in targets}


def train(game: Game, settings: Settings, minutes: float, seed: int) -> fnn.Network:
    """A network that has played for that time."""
    random = np.random.default_rng(seed)
    net = network(game, seed).compile(fnn.Adam(RATE), {"policy": "cross_entropy", "value": "mse"})
    f = net.freeze(GAMES_AT_ONCE)
    searchers = [Searcher(game, judged_by(f, game), GAMES_AT_ONCE, n, seed) for n in settings.simulations]
    play, games = SelfPlay(game, settings, seed), 0
    fresh: list[Samples] = []
    memory = Samples(*(array[0, :0] for array in play.kept))
    begin, processor = time.monotonic(), time.process_time()
    with tqdm(total=round(60 * minutes), unit="s", desc=game.name) as progress:
        while (spent := time.monotonic() - begin) < 60 * minutes or not games:
            fresh += play.step(searchers)
            count = sum(len(each.boards) for each in fresh)
            if count < settings.fresh:
                continue
            memory = Samples(*(array[-settings.window :] for array in joined([memory, *fresh])))
            net.optimizer.learning_rate = RATE * (1 if spent < 42 * minutes else 0.2)
            losses = learn(game, net, memory, REUSE * count, random)
            f.refresh()
            games, fresh = games + len(fresh), []
            progress.set_postfix_str(f"{games} games, losses {losses['policy']:.3f} and {losses['value']:.3f}")
            progress.update(min(round(spent), progress.total) - progress.n)
    processor, millions = time.process_time() - processor, play.simulations / 1e6
    print(f"{games} games in {minutes:.1f} minutes ({processor:.0f} CPU seconds); ", end="")
    print(f"{millions:.1f} million simulations, {play.seconds / millions:.2f} us each, and what was learnt from them")
    return net


def by_search(game: Game, judge: Judge, count: int, simulations: int, seed: int) -> Player:
    """A player whose moves are those with the most visits."""
    searcher = Searcher(game, judge, count, simulations, seed)

    def move(boards: np.ndarray) -> np.ndarray:
        room = np.concatenate([boards, game.start(count - len(boards))])
        return np.asarray(searcher.visits(room).argmax(axis=1)[: len(boards)])

    return move


def examine(game: Game, net: fnn.Network, count: int, simulations: int, seed: int) -> str:
    """The results against the reference, with a tenth of its simulations."""
    random = np.random.default_rng(seed)
    ours = by_search(game, judged_by(net.freeze(count), game), count, simulations // 10, seed)
    if game.name == "tic-tac-toe":
        results = match(game, ours, perfect(game, random), count)
        rival = "a perfect player"
    elif isinstance(game, Go) and find_spec("pyspiel"):
        results, rival = match_open_spiel(game, ours, simulations, count, seed), f"{simulations} of OpenSpiel's MCTS"
    else:
        theirs = by_search(game, judged_by_random_games(game, random), count, simulations, seed + 1)
        results, rival = match(game, ours, theirs, count), f"{simulations} simulations of random games a move"
    score = (results.sum() + count) / 2 / count
    won, drawn, lost = ((results == each).sum() for each in (1, 0, -1))
    result = f"{won} won, {drawn} drawn, {lost} lost, score {score:.1%}"
    return f"{simulations // 10} simulations a move against {rival}: {result}"


def draw(game: Game, net: fnn.Network, path: Path, seed: int) -> None:
    """The last position of a game of the network against itself, and its values on the way, if matplotlib is there."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        print(f"nothing is drawn: {error}")
        return
    judge = judged_by(net.freeze(), game)
    player = by_search(game, judge, 1, 100, seed)
    board, values, sign = game.start(1), [], 1
    while not game.outcome(board)[1][0]:
        values.append(sign * float(judge(board)[0][0]))
        board, sign = game.play(board, player(board)), -sign
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.5), layout="constrained")
    rows, columns = game.shape
    cells = game.planes(board)[0, :, :, :2] @ [sign, -sign]
    for sided, colour in ((1, "black"), (-1, "white")):
        y, x = np.nonzero(cells == sided)
        left.scatter(x, y, 2500 / rows, colour, edgecolors="black", zorder=2)
    left.set(title=f"{game.name}: the end of a game; black began", facecolor="burlywood", aspect=1)
    left.set(xlim=(-0.6, columns - 0.4), ylim=(rows - 0.4, -0.6), xticks=range(columns), yticks=range(rows))
    left.grid(color="black", linewidth=0.5)
    left.tick_params(length=0, labelbottom=False, labelleft=False)
    right.plot(values, marker=".")
    right.axhline(0, color="black", linewidth=0.5)
    right.set(title="the value for the first player", xlabel="move", ylim=(-1.1, 1.1))
    figure.savefig(path)
    print(f"drawn: {path}")


def against_you(game: Game, net: fnn.Network) -> None:
    """A game in the terminal; you begin."""
    player = by_search(game, judged_by(net.freeze(), game), 1, 200, 0)
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
    outcome = game.outcome(board)[0][0] * (1 if yours else -1)
    print("you win" if outcome > 0 else "you lose" if outcome < 0 else "a draw")


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
        minutes, count, settings = 0.01, 4, replace(settings, simulations=(8, 4), fresh=64)
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
