"""Arrays are read where they are: no call copies one as a whole, of whatever type and layout."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import fastnn as fnn
from fastnn.engine.port import TYPES
from networks import classifier, training_state

ROWS = 30_000
LAYOUTS: dict[str, Callable[[NDArray], NDArray]] = {
    "C order": lambda x: x,
    "bytes swapped": lambda x: x.astype(x.dtype.newbyteorder()),
    "every second row": lambda x: np.repeat(x, 2, axis=0)[::2],
    "columns of a wider": lambda x: np.concatenate([x, x], axis=-1)[..., : x.shape[-1]],
    "Fortran order": np.asfortranarray,
    "read-only, unaligned": lambda x: np.frombuffer(b" " + x.tobytes(), x.dtype, offset=1).reshape(x.shape),
}


def drawn(*shape: int, dtype: str, most: int = 100) -> NDArray:
    return np.random.default_rng(len(shape)).integers(0, 2 if dtype == "bool" else most, shape).astype(dtype)


def memory(call: Callable[[], object]) -> int:
    """The bytes that the call allocates at most, of what Python and NumPy allocate."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", TYPES)
def test_nothing_is_copied_as_a_whole(dtype: str, layout: str) -> None:
    """Inputs, labels and weights of every type and layout; the bits are those of plain arrays."""
    x, y = drawn(ROWS, 64, dtype=dtype), drawn(ROWS, dtype=dtype, most=3)
    given, (labels, weight) = LAYOUTS[layout](x), map(LAYOUTS[layout], (y, y + np.ones_like(y)))
    net, plain = (fnn.Sequential([fnn.Dense(3)], input_shape=(64,), seed=0).compile("sgd") for _ in range(2))
    whole = ROWS * 64 * np.dtype(dtype).itemsize / 2
    calls: list[Callable[[], object]] = [
        lambda: net.predict(given, batch_size=64),
        lambda: net.evaluate(given, labels, 64, weight),
        lambda: net.fit(given, labels, 64, sample_weight=weight, validation_data=(given, labels, weight), verbose=0),
    ]
    for call in calls:
        call()
        outputs = ROWS * (3 * 4 + 8)  # of predict, and the order of fit
        assert memory(call) < outputs + min(whole, 200_000)
    for _ in range(2):
        plain.fit(x.astype(np.float32), y.astype(int), 64, sample_weight=np.float32(weight), verbose=0)
    assert training_state(net) == training_state(plain)


@pytest.mark.parametrize("dtype", TYPES)
def test_a_batch_is_not_copied(dtype: str) -> None:
    net, x = fnn.Sequential([fnn.Dense(3)], input_shape=(64,), seed=0).compile("sgd"), drawn(4000, 64, dtype=dtype)
    y = drawn(4000, dtype=dtype, most=3)
    for given in (x, x[::-1], x.astype(x.dtype.newbyteorder())):
        net.train_on_batch(given, y)
        assert memory(lambda given=given: net.train_on_batch(given, y)) < 60_000  # type: ignore[misc]


@pytest.mark.parametrize("dtype", [dtype for dtype in TYPES if dtype != "bool"])
def test_ids_and_lengths(dtype: str) -> None:
    """Of every type, in any layout."""
    ids, ends, y = (
        drawn(90, 7, dtype=dtype, most=11),
        drawn(90, dtype=dtype, most=7) + np.ones(1, dtype),
        np.arange(90) % 3,
    )
    states = []
    for layout in LAYOUTS.values():
        layers = [fnn.Embedding(11, 4), fnn.LSTM(5), fnn.Dense(3)]
        net = fnn.Sequential(layers, input_shape=(7,), seed=0).compile("adam", metrics=["accuracy"])
        net.fit(layout(ids), y, 16, 2, lengths=layout(ends), verbose=0)
        net.predict(layout(ids), lengths=layout(ends))
        states.append(training_state(net))
    assert all(state == states[0] for state in states)


@pytest.mark.parametrize("dtype", ["int16", "uint16", "float16", ">f4", ">i2"])
def test_memory_maps(dtype: str, tmp_path: Path) -> None:
    """In C and in Fortran order, as files are mapped."""
    x, y = drawn(ROWS, 64, dtype=dtype), np.arange(ROWS) % 3
    states = []
    for order in "CF":
        np.save(tmp_path / "x.npy", np.asarray(x, order=order))
        mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
        net = fnn.Sequential([fnn.Dense(3)], input_shape=(64,), seed=0).compile("sgd")
        net.train_on_batch(mapped[:8], y[:8])
        assert memory(lambda net=net, mapped=mapped: net.fit(mapped, y, verbose=0)) < x.nbytes / 4  # type: ignore[misc]
        states.append(training_state(net))
    assert states[0] == states[1]


def test_pictures_with_channels_first() -> None:
    """Turned by transpose, they are read in place."""
    x, y = drawn(300, 3, 16, 16, dtype="uint8", most=256), np.arange(300) % 3
    turned = x.transpose(0, 2, 3, 1)
    nets = [
        fnn.Sequential([fnn.Conv2D(4, 3), fnn.Flatten(), fnn.Dense(3)], input_shape=(16, 16, 3), seed=0) for _ in "ab"
    ]
    for net, given in zip(nets, (turned, np.ascontiguousarray(turned)), strict=True):
        net.compile("sgd").fit(given, y, verbose=0)
    assert training_state(nets[0]) == training_state(nets[1])
    np.testing.assert_array_equal(nets[0].predict(turned), nets[1].predict(turned.astype(np.float32)))
    assert memory(lambda: nets[0].evaluate(turned, y)) < x.nbytes / 4


@pytest.mark.parametrize("layout", LAYOUTS)
def test_frozen(layout: str) -> None:
    """A Predictor takes any layout, too."""
    net, x = classifier(), drawn(9, 4, dtype="int16")
    f = net.freeze(batch_size=9)
    np.testing.assert_array_equal(f(LAYOUTS[layout](x)), f(x.astype(np.float32)))


@pytest.mark.parametrize("dtype", ["bool", "uint8", "uint16", "uint64", "float16"])
def test_class_weights_of_any_labels(dtype: str) -> None:
    x, y = drawn(40, 4, dtype="float32"), drawn(40, dtype=dtype, most=2)
    nets = [classifier(), classifier()]
    for net, labels in zip(nets, (y, y.astype(int)), strict=True):
        net.fit(x, labels, class_weight={0: 2.0, 1: 0.5}, verbose=0)
    assert training_state(nets[0]) == training_state(nets[1])
