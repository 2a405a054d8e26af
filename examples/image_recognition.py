"""Images of clothes, or your own: train a convolutional network, look at what it does, recognise one image.

`python examples/image_recognition.py [--model cnn|resnet] [--epochs N] [--data FOLDER [--size PIXELS]] [--out FOLDER]`
Fashion-MNIST (`apt-get install dataset-fashion-mnist`), or a folder with a folder of images for each class, which
--size scales to that many pixels in height and width. Leaves the model in --out, and plots if matplotlib is installed.
--quick: a few hundred images, one epoch, and digits if Fashion-MNIST is not installed.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

import fastnn as fnn

Pictures = tuple[np.ndarray, np.ndarray]
#: With fewer images, there are too few to validate and to test on.
LEAST = 20


def data(folder: str | None, size: int | None, quick: bool, seed: int) -> tuple[Pictures, Pictures, list[str]]:
    """Images to train on and to test on, uint8 (n, height, width, channels) with labels, and the classes' names."""
    if folder is None:
        try:
            return *fnn.datasets.fashion_mnist(), list(fnn.datasets.FASHION_MNIST_CLASSES)
        except FileNotFoundError as error:
            if not quick:
                raise SystemExit(str(error)) from None
            print(f"{error}\nThe digits that fastnn bundles are used instead.")
            train, test = ((_larger(x), y) for x, y in fnn.datasets.digits())
            return train, test, [str(i) for i in range(10)]
    try:
        x, y, classes = fnn.datasets.image_folder(folder, size)
    except (ImportError, OSError, ValueError) as error:
        advice = "; here: --size PIXELS" if "size=" in str(error) else ""
        raise SystemExit(f"{error}{advice}") from None
    if len(classes) < 2 or len(x) < LEAST:
        found = f"{len(x)} images in {', '.join(classes)}"
        raise SystemExit(f"{folder}: {found}; expected two classes or more, and {LEAST} images or more in all")
    order = np.random.default_rng(seed).permutation(len(x))
    held, rest = order[: len(x) // 5], order[len(x) // 5 :]
    return (x[rest], y[rest]), (x[held], y[held]), list(classes)


def _larger(x: np.ndarray) -> np.ndarray:
    """Digits of 8x8 as images of 24x24."""
    return np.asarray(np.kron(x.reshape(-1, 8, 8, 1), np.ones((1, 3, 3, 1))) / x.max() * 255, np.uint8)


def cnn(shape: tuple[int, ...], classes: int, seed: int) -> fnn.Network:
    """Two convolutions, each followed by 2x2 max pooling, and two dense layers, with dropout."""
    layers = [
        fnn.Rescale(1 / 255),
        fnn.Conv2D(32, 3, activation="relu"),
        fnn.MaxPool2D(),
        fnn.Conv2D(64, 3, activation="relu"),
        fnn.MaxPool2D(),
        fnn.Flatten(),
        fnn.Dropout(0.25),
        fnn.Dense(128, "relu"),
        fnn.Dropout(0.5),
        fnn.Dense(classes, "softmax"),
    ]
    return fnn.Sequential(layers, input_shape=shape, seed=seed)


def resnet(shape: tuple[int, ...], classes: int, seed: int) -> fnn.Network:
    """A small ResNet on images that are flipped and shifted at random."""
    net = fnn.architectures.resnet(shape, classes, depth=14, width=16, seed=seed)
    return fnn.Sequential(
        [fnn.Rescale(1 / 255), fnn.RandomFlip(), fnn.RandomShift(2), net], input_shape=shape, seed=seed
    )


MODELS = {"cnn": cnn, "resnet": resnet}
EPOCHS = {"cnn": 12, "resnet": 15}
BATCH = 64


def compiled(model: str, shape: tuple[int, ...], classes: int, pictures: int, epochs: int, seed: int) -> fnn.Network:
    """The network, compiled with a learning rate that rises and falls once over all these epochs."""
    steps = max(10, epochs * -(-pictures // BATCH))
    optimizer: fnn.Optimizer
    if model == "cnn":
        optimizer = fnn.Adam(fnn.schedules.OneCycle(2e-3, steps))
    else:
        optimizer = fnn.SGD(fnn.schedules.OneCycle(0.2, steps), momentum=0.9, nesterov=True, weight_decay=5e-4)
    net = MODELS[model](shape, classes, seed)
    return net.compile(optimizer, "cross_entropy", metrics=["accuracy"])


def draw(net: fnn.Network, history: fnn.History, test: Pictures, classes: list[str], out: Path) -> None:
    """Draws learning curves, the confusion matrix, the worst mistakes, filters, and where the network looked."""
    from fastnn import plot

    (x, y), p = test, net.predict(test[0])
    found = p.argmax(axis=1)
    plot.learning_curves(history).savefig(out / "learning_curves.png")
    plot.confusion_matrix(y, found, classes).savefig(out / "confusion_matrix.png")
    wrong = np.flatnonzero(found != y)
    worst = wrong[np.argsort(p[wrong, y[wrong]])][:16]
    titles = [f"{classes[found[i]]}, {p[i].max():.0%}\nis {classes[y[i]]}" for i in worst]
    if len(worst):
        plot.pictures(x[worst], titles).savefig(out / "mistakes.png")
    plot.filters(net).savefig(out / "filters.png")
    plot.feature_maps(net, x[0]).savefig(out / "feature_maps.png")
    plot.class_activation(net, x[0], int(found[0]), f"{classes[found[0]]}, {p[0].max():.0%}").savefig(
        out / "looked_at.png"
    )
    print(f"drawn in {out}: {', '.join(sorted(path.name for path in out.glob('*.png')))}")


def at_least(least: int) -> Callable[[str], int]:
    """A parser of numbers for an option."""

    def number(text: str) -> int:
        if int(text) < least:
            raise argparse.ArgumentTypeError(f"must be {least} or more, got {text}")
        return int(text)

    return number


def main() -> None:
    """Runs the example."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=MODELS, default="cnn")
    parser.add_argument("--epochs", type=at_least(1), help="default: 12 for cnn, 15 for resnet")
    parser.add_argument("--seed", type=at_least(0), default=0)
    parser.add_argument("--data", metavar="FOLDER", help="your own images: a folder for each class")
    parser.add_argument("--size", type=at_least(1), metavar="PIXELS", help="scale your images to this height and width")
    parser.add_argument("--out", type=Path, default=Path("recognition"), metavar="FOLDER")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()

    try:
        options.out.mkdir(parents=True, exist_ok=True)  # before the training, which takes a while
    except OSError as error:
        parser.error(f"--out: {error}")
    (x, y), (xt, yt), classes = data(options.data, options.size, options.quick, options.seed)
    if options.quick:
        x, y, xt, yt = x[:600], y[:600], xt[:200], yt[:200]
    epochs = options.epochs or (1 if options.quick else EPOCHS[options.model])
    held = len(x) // 10  # for validation; the test images are used once, at the end
    try:
        net = compiled(options.model, x.shape[1:], len(classes), len(x) - held, epochs, options.seed)
    except ValueError as error:  # images that are too small, for example
        raise SystemExit(f"images of {x.shape[1]} x {x.shape[2]}: {error}") from None
    net.summary()
    history = net.fit(x[held:], y[held:], BATCH, epochs, validation_data=(x[:held], y[:held]))
    measured = net.evaluate(xt, yt)
    print(f"test accuracy {measured['accuracy']:.4f} on {len(xt)} images the network has not seen")
    counts = fnn.metrics.confusion_matrix(yt, net.classify(xt), len(classes))
    print("confusion matrix, a row for each true class:")
    for name, row in zip(classes, counts, strict=True):
        print(f"{name:>14} {' '.join(f'{count:5d}' for count in row)}")

    net.save(options.out / "model.safetensors")
    try:
        draw(net, history, (xt, yt), classes, options.out)
    except ImportError as error:
        print(f"nothing is drawn: {error}")

    recognise = fnn.load(options.out / "model.safetensors").freeze()
    p = recognise(xt[0].astype(np.float32))
    best = np.argsort(-p)[:3]
    print(f"one image, which is {classes[yt[0]]}: {', '.join(f'{classes[i]} {p[i]:.1%}' for i in best)}")


if __name__ == "__main__":
    main()
