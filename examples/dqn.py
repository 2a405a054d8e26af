"""Deep Q-learning: a network that learns to play by trial and error.

`python examples/dqn.py [ENVIRONMENT] [--seed N] [--steps N] [--out FOLDER] [--short]`
ENVIRONMENT is CartPole, a name of gymnasium such as LunarLander-v3, or a game of MinAtar such as minatar:breakout. The
agent acts in several environments at once, more and more as its network advises, and learns from the memory of all its
steps. On the way it plays episodes of validation, by which the best network is kept; at the end that plays 100 episodes
that no choice was based on. The figure has the returns; the film is an episode of the agent.
"""

import argparse
import time
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

import environments
import fastnn as fnn


@dataclass(frozen=True)
class Settings:
    """What an agent is made of. steps: in all environments together, at most; enough: the return that ends training."""

    steps: int
    enough: float
    reference: str
    layers: tuple[int, ...] = (64, 64)
    filters: int = 0
    rate: float | fnn.schedules.Schedule = 1e-3
    batch_size: int = 64
    updates: int = 4  # for a step of all environments
    count: int = 8
    capacity: int = 50_000
    n_step: int = 5
    gamma: float = 0.99
    tau: float = 0.01
    explore: tuple[float, float] = (0.05, 3000)  # the last epsilon, and the steps until then
    held: int = 1  # steps for which a random action is held, at most; 1: actions are epsilon-greedy
    warm_up: int = 500
    limit: int | None = None  # steps of an episode in training, so that more of them end; None: the environment's
    every: int = 1000  # steps between validations
    first: float = 0.0  # the part of the steps before them
    promising: float = np.inf  # a validation that counts after as many episodes more
    episodes: int = 40


SETTINGS = {
    "CartPole": Settings(
        100_000, 500, "Stable-Baselines3 500 (50,000 steps), CleanRL 488.7 (500,000)",
        rate=3e-3, updates=6, every=500, promising=500, episodes=1000,
    ),
    "LunarLander-v3": Settings(
        200_000, 230, "Stable-Baselines3: DQN 154 (100,000 steps), PPO 242 (1 million)",
        (128, 128), rate=fnn.schedules.Polynomial(1e-3, 100_000), capacity=200_000, n_step=4,
        explore=(0.05, 40_000), held=30, warm_up=1000, limit=400, every=5000, first=0.55, promising=200,
    ),
    "minatar:breakout": Settings(
        500_000, 1e9, "DQN about 10 (5 million frames)",
        (128,), 16, 5e-4, 32, explore=(0.02, 50_000), capacity=100_000, n_step=3, tau=0.005, warm_up=2000, every=25_000,
    ),
}  # fmt: skip


def settings_for(name: str) -> Settings:
    """Those of the environment, or of one like it."""
    if name not in SETTINGS and name.startswith("minatar:"):
        return replace(SETTINGS["minatar:breakout"], reference="see the paper of MinAtar")
    like = replace(SETTINGS["LunarLander-v3"], enough=1e9, promising=np.inf, limit=None)
    return SETTINGS.get(name, replace(like, reference="see gymnasium's page"))


def network(env: Any, settings: Settings, seed: int) -> fnn.Sequential:
    """A value for each action; images pass a convolution first."""
    pictures = [fnn.Conv2D(settings.filters, 3, activation="relu"), fnn.Flatten()] if settings.filters else []
    hidden = [fnn.Dense(units, "relu") for units in settings.layers]
    return fnn.Sequential([*pictures, *hidden, fnn.Dense(env.actions)], input_shape=env.shape, seed=seed)


class Exploration:
    """Random actions in place of some, each held for a while: most for one step, a few for many.

    So an agent comes to try what takes the same action many times, such as falling to the ground instead of hovering.
    W. Dabney, G. Ostrovski and A. Barreto, "Temporally-Extended epsilon-Greedy Exploration", ICLR 2021.
    """

    def __init__(self, count: int, actions: int, longest: int, seed: int) -> None:
        self.actions, self.longest, self.random = actions, longest, np.random.default_rng(seed)
        self.left, self.held = np.zeros((2, count), int)

    def __call__(self, action: np.ndarray, epsilon: float) -> np.ndarray:
        """The actions to take. epsilon: the probability that a random one begins."""
        begins = (self.left == 0) & (self.random.random(len(action)) < epsilon)
        self.left[begins] = np.minimum(self.random.zipf(2, begins.sum()), self.longest)
        self.held[begins] = self.random.integers(0, self.actions, begins.sum())
        random = self.left > 0
        self.left[random] -= 1
        return np.where(random, self.held, action)


def play(learn: fnn.rl.QLearning, env: Any) -> np.ndarray:
    """The return of the first episode of each environment."""
    returns, going = np.zeros(env.count), np.ones(env.count, bool)
    while going.any():
        reward, _, terminated, truncated = env.step(learn.act(env.observation), going)
        returns += reward * going
        going &= ~(terminated | truncated)
    return returns


def train(name: str, settings: Settings, seed: int) -> tuple[fnn.rl.QLearning, list[tuple[int, float]]]:
    """An agent with the weights that were best in validation, and the validations."""
    env = environments.make(name, settings.count, seed, limit=settings.limit)
    net = network(env, settings, seed).compile(fnn.Adam(settings.rate), loss=None)
    memory = fnn.rl.Replay(
        settings.capacity, env.shape, env.actions, env.dtype, settings.n_step, settings.gamma, env.count, seed=seed
    )
    learn = fnn.rl.QLearning(net, memory, settings.batch_size, target=fnn.rl.Polyak(settings.tau))
    explore, (last, explored) = Exploration(env.count, env.actions, settings.held, seed), settings.explore
    validations: list[tuple[int, float]] = []
    best, best_net = -np.inf, net
    steps = range(env.count, settings.steps + 1, env.count)
    with tqdm(steps, unit_scale=env.count, unit="steps", desc=name) as progress:
        for step in progress:
            observation = env.observation
            epsilon = max(last, 1 - (1 - last) * step / explored)
            action = explore(learn.act(observation), epsilon) if settings.held > 1 else learn.act(observation, epsilon)
            memory.add(observation, action, *env.step(action))
            if step < settings.warm_up:
                continue
            learn(settings.updates)
            if step >= settings.first * settings.steps and step % settings.every < env.count:
                value = play(learn, environments.make(name, 10, 10_000_000 + step)).mean()
                if value >= settings.promising:
                    value = play(learn, environments.make(name, settings.episodes, 20_000_000 + step)).mean()
                validations.append((step, float(value)))
                progress.set_postfix_str(f"validation {value:.1f}")
                if value > best:
                    best, best_net = value, copy(net)
                if best >= settings.enough:
                    break
    net.copy_weights(best_net)
    return learn, validations


def main() -> None:
    """Runs the example."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("environment", nargs="?", default="CartPole")
    parser.add_argument("--steps", type=int, help="in the environments, at most")
    parser.add_argument(
        "--out", default="dqn", metavar="FOLDER", help="where the figure, the film and the agent are put"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    settings = settings_for(options.environment)
    if options.short:
        settings = replace(settings, steps=4000)
    if options.steps:
        settings = replace(settings, steps=options.steps)
    out = Path(options.out)
    begin = time.process_time()
    try:
        out.mkdir(parents=True, exist_ok=True)
        learn, validations = train(options.environment, settings, options.seed)
        seconds = time.process_time() - begin
        returns = play(learn, environments.make(options.environment, 100, 60_000_000))
        print(
            f"{options.environment}: {returns.mean():.1f} +- {returns.std():.1f} over 100 test episodes, "
            f"least {returns.min():.1f}; {learn.net.counters.update} updates, {seconds:.1f} CPU seconds\n"
            f"reference: {settings.reference}"
        )
        learn.save(out / "agent.safetensors")
        environments.draw(options.environment, validations, returns.mean(), out / "returns.png")
        environments.film(
            learn.act, environments.make(options.environment, 1, 40_000_000, pictures=True), out / "film.gif"
        )
    except (OSError, ValueError) as error:
        raise SystemExit(f"dqn.py: {error}") from None


if __name__ == "__main__":
    main()
