"""Datasets, files and functions of batches that cannot be read, or change while they are: what is refused, and how."""

import time
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from fastnn.data import Loader
from rows import Dataset, N, bits, data, network, no_threads


class Failing(Dataset):
    """One of its samples cannot be read."""

    def __getitem__(self, i: int) -> Any:
        if i == 77:
            raise KeyError("gone")
        return super().__getitem__(i)


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_an_error_of_a_dataset_arrives(workers: int) -> None:
    net = network()
    with pytest.raises(KeyError, match="gone") as caught:
        net.fit(Loader(Failing(), 8, shuffle=False, workers=workers), verbose=0)
    assert "dataset[77]" in caught.value.__notes__
    assert 0 < net.counters.step <= 77 // 8, "steps before are done, whole ones"
    assert no_threads()


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_fit_leaves_no_thread(error: type[BaseException]) -> None:
    """Also while the exception, and with it the frames of the fit, are still there."""

    class Interrupt(fnn.Callback):
        def on_batch_end(self, step: int, logs: dict[str, float]) -> None:
            raise error

    with pytest.raises(error):
        network().fit(Loader(Dataset(), 8, workers=2), callbacks=[Interrupt()], verbose=0)
    try:
        network().fit(Loader(Dataset(), 8, workers=2), callbacks=[Interrupt()], verbose=0)
    except error:
        assert no_threads()


FAULTS: dict[str, tuple[Any, type[Exception], str]] = {
    "another shape": (
        Dataset(lambda x, y: (x[: 4 + (y < 2)], y)),
        ValueError,
        r"x: has float32 \(4,\)|x: has float32 \(5,\)",
    ),
    "another dtype": (
        Dataset(lambda x, y: (x, y if y < 2 else 1.5)),
        ValueError,
        "y: has float64 .*first sample int64",
    ),
    "fewer parts": (
        Dataset(lambda x, y: (x, y) if y else x),
        ValueError,
        "expected x, y as in the first sample|expected x as",
    ),
    "text": (Dataset(lambda x, y: (x, "abc"[y])), TypeError, "y: expected an array of real numbers"),
    "too many parts": (Dataset(lambda x, y: (x, y, 1, 1, 1)), ValueError, "expected a sample"),
    "no targets": (Dataset(lambda x, y: x), TypeError, "y is missing"),
    "a wrong shape": (Dataset(lambda x, y: (x[:4], y)), ValueError, r"expected input \(batch, 5\)"),
    "a generator": (
        ((x, y) for x, y in [data()]),
        TypeError,
        "got generator; convert.*pass the function that makes them, and steps_per_epoch",
    ),
    "an empty one": (Dataset(x=[], y=[]), ValueError, "the dataset is empty"),
    "no iterator": (lambda: 5, TypeError, "must return an iterator over batches"),
    "no batches": (list, ValueError, "the iterator ended after 0 batches"),
    "an array alone": (data()[0], TypeError, "y is missing"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_refused(fault: str) -> None:
    given, error, message = FAULTS[fault]
    net = network()
    before = bits(net)
    with pytest.raises(error, match=message):
        net.fit(given, shuffle=None, verbose=0)
    assert net.counters.step > 0 or bits(net) == before
    net.fit(*data(), verbose=0)


def test_a_dataset_that_changes_its_length() -> None:
    given = Dataset()

    class Shrink(fnn.Callback):
        def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
            given.x = given.x[:50]

    with pytest.raises(ValueError, match="had 103 samples and has 50 now"):
        network().fit(given, epochs=2, callbacks=[Shrink()], verbose=0)


def test_a_function_of_batches_refuses() -> None:
    x, y = data()
    net = network()
    with pytest.raises(ValueError, match="the iterator ended after 2 batches of 3"):
        net.fit(lambda: iter([(x, y)] * 2), steps_per_epoch=3, verbose=0)
    for other in ((x[:, :4], y), (x.astype(float), y), (np.concatenate([x, x]), np.concatenate([y, y]))):
        with pytest.raises(ValueError, match=r"expected input \(batch, 5\)|expected at most 103 of"):
            net.fit(lambda other=other: iter([(x, y), other]), steps_per_epoch=2, verbose=0)
    with pytest.raises(ValueError, match="steps_per_epoch is for"):
        net.fit(x, y, steps_per_epoch=3)
    with pytest.raises(ValueError, match="batch_size: the batches"):
        net.fit(lambda: iter([(x, y)]), batch_size=3)
    with pytest.raises(TypeError, match="sample_weight: must be in the samples"):
        net.fit(Dataset(), sample_weight=np.ones(N))
    with pytest.raises(ValueError, match="a Loader has its own"):
        net.fit(Loader(Dataset()), batch_size=3)
    with pytest.raises(ValueError, match='class_weight="balanced" needs all labels'):
        net.fit(Dataset(), class_weight="balanced")
    lbfgs = network().compile(fnn.LBFGS())
    with pytest.raises(ValueError, match="LBFGS: needs all samples at once"):
        lbfgs.fit(Dataset(), batch_size=N)


def test_class_weights_of_a_dataset() -> None:
    wanted, net = network(), network()
    wanted.compile().fit(*data(), class_weight={0: 3.0}, verbose=0)
    net.compile().fit(Dataset(), class_weight={0: 3.0}, verbose=0)
    assert bits(net) == bits(wanted)


def test_reading_is_ahead() -> None:
    """While a chunk is used, the next one is read; never more than the buffers hold."""
    read: list[int] = []

    class Slow(Dataset):
        def __getitem__(self, i: int) -> Any:
            read.append(i)
            return super().__getitem__(i)

    chunks = Loader(Slow(), 8, shuffle=False).chunks(np.arange(N), 0, 8)
    first = next(chunks)
    deadline = time.monotonic() + 10
    while len(read) <= first.size + 1 and time.monotonic() < deadline:
        time.sleep(0.001)
    assert len(read) > first.size + 1
    chunks.close()
    assert no_threads()
