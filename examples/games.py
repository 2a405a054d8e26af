"""Games for two, and players of them, as arrays: many positions at once, each from the view of the player who is next.

A position is two whole numbers, (n, 2): the stones of the player who is next, and the other's. A column of the board is
a run of their bits from the bottom up, with one more that stays 0, so that no line continues in the next column. What
else belongs to a position is in the bits above the board. All bits are 0 at the start of a game.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cache
from typing import ClassVar

import numpy as np
from tqdm import tqdm

#: The actions for positions.
Player = Callable[[np.ndarray], np.ndarray]
#: Of positions: their values for the player who is next, and the probabilities of actions.
Judge = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
ONE = np.uint64(1)


class Game(ABC):
    """What a game for two on a board of cells is to those who play it; actions are numbers from 0."""

    name: ClassVar[str]
    shape: ClassVar[tuple[int, int]]
    #: How many there are, and how many are in the longest game.
    actions: int
    longest: int

    def __init__(self) -> None:
        rows, columns = self.shape
        #: The bit of each cell; the first row is the one at the top.
        self.bits = (np.arange(columns) * (rows + 1) + np.arange(rows)[::-1, None]).astype(np.uint64)
        #: Which of a position's 128 bits a network sees at each cell: first the stones of either player.
        self.seen = np.stack([self.bits, self.bits + np.uint64(64)], axis=-1).astype(np.intp)

    def start(self, count: int) -> np.ndarray:
        """Empty boards."""
        return np.zeros((count, 2), np.uint64)

    @abstractmethod
    def legal(self, boards: np.ndarray) -> np.ndarray:
        """Whether each action may be played, (n, actions)."""

    @abstractmethod
    def play(self, boards: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """The positions after an action in each."""

    @abstractmethod
    def outcome(self, boards: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The value for the player who is next, > 0 if that one has won, and whether the game has ended; 0 if not."""

    @abstractmethod
    def mirrored(self, planes: np.ndarray, policy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What a network sees of the same positions from another side, and the probabilities of actions there."""

    def planes(self, boards: np.ndarray) -> np.ndarray:
        """What a network sees, bytes (n, rows, columns, planes)."""
        bits = np.unpackbits(np.ascontiguousarray(boards, "<u8").view(np.uint8), axis=1, bitorder="little")
        return np.asarray(bits[:, self.seen])

    def text(self, board: np.ndarray, stones: str) -> str:
        """A board to be printed; stones: of the player who is next and of the other."""
        cells = self.planes(board[None])[0, :, :, :2] @ [1, 2]
        return "\n".join(" ".join(f".{stones}"[int(each)] for each in row) for row in cells)


class Rows(Game):
    """A game in which `length` stones in a row win."""

    length: ClassVar[int]

    def __init__(self) -> None:
        super().__init__()
        rows, columns = self.shape
        self.lines = np.array([1, rows, rows + 1, rows + 2], np.uint64)
        #: The cell of each action that is free where it may be played.
        self.gates = self.bits.reshape(-1)
        self.actions, self.longest = len(self.gates), rows * columns

    def legal(self, boards: np.ndarray) -> np.ndarray:
        """Whether the gate of each action is free, (n, actions)."""
        taken = boards[:, 0] | boards[:, 1]
        return np.asarray(taken[:, None] >> self.gates & ONE == 0)

    def stone(self, boards: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """The bit that an action adds to each."""
        return np.asarray(ONE << self.gates[actions])

    def play(self, boards: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """The positions with another stone in each."""
        return np.stack([boards[:, 1], boards[:, 0] | self.stone(boards, actions)], axis=1)

    def outcome(self, boards: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The value for the player who is next, -1 or 0, and whether the game has ended."""
        stones = line = boards[:, 1:]
        for k in range(1, self.length):
            line = line & stones >> self.lines * np.uint64(k)
        lost = (line != 0).any(axis=1)
        return -lost.astype(np.float32), lost | ~self.legal(boards).any(axis=1)

    def mirrored(self, planes: np.ndarray, policy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The same with left and right exchanged."""
        flipped = policy.reshape(len(policy), -1, self.shape[1])[:, :, ::-1].reshape(policy.shape)
        return planes[:, :, ::-1], flipped


class TicTacToe(Rows):
    """Three in a row on 3x3."""

    name, shape, length = "tic-tac-toe", (3, 3), 3


class ConnectFour(Rows):
    """Four in a row on 6x7; stones fall down."""

    name, shape, length = "connect-four", (6, 7), 4

    def __init__(self) -> None:
        super().__init__()
        self.gates = self.bits[0]
        self.actions = len(self.gates)
        self.bottoms, self.columns = ONE << self.bits[-1], (ONE << self.bits).sum(axis=0)

    def stone(self, boards: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """As `Rows.stone`: what is added to the lowest stones carries up to the first free cell."""
        taken = boards[:, 0] | boards[:, 1]
        return np.asarray(taken + self.bottoms[actions] & self.columns[actions])


def perfect(game: Game, random: np.random.Generator) -> Player:
    """A player who knows the outcome of every position, and takes one of the best actions."""

    @cache
    def value(position: bytes) -> int:
        board = np.frombuffer(position, np.uint64).reshape(1, 2)
        outcome, ended = game.outcome(board)
        return int(outcome[0]) if ended[0] else max(values(board))

    def values(board: np.ndarray) -> list[int]:
        actions = np.flatnonzero(game.legal(board)[0])
        return [-value(game.play(board, np.array([action])).tobytes()) for action in actions]

    def move(boards: np.ndarray) -> np.ndarray:
        chosen = []
        for board in boards[:, None]:
            found, actions = values(board), np.flatnonzero(game.legal(board)[0])
            chosen.append(random.choice(actions[np.array(found) == max(found)]))
        return np.array(chosen)

    return move


def judged_by_random_games(game: Game, random: np.random.Generator) -> Judge:
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


def match(game: Game, ours: Player, theirs: Player, count: int) -> np.ndarray:
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
                    results[over] = np.sign(outcome[over]) * (-1 if mine else 1)
                    going &= ~over
                    ours_next[turn] = ~ours_next[turn]
                    progress.update(int(over.sum()))
    return results
