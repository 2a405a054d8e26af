"""Detection: what is in an image, and where, by one network that is run once.

`python examples/detection.py [garments|stamps] [--short]`
Scenes of one to four objects on photographs, 64 x 64 pixels (`pip install scikit-image`): garments in grey (Debian
package dataset-fashion-mnist), or things cut out of photographs in colour (tuxpaint-stamps-default). The test has other
garments or stamps, on other photographs or other parts of them. The network divides the image into 8 x 8 cells, and
says for each whether the centre of an object is in it, of which class, and where its box is (Redmon et al. 2016; Zhou
et al. 2019). What counts is the mean average precision: of boxes that overlap a true one by half, or by three quarters,
of its union with it. The baseline is a classifier of windows, run at every place and three sizes. Draws scenes with the
boxes that were found. --short: digits on clouds, a few steps.
"""

import time
from pathlib import Path

import numpy as np

import fastnn as fnn
import figures
import scenes
from fastnn.metrics import average_precision

SIDE, STRIDE = 64, 8
#: Of the losses: the mean over all cells, and those over the few that have an object.
WEIGHTS = {"object": 20.0, "kind": 1.0, "box": 8.0}
#: Found boxes of an image.
Found = tuple[np.ndarray, np.ndarray, np.ndarray]
#: Sides of the baseline's windows, and the pixels from one to the next.
WINDOWS, STEP = {"garments": (16, 20, 25), "stamps": (22, 29, 37)}, 4
#: The most boxes of an image, and the least score of one.
MOST, LEAST = 20, 0.05


def detector(channels: int, classes: int, width: int, seed: int) -> fnn.Network:
    """Seven convolutions, and for each cell an object's presence, class and box."""
    image = fnn.Input((SIDE, SIDE, channels), "image")
    x = fnn.Rescale(*scenes.SCALE)(image)
    for filters, count in ((width, 1), (2 * width, 2), (4 * width, 2), (6 * width, 2)):
        x = fnn.MaxPool2D()(x) if filters > width else x
        for _ in range(count):
            x = fnn.Activation("relu")(fnn.BatchNorm()(fnn.Conv2D(filters, 3, padding="same", bias=False)(x)))
    x = fnn.Dropout(0.2)(x)
    heads = [
        fnn.Conv2D(1, 1, activation="sigmoid", name="object")(x),
        fnn.Conv2D(classes, 1, activation="softmax", name="kind")(x),
        fnn.Conv2D(4, 1, name="box")(x),
    ]
    return fnn.Network(image, heads, seed=seed)


def targets(made: scenes.Scenes, grid: fnn.vision.CentreGrid) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """y and sample_weight: boxes count in the cells that have one."""
    each = [grid.encode(*boxes) for boxes in made.boxes]
    objects, kinds, boxes = (np.stack([getattr(one, name) for one in each]) for name in each[0]._fields)
    return {"object": objects[..., None], "kind": kinds, "box": boxes}, {"box": objects}


def detect(net: fnn.Network, grid: fnn.vision.CentreGrid, images: np.ndarray) -> list[Found]:
    """The boxes, labels and scores of each image."""
    objects, kinds, boxes = net.predict(images).values()
    return grid.decode(objects, kinds, boxes, LEAST, 0.45, MOST)


def resized(image: np.ndarray, box: np.ndarray, side: int = 20) -> np.ndarray:
    """The pixels of a box, made square."""
    left, top, right, bottom = (int(edge) for edge in box)
    rows, columns = top + np.arange(side) * (bottom - top) // side, left + np.arange(side) * (right - left) // side
    pixels: np.ndarray = image[rows[:, None], columns]
    return pixels


def windows(sides: tuple[int, ...]) -> np.ndarray:
    """The boxes of all windows."""
    corners = [
        (left, top, left + side, top + side)
        for side in sides
        for top in range(0, SIDE - side + 1, STEP)
        for left in range(0, SIDE - side + 1, STEP)
    ]
    return np.array(corners)


class Windows:
    """The baseline: a classifier of windows, whose last class is the background."""

    def __init__(self, made: scenes.Scenes, sides: tuple[int, ...], classes: int, epochs: int, seed: int) -> None:
        rng, self.boxes = np.random.default_rng(seed), windows(sides)
        x, y = [], []
        for image, (boxes, labels) in zip(made.images, made.boxes, strict=True):
            overlap = fnn.vision.box_iou(self.boxes, boxes).max(axis=1, initial=0)
            outside = rng.choice(np.flatnonzero(overlap < 0.3), 4)
            x += [resized(image, box) for box in (*boxes, *self.boxes[outside])]
            y += [*labels, *[classes] * 4]
        layers = [
            fnn.Rescale(*scenes.SCALE),
            *(fnn.Conv2D(32, 3, activation="relu"), fnn.MaxPool2D(), fnn.Conv2D(64, 3, activation="relu")),
            *(fnn.MaxPool2D(), fnn.Flatten(), fnn.Dense(128, "relu"), fnn.Dense(classes + 1, "softmax")),
        ]
        self.net = fnn.Sequential(layers, input_shape=x[0].shape, seed=seed).compile("adam")
        self.net.fit(np.array(x), np.array(y), 64, epochs, verbose=0)

    def detect(self, images: np.ndarray) -> list[Found]:
        """The boxes, labels and scores of each image."""
        found = []
        for image in images:
            p = self.net.predict(np.array([resized(image, box) for box in self.boxes]))[:, :-1]
            labels, scores = p.argmax(axis=1), p.max(axis=1)
            likely = np.flatnonzero(scores >= LEAST)
            best = likely[fnn.vision.suppress(self.boxes[likely], scores[likely], labels[likely], 0.3, MOST)]
            found.append((self.boxes[best], labels[best], scores[best]))
        return found


def draw(path: Path, images: np.ndarray, found: list[Found], names: tuple[str, ...]) -> None:
    """Scenes with the boxes that were found, of a score of at least a half."""
    if not (pyplot := figures.pyplot()):
        return
    from matplotlib.patches import Rectangle

    figure, axes = pyplot.subplots(2, 4, figsize=(12, 6.4), layout="constrained")
    for plot, image, (boxes, labels, scores) in zip(axes.flat, images, found, strict=False):
        plot.imshow(np.broadcast_to(image, (SIDE, SIDE, 3)))
        plot.axis("off")
        for (left, top, right, bottom), label, score in zip(boxes, labels, scores, strict=True):
            if score >= 0.5:
                at, size = (left - 0.5, top - 0.5), (right - left, bottom - top)
                plot.add_patch(Rectangle(at, *size, fill=False, edgecolor="tab:orange", linewidth=2))
                plot.text(left, top - 1, f"{names[label]} {score:.0%}", color="tab:orange", fontsize=9)
    figure.savefig(path, dpi=100)
    pyplot.close(figure)
    print(f"drawn: {path}")


def main() -> None:
    """Runs the example."""
    arguments = scenes.parser(__doc__, count=40000, epochs=4, out="detection")
    arguments.add_argument("task", nargs="?", choices=["garments", "stamps"], default="garments")
    options = scenes.parsed(arguments)
    channels = 3 if options.task == "stamps" else 1
    known, unknown, names = scenes.objects("digits" if options.short else options.task, channels)
    count, few, epochs, width = (200, 50, 2, 4) if options.short else (options.scenes, 1000, options.epochs, 24)
    train, held, test = (
        scenes.scenes(part, size, options.seed + i)
        for i, (part, size) in enumerate([(known, count), (known, few), (unknown, few)])
    )
    grid = fnn.vision.CentreGrid((SIDE, SIDE), STRIDE, len(names))
    net = detector(channels, len(names), width, options.seed)
    losses = {"object": "binary_cross_entropy", "kind": fnn.losses.CrossEntropy(ignore=-1), "box": "huber"}
    rate = fnn.schedules.OneCycle(4e-3, epochs * -(-count // 32))
    net.compile(fnn.AdamW(rate, weight_decay=1e-3), losses, loss_weights=WEIGHTS)
    (y, weight), (y_held, weight_held) = targets(train, grid), targets(held, grid)
    start = time.process_time()
    held_out = held.images, y_held, weight_held
    net.fit(train.images, y, 32, epochs, sample_weight=weight, validation_data=held_out)
    print(f"{time.process_time() - start:.0f} CPU seconds")
    net.save(options.out / "model.safetensors")
    net = fnn.load(options.out / "model.safetensors")
    start = time.perf_counter()
    found = detect(net, grid, test.images)
    second = len(test.images) / (time.perf_counter() - start)
    learnt = Windows(train, WINDOWS[options.task], len(names), 1 if options.short else 3, options.seed)
    baseline = learnt.detect(test.images)
    for name, each in (("windows", baseline), ("network", found)):
        half, most = (average_precision(each, test.boxes, iou) for iou in (0.5, 0.75))
        print(f"{name:10} mean average precision {half:.3f} at half, {most:.3f} at three quarters")
    by_class = average_precision(found, test.boxes, per_class=True)
    print(", ".join(f"{names[label]} {precision:.2f}" for label, precision in by_class.items()))
    print(f"{second:.0f} scenes a second")
    draw(options.out / "found.png", test.images, found, names)


if __name__ == "__main__":
    main()
