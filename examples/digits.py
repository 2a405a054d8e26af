"""Handwritten digits: train, test, draw the learning curve, and compare the speed with pure NumPy.

`python examples/digits.py [--epochs N] [--out FILE.png]`; `make demo` runs it.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np

import fastnn as fnn
from fastnn.bench.numpy_network import NumpyNetwork


def draw(history: fnn.History, path: str) -> None:
    """Loss and accuracy over the epochs, training and test."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import MaxNLocator

    epochs = np.arange(1, len(history.epoch) + 1)
    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for axis, name, label in zip(axes, ("loss", "accuracy"), ("cross-entropy (nats)", "accuracy"), strict=True):
        axis.plot(epochs, history.history[name], label="training")
        axis.plot(epochs, history.history[f"val_{name}"], label="test")
        axis.set(xlabel="epoch", ylabel=label)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.grid(alpha=0.3)
        axis.legend()
    figure.suptitle("64-128-10 on 8x8 handwritten digits")
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def compare(x: np.ndarray, y: np.ndarray, steps: int = 400, rounds: int = 7) -> tuple[float, float]:
    """Microseconds of a training step (batch 32, Adam), fastnn's and NumPy's: the best of interleaved rounds."""
    net = fnn.Sequential([fnn.Dense(128, "relu"), fnn.Dense(10, "softmax")], input_shape=(64,), seed=0).compile("adam")
    rival = NumpyNetwork([64, 128, 10], "relu", "adam", rate=1e-3, batch=32, seed=0)
    batches = [(x[i : i + 32], y[i : i + 32]) for i in range(0, 256, 32)]
    best = [float("inf"), float("inf")]
    for _ in range(rounds):
        steppers: tuple[Callable[..., float], ...] = (net.train_on_batch, rival.step)
        for place, step in enumerate(steppers):
            start = time.perf_counter()
            for i in range(steps):
                step(*batches[i % 8])
            best[place] = min(best[place], (time.perf_counter() - start) / steps * 1e6)
    return best[0], best[1]


def main() -> None:
    """Runs the example."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--out", default="digits.png", help="where the learning curve is drawn")
    options = parser.parse_args()

    (x, y), (xt, yt) = fnn.datasets.digits()
    net = fnn.Sequential(
        [fnn.Dense(128, activation="relu"), fnn.Dense(10, activation="softmax")], input_shape=(64,), seed=0
    )
    net.compile(optimizer=fnn.Adam(1e-3), loss="cross_entropy", metrics=["accuracy"])
    net.summary()
    history = net.fit(x, y, batch_size=32, epochs=options.epochs, validation_data=(xt, yt))
    print(f"test accuracy {net.evaluate(xt, yt)['accuracy']:.4f} on {len(xt)} digits the network has not seen")
    draw(history, options.out)
    print(f"learning curve: {options.out}")
    ours, numpys = compare(x, y)
    print(
        f"a training step: fastnn {ours:.1f} us, the same in NumPy {numpys:.1f} us: {numpys / ours:.1f} times as long"
    )


if __name__ == "__main__":
    main()
