"""From a table's columns to a network's input and target, and back from its output. Model files keep it as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn.cli.tables import Table, is_number, number, shown
from fastnn.common import checks
from fastnn.common.randomness import Purpose, checked_seed, generator
from fastnn.network import Network

#: The kinds of a target column.
TASKS = ("classification", "regression")
#: A target of at most this number of different integers holds class numbers.
MOST_CLASSES = 20
#: The smallest positive float64.
LEAST_SCALE = 5e-324
#: The key in a network's metadata.
KEY = "table"


@dataclass
class Scaler:
    """z = (x - mean) / scale for columns of x (rows, columns), in float64."""

    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, x: np.ndarray) -> Scaler:
        """Mean and standard deviation of each column; the scale of a constant column is 1, and its z are 0."""
        mean, scale = x.mean(axis=0), x.std(axis=0)
        constant = (x == x[0]).all(axis=0) | (scale == 0)  # rounding may leave a constant column a scale
        return cls(np.where(constant, x[0], mean), np.where(constant, 1.0, scale))

    def standardise(self, x: np.ndarray) -> np.ndarray:
        """z as float32; infinite beyond its range."""
        with np.errstate(over="ignore"):
            z: np.ndarray = ((x - self.mean) / self.scale).astype(np.float32)
        return z


def targets(table: Table, name: str, task: str | None) -> tuple[np.ndarray, list[str]]:
    """A table's target column: labels int64 (rows,) and the names of classes, or values float64 (rows,) and no names.

    task: None chooses classification for text and for at most 20 different integers, and regression for other numbers.
    Raises ValueError for a cell that is empty, not finite or, in a regression, not a number, and if all are the same.
    """
    keys: list[Any] = [_key(cell, table.place(row, name)) for row, cell in enumerate(table.target)]
    distinct = set(keys)
    numbers = {key for key in distinct if not isinstance(key, str)}
    if task is None:
        few = len(numbers) <= MOST_CLASSES and all(isinstance(key, int) for key in numbers)
        task = "classification" if few else "regression"
    if len(distinct) == 1:
        cell = shown(table.target[0])
        raise ValueError(f"{table.path}: column {shown(name)}: has one value, {cell}, in all rows ({len(keys)})")
    if task == "regression":
        for row, key in enumerate(keys):
            if isinstance(key, str):
                place = table.place(row, name)
                raise ValueError(f"{place}: {shown(key)} is not a number; --task classification reads it as a class")
        return np.array(keys, np.float64), []
    if len(numbers) < len(distinct):  # where one class is text, all are
        keys = table.target
        distinct = set(keys)
    index = {key: label for label, key in enumerate(sorted(distinct))}
    return np.array([index[key] for key in keys]), list(map(str, index))


def _key(cell: str, place: str) -> int | float | str:
    """The same key for cells of the same class: 1, 1.0 and 01 have one; that of text is the text."""
    if cell and not is_number(cell):
        return cell
    value = number(cell, place)
    if not value.is_integer():
        return value
    try:
        return int(cell)  # exact, where a float is not
    except ValueError:
        return int(value)


def split(strata: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers to train on, and to hold out: a fraction of all rows and of each stratum, drawn by the seed.

    The first row of a stratum is never held out. Raises ValueError where there are too few rows to hold one out.
    """
    if not 0 < share < 1:
        raise ValueError(f"--validation must be a fraction between 0 and 1, got {share}")
    order = generator(checked_seed(seed), Purpose.SPLIT, 0).permutation(len(strata))
    order = order[np.argsort(strata[order], kind="stable")]
    steps = np.floor(np.arange(len(order) + 1) * share)
    held = steps[1:] > steps[:-1]
    firsts = np.unique(strata[order], return_index=True)[1]
    held[firsts] = False
    if not held.any():
        raise ValueError(
            f"--validation {share:g} of {len(order)} rows leaves none for validation: the first row of each class "
            f"({len(firsts)}) is always used for training"
        )
    return np.sort(order[~held]), np.sort(order[held])


@dataclass
class Preprocessing:
    """The columns of the input and their scaler; the target, and the names of its classes or else its scaler."""

    features: list[str]
    scaler: Scaler
    target: str
    classes: list[str]
    target_mean: float = 0.0
    target_scale: float = 1.0

    def inputs(self, table: Table) -> np.ndarray:
        """The table's numbers, standardised, float32. Raises ValueError for a number too large."""
        x = self.scaler.standardise(table.numbers)
        far = np.argwhere(~np.isfinite(x))
        if len(far):
            row, column = far[0]
            place, value = table.place(row, self.features[column]), table.numbers[row, column]
            raise ValueError(f"{place}: {value:g} is too far from the training data for float32")
        return x

    def values(self, outputs: np.ndarray) -> np.ndarray:
        """A regression's outputs (rows, 1) in the target's units, float64 (rows,)."""
        values: np.ndarray = outputs[:, 0].astype(np.float64) * self.target_scale + self.target_mean
        return values

    def describe(self) -> dict[str, Any]:
        """As plain JSON."""
        entries: dict[str, Any] = {
            "features": self.features,
            "mean": self.scaler.mean.tolist(),
            "scale": self.scaler.scale.tolist(),
            "target": self.target,
        }
        if self.classes:
            return {**entries, "task": "classification", "classes": self.classes}
        spread = {"target_mean": self.target_mean, "target_scale": self.target_scale}
        return {**entries, "task": "regression", **spread}

    @classmethod
    def restore(cls, net: Network) -> Preprocessing:
        """The preprocessing in a network's metadata. Raises ValueError if it is invalid or does not fit the network."""
        entries = net.metadata.get(KEY)
        if not isinstance(entries, dict):
            raise ValueError("the model has no columns; predict needs a model that was trained on a CSV file")
        try:
            made = cls._parse(entries)
        except (TypeError, ValueError) as error:
            raise ValueError(f"the model's columns are not valid: {error}") from None
        shapes = (len(made.features),), (len(made.classes) or 1,)
        if shapes != (net.input_shape, net.output_shape):
            own = f"{net.input_shape} and {net.output_shape}"
            raise ValueError(f"the model's columns need the shapes {shapes[0]} and {shapes[1]}, its network has {own}")
        return made

    @classmethod
    def _parse(cls, entries: dict[str, Any]) -> Preprocessing:
        def names(key: str, least: int) -> list[str]:
            found = checks.listed(key, entries.get(key), str, "names")
            if len(found) < least or len(set(found)) < len(found):
                raise ValueError(f"{key} must be names, at least {least}, each once")
            return found

        def real(key: str, value: Any) -> float:
            return checks.real(key, value, LEAST_SCALE if key.endswith("scale") else -checks.LARGEST)

        def reals(key: str) -> np.ndarray:
            found = [real(key, value) for value in checks.listed(key, entries.get(key), object, "numbers")]
            if len(found) != len(features):
                raise ValueError(f"{key} must have {len(features)} numbers, one for each feature, not {len(found)}")
            return np.array(found)

        features, target = names("features", 1), entries.get("target")
        if not isinstance(target, str):
            raise TypeError(f"target must be a name, got {target!r}")
        scaler = Scaler(reals("mean"), reals("scale"))
        if checks.known("task", entries.get("task"), TASKS) == "classification":
            return cls(features, scaler, target, names("classes", 2))
        spread = [real(key, entries.get(key)) for key in ("target_mean", "target_scale")]
        return cls(features, scaler, target, [], *spread)
