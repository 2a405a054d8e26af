"""One step of sequences: what is kept of the steps before it."""

from typing import Any

import numpy as np

import fastnn as fnn
from fastnn.engine.tensor import Tensor
from fastnn.kernels import Advance, Append, Filter, Position, StepConvolution
from fastnn.kernels.axis import Axis
from fastnn.kernels.stepping import window
from ops import filled

ROWS, CHANNELS = 1, 32


def count() -> Tensor:
    found = Tensor((ROWS, 1), "int32")
    found.array[...] = np.ones((ROWS, 1))
    return found


def test_position(benchmark: Any) -> None:
    benchmark(Position(count(), count(), most=9))


def test_advance(benchmark: Any) -> None:
    benchmark(Advance(count(), size=9))


def test_append(benchmark: Any) -> None:
    benchmark(Append(filled(ROWS, CHANNELS), count(), Tensor((ROWS, 9 * CHANNELS))))


def test_convolution(benchmark: Any) -> None:
    columns = Axis(1, kernel=2, dilation=64)
    weight = Filter(filled(2, CHANNELS, CHANNELS), *window(columns))
    ring = filled(ROWS, 2 * columns.reach * CHANNELS)
    y = Tensor((ROWS, CHANNELS))
    benchmark(StepConvolution(filled(ROWS, CHANNELS), ring, count(), weight, filled(CHANNELS), y, columns))


def wavenet(layers: int = 10) -> fnn.Network:
    """Of 32 channels, with gates and shortcuts, over 256 values of a sample."""
    ids = fnn.Input((1024,))
    h, skips = fnn.Embedding(256, CHANNELS)(ids), []
    for i in range(layers):
        both = [
            fnn.Conv1D(CHANNELS, 2, dilation=2**i, padding="causal", activation=each)(h) for each in ("tanh", "sigmoid")
        ]
        skips.append(fnn.Dense(CHANNELS)(fnn.Multiply()(both)))
        h = fnn.Add()([h, skips[-1]])
    y = fnn.Activation("relu")(fnn.Add()([h, *skips]))
    return fnn.Network(ids, fnn.Dense(256)(fnn.Dense(CHANNELS, "relu")(y)), seed=0)


def test_a_sample_of_wavenet(benchmark: Any) -> None:
    benchmark(wavenet().freeze(streaming=True).step, np.array(3))


def test_a_character_of_gpt(benchmark: Any) -> None:
    """Of the next after 64 others."""
    f = fnn.architectures.gpt(91, 128, seed=0).freeze(streaming=True)
    for _ in range(64):
        f.step(3)
    state = f.state

    def rewind() -> None:
        f.state = state

    benchmark.pedantic(f.step, (3,), setup=rewind, rounds=200)
