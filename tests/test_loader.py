"""Datasets, the Loader over them, files and functions of batches: what fit, evaluate and predict read."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from fastnn.data import Loader, mapped, reading, sample
from rows import FEATURES, Batches, Dataset, N, bits, data, network, no_threads


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
    assert no_threads()


class Parts:
    """Batches of these parts, each an array or several."""

    def __init__(self, *parts: Any) -> None:
        self.parts = parts

    def __len__(self) -> int:
        return 12

    def __getitems__(self, rows: list[int]) -> Any:
        def chosen(part: Any) -> Any:
            if isinstance(part, dict):
                return {name: array[rows] for name, array in part.items()}
            return tuple(array[rows] for array in part) if isinstance(part, tuple) else part[rows]

        found = tuple(map(chosen, self.parts))
        return found if len(found) > 1 else found[0]


def test_batches_of_several_inputs() -> None:
    """By name or in order, and of a part alone."""
    a, b, y = np.arange(24.0).reshape(12, 2), np.arange(12.0)[:, None], np.arange(12.0)[:, None]
    for x in ({"a": a, "b": b}, (a, b)):
        first = next(iter(Loader(Parts(x, y), 5, shuffle=False)))
        found = list(first[0].values()) if isinstance(x, dict) else first[0]
        assert [array.tolist() for array in (*found, first[1])] == [array[:5].tolist() for array in (a, b, y)]
        nets = []
        for given in ((Parts(x, y),), (x, y)):
            inputs = [fnn.Input((2,), "a"), fnn.Input((1,), "b")]
            net = fnn.Network(inputs, fnn.Dense(1)(fnn.Concatenate()(inputs)), seed=0).compile("sgd", "mse")
            net.fit(*given, batch_size=4, verbose=0)
            nets.append(bits(net))
        assert nets[0] == nets[1]
    assert next(iter(Loader(Parts(a), 5, shuffle=False))).tolist() == a[:5].tolist()


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
