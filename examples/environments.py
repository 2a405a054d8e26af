"""Environments for the examples of reinforcement learning: several at once, which begin again by themselves.

CartPole is here, in NumPy; others are gymnasium's by name ("LunarLander-v3"), or MinAtar's ("minatar:breakout"), where
these are installed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Step = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


class CartPole:
    """A pole on a cart that is pushed left or right: 1 for each step that it stands, up to 500 (CartPole-v1).

    A. G. Barto, R. S. Sutton and C. W. Anderson, "Neuronlike Adaptive Elements That Can Solve Difficult Learning
    Control Problems", IEEE Transactions on Systems, Man, and Cybernetics 13(5), 1983.
    """

    shape, actions, dtype, limit = (4,), 2, "float32", 500

    def __init__(self, count: int, seed: int) -> None:
        self.count, self.random = count, np.random.default_rng(seed)
        self.state = self.random.uniform(-0.05, 0.05, (count, 4))
        self.time = np.zeros(count, int)
        self.observation = self.state.astype(np.float32)

    def step(self, action: np.ndarray, going: np.ndarray | None = None) -> Step:
        """The rewards, what each environment came to, and whether it terminated or reached the limit of time.

        Those that ended begin again: `observation` is what the next actions are for. going: those that matter; others
        need not be stepped.
        """
        _, v, angle, w = self.state.T
        cosine, sine = np.cos(angle), np.sin(angle)
        force = np.where(action == 1, 10.0, -10.0)
        push = (force + 0.05 * w * w * sine) / 1.1
        turn = (9.8 * sine - cosine * push) / (0.5 * (4 / 3 - 0.1 * cosine * cosine / 1.1))
        self.state = self.state + 0.02 * np.stack([v, push - 0.05 * turn * cosine / 1.1, w, turn], 1)
        self.time += 1
        terminated = (np.abs(self.state[:, 0]) > 2.4) | (np.abs(self.state[:, 2]) > 0.20943951)
        truncated = ~terminated & (self.time >= self.limit)
        reached = self.state.astype(np.float32)
        ended = np.flatnonzero(terminated | truncated)
        if len(ended):
            self.state[ended] = self.random.uniform(-0.05, 0.05, (len(ended), 4))
            self.time[ended] = 0
        self.observation = self.state.astype(np.float32)
        return np.ones(self.count, np.float32), reached, terminated, truncated

    def picture(self) -> np.ndarray:
        """An image (height, width, 3) of the first environment."""
        image = np.full((100, 240, 3), 255, np.uint8)
        x, angle = 120 + 45 * self.state[0, 0], self.state[0, 2]
        rows, columns = np.mgrid[:100, :240]
        along = (columns - x) * np.sin(angle) - (rows - 75) * np.cos(angle)
        across = (columns - x) * np.cos(angle) + (rows - 75) * np.sin(angle)
        image[(np.abs(rows - 80) < 6) & (np.abs(columns - x) < 14)] = (40, 40, 40)
        image[(along > 0) & (along < 55) & (np.abs(across) < 2.5)] = (200, 120, 60)
        image[86] = 0
        return image


class Gymnasium:
    """Environments of gymnasium by name, with a number of actions to choose from."""

    dtype = "float32"

    def __init__(self, name: str, count: int, seed: int, pictures: bool = False, limit: int | None = None) -> None:
        import gymnasium

        mode = "rgb_array" if pictures else None  # some make what is only to be seen, smoke for instance, at each step
        self.count = count
        options: Any = {"render_mode": mode, "disable_env_checker": True, "max_episode_steps": limit}
        try:
            self.all = [gymnasium.make(name, **options) for _ in range(count)]
        except gymnasium.error.DependencyNotInstalled as error:
            raise ImportError(str(error).splitlines()[0]) from None
        space: Any = self.all[0].action_space
        self.actions = int(space.n)
        self.observation = np.stack([np.float32(env.reset(seed=seed + i)[0]) for i, env in enumerate(self.all)])
        self.shape = self.observation.shape[1:]

    def step(self, action: np.ndarray, going: np.ndarray | None = None) -> Step:
        """As `CartPole.step`."""
        rests = np.zeros(self.count, bool) if going is None else ~going
        found = [
            (seen, 0.0, False, False) if rest else env.step(int(a))
            for env, a, rest, seen in zip(self.all, action, rests, self.observation, strict=True)
        ]
        reached = np.stack([np.float32(each[0]) for each in found])
        reward = np.array([each[1] for each in found], np.float32)
        terminated, truncated = (np.array([each[i] for each in found]) for i in (2, 3))
        self.observation = reached.copy()
        for i in np.flatnonzero(terminated | truncated):
            self.observation[i] = self.all[i].reset()[0]
        return reward, reached, terminated, truncated & ~terminated

    def picture(self) -> np.ndarray:
        """An image (height, width, 3) of the first environment."""
        return np.asarray(self.all[0].render())[::2, ::2]


class MinAtar:
    """Games of MinAtar by name: images of 10x10 with a channel for each kind of object.

    K. Young and T. Tian, "MinAtar: An Atari-Inspired Testbed for Thorough and Reproducible Reinforcement Learning
    Experiments", arXiv:1903.03176, 2019.
    """

    dtype, limit = "uint8", 5000  # steps: who plays well would never end

    def __init__(self, name: str, count: int, seed: int) -> None:
        import minatar

        self.time = np.zeros(count, int)
        self.count, self.all = count, [minatar.Environment(name) for _ in range(count)]
        for i, env in enumerate(self.all):
            env.seed(seed + i)
            env.reset()
        self.minimal = self.all[0].minimal_action_set()
        self.actions = len(self.minimal)
        self.observation = np.stack([env.state() for env in self.all]).astype(np.uint8)
        self.shape = self.observation.shape[1:]

    def step(self, action: np.ndarray, going: np.ndarray | None = None) -> Step:
        """As `CartPole.step`."""
        rests = np.zeros(self.count, bool) if going is None else ~going
        found = [
            (0.0, False) if rest else env.act(self.minimal[a])
            for env, a, rest in zip(self.all, action, rests, strict=True)
        ]
        reached = np.stack([env.state() for env in self.all]).astype(np.uint8)
        terminated = np.array([end for _, end in found], bool)
        self.time += 1
        truncated = ~terminated & (self.time >= self.limit)
        self.observation = reached.copy()
        for i in np.flatnonzero(terminated | truncated):
            self.all[i].reset()
            self.observation[i], self.time[i] = self.all[i].state(), 0
        reward = np.array([each for each, _ in found], np.float32)
        return reward, reached, terminated, truncated

    def picture(self) -> np.ndarray:
        """An image (height, width, 3) of the first environment: a colour for each kind of object."""
        state = self.observation[0].astype(float)
        hues = np.linspace(0, 2 * np.pi, state.shape[2], endpoint=False)[:, None] + np.array([0, 2.1, 4.2])
        image = np.clip(state @ (0.5 + 0.5 * np.cos(hues)), 0, 1)
        return np.kron((255 * image).astype(np.uint8), np.ones((16, 16, 1), np.uint8))


def make(name: str, count: int, seed: int, pictures: bool = False, limit: int | None = None) -> Any:
    """Environments by name. pictures: whether `picture` is to be called; limit: steps of an episode, for gymnasium's.

    Raises SystemExit where what they need is not installed.
    """
    if name == "CartPole":
        return CartPole(count, seed)
    try:
        if ":" in name:
            return MinAtar(name.removeprefix("minatar:"), count, seed)
        return Gymnasium(name, count, seed, pictures, limit)
    except ImportError as error:
        raise SystemExit(f"{name}: {error}; pip install minatar, or gymnasium[box2d]") from None


def film(act: Callable[[np.ndarray], np.ndarray], env: Any, path: Path, most: int = 300) -> None:
    """An episode as an animated GIF, if Pillow is there."""
    try:
        from PIL import Image
    except ImportError as error:
        print(f"no film: {error}")
        return
    frames = []
    for _ in range(most):
        frames.append(Image.fromarray(env.picture()))
        _, _, terminated, truncated = env.step(act(env.observation))
        if (terminated | truncated).any():
            break
    frames[0].save(path, save_all=True, append_images=frames[1::2], duration=40, loop=0)
    print(f"filmed: {path}")


def draw(name: str, validations: list[tuple[int, float]], result: float, path: Path) -> None:
    """The returns in validation, if matplotlib is there."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        print(f"nothing is drawn: {error}")
        return
    figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
    axes.plot(*zip(*validations, strict=True), marker=".", label="validation")
    axes.axhline(result, color="black", linestyle=":", label="test, 100 episodes")
    axes.set(xlabel="steps", ylabel="return of an episode", title=name)
    axes.legend()
    figure.savefig(path)
    print(f"drawn: {path}")
