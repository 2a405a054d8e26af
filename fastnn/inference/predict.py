"""Prediction: the outputs for inputs, their classes, and how good they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.callbacks import Logs
from fastnn.data import arrays
from fastnn.model.build_program import Given, rows_of
from fastnn.model.objectives import one_or_all

if TYPE_CHECKING:
    from fastnn.network import Network


def predict(net: Network, x: Any, batch_size: int | None = None, lengths: Any = None, stateful: bool = False) -> Any:
    """The outputs for x (batch, ...), float32 (batch, ...). A NaN in a row of x makes that row of the output NaN.

    For several inputs x is a list, a tuple or a dict by name; several outputs come as a dict by name.
    batch_size: rows that run at once; None lets fastnn choose. lengths: the steps of each sequence, as in `fit`;
    outputs at steps beyond them are 0. stateful: as there. Raises ValueError and TypeError for an x that does not
    fit.
    """
    given, shapes = net.samples(x)
    out = [np.empty((len(given[0]), *s), np.float32) for s in shapes]
    return _read(net, "predict", given, batch_size, out, lengths, stateful)


def classify(net: Network, x: Any, batch_size: int | None = None, lengths: Any = None) -> Any:
    """The class of each row of x, int64 (batch,): the greatest output; the softmax is not computed.

    Of maps (batch, height, width, classes) the class at each position, (batch, height, width). For one output:
    whether its probability is >= 0.5. For several inputs and outputs, and sequences with lengths, as `predict`.
    Raises ValueError for a network that predicts values, and for an x that does not fit or is not finite.
    """
    given, shapes = net.samples(x)
    out = [np.empty((len(given[0]), *s[:-1]), np.int64) for s in shapes]
    return _read(net, "classify", given, batch_size, out, lengths)


def _read(
    net: Network,
    kind: str,
    x: list[np.ndarray],
    batch_size: int | None,
    out: list[np.ndarray],
    lengths: Any,
    stateful: bool = False,
) -> Any:
    rows, ends, labels = rows_of(batch_size, len(x[0]), stateful), [], 0
    if stateful:
        labels |= Given.STATE << len(out)
    if lengths is not None:
        ends.append(arrays.lengths(lengths, len(x[0])))
        labels |= Given.LENGTHS << len(out)
    with net.built_for(x), net.guard.reading(kind):
        program = net.pool.lease(net, kind, rows, labels)
        try:
            program.attach(*x, *out, *ends)
            program.forget()
            program.run_all(len(x[0]), rows)
        finally:
            net.pool.give_back(program)
    return out[0] if len(out) == 1 else one_or_all(net.graph.output_names, out)


def evaluate(
    net: Network,
    x: Any,
    y: Any,
    batch_size: int | None = None,
    sample_weight: Any = None,
    lengths: Any = None,
    stateful: bool = False,
) -> Logs:
    """The loss and the metrics over x and y: {"loss": ..., "accuracy": ...}.

    For several outputs y is a list, a tuple or a dict by name; "loss" is the weighted sum, the others are
    "<output>_loss" and "<output>_accuracy". sample_weight and lengths as `fit`: all are weighted means. stateful:
    as there.
    Raises RuntimeError before compile, ValueError and TypeError for x and y that do not fit or are not finite.
    """
    x, y, labels = net.examples(x, y, sample_weight, lengths, stateful)
    rows = rows_of(batch_size, len(x[0]), stateful)
    with net.built_for(x), net.guard.reading("evaluate"):
        program = net.pool.lease(net, "evaluate", rows, labels)
        try:
            program.attach(*x, *y)
            program.reset()
            program.forget()
            program.run_all(len(x[0]), rows)
            return program.means()
        finally:
            net.pool.give_back(program)
