"""Training steps of an autoencoder, a variational autoencoder and a GAN, vs. PyTorch.

`python benchmarks/generative.py` prints it and writes results/generative.txt. One thread each, in turns, the best of
many. PyTorch has its fused Adam and channels-last memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

import fastnn as fnn

HERE = Path(__file__).resolve().parent
BATCH, LATENT = 128, 16
Step = Callable[[], object]


def images() -> np.ndarray:
    """Grey images of random numbers."""
    return np.random.default_rng(0).random((8, BATCH, 28, 28, 1), np.float32)


def autoencoder() -> dict[str, Step]:
    """Convolutions with stride 2 to a code of 32, and transposed ones back."""
    layers = [
        *(
            fnn.Conv2D(16, 3, 2, "same", activation="relu"),
            fnn.Conv2D(32, 3, 2, "same", activation="relu"),
            fnn.Flatten(),
        ),
        *(fnn.Dense(32), fnn.Dense(7 * 7 * 32, "relu"), fnn.Reshape((7, 7, 32))),
        *(
            fnn.Conv2DTranspose(16, 3, 2, "same", activation="relu"),
            fnn.Conv2DTranspose(1, 3, 2, "same", activation="sigmoid"),
        ),
    ]
    net = fnn.Sequential(layers, input_shape=(28, 28, 1), seed=0).compile(fnn.Adam(1e-3), "mse")
    theirs = nn.Sequential(
        *(nn.Conv2d(1, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU(), nn.Flatten()),
        *(nn.Linear(1568, 32), nn.Linear(32, 1568), nn.ReLU(), nn.Unflatten(1, (32, 7, 7))),
        *(nn.ConvTranspose2d(32, 16, 3, 2, 1, 1), nn.ReLU(), nn.ConvTranspose2d(16, 1, 3, 2, 1, 1), nn.Sigmoid()),
    )
    _channels_last(theirs)
    optimizer = torch.optim.Adam(theirs.parameters(), 1e-3, fused=True)
    x = images()
    tensors = [torch.from_numpy(each).permute(0, 3, 1, 2) for each in x]
    turn = _turns()

    def step() -> float:
        t = tensors[turn()]
        loss = nn.functional.mse_loss(theirs(t), t)
        return _updated(optimizer, loss)

    return {"fastnn": _reconstruction(net, x, turn), "PyTorch": step}


def vae() -> dict[str, Step]:
    """784-512-256-(16+16)-256-512-784, Bernoulli likelihood."""
    pixels = fnn.Input((784,))
    h = fnn.Dense(256, "relu")(fnn.Dense(512, "relu")(pixels))
    z = fnn.GaussianSample(1 / 784)([fnn.Dense(LATENT)(h), fnn.Dense(LATENT)(h)])
    out = fnn.Dense(784, "sigmoid")(fnn.Dense(512, "relu")(fnn.Dense(256, "relu")(z)))
    net = fnn.Network(pixels, out, seed=0).compile(fnn.Adam(1e-3), "binary_cross_entropy")
    body = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU())
    mean, spread = nn.Linear(256, LATENT), nn.Linear(256, LATENT)
    decoder = nn.Sequential(
        *(nn.Linear(LATENT, 256), nn.ReLU(), nn.Linear(256, 512), nn.ReLU(), nn.Linear(512, 784)),
    )
    parts = nn.ModuleList([body, mean, spread, decoder])
    optimizer = torch.optim.Adam(parts.parameters(), 1e-3, fused=True)
    x = images().reshape(8, BATCH, 784)
    tensors = [torch.from_numpy(each) for each in x]
    turn = _turns()

    def step() -> float:
        t = tensors[turn()]
        h = body(t)
        m, s = mean(h), spread(h)
        y = decoder(m + torch.exp(s / 2) * torch.randn_like(m))
        divergence = 0.5 * (s.exp() + m * m - 1 - s).sum(1).mean() / 784
        loss = nn.functional.binary_cross_entropy_with_logits(y, t) + divergence
        return _updated(optimizer, loss)

    return {"fastnn": _reconstruction(net, x, turn), "PyTorch": step}


def gan() -> dict[str, Step]:
    """DCGAN, batch 64: two updates of the discriminator's batch halves, one of the generator."""
    rows, random = 64, np.random.default_rng(0)
    generator = fnn.Sequential(
        [
            *(fnn.Dense(7 * 7 * 64, bias=False), fnn.BatchNorm(), fnn.Activation("relu"), fnn.Reshape((7, 7, 64))),
            *(fnn.Conv2DTranspose(32, 4, 2, "same", bias=False), fnn.BatchNorm(), fnn.Activation("relu")),
            fnn.Conv2DTranspose(1, 4, 2, "same", activation="tanh"),
        ],
        input_shape=(64,),
        seed=0,
    ).compile(fnn.Adam(2e-4, beta1=0.5), loss=None)
    discriminator = fnn.Sequential(
        [
            *(
                fnn.Conv2D(32, 4, 2, "same", activation="leaky_relu"),
                fnn.Conv2D(64, 4, 2, "same", activation="leaky_relu"),
            ),
            *(fnn.Flatten(), fnn.Dense(1)),
        ],
        input_shape=(28, 28, 1),
        seed=1,
    ).compile(fnn.Adam(2e-4, beta1=0.5), loss=None)
    bce, ones, zeros = fnn.losses.binary_cross_entropy, np.ones((rows, 1)), np.zeros((rows, 1))
    x, turn = images()[:, :rows] * 2 - 1, _turns()

    def ours() -> float:
        fake = generator.forward(random.standard_normal((rows, 64), np.float32), training=True)
        _, dp = bce(discriminator.forward(x[turn()], training=True), ones)
        discriminator.backward(dp)
        _, dp = bce(discriminator.forward(fake, training=True), zeros)
        discriminator.update(dp)
        loss, dp = bce(discriminator.forward(fake, training=True), ones)
        generator.update(discriminator.backward(dp, parameters=False))
        return loss

    g = nn.Sequential(
        *(nn.Linear(64, 7 * 7 * 64, bias=False), nn.BatchNorm1d(7 * 7 * 64), nn.ReLU(), nn.Unflatten(1, (64, 7, 7))),
        *(nn.ConvTranspose2d(64, 32, 4, 2, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU()),
        *(nn.ConvTranspose2d(32, 1, 4, 2, 1), nn.Tanh()),
    )
    d = nn.Sequential(
        *(nn.Conv2d(1, 32, 4, 2, 1), nn.LeakyReLU(0.01), nn.Conv2d(32, 64, 4, 2, 1), nn.LeakyReLU(0.01)),
        *(nn.Flatten(), nn.Linear(7 * 7 * 64, 1)),
    )
    _channels_last(g, d)
    g_step = torch.optim.Adam(g.parameters(), 2e-4, (0.5, 0.999), fused=True)
    d_step = torch.optim.Adam(d.parameters(), 2e-4, (0.5, 0.999), fused=True)
    tensors = [torch.from_numpy(np.ascontiguousarray(each)).permute(0, 3, 1, 2) for each in x]
    loss_of, yes, no = nn.functional.binary_cross_entropy_with_logits, torch.ones(rows, 1), torch.zeros(rows, 1)

    def theirs() -> float:
        fake = g(torch.randn(rows, 64))
        loss = loss_of(d(tensors[turn()]), yes) + loss_of(d(fake.detach()), no)
        d_step.zero_grad()
        loss.backward()
        d_step.step()
        for parameter in d.parameters():
            parameter.requires_grad_(False)
        loss = loss_of(d(fake), yes)
        g_step.zero_grad()
        loss.backward()
        g_step.step()
        for parameter in d.parameters():
            parameter.requires_grad_(True)
        return float(loss.detach())

    return {"fastnn": ours, "PyTorch": theirs}


def _reconstruction(net: Any, x: np.ndarray, turn: Callable[[], int]) -> Step:
    """A step in which the images are the targets."""

    def step() -> float:
        batch = x[turn()]
        return float(net.train_on_batch(batch, batch))

    return step


def _updated(optimizer: torch.optim.Optimizer, loss: torch.Tensor) -> float:
    """Makes PyTorch's update; returns the loss."""
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return float(loss.detach())


def _channels_last(*modules: nn.Module) -> None:
    """Lays the weights of convolutions out as they are fastest."""
    for module in modules:
        for parameter in module.parameters():
            if parameter.ndim == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def _turns() -> Callable[[], int]:
    """Batches in turn."""
    state = [0]

    def turn() -> int:
        state[0] = (state[0] + 1) % 8
        return state[0]

    return turn


def best(calls: dict[str, Step], rounds: int = 40) -> dict[str, float]:
    """The least milliseconds of each step, in turns."""
    found = dict.fromkeys(calls, np.inf)
    for _ in range(rounds):
        for name, call in calls.items():
            call()
            for _ in range(3):
                begin = time.perf_counter()
                call()
                found[name] = min(found[name], 1e3 * (time.perf_counter() - begin))
    return found


def main() -> None:
    """Prints and writes the results."""
    torch.set_num_threads(1)
    fnn.set_num_threads(1)
    kinds: dict[str, Any] = {"convolutional autoencoder": autoencoder, "variational autoencoder": vae, "GAN": gan}
    with open(HERE / "results" / "generative.txt", "w") as file:
        for name, make in kinds.items():
            found = best(make())
            ratio = found["PyTorch"] / found["fastnn"]
            line = f"{name}: {found['fastnn']:.2f} ms a step, PyTorch {found['PyTorch']:.2f}: {ratio:.2f}"
            print(line, flush=True)
            print(line, file=file)


if __name__ == "__main__":
    main()
