"""Segmentation: a U-Net tells for each pixel what it belongs to.

`python examples/segmentation.py [garments|stamps|nuclei] [--short]`
garments: scenes of one to four garments on photographs, ten classes (Debian package dataset-fashion-mnist, `pip install
scikit-image`); stamps: of things cut out of photographs, ten classes too, in colour (Debian package
tuxpaint-stamps-default). The test has other garments or stamps, on other photographs or other parts of them. The
baseline gives each pixel the class that is commonest at its grey level or colour. nuclei: a microscope's image of cell
nuclei (`pip install --no-deps stardist`), whose left half is learnt and whose right half is the test; a class of
borders keeps nuclei that touch apart, so that they can be counted. The baseline is Otsu's threshold; --choose measures
on a quarter of the left half in place of the test, to choose settings by. Draws images, truth and what was found.
--short: digits on clouds, or a few steps.
"""

import argparse
import importlib
import importlib.util
import time
from pathlib import Path

import numpy as np

import fastnn as fnn
import fastnn.plot
import scenes
from fastnn.metrics import IoU, mean_iou

#: Colours of the classes in the pictures; the background is black.
COLOURS = np.array(
    [
        *((0, 0, 0), (230, 25, 75), (60, 180, 75), (255, 225, 25), (0, 130, 200), (245, 130, 48), (145, 30, 180)),
        *((70, 240, 240), (240, 50, 230), (210, 245, 60), (250, 190, 212)),
    ],
    np.uint8,
)
OUTSIDE, INSIDE, BORDER = 0, 1, 2


def draw(path: Path, images: np.ndarray, truth: np.ndarray, found: np.ndarray) -> None:
    """A row for each image: itself, the classes of its pixels, and those that were found."""
    seen = np.broadcast_to(images, (*images.shape[:3], 3))
    columns = np.stack([seen, COLOURS[truth], COLOURS[found]], axis=1)
    try:
        fastnn.plot.save_grid(path, columns.reshape(-1, *columns.shape[2:]), columns=3, low=0, high=255)
    except ImportError as error:
        print(f"nothing is drawn: {error}")
        return
    print(f"drawn: {path}")


def codes(images: np.ndarray) -> np.ndarray:
    """A number for each grey level, or for each colour of 32 levels a channel."""
    if images.shape[-1] == 1:
        return images[..., 0].astype(np.int64)
    red, green, blue = np.moveaxis(images.astype(np.int64) // 8, -1, 0)
    code: np.ndarray = (red * 32 + green) * 32 + blue
    return code


def by_colour(images: np.ndarray, masks: np.ndarray, classes: int) -> np.ndarray:
    """The commonest class of each code."""
    counts = np.bincount((codes(images) * classes + masks).ravel(), minlength=32**3 * classes)
    found: np.ndarray = counts.reshape(-1, classes).argmax(axis=1)
    return found


def objects(options: argparse.Namespace) -> None:
    """Trains on scenes, and reports the mean IoU of the test scenes."""
    channels = 3 if options.task == "stamps" else 1
    known, unknown, names = scenes.objects("digits" if options.short else options.task, channels)
    count, few, epochs, batch = (200, 50, 3, 8) if options.short else (options.scenes, 1000, options.epochs, 16)
    train = scenes.scenes(known, count, options.seed)
    held, test = scenes.scenes(known, few, options.seed + 1), scenes.scenes(unknown, few, options.seed + 2)
    classes, width = len(names) + 1, 4 if options.short else 16
    unet = fnn.architectures.unet((None, None, channels), classes, 4, width, True, options.seed)
    shape, seed = (None, None, channels), options.seed
    net: fnn.Network = fnn.Sequential([fnn.Rescale(*scenes.SCALE), unet], input_shape=shape, seed=seed)
    rate = fnn.schedules.OneCycle(4e-3, epochs * -(-count // batch))
    net.compile(fnn.AdamW(rate, weight_decay=1e-4), "cross_entropy", ["mean_iou"])
    start = time.process_time()
    # Most pixels are background, which is soon learnt.
    weight, held_out = {0: 0.2}, (held.images, held.masks)
    net.fit(train.images, train.masks, batch, epochs, validation_data=held_out, class_weight=weight)
    print(f"{time.process_time() - start:.0f} CPU seconds")
    net.save(options.out / "model.safetensors")
    net = fnn.load(options.out / "model.safetensors")
    found = net.classify(test.images)
    usual = by_colour(train.images, train.masks, classes)[codes(test.images)]
    for name, each in (("the class of its colour", usual), ("U-Net", found)):
        overlap, right = mean_iou(np.eye(classes)[each], test.masks), (each == test.masks).mean()
        print(f"{name:28} mean IoU {overlap:.3f}, pixels right {right:.3f}")
    for name, overlap in zip(("background", *names), IoU(None)(np.eye(classes)[found], test.masks), strict=True):
        print(f"    {name:12} {overlap:.3f}")
    draw(options.out / "scenes.png", test.images[:8], test.masks[:8], found[:8])


def borders(marks: np.ndarray) -> np.ndarray:
    """INSIDE, BORDER and OUTSIDE, from the number of each pixel's nucleus: next to a border begins something else."""
    wide = np.pad(marks, 1, mode="edge")
    rows, columns = marks.shape
    same = np.ones(marks.shape, bool)
    for down in range(3):
        for right in range(3):
            same &= wide[down : down + rows, right : right + columns] == marks
    return np.where(marks > 0, np.where(same, INSIDE, BORDER), OUTSIDE).astype(np.uint8)


def crops(image: np.ndarray, classes: np.ndarray, count: int, side: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Random pieces, turned and mirrored, and the classes of their pixels."""
    rng = np.random.default_rng(seed)
    x, y = np.empty((count, side, side), np.float32), np.empty((count, side, side), np.uint8)
    for i in range(count):
        top, left = rng.integers(len(image) - side + 1), rng.integers(image.shape[1] - side + 1)
        turns = int(rng.integers(2))
        for to, whole in ((x, image), (y, classes)):
            to[i] = np.rot90(whole[top : top + side, left : left + side], turns)
    flipped, masks = fnn.data.augment.flip(x[..., None], y, seed=rng, vertical=True)
    return flipped, masks


def nuclei(options: argparse.Namespace) -> None:
    """Trains on the left half, and reports the IoU of the nuclei of the right half, and how many they are."""
    package = importlib.util.find_spec("stardist")
    try:
        read = importlib.import_module("tifffile").imread
        filters, measure = (importlib.import_module(f"skimage.{name}") for name in ("filters", "measure"))
        folder = Path(package.submodule_search_locations[0] if package and package.submodule_search_locations else "")
        image, marks = (read(folder / "data" / "images" / f"{name}.tif") for name in ("img2d", "mask2d"))
    except (ImportError, FileNotFoundError):
        raise SystemExit("missing: pip install scikit-image; pip install --no-deps stardist") from None
    half, cut = image.shape[1] // 2, 3 * len(image) // 4
    x = ((image - image[:, :half].mean()) / image[:, :half].std()).astype(np.float32)
    y = borders(marks)
    known = slice(0, cut if options.choose else None), slice(0, half)
    place = (slice(cut, None), slice(0, half)) if options.choose else (slice(None), slice(half, None))
    train = crops(x[known], y[known], 16 * (20 if options.short else 500), 64, options.seed)
    net = fnn.architectures.unet((None, None, 1), 3, 3, 16, True, options.seed)
    net.compile(fnn.AdamW(fnn.schedules.OneCycle(3e-3, len(train[0]) // 16)), "cross_entropy", ["mean_iou"])
    start = time.process_time()
    net.fit(*train, 16)
    print(f"{time.process_time() - start:.0f} CPU seconds")
    net.save(options.out / "model.safetensors")
    net = fnn.load(options.out / "model.safetensors")
    grey, truth = x[place], marks[place] > 0
    found = net.classify(grey[None, ..., None])[0]
    bright = grey > filters.threshold_otsu(x[known])
    sizes = np.bincount(marks[place].ravel())[1:]
    print(f"{(sizes >= 10).sum()} nuclei of 10 pixels or more")
    for name, shown, seeds in (("Otsu's threshold", bright, bright), ("U-Net", found != OUTSIDE, found == INSIDE)):
        parts = np.bincount(measure.label(seeds, connectivity=1).ravel())[1:]
        overlap = IoU("auto")(shown[..., None].astype(np.float32), truth[..., None])
        print(f"{name:20} IoU {overlap:.3f}, {(parts >= 10).sum()} nuclei")
    levels = np.clip(64 + 64 * grey, 0, 255).astype(np.uint8)
    draw(options.out / "nuclei.png", levels[None, ..., None], y[place][None], found[None])


def main() -> None:
    """Runs the example."""
    parser = scenes.parser(__doc__, count=30000, epochs=4, out="segmentation")
    parser.add_argument("task", nargs="?", choices=["garments", "stamps", "nuclei"], default="garments")
    parser.add_argument("--choose", action="store_true", help="nuclei: measure on a part of the left half")
    options = scenes.parsed(parser)
    (nuclei if options.task == "nuclei" else objects)(options)


if __name__ == "__main__":
    main()
