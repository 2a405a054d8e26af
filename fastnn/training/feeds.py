"""The feeds of a fit: its training data with their order and weights, and its validation data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastnn.common import checks
from fastnn.data import arrays, class_weights
from fastnn.data.examples import Examples
from fastnn.data.loader import Loader
from fastnn.inference.feeding import Given, Source, feed
from fastnn.model.compiled import Compiled
from fastnn.model.feed import Feed, Maker
from fastnn.training.epochs import naming_validation_data

#: Samples of a step, unless told otherwise.
BATCH = 32


def training_feed(
    net: Compiled,
    given: Given,
    batch_size: int | None,
    shuffle: bool | None,
    steps: int | None,
    class_weight: Any,
    stateful: bool,
) -> Feed:
    """The feed of the training data. Raises TypeError and ValueError for settings that do not fit them."""
    seed = net.seed
    if isinstance(given.x, Loader):
        if batch_size is not None or shuffle is not None:
            raise ValueError("batch_size, shuffle: a Loader has its own; leave them out")
        batch_size, shuffle = given.x.batch_size, given.x.shuffle
        seed = seed if given.x.seed is None else given.x.seed
    if batch_size is not None:
        checks.integer("batch_size", batch_size)
    shuffled = checks.flag("shuffle", not stateful if shuffle is None else shuffle)
    if stateful and shuffled:
        raise ValueError("stateful: needs shuffle=False, because each batch continues the one before")
    make = net.maker(stateful)
    if class_weight is not None:
        kinds = class_weight.values() if isinstance(class_weight, Mapping) else (class_weight,)
        if any(isinstance(each, str) for each in kinds) and given.source is not Source.ARRAYS:
            raise ValueError('class_weight="balanced" needs all labels at once, in arrays; give a dict instead')
        if any(isinstance(each, str) for each in kinds) and given.rows is not None:
            raise ValueError('class_weight="balanced" counts all samples, not rows alone; give a dict instead')
        make = _class_weighted(net, make, class_weight)
    return feed(given, make, batch_size, BATCH, seed if shuffled else None, steps, stateful)


def _class_weighted(net: Compiled, make: Maker, class_weight: Any) -> Maker:
    """`make` of examples with the weights of their classes."""
    names, losses = net.graph.output_names, [objective.loss for objective in net.objectives]
    if len(names) > 1 and not (isinstance(class_weight, Mapping) and all(isinstance(key, str) for key in class_weight)):
        known = ", ".join(map(repr, names))
        raise ValueError(f"class_weight: expected a dict by output, of {known}, each as for one output")
    by_output = [class_weight] if len(names) == 1 else arrays.of_outputs("class_weight", class_weight, names)
    for each, loss in zip(by_output, losses, strict=True):
        if each is not None and not loss.classifies:
            raise ValueError(f"class_weight is for classes; {loss.name} compares values: use sample_weight")

    def weighted(*parts: Any) -> Examples:
        examples = make(*parts)
        shapes = net.graph.output_shapes([array.shape[1:] for array in examples.inputs])
        weights = list(examples.weights) or [None] * len(names)
        for i, each in enumerate(by_output):
            if each is not None:
                if examples.chosen and examples.chosen[i]:
                    shapes[i] = (*shapes[i][:-1], 1)
                if not losses[i].compares:
                    raise ValueError(
                        f"class_weight: the targets of {losses[i].name} are not classes; use sample_weight"
                    )
                labels = shapes[i][-1] > 1 and losses[i].ending == "sigmoid"
                make_weights = class_weights.label_weights if labels else class_weights.sample_weights
                weights[i] = make_weights(examples, i, shapes[i], each)
        return examples._replace(weights=weights)

    return weighted


def validation_feed(net: Compiled, given: Any, data: Feed) -> Feed:
    """The feed of the validation data. data: that of the training data, which have the same form."""
    form, parts = data.form, given if isinstance(given, (tuple, list)) else (given,)
    if parts is given and len(parts) not in (2, 3, 4, 5):
        forms = "(x, y), or with more of (x, y, sample_weight, lengths, choose)"
        raise TypeError(f"validation_data must be {forms}, a dataset, or a function that returns batches")
    with naming_validation_data():
        read = Given.of(net, *parts)
        short = parts is given and len(parts) < 4 and read.source is Source.ARRAYS
        if form.ending and short and read.lengths is None:
            raise ValueError(
                "with lengths, expected (x, y, sample_weight, lengths), None for what is not used; "
                f"got {len(parts)} items"
            )
        rows = data.rows if form.stateful and read.source is not Source.BATCHES else None
        unseen = feed(read, net.maker(form.stateful), rows, stateful=form.stateful)
        for found, array in zip(unseen.form.inputs, form.inputs, strict=True):
            if found.shape[1:] != array.shape[1:] and not net.free:
                raise ValueError(f"x: expected samples {array.shape[1:]}, as in training, got {found.shape[1:]}")
    return unseen
