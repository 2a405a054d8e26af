"""Evidence: what the curves of a training show, in numbers, for a diagnosis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fastnn.model.facts import Facts

#: The losses of samples vary by about this many times their mean, for cross-entropy and squared errors alike.
SPREAD = 1.5
#: What is divided by is at least this.
TINY = 1e-12


@dataclass(frozen=True)
class Evidence:
    """Numbers about curves without penalties. Unless said otherwise, they are fractions of the loss at the end.

    Losses are counted from that of perfect outputs, which is not 0 for all. NaN stands for what is unknown.

    training, validation: losses at the end, as in prediction where the logs show it. baseline: the loss of the best
    constant prediction. level, validation_level: the losses, and peak: the greatest one of an epoch, as fractions of
    the baseline. relapse: the training loss, with penalties, above its best, as a fraction of the baseline. best_epoch:
    of the validation. rise: the validation loss above its best. gap: validation minus training loss. gain,
    training_gain: what as many epochs again would take off the validation and the training loss. noise, training_noise:
    their changes from epoch to epoch, around the trend. rises: the fraction of the epochs in which the training loss
    rose. error: the standard error of the validation loss.
    """

    epochs: int
    training: float
    baseline: float
    level: float
    peak: float
    relapse: float
    training_gain: float
    training_noise: float
    rises: float
    validation: float = math.nan
    validation_level: float = math.nan
    best_epoch: float = math.nan
    rise: float = math.nan
    gap: float = math.nan
    gain: float = math.nan
    noise: float = math.nan
    error: float = math.nan


def measured(epochs: Sequence[int], history: Mapping[str, Sequence[float]], facts: Facts | None) -> Evidence:
    """The evidence of finite curves of at least three epochs. Without facts the first epoch's loss is the baseline."""
    seen = _loss(history, "")
    t = _loss(history, "train_") if "train_loss" in history else _at_epoch_ends(seen)
    # Strong penalties are minimized at the cost of the loss, which is no relapse.
    two_networks = np.isnan(history.get("penalty", 0.0)).any()
    objective = t if two_networks else np.array(history.get("train_loss", history["loss"]), float)
    baseline, least = (facts.constant_losses() if facts else None) or (float(seen[0]), 0.0)
    span, training = max(baseline - least, TINY), _end(t)
    above = max(training - least, TINY)
    found: dict[str, float] = {
        "training": training,
        "baseline": baseline,
        "level": (training - least) / span,
        "peak": float(seen.max() - least) / span,
        "relapse": (_end(objective) - _best(objective)) / span,
        "training_gain": _gain(t) / above,
        "training_noise": _noise(t) / above,
        "rises": float((np.diff(t) > 0).mean()),
    }
    if "val_loss" in history:
        every = _loss(history, "val_")
        places = np.flatnonzero(~np.isnan(every))
        v = every[places]
        validation = _end(v)
        above = max(validation - least, TINY)
        found |= {
            "validation": validation,
            "validation_level": (validation - least) / span,
            "best_epoch": epochs[places[v.argmin()]],
            "rise": (validation - _best(v)) / above,
            "gap": (validation - training) / above,
            "gain": _gain(v) / above,
            "noise": _noise(v) / above,
            "error": SPREAD / facts.validation_samples**0.5 if facts and facts.validation_samples else math.nan,
        }
    return Evidence(len(t), **found)


def _loss(history: Mapping[str, Sequence[float]], prefix: str) -> np.ndarray:
    """The loss of that prefix without penalties."""
    penalty = np.nan_to_num(history.get(f"{prefix}penalty", 0.0))  # NaN for a network without one, of two
    return np.subtract(history[f"{prefix}loss"], penalty, dtype=float)


def _at_epoch_ends(means: np.ndarray) -> np.ndarray:
    """Means over epochs as they would be at the epochs' ends, where the validation loss is measured."""
    ends = means.copy()
    ends[:-1] = (means[:-1] + means[1:]) / 2
    before, last = means[-3] - means[-2], means[-2] - means[-1]
    if last > 0:
        ends[-1] -= last / 2 * min(1.0, last / before if before > 0 else 1.0)
    return ends


def _window(curve: np.ndarray) -> int:
    return max(1, len(curve) // 10)


def _end(curve: np.ndarray) -> float:
    """The mean of the last tenth."""
    return float(curve[-_window(curve) :].mean())


def _best(curve: np.ndarray) -> float:
    """The least of the means over a tenth, and over less near the ends."""
    half = _window(curve) // 2
    reaches = [min(half, i, len(curve) - 1 - i) for i in range(len(curve))]
    return min(float(curve[i - reach : i + reach + 1].mean()) for i, reach in enumerate(reaches))


def _noise(curve: np.ndarray) -> float:
    """The standard deviation around the trend, by the median of second differences, which outliers do not move."""
    return float(np.median(np.abs(np.diff(curve, 2))) / 0.6745 / math.sqrt(6))


def _gain(curve: np.ndarray) -> float:
    """What as many epochs again would take off, if each quarter takes off the same fraction of the one before."""
    n = len(curve)
    half, later, end = (_line(curve, place * n) for place in (0.5, 0.75, 1.0))
    before, last = half - later, later - end
    if last <= 0:
        return 0.0
    ratio = min(0.8, last / before) if before > 0 else 0.8
    return last * sum(ratio**quarter for quarter in range(1, 5))


def _line(curve: np.ndarray, place: float) -> float:
    """The curve after `place` epochs, by a straight line through the quarter before; interpolated where that is short.

    Straight lines over quarters take the noise of single epochs out.
    """
    n, numbers = len(curve), np.arange(1, len(curve) + 1)
    near = (numbers > place - 0.28 * n) & (numbers <= place)
    if near.sum() < 3:
        return float(np.interp(place, numbers, curve))
    slope, start = np.polyfit(numbers[near], curve[near], 1)
    return float(start + slope * place)
