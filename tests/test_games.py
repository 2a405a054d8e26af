"""The games of the examples against plain loops over their lines."""

from pathlib import Path

from check import python

EXAMPLES = Path(__file__).parent.parent / "examples"


def test_games_end_where_a_line_is_complete() -> None:
    done = python(f"""
import sys
sys.path.insert(0, {str(EXAMPLES)!r})
import numpy as np
from games import ConnectFour, TicTacToe
random = np.random.default_rng(0)
for game in (TicTacToe(), ConnectFour()):
    rows, columns = game.shape
    lines = [
        [(r + k * down, c + k * right) for k in range(game.length)]
        for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)) for r in range(rows) for c in range(columns)
    ]
    lines = [line for line in lines if all(r < rows and 0 <= c < columns for r, c in line)]
    boards, cells = game.start(200), np.zeros((200, rows, columns), int)
    while len(boards):
        assert (game.planes(boards) == np.stack([cells == 1, cells == -1], -1)).all()
        free = cells[:, 0] == 0 if game.name == "connect-four" else cells.reshape(len(cells), -1) == 0
        assert (game.legal(boards) == free).all()
        lost = np.array([any(all(each[cell] == -1 for cell in line) for line in lines) for each in cells])
        outcome, ended = game.outcome(boards)
        assert (outcome == np.where(lost, -1, 0)).all() and (ended == lost | ~free.any(axis=1)).all()
        boards, cells, free = boards[~ended], cells[~ended], free[~ended]
        action = (random.random(free.shape) * free).argmax(axis=1)
        boards, cells = game.play(boards, action), -cells
        for each, a in zip(cells, action):
            row, column = divmod(a, columns)
            if game.name == "connect-four":
                row, column = np.flatnonzero(each[:, a] == 0)[-1], a
            each[row, column] = -1
print("the same")
""")
    assert done.stdout == "the same\n", done.stderr
