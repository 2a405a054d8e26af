"""Games for two, as arrays: many positions at once, each from the view of the player who is next.

A position has 1 for the stones of the player who is next, -1 for the other's, and 0 elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import ClassVar

import numpy as np

#: The actions for positions.
Player = Callable[[np.ndarray], np.ndarray]


class Rows:
    """A game in which `length` stones in a row win."""

    name: ClassVar[str]
    shape: ClassVar[tuple[int, int]]
    length: ClassVar[int]
    actions: ClassVar[int]

    def start(self, count: int) -> np.ndarray:
        """Empty boards."""
        return np.zeros((count, *self.shape), np.int8)

    def legal(self, boards: np.ndarray) -> np.ndarray:
        """Whether each action may be played, (n, actions)."""
        return np.asarray(boards.reshape(len(boards), -1) == 0)

    def play(self, boards: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """The positions after an action in each."""
        after = -boards
        after.reshape(len(boards), -1)[np.arange(len(boards)), actions] = -1
        return after

    def outcome(self, boards: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The value for the player who is next, -1 or 0, and whether the game has ended."""
        stones, n = boards == -1, self.length
        rows, columns = self.shape
        lost = np.zeros(len(boards), bool)
        for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
            high, wide = rows - down * (n - 1), columns - abs(right) * (n - 1)
            left = 0 if right >= 0 else n - 1
            parts = [stones[:, down * k :][:, :high, left + right * k :][:, :, :wide] for k in range(n)]
            lost |= np.logical_and.reduce(parts).any(axis=(1, 2))
        return -lost.astype(np.float32), lost | ~self.legal(boards).any(axis=1)

    def planes(self, boards: np.ndarray) -> np.ndarray:
        """What a network sees, bytes (n, rows, columns, 2): the stones of either player."""
        return np.stack([boards == 1, boards == -1], axis=-1).astype(np.uint8)

    def mirrored(self, boards: np.ndarray, policy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The same positions from the other side."""
        flipped = policy.reshape(len(policy), *self.shape)[:, :, ::-1].reshape(policy.shape)
        return boards[:, :, ::-1], flipped

    def text(self, board: np.ndarray, stones: str) -> str:
        """A board to be printed; stones: of the player who is next and of the other."""
        names = {0: ".", 1: stones[0], -1: stones[1]}
        return "\n".join(" ".join(names[int(each)] for each in row) for row in board)


class TicTacToe(Rows):
    """Three in a row on 3x3."""

    name, shape, length, actions = "tic-tac-toe", (3, 3), 3, 9


class ConnectFour(Rows):
    """Four in a row on 6x7; stones fall down."""

    name, shape, length, actions = "connect-four", (6, 7), 4, 7

    def legal(self, boards: np.ndarray) -> np.ndarray:
        """As `Rows.legal`."""
        return np.asarray(boards[:, 0] == 0)

    def play(self, boards: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """As `Rows.play`."""
        after, n = -boards, np.arange(len(boards))
        height = (boards[n, :, actions] == 0).sum(axis=1) - 1
        after[n, height, actions] = -1
        return after

    def mirrored(self, boards: np.ndarray, policy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As `Rows.mirrored`."""
        return boards[:, :, ::-1], policy[:, ::-1]


GAMES = {game.name: game for game in (TicTacToe(), ConnectFour())}


def perfect(game: Rows, random: np.random.Generator) -> Player:
    """A player who knows the outcome of every position, and takes one of the best actions."""

    @cache
    def value(position: bytes) -> int:
        board = np.frombuffer(position, np.int8).reshape(1, *game.shape)
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
