"""Self-driving: a network that steers from an image and the speedometer, taught by a controller that knows the track.

`python examples/self_driving.py [--seed N] [--out FOLDER] [--short]`
The car is that of gymnasium's CarRacing-v3 (`pip install 'gymnasium[box2d]'`). The controller (pure pursuit) drives the
first laps; the network learns to do what it does. Then, in rounds, the network drives, the controller says at each step
what it would do, and the network learns from all laps so far (DAgger: S. Ross, G. Gordon and J. A. Bagnell, "A
Reduction of Imitation Learning and Structured Prediction to No-Regret Online Learning", AISTATS 2011). Each round is on
new tracks: what the network reaches there is its validation, and the best one is kept. It is saved, loaded again, and
drives 20 test tracks, once; baselines are the controller, little gas straight on, and random actions. A film and a plot
show a lap. --short: a small circuit in NumPy, which needs no gymnasium; a few laps.
"""

import argparse
import time
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

import numpy as np

import environments
import fastnn as fnn
from driving_track import COLUMNS, FRAMES, ROWS, SECONDS, Car, CarRacing, Circuit

#: The outputs of the network, and what weighs each: the controller seldom steers by more than 0.2.
WEIGHTS = {"steering": 10.0, "gas": 1.0, "brake": 1.0}
#: Seeds of the tracks for training, with validation; to test on; of the film and the plot.
TRAINING, TEST, SHOWN = 1_000_000, 20_000_000, 30_000_000
BATCH = 64
#: Of the returns of laps; completed: within the limit of 1000 frames (400 on the small circuit).
HEADER = f"{'mean':>8}{'std':>8}{'least':>8}  completed"


@dataclass(frozen=True)
class Settings:
    """How much there is to drive and to learn."""

    car: type[CarRacing] | type[Circuit]
    first: int  # laps of the controller
    rounds: int
    laps: int  # of a round
    epochs: int
    test: int


SETTINGS = {False: Settings(CarRacing, 8, 4, 5, 12, 20), True: Settings(Circuit, 4, 2, 3, 40, 3)}


@dataclass
class Lap:
    """What was driven. images, speeds and advice: at the steps that were recorded; actions and path: at all steps."""

    total: float = 0.0
    finished: bool = False
    images: list[np.ndarray] = field(default_factory=list)
    speeds: list[np.ndarray] = field(default_factory=list)
    advice: list[np.ndarray] = field(default_factory=list)
    actions: list[np.ndarray] = field(default_factory=list)
    path: list[np.ndarray] = field(default_factory=list)


def drive(car: Car, act: Callable[[Car], np.ndarray], every: int = 0) -> Lap:
    """A lap. every: the steps from one that is recorded to the next; 0: none is."""
    lap, ended = Lap(), False
    while not ended:
        if every and len(lap.path) % every == 0:
            seen = car.observation
            lap.images.append(seen["image"][0])
            lap.speeds.append(seen["speed"][0])
            lap.advice.append(car.advice())
        lap.actions.append(act(car))
        lap.path.append(car.position)
        reward, _, terminated, truncated = car.step(lap.actions[-1])
        lap.total += float(reward[0])
        ended = bool(terminated[0] | truncated[0])
    lap.finished = car.finished
    return lap


def network(seed: int) -> fnn.Network:
    """Three convolutions of the image, then the speed joins; an output for each control."""
    image, speed = fnn.Input((ROWS, COLUMNS, 3), "image"), fnn.Input((1,), "speed")
    x = fnn.Rescale(1 / 255)(fnn.RandomBrightness(20)(image))
    for filters, size in ((16, 5), (32, 3), (32, 3)):
        x = fnn.Conv2D(filters, size, strides=2, activation="relu")(x)
    x = fnn.Concatenate()([fnn.Flatten()(x), fnn.Rescale(1 / 50)(speed)])
    x = fnn.Dense(64, "relu")(x)
    ends = {"steering": "tanh", "gas": "sigmoid", "brake": "sigmoid"}
    return fnn.Network([image, speed], [fnn.Dense(1, end, name=name)(x) for name, end in ends.items()], seed=seed)


def driver(net: fnn.Network) -> Callable[[Car], np.ndarray]:
    """The network, frozen, as a function from a car to its action (3,)."""
    f = net.freeze(1)
    return lambda car: np.concatenate(list(f(car.observation).values()), axis=None)


def learn(net: fnn.Network, laps: list[Lap], epochs: int, random: np.random.Generator) -> None:
    """Trains on all laps, half of the images mirrored in each epoch, and their steering with them."""
    images, speeds, advice = (
        np.stack([row for lap in laps for row in getattr(lap, name)]) for name in ("images", "speeds", "advice")
    )
    rate = fnn.schedules.OneCycle(2e-3, epochs * -(-len(images) // BATCH))
    net.compile(fnn.Adam(rate), "mse", loss_weights=WEIGHTS)
    for _ in range(epochs):
        x, y = fnn.data.augment.flip(images, seed=random, values=advice.astype(np.float32), signs=[-1, 1, 1])
        net.fit(
            {"image": x, "speed": speeds}, dict(zip(WEIGHTS, np.split(y, 3, axis=1), strict=True)), BATCH, verbose=0
        )


def report(name: str, laps: list[Lap]) -> None:
    """Prints how well a driver did, below HEADER."""
    returns, completed = np.array([lap.total for lap in laps]), sum(lap.finished for lap in laps)
    found = f"{returns.mean():8.1f}{returns.std():8.1f}{returns.min():8.1f}{completed:6} of {len(laps)}"
    print(f"{name:24}{found}", flush=True)


def train(settings: Settings, seed: int) -> fnn.Network:
    """The network that drives best in validation."""
    random, tracks = np.random.default_rng(seed), iter(range(TRAINING + 1000 * seed, TEST))
    laps = [drive(settings.car(next(tracks)), lambda car: car.advice(), every=2) for _ in range(settings.first)]
    best, net = -np.inf, network(seed)
    best_net, learning = copy(net), 0.0
    print(f"{'validation':24}{HEADER}")
    for number in range(1, settings.rounds + 1):
        begin = time.process_time()
        learn(net, laps, settings.epochs, random)
        learning += time.process_time() - begin
        new = [drive(settings.car(next(tracks)), driver(net), every=1) for _ in range(settings.laps)]
        report(f"round {number}, {sum(len(lap.images) for lap in laps)} images", new)
        laps += new
        reached = sum(lap.total for lap in new)
        if reached > best:
            best = reached
            best_net.copy_weights(net)
    print(f"of the time, {learning:.1f} CPU seconds are the training of the network")
    return best_net


def draw(laps: dict[str, Lap], centre: np.ndarray, path: Path) -> None:
    """The lap of each driver on one track, and how the network steers while the controller says what it would do."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        print(f"nothing is drawn: {error}")
        return
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5), layout="constrained", width_ratios=(1, 1.4))
    left.plot(*np.vstack([centre, centre[:1]]).T, color="0.85", linewidth=7, label="track", zorder=0)
    for (name, lap), style in zip(laps.items(), ("-", "--"), strict=True):
        left.plot(*np.stack(lap.path).T, style, linewidth=1.2, label=f"{name}, return {lap.total:.0f}")
    left.set(aspect="equal", xticks=[], yticks=[])
    left.legend(loc="best")
    lap = laps["network"]
    seconds = np.arange(len(lap.path)) * FRAMES * SECONDS
    right.plot(seconds, [action[0] for action in lap.actions], linewidth=1.2, label="network, which drives")
    right.plot(seconds, [action[0] for action in lap.advice], "--", linewidth=1.2, label="what the controller would do")
    right.set(xlabel="seconds", ylabel="steering: left < 0 < right")
    right.legend()
    figure.savefig(path)
    plt.close(figure)
    print(f"drawn: {path}")


def main() -> None:
    """Runs the example."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("driving"), metavar="FOLDER", help="for model, film and plot")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    if options.seed < 0:
        parser.error("--seed must be at least 0")
    settings = SETTINGS[options.short]
    try:
        for package in () if options.short else ("gymnasium", "Box2D", "pygame"):
            import_module(package)
    except ImportError:
        raise SystemExit("CarRacing-v3 is missing: pip install 'gymnasium[box2d]'") from None
    options.out.mkdir(parents=True, exist_ok=True)
    begin, saved = time.process_time(), options.out / "driver.safetensors"
    net = train(settings, options.seed)
    print(f"driving and training took {time.process_time() - begin:.0f} CPU seconds")
    net.metadata |= {"environment": settings.car.name, "frames of an action": FRAMES}
    net.save(saved)
    net, random = fnn.load(saved), np.random.default_rng(options.seed)
    drivers: dict[str, Callable[[Car], np.ndarray]] = {
        "random actions": lambda car: random.uniform([-1, 0, 0], 1),
        "straight on": lambda car: np.array([0, 0.1, 0]),
        "controller": lambda car: car.advice(),
        "network": driver(net),
    }
    print(f"{f'{settings.test} test tracks':24}{HEADER}")
    for name, each in drivers.items():
        report(name, [drive(settings.car(TEST + i), each) for i in range(settings.test)])
    shown = {name: drive(settings.car(SHOWN), drivers[name], every=1) for name in ("network", "controller")}
    draw(shown, settings.car(SHOWN).controller.centre, options.out / "driving.png")
    car = settings.car(SHOWN)
    environments.film(lambda _: drivers["network"](car), car, options.out / "driving.gif", most=500)


if __name__ == "__main__":
    main()
