"""A part of the training data that is held out for validation."""

from __future__ import annotations

from typing import cast

import numpy as np

from fastnn.common import checks
from fastnn.common.randomness import Purpose, generator
from fastnn.data import class_weights
from fastnn.data.examples import Examples
from fastnn.inference.feeding import CHUNK
from fastnn.model.compiled import Compiled
from fastnn.model.feed import ArrayFeed, BatchFeed, Feed, LoaderFeed, Order


def held_out(net: Compiled, data: Feed, fraction: float, stateful: bool) -> tuple[Feed, Feed]:
    """The feeds of the training data without a random part, and of that part; it follows from the network's seed.

    Of arrays with the classes of one output, each class gives the same fraction. Raises ValueError where a part would
    be empty.
    """
    checks.real("validation_split", fraction, least=0, below=1)
    if isinstance(data, BatchFeed) or stateful:
        why = "sequences that continue each other" if stateful else "batches of a function"
        raise ValueError(f"validation_split: {why} cannot be split; give validation_data")
    feeds = cast(ArrayFeed | LoaderFeed, data)
    classes = classes_of(net, data.form) if isinstance(data, ArrayFeed) else None
    if classes is not None:
        classes = classes[feeds.order.part(np.arange(data.size))]
    chosen = split(data.size, fraction, generator(net.seed, Purpose.SPLIT, 0), classes)
    kept, held = np.flatnonzero(~chosen), np.flatnonzero(chosen)
    if not len(held) or not len(kept):
        raise ValueError(f"validation_split {fraction} of {data.size} samples leaves {len(kept)} and {len(held)}")
    seed, rows = feeds.order.seed, min(data.rows, len(kept))
    return (
        feeds.reordered(rows, Order(data.size, feeds.order.part(kept), seed)),
        feeds.reordered(min(CHUNK, len(held)), Order(data.size, feeds.order.part(held))),
    )


def split(samples: int, fraction: float, random: np.random.Generator, classes: np.ndarray | None) -> np.ndarray:
    """A mask (samples,) of a random part, as near to the fraction as whole samples allow; in each class, if given."""
    rank = random.permutation(samples)
    if classes is None:
        return rank < round(fraction * samples)
    order = np.lexsort((rank, classes))  # class by class, at random within each
    # Every 1/fraction-th sample of that sequence: each class has its share but for one sample.
    steps = np.floor(fraction * np.arange(samples + 1) + random.random())
    mask = np.zeros(samples, bool)
    mask[order[np.diff(steps) > 0]] = True
    return mask


def classes_of(net: Compiled, form: Examples) -> np.ndarray | None:
    """The class of each sample, if it has one."""
    shape, loss = net.graph.output_shapes([x.shape[1:] for x in form.inputs])[0], net.objectives[0].loss
    (*positions, columns), several = shape, form.choose or len(form.targets) > 1
    independent = columns > 1 and loss.ending == "sigmoid"
    if several or positions or independent or not loss.classifies or not loss.compares:
        return None
    return class_weights.classes(form.targets[0], form.labels[0], columns)
