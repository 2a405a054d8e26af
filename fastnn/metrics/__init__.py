"""Metrics: what is measured in addition to the loss. Each is also a function of arrays.

    net.compile(metrics=["accuracy", "f1"])         # by name, with default settings
    net.compile(metrics=[fnn.metrics.F1("micro")])  # with settings
    net.compile(metrics=[function])                 # your own: function(y, t) -> float, in NumPy
    fnn.metrics.f1(probabilities, y)                # the value, outside of any network

All are of the whole epoch. Outputs are classes where the network ends in softmax (the greatest) or in one sigmoid (at
least 0.5); several sigmoid outputs are labels that do not exclude each other. Targets are class numbers, one-hot or
probability rows, or a 0 or 1 for each label. Rows are samples, the positions of feature maps, or the real steps of
sequences; rows of weight 0 are ignored, and where all are, a metric is NaN.
"""

import re
from collections.abc import Mapping
from typing import Any

from fastnn.common import checks
from fastnn.common.settings import check_version
from fastnn.metrics.average_precision import average_precision
from fastnn.metrics.base import Metered, Metric, Recorded
from fastnn.metrics.classes import Accuracy, TopK, classes
from fastnn.metrics.confusion_matrix import confusion_matrix
from fastnn.metrics.counts import AVERAGES, F1, Averaged, Dice, IoU, Matthews, Precision, Recall, SubsetAccuracy
from fastnn.metrics.edit_distance import edit_distance, error_rate
from fastnn.metrics.frechet import frechet_distance
from fastnn.metrics.meaning import Kind, Meaning
from fastnn.metrics.own import Function, Own
from fastnn.metrics.ranking import PrAuc, RocAuc
from fastnn.metrics.translation import bleu, chrf
from fastnn.metrics.values import (
    R2,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    PeakSignalToNoise,
    RootMeanSquaredError,
)

__all__ = [
    "F1",
    "METRICS",
    "R2",
    "Accuracy",
    "Dice",
    "Function",
    "IoU",
    "Kind",
    "Matthews",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "Meaning",
    "Metered",
    "Metric",
    "Own",
    "PeakSignalToNoise",
    "PrAuc",
    "Precision",
    "Recall",
    "Recorded",
    "RocAuc",
    "RootMeanSquaredError",
    "SubsetAccuracy",
    "TopK",
    "accuracy",
    "average_precision",
    "bleu",
    "chrf",
    "classes",
    "confusion_matrix",
    "dice",
    "edit_distance",
    "error_rate",
    "f1",
    "frechet_distance",
    "mae",
    "mape",
    "matthews",
    "mean_iou",
    "mse",
    "pr_auc",
    "precision",
    "psnr",
    "r2",
    "recall",
    "rmse",
    "roc_auc",
    "subset_accuracy",
    "top_5_accuracy",
]

accuracy = Accuracy()
top_5_accuracy = TopK(5)
subset_accuracy = SubsetAccuracy()
precision = Precision()
recall = Recall()
f1 = F1()
dice = Dice()
mean_iou = IoU()
matthews = Matthews()
roc_auc = RocAuc()
pr_auc = PrAuc()
mae = MeanAbsoluteError()
mse = MeanSquaredError()
rmse = RootMeanSquaredError()
psnr = PeakSignalToNoise()
mape = MeanAbsolutePercentageError()
r2 = R2()

#: The metrics by name.
METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        *(accuracy, top_5_accuracy, subset_accuracy, precision, recall, f1, dice, mean_iou, matthews, roc_auc, pr_auc),
        *(mae, mse, rmse, mape, r2, psnr),
    )
}
_CLASSES = {type(metric).__name__: type(metric) for metric in METRICS.values()}
_GROWING = "|".join(
    re.escape(metric.stem if isinstance(metric, Averaged) else name) for name, metric in METRICS.items() if metric.grows
)
_GROWS = re.compile(rf"(?:.*_)?(?:{_GROWING})(?:_(?:\d+|{'|'.join(AVERAGES)}))?")


def grows(name: str) -> bool:
    """Whether the value of that name in the logs should grow: the name ends in that of a metric that does.

    An average or a number of a class may follow: val_f1_micro, kind_recall_3.
    """
    return _GROWS.fullmatch(name) is not None


def resolve(metric: Metric | str | Function) -> Metric:
    """The metric of that name, a Metric as it is, or a function as a metric.

    Raises ValueError that lists the known names, TypeError for a class and for anything else.
    """
    if isinstance(metric, Metric):
        return metric
    if isinstance(metric, str):
        return METRICS[checks.known("metric", metric, METRICS)]
    if isinstance(metric, type):
        raise TypeError(f"metrics must be names or objects, got the class {metric.__name__}: use {metric.__name__}()")
    if not callable(metric):
        raise TypeError(f"metrics must be names or functions, got {metric!r:.60}")
    return Own(metric)


def plain(metric: Metric) -> Metric | str | Function:
    """What `resolve` makes that metric of, as simple as it can be."""
    if isinstance(metric, Own):
        return metric.function
    return metric.name if METRICS.get(metric.name) == metric else metric


def describe(metric: Metric) -> str | dict[str, Any]:
    """The metric in the form that files hold: its name or settings, or the name of the user's function."""
    if isinstance(metric, Own):
        return {"own": metric.name}
    return metric.name if METRICS.get(metric.name) == metric else metric.describe()


def restore(entry: Any, custom: Mapping[str, Any]) -> Metric:
    """The metric that `describe` described.

    custom: the user's functions by name. Raises ValueError for an unknown metric or a later version.
    """
    if isinstance(entry, str):
        return resolve(entry)
    if "own" in entry:
        if entry["own"] not in custom:
            raise ValueError(
                f"the metric {entry['own']!r} is a custom function: pass it in load(path, metrics={{name: function}})"
            )
        return resolve(custom[entry["own"]])
    checks.names("metric", entry, ("class", "version", "settings"))
    kind = _CLASSES[checks.known("metric", entry["class"], _CLASSES)]
    check_version(kind, entry)
    return kind(**entry["settings"])
