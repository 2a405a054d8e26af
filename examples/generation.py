"""What the programs that generate images share: images, figures of them, and the features of two sets to compare.

How far generated images are from true ones is told by `fnn.metrics.frechet_distance` of the features before the last
layer of a classifier. The paper's classifier is Inception, trained on photographs; here it is a small network, trained
on the same images, so that only distances by the same one can be compared.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

import fastnn as fnn

BATCH = 128
FEATURES = "features"


class Images(NamedTuple):
    """Images (n, height, width, 1) from 0 to 1 and their classes. held_out: what settings are chosen by."""

    train: tuple[np.ndarray, np.ndarray]
    held_out: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]


def images(short: bool) -> Images:
    """Fashion-MNIST, or digits where that is not installed and for a short run; a twelfth is held out."""
    train: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]
    try:
        train, test = fnn.datasets.digits() if short else fnn.datasets.fashion_mnist()
    except FileNotFoundError as error:
        print(f"digits are used: {error}")
        train, test = fnn.datasets.digits()
    greys, kept = train[0].max(), len(train[0]) * 11 // 12
    side = round(np.sqrt(train[0][0].size))
    (x, y), (xt, yt) = ((x.reshape(-1, side, side, 1) / np.float32(greys), y) for x, y in (train, test))
    return Images((x[:kept], y[:kept]), (x[kept:], y[kept:]), (xt, yt))


def classifier(data: Images, folder: Path, epochs: int = 4) -> fnn.Network:
    """A small convolutional network, which is trained the first time and kept in the folder."""
    shape = data.train[0].shape[1:]
    path = folder / f"classifier_{shape[0]}.safetensors"
    if not path.exists():
        print("a classifier, whose features the Frechet distance is of")
        layers = [
            *(fnn.Conv2D(16, 3, padding="same", activation="relu"), fnn.MaxPool2D(2)),
            *(fnn.Conv2D(32, 3, padding="same", activation="relu"), fnn.MaxPool2D(2)),
            *(fnn.Flatten(), fnn.Dense(128, "relu", name=FEATURES), fnn.Dense(10, "softmax")),
        ]
        net = fnn.Sequential(layers, input_shape=shape, seed=0)
        rate = fnn.schedules.OneCycle(2e-3, epochs * steps(data))
        net.compile(fnn.Adam(rate), metrics=["accuracy"])
        net.fit(*data.train, BATCH, epochs, validation_data=data.held_out)
        net.save(path)
    return fnn.load(path)


def features(net: fnn.Network, x: np.ndarray) -> np.ndarray:
    """What the classifier knows of images, (n, 128)."""
    pieces = np.split(x, range(1000, len(x), 1000))
    return np.concatenate([fnn.inspection.outputs(net, FEATURES, piece) for piece in pieces])


def between_halves(net: fnn.Network, x: np.ndarray) -> float:
    """The distance of one half of the images to the other: about the least that can be reached."""
    known = features(net, x)
    return fnn.metrics.frechet_distance(known[: len(x) // 2], known[len(x) // 2 :])


def steps(data: Images) -> int:
    """Updates of an epoch, with batches of BATCH images."""
    return -(-len(data.train[0]) // BATCH)


def draw(rows: Sequence[tuple[str, np.ndarray]], path: Path) -> None:
    """Rows of images with their names, if matplotlib is there; 0 is black and 1 white in all of them."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        print(f"nothing is drawn: {error}")
        return
    columns = max(len(x) for _, x in rows)
    figure = Figure(figsize=(0.8 * columns + 1.9, 0.86 * len(rows)), layout="constrained", dpi=120)
    for axes, (name, x) in zip(figure.subplots(len(rows), squeeze=False)[:, 0], rows, strict=True):
        axes.imshow(np.hstack(list(x[..., 0])), cmap="gray", vmin=0, vmax=1)
        axes.set(xticks=[], yticks=[])
        axes.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
    figure.savefig(path)
    print(f"drawn: {path}")


def options(
    doc: str | None, folder: str, epochs: int, short: int, folders: Mapping[str, str] | None = None
) -> argparse.Namespace:
    """What each of the programs is told on the command line.

    epochs, short: unless told, and of a short run. folders: more options, and what they are.
    """
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, help=f"default {epochs}, of a short run {short}")
    parser.add_argument("--out", default=folder, metavar="FOLDER", help="where figures and models are put")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--short", action="store_true", help="on small images of digits, in seconds")
    for name, what in (folders or {}).items():
        parser.add_argument(f"--{name}", metavar="FOLDER", help=what)
    given = parser.parse_args()
    if given.epochs is None:
        given.epochs = short if given.short else epochs
    for name, value, least in (("epochs", given.epochs, 1), ("seed", given.seed, 0)):
        if value < least:
            parser.error(f"--{name}: must be {least} or more, got {value}")
    return given
