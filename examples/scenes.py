"""What segmentation.py and detection.py look at: garments on photographs, with the class of each pixel and boxes.

The garments are those of Fashion-MNIST, turned left or right, scaled and of random brightness; behind them are pieces
of the photographs that come with scikit-image. The scenes of the test have other garments, and the right third of each
photograph behind them.
"""

import argparse
import importlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

import fastnn as fnn

#: Pixels of an object are brighter.
EDGE = 15
#: Photographs of scikit-image.
PHOTOGRAPHS = (
    *("astronaut", "brick", "camera", "chelsea", "clock", "coffee", "coins", "grass", "gravel"),
    *("immunohistochemistry", "moon", "page", "retina", "rocket"),
)


class Scenes(NamedTuple):
    """images: uint8 (n, side, side, 1). masks: uint8 (n, side, side), 0 for the background, label + 1 for an object.

    boxes: of each scene, the boxes (n, 4) and labels (n,) of the objects that are not covered by more than half.
    """

    images: np.ndarray
    masks: np.ndarray
    boxes: list[tuple[np.ndarray, np.ndarray]]


class Objects(NamedTuple):
    """What scenes are made of: grey images (n, side, side) of objects, 0 around them, their labels, and photographs."""

    images: np.ndarray
    labels: np.ndarray
    photographs: list[np.ndarray]


def photographs() -> list[np.ndarray]:
    """The photographs, grey, half as wide and high."""
    try:
        data = importlib.import_module("skimage.data")
    except ImportError:
        raise SystemExit("the photographs are missing: pip install scikit-image") from None
    found = [np.asarray(getattr(data, name)(), np.float32) for name in PHOTOGRAPHS]
    grey = [image.mean(axis=2) if image.ndim == 3 else image for image in found]
    return [image[::2, ::2].astype(np.uint8) for image in grey]


def noise(count: int, side: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Clouds of grey, for a run that should need no photographs."""
    coarse = rng.integers(0, 200, (count, side // 16, side // 16))
    return list(coarse.repeat(16, axis=1).repeat(16, axis=2).astype(np.uint8))


def objects(short: bool) -> tuple[Objects, Objects, tuple[str, ...]]:
    """Those to learn, those of the test, and the classes; for a short run, digits on clouds."""
    parts: list[tuple[np.ndarray, np.ndarray, list[np.ndarray]]]
    if short:
        rng = np.random.default_rng(0)
        parts = [(255 * np.reshape(x, (-1, 8, 8)), y, noise(4, 128, rng)) for x, y in fnn.datasets.digits()]
        classes = tuple("0123456789")
    else:
        try:
            train, test = fnn.datasets.fashion_mnist()
        except FileNotFoundError as error:
            raise SystemExit(str(error)) from None
        images = photographs()
        cuts = [2 * image.shape[1] // 3 for image in images]
        left = [image[:, :cut] for image, cut in zip(images, cuts, strict=True)]
        right = [image[:, cut:] for image, cut in zip(images, cuts, strict=True)]
        parts = [(x[..., 0], y, behind) for (x, y), behind in ((train, left), (test, right))]
        classes = fnn.datasets.FASHION_MNIST_CLASSES
    first, second = (Objects(x.astype(np.uint8), y, behind) for x, y, behind in parts)
    return first, second, classes


def scenes(given: Objects, count: int, seed: int, side: int = 64, most: int = 4) -> Scenes:
    """Scenes of 1 to `most` objects, each 14 to 28 pixels high, on a piece of a photograph; later ones cover others."""
    try:
        from PIL import Image
    except ImportError:
        raise SystemExit("Pillow is missing: pip install 'fastnn-cpu[images]'") from None
    rng = np.random.default_rng(seed)
    images, masks = np.zeros((count, side, side), np.uint8), np.zeros((count, side, side), np.uint8)
    found = []
    for image, mask in zip(images, masks, strict=True):
        behind = given.photographs[rng.integers(len(given.photographs))]
        top, left = (rng.integers(length - side + 1) for length in behind.shape)
        image[...] = behind[top : top + side, left : left + side]
        chosen = rng.integers(len(given.images), size=rng.integers(1, most + 1))
        places, boxes, sizes = np.zeros(image.shape, np.uint8), [], []
        for i, one in enumerate(chosen):
            size = int(rng.integers(14, 29))
            scaled = np.asarray(Image.fromarray(given.images[one]).resize((size, size), Image.Resampling.BILINEAR))
            scaled = scaled[:, :: rng.choice([-1, 1])]
            grey, (left, top) = (scaled * rng.uniform(0.6, 1)).astype(np.uint8), rng.integers(side - size + 1, size=2)
            boxes.append(fnn.vision.paste(image, grey, scaled > EDGE, (left, top), places, i + 1))
            sizes.append((scaled > EDGE).sum())
        labels = given.labels[chosen]
        mask[...] = np.concatenate([[0], labels + 1])[places]
        seen = np.bincount(places.ravel(), minlength=len(chosen) + 1)[1:] > np.array(sizes) / 2
        found.append((np.array(boxes)[seen], labels[seen]))
    return Scenes(images[..., None], masks, found)


def scaled(images: np.ndarray) -> np.ndarray:
    """Grey levels as numbers around 0."""
    return images.astype(np.float32) / 64 - 2


def parser(description: str | None, count: int, epochs: int, out: str) -> argparse.ArgumentParser:
    """The arguments of a program that learns scenes, with these defaults."""
    found = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("--scenes", type=int, default=count, help="to learn from")
    found.add_argument("--epochs", type=int, default=epochs, help="of training with scenes")
    found.add_argument("--out", type=Path, default=Path(out), metavar="FOLDER")
    found.add_argument("--seed", type=int, default=0)
    found.add_argument("--short", action="store_true")
    return found


def parsed(arguments: argparse.ArgumentParser) -> argparse.Namespace:
    """The options that were given, checked; the folder is there."""
    options = arguments.parse_args()
    if options.scenes < 32 or options.epochs < 1:
        arguments.error("expected 32 scenes or more, and 1 epoch or more")
    options.out.mkdir(parents=True, exist_ok=True)
    return options
