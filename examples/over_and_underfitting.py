"""Underfitting, just right and overfitting, of a curve, of points of two classes and of images; and what helps.

`python examples/over_and_underfitting.py [--seeds N] [--out FILE.png] [--short]`
Each row of the figure is a problem. Three networks learn from the same few samples: one that is too small, one of about
the right size, and one that is too large. Then remedies are applied to the first and the last, one at a time. The
fourth column has the overfitting network with the remedy, other than more samples, whose validation error is least; the
fifth the test errors of all, a dotted line the error of the best possible answer. Nothing is chosen on the test data.
Errors are means over seeds, each with its own samples and initial weights. The images are from Fashion-MNIST where it
is installed (see fastnn.datasets), else the bundled digits.
"""

import argparse
import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

import fastnn as fnn

COLOURS = {"underfitting": "tab:blue", "just right": "tab:green", "overfitting": "tab:red"}
PARTS = ("training", "validation", "test")
Data = list[tuple[np.ndarray, np.ndarray]]  # x and y of each part; a training takes the first samples of its own


@dataclass(frozen=True)
class Training:
    """A network of dense layers, and how it is trained."""

    width: int
    depth: int
    epochs: int
    rate: float
    samples: int = 1  # times those of the problem; each epoch then counts as many
    patience: int = 0  # of early stopping
    dropout: float = 0.0
    decay: float = 0.0
    smoothing: float = 0.0
    augmented: bool = False


class Problem(NamedTuple):
    """Data, networks and their error. floor: that of the best possible answer; 0 where it is not known."""

    data: Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]
    samples: int
    outputs: int
    measure: Callable[[np.ndarray, np.ndarray], float]
    floor: float
    augmentation: Callable[[], Sequence[fnn.Layer]]
    trainings: tuple[Training, Training, Training]


class Result(NamedTuple):
    """What a training gave. errors: of each part of the data."""

    net: fnn.Network
    history: fnn.History
    errors: list[float]


def curve(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A noisy sine."""
    x = random.uniform(-3, 3, (3200, 1))
    return x, np.sin(2 * x) + 0.3 * random.standard_normal(x.shape)


def points(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two arcs around each other; a tenth of the labels is wrong."""
    y, angle = random.integers(0, 2, 3200), random.uniform(0, 4, 3200)
    x = np.stack([np.cos(angle), np.sin(angle)], axis=1) * (1 - 2 * y[:, None]) + np.outer(y, [1, 0.4])
    return x + 0.15 * random.standard_normal(x.shape), np.where(random.random(len(y)) < 0.1, 1 - y, y)


def images(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Fashion-MNIST or digits, with pixels from 0 to 1."""
    x: np.ndarray
    try:
        (x, y), _ = fnn.datasets.fashion_mnist()
    except FileNotFoundError:
        (x, y), _ = fnn.datasets.digits()
        x = x.reshape(-1, 8, 8, 1)
    chosen = random.permutation(len(x))[:8000]
    return x[chosen] / np.float32(x.max()), y[chosen]


def parted(x: np.ndarray, y: np.ndarray) -> Data:
    """Half of the samples for training, an eighth for validation, the rest for the test."""
    ends = [len(x) // 2, len(x) * 5 // 8]
    return list(zip(np.split(x, ends), np.split(y, ends), strict=True))


def squared_error(p: np.ndarray, y: np.ndarray) -> float:
    """The mean of (p - y)^2."""
    return float(((p - y) ** 2).mean())


def error_rate(p: np.ndarray, y: np.ndarray) -> float:
    """How many of the classes are wrong."""
    return float((p.argmax(axis=1) != y).mean())


def cross_entropy(p: np.ndarray, y: np.ndarray) -> float:
    """The mean of -log p of the true class, without label smoothing."""
    return float(-np.log(p[np.arange(len(y)), y] + 1e-12).mean())


PROBLEMS = {
    "regression": Problem(
        *(curve, 20, 1, squared_error, 0.09, lambda: [fnn.GaussianNoise(0.2)]),
        (Training(2, 1, 600, 1e-2), Training(16, 2, 300, 1e-2), Training(64, 4, 800, 1e-2)),
    ),
    "classification": Problem(
        *(points, 80, 2, error_rate, 0.1, lambda: [fnn.GaussianNoise(0.2)]),
        (Training(1, 1, 120, 1e-2), Training(16, 2, 40, 1e-2), Training(128, 4, 300, 3e-3)),
    ),
    "deep learning": Problem(
        *(images, 500, 10, cross_entropy, 0.0, lambda: [fnn.RandomFlip(), fnn.RandomShift(2)]),
        (Training(2, 1, 60, 1e-3), Training(32, 1, 20, 1e-3), Training(256, 2, 50, 1e-3)),
    ),
}


def trainings(problem: Problem) -> dict[str, Training]:
    """The three networks; after the first and the last, each with one setting changed."""
    small, right, large = problem.trainings
    remedies = {
        "underfitting": small,
        "+ more units": replace(small, width=32),
        "+ longer training": replace(small, epochs=5 * small.epochs),
        "+ higher rate": replace(small, rate=10 * small.rate),
        "just right": right,
        "overfitting": large,
        "+ early stopping": replace(large, patience=large.epochs // 10),
        "+ dropout": replace(large, dropout=0.3),
        "+ weight decay": replace(large, decay=1.0),
        "+ label smoothing": replace(large, smoothing=0.1),
        "+ augmentation": replace(large, augmented=True),
        "+ more samples": replace(large, samples=8),
    }
    return {name: each for name, each in remedies.items() if problem.outputs > 1 or not each.smoothing}


def train(problem: Problem, how: Training, data: Data, seed: int, short: bool) -> Result:
    """Trains one network; early stopping looks at the validation data."""
    x, y = (each[: problem.samples * how.samples] for each in data[0])
    layers: list[fnn.Layer] = [
        *(problem.augmentation() if how.augmented else ()),
        *([fnn.Flatten()] if x.ndim > 2 else ()),
    ]
    for _ in range(how.depth):
        layers += [fnn.Dense(how.width, "silu"), *([fnn.Dropout(how.dropout)] if how.dropout else [])]
    regression = problem.outputs == 1
    layers.append(fnn.Dense(problem.outputs, None if regression else "softmax"))
    optimizer = fnn.AdamW(how.rate, weight_decay=how.decay) if how.decay else fnn.Adam(how.rate)
    loss = "mse" if regression else fnn.losses.CrossEntropy(label_smoothing=how.smoothing)
    net = fnn.Sequential(layers, input_shape=x.shape[1:], seed=seed)
    net.compile(optimizer, loss)
    stop = [fnn.EarlyStopping(patience=how.patience)] if how.patience else []
    epochs = max(3, how.epochs // how.samples // (20 if short else 1))
    history = net.fit(*(x, y, 32, epochs), validation_data=data[1], callbacks=stop, verbose=0, evaluate_training=True)
    return Result(net, history, [problem.measure(net.predict(part[0]), part[1]) for part in [(x, y), *data[1:]]])


def panel(axes: Any, title: str, problem: Problem, how: Training, data: Data, result: Result) -> None:
    """What a network learned: its curve, its regions, or its losses over the epochs."""
    axes.set_title(f"{title}\nerror: training {result.errors[0]:.2f}, test {result.errors[2]:.2f}", fontsize=10)
    x, y = (each[: problem.samples * how.samples] for each in data[0])
    small = {"s": 14 if how.samples == 1 else 5, "zorder": 3}
    if problem.data is curve:
        at = np.linspace(-3, 3, 400)[:, None]
        axes.plot(at, np.sin(2 * at), "--", color="gray", label="truth")
        axes.plot(at, result.net.predict(at), color="black", label="network")
        axes.scatter(x, y, color="tab:orange", label="training data", **small)
        axes.set(ylim=(-2.2, 2.2))
    elif problem.data is points:
        a, b = np.meshgrid(np.linspace(-1.6, 2.6, 160), np.linspace(-1.3, 1.7, 160))
        chance = result.net.predict(np.stack([a.ravel(), b.ravel()], axis=1))[:, 1].reshape(a.shape)
        axes.contourf(a, b, chance, [0, 0.5, 1], colors=["tab:purple", "tab:orange"], alpha=0.3)
        for number, colour in enumerate(("tab:purple", "tab:orange")):
            axes.scatter(
                *x[y == number].T, color=colour, edgecolor="white", linewidth=0.3, label=f"class {number}", **small
            )
        axes.set(xticks=[], yticks=[])
    else:
        for name, label, colour in (("train_loss", "training", "gray"), ("val_loss", "validation", "black")):
            values = result.history.history[name]
            axes.plot(np.arange(1, len(values) + 1), values, color=colour, label=label)
        axes.set(ylim=(0, 2.4), ylabel="loss over the epochs")


def bars(axes: Any, problem: Problem, names: list[str], errors: np.ndarray) -> None:
    """The test errors (trainings, seeds): their mean and range."""
    mean = errors.mean(axis=1)
    colour = ""
    for i, name in enumerate(names):
        colour = COLOURS.get(name, colour)
        axes.barh(i, mean[i], color=colour, alpha=1 if name in COLOURS else 0.5)
        axes.plot([errors[i].min(), errors[i].max()], [i, i], color="black", linewidth=1)
        axes.text(errors[i].max(), i, f" {mean[i]:.2f}", va="center", fontsize=8)
    if problem.floor:
        axes.axvline(problem.floor, color="black", linestyle=":", linewidth=1)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set(xlabel=f"{problem.measure.__name__.replace('_', ' ')}, test data", xlim=(0, 1.15 * errors.max()))
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)


def draw(found: dict[str, dict[str, list[Result]]], data: dict[str, Data], path: str) -> None:
    """The table of the docstring, with the networks of the first seed."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(17, 10), layout="constrained", dpi=110)
    grid = figure.subplots(3, 5, width_ratios=[1, 1, 1, 1, 0.95])
    for row, (title, results) in zip(grid, found.items(), strict=True):
        problem, names = PROBLEMS[title], list(results)
        errors = np.array([[each.errors for each in several] for several in results.values()])
        after = names.index("overfitting") + 1
        best = names[after + errors[after:-1, :, 1].mean(axis=1).argmin()]  # by validation; the last is more samples
        for axes, name in zip(row, [*COLOURS, best], strict=False):
            head = name if name in COLOURS else f"overfitting {name}"
            panel(axes, head, problem, trainings(problem)[name], data[title], results[name][0])
            axes.title.set_color(COLOURS.get(name, "black"))
        row[0].legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.09), ncols=3, frameon=False)
        row[0].set_ylabel(f"{title}\n{row[0].get_ylabel()}".strip(), fontsize=12)
        bars(row[-1], problem, names, errors[:, :, 2])
    figure.savefig(path)


def table(title: str, results: dict[str, list[Result]]) -> None:
    """Prints the errors before and after each remedy, and what `diagnose` says of the trainings."""
    problem, before = PROBLEMS[title], 0.0
    least = f", of the best possible answer {problem.floor:.2f}" if problem.floor else ""
    print(f"\n{title}, {problem.samples} samples: {problem.measure.__name__.replace('_', ' ')}{least}")
    print(f"{'':20}{''.join(f'{part:>11}' for part in PARTS)}  change  diagnosis")
    for name, several in results.items():
        errors = np.mean([each.errors for each in several], axis=0)
        before = errors[2] if name in COLOURS else before
        change = "" if name in COLOURS else f"{errors[2] / before - 1:+.0%}"
        ((kind, count),) = Counter(each.history.diagnose().kind for each in several).most_common(1)
        print(f"{name:20}{''.join(f'{e:11.3f}' for e in errors)} {change:>7}  {kind} ({count} of {len(several)})")


def main() -> None:
    """Runs the example."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each kind")
    parser.add_argument("--out", default="over_and_underfitting.png", metavar="FILE", help="the file of the figure")
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    if options.seeds < 1:
        parser.error(f"--seeds: must be 1 or more, got {options.seeds}")
    seeds = 1 if options.short else options.seeds
    kinds = {title: trainings(problem) for title, problem in PROBLEMS.items()}
    found: dict[str, dict[str, list[Result]]] = {title: {name: [] for name in each} for title, each in kinds.items()}
    first: dict[str, Data] = {}
    with tqdm(total=seeds * sum(map(len, kinds.values())), unit=" trainings") as progress:
        for seed, (title, problem) in itertools.product(range(seeds), PROBLEMS.items()):
            data = parted(*problem.data(np.random.default_rng(seed)))
            first.setdefault(title, data)
            for name, how in kinds[title].items():
                found[title][name].append(train(problem, how, data, seed, options.short))
                progress.update()
    for title, results in found.items():
        table(title, results)
    try:
        draw(found, first, options.out)
        print(f"\ndrawn: {options.out}")
    except ImportError as error:
        print(f"nothing is drawn: {error}")
    except (OSError, ValueError) as error:
        raise SystemExit(f"nothing is drawn: {error}") from None


if __name__ == "__main__":
    main()
