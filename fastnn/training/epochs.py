"""The epochs of a fit: native runs over shuffled data, validation, and the callbacks around them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from fastnn.common.randomness import Purpose, generator
from fastnn.data.examples import Examples
from fastnn.inference.predict import measure, rows_of, with_records
from fastnn.kernels.meter import DivergenceError
from fastnn.model.compiled import Compiled
from fastnn.model.history import History, Logs
from fastnn.model.program import Program
from fastnn.optimizers import LBFGS
from fastnn.training import full_batch
from fastnn.training.hooks import Hooks
from fastnn.training.progress import Progress

#: Seconds after which a native run returns for signals and progress.
PAUSE = 0.05


class Epochs:
    """One fit of a network: what it trains and validates on, and the hooks that it calls.

    program: with the examples attached. batch: rows of a step. unseen: the validation data, or None.
    """

    def __init__(
        self,
        net: Compiled,
        program: Program,
        examples: Examples,
        unseen: Examples | None,
        batch: int,
        shuffle: bool,
        callbacks: Sequence[Hooks],
        progress: Progress | None,
    ) -> None:
        self.net, self.program, self.examples, self.unseen = net, program, examples, unseen
        self.samples, self.batch, self.shuffle = examples.size, batch, shuffle
        if unseen is not None:
            self.validation_rows = rows_of(batch if examples.stateful else None, unseen.size, examples.stateful)
        self.callbacks, self.progress = callbacks, progress
        self.each_step = [each for each in callbacks if type(each).on_batch_end is not Hooks.on_batch_end]

    def run(self, epochs: int) -> History:
        """Trains for that many epochs, or until one sets net.stop_training."""
        net, history = self.net, History()
        net._set(history=history, stop_training=False)
        names = (*self.program.means(), *(name for record in self.program.records for name in record.functions))
        names += tuple(f"val_{name}" for name in names if self.unseen is not None)
        for callback in self.callbacks:
            callback.net, callback.names, callback.callbacks = net, names, self.callbacks
        for callback in self.callbacks:
            callback.on_train_begin()
        proven = _Snapshot(net)
        for epoch in range(epochs):
            for callback in self.callbacks if not net.stop_training else ():
                callback.on_epoch_begin(epoch)
            if net.stop_training:
                break
            start = _Snapshot(net)
            logs = self._epoch(epoch, start, proven)
            proven = start
            history.record(epoch, logs)
            for callback in self.callbacks:
                callback.on_epoch_end(epoch, logs)
            history.record(epoch, logs)
            if self.progress:
                self.progress.end_epoch(epoch, logs)
        for callback in self.callbacks:
            callback.on_train_end()
        return history

    def _epoch(self, epoch: int, start: _Snapshot, proven: _Snapshot) -> Logs:
        """One epoch and its validation. If the loss is no longer finite, the network is restored."""
        try:
            logs = self._train(epoch)
        except DivergenceError as error:
            step = self.program.plan.position // self.batch
            # The step before may have ruined this epoch's start; a finite loss proves that it has not.
            (start if step else proven).restore(self.net)
            raise FloatingPointError(
                f"epoch {epoch}, step {step}: {error}; the network is back at the end of the last finite epoch"
            ) from None
        if self.unseen is not None:
            with naming_validation_data():
                seen = measure(self.net, self.unseen, self.validation_rows)
            logs |= {f"val_{name}": value for name, value in seen.items()}
        return logs

    def _train(self, epoch: int) -> Logs:
        """One pass over the data; returns the means over what it saw."""
        net, program, order = self.net, self.program, None
        if self.shuffle:
            order = generator(net.seed, Purpose.SHUFFLE, net.counters.epoch).permutation(self.samples)
        program.reset()
        program.clear_states()
        done = 0
        while done < self.samples and not net.stop_training:
            done = self._steps(done, order)
            for callback in self.each_step:
                callback.on_batch_end((done - 1) // self.batch, program.last())
            if self.progress:
                self.progress.update(epoch, done, program.means())
        if not all(np.isfinite(block.values.array).all() for block in net.blocks.bases):
            raise DivergenceError("the parameters are no longer finite; a smaller learning rate may help")
        net.counters.count_epoch()
        return with_records(program, self.examples, done, order)

    def _steps(self, first: int, order: np.ndarray | None) -> int:
        """Steps from sample `first` on, one or as many as fit into PAUSE; counts those completed, even if one fails."""
        net, plan, counters, batch = self.net, self.program.plan, self.net.counters, self.batch
        if isinstance(net.optimizer, LBFGS):
            full_batch.iterate(net, self.program, self.samples, order)
            return self.samples
        pause, stop = PAUSE, self.samples
        if self.each_step:
            pause, stop = 0.0, min(self.samples, first + batch)  # one step, so one rate
        rates = self.program.rates_for(-(-(stop - first) // batch), net.optimizer, counters)
        try:
            plan.run(stop, batch, first, order, rates, counters.step, counters.update, pause)
        finally:
            counters.count_steps(-(-(plan.position - first) // batch))
        return int(plan.position)


class _Snapshot:
    """The state to which a diverged epoch is restored."""

    def __init__(self, net: Compiled) -> None:
        self.counters = net.counters.copy()
        flats = [flat for block in net.blocks.bases for flat in (block.values, block.statistics)]
        self.blocks = [(tensor.array, tensor.array.copy()) for tensor in [*flats, *net.slots.values()]]

    def restore(self, net: Compiled) -> None:
        net.counters.restore(self.counters)
        for view, values in self.blocks:
            view[...] = values


@contextmanager
def naming_validation_data() -> Iterator[None]:
    """A context whose errors are about validation_data."""
    try:
        yield
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"validation_data: {error}") from error
