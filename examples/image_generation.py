"""A denoising diffusion model: a U-Net learns to take noise out of images, and so makes images of noise alone.

`python examples/image_generation.py [--epochs N] [--seed N] [--gan FOLDER] [--vae FOLDER] [--out FOLDER] [--short]`
An image x is mixed with normal noise e to cos(a) x + sin(a) e, [1]; the angle a grows with time from 0 to pi / 2, the
cosine schedule of [2]. From the mixture, the time and the class the network predicts the velocity cos(a) e - sin(a) x,
[3], which gives both image and noise. Sampling starts from noise, and goes back to time 0 in a few steps that add no
new noise, [4], with a correction of second order, [5]. The images are from Fashion-MNIST (`apt-get install
dataset-fashion-mnist`), else the bundled digits. A twelfth of the training images is held out: settings and the number
of steps are chosen by the Frechet distance to it (see generation.py), and the test images are used once, at the end.
The baselines are the models of gan.py and vae.py in their folders, which are trained first where there are none. The
distance to the nearest training image shows whether images are copied: it would be far below that of test images. The
figures are samples of all models, with the training images nearest to those of the diffusion model, and how images
come out of noise. --short: small digits, few epochs.

1. J. Ho, A. Jain and P. Abbeel, "Denoising Diffusion Probabilistic Models", NeurIPS 2020.
2. A. Nichol and P. Dhariwal, "Improved Denoising Diffusion Probabilistic Models", ICML 2021.
3. T. Salimans and J. Ho, "Progressive Distillation for Fast Sampling of Diffusion Models", ICLR 2022.
4. J. Song, C. Meng and S. Ermon, "Denoising Diffusion Implicit Models", ICLR 2021.
5. C. Lu, Y. Zhou, F. Bao, J. Chen, C. Li and J. Zhu, "DPM-Solver++", arXiv 2211.01095, 2022, algorithm 2.
"""

import argparse
import math
import time
from collections import deque
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

import fastnn as fnn
import gan
import vae
from fastnn.layers.symbol import Symbol
from generation import Images, between_halves, classifier, draw, features, images, options

BATCH = 32
RATE = 2e-3
WAVES = 32  # numbers that tell the network the time
FIRST = 0.995  # the time at which sampling starts; at 1 the logarithm of image over noise would be infinite
COLUMNS = 12  # of the figures


def waves(times: np.ndarray) -> np.ndarray:
    """The sinusoidal embedding of times from 0 to 1, (n, WAVES)."""
    angles = times[:, None] * np.geomspace(1, 64, WAVES // 2, dtype=np.float32)
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1, dtype=np.float32)


def conv(h: Symbol, channels: int, initializer: str | None = None) -> Symbol:
    """A convolution of 3x3 pixels."""
    return fnn.Conv2D(channels, 3, padding="same", initializer=initializer)(h)


def active(h: Symbol) -> Symbol:
    """Group normalization and SiLU."""
    return fnn.Activation("silu")(fnn.GroupNorm(8)(h))


def block(h: Symbol, channels: int, context: Symbol) -> Symbol:
    """A residual block of two convolutions; the context is added in between. It starts as the identity."""
    g = fnn.GroupNorm(8)(conv(active(h), channels))
    g = fnn.Add()([g, fnn.Reshape((1, 1, channels))(fnn.Dense(channels)(context))])
    return fnn.Add()([h, conv(fnn.Activation("silu")(g), channels, "zeros")])


def bottleneck(h: Symbol, shape: tuple[int, ...], context: Symbol, units: int = 256) -> Symbol:
    """A residual block of dense layers, which sees the whole image: a garment's parts then fit together."""
    g = fnn.Add()([fnn.Dense(units)(fnn.Flatten()(active(h))), fnn.Dense(units)(context)])
    g = fnn.Dense(math.prod(shape))(fnn.Activation("silu")(g))
    return fnn.Add()([h, fnn.Reshape(shape)(g)])


def unet(shape: tuple[int, ...], classes: int, seed: int, width: int = 32) -> fnn.Network:
    """The velocity, of a noisy image, the time and the class. Most work is done at a half and a quarter of the size."""
    image, moment, label = fnn.Input(shape, "image"), fnn.Input((WAVES,), "time"), fnn.Input((1,), "label")
    embedded = [fnn.Dense(64)(fnn.Dense(64, "silu")(moment)), fnn.Flatten()(fnn.Embedding(classes, 64)(label))]
    context = fnn.Activation("silu")(fnn.Add()(embedded))
    full = conv(image, width // 2)
    half = block(fnn.Conv2D(width, 4, 2, "same")(full), width, context)
    quarter = block(fnn.Conv2D(2 * width, 4, 2, "same")(half), 2 * width, context)
    quarter = bottleneck(quarter, (shape[0] // 4, shape[1] // 4, 2 * width), context)
    quarter = block(quarter, 2 * width, context)
    half = fnn.Add()([fnn.Conv2DTranspose(width, 4, 2, "same")(quarter), half])
    half = block(half, width, context)
    full = fnn.Add()([fnn.Conv2DTranspose(width // 2, 4, 2, "same")(active(half)), full])
    velocity = conv(active(conv(active(full), width // 2)), 1)
    return fnn.Network([image, moment, label], velocity, seed=seed)


def inputs(x: np.ndarray, times: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """What the network is given."""
    return {"image": x, "time": waves(times), "label": labels[:, None]}


def updates(data: Images) -> int:
    """Steps of an epoch."""
    return -(-len(data.train[0]) // BATCH)


def batches(data: Images, random: np.random.Generator) -> Iterator[tuple[dict[str, np.ndarray], np.ndarray]]:
    """An epoch: all images once, each with new noise; the times of a batch are spread evenly, at random places."""
    x, labels = data.train
    for rows in np.array_split(random.permutation(len(x)), updates(data)):
        times = (np.arange(len(rows)) + random.random(len(rows), np.float32)) / len(rows)
        true, noise = 2 * x[rows] - 1, random.standard_normal((len(rows), *x.shape[1:]), np.float32)
        angles = np.float32(np.pi / 2) * times.astype(np.float32)[:, None, None, None]
        noisy, velocity = np.cos(angles) * true + np.sin(angles) * noise, np.cos(angles) * noise - np.sin(angles) * true
        yield inputs(noisy, times, labels[rows]), velocity


def train(data: Images, epochs: int, seed: int) -> fnn.Network:
    """The network with the moving average of its weights."""
    net = unet(data.train[0].shape[1:], 10, seed)
    steps, random = epochs * updates(data), np.random.default_rng(seed)
    rate = fnn.schedules.WarmUp(steps // 20, then=fnn.schedules.Polynomial(RATE, steps - steps // 20))
    net.compile(fnn.AdamW(rate, weight_decay=0, clip_norm=1, ema=1 - 20 / steps), "mse")
    net.fit(lambda: batches(data, random), epochs=epochs)
    return net.averaged()


def grey(x: np.ndarray) -> np.ndarray:
    """Images from 0 to 1 out of those from -1 to 1."""
    return np.asarray((x.clip(-1, 1) + 1) / 2, np.float32)


def denoised(net: fnn.Network, labels: np.ndarray, steps: int, random: np.random.Generator) -> Iterator[np.ndarray]:
    """An image of each label, from -1 to 1, after each step of sampling: noisy ones, and the last without noise."""
    x = random.standard_normal((len(labels), *net.input_shape["image"]), np.float32)
    earlier, last = None, 1.0
    for time_now, time_next in pairwise(np.linspace(FIRST, 0, steps + 1)):
        now, after = np.pi / 2 * time_now, np.pi / 2 * time_next
        velocity = net.predict(inputs(x, np.full(len(x), time_now, np.float32), labels))
        image = np.float32(np.cos(now)) * x - np.float32(np.sin(now)) * velocity
        ahead = image  # at the middle of the step, extrapolated along log(image / noise); without it, this is DDIM
        if after > 0:
            step = np.log(np.tan(now) / np.tan(after))
            if earlier is not None:
                ahead = image + np.float32(step / last / 2) * (image - earlier)
            earlier, last = image, step
        x = np.float32(np.sin(after) / np.sin(now)) * x + np.float32(np.sin(now - after) / np.sin(now)) * ahead
        yield x


def sample(net: fnn.Network, labels: np.ndarray, steps: int, random: np.random.Generator) -> np.ndarray:
    """An image of each label, from 0 to 1."""
    (x,) = deque(denoised(net, labels, steps, random), maxlen=1)
    return grey(x)


def others(given: argparse.Namespace, data: Images, count: int, random: np.random.Generator) -> dict[str, np.ndarray]:
    """Samples of the variational autoencoder and the generative adversarial network, which are trained if need be."""
    x, labels = data.train
    paths = {}
    for module, file in ((vae, "vae.safetensors"), (gan, "generator.safetensors")):
        name = module.__name__
        folder = Path(getattr(given, name) or Path(given.out if given.short else "", name))
        paths[name] = folder / file
        if not paths[name].exists():
            print(f"{paths[name]} is missing: {name}.py trains it", flush=True)
            folder.mkdir(parents=True, exist_ok=True)
            module.run(folder, given.epochs if given.short else module.EPOCHS, given.seed, given.short)
    coder = vae.Vae(x.shape[1:], given.seed)
    coder.net.copy_weights(fnn.load(paths["vae"]))
    codes = vae.codes_by_class(coder.encode(x), labels, count, random)
    made = fnn.load(paths["gan"]).predict(random.standard_normal((count, gan.CODE), np.float32))
    return {"VAE": coder.decoder.predict(codes), "GAN": made}


def nearest(x: np.ndarray, known: np.ndarray, piece: int = 250) -> tuple[np.ndarray, np.ndarray]:
    """For each image the Euclidean distance to the nearest one of those that are known, and which it is."""
    x, known = (each.reshape(len(each), -1) for each in (x, known))
    squares = (known**2).sum(axis=1)
    pieces = (x[start : start + piece] for start in range(0, len(x), piece))
    rows = np.concatenate([(squares - 2 * each @ known.T).argmin(axis=1) for each in pieces])
    return np.linalg.norm(x - known[rows], axis=1), rows


def compare(judge: fnn.Network, data: Images, made: dict[str, np.ndarray], path: Path) -> None:
    """How far samples are from the test images and from the nearest training images; and their picture."""
    train, test = data.train[0], data.test[0]
    true = features(judge, test)
    print("Frechet distance to the test images; distance to the nearest training image, mean and least of 1000")
    for name, x in made.items():
        far, distance = nearest(x[:1000], train)[0], fnn.metrics.frechet_distance(features(judge, x), true)
        print(f"{name:12} {distance:6.1f} {far.mean():6.2f} {far.min():6.2f}")
    far = nearest(test[:1000], train)[0]
    print(f"{'test images':12} {between_halves(judge, test):6.1f} {far.mean():6.2f} {far.min():6.2f}, of two halves")
    rows = [("test images", test)]
    rows += [(name, made[name][i * COLUMNS :]) for name in ("VAE", "GAN") for i in range(2)]
    for i in range(3):
        x = made["diffusion"][i * COLUMNS :][:COLUMNS]
        rows += [("diffusion", x), ("nearest", train[nearest(x, train)[1]])]
    draw([(name, x[:COLUMNS]) for name, x in rows], path)


def run(given: argparse.Namespace) -> None:
    """Trains, measures and draws."""
    data, out, random = images(given.short), Path(given.out), np.random.default_rng(given.seed)
    count, few = (200, 100) if given.short else (10_000, 2000)
    judge = classifier(data, out)

    begin = time.process_time()
    net = train(data, given.epochs, given.seed)
    print(f"trained in {time.process_time() - begin:.0f} CPU seconds")
    held_out, distances = features(judge, data.held_out[0]), {}
    print(f"steps  Frechet distance of {few} samples to held-out images")
    for steps in (5, 10, 15, 25):
        x = sample(net, random.choice(data.train[1], few), steps, random)
        distances[steps] = fnn.metrics.frechet_distance(features(judge, x), held_out)
        print(f"{steps:5} {distances[steps]:6.1f}", flush=True)
    net.metadata["steps"] = min(distances, key=distances.__getitem__)
    net.save(out / "diffusion.safetensors")

    made = others(given, data, count, random)
    net = fnn.load(out / "diffusion.safetensors")
    steps, begin = net.metadata["steps"], time.process_time()
    made["diffusion"] = sample(net, random.choice(data.train[1], count), steps, random)
    print(f"{count} samples, in {steps} steps: {time.process_time() - begin:.0f} CPU seconds")
    compare(judge, data, made, out / "samples.png")
    path = list(denoised(net, np.arange(10), steps, random))
    shown = [grey(path[i]) for i in np.linspace(0, steps - 1, COLUMNS).round().astype(int)]
    digits = len(data.test[0][0]) < 28
    names = map(str, range(10)) if digits else fnn.datasets.FASHION_MNIST_CLASSES
    draw([(name, np.stack([x[k] for x in shown])) for k, name in enumerate(names)], out / "denoising.png")


def main() -> None:
    """Runs the example."""
    models = {name: f"folder of {name}.py's model, which is trained there if it has none" for name in ("gan", "vae")}
    given = options(__doc__, "image_generation", 7, 10, models)
    try:
        Path(given.out).mkdir(parents=True, exist_ok=True)
        run(given)
    except (OSError, ValueError) as error:
        raise SystemExit(f"image_generation.py: {error}") from None


if __name__ == "__main__":
    main()
