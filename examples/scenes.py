"""Scenes of objects on photographs: what segmentation.py, detection.py and deeper_classifiers.py look at.

The objects are garments of Fashion-MNIST, or stamps: photographs of things that Tux Paint cuts out. They are mirrored,
scaled and of random brightness or colour; behind them are pieces of the photographs that come with scikit-image. The
scenes of the test have other objects, and others of the photographs behind them, or the right third of each where they
are grey.
"""

import argparse
import importlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import fastnn as fnn

#: What makes numbers around 0 of levels: the arguments of Rescale.
SCALE = 1 / 64, -2
#: Pixels of an object are brighter.
EDGE = 15
#: Photographs of scikit-image; of scenes in colour, those of the test, and one more to learn.
PHOTOGRAPHS = (
    *("astronaut", "brick", "camera", "chelsea", "clock", "coffee", "coins", "grass", "gravel"),
    *("immunohistochemistry", "moon", "page", "retina", "rocket"),
)
TEST, ONE_MORE = ("chelsea", "coffee", "rocket"), "stereo_motorcycle"
#: Where Tux Paint's stamps are, and the folder of each class.
STAMPS = Path("/usr/share/tuxpaint/stamps")
FOLDERS = {
    "mammal": "animals/mammals", "bird": "animals/birds", "fish": "animals/fish", "fruit": "food/fruit",
    "vegetable": "food/vegetables", "flower": "plants/flowers", "coin": "symbols/money", "tool": "household/tools",
    "road sign": "town/roadsigns", "instrument": "hobbies/music",
}  # fmt: skip
#: Pixels of the longer side that are kept of a stamp.
KEPT = 64
#: Images and labels of objects, and the photographs behind them.
Part = tuple[Sequence[np.ndarray] | np.ndarray, np.ndarray, list[np.ndarray]]


class Scenes(NamedTuple):
    """images: uint8 (n, side, side, channels). masks: (n, side, side), 0 for the background, label + 1 for an object.

    boxes: of each scene, the boxes (n, 4) and labels (n,) of the objects that are not covered by more than half.
    """

    images: np.ndarray
    masks: np.ndarray
    boxes: list[tuple[np.ndarray, np.ndarray]]


class Objects(NamedTuple):
    """What scenes are made of: images of objects, their labels, and photographs.

    images: grey (height, width), 0 around the object, or (height, width, 4), colours and opacity. photographs: (height,
    width, channels). dimmest: objects, and photographs behind them in colour, are seen in light whose channels are this
    bright at least, and 1 at most. sizes: the least and most pixels of their longer sides.
    """

    images: Sequence[np.ndarray] | np.ndarray
    labels: np.ndarray
    photographs: list[np.ndarray]
    dimmest: float = 0.6
    sizes: tuple[int, int] = (14, 28)

    def scaled(self, i: int, side: int) -> tuple[np.ndarray, np.ndarray]:
        """Object i with a longer side of `side` pixels: what is seen, and which pixels are the object's."""
        image = pillow().fromarray(self.images[i])
        width, height = (max(1, round(length * side / max(image.size))) for length in image.size)
        pixels = np.atleast_3d(np.asarray(image.resize((width, height), pillow().Resampling.BILINEAR)))
        return (pixels[..., :3], pixels[..., 3] > 127) if pixels.shape[2] == 4 else (pixels, pixels[..., 0] > EDGE)


def pillow() -> Any:
    """The module Image of Pillow."""
    try:
        return importlib.import_module("PIL.Image")
    except ImportError:
        raise SystemExit("Pillow is missing: pip install 'fastnn-cpu[images]'") from None


def photographs(names: Iterable[str], channels: int) -> list[np.ndarray]:
    """Photographs, half as wide and high, grey for one channel."""
    try:
        data = importlib.import_module("skimage.data")
    except ImportError:
        raise SystemExit("the photographs are missing: pip install scikit-image") from None
    found = []
    for name in names:
        given = getattr(data, name)()
        image = np.atleast_3d(np.asarray(given[0] if isinstance(given, tuple) else given, np.float32))[::2, ::2]
        if channels == 1:
            image = image.mean(axis=2, keepdims=True)
        found.append(np.broadcast_to(image, (*image.shape[:2], channels)).astype(np.uint8))
    return found


def noise(count: int, side: int, channels: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Clouds of grey or colour, for a run that should need no photographs."""
    coarse = rng.integers(0, 200, (count, side // 16, side // 16, channels))
    return list(coarse.repeat(16, axis=1).repeat(16, axis=2).astype(np.uint8))


def digits(channels: int) -> list[Part]:
    """Handwritten digits on clouds: images and labels to learn and of the test, and what is behind each."""
    rng = np.random.default_rng(0)
    parts = [((255 * x).reshape(-1, 8, 8).astype(np.uint8), y) for x, y in fnn.datasets.digits()]
    return [(x, y, noise(4, 128, channels, rng)) for x, y in parts]


def garments(channels: int) -> list[Part]:
    """The same of Fashion-MNIST on photographs."""
    try:
        parts = fnn.datasets.fashion_mnist()
    except FileNotFoundError as error:
        raise SystemExit(str(error)) from None
    return [(x[..., 0], y, behind) for (x, y), behind in zip(parts, backgrounds(channels), strict=True)]


def stamps(channels: int) -> list[Part]:
    """The same of stamps, every fourth of a class in the test; classes of few are repeated."""
    if not STAMPS.exists():
        raise SystemExit("the stamps are missing: apt-get install tuxpaint-stamps-default")
    parts: list[list[list[np.ndarray]]] = [[], []]
    for folder in FOLDERS.values():
        found = []
        for path in sorted((STAMPS / folder).rglob("*.png")):
            image = pillow().open(path).convert("RGBA")
            image = image.crop(image.getchannel("A").getbbox())
            image.thumbnail((KEPT, KEPT))
            # Some are drawings, and some whole photographs.
            drawn = {"cartoon", "00_symbols"} & {*path.parts}
            if not drawn and (np.asarray(image)[..., 3] > 127).mean() < 0.97:
                found.append(np.asarray(image))
        order = [found[i] for i in np.random.default_rng(0).permutation(len(found))]
        parts[0].append([image for i, image in enumerate(order) if i % 4])
        parts[1].append(order[::4])
    made: list[Part] = []
    for classes, behind in zip(parts, backgrounds(channels), strict=True):
        most = max(len(each) for each in classes)
        images = [each[i % len(each)] for each in classes for i in range(most)]
        made.append((images, np.repeat(np.arange(len(classes)), most), behind))
    return made


def backgrounds(channels: int) -> list[list[np.ndarray]]:
    """Photographs behind the objects to learn, and behind those of the test."""
    if channels > 1:
        names = [*(name for name in PHOTOGRAPHS if name not in TEST), ONE_MORE]
        return [photographs(names, channels), photographs(TEST, channels)]
    images = photographs(PHOTOGRAPHS, channels)
    cuts = [2 * image.shape[1] // 3 for image in images]
    halves = [(image[:, :cut], image[:, cut:]) for image, cut in zip(images, cuts, strict=True)]
    return [[left for left, _ in halves], [right for _, right in halves]]


def objects(kind: str, channels: int) -> tuple[Objects, Objects, tuple[str, ...]]:
    """Those to learn, those of the test, and the classes, of digits, garments or stamps."""
    sources = {
        "digits": (digits, tuple("0123456789")),
        "garments": (garments, fnn.datasets.FASHION_MNIST_CLASSES),
        "stamps": (stamps, tuple(FOLDERS)),
    }
    read, classes = sources[kind]
    dimmest, sizes = (0.6 if channels == 1 or kind == "stamps" else 0.3), ((20, 40) if kind == "stamps" else (14, 28))
    known, unknown = (Objects(*part, dimmest, sizes) for part in read(channels))
    return known, unknown, classes


def scenes(given: Objects, count: int, seed: int, side: int = 64, most: int = 4) -> Scenes:
    """Scenes of 1 to `most` objects on a piece of a photograph; later ones cover others."""
    rng = np.random.default_rng(seed)
    channels = given.photographs[0].shape[2]
    images, masks = np.zeros((count, side, side, channels), np.uint8), np.zeros((count, side, side), np.uint8)
    found = []
    for image, mask in zip(images, masks, strict=True):
        behind = given.photographs[rng.integers(len(given.photographs))]
        top, left = (rng.integers(length - side + 1) for length in behind.shape[:2])
        image[...] = behind[top : top + side, left : left + side]
        if channels > 1:
            image[...] = image[:, :: rng.choice([-1, 1])] * rng.uniform(given.dimmest, 1, channels)
        chosen = rng.integers(len(given.images), size=rng.integers(1, most + 1))
        places, boxes, areas = np.zeros((side, side), np.uint8), [], []
        for i, one in enumerate(chosen):
            scaled, seen = given.scaled(one, int(rng.integers(given.sizes[0], given.sizes[1] + 1)))
            turned = rng.choice([-1, 1])
            shown = (scaled * rng.uniform(given.dimmest, 1, channels)).astype(np.uint8)[:, ::turned]
            left, top = (rng.integers(side - length + 1) for length in seen.shape[::-1])
            boxes.append(fnn.vision.paste(image, shown, seen[:, ::turned], (left, top), places, i + 1))
            areas.append(seen.sum())
        labels = given.labels[chosen]
        mask[...] = np.concatenate([[0], labels + 1])[places]
        visible = np.bincount(places.ravel(), minlength=len(chosen) + 1)[1:] > np.array(areas) / 2
        found.append((np.array(boxes)[visible], labels[visible]))
    return Scenes(images, masks, found)


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
