"""Trainings with a known fault, for benchmarks/diagnosis.py: how they are drawn, and by what measurements one is known.

A fault is put in: a network too small or too strongly regularized, one that is trained too long on too few samples or
on wrong labels, too high a rate, too few epochs, a handful of validation samples. Whether it is one is then measured
on many test samples that no training sees, with no help from `diagnose`: `truth`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np

import fastnn as fnn

KINDS = ("underfitting", "overfitting", "about right", "diverging", "still improving", "too noisy to say")
#: The most samples of a test part.
TEST = 2000
#: Clearly better: by this fraction of the test loss. As good as, and in agreement: within these. In between is no case.
CLEARLY, NEARLY, AGREEING = 0.2, 0.06, 0.12


class Part(NamedTuple):
    """Samples: what is given, and what is to be predicted."""

    x: np.ndarray
    y: np.ndarray


@dataclass(frozen=True)
class Case:
    """A training. rate: of the learning; wrong: the fraction of training and validation labels that are random."""

    fault: str
    data: str
    samples: int
    unseen: int
    widths: tuple[int, ...]
    epochs: int
    seed: int
    rate: float = 1e-3
    optimizer: str = "Adam"
    activation: str = "relu"
    batch: int = 32
    dropout: float = 0.0
    l2: float = 0.0
    wrong: float = 0.0
    evaluated: bool = False
    raised: float = 1.0


@cache
def table(name: str) -> Part:
    """All samples of a data set; values to predict are standardized, class numbers are integers."""
    if name == "digits":
        (x, y), (xt, yt) = fnn.datasets.digits()
        return Part(np.concatenate([x, xt]), np.concatenate([y, yt]))
    if name == "fashion":
        (pixels, labels), _ = fnn.datasets.fashion_mnist()
        return Part(pixels[30000:].reshape(-1, 784).astype(np.float32) / 255, labels[30000:])
    if name in ("affairs", "visits"):
        import statsmodels.datasets

        source, target = ("fair", "affairs") if name == "affairs" else ("randhie", "mdvis")
        frame = getattr(statsmodels.datasets, source).load_pandas().data
        y = (frame.pop(target).to_numpy() > 0).astype(np.int64)
        x = frame.to_numpy(float)
    else:
        from sklearn import datasets

        if name.startswith("friedman"):
            x, y = getattr(datasets, f"make_{name}")(8000, noise=0.0, random_state=0)
            y = y + 0.25 * y.std() * np.random.default_rng(1).standard_normal(len(y))
        elif name == "quantiles":
            x, y = datasets.make_gaussian_quantiles(n_samples=8000, n_features=6, n_classes=4, random_state=0)
        elif name == "clusters":
            options = {"n_informative": 8, "n_classes": 5, "n_clusters_per_class": 3, "class_sep": 1.2}
            x, y = datasets.make_classification(8000, 20, random_state=0, **options)
        else:
            x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    x = (x - x.mean(axis=0)) / (x.std(axis=0) + 1e-9)
    return Part(x.astype(np.float32), standardized(y) if y.dtype.kind == "f" else y)


def standardized(y: Any) -> Any:
    """With mean 0 and variance 1."""
    return ((y - y.mean()) / y.std()).astype(np.float32)


def parts(case: Case) -> tuple[Part, Part, Part]:
    """Training, validation and test samples. Labels are made wrong in all three, at random: the task is a noisy one."""
    x, y = table(case.data)
    rng = np.random.default_rng(case.seed)
    order = rng.permutation(len(x))[: case.samples + case.unseen + TEST]
    x, y = x[order], y[order].copy()
    wrong = rng.random(len(y)) < case.wrong
    if y.dtype.kind == "f":
        y[wrong] = rng.permutation(y)[wrong]
    else:
        y[wrong] = rng.integers(0, y.max() + 1, wrong.sum())
    cuts = np.split(np.arange(len(x)), [case.samples, case.samples + case.unseen])
    first, second, third = (Part(x[cut], y[cut]) for cut in cuts)
    return first, second, third


def network(case: Case, test: Part) -> fnn.Sequential:
    """The network of a case, compiled."""
    layers: list[Any] = []
    for width in case.widths:
        layers += [fnn.Dense(width, case.activation, l2=case.l2)]
        if case.dropout:
            layers.append(fnn.Dropout(case.dropout))
    values = test.y.dtype.kind == "f"
    classes = 1 if values else int(table(case.data).y.max()) + 1
    layers.append(fnn.Dense(classes, "identity" if values else "softmax", l2=case.l2))
    net = fnn.Sequential(layers, input_shape=test.x.shape[1:], seed=case.seed)
    return net.compile(getattr(fnn, case.optimizer)(case.rate), "mse" if values else "cross_entropy")


def losses(net: fnn.Network, part: Part) -> np.ndarray:
    """The loss of each sample."""
    y = net.predict(part.x)
    if part.y.dtype.kind == "f":
        return np.asarray((y[:, 0].astype(float) - part.y) ** 2)
    return np.asarray(-np.log(np.maximum(y[np.arange(len(y)), part.y], 1e-9)))


class Watch(fnn.Callback):
    """After each epoch the mean loss on the training samples, and the loss of each test sample."""

    def __init__(self, train: Part, test: Part) -> None:
        self.train, self.test = train, test
        self.on_train: list[float] = []
        self.on_test: list[np.ndarray] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        self.on_train.append(float(losses(self.net, self.train).mean()))
        self.on_test.append(losses(self.net, self.test))


class Training:
    """A case that is trained, and what is measured on all of its samples meanwhile."""

    def __init__(self, case: Case) -> None:
        self.case, self.failed = case, False
        self.train, self.unseen, self.test = parts(case)
        self.net = network(case, self.test)
        watch = Watch(self.train, self.test)
        options: dict[str, Any] = {"validation_data": self.unseen, "evaluate_training": case.evaluated}
        try:
            self.net.fit(*self.train, case.batch, case.epochs, callbacks=[watch], verbose=0, **options)
        except FloatingPointError:
            self.failed = True
        self.history = self.net.history
        self.on_train, self.each = np.array(watch.on_train), np.array(watch.on_test)
        self.on_test = np.array([each.mean() for each in watch.on_test])

    def longer(self) -> float:
        """The least test loss in as many epochs again."""
        watch = Watch(self.train, self.test)
        self.net.fit(*self.train, self.case.batch, self.case.epochs, callbacks=[watch], verbose=0)
        return float(min(each.mean() for each in watch.on_test))


def changed(case: Case, **changes: Any) -> float:
    """The least test loss of any epoch, with these changes."""
    return float(min(Training(replace(case, **changes)).on_test, default=np.inf))


def constant_loss(case: Case, train: Part) -> float:
    """The training loss of the best constant prediction."""
    if train.y.dtype.kind == "f":
        return float(train.y.var())
    share = np.bincount(train.y) / len(train.y)
    return float(-np.log(share[train.y]).mean())


def freer(case: Case) -> float:
    """The least test loss of a larger network without any regularization."""
    widths = tuple(max(64, 4 * width) for width in case.widths) or (64,)
    return changed(case, widths=widths, dropout=0.0, l2=0.0, rate=min(case.rate, 3e-3))


def tamer(case: Case) -> float:
    """The least test loss of a smaller network, and of regularized ones."""
    smaller = tuple(max(4, width // 4) for width in case.widths)
    changes = ({"widths": smaller}, {"dropout": 0.4}, {"l2": 3e-3})
    return min(changed(case, **change) for change in changes)


def truth(run: Training, kind: str) -> bool:
    """Whether the measurements show that this is what the training is."""
    case = run.case
    if kind == "diverging":
        constant = constant_loss(case, run.train)
        above = run.failed or run.on_train[-1] > constant
        return above and changed(case, rate=case.rate / case.raised) < (1 - CLEARLY) * constant
    if run.failed:
        return False
    end, best, on_train = float(run.on_test[-1]), float(run.on_test.min()), float(run.on_train[-1])
    if kind == "too noisy to say":
        return hidden(run)
    if kind == "overfitting":
        over = best < (1 - NEARLY) * end or run.longer() > (1 - NEARLY) * end
        return over and on_train < (1 - CLEARLY) * end and min(best, tamer(case)) < (1 - CLEARLY) * end
    if kind == "underfitting":
        agree = abs(end - on_train) < AGREEING * end
        return agree and freer(case) < (1 - CLEARLY) * end and run.longer() > (1 - NEARLY) * end
    if kind == "still improving":
        return best > (1 - NEARLY) * end and run.longer() < (1 - CLEARLY) * end
    least = (1 - NEARLY) * end
    return best > least and run.longer() > least and freer(case) > least and tamer(case) > least


def hidden(run: Training) -> bool:
    """Whether so few validation samples show nothing: all differences are within two standard errors, which are large.

    The differences are those between training and test loss, between the best and the last epoch, and between the
    last epoch and that at two thirds.
    """
    last, n = run.each[-1], run.case.unseen
    differences = (
        last - run.on_train[-1],
        last - run.each[run.on_test.argmin()],
        last - run.each[len(run.each) * 2 // 3],
    )
    unseen = all(abs(each.mean()) <= 2 * each.std() / n**0.5 for each in differences)
    return unseen and bool(last.std() / n**0.5 > 0.25 * last.mean())


def drawn(kind: str, names: tuple[str, ...], held_out: bool, seed: int) -> Case:
    """A training that this kind of fault was put into. held_out: with other networks than those tuned on."""
    rng = np.random.default_rng([seed, KINDS.index(kind), held_out])

    def one(*values: Any) -> Any:
        return values[rng.integers(len(values))]

    name = one(*names)
    known = len(table(name).x)
    few, many = (min(known // 4, count) for count in (one(100, 200, 300), one(800, 1500, 2500)))
    many = max(many, known // 2) if known < 2000 else many
    widths = one((40,), (80,), (56, 28)) if held_out else one((32,), (64,), (64, 32))
    activation = one("relu", "tanh", "elu") if held_out else "relu"
    base = Case("", name, many, min(known // 5, one(150, 300, 600)), widths, 60, seed, activation=activation)
    base = replace(base, evaluated=one(False, True), wrong=one(0.0, 0.0, 0.15, 0.3))
    if kind == "underfitting":
        changes = (
            ("narrow", {"widths": one((1,), (2,), (1, 8), *((3,), (2, 16)) * held_out)}),
            ("linear", {"widths": ()}),
            ("l2", {"l2": one(0.03, 0.1, 0.3)}),
            ("dropout", {"dropout": one(0.85, 0.92)}),
        )
        fault, change = one(*changes)
        return replace(base, fault=fault, rate=one(2e-3, 5e-3), epochs=one(40, 60, 80), wrong=one(0.0, 0.1), **change)
    if kind == "overfitting":
        large = one((320,), (160, 80), (96, 96, 96)) if held_out else one((128,), (256,), (256, 128))
        fault = "few samples, wrong labels" if base.wrong else "few samples"
        return replace(base, fault=fault, samples=few, widths=large, epochs=one(60, 100, 150), rate=one(1e-3, 3e-3))
    if kind == "diverging":
        optimizer, rate = one(("SGD", 0.05), ("Adam", 1e-3), ("RMSprop", 1e-3) if held_out else ("Adam", 2e-3))
        raised = one(30.0, 100.0, 300.0, 1000.0)
        return replace(
            base,
            fault=f"rate x {raised:g}",
            rate=rate * raised,
            raised=raised,
            optimizer=optimizer,
            epochs=one(8, 15, 30),
        )
    if kind == "still improving":
        optimizer, rate = one(("Adam", 1e-3), ("Adam", 1e-4), ("SGD", 0.01), ("Adam", 3e-4))
        return replace(base, fault="few epochs", optimizer=optimizer, rate=rate, epochs=one(4, 8, 15, 30))
    base = replace(base, dropout=one(0.0, 0.2), l2=one(0.0, 1e-4, 1e-3))
    curve = Training(replace(base, epochs=100)).on_test
    base = replace(base, epochs=max(6, int(curve.argmin()) + 1))
    if kind == "too noisy to say":
        return replace(base, fault="few validation samples", unseen=one(4, 6, 10, 16))
    return replace(base, fault="none")
