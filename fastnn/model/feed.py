"""Feeds: what an epoch runs over, section by section: arrays, a dataset, or batches that a function returns."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from itertools import chain, count
from typing import Any, NamedTuple

import numpy as np

from fastnn.common.randomness import Purpose, generator
from fastnn.data.examples import Examples
from fastnn.data.loader import Loader
from fastnn.data.mapped import FileRows
from fastnn.data.reading import BYTES

#: Makes Examples of x, y, sample_weight and lengths.
Maker = Callable[..., Examples]


class Section(NamedTuple):
    """Examples in memory or mapped there, of which the rows from start to stop are run, in an order if there is one.

    first: the place of row 0 in the epoch. samples: of each row the sample that it is a copy of, for error messages.
    """

    examples: Examples
    first: int
    start: int
    stop: int
    order: np.ndarray | None = None
    samples: np.ndarray | None = None


class Feed:
    """What an epoch runs over.

    size: its samples, 0 where only the iterator knows. form: examples of the same form as all. rows: those of a step.
    """

    size: int
    form: Examples
    rows: int
    shuffled = False

    def sections(self, epoch: int, first: int = 0) -> Generator[Section]:
        """The sections of an epoch, from its sample `first` on. To be closed: threads may read for it."""
        raise NotImplementedError

    def identity(self) -> dict[str, Any]:
        """What tells these data from others, for the file of a run: their form, and a checksum of some rows."""
        arrays = self.form.arrays
        return {
            "samples": self.size,
            "shapes": [list(array.shape[1:]) for array in arrays],
            "dtypes": [str(array.dtype) for array in arrays],
            "checksum": self.checksum(),
        }

    def checksum(self) -> int:
        """Of some of the rows."""
        rows = np.linspace(0, self.form.size - 1, 16).astype(int)
        return zlib.crc32(b"".join(array[rows].tobytes() for array in self.form.arrays))


class Order:
    """The order of the samples in each epoch. chosen: those that are used, all for None."""

    def __init__(self, size: int, chosen: np.ndarray | None = None, seed: int | None = None) -> None:
        self.size, self.chosen, self.seed = size if chosen is None else len(chosen), chosen, seed

    def part(self, places: np.ndarray) -> np.ndarray:
        """The samples at these places, unshuffled."""
        return places if self.chosen is None else self.chosen[places]

    def __call__(self, epoch: int) -> np.ndarray | None:
        """The samples of an epoch; None for all of them as they lie. Without a seed they are not shuffled."""
        if self.seed is None:
            return self.chosen
        turns = generator(self.seed, Purpose.SHUFFLE, epoch).permutation(self.size)
        return turns if self.chosen is None else self.chosen[turns]


class ArrayFeed(Feed):
    """Arrays, whose rows the plan gathers itself; those of large memory maps are read into buffers before."""

    def __init__(self, examples: Examples, rows: int, order: Order | None = None) -> None:
        self.form, self.rows, self.order = examples, rows, order or Order(examples.size)
        self.size, self.shuffled = self.order.size, self.order.seed is not None
        self.files = [FileRows.of(array) for array in examples.arrays]

    def checksum(self) -> int:
        """Of some of the rows, and of which of them are used."""
        chosen = self.order.chosen
        return super().checksum() if chosen is None else zlib.crc32(chosen.tobytes(), super().checksum())

    def reordered(self, rows: int, order: Order) -> ArrayFeed:
        """The same examples in another order."""
        return ArrayFeed(self.form, rows, order)

    def sections(self, epoch: int, first: int = 0) -> Generator[Section]:
        order = self.order(epoch)
        if not any(self.files):
            yield Section(self.form, 0, first, self.size, order)
            return
        arrays = self.form.arrays
        buffers: list[np.ndarray] = []
        rows = max(1, BYTES // (self.rows * sum(array[:1].nbytes for array in arrays))) * self.rows
        for start in range(first, self.size, rows):
            samples = np.arange(start, min(start + rows, self.size)) if order is None else order[start : start + rows]
            buffers = [
                array[samples] if file is None else file.read(samples, *buffers[i : i + 1])
                for i, (array, file) in enumerate(zip(arrays, self.files, strict=True))
            ]
            yield Section(self.form.of(buffers), start, 0, len(samples), samples=samples)


class LoaderFeed(Feed):
    """The samples that a Loader reads."""

    def __init__(self, loader: Loader, make: Maker, rows: int, order: Order) -> None:
        self.loader, self.make, self.rows, self.order = loader, make, rows, order
        self.size, self.shuffled = order.size, order.seed is not None
        self.form = make(*loader.form.first())

    def reordered(self, rows: int, order: Order) -> LoaderFeed:
        """The same samples in another order."""
        return LoaderFeed(self.loader, self.make, rows, order)

    def sections(self, epoch: int, first: int = 0) -> Generator[Section]:
        order = self.order(epoch)
        order = np.arange(self.size) if order is None else order
        with closing(self.loader.chunks(order, first, self.rows)) as chunks:
            for chunk in chunks:
                examples = self.make(*self.loader.form.batch(chunk.views))
                samples = order[chunk.first : chunk.first + chunk.size]
                yield Section(examples, chunk.first, 0, chunk.size, samples=samples)


class BatchFeed(Feed):
    """The batches of an iterator, each of which is a step. begin: starts it for an epoch.

    steps: of an epoch; None: until the iterator ends.
    """

    def __init__(self, begin: Callable[[], Iterable[Any]], make: Maker, steps: int | None) -> None:
        self.begin, self.make, self.steps = begin, make, steps
        self.started: Iterator[Examples] | None = self._examples()
        self.form = next(self.started, None) or self._ended(0)
        self.rows, self.size = self.form.size, self.form.size * (steps or 0)

    def _examples(self) -> Iterator[Examples]:
        batches = self.begin()
        if not isinstance(batches, Iterable):
            raise TypeError(f"x: the function must return an iterator over batches, and returned {batches!r:.60}")
        for batch in batches:
            yield self.make(*(batch if isinstance(batch, (tuple, list)) else (batch,)))

    def checksum(self) -> int:
        """None of rows: a function may return others each time."""
        return 0

    def _ended(self, step: int) -> Any:
        raise ValueError(f"x: the iterator ended after {step} batches" + (f" of {self.steps}" if self.steps else ""))

    def sections(self, epoch: int, first: int = 0) -> Generator[Section]:
        # The first epoch continues the iterator whose first batch showed the form.
        batches = chain([self.form], self.started) if self.started else self._examples()
        self.started, done = None, 0
        for step in count():
            examples = None if step == self.steps else next(batches, None)
            if examples is None:
                if self.steps is not None and step < self.steps:
                    self._ended(step)
                return
            examples = examples.apart(self.form.ending)
            if not examples.like(self.form) or examples.size > self.rows:
                raise ValueError(
                    f"x: batch {step} has {examples.size} samples of {examples.layout}, "
                    f"expected at most {self.rows} of {self.form.layout} as in the first batch"
                )
            if done >= first:
                yield Section(examples, done, 0, examples.size)
            done += examples.size
