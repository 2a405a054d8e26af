"""The rules of 5x5 Go in small cases and against OpenSpiel."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from check import generator

sys.path.insert(0, str(Path(__file__).parent.parent / "examples"))
Go = importlib.import_module("go").Go
PASS = 25


@pytest.fixture(scope="module")
def go() -> Go:
    return Go()


def played(go: Go, moves: str) -> np.ndarray:
    """The position after moves as "a5", the upper left cell, or "pass"."""
    board = go.start(1)
    for move in moves.split():
        action = PASS if move == "pass" else (5 - int(move[1])) * 5 + "abcde".index(move[0])
        assert move == "pass" or go.legal(board)[0, action], move
        board = go.play(board, np.array([action]))
    return board


def test_stones_without_liberties_are_captured(go: Go) -> None:
    board = played(go, "b5 a5 a4")
    assert go.text(board[0], "OX").split("\n") == [". X . . .", "X . . . .", *[". . . . ."] * 3]
    board = played(go, "a5 a4 b5 b4 pass c5")
    assert go.text(board[0], "XO").split("\n") == [". . O . .", "O O . . .", *[". . . . ."] * 3]
    assert go.legal(board)[0, [0, 1]].all()


def test_suicide_is_illegal_unless_it_captures(go: Go) -> None:
    assert np.flatnonzero(~go.legal(played(go, "b5 pass a4"))[0, :PASS]).tolist() == [0, 1, 5]
    assert not go.legal(played(go, "b5 a5 b4 pass a3"))[0, 5]  # nor of a group
    board = played(go, "b5 c5 a4 b4 e1 a5")
    assert go.text(board[0], "XO").split("\n")[:2] == ["O . O . .", "X O . . ."]


def test_a_ko_may_not_be_retaken_at_once(go: Go) -> None:
    board = played(go, "b5 c5 a4 d4 b3 c3 c4 b4")  # the last one takes c4
    assert not go.legal(board)[0, 7]
    assert np.argwhere(go.planes(board)[0, :, :, 2]).tolist() == [[1, 2]]
    board = played(go, "b5 c5 a4 d4 b3 c3 c4 b4 e1 a1")
    assert go.legal(board)[0, 7] and not go.planes(board)[..., 2].any()
    assert not go.legal(played(go, "b5 c5 a4 d4 b3 c3 c4 b4 e1 a1 c4"))[0, 6]


def test_two_passes_end_the_game_and_areas_count(go: Go) -> None:
    walls = "b5 d5 b4 d4 b3 d3 b2 d2 b1 d1"  # 10 points each
    for moves, points in (("", 0), ("c3", 25), ("c3 a1", 0), (walls, 0), (f"{walls} c3 e3 c4 pass c2", 3)):
        board = played(go, f"{moves} pass")
        assert go.outcome(board) == (0, False)
        outcome, ended = go.outcome(played(go, f"{moves} pass pass"))
        black = 1 if len(moves.split()) % 2 == 0 else -1
        margin = points - go.komi
        np.testing.assert_allclose(outcome * black, (np.sign(margin) + margin / (25 + go.komi)) / 2, rtol=1e-6)
        assert ended[0]


def test_no_pass_in_the_opening(go: Go) -> None:
    cells = [column + row for row in "54321" for column in "abcde"]
    assert not go.legal(played(go, " ".join(cells[: go.opening - 1])))[0, PASS]
    assert go.legal(played(go, " ".join(cells[: go.opening])))[0, PASS]


def test_the_limit_of_moves_ends_a_game(go: Go) -> None:
    cells = [column + row for row in "54321" for column in "abcde"]
    board = played(go, " ".join(f"pass {cell}" for cell in cells[:-1]) + " e1")  # the last one captures all others
    assert go.text(board[0], "OX").count("X") == 1 and not go.outcome(board)[1][0]
    outcome, ended = go.outcome(go.play(board, np.array([PASS])))
    assert outcome > 0.5 and ended


def test_the_other_sides_of_a_position(go: Go) -> None:
    board = played(go, "b5 e3 c3")
    boards = np.repeat(board, 16, axis=0)
    seen = go.planes(boards)
    policy = np.append(seen[..., 0].reshape(16, -1), np.full((16, 1), 7), axis=1)
    planes, policy = go.mirrored(seen, policy)
    assert len(np.unique(planes, axis=0)) == 8
    assert (policy[:, :PASS] == planes[..., 0].reshape(16, -1)).all() and (policy[:, PASS] == 7).all()


def test_the_rules_are_those_of_open_spiel(go: Go) -> None:
    pyspiel = pytest.importorskip("pyspiel", reason="the reference is OpenSpiel's Go, of the package open-spiel")
    random, count = generator(0), 100
    rules = pyspiel.load_game(f"go(board_size=5,komi={go.komi})")
    assert rules.max_game_length() == go.longest and rules.num_distinct_actions() == go.actions
    numbers = [*np.arange(25).reshape(5, 5)[::-1].reshape(-1).tolist(), PASS]
    boards, states, ends = go.start(count), [rules.new_initial_state() for _ in range(count)], 0
    while states:
        legal, (outcome, ended) = go.legal(boards), go.outcome(boards)
        for state, allowed, value, over in zip(states, legal, outcome, ended, strict=True):
            black = len(state.history()) % 2 == 0
            if over:
                ends += 1
                assert state.is_terminal() and state.returns()[0] == (np.sign(value) if black else -np.sign(value))
            elif state.is_terminal():
                assert state.returns() == [0, 0]  # the position is there for the second time: a draw in OpenSpiel
            else:
                assert sorted(numbers[a] for a in np.flatnonzero(allowed[:PASS])) == state.legal_actions()[:-1]
        kept = [i for i, state in enumerate(states) if not state.is_terminal()]
        boards, states = boards[kept], [states[i] for i in kept]
        chance = random.random((len(kept), go.actions)) * legal[kept]
        actions = chance.argmax(axis=1)
        boards = go.play(boards, actions)
        for state, action in zip(states, actions, strict=True):
            state.apply_action(numbers[action])
    assert ends > 0.9 * count
