"""Data larger than memory: a file of images is made on the spot and trained on, and the memory in use is shown.

`python examples/larger_than_memory.py [--gigabytes 4] [--folder .] [--short] [--out FILE.png]`. The file is removed.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from tqdm import tqdm

import fastnn as fnn

PIXELS, CLASSES, BLOCK = 28 * 28, 10, 8192


def make(path: Path, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """A file of noisy images of ten patterns, written block by block, and their classes."""
    random = np.random.default_rng(0)
    patterns = random.integers(0, 256, (CLASSES, PIXELS), np.uint8)
    y = random.integers(0, CLASSES, rows)
    x = np.lib.format.open_memmap(path, "w+", np.uint8, (rows, PIXELS))
    for first in tqdm(range(0, rows, BLOCK), "writing", unit=" blocks"):
        labels = y[first : first + BLOCK]
        noise = random.integers(0, 256, (len(labels), PIXELS), np.uint8)
        x[first : first + BLOCK] = np.where(noise < 210, noise, patterns[labels])  # a sixth is the pattern
    x.flush()
    del x
    return np.load(path, mmap_mode="r"), y


def resident() -> dict[str, float]:
    """MB of this process in memory: its own, and pages of files."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    return {name: int(status[name].split()[0]) / 1e3 for name in ("RssAnon", "RssFile")}


class Memory(fnn.Callback):
    """Notes the resident memory while an epoch runs."""

    def __init__(self, every: int) -> None:
        self.every, self.seconds, self.sizes = every, [0.0], [resident()]
        self.started = time.perf_counter()

    def on_batch_end(self, step: int, logs: dict[str, float]) -> None:
        if step % self.every == 0:
            self.seconds.append(time.perf_counter() - self.started)
            self.sizes.append(resident())


def draw(memory: Memory, size: float, path: str) -> None:
    """The resident memory over time, and the size of the file."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(7, 3.8), layout="constrained")
    own, files = (np.array([each[name] for each in memory.sizes]) for name in ("RssAnon", "RssFile"))
    axis.stackplot(memory.seconds, own, files, labels=("the process's own", "pages of files"), alpha=0.8)
    axis.axhline(size, color="black", linestyle="--", label="the file")
    axis.set(xlabel="seconds of training", ylabel="MB", title="Memory in use while training on a mapped file")
    axis.set_ylim(0, 1.1 * max(size, (own + files).max()))
    axis.grid(alpha=0.3)
    axis.legend()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def rows_per_second(x: np.ndarray, y: np.ndarray) -> float:
    """The speed of an epoch in random order, the best of three."""
    net, best = network(), 0.0
    for _ in range(3):
        started = time.perf_counter()
        net.fit(x, y, batch_size=128, verbose=0)
        best = max(best, len(x) / (time.perf_counter() - started))
    return best


def network() -> fnn.Sequential:
    """A small network for images of bytes."""
    layers = [fnn.Rescale(1 / 255), fnn.Dense(128, "relu"), fnn.Dense(CLASSES, "softmax")]
    return fnn.Sequential(layers, input_shape=(PIXELS,), seed=0).compile(fnn.Adam(1e-3), metrics=["accuracy"])


def main() -> None:
    """Runs the example."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=4.0, help="the size of the file")
    parser.add_argument("--folder", default=None, help="where the file is made; the system's temporary folder")
    parser.add_argument("--short", action="store_true", help="a file of 16 MB")
    parser.add_argument("--out", default="memory.png", help="where the memory is drawn")
    options = parser.parse_args()
    rows = int((0.016 if options.short else options.gigabytes) * 1e9) // PIXELS

    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        x, y = make(Path(folder, "x.npy"), rows)
        held = rows // 20
        net, memory = network(), Memory(every=50)
        history = net.fit(
            x[held:], y[held:], batch_size=128, validation_data=(x[:held], y[:held]), callbacks=[memory], verbose=1
        )
        most = max(sum(size.values()) for size in memory.sizes) - sum(memory.sizes[0].values())
        print(f"{rows} images, {x.nbytes / 1e6:.0f} MB; training added at most {most:.0f} MB to the resident memory")
        print(f"accuracy on {held} images that were held out: {history.history['val_accuracy'][-1]:.3f}")
        part = min(rows, 300_000)
        mapped, loaded = rows_per_second(x[:part], y[:part]), rows_per_second(np.array(x[:part]), y[:part])
        print(f"{part} images: {mapped:.0f} a second from the file, {loaded:.0f} from memory ({mapped / loaded:.0%})")
        draw(memory, x.nbytes / 1e6, options.out)
    print(f"memory over time: {options.out}")


if __name__ == "__main__":
    main()
