"""Proximal policy optimization: a network that learns which actions to take, and how much they are worth.

`python examples/ppo.py [ENVIRONMENT] [--seed N] [--steps N] [--out FOLDER] [--short]`
ENVIRONMENT is CartPole, or what dqn.py takes. The agent acts in 64 environments at once; after each 32 steps it learns
from them for a few epochs: a fit of two outputs, the policy by the clipped objective, the values by their returns.
Training ends when validation is passed; then the agent plays 100 episodes that no choice was based on. The figure has
the returns in validation; the film is an episode of the agent.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

import environments
import fastnn as fnn

#: A frozen network: both outputs for observations.
Function = Callable[[np.ndarray], dict[str, np.ndarray]]


@dataclass(frozen=True)
class Settings:
    """How an agent learns. steps: in all environments together, at most; enough: the return that ends training."""

    steps: int
    enough: float
    reference: str
    units: tuple[int, ...] = (64, 64)
    activation: str = "tanh"
    rate: float = 3e-3
    count: int = 64
    length: int = 32
    batch_size: int = 512
    epochs: int = 4
    gamma: float = 0.98
    lam: float = 0.9
    clip: float = 0.2
    entropy: float = 0.0
    epsilon: float = 1e-8
    every: int = 8192  # steps between validations


SETTINGS = {
    "CartPole": Settings(400_000, 500, "Stable-Baselines3 500 (100,000 steps)"),
    "LunarLander-v3": Settings(
        1_500_000, 230, "Stable-Baselines3 242 (1 million steps)",
        rate=1e-3, length=128, batch_size=1024, gamma=0.999, lam=0.98, entropy=0.01, every=32768,
    ),
    "minatar:breakout": Settings(
        1_300_000, np.inf, "DQN about 10 (5 million frames)",
        (128,), "relu", 2.5e-3, length=64, batch_size=1024, gamma=0.99, lam=0.95, entropy=0.01, epsilon=1e-5,
        every=98_304,
    ),
}  # fmt: skip


def settings_for(name: str) -> Settings:
    """Those of the environment, or of one like it."""
    like = "minatar:breakout" if name.startswith("minatar:") else "LunarLander-v3"
    return SETTINGS.get(name, replace(SETTINGS[like], enough=np.inf, reference="see the paper, or gymnasium's page"))


def network(env: Any, settings: Settings, seed: int) -> fnn.Network:
    """Two outputs: logits of the actions, at first nearly equal, and a value."""
    x = fnn.Input(env.shape)
    policy = value = x if len(env.shape) == 1 else fnn.Flatten()(fnn.Conv2D(16, 3, activation="relu")(x))
    for units in settings.units:
        policy, value = (fnn.Dense(units, settings.activation)(h) for h in (policy, value))
    small = fnn.initializers.Orthogonal(gain=0.01)
    policy = fnn.Dense(env.actions, initializer=small, name="policy")(policy)
    net = fnn.Network(x, [policy, fnn.Dense(1, name="value")(value)], seed=seed)
    losses = {"policy": fnn.losses.PolicyGradient(settings.clip, settings.entropy, normalize=True), "value": "mse"}
    return net.compile(
        fnn.Adam(settings.rate, epsilon=settings.epsilon, clip_norm=0.5), losses, loss_weights={"value": 0.5}
    )


def play(f: Function, env: Any) -> np.ndarray:
    """The return of the first episode of each environment, with the likeliest actions."""
    returns, going = np.zeros(env.count), np.ones(env.count, bool)
    while going.any():
        reward, _, terminated, truncated = env.step(f(env.observation)["policy"].argmax(axis=1), going)
        returns += reward * going
        going &= ~(terminated | truncated)
    return returns


class Rollout:
    """What the agent met with in a number of steps of all environments."""

    def __init__(self, f: Function, env: Any, length: int, random: np.random.Generator) -> None:
        shape = (length, env.count)
        self.observation = np.empty((*shape, *env.shape), env.dtype)
        self.action = np.empty(shape, np.int64)
        self.chance, self.value, self.reward, self.final = (np.zeros(shape, np.float32) for _ in range(4))
        self.terminated, self.truncated = (np.empty(shape, bool) for _ in range(2))
        for t in range(length):
            self.observation[t], found = env.observation, f(env.observation)
            logits = found["policy"]
            action = np.argmax(logits + random.gumbel(size=logits.shape), axis=1)
            self.chance[t] = logits[np.arange(env.count), action] - np.log(np.exp(logits).sum(axis=1))
            self.action[t], self.value[t] = action, found["value"][:, 0]
            self.reward[t], reached, self.terminated[t], self.truncated[t] = env.step(action)
            if self.truncated[t].any():
                self.final[t] = f(reached)["value"][:, 0]
        self.last = f(env.observation)["value"][:, 0]

    def samples(self, settings: Settings) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """What the network learns from it, as `fit` takes it."""
        advantage, target = fnn.rl.gae(
            self.reward,
            self.value,
            self.terminated,
            self.last,
            settings.gamma,
            settings.lam,
            self.truncated,
            self.final,
        )
        rows = np.stack([self.action.ravel(), advantage.ravel(), self.chance.ravel()], axis=1)
        x = self.observation.reshape(-1, *self.observation.shape[2:])
        return x, {"policy": rows, "value": target.ravel()}


def train(name: str, settings: Settings, seed: int) -> tuple[fnn.Network, list[tuple[int, float]]]:
    """The network, and its returns in validation."""
    env, random = environments.make(name, settings.count, seed), np.random.default_rng(seed)
    net = network(env, settings, seed)
    f = net.freeze(max(100, settings.count))
    validations: list[tuple[int, float]] = []
    each = settings.count * settings.length
    with tqdm(total=settings.steps, unit="steps", desc=name) as progress:
        for step in range(each, settings.steps + 1, each):
            x, y = Rollout(f, env, settings.length, random).samples(settings)
            net.optimizer.learning_rate = settings.rate * (1 - step / (settings.steps + each))
            net.fit(x, y, settings.batch_size, settings.epochs, verbose=0)
            f.refresh()
            progress.update(each)
            if step % settings.every < each:
                value = play(f, environments.make(name, 20, 10_000_000 + step)).mean()
                if value >= settings.enough:
                    value = play(f, environments.make(name, 100, 20_000_000 + step)).mean()
                validations.append((step, float(value)))
                progress.set_postfix_str(f"validation {value:.1f}")
                if value >= settings.enough:
                    break
    return net, validations


def main() -> None:
    """Runs the example."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("environment", nargs="?", default="CartPole")
    parser.add_argument("--steps", type=int, help="in the environments, at most")
    parser.add_argument("--out", default="ppo", metavar="FOLDER", help="where the figure and the network are put")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    settings = settings_for(options.environment)
    if options.short or options.steps:
        settings = replace(settings, steps=options.steps or 10_000)
    out, begin = Path(options.out), time.process_time()
    try:
        out.mkdir(parents=True, exist_ok=True)
        net, validations = train(options.environment, settings, options.seed)
        seconds = time.process_time() - begin
        returns = play(net.freeze(100), environments.make(options.environment, 100, 60_000_000))
        print(
            f"{options.environment}: {returns.mean():.1f} +- {returns.std():.1f} over 100 test episodes, "
            f"least {returns.min():.1f}; {seconds:.1f} CPU seconds\nreference: {settings.reference}"
        )
        net.save(out / "net.safetensors")
        environments.draw(options.environment, validations, returns.mean(), out / "returns.png")
        f = net.freeze(1)
        shown = environments.make(options.environment, 1, 40_000_000, pictures=True)
        environments.film(lambda x: f(x)["policy"].argmax(axis=1), shown, out / "film.gif")
    except (OSError, ValueError) as error:
        raise SystemExit(f"ppo.py: {error}") from None


if __name__ == "__main__":
    main()
