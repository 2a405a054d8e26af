"""What a step of deep Q-learning and an action cost, vs. the same loop in PyTorch; and agents on CartPole over seeds.

`python benchmarks/reinforcement.py [--seeds 10]` prints it and writes results/reinforcement.txt. One thread each. Steps
are timed in turns, the best of many; PyTorch draws from arrays of NumPy and uses its fused Adam. Agents are timed in
CPU seconds, from nothing to the end of training.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import fastnn as fnn

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "examples"))
STEPS = (((32, 32), 32), ((64, 64), 64), ((120, 84), 128))
GAMMA, TAU, RATE = 0.99, 0.01, 1e-3


def filled() -> fnn.rl.Replay:
    """A memory of 10,000 steps."""
    memory = fnn.rl.Replay(20_000, (4,), 2, n_step=3, gamma=GAMMA, seed=0)
    random = np.random.default_rng(0)
    s = random.standard_normal((10_001, 4)).astype(np.float32)
    for i in range(10_000):
        memory.add(s[i], i % 2, float(random.standard_normal()), s[i + 1], terminated=i % 100 == 99)
    return memory


def ours(units: tuple[int, ...]) -> fnn.Sequential:
    """The network, compiled."""
    layers = [fnn.Dense(n, "relu") for n in units]
    return fnn.Sequential([*layers, fnn.Dense(2)], input_shape=(4,), seed=0).compile(fnn.Adam(RATE), loss=None)


def theirs(units: tuple[int, ...]) -> Any:
    """The same in PyTorch."""
    from torch import nn

    sizes = (4, *units)
    pairs = [(nn.Linear(a, b), nn.ReLU()) for a, b in zip(sizes, units, strict=False)]
    return nn.Sequential(*(layer for pair in pairs for layer in pair), nn.Linear(units[-1], 2))


def torch_step(units: tuple[int, ...], rows: int) -> Callable[[], float]:
    """A step of double Q-learning as it is written with PyTorch."""
    import torch

    torch.set_num_threads(1)
    net, target = theirs(units), theirs(units)
    target.load_state_dict(net.state_dict())
    optimizer = torch.optim.Adam(net.parameters(), RATE, fused=True)
    random = np.random.default_rng(0)
    s, s2 = (random.standard_normal((10_000, 4)).astype(np.float32) for _ in range(2))
    action, reward = random.integers(0, 2, 10_000), random.standard_normal(10_000).astype(np.float32)
    discount = np.full(10_000, GAMMA**3, np.float32)
    pairs = list(zip(net.parameters(), target.parameters(), strict=True))

    def step() -> float:
        i = random.integers(0, 10_000, rows)
        x, x2, a, r, d = (torch.from_numpy(each[i]) for each in (s, s2, action, reward, discount))
        with torch.no_grad():
            best = net(x2).argmax(1, keepdim=True)
            wanted = r + d * target(x2).gather(1, best)[:, 0]
        loss = torch.nn.functional.smooth_l1_loss(net(x).gather(1, a[:, None])[:, 0], wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_([each[1] for each in pairs], [each[0] for each in pairs], TAU)
        return float(loss)

    return step


def torch_act(units: tuple[int, ...]) -> Callable[[], int]:
    """A greedy action as it is written with PyTorch."""
    import torch

    net, s = theirs(units), np.zeros(4, np.float32)

    def act() -> int:
        with torch.inference_mode():
            return int(net(torch.from_numpy(s)).argmax())

    return act


def best(calls: dict[str, Callable[[], object]], rounds: int = 30, seconds: float = 0.02) -> dict[str, float]:
    """The least microseconds of each call, in turns."""
    found = dict.fromkeys(calls, np.inf)
    for _ in range(rounds):
        for name, call in calls.items():
            count, begin = 0, time.perf_counter()
            while (spent := time.perf_counter() - begin) < seconds:
                for _ in range(10):
                    call()
                count += 10
            found[name] = min(found[name], 1e6 * spent / count)
    return found


def steps() -> Iterator[str]:
    """The table of steps and actions."""
    torch = importlib.util.find_spec("torch") is not None
    for units, rows in STEPS:
        learn = fnn.rl.QLearning(ours(units), filled(), rows, target=fnn.rl.Polyak(TAU))
        calls: dict[str, Callable[[], object]] = {"fastnn": learn}
        if torch:
            calls["PyTorch"] = torch_step(units, rows)
        yield _line(f"a step, 4-{'-'.join(map(str, units))}-2, batch {rows}", best(calls))
    learn, s = fnn.rl.QLearning(ours((120, 84)), filled()), np.zeros(4, np.float32)
    calls = {"fastnn": partial(learn.act, s)}
    if torch:
        calls["PyTorch"] = torch_act((120, 84))
    yield _line("an action, 4-120-84-2", best(calls))


def _line(what: str, found: dict[str, float]) -> str:
    rival = f", PyTorch {found['PyTorch']:.1f} us: {found['PyTorch'] / found['fastnn']:.1f}" if len(found) > 1 else ""
    return f"{what}: {found['fastnn']:.2f} us{rival}"


def agents(seeds: int) -> Iterator[str]:
    """The examples' agents on CartPole."""
    import dqn
    import environments
    import ppo

    for name in ("DQN", "PPO"):
        seconds, means = [], []
        for seed in range(seeds):
            begin, test = time.process_time(), environments.make("CartPole", 100, 50_000_000)
            if name == "DQN":
                learn, _ = dqn.train("CartPole", dqn.SETTINGS["CartPole"], seed)
                seconds.append(time.process_time() - begin)
                means.append(dqn.play(learn, test).mean())
            else:
                net, _ = ppo.train("CartPole", ppo.SETTINGS["CartPole"], seed)
                seconds.append(time.process_time() - begin)
                means.append(ppo.play(net.freeze(100), test).mean())
        solved = sum(mean == 500 for mean in means)
        yield (
            f"CartPole, {name}: 500 in all of 100 test episodes for {solved} of {seeds} seeds; "
            f"CPU seconds of training: median {np.median(seconds):.2f}, from {min(seconds):.2f} to {max(seconds):.2f}"
        )


def main() -> None:
    """Prints and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    fnn.set_num_threads(1)
    with open(HERE / "results" / "reinforcement.txt", "w") as file:
        for part in (steps(), agents(options.seeds)):
            for line in part:
                print(line, flush=True)
                print(line, file=file)


if __name__ == "__main__":
    main()
