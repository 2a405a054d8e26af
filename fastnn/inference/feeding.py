"""Which feed suits what a user passes as data: arrays, files, a dataset, a Loader, or what makes batches."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Set, ValuesView
from enum import Enum
from typing import Any, NamedTuple

import numpy as np

from fastnn.data import arrays
from fastnn.data.loader import Loader
from fastnn.data.mapped import is_path, opened
from fastnn.data.sample import PARTS, is_dataset
from fastnn.inference.ragged import as_arrays
from fastnn.model.compiled import Compiled
from fastnn.model.feed import ArrayFeed, BatchFeed, Feed, LoaderFeed, Maker, Order

#: Quickly told from an iterable of batches; arrays of other libraries are told by their attributes.
_ARRAYS = (np.ndarray, list, tuple, Mapping, Set, ValuesView, str, bytes)
#: Rows that predict, classify and evaluate run at once, unless told otherwise.
CHUNK = 512


class Source(Enum):
    """What samples come from."""

    ARRAYS = "arrays"
    SAMPLES = "a dataset or a Loader"
    BATCHES = "an iterable of batches, or a function that returns one"


class Given(NamedTuple):
    """What a user passed as data. Paths are opened already, and a dataset or iterable is in x."""

    source: Source
    x: Any
    y: Any = None
    weight: Any = None
    lengths: Any = None
    choose: Any = None
    rows: Any = None

    @classmethod
    def of(
        cls,
        net: Compiled,
        x: Any,
        y: Any = None,
        weight: Any = None,
        lengths: Any = None,
        choose: Any = None,
        rows: Any = None,
    ) -> Given:
        """With the arrays of the files that are named."""
        if is_path(x):
            x = _folder(net, x) if os.path.isdir(x) else opened(x)
            if isinstance(x, dict) and "x" in x:  # of a .npz file
                y, weight, lengths = (
                    given if given is not None else x.get(name)
                    for given, name in zip((y, weight, lengths), PARTS[1:], strict=True)
                )
                x = x["x"]
        y = opened(y) if is_path(y) else y
        x, y, lengths = as_arrays(net, x, y, lengths)
        return cls(_source(x, y), x, y, weight, lengths, choose, rows)


def feed(
    given: Given,
    make: Maker,
    batch_size: int | None,
    default: int = CHUNK,
    seed: int | None = None,
    steps: int | None = None,
    stateful: bool = False,
) -> Feed:
    """The feed over what is given. default: the batch size. seed: of the order; None: samples as they lie."""
    source, x, *extras, rows = given
    if source is not Source.ARRAYS:
        *others, choose = extras
        for name, extra in zip(PARTS[1:], others, strict=True):
            if extra is not None:
                raise TypeError(f"{name}: must be in the samples of a dataset, ({', '.join(PARTS)})")
        if choose is not None:
            parts = ", ".join((*PARTS, "choose"))
            raise TypeError(f"choose: goes with arrays; batches that a function returns may have it, ({parts})")
        if rows is not None:
            raise TypeError("rows: takes samples of arrays; pass a dataset, or batches, of those samples alone")
    if steps is not None and source is not Source.BATCHES:
        raise ValueError("steps_per_epoch is for batches that a function returns; data of known size are used whole")
    if source is Source.BATCHES:
        if batch_size is not None:
            raise ValueError("batch_size: the batches that are passed have sizes of their own")
        if not callable(x) and steps is None and hasattr(x, "__len__"):
            steps = len(x)
        return BatchFeed(x if callable(x) else x.__iter__, make, steps)
    if source is Source.SAMPLES:
        loader = x if isinstance(x, Loader) else Loader(x, default)
        rows = rows_of(batch_size or default, loader.samples, stateful)
        return LoaderFeed(loader, make, rows, Order(loader.samples, seed=seed))
    examples = make(x, *extras)
    order = Order(examples.size, None if rows is None else arrays.rows(rows, examples.size), seed)
    return ArrayFeed(examples, rows_of(batch_size or default, order.size, stateful), order)


def rows_of(batch_size: int, samples: int, stateful: bool = False) -> int:
    """The rows of a run: as asked for, and no more than there are.

    Raises ValueError where states are to be carried and not all runs have as many.
    """
    if stateful and samples % batch_size:
        raise ValueError(f"stateful: {samples} samples do not divide into batches of {batch_size} streams")
    return min(batch_size, samples)


def _source(x: Any, y: Any) -> Source:
    """What x is. Raises TypeError for an iterator, which ends once and for all."""
    if isinstance(x, _ARRAYS):
        return Source.ARRAYS
    if isinstance(x, Loader) or (y is None and is_dataset(x)):
        return Source.SAMPLES
    if y is not None or any(hasattr(x, name) for name in ("__array__", "dtype", "dtypes")):
        return Source.ARRAYS
    if isinstance(x, Iterator):
        raise TypeError(
            f"x: expected an array of numbers, a dataset or a function that returns batches, got {type(x).__name__}; "
            "convert it with list(...), or for batches pass the function that makes them, and steps_per_epoch"
        )
    batches = callable(x) or (isinstance(x, Iterable) and not hasattr(x, "__getitem__"))
    return Source.BATCHES if batches else Source.ARRAYS


def _folder(net: Compiled, path: Any) -> Any:
    """The images in a folder, of the size that the network expects."""
    from fastnn.datasets import ImageFolder

    shape = net.sizes("a folder of images")[0] if net.features else ()
    if len(shape) != 3 or shape[2] not in (1, 3):
        raise ValueError(
            f"{os.fspath(path)}: a folder of images needs a network with input_shape (height, width, 1 or 3)"
        )
    return ImageFolder(path, shape[:2], shape[2])
