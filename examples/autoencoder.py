"""Autoencoders: networks that squeeze images through a short code, and that remove noise.

`python examples/autoencoder.py [--epochs N] [--seed N] [--out FOLDER] [--short]`
The first one writes an image of 784 pixels as 32 numbers and draws it again from these. The reference is principal
component analysis, which does the best that a linear code of the same length can. The second one learns to remove
noise, which is drawn afresh in each epoch. Its convolutions halve the image twice and double it twice, and what the
first half saw in detail is added in the second. The images are from Fashion-MNIST where it is installed (see
fastnn.datasets), else the bundled digits. Settings were chosen on held-out training images; the test images are used
once, at the end. The figure has test images, what the first network makes of them, the same with noise, and without it.
"""

import time
from pathlib import Path

import numpy as np

import fastnn as fnn
from fastnn.layers.symbol import Symbol
from generation import BATCH, Images, draw, images, options, steps

CODE = 32
NOISE = 0.5


def autoencoder(shape: tuple[int, ...], seed: int) -> tuple[fnn.Sequential, fnn.Sequential, fnn.Sequential]:
    """The encoder, the decoder, and both in a row, which share their weights."""
    pixels = int(np.prod(shape))
    encoder = fnn.Sequential(
        [fnn.Flatten(), fnn.Dense(512, "silu"), fnn.Dense(256, "silu"), fnn.Dense(CODE)], input_shape=shape, seed=seed
    )
    decoder = fnn.Sequential(
        [fnn.Dense(256, "silu"), fnn.Dense(512, "silu"), fnn.Dense(pixels, "sigmoid"), fnn.Reshape(shape)],
        input_shape=(CODE,),
        seed=seed + 1,
    )
    return encoder, decoder, fnn.Sequential([encoder, decoder], input_shape=shape)


def denoiser(shape: tuple[int, ...], seed: int) -> fnn.Network:
    """Noise is added in training alone; clipping changes nothing of images that came with noise."""

    def normalised(x: Symbol) -> Symbol:
        return fnn.Activation("relu")(fnn.BatchNorm()(x))

    image = fnn.Input(shape)
    noisy = fnn.Clip(0, 1)(fnn.GaussianNoise(NOISE)(image))
    half = normalised(fnn.Conv2D(32, 4, 2, "same", bias=False)(noisy))
    quarter = normalised(fnn.Conv2D(64, 3, 2, "same", bias=False)(half))
    quarter = normalised(fnn.Conv2D(64, 3, padding="same", bias=False)(quarter))
    rough, detail = fnn.Conv2DTranspose(32, 4, 2, "same")(quarter), fnn.Conv2D(32, 3, padding="same")(half)
    both = normalised(fnn.Add()([rough, detail]))
    both = normalised(fnn.Conv2D(32, 3, padding="same", bias=False)(both))
    return fnn.Network(image, fnn.Conv2DTranspose(1, 4, 2, "same", activation="sigmoid")(both), seed=seed)


def train(net: fnn.Network, data: Images, seen: np.ndarray, epochs: int) -> float:
    """Trains with binary cross-entropy; returns the CPU seconds. seen: what the validation makes images of."""
    begin = time.process_time()
    rate = fnn.schedules.OneCycle(3e-3, epochs * steps(data))
    net.compile(fnn.Adam(rate), "binary_cross_entropy", metrics=["mse"])
    net.fit(data.train[0], data.train[0], BATCH, epochs, validation_data=(seen, data.held_out[0]))
    return time.process_time() - begin


def components(train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """The test images from CODE principal components of the training images."""
    flat, mean = train.reshape(len(train), -1), train.mean(axis=0).ravel()
    axes = np.linalg.eigh(np.cov(flat.T))[1][:, -CODE:].astype(np.float32)
    restored: np.ndarray = (test.reshape(len(test), -1) - mean) @ axes @ axes.T + mean
    return restored.reshape(test.shape)


def error(a: np.ndarray, b: np.ndarray) -> float:
    """The mean of (a - b)^2."""
    return float(((a - b) ** 2).mean(dtype=float))


def noise(x: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Images with noise, clipped to [0, 1]."""
    noisy: np.ndarray = x + NOISE * random.standard_normal(x.shape, np.float32)
    return noisy.clip(0, 1)


def run(out: Path, epochs: int, seed: int, short: bool) -> None:
    """Trains both, and compares on the test images."""
    data, random = images(short), np.random.default_rng(seed)
    shape, held_out, test = data.train[0].shape[1:], data.held_out[0], data.test[0]

    encoder, decoder, net = autoencoder(shape, seed)
    seconds = train(net, data, held_out, epochs)
    code = encoder.predict(test)
    again = decoder.predict(code)
    linear = error(components(data.train[0], test), test)
    print(f"{CODE} numbers for an image: mean square error {error(again, test):.4f}, {seconds:.0f} CPU seconds")
    print(f"reference: {CODE} principal components {linear:.4f}")

    clean = denoiser(shape, seed)
    seconds = train(clean, data, noise(held_out, random), -(-epochs * 2 // 5))
    noisy = noise(test, random)
    restored = clean.predict(noisy)
    print(f"without the noise: mean square error {error(restored, test):.4f}, {seconds:.0f} CPU seconds")
    print(f"reference: with the noise {error(noisy, test):.4f}")

    net.save(out / "autoencoder.safetensors")
    clean.save(out / "denoiser.safetensors")
    rows = (("image", test), (f"from {CODE} numbers", again), ("with noise", noisy), ("denoised", restored))
    draw([(name, x[:12]) for name, x in rows], out / "autoencoder.png")


def main() -> None:
    """Runs the example."""
    given = options(__doc__, "autoencoder", epochs=20, short=20)
    out = Path(given.out)
    try:
        out.mkdir(parents=True, exist_ok=True)
        run(out, given.epochs, given.seed, given.short)
    except (OSError, ValueError) as error:
        raise SystemExit(f"autoencoder.py: {error}") from None


if __name__ == "__main__":
    main()
