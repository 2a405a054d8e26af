"""5x5 Go as arrays: many positions at once (see games.py), and a match against OpenSpiel's search.

Stones without liberties are captured, suicide is illegal, and a ko may not be retaken at once. Two passes, or a limit
of moves that cuts longer cycles short, end the game. A player's area, stones and the empty regions that only they
reach, counts; stones that could still be captured count as they stand. Perfect play gives Black all 25 points (E. van
der Werf et al., ICGA Journal 26(2), 2003); with a komi of 14.5 White wins by almost any group that lives. To pass is
forbidden in the opening: otherwise White, who leads by komi as long as nobody surrounds anything, learns to pass there.
"""

import numpy as np
from tqdm import tqdm

from games import ONE, Game, Player

SIDE = np.uint64(6)  # from a bit to that of the next column
UP = np.uint64(32)  # where the bits above the board begin


def reached(begin: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Those of the cells that are connected, through cells, with one at which to begin: all bits grow at once."""
    while True:
        found = begin & cells
        begin = found | found << ONE | found >> ONE | found << SIDE | found >> SIDE
        if (begin & cells == found).all():
            return np.asarray(found)


class Go(Game):
    """5x5 Go; the last action is a pass.

    Above the board, the first number of a position has the point that a ko forbids, a bit for each cell, and the second
    one whether the last move was a pass (a bit), whether the last two were (a bit), and the number of moves: Black is
    next if it is even.
    """

    name, shape = "go-5x5", (5, 5)
    komi = 14.5  # added to the points of White, who is second
    opening = 16  # moves without a pass, if there are others

    def __init__(self) -> None:
        super().__init__()
        cells = self.bits.size
        self.actions, self.longest = cells + 1, 2 * cells
        #: The bit of each action, none for a pass, and those of its neighbours.
        self.stones = np.append(ONE << self.bits.reshape(-1), np.uint64(0))
        self.board = np.bitwise_or.reduce(self.stones)
        self.near = self.beside(self.stones)
        #: A network also sees the ko, a last move that was a pass, and who is next.
        more = np.stack([self.bits + UP, np.full(self.shape, 96), np.full(self.shape, 98)], axis=-1)
        self.seen = np.concatenate([self.seen, more.astype(np.intp)], axis=-1)
        #: The actions that come to each place when the board is turned and flipped.
        places = np.arange(cells).reshape(self.shape)
        sides = [np.rot90(each, k) for each in (places, places.T) for k in range(4)]
        self.sides = np.array([[*side.reshape(-1), cells] for side in sides])

    def beside(self, cells: np.ndarray) -> np.ndarray:
        """The neighbours of any of the cells."""
        return np.asarray((cells << ONE | cells >> ONE | cells << SIDE | cells >> SIDE) & self.board)

    def legal(self, boards: np.ndarray) -> np.ndarray:
        """Whether each action may be played: its cell is free, no ko, and the stone has a liberty or captures."""
        stones = boards & self.board
        free = self.board & ~(stones[:, 0] | stones[:, 1])
        allowed = free & ~(boards[:, 0] >> UP)
        narrow = allowed & ~self.beside(free)
        legal = (allowed & ~narrow)[:, None] & self.stones != 0
        each, action = np.nonzero(narrow[:, None] & self.stones)
        left = self.beside(free[each] & ~self.stones[action])
        alive = reached(left[:, None], stones[each])  # without the cell as a liberty
        helps = alive[:, 0] | stones[each, 1] & ~alive[:, 1]
        legal[each, action] = self.near[action] & helps != 0
        moves = boards[:, 1] >> UP >> np.uint64(2)
        legal[:, -1] = (moves >= self.opening) | ~legal.any(axis=1)
        return np.asarray(legal)

    def play(self, boards: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """The positions with another stone or a pass, and without the stones that it captures."""
        stones, stone, more = boards & self.board, self.stones[actions], boards[:, 1] >> UP
        mine, theirs = stones[:, 0] | stone, stones[:, 1]
        alive = reached(self.beside(self.board & ~(mine | theirs)), theirs)
        taken = theirs & ~alive
        ko = (taken & (taken - ONE) == 0) & (self.near[actions] & ~theirs == 0)  # one, from among theirs
        passes = np.where(stone == 0, ONE | (more & ONE) << ONE, np.uint64(0))
        moves = (more >> np.uint64(2)) + ONE
        return np.stack([alive | ko * taken << UP, mine | (passes | moves << np.uint64(2)) << UP], axis=1)

    def outcome(self, boards: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The value for the player who is next, 0 if the game has not ended, and whether it has.

        Half of the value is who has won, half by how many points: who is sure to win, or to lose, still has to learn.
        """
        more = boards[:, 1] >> UP
        moves = more >> np.uint64(2)
        ended = (more & np.uint64(2) != 0) | (moves >= self.longest)
        value = np.zeros(len(boards), np.float32)
        stones = boards[ended] & self.board
        free = self.board & ~(stones[:, :1] | stones[:, 1:])
        reach = reached(self.beside(stones), free)
        area = stones | reach & ~reach[:, ::-1]
        points = (area[:, :, None] & self.stones != 0).sum(axis=2) @ [1, -1]
        points = points + np.where(moves[ended] & ONE == 0, -self.komi, self.komi)
        value[ended] = (np.sign(points) + points / (self.bits.size + self.komi)) / 2
        return value, ended

    def mirrored(self, planes: np.ndarray, policy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The positions turned and flipped, each in one of the eight ways."""
        sides = self.sides[np.arange(len(planes)) % len(self.sides)]
        cells = planes.reshape(len(planes), self.bits.size, -1)
        turned = np.take_along_axis(cells, sides[:, :-1, None], axis=1).reshape(planes.shape)
        return turned, np.take_along_axis(policy, sides, axis=1)


def match_open_spiel(game: Go, ours: Player, simulations: int, count: int, seed: int) -> np.ndarray:
    """The results for our side against OpenSpiel's search with random games; each side begins half of the games.

    OpenSpiel is the referee too: a position that is there for the second time ends the game, as a draw.
    """
    import pyspiel

    rules = pyspiel.load_game(f"go(board_size={game.shape[0]},komi={game.komi})")
    theirs = pyspiel.MCTSBot(rules, pyspiel.RandomRolloutEvaluator(1, seed), 2.0, simulations, 100, True, seed, False)
    states = [rules.new_initial_state() for _ in range(count)]
    boards, results, going, move = game.start(count), np.zeros(count), np.arange(count), 0
    #: The actions of either side for the other: OpenSpiel counts the cells from the bottom row up.
    numbers = np.append(np.arange(game.bits.size).reshape(game.shape)[::-1].reshape(-1), game.bits.size)
    with tqdm(total=count, unit="games", desc="match") as progress:
        while len(going):
            mine, actions = (going + move) % 2 == 0, np.zeros(len(going), int)
            if mine.any():
                actions[mine] = ours(boards[going[mine]])
            for i in np.flatnonzero(~mine):
                actions[i] = numbers[theirs.step(states[going[i]])]
            boards[going] = game.play(boards[going], actions)
            for g, action in zip(going, numbers[actions], strict=True):
                states[g].apply_action(int(action))
            ended = np.array([states[g].is_terminal() for g in going])
            results[going[ended]] = [states[g].returns()[g % 2] for g in going[ended]]
            going, move = going[~ended], move + 1
            progress.update(int(ended.sum()))
    return results
