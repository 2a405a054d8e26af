"""Diagnosis: what the learning curves of a training say of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from fastnn.model.evidence import Evidence, measured
from fastnn.model.facts import Facts
from fastnn.model.remedies import remedies

#: The fewest epochs from which anything follows.
FEWEST = 3


@dataclass(frozen=True)
class Diagnosis:
    """What `History.diagnose` finds; printed, a short report.

    Parameters
    ----------
    kind : str
        "underfitting", "overfitting", "about right", "diverging", "still improving" or "too noisy to say".
    evidence : dict of str to float
        The numbers behind it; see the guide. Losses are without penalties. What is unknown is left out.
    remedies : tuple of str
        What to try, most promising first: a sentence, a colon and a call, in which net is the network, (x, y) are the
        training and (xv, yv) the validation data.
    unknown : tuple of str
        What would have made it surer.

    Examples
    --------
    >>> import fastnn as fnn
    >>> history = fnn.History()
    >>> for epoch, loss in enumerate([1.0, 0.6, 0.4, 0.3, 0.2, 0.1]):
    ...     history.record(epoch, {"loss": loss, "val_loss": [1.0, 0.7, 0.6, 0.7, 0.9, 1.2][epoch]})
    >>> diagnosis = history.diagnose()
    >>> diagnosis.kind, diagnosis.evidence["best_epoch"]
    ('overfitting', 2)
    """

    kind: str
    evidence: dict[str, float]
    remedies: tuple[str, ...]
    unknown: tuple[str, ...] = ()

    def __str__(self) -> str:
        shown = {
            name: f"{value:.0f}" if 1000 <= value < 1e9 else f"{value:.3g}" for name, value in self.evidence.items()
        }
        numbers = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in shown.items())
        lines = [self.kind, f"  evidence: {numbers}"]
        lines += [f"  unknown: {'; '.join(self.unknown)}"] if self.unknown else []
        return "\n".join([*lines, *(f"  {i}. {remedy}" for i, remedy in enumerate(self.remedies, 1))])


def diagnosed(
    epochs: Sequence[int], history: Mapping[str, Sequence[float]], facts: Facts | None, failed: bool
) -> Diagnosis:
    """The diagnosis of a training, which may have failed because its loss was no longer finite.

    Raises ValueError for too few epochs, and without validation data where only these could tell.
    """
    if np.isnan(history.get("train_loss", ())).any():  # of one of two fits
        history = {name: values for name, values in history.items() if not name.startswith("train_")}
    losses = [np.array(history[name], float) for name in ("loss", "train_loss", "val_loss") if name in history]
    if failed or any(np.isinf(each).any() for each in losses) or (losses and np.isnan(losses[0]).any()):
        last = next((float(each) for each in losses[0][::-1] if math.isfinite(each)), math.nan) if losses else math.nan
        numbers = _known({"epochs": len(epochs), "training": last}, facts)
        return Diagnosis("diverging", numbers, remedies("diverging", numbers, facts))
    count = min((int((~np.isnan(each)).sum()) for each in losses), default=0)
    if count < FEWEST or "loss" not in history:
        raise ValueError(f"diagnose: needs the loss of at least {FEWEST} epochs, got {count}")
    evidence = measured(epochs, history, facts)
    # Dropout, noise and augmentation make the training loss larger than in prediction.
    comparable = "train_loss" in history or facts is None or not facts.randomized
    kind = _kind(evidence, facts, comparable)
    numbers = _known(asdict(evidence), facts)
    return Diagnosis(kind, numbers, remedies(kind, numbers, facts), _unknown(history, facts, comparable))


def _known(numbers: dict[str, float], facts: Facts | None) -> dict[str, float]:
    """The numbers without those that are unknown, and with what the fit noted."""
    if facts is not None:
        rate = math.nan if facts.learning_rate is None else facts.learning_rate
        numbers = {**numbers, "learning_rate": rate, "parameters": facts.parameters}
        numbers |= {"samples": facts.samples or math.nan, "validation_samples": facts.validation_samples or math.nan}
    return {name: value for name, value in numbers.items() if not math.isnan(value)}


def _kind(e: Evidence, facts: Facts | None, comparable: bool) -> str:
    if _diverges(e, facts, comparable):
        return "diverging"
    if math.isnan(e.validation):
        return _without_validation(e, facts)
    if e.error > 0.25 or e.noise > 0.3:
        return "too noisy to say"
    if _overfits(e):
        return "overfitting"
    if _improves(e):
        return "still improving"
    return "underfitting" if _underfits(e, facts, comparable) else "about right"


def _without_validation(e: Evidence, facts: Facts | None) -> str:
    if e.training_gain > 0.12:
        return "still improving"
    if e.training_gain < 0.02 and e.level > _high(facts) and (_restricted(facts) or _small(facts)):
        return "underfitting"
    raise ValueError(
        "diagnose: the training loss alone cannot tell overfitting from a good fit; "
        "train with validation_data=(x, y) or validation_split=0.2"
    )


def _diverges(e: Evidence, facts: Facts | None, comparable: bool) -> bool:
    """The training loss is no better than a constant's and unsteady, exploded before, or rose again by much."""
    # Of few validation samples the loss is unsteady in any case, and so is that of training with dropout.
    noise = 0.0 if math.isnan(e.noise) or e.error > 0.2 else e.noise
    unsteady = max(noise, e.training_noise) if comparable else min(noise, e.training_noise)
    falling = e.training_gain > 0.05 and e.rises < 0.25 and unsteady < 0.3
    if not falling and ((e.level > 0.98 and unsteady > 0.004) or (e.level > 0.85 and unsteady > 0.02)):
        return True
    if comparable and e.relapse > 0.15:
        return True
    exploded = e.peak > 15 and facts is not None and not facts.randomized
    return exploded and max(e.level, 0.0 if math.isnan(e.validation_level) else e.validation_level) > 0.9


def _overfits(e: Evidence) -> bool:
    """The validation loss is above its best by more than chance, or far above a training loss that is low."""
    if e.gap < 0.1:
        return False
    # Where the loss is low, few samples make most of it, so that it varies more.
    error = 0.0 if math.isnan(e.error) else e.error * max(1.0, 0.67 / max(e.validation_level, 1e-9) ** 0.5)
    chance = max(0.4 * error, 2 * e.noise / max(1, e.epochs // 10) ** 0.5)
    rising = e.rise > max(0.09 if e.gap < 0.6 else 0.03, chance if e.gap < 0.6 else 0.4 * error)
    memorized = e.gap > 0.8 and e.gain < 0.12 and (e.level < 0.001 or e.validation_level > 0.15)
    parting = e.gap > 0.85 and e.gain < 0.04 and e.training_gain > 0.5
    apart = e.validation_level - e.level > 0.45 and e.level < 0.8
    return rising or memorized or parting or apart


def _improves(e: Evidence) -> bool:
    """As many epochs again would take off much; less is enough where training and validation still agree."""
    if e.rise > 0.06:
        return False
    chance = 2 * e.noise / max(1.0, e.epochs / 4) ** 0.5
    if e.gain > 0.12 + chance + 0.25 * max(0.0, e.gap - 0.3) and e.training_gain > 0.05:
        return True
    return e.gain > 0.06 and e.training_gain > 0.08 and e.gap < 0.1


def _underfits(e: Evidence, facts: Facts | None, comparable: bool) -> bool:
    """Training and validation loss agree, fall no longer and are high, and the network cannot do better.

    A high loss alone may be the noise of the data.
    """
    if _restricted(facts):
        return e.gap < 0.25 and e.gain < 0.06 and e.training_gain < 0.15 and e.level > 0.08
    return comparable and e.gap < 0.05 and e.training_gain < 0.02 and e.level > _high(facts) and _small(facts)


def _restricted(facts: Facts | None) -> bool:
    """Whether the network is linear, has a layer that is narrow for its outputs, or is strongly regularized."""
    if facts is None:
        return False
    return facts.narrowest < max(3, facts.outputs / 2) or facts.dropout > 0.5 or facts.penalty > 0.01


def _high(facts: Facts | None) -> float:
    """The level from which a loss is high; more where the baseline is only the loss of the first epoch."""
    return 0.3 if facts is not None and facts.targets else 0.7


def _small(facts: Facts | None) -> bool:
    """Whether there are far fewer parameters than samples, as far as these are known."""
    return facts is None or facts.parameters < 0.1 * facts.samples


def _unknown(history: Mapping[str, Sequence[float]], facts: Facts | None, comparable: bool) -> tuple[str, ...]:
    found = []
    if facts is None:
        found.append("the network and the number of samples, which a file does not hold")
    if facts is None or not facts.targets:
        found.append("the loss of a constant prediction, for which that of the first epoch was taken")
    if "val_loss" not in history:
        found.append("the validation loss; train with validation_data or validation_split")
    elif facts is not None and not facts.validation_samples:
        found.append("the number of validation samples")
    if not comparable:
        found.append("the training loss as in prediction; train with evaluate_training=True")
    return tuple(found)
