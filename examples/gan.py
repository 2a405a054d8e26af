"""A generative adversarial network: one network makes images, another tells them from true ones, and each learns so.

`python examples/gan.py [--epochs N] [--seed N] [--out FOLDER] [--short]`
The networks are those of DCGAN, [1]. The loop of training is written out: the discriminator learns that images of the
data are true and those of the generator are not; the generator follows the gradient that the discriminator gives with
respect to the images. Both rates fall to zero. The images come from a moving average of the generator's weights, whose
running statistics are taken again. After each epoch the Frechet distance to held-out training images is measured (see
generation.py); settings were chosen by it, and the test images are used once, at the end. The images are from
Fashion-MNIST where it is installed (see fastnn.datasets), else the bundled digits. The figures are images from random
codes, and the distance over the epochs.

1. A. Radford, L. Metz and S. Chintala, "Unsupervised Representation Learning with Deep Convolutional Generative
   Adversarial Networks", ICLR 2016.
"""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from tqdm import tqdm

import fastnn as fnn
from generation import between_halves, classifier, draw, features, images, options

CODE = 64
BATCH = 64
EPOCHS = 16
RATE = 4e-4
TRUE = 0.9  # of the discriminator's targets; 1 would let it become ever more certain, and its gradients vanish


def generator(shape: tuple[int, ...], seed: int) -> fnn.Sequential:
    """A code becomes a small image of many channels, which is doubled twice."""
    height, width = shape[0] // 4, shape[1] // 4
    layers = [
        *(fnn.Dense(height * width * 64, bias=False), fnn.BatchNorm(), fnn.Activation("relu")),
        fnn.Reshape((height, width, 64)),
        *(fnn.Conv2DTranspose(32, 4, 2, "same", bias=False), fnn.BatchNorm(), fnn.Activation("relu")),
        fnn.Conv2DTranspose(1, 4, 2, "same", activation="sigmoid"),
    ]
    return fnn.Sequential(layers, input_shape=(CODE,), seed=seed)


def discriminator(shape: tuple[int, ...], seed: int) -> fnn.Sequential:
    """A number for each image, whose sigmoid is the probability that it is true."""
    layers = [
        *(fnn.Rescale(2, -1), fnn.Conv2D(32, 4, 2, "same"), fnn.LeakyReLU(0.2)),
        *(fnn.Conv2D(64, 4, 2, "same", bias=False), fnn.BatchNorm(), fnn.LeakyReLU(0.2)),
        *(fnn.Flatten(), fnn.Dense(1)),
    ]
    return fnn.Sequential(layers, input_shape=shape, seed=seed)


class Gan:
    """Both networks and their step."""

    def __init__(self, shape: tuple[int, ...], steps: int, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.generator, self.discriminator = generator(shape, 2 * seed), discriminator(shape, 2 * seed + 1)
        rate, ema = fnn.schedules.Polynomial(RATE, steps), max(0.0, 1 - 20 / steps)
        self.generator.compile(fnn.Adam(rate, beta1=0.5, ema=ema), loss=None)
        self.discriminator.compile(fnn.Adam(rate, beta1=0.5), loss=None)

    def codes(self, count: int) -> np.ndarray:
        """What the generator makes images of."""
        return self.random.standard_normal((count, CODE), np.float32)

    def step(self, true: np.ndarray) -> tuple[float, float]:
        """An update of each network, and their losses."""
        made = self.generator.forward(self.codes(len(true)), training=True)
        of_true, dy = self._loss(self.discriminator.forward(true, training=True), TRUE)
        self.discriminator.backward(dy)
        of_made, dy = self._loss(self.discriminator.forward(made, training=True), 0.0)  # BatchNorm would mix one batch
        self.discriminator.update(dy)
        wanted, dy = self._loss(self.discriminator.forward(made, training=True), 1.0)
        self.generator.update(self.discriminator.backward(dy, parameters=False))
        return of_true + of_made, wanted

    @staticmethod
    def _loss(y: np.ndarray, target: float) -> tuple[float, np.ndarray]:
        """Binary cross-entropy of logits, all with one target."""
        return fnn.losses.binary_cross_entropy(y, np.full_like(y, target))

    def averaged(self) -> fnn.Sequential:
        """The generator with the moving average of its weights, and BatchNorm's statistics at these."""
        return self.generator.averaged(self.codes(10_000))


def train(gan: Gan, x: np.ndarray, epochs: int, distance: Callable[[fnn.Sequential], float]) -> list[float]:
    """The distance of generated images after each epoch."""
    distances = []
    steps = len(x) // BATCH
    with tqdm(total=epochs * steps, unit="step") as progress:
        progress.write("epoch  discriminator  generator  Frechet distance")
        for epoch in range(epochs):
            losses = []
            for rows in np.split(gan.random.permutation(len(x))[: steps * BATCH], steps):
                losses.append(gan.step(x[rows]))
                progress.update()
            distances.append(distance(gan.averaged()))
            discriminator, generator = np.mean(losses, axis=0)
            progress.write(f"{epoch + 1:5d} {discriminator:14.3f} {generator:10.3f} {distances[-1]:17.1f}")
    return distances


def draw_distances(distances: list[float], test: float, path: Path) -> None:
    """The distance over the epochs, if matplotlib is there."""
    try:
        from matplotlib.figure import Figure
    except ImportError:  # said by draw
        return
    figure = Figure(figsize=(6, 3.5), layout="constrained")
    axes = figure.subplots()
    axes.plot(range(1, len(distances) + 1), distances, marker=".", label="to held-out images")
    axes.axhline(test, color="black", linestyle=":", label="to the test images, at the end")
    axes.set(xlabel="epoch", ylabel="Frechet distance", yscale="log")
    axes.legend()
    figure.savefig(path)
    print(f"drawn: {path}")


def run(out: Path, epochs: int, seed: int, short: bool) -> None:
    """Trains, measures and draws."""
    data = images(short)
    x, test, count = data.train[0], data.test[0], 1000 if short else 10_000
    judge = classifier(data, out)
    held_out, true = features(judge, data.held_out[0]), features(judge, test)
    gan = Gan(x.shape[1:], epochs * (len(x) // BATCH), seed)

    def distance(net: fnn.Sequential) -> float:
        return fnn.metrics.frechet_distance(features(judge, net.predict(gan.codes(count))), held_out)

    begin = time.process_time()
    distances = train(gan, x, epochs, distance)
    seconds = time.process_time() - begin

    net = gan.averaged()
    samples = net.predict(gan.codes(count))
    reached = fnn.metrics.frechet_distance(features(judge, samples), true)
    print(f"Frechet distance of {count} samples to the test images: {reached:.1f}, {seconds:.0f} CPU seconds")
    print(f"reference: one half of the test images to the other {between_halves(judge, test):.1f}")

    net.save(out / "generator.safetensors")
    draw([("", samples[16 * i : 16 * (i + 1)]) for i in range(10)], out / "samples.png")
    draw_distances(distances, reached, out / "distances.png")


def main() -> None:
    """Runs the example."""
    given = options(__doc__, "gan", EPOCHS, short=20)
    out = Path(given.out)
    try:
        out.mkdir(parents=True, exist_ok=True)
        run(out, given.epochs, given.seed, given.short)
    except (OSError, ValueError) as error:
        raise SystemExit(f"gan.py: {error}") from None


if __name__ == "__main__":
    main()
