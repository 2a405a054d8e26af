"""Ever deeper classifiers: how a network's error falls with its depth, in the years from 1998 to 2015.

`python examples/deeper_classifiers.py [--seeds N] [--networks NAME ...] [--short]`
Garments of random colours on photographs, 32 x 32 pixels (Debian package dataset-fashion-mnist, `pip install
scikit-image`); the test has other garments on other photographs. The same images, mirrored and shifted at random, train
softmax regression, which is the baseline, a perceptron of several layers, LeNet, AlexNet, VGG and ResNet, and a deep
network without ResNet's shortcuts. AlexNet and VGG have fewer filters and less dropout than the papers', so that all
train in minutes. Settings were chosen by garments and a photograph that are held out of the training images. Draws the
errors as bars, and images that the best network mistakes. --short: digits on clouds, small networks, a few epochs.
"""

import argparse
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

import fastnn as fnn
import fastnn.plot
import figures
from scenes import SCALE, Objects, objects, scenes

SIDE = 32
SHAPE = (SIDE, SIDE, 3)
BATCH = 64
#: Pixels of the garments' longer sides.
SIZES = (18, SIDE)
#: The garments that are held out: the last of the training images.
HELD = 5000


class Kind(NamedTuple):
    """A network of the history: year, layers with weights, a function of the classes and the seed, and its rate."""

    year: int
    depth: int
    make: Callable[[int, int], fnn.Network]
    rate: float = 3e-3


def dense(classes: int, seed: int, *units: int) -> fnn.Network:
    """Dense layers of all pixels."""
    layers = [fnn.Flatten(), *(fnn.Dense(count, "relu") for count in units), fnn.Dense(classes, "softmax")]
    return fnn.Sequential(layers, input_shape=SHAPE, seed=seed)


def residual(depth: int, shortcuts: bool = True) -> Kind:
    """A ResNet, or the network without its shortcuts."""
    make = fnn.architectures.resnet
    return Kind(2015, depth, lambda classes, seed: make(SHAPE, classes, depth, shortcuts=shortcuts, seed=seed), 1e-2)


def vgg(depth: int) -> Kind:
    """A VGG of 24 filters at first."""
    return Kind(
        2014,
        depth,
        lambda classes, seed: fnn.architectures.vgg(SHAPE, classes, depth, 24, dropout=0.2, seed=seed),
        5e-3,
    )


KINDS = {
    "softmax": Kind(1958, 1, dense),
    "MLP": Kind(1986, 3, lambda classes, seed: dense(classes, seed, 256, 128)),
    "LeNet": Kind(1998, 5, lambda classes, seed: fnn.architectures.lenet(SHAPE, classes, seed)),
    "AlexNet": Kind(2012, 8, lambda classes, seed: fnn.architectures.alexnet(SHAPE, classes, 6, 0.2, seed)),
    "VGG-8": vgg(8),
    "VGG-11": vgg(11),
    **{f"ResNet-{depth}": residual(depth) for depth in (8, 14, 20, 32)},
    "plain-32": residual(32, shortcuts=False),
}
#: What a short run has time for.
SHORT = ("softmax", "LeNet")
#: The networks whose steps are tested, each against the one before.
ERAS = ("softmax", "MLP", "LeNet", "AlexNet", "VGG-11", "ResNet-20")


class Images(NamedTuple):
    """Images and labels to learn, to choose by, and of the test; the names of the classes."""

    train: tuple[np.ndarray, np.ndarray]
    held: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]
    classes: tuple[str, ...]


def images(short: bool, count: int) -> Images:
    """Scenes of one object."""
    known, unknown, classes = objects("digits" if short else "garments", channels=3)
    cut = len(known.images) - (500 if short else HELD)
    train, held = (
        Objects(known.images[part], known.labels[part], behind, known.dimmest, SIZES)
        for part, behind in ((slice(cut), known.photographs[:-1]), (slice(cut, None), known.photographs[-1:]))
    )

    def made(given: Objects, size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        found = scenes(given, size, seed, SIDE, most=1)
        return found.images, np.concatenate([labels for _, labels in found.boxes])

    few = min(count, 10000)
    test = unknown._replace(sizes=SIZES)
    return Images(made(train, count, 0), made(held, few, 1), made(test, few, 2), classes)


class Result(NamedTuple):
    """Fractions of images that a trained network names right, and what its training took."""

    train: float
    held: float
    test: np.ndarray
    seconds: float


def learn(net: fnn.Network, rate: float, data: Images, epochs: int, path: Path) -> Result:
    """Trains the network on mirrored and shifted images, saves it, and tests what is loaded; test: by image."""
    x, y = data.train
    whole: fnn.Network = fnn.Sequential(
        [fnn.Rescale(*SCALE), fnn.RandomFlip(), fnn.RandomShift(2), net], input_shape=SHAPE, seed=net.seed
    )
    schedule = fnn.schedules.OneCycle(rate, epochs * -(-len(x) // BATCH))
    whole.compile(fnn.AdamW(schedule, weight_decay=0.01), metrics=["accuracy"])
    start = time.process_time()
    whole.fit(x, y, BATCH, epochs, verbose=0)
    seconds = time.process_time() - start
    whole.metadata["classes"] = list(data.classes)
    whole.save(path)
    whole = fnn.load(path)
    train, held = ((whole.classify(x[:5000]) == y[:5000]).mean() for x, y in (data.train, data.held))
    return Result(float(train), float(held), whole.classify(data.test[0]) == data.test[1], seconds)


def report(results: dict[str, list[Result]]) -> dict[str, np.ndarray]:
    """Prints a table and the steps from era to era; returns the test accuracies of each network."""
    print(f"{'':10} {'year':>5} {'layers':>6} {'CPU s':>6} {'train':>6} {'held out':>8} {'test':>6}")
    found = {name: np.array([each.test.mean() for each in runs]) for name, runs in results.items()}
    for name, runs in results.items():
        seconds, train, held = np.mean([(run.seconds, run.train, run.held) for run in runs], axis=0)
        spread = f" +- {found[name].std(ddof=1):.3f}" if len(runs) > 1 else ""
        line = f"{name:10} {KINDS[name].year:5} {KINDS[name].depth:6} {seconds:6.0f}"
        print(f"{line} {train:6.3f} {held:8.3f} {found[name].mean():6.3f}{spread}")
    shown = [name for name in ERAS if name in results]
    pairs = [*pairwise(shown), ("plain-32", "ResNet-32")]
    for first, second in [pair for pair in pairs if set(pair) <= set(results)]:
        gains = np.array([[a.test, b.test] for a, b in zip(results[first], results[second], strict=True)], float)
        gain = gains[:, 1] - gains[:, 0]
        # Both what the test images and what the seeds make of it.
        error = np.hypot(gain.mean(axis=0).std() / np.sqrt(gain.shape[1]), gain.mean(axis=1).std() / np.sqrt(len(gain)))
        print(f"from {first} to {second}: {gain.mean():+.3f}, standard error {error:.3f}")
    return found


def draw(path: Path, found: dict[str, np.ndarray]) -> None:
    """The error of each network as a bar, with the number of its layers; points are single seeds."""
    if not (pyplot := figures.pyplot()):
        return

    figure, axes = pyplot.subplots(figsize=(9, 4), layout="constrained")
    for i, (name, accuracies) in enumerate(found.items()):
        error = 100 * (1 - accuracies)
        axes.bar(i, error.mean(), color="tab:orange" if name.startswith("plain") else "tab:blue", width=0.7)
        axes.plot([i] * len(error), error, "k.", markersize=4)
        layers = KINDS[name].depth
        axes.text(
            i, error.max() + 1, f"{error.mean():.1f} %\n{layers} layer{'s'[: layers > 1]}", ha="center", fontsize=8
        )
    axes.set_xticks(range(len(found)), [f"{name}\n{KINDS[name].year}" for name in found], fontsize=8)
    axes.set_ylabel("error on the test images, %")
    axes.set_ylim(0, 1.2 * max(100 * (1 - each.min()) for each in found.values()))
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
    print(f"drawn: {path}")


def main() -> None:
    """Runs the example."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1, help="how many times each network is trained")
    parser.add_argument("--networks", nargs="*", choices=list(KINDS), metavar="NAME", help=", ".join(KINDS))
    parser.add_argument("--out", type=Path, default=Path("deeper_classifiers"), metavar="FOLDER")
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    if options.seeds < 1:
        parser.error(f"--seeds: must be 1 or more, got {options.seeds}")
    options.out.mkdir(parents=True, exist_ok=True)
    names = options.networks or (SHORT if options.short else KINDS)
    count, epochs = (1000, 8) if options.short else (60000, 2)
    data = images(options.short, count)
    results: dict[str, list[Result]] = {name: [] for name in names}
    for name, seed in tqdm([(name, seed) for seed in range(options.seeds) for name in names], unit="network"):
        net = KINDS[name].make(len(data.classes), seed)
        results[name].append(learn(net, KINDS[name].rate, data, epochs, options.out / f"{name}.safetensors"))
    found = report(results)
    draw(options.out / "errors.png", found)
    best = max(found, key=lambda name: float(results[name][-1].held))
    wrong = np.flatnonzero(~results[best][-1].test)[:48]
    shown = fnn.load(options.out / f"{best}.safetensors").classify(data.test[0][wrong])
    for i in range(min(3, len(wrong))):
        print(f"{best} takes a {data.classes[data.test[1][wrong[i]]]} for a {data.classes[shown[i]]}")
    try:
        fastnn.plot.save_grid(options.out / "mistakes.png", data.test[0][wrong], columns=12, low=0, high=255)
    except ImportError as error:
        print(f"no mistakes are drawn: {error}")


if __name__ == "__main__":
    main()
