"""Images of bytes stay bytes in memory: each step converts the rows that it gathers."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import fastnn as fnn
from check import assert_same_bits
from networks import child, training_state

SHAPE, COUNT = (32, 32, 3), 12_000  # 37 MB, four times that as float32


def network() -> fnn.Sequential:
    layers = [fnn.Rescale(1 / 255), fnn.RandomFlip(), fnn.Flatten(), fnn.Dense(2, activation="softmax")]
    return fnn.Sequential(layers, input_shape=SHAPE, seed=0).compile("sgd", "cross_entropy", ["accuracy"])


def pictures(count: int = COUNT) -> tuple[np.ndarray, np.ndarray]:
    x = np.resize(np.random.default_rng(0).integers(0, 256, 2**20, np.uint8), (count, *SHAPE))
    return x, (x[:, 0, 0, 0] > 127).astype(np.int64)


WAYS: dict[str, Callable[[fnn.Sequential, np.ndarray, np.ndarray], object]] = {
    "fit": lambda net, x, y: net.fit(x, y, 64, verbose=0),
    "fit, validated": lambda net, x, y: net.fit(x[:64], y[:64], 64, validation_data=(x, y), verbose=0),
    "fit, weighted": lambda net, x, y: net.fit(x, y, 64, class_weight="balanced", verbose=0),
    "predict": lambda net, x, _: net.predict(x),
    "classify": lambda net, x, _: net.classify(x),
    "evaluate": lambda net, x, y: net.evaluate(x, y),
    "freeze": lambda net, x, _: net.freeze(len(x))(x),
}

PEAKS = """
import json
from test_uint8_pictures import WAYS, network, peak, pictures
net, (x, y) = network(), pictures()
for way in WAYS.values():
    way(net, x[:600], y[:600])
before, grown = peak(), {}
for name, way in WAYS.items():
    way(net, x, y)
    grown[name] = peak() - before
print(json.dumps(grown))
"""


def peak() -> int:
    """The most bytes that this process has held."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))


@pytest.mark.parametrize("way", WAYS)
def test_nothing_of_the_size_of_the_pictures_is_allocated(way: str) -> None:
    net, (x, y) = network(), pictures()
    tracemalloc.start()
    try:
        WAYS[way](net, x, y)
        assert tracemalloc.get_traced_memory()[1] < x.nbytes / 8
    finally:
        tracemalloc.stop()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc, which tells of memory")
def test_nothing_of_the_size_of_the_pictures_is_held() -> None:
    """Neither by the native side, once each call has its buffers."""
    grown = child(PEAKS)
    assert list(grown) == list(WAYS)
    assert max(grown.values()) < pictures(1)[0].nbytes * COUNT / 4, grown


def test_bytes_are_numbers() -> None:
    """The same bits as with float32 in every call."""
    x, y = pictures(300)
    wide = x.astype(np.float32)
    net, other = network(), network()
    net.fit(x, y, 64, 2, verbose=0)
    other.fit(wide, y, 64, 2, verbose=0)
    assert training_state(net) == training_state(other)
    assert_same_bits(net.predict(x), other.predict(wide))
    assert_same_bits(net.classify(x), other.classify(wide))
    assert_same_bits(net.freeze(300)(x), other.freeze(300)(wide))
    assert_same_bits(net.freeze()(x[7]), other.freeze()(wide[7]))
    assert net.evaluate(x, y) == other.evaluate(wide, y)
    assert net.train_on_batch(x, y) == other.train_on_batch(wide, y)
