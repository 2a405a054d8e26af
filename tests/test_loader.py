"""Datasets, the Loader over them, files and functions of batches: what fit, evaluate and predict read."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from fastnn.data import Loader, mapped, reading, sample

N, FEATURES, CLASSES = 103, 5, 3


def data(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.standard_normal((N, FEATURES), np.float32), random.integers(0, CLASSES, N)


class Dataset:
    """Rows one by one. form: what a sample is made of its row and label."""

    def __init__(
        self, form: Callable[[np.ndarray, int], Any] = lambda x, y: (x, y), x: Any = None, y: Any = None
    ) -> None:
        self.form, (self.x, self.y) = form, data() if x is None else (x, y)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, i: int) -> Any:
        return self.form(self.x[i], self.y[i])


class Batches(Dataset):
    """As PyTorch's: samples in a list; or arrays in a tuple."""

    def __init__(self, arrays: bool) -> None:
        super().__init__()
        self.arrays = arrays

    def __getitems__(self, rows: list[int]) -> Any:
        return (self.x[rows], self.y[rows]) if self.arrays else [(self.x[i], self.y[i]) for i in rows]


def network(**options: Any) -> fnn.Sequential:
    layers = [fnn.Dense(7, "relu"), fnn.Dropout(0.2), fnn.Dense(CLASSES, "softmax")]
    net = fnn.Sequential(layers, input_shape=(FEATURES,), seed=5)
    return net.compile(fnn.Adam(0.01), metrics=["accuracy", worst], **options)


def worst(y: np.ndarray, t: np.ndarray) -> float:
    """A metric of a whole epoch, in order."""
    return float((y[np.arange(len(y)), t.astype(int)] * np.linspace(1, 2, len(y))).sum())


def bits(net: fnn.Network) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in net.weights.items()}


@pytest.fixture(params=["chunks of a batch", "usual chunks"])
def chunks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "chunks of a batch":
        monkeypatch.setattr(reading, "BYTES", 1)


FORMS = {
    "pairs": Dataset(),
    "lists": Dataset(lambda x, y: [x, y]),
    "numbers": Dataset(lambda x, y: (x.astype(float).tolist(), int(y))),
    "batches": Batches(arrays=False),
    "arrays": Batches(arrays=True),
    "array pair": data(),
}


@pytest.mark.usefixtures("chunks")
@pytest.mark.parametrize("workers", [0, 1, 3])
@pytest.mark.parametrize("form", FORMS)
def test_trains_as_on_arrays(form: str, workers: int) -> None:
    """The same bits: weights, History and metrics in Python, shuffled by the network's seed."""
    x, y = data()
    wanted, net = network(), network()
    before = wanted.fit(x, y, batch_size=8, epochs=3, verbose=0)
    history = net.fit(Loader(FORMS[form], 8, workers=workers), epochs=3, verbose=0)
    assert bits(net) == bits(wanted) and history.history == before.history
    assert net.evaluate(Loader(FORMS[form], workers=workers)) == wanted.evaluate(x, y)
    np.testing.assert_array_equal(net.predict(Loader(FORMS[form], workers=workers)), wanted.predict(x))


def test_no_thread_is_left() -> None:
    assert not [thread for thread in threading.enumerate() if "fastnn" in thread.name]


def test_a_dataset_needs_no_loader() -> None:
    x, y = data()
    wanted, net = network(), network()
    before = wanted.fit(x, y, 16, 2, validation_data=(x, y), verbose=0, shuffle=False)
    history = net.fit(Dataset(), batch_size=16, epochs=2, validation_data=Dataset(), verbose=0, shuffle=False)
    assert bits(net) == bits(wanted) and history.history == before.history
    assert net.evaluate(Dataset()) == wanted.evaluate(x, y)
    np.testing.assert_array_equal(net.predict(Dataset(lambda x, y: x)), wanted.predict(x))
    np.testing.assert_array_equal(net.classify(Dataset()), wanted.classify(x))


def test_pytorch_datasets() -> None:
    torch = pytest.importorskip("torch")
    x, y = data()
    wanted, net, third = network(), network(), network()
    wanted.fit(x, y, 16, 2, verbose=0, shuffle=False)
    dataset = torch.utils.data.TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
    net.fit(dataset, batch_size=16, epochs=2, verbose=0, shuffle=False)
    third.fit(torch.utils.data.DataLoader(dataset, 16), epochs=2, verbose=0)
    assert bits(net) == bits(wanted) == bits(third)


def test_several_inputs_weights_and_lengths() -> None:
    random = np.random.default_rng(1)
    a, b = random.standard_normal((N, 3), np.float32), random.standard_normal((N, 4, 2), np.float32)
    t, weight, lengths = random.standard_normal((N, 2), np.float32), random.random(N), random.integers(1, 5, N)

    def made() -> fnn.Network:
        first, second = fnn.Input((3,), "first"), fnn.Input((4, 2), "second")
        joined = fnn.Concatenate()([first, fnn.GRU(3)(second)])
        return fnn.Network([first, second], fnn.Dense(2)(joined), seed=1).compile("sgd", "mse")

    class Rows:
        def __len__(self) -> int:
            return N

        def __getitem__(self, i: int) -> Any:
            return {"second": b[i], "first": a[i]}, t[i], weight[i], lengths[i]

    wanted, net = made(), made()
    history = wanted.fit({"first": a, "second": b}, t, 8, 2, sample_weight=weight, lengths=lengths, verbose=0)
    assert net.fit(Rows(), batch_size=8, epochs=2, verbose=0).history == history.history
    assert bits(net) == bits(wanted)


@pytest.mark.parametrize("iterable", [False, True])
def test_batches_of_a_function(iterable: bool) -> None:
    """Each is a step; a new iterator for each epoch."""
    x, y = data()
    wanted, net = network(), network()
    before = wanted.fit(x, y, 8, 3, validation_data=(x, y), shuffle=False, verbose=0)
    calls = []

    def batches() -> Iterator[Any]:
        calls.append(1)
        for first in range(0, N, 8):
            yield x[first : first + 8], y[first : first + 8]

    class Restarted:
        def __iter__(self) -> Iterator[Any]:
            return batches()

    given: Any = Restarted() if iterable else batches
    history = net.fit(given, epochs=3, steps_per_epoch=13, validation_data=(x, y), verbose=0)
    assert bits(net) == bits(wanted) and history.history == before.history
    assert len(calls) == 3
    assert net.evaluate(batches) == pytest.approx(net.evaluate(x, y))
    np.testing.assert_allclose(net.predict(batches), net.predict(x), rtol=1e-6)


def test_files(tmp_path: Path) -> None:
    x, y = data()
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    np.savez(tmp_path / "both.npz", x=x, y=y)
    np.savez_compressed(tmp_path / "small.npz", x=np.asfortranarray(x), y=y)
    wanted = network()
    wanted.fit(x, y, epochs=2, verbose=0)
    for given in (("x.npy", "y.npy"), ("both.npz",), ("small.npz",)):
        net = network()
        net.fit(*(tmp_path / name for name in given), epochs=2, verbose=0)
        assert bits(net) == bits(wanted)
    assert isinstance(mapped.opened(tmp_path / "both.npz")["x"], np.memmap)
    np.testing.assert_array_equal(net.predict(str(tmp_path / "x.npy")), wanted.predict(x))
    with pytest.raises(ValueError, match=r"x.csv: expected a .npy or .npz file"):
        net.fit(str(tmp_path / "x.csv"))
    with pytest.raises(FileNotFoundError, match=r"missing.npy"):
        net.fit(str(tmp_path / "missing.npy"), y)


def test_a_folder_of_images(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    random = np.random.default_rng(0)
    for i in range(12):
        folder = tmp_path / "ab"[i % 2]
        folder.mkdir(exist_ok=True)
        image.fromarray(random.integers(0, 256, (9, 7, 3), np.uint8)).save(folder / f"{i}.png")
    x, y, _ = fnn.datasets.image_folder(tmp_path, (6, 5))
    layers = [fnn.Rescale(1 / 255), fnn.Flatten(), fnn.Dense(2, "softmax")]
    wanted, net = (fnn.Sequential(layers, input_shape=(6, 5, 3), seed=0).compile("sgd") for _ in range(2))
    wanted.fit(x, y, 4, 2, verbose=0)
    net.fit(tmp_path, batch_size=4, epochs=2, verbose=0)
    assert bits(net) == bits(wanted)
    with pytest.raises(ValueError, match="a folder of images needs a network"):
        network().fit(tmp_path)


def test_memory_maps_are_given_back(tmp_path: Path) -> None:
    """Whatever is read of a file does not stay in memory, in the order of the file or another."""
    x = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.uint8, (300_000, 512))
    x[:] = 1
    x.flush()
    del x
    x, y = np.load(tmp_path / "x.npy", mmap_mode="r"), np.zeros(300_000, int)
    net = fnn.Sequential([fnn.Dense(2, "softmax")], input_shape=(512,), seed=0).compile("sgd")
    net.fit(x[:1000], y[:1000], verbose=0)
    before, most = mapped_memory(), 0

    class Watch(fnn.Callback):
        def on_batch_end(self, step: int, logs: dict[str, float]) -> None:
            nonlocal most
            most = max(most, mapped_memory()) if step % 16 == 0 else most

    net.fit(x, y, batch_size=128, callbacks=[Watch()], verbose=0)
    net.evaluate(x, y)
    assert max(most, mapped_memory()) - before < 100


def mapped_memory() -> float:
    """MB of files that are resident in this process."""
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("no /proc/self/status")
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("RssFile")) / 1e3


def test_changed_maps_keep_their_changes(tmp_path: Path) -> None:
    """Those of mode "c" are in memory only: to give that back would lose them."""
    np.save(tmp_path / "x.npy", data()[0])
    x = np.load(tmp_path / "x.npy", mmap_mode="c")
    x[:] = 7
    network().fit(x, data()[1], verbose=0)
    assert (x == 7).all()


# Loaders in loops of their own.


def test_a_loader_is_iterated_and_resumed() -> None:
    loader = Loader(Dataset(), 10, seed=3, workers=2)
    assert len(loader) == 11
    first, second = list(loader), list(loader)
    assert sorted(np.concatenate([x[:, 0] for x, _ in first])) == sorted(data()[0][:, 0])
    assert any((a[0] != b[0]).any() for a, b in zip(first, second, strict=True)), "each epoch has its order"
    again = Loader(Dataset(), 10, seed=3, workers=0)
    passing = iter(again)
    for _ in range(4):
        next(passing)
    state = again.state()
    resumed = Loader(Dataset(), 10, seed=3)
    resumed.restore(state)
    for (x, y), (wanted, labels) in zip(resumed, first[4:], strict=True):
        np.testing.assert_array_equal(x, wanted)
        np.testing.assert_array_equal(y, labels)
    for (x, _), (wanted, _) in zip(resumed, second, strict=True):
        np.testing.assert_array_equal(x, wanted)
    with pytest.raises(ValueError, match="is not a state of 103 samples"):
        resumed.restore({"epoch": 0, "position": 7})


# What is refused, and what fails on the way.


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
    test_no_thread_is_left()


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
    "a generator": (((x, y) for x, y in [data()]), TypeError, "got generator; list.*pass the function that makes them, and steps_per_epoch"),
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
    test_no_thread_is_left()


# Splits, and the numbering of epochs.


def test_a_split_is_stratified_and_held_out() -> None:
    """Each class gives its share; training sees none of the rest, whether from arrays or a dataset."""
    y = np.repeat([0, 1, 2], [70, 25, 8])
    x = np.eye(FEATURES, dtype=np.float32)[y]
    x[:, 4] = np.arange(N)
    seen: dict[str, set[int]] = {}

    def rows(y: np.ndarray, t: np.ndarray) -> float:
        seen.setdefault("train" if len(y) > 50 else "held out", set()).update(np.rint(y[:, 1]).astype(int).tolist())
        return 0.0

    net = fnn.Sequential([fnn.Dense(2)], input_shape=(FEATURES,), seed=0).compile(fnn.SGD(0.0), "mse", metrics=[rows])
    net.weights["dense_0.weight"] = np.array([[0, 0]] * 4 + [[0, 1]])
    net.fit(x, np.zeros((N, 2)), validation_split=0.2, verbose=0)
    assert len(seen["held out"]) == 21 and seen["held out"] | seen["train"] == set(range(N))
    assert not seen["held out"] & seen["train"]
    from fastnn.training.held_out import split

    for seed in range(20):
        mask = split(N, 0.2, np.random.default_rng(seed), y)
        counts = np.bincount(y[mask], minlength=3)
        assert (np.abs(counts - 0.2 * np.array([70, 25, 8])) < 1).all() and abs(mask.sum() - 0.2 * N) < 1
    histories = [
        network().fit(given, *rest, epochs=2, validation_split=0.25, verbose=0).history
        for given, *rest in (data(), data(), [Dataset()])
    ]
    assert histories[0] == histories[1] and "val_worst" in histories[2]
    for bad in (1.0, -0.1, 0.001):
        with pytest.raises(ValueError, match="validation_split"):
            network().fit(*data(), validation_split=bad)
    with pytest.raises(ValueError, match="validation_data and validation_split"):
        network().fit(*data(), validation_split=0.1, validation_data=data())
    with pytest.raises(ValueError, match="batches of a function cannot be split"):
        network().fit(lambda: iter([data()]), steps_per_epoch=1, validation_split=0.1)


def test_epochs_are_numbered_and_validated_as_asked() -> None:
    numbers = []

    class Number(fnn.Callback):
        def on_epoch_begin(self, epoch: int) -> None:
            numbers.append(epoch)

    x, y = data()
    history = network().fit(
        x, y, epochs=7, initial_epoch=2, validation_freq=3, validation_data=(x, y), callbacks=[Number()], verbose=0
    )
    assert history.epoch == numbers == [2, 3, 4, 5, 6]
    assert np.isfinite(history.history["val_loss"]).tolist() == [(epoch + 1) % 3 == 0 for epoch in numbers]
    for bad in ({"initial_epoch": 7}, {"initial_epoch": -1}, {"validation_freq": 0}, {"steps_per_epoch": 0}):
        with pytest.raises(ValueError, match=next(iter(bad))):
            network().fit(x, y, epochs=7, **bad)


def test_what_a_dataset_is() -> None:
    assert sample.is_dataset(Dataset()) and sample.is_dataset(Batches(arrays=True))
    for array in (np.ones(3), [1], (1,), range(3), {"a": 1}, b"12", memoryview(b"12"), "text"):
        assert not sample.is_dataset(array)
