"""Gaussian noise against its twin: the very same numbers, wherever they are computed; and the layer in a network."""

import numpy as np
import pytest

import fastnn as fnn
import reference_layers
from check import TAILS, assert_close, assert_same_bits, assert_same_on_threads, empty, normal, run, tensor, written
from fastnn.engine.plan import Plan
from fastnn.engine.tensor import Tensor
from fastnn.kernels import GaussianNoise
from networks import blobs

FOUR = 60_000  # elements enough for four threads
SEED = 0xFEDCBA9876543210


def test_op(isa: str, num_threads: int) -> None:
    for columns in TAILS:
        rows = 3 if num_threads == 1 else 20_000 // columns
        if num_threads == 2 and columns % 23:
            continue  # the twin is slow
        x, y = normal(rows, columns), empty(rows + columns % 3, columns)
        settings = {"stddev": columns / 10, "seed": SEED + columns, "stream": columns}
        run(GaussianNoise(tensor(x, y.rows), y, **settings), y, rows=rows, step=columns << 32)
        expected = reference_layers.GaussianNoise(x, **settings, step=columns << 32)
        assert_close(written(y, rows), expected, np.abs(x) + np.abs(expected - x), 2e-6)


def noise(*, stddev: float = 1.0, seed: int = 1, stream: int = 2, step: int = 0, n: int = 200_000) -> np.ndarray:
    x, y = Tensor((1, n)), Tensor((1, n))
    Plan([GaussianNoise(x, y, stddev=stddev, seed=seed, stream=stream)]).run(1, 1, step=step)
    return y.array[0]


def test_it_is_normal() -> None:
    """Mean, variance, skewness and kurtosis within five standard errors; the tails of a normal distribution."""
    z, n = noise().astype(np.float64), 200_000
    assert abs(z.mean()) < 5 / np.sqrt(n)
    assert abs(z.var() - 1) < 5 * np.sqrt(2 / n)
    assert abs((z**3).mean()) < 5 * np.sqrt(15 / n)
    assert abs((z**4).mean() - 3) < 5 * np.sqrt(96 / n)
    assert abs((np.abs(z) > 3).mean() - 0.0027) < 5 * np.sqrt(0.0027 / n)
    assert 4 < np.abs(z).max() < 5.5


def test_it_depends_on_seed_stream_and_step() -> None:
    drawn = [noise(), noise(seed=2), noise(stream=3), noise(step=1), noise(step=2**32)]
    for i, a in enumerate(drawn):
        for b in drawn[:i]:
            assert abs(np.corrcoef(a, b)[0, 1]) < 0.015
    assert_same_bits(noise(n=1000), drawn[0][:1000])
    np.testing.assert_allclose(noise(stddev=0.5), 0.5 * drawn[0], rtol=1e-6)


def test_same_bits_on_threads(isa: str) -> None:
    def build() -> tuple[GaussianNoise, Tensor]:
        y = empty(FOUR + 5)
        return GaussianNoise(tensor(normal(FOUR + 5)), y, stddev=0.3, seed=1, stream=2), y

    assert_same_on_threads(build)


def test_in_a_network() -> None:
    """In training only; the gradient passes by; the noise follows from the seed."""
    x, y = blobs()

    def network(seed: int = 0, stddev: float = 0.5) -> fnn.Sequential:
        layers = [fnn.Dense(6, activation="tanh"), fnn.GaussianNoise(stddev), fnn.Dense(3, activation="softmax")]
        return fnn.Sequential(layers, input_shape=(4,), seed=seed).compile("adam", "cross_entropy")

    net, plain = network(), network(stddev=0.0)
    assert_same_bits(net.predict(x), plain.predict(x))
    fnn.check_gradients(net, x, y)
    losses = [n.train_on_batch(x, y) for n in (net, plain, network(), network(seed=1))]
    assert losses[0] == losses[2]
    assert len(set(losses)) == 3
    with pytest.raises(ValueError, match="GaussianNoise: stddev must be a number >= 0"):
        fnn.GaussianNoise(-1)
    with pytest.raises(ValueError, match="GaussianNoise: expected equal shapes"):
        GaussianNoise(Tensor((4, 3)), Tensor((4, 2)), stddev=1, seed=0, stream=0)
