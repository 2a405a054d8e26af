"""Memory maps: large ones are read row by row, with the bits that arrays in memory give."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import fastnn as fnn
from fastnn.data import Loader, mapped
from fastnn.data.mapped import FileRows
from fastnn.model import feed
from rows import bits, data, network

pytestmark = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="maps are found in /proc")


@pytest.fixture
def all_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Arrays of any size are read row by row, some batches at a time."""
    monkeypatch.setattr(mapped, "LARGE", 0)
    monkeypatch.setattr(feed, "BYTES", 1000)


def on_disk(folder: Path, *arrays: np.ndarray) -> list[np.ndarray]:
    """The arrays as memory maps."""
    for i, array in enumerate(arrays):
        np.save(folder / f"{i}.npy", array)
    return [np.load(folder / f"{i}.npy", mmap_mode="r") for i in range(len(arrays))]


@pytest.mark.usefixtures("all_are_large")
@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_bits_as_in_memory(tmp_path: Path, threads: int) -> None:
    x, y = data()
    weight = np.linspace(0.5, 2, len(x))
    files = on_disk(tmp_path, x, y, weight)
    assert all(FileRows.of(file) for file in files)
    ours, twin = network().compile("adam"), network().compile("adam")
    with fnn.threads(threads):
        for each, (inputs, targets, weights) in ((ours, files), (twin, (x, y, weight))):
            each.fit(inputs, targets, 10, 3, sample_weight=weights, validation_split=0.2, verbose=0)
        assert bits(ours) == bits(twin)
        assert ours.history.history == twin.history.history
        assert ours.evaluate(*files[:2]) == twin.evaluate(x, y)
        assert (ours.predict(files[0]) == twin.predict(x)).all()
        assert (ours.classify(files[0], batch_size=7) == twin.classify(x)).all()


VIEWS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "a part": lambda x: x[20:70],
    "every other row": lambda x: x[::2],
    "the last first": lambda x: x[::-1],
    "some columns": lambda x: x[:, 2:7],
    "another shape": lambda x: x.reshape(-1, 2, 5)[:, 1],
}


@pytest.mark.usefixtures("all_are_large")
@pytest.mark.parametrize("kind", VIEWS)
def test_views(tmp_path: Path, kind: str) -> None:
    x = np.arange(1000.0).reshape(100, 10)
    (file,) = on_disk(tmp_path, x)
    view, wanted = VIEWS[kind](file), VIEWS[kind](x)
    rows = FileRows.of(view)
    assert rows is not None
    order = np.random.default_rng(0).permutation(len(wanted))
    assert (rows.read(order) == wanted[order]).all()
    assert (rows.read(range(len(wanted)), np.zeros_like(wanted)) == wanted).all()


@pytest.mark.usefixtures("all_are_large")
def test_what_is_read_in_place(tmp_path: Path) -> None:
    """Arrays in memory, rows that are not together, and files that are gone, or replaced by others."""
    x = data()[0]
    assert FileRows.of(x) is None
    fortran, gone, other = on_disk(tmp_path, np.asfortranarray(x), x, x)
    (tmp_path / "1.npy").unlink()
    np.save(tmp_path / "new.npy", x + 1)
    os.replace(tmp_path / "new.npy", tmp_path / "2.npy")
    for file in (fortran, gone, other):
        assert FileRows.of(file) is None
        assert (network().predict(file) == network().predict(x)).all()


@pytest.mark.usefixtures("all_are_large")
def test_a_file_that_is_shortened_is_an_error(tmp_path: Path) -> None:
    """To touch its mapped pages would end the process. The network stays as it was."""
    x, y = data()
    (file,) = on_disk(tmp_path, np.tile(x, (200, 1)))
    os.truncate(tmp_path / "0.npy", 4096)
    net = network()
    before = bits(net)
    for call in (net.predict, lambda x: net.fit(x, np.tile(y, 200), verbose=0)):
        with pytest.raises(OSError, match=r"0.npy: row \d+ of \d+ cannot be read; was the file shortened"):
            call(file)
    assert bits(net) == before
    with pytest.raises(OSError, match="cannot be read"):
        list(Loader((file, np.tile(y, 200))))


@pytest.mark.usefixtures("all_are_large")
def test_errors_name_the_sample(tmp_path: Path) -> None:
    """Not the row of a buffer: of a map, and of a Loader too."""
    x, y = data()
    x[77, 3] = np.nan
    (file,) = on_disk(tmp_path, x)
    for given in ((file, y), (Loader((x, y), 10), None)):
        with pytest.raises(ValueError, match=r"x\[77, 3\]"):
            network().fit(*given, verbose=0)
    with pytest.raises(ValueError, match=r"x\[77, 3\]"):
        network().classify(file)


def test_large_maps_are_not_held_in_memory(tmp_path: Path) -> None:
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
            most = max(most, mapped_memory()) if step % 4 == 0 else most

    net.fit(x, y, batch_size=512, callbacks=[Watch()], verbose=0)
    net.evaluate(x, y)
    assert max(most, mapped_memory()) - before < 100


def mapped_memory() -> float:
    """MB of files that are resident in this process."""
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("no /proc/self/status")
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("RssFile")) / 1e3


@pytest.mark.usefixtures("all_are_large")
def test_changed_maps_keep_their_changes(tmp_path: Path) -> None:
    """Those of mode "c" are in memory only, and not in the file."""
    np.save(tmp_path / "x.npy", data()[0])
    x = np.load(tmp_path / "x.npy", mmap_mode="c")
    x[:] = 7
    assert FileRows.of(np.asarray(x)) is None
    network().fit(x, data()[1], verbose=0)
    assert (x == 7).all()
