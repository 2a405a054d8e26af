"""The commands of the command line."""

import csv
import io
import os
import time
from argparse import Namespace
from collections.abc import Callable

import numpy as np

from fastnn import Adam, Dense, Sequential, datasets
from fastnn.cli import tables
from fastnn.cli.preprocessing import KEY, Preprocessing, Scaler, split, targets
from fastnn.common import checks
from fastnn.network import load

#: The fraction of a table's rows that is held out.
VALIDATION = 0.2

Pair = tuple[np.ndarray, np.ndarray]
#: A compiled network, the training data, the held-out data, and the report after training.
Work = tuple[Sequential, Pair, Pair, Callable[[], str]]


def train(options: Namespace) -> None:
    """Trains on the digits or on a CSV file, reports on the held-out data, and saves."""
    if options.save:  # before the work, not after it
        _check_destination(options.save, options.data)
    net, (x, y), held, report = (_digits if options.data == "digits" else _table)(options)
    start = time.perf_counter()
    net.fit(x, y, options.batch_size, options.epochs, validation_data=held)
    seconds = time.perf_counter() - start
    lines = [
        report(),
        f"{len(x) * options.epochs / seconds:,.0f} samples/s, {seconds:.2f} s for {options.epochs} epochs",
    ]
    if options.save:  # before anything is printed, perhaps to a closed pipe
        net.save(options.save)
        lines.append(f"saved to {options.save}")
    print(*lines, sep="\n")


def _check_destination(path: str, data: str) -> None:
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise ValueError(f"--save: there is no folder {folder}")
    if os.path.isdir(path):
        raise ValueError(f"--save: {path} is a folder; expected a file")
    if not os.access(folder, os.W_OK):
        raise ValueError(f"--save: the folder {folder} cannot be written to")
    if os.path.exists(path) and os.path.exists(data) and os.path.samefile(path, data):
        raise ValueError(f"--save: {path} is the data file; choose another name")


def _digits(options: Namespace) -> Work:
    if options.target or options.task or options.validation != VALIDATION:
        raise ValueError("--target, --task and --validation are for CSV files; digits has its own labels and test part")
    data, test = datasets.digits()
    net = _network(options, data[0], Dense(10, activation="softmax"), "cross_entropy", ["accuracy"])

    def report() -> str:
        result = net.evaluate(*test)
        return f"test accuracy {result['accuracy']:.4f}, loss {result['loss']:.4f}"

    return net, data, test, report


def _table(options: Namespace) -> Work:
    table = tables.read(options.data, target=options.target)
    y, classes = targets(table, options.target, options.task)
    train, held = split(y if classes else np.zeros(len(y)), options.validation, options.seed)
    known = Preprocessing(table.features, Scaler.of(table.numbers[train]), options.target, classes)
    x = known.inputs(table)
    if classes:
        net = _network(options, x, Dense(len(classes), activation="softmax"), "cross_entropy", ["accuracy"])
        goal = y
    else:
        scaler = Scaler.of(y[train, None])
        known.target_mean, known.target_scale = float(scaler.mean[0]), float(scaler.scale[0])
        net = _network(options, x, Dense(1), "mse", [])
        goal = scaler.standardise(y[:, None])
    net.metadata[KEY] = known.describe()

    def report() -> str:
        if classes:
            accuracy = np.mean(net.classify(x[held]) == y[held])
            most = np.mean(y[held] == np.bincount(y[train]).argmax())
            return f"validation accuracy {accuracy:.4f}; the most frequent class has {most:.4f}"
        error = known.values(net.predict(x[held])) - y[held]
        blind = known.target_mean - y[held]
        return (
            f"validation RMSE {_rms(error):.6g}, MAE {np.abs(error).mean():.6g}; "
            f"predicting the mean: {_rms(blind):.6g}, {np.abs(blind).mean():.6g}"
        )

    return net, (x[train], goal[train]), (x[held], goal[held]), report


def _rms(error: np.ndarray) -> float:
    return float(np.sqrt(np.mean(error**2)))


def _network(options: Namespace, x: np.ndarray, last: Dense, loss: str, metrics: list[str]) -> Sequential:
    hidden = [Dense(units, activation="relu") for units in options.hidden]
    net = Sequential([*hidden, last], input_shape=x.shape[1:], seed=options.seed)
    net.compile(Adam(options.lr), loss, metrics)
    return net


def predict(options: Namespace) -> None:
    """Prints as CSV the predictions of a network for the rows of a file with the same columns."""
    net = load(options.model)
    try:
        known = Preprocessing.restore(net)
    except ValueError as error:
        raise ValueError(f"{options.model}: {error}") from None
    if options.probabilities and not known.classes:
        raise ValueError(f"--probabilities: {options.model} predicts values, not classes")
    table = tables.read(options.data, known.features)
    x = known.inputs(table)
    names = [known.target]
    if known.classes:
        columns = [[known.classes[label] for label in net.classify(x)]]
    else:
        columns = [[f"{value:.12g}" for value in known.values(net.predict(x))]]
    if options.probabilities:
        names += [f"P({name})" for name in known.classes]
        columns += [[f"{p:.6g}" for p in column] for column in net.predict(x).T]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([names, *zip(*columns, strict=True)])
    print(text.getvalue(), end="")


def bench(options: Namespace) -> None:
    """Compares the speed of fastnn with pure NumPy."""
    from fastnn.bench import run

    run(options.threads, checks.real("--seconds", options.seconds, 0))
