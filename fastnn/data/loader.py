"""Loader: the samples of a dataset in batches, read ahead by threads."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import numpy as np

from fastnn.common import checks
from fastnn.common.randomness import Purpose, generator
from fastnn.data.reading import Chunk, Reader
from fastnn.data.sample import PARTS, Arrays, Form, is_dataset, leaves, rebuilt, split


class Loader:
    """Batches of a dataset's samples, which threads read while the network trains on those before.

    `fit`, `evaluate` and `predict` accept a Loader, and a dataset alone, of which they make one. In a loop of its own a
    Loader is an iterator over batches, (x, y) if samples are (x, y): each pass is an epoch, in another order.

    Parameters
    ----------
    dataset : object
        It has `__len__` and `__getitem__`, which returns a sample for an index: x, (x, y), (x, y, sample_weight) or
        (x, y, sample_weight, lengths), where x and y are numbers or arrays, or for several inputs or outputs dicts or
        tuples of them. Where it has `__getitems__`, that is called with a list of indices, and returns a list of
        samples or arrays with a row for each. All samples have the form of the first. PyTorch's map-style datasets
        are such objects. An array, or a tuple of arrays (x, y, ...), is a dataset of its rows.
    batch_size : int, default 32
        Samples of a batch; the last one of an epoch may be shorter.
    shuffle : bool, default True
        Whether each epoch takes the samples in another order.
    workers : int, default 1
        Threads that read; 0 reads where the batch is needed. More than one help where the dataset waits for files or
        runs code that releases Python's lock, such as decoding images.
    seed : int, optional
        The order follows from it and the number of the epoch. None: in `fit` the network's seed, otherwise 0.

    Raises
    ------
    TypeError
        For an object that is neither.
    ValueError
        For an empty dataset, samples of different forms, and a dataset that changes its length.

    Notes
    -----
    An exception of the dataset arrives where the batch is needed, with the index in a note. With several workers,
    `__getitem__` is called by several threads at once.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> class Squares:
    ...     def __len__(self):
    ...         return 100
    ...     def __getitem__(self, i):
    ...         return np.array([i / 100], np.float32), (i / 100) ** 2
    >>> net = fnn.Sequential([fnn.Dense(8, "tanh"), fnn.Dense(1)], input_shape=(1,), seed=0).compile("adam", "mse")
    >>> history = net.fit(fnn.data.Loader(Squares(), batch_size=10, workers=2), epochs=2, verbose=0)
    >>> len(history.epoch)
    2
    """

    def __init__(
        self, dataset: Any, batch_size: int = 32, shuffle: bool = True, workers: int = 1, seed: int | None = None
    ) -> None:
        if not is_dataset(dataset):
            dataset = Arrays(*(dataset if isinstance(dataset, tuple) else (dataset,)))
        self.dataset = dataset
        self.batch_size = checks.integer("Loader: batch_size", batch_size)
        self.shuffle = checks.flag("Loader: shuffle", shuffle)
        self.workers = checks.integer("Loader: workers", workers, least=0)
        self.seed = None if seed is None else checks.integer("Loader: seed", seed, 0, 2**64 - 1)
        self.samples = len(dataset)
        if not self.samples:
            raise ValueError("Loader: the dataset is empty")
        self.form = Form(self._first())
        self.epoch, self.position = 0, 0

    def _first(self) -> Any:
        """The first sample."""
        if not hasattr(self.dataset, "__getitems__"):
            return self.dataset[0]
        batch = self.dataset.__getitems__([0])
        if isinstance(batch, list):
            return batch[0]
        parts = zip(split(batch), PARTS, strict=False)
        return tuple(rebuilt(part, (value[0] for _, value in leaves(part, name))) for part, name in parts)

    def __len__(self) -> int:
        """The number of batches of an epoch."""
        return (self.samples + self.batch_size - 1) // self.batch_size

    def chunks(self, order: np.ndarray, first: int, batch: int) -> Generator[Chunk]:
        """The samples in an order, from its place `first` on, read in whole batches."""
        if len(self.dataset) != self.samples:
            raise ValueError(f"the dataset had {self.samples} samples and has {len(self.dataset)} now")
        return Reader(self.dataset, self.form, order, batch, first, self.workers).chunks()

    def __iter__(self) -> Iterator[Any]:
        """The batches of an epoch, from where the state says."""
        order = np.arange(self.samples)
        if self.shuffle:
            order = generator(self.seed or 0, Purpose.SHUFFLE, self.epoch).permutation(self.samples)
        for chunk in self.chunks(order, self.position, self.batch_size):
            for first in range(0, chunk.size, self.batch_size):
                rows = slice(first, min(first + self.batch_size, chunk.size))
                parts = self.form.batch([buffer[rows].copy() for buffer in chunk.buffers])
                self.position = chunk.first + rows.stop
                yield parts[0] if len(parts) == 1 else tuple(parts)
        self.epoch, self.position = self.epoch + 1, 0

    def state(self) -> dict[str, int]:
        """Where the iteration is: the epoch, and the samples of it that were returned.

        Returns
        -------
        dict of str to int
            For `restore`.

        Examples
        --------
        >>> import numpy as np, fastnn as fnn
        >>> loader = fnn.data.Loader(np.arange(10), batch_size=4, shuffle=False)
        >>> next(iter(loader)), loader.state()
        (array([0, 1, 2, 3]), {'epoch': 0, 'position': 4})
        """
        return {"epoch": self.epoch, "position": self.position}

    def restore(self, state: dict[str, int]) -> None:
        """Continue from a state: the next iteration begins there.

        Parameters
        ----------
        state : dict
            What `state` returned, of a Loader with the same settings and data.

        Raises
        ------
        ValueError
            For a state that no such Loader can have.

        Examples
        --------
        >>> import numpy as np, fastnn as fnn
        >>> loader = fnn.data.Loader(np.arange(10), batch_size=4, shuffle=False)
        >>> loader.restore({"epoch": 0, "position": 8})
        >>> list(loader)
        [array([8, 9])]
        """
        epoch, position = state["epoch"], state["position"]
        if not (epoch >= 0 and 0 <= position <= self.samples and position % self.batch_size in (0, self.samples)):
            raise ValueError(
                f"Loader: {state} is not a state of {self.samples} samples in batches of {self.batch_size}"
            )
        self.epoch, self.position = epoch, position
