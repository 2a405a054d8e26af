"""A variational autoencoder: images as normal distributions of a short code, and new images from codes that are drawn.

`python examples/vae.py [--epochs N] [--seed N] [--out FOLDER] [--short]`
The encoder gives each image a mean and a variance for each of 16 numbers; the decoder draws the image again from a
sample. What is minimised is a bound on the negative log-likelihood: the reconstruction's, grey values taken as
probabilities, plus the divergence of the code's distribution from the standard normal one. So codes drawn from the
latter make images too; better ones come from codes drawn from a normal distribution for each class of images. How like
true ones they are is told by the Frechet distance (see generation.py). The images are from Fashion-MNIST where it is
installed (see fastnn.datasets), else the bundled digits. Settings were chosen on held-out training images; the test
images are used once, at the end. The figure has test images and their reconstructions, images from drawn codes, and the
way from one image to another.

D. P. Kingma and M. Welling, "Auto-Encoding Variational Bayes", ICLR 2014.
"""

import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

import fastnn as fnn
from generation import BATCH, between_halves, classifier, draw, features, images, options, steps

CODE = 16
EPOCHS = 16
COLUMNS = 12  # of the figure
Codes = tuple[np.ndarray, np.ndarray]  # means and log variances
MEAN, LOG_VARIANCE = "mean", "log_variance"


class Bound(NamedTuple):
    """Nats of an image, the mean over images: the reconstruction's and, of each number of the code, the divergence."""

    reconstruction: float
    divergence: np.ndarray

    def __str__(self) -> str:
        total, code = self.reconstruction + self.divergence.sum(), self.divergence.sum()
        used = (self.divergence > 0.1).sum()
        return f"{total:.1f} nats = {self.reconstruction:.1f} + {code:.1f}; {used} of {CODE} numbers are used"


class Vae:
    """Encoder and decoder are networks of their own, which share their weights with the whole."""

    def __init__(self, shape: tuple[int, ...], seed: int) -> None:
        height, width = shape[0] // 4, shape[1] // 4
        doubled = [
            fnn.Conv2DTranspose(32, 4, 2, "same", activation="silu"),
            fnn.Conv2DTranspose(1, 4, 2, "same", activation="sigmoid"),
        ]
        widened = [fnn.Dense(512, "silu"), fnn.Dense(height * width * 64, "silu"), fnn.Reshape((height, width, 64))]
        self.decoder = fnn.Sequential([*widened, *doubled], input_shape=(CODE,), seed=seed + 1)

        halved = [fnn.Conv2D(filters, 4, 2, "same", activation="silu") for filters in (32, 64)]
        encoder = fnn.Sequential([*halved, fnn.Flatten(), fnn.Dense(512, "silu")], input_shape=shape, seed=seed + 2)
        image = fnn.Input(shape)
        h = encoder(image)
        mean, log_variance = (fnn.Dense(CODE, name=name)(h) for name in (MEAN, LOG_VARIANCE))
        # The compiled loss is a mean over pixels, so the divergence counts 1 / pixels: the sum is the bound / pixels.
        code = fnn.GaussianSample(beta=1 / np.prod(shape))([mean, log_variance])
        self.net = fnn.Network(image, self.decoder(code), seed=seed)
        self.encoder = self.net.part([MEAN, LOG_VARIANCE])

    def encode(self, x: np.ndarray) -> Codes:
        """The means and log variances of the codes of images."""
        made = self.encoder.predict(x)
        return made[MEAN], made[LOG_VARIANCE]

    def bound(self, x: np.ndarray, random: np.random.Generator) -> Bound:
        """The negative evidence lower bound, by one sample of the code of each image."""
        mean, log_variance = self.encode(x)
        divergence = (np.exp(log_variance) + mean**2 - 1 - log_variance) / 2
        code = mean + np.exp(log_variance / 2) * random.standard_normal(mean.shape, np.float32)
        p = self.decoder.predict(code).clip(1e-7, 1 - 1e-7)
        nats = -(x * np.log(p) + (1 - x) * np.log(1 - p))
        return Bound(float(nats.sum(dtype=float) / len(x)), divergence.mean(axis=0, dtype=float))


def codes_by_class(codes: Codes, labels: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """Codes from a normal distribution for each class, which is nearer to what the encoder gives than a single one."""
    mean, log_variance = codes
    drawn = mean + np.exp(log_variance / 2) * random.standard_normal(mean.shape, np.float32)
    classes, share = np.unique(labels, return_counts=True)
    parts = []
    for k, n in zip(classes, random.multinomial(count, share / share.sum()), strict=True):
        own = drawn[labels == k]
        parts.append(random.multivariate_normal(own.mean(axis=0, dtype=float), np.cov(own.T.astype(float)), n))
    return random.permutation(np.concatenate(parts))


def run(out: Path, epochs: int, seed: int, short: bool) -> None:
    """Trains, measures and draws."""
    data, random = images(short), np.random.default_rng(seed)
    shape, test = data.train[0].shape[1:], data.test[0]
    judge = classifier(data, out)
    vae = Vae(shape, seed)

    begin = time.process_time()
    rate = fnn.schedules.OneCycle(3e-3, epochs * steps(data))
    vae.net.compile(fnn.Adam(rate), "binary_cross_entropy")
    vae.net.fit(data.train[0], data.train[0], BATCH, epochs)
    seconds = time.process_time() - begin
    print(f"trained in {seconds:.0f} CPU seconds; held-out images, at most {vae.bound(data.held_out[0], random)}")

    print(f"test images, at most {vae.bound(test, random)}")
    count, true, again = 10_000, features(judge, test), vae.net.predict(test)
    samples = vae.decoder.predict(random.standard_normal((count, CODE), np.float32))
    by_class = vae.decoder.predict(codes_by_class(vae.encode(data.train[0]), data.train[1], count, random))
    print(f"Frechet distance of {count} samples to the test images")
    for name, x in (("random codes", samples), ("codes by class", by_class), ("reconstructions", again)):
        print(f"{name:16} {fnn.metrics.frechet_distance(features(judge, x), true):6.1f}")
    print(f"reference: one half of the test images to the other {between_halves(judge, test):.1f}")

    vae.net.save(out / "vae.safetensors")
    rows = [("image", test), ("reconstruction", again)]
    rows += [("random codes", samples[i * COLUMNS :]) for i in range(3)]
    rows += [("codes by class", by_class[i * COLUMNS :]) for i in range(3)]
    of_classes = vae.encode(test[[int((data.test[1] == k).argmax()) for k in range(6)]])[0]
    part = np.linspace(0, 1, COLUMNS)[:, None]
    for a, b in of_classes.reshape(3, 2, CODE):
        rows.append(("between two", vae.decoder.predict((1 - part) * a + part * b)))
    draw([(name, x[:COLUMNS]) for name, x in rows], out / "vae.png")


def main() -> None:
    """Runs the example."""
    given = options(__doc__, "vae", EPOCHS, short=40)
    out = Path(given.out)
    try:
        out.mkdir(parents=True, exist_ok=True)
        run(out, given.epochs, given.seed, given.short)
    except (OSError, ValueError) as error:
        raise SystemExit(f"vae.py: {error}") from None


if __name__ == "__main__":
    main()
