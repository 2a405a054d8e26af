"""Reading ahead: threads that fill buffers with the samples of an order, while others use those filled before."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from typing import Any, NamedTuple

import numpy as np

from fastnn.data.sample import Form

#: Bytes of a buffer at most, and seconds that filling it may take, unless a batch needs more.
BYTES, SECONDS = 4_000_000, 0.05


class Chunk(NamedTuple):
    """Samples that were read: those at `first` and after in the order of an epoch. Buffers are used again later."""

    first: int
    size: int
    buffers: list[np.ndarray]

    @property
    def views(self) -> list[np.ndarray]:
        """The filled rows of the buffers."""
        return [buffer[: self.size] for buffer in self.buffers]


class Reader:
    """Reads the samples order[first:] of a dataset in chunks of whole batches.

    workers: threads that read ahead; 0: chunks are read when they are asked for. A chunk is as large as is read in a
    short time, so that the first steps need not wait and later ones are not interrupted often.
    """

    def __init__(self, dataset: Any, form: Form, order: np.ndarray, batch: int, first: int, workers: int) -> None:
        self.dataset, self.form, self.order, self.batch = dataset, form, order, batch
        self.next, self.batches = first, 1
        self.most = max(1, BYTES // max(1, form.size * batch))
        self.workers, self.count = workers, 0
        self.free: list[list[np.ndarray]] = []
        self.changed = threading.Condition()
        self.ready: dict[int, Chunk | BaseException] = {}
        self.closed = False
        self.threads: list[threading.Thread] = []

    def chunks(self) -> Generator[Chunk]:
        """The chunks in order. An error of the dataset is raised where its chunk would be."""
        wanted = self.next
        self.threads = [
            threading.Thread(target=self._work, name="fastnn reader", daemon=True) for _ in range(self.workers)
        ]
        try:
            for thread in self.threads:
                thread.start()
            while wanted < len(self.order):
                chunk = self._take(wanted) if self.threads else self._read(*self._claim())
                if isinstance(chunk, BaseException):
                    raise chunk
                yield chunk
                wanted = chunk.first + chunk.size
                with self.changed:
                    self.free.append(chunk.buffers)
                    self.changed.notify_all()
        finally:
            with self.changed:
                self.closed = True
                self.changed.notify_all()
            for thread in self.threads:
                thread.join()

    def _take(self, wanted: int) -> Chunk | BaseException:
        with self.changed:
            while wanted not in self.ready:
                self.changed.wait()
            return self.ready.pop(wanted)

    def _work(self) -> None:
        """A thread's life: it reads the next chunk as soon as a buffer is free."""
        while True:
            with self.changed:
                while not self.closed and self.count > self.workers and not self.free:
                    self.changed.wait()
                if self.closed or self.next >= len(self.order):
                    return
                first, count, buffers = self._claim()
            try:
                found: Chunk | BaseException = self._read(first, count, buffers)
            except BaseException as error:  # noqa: BLE001  # raised where its chunk would be
                found = error
            with self.changed:
                self.ready[first] = found
                self.changed.notify_all()
                if isinstance(found, BaseException):
                    return

    def _claim(self) -> tuple[int, int, list[np.ndarray]]:
        """The next samples to read, and buffers for them: one more pair than there are threads, used in turn."""
        first = self.next
        rows = self.batches * self.batch
        count = min(rows, len(self.order) - first)
        self.next += count
        buffers = self.free.pop() if self.free else []
        self.count += not buffers
        if not buffers or len(buffers[0]) < count:
            buffers = self.form.buffers(rows)
        return first, count, buffers

    def _read(self, first: int, count: int, buffers: list[np.ndarray]) -> Chunk:
        started = time.monotonic()
        rows = self.order[first : first + count].tolist()
        if hasattr(self.dataset, "__getitems__"):
            self._read_batches(rows, buffers)
        else:
            self._read_samples(rows, buffers)
        if time.monotonic() - started < SECONDS / 2:
            self.batches = min(max(self.batches, 2 * count // self.batch), self.most)
        return Chunk(first, count, buffers)

    def _read_samples(self, rows: list[int], buffers: list[np.ndarray]) -> None:
        dataset, put = self.dataset, self.form.put
        for i, row in enumerate(rows):
            try:
                put(dataset[row], buffers, i)
            except BaseException as error:
                error.add_note(f"dataset[{row}]")
                raise
            if self.closed:
                return

    def _read_batches(self, rows: list[int], buffers: list[np.ndarray]) -> None:
        for first in range(0, len(rows), self.batch):
            wanted = rows[first : first + self.batch]
            try:
                self.form.put_batch(self.dataset.__getitems__(wanted), buffers, first, len(wanted))
            except BaseException as error:
                error.add_note(f"dataset.__getitems__({wanted[:3]}...), the samples from {wanted[0]} on")
                raise
            if self.closed:
                return
