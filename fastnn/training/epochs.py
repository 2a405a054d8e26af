"""The epochs of a fit: native runs over the data, validation, and the callbacks around them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import numpy as np

from fastnn.inference.running import measure, suited
from fastnn.kernels.meter import DivergenceError
from fastnn.model.compiled import Compiled
from fastnn.model.feed import Feed, Section
from fastnn.model.history import History, Logs
from fastnn.optimizers import LBFGS
from fastnn.training import full_batch
from fastnn.training.resume import Saves, saves
from fastnn.training.run import Run

#: Seconds after which a native run returns for signals and progress.
PAUSE = 0.05


class Epochs(Run):
    """A run through its epochs."""

    saves: list[Saves]

    def run(self, first: int, last: int) -> History:
        """Trains the epochs from `first` to `last` - 1, or until one sets net.stop_training."""
        net, self.epoch = self.net, first
        names = (*self.program.means(), *(name for record in self.program.records for name in record.names))
        names += tuple(f"val_{name}" for name in names if self.unseen is not None)
        for callback in self.callbacks:
            callback.net, callback.names, callback.callbacks = net, names, self.callbacks
        with saves(self) as self.saves:
            saved = [found for each in self.saves if (found := each.found()) is not None]
            net._set(history=self.history, stop_training=False)
            for callback in self.callbacks:
                callback.on_train_begin()
            ended = bool(saved) and max(saved, key=lambda each: each.steps).restore(self)
            if not (ended and (net.stop_training or self.epoch >= last)):
                self._run(last)
                for callback in self.callbacks:
                    callback.on_train_end()
                for each in self.saves:
                    each.save(ended=True)
        return self.history

    def _run(self, last: int) -> None:
        net = self.net
        proven = _Snapshot(net)
        while self.epoch < last:
            for callback in self.callbacks if not net.stop_training and not self.place else ():
                callback.on_epoch_begin(self.epoch)
            if net.stop_training:
                break
            start = _Snapshot(net)
            logs = self._epoch(start, proven)
            if self.unseen is not None and (self.epoch + 1) % self.validation_freq == 0:
                logs |= self._validate(self.unseen)
            proven = start
            self.history.record(self.epoch, logs)
            for callback in self.callbacks:
                callback.on_epoch_end(self.epoch, logs)
            self.history.record(self.epoch, logs)
            if self.progress:
                self.progress.end_epoch(self.epoch, logs)
            self.epoch, self.place, self.step = self.epoch + 1, 0, 0
            for each in self.saves:
                if each.due(net.counters.step, True):
                    each.save()

    def _epoch(self, start: _Snapshot, proven: _Snapshot) -> Logs:
        """One epoch. If the loss is no longer finite, the network is restored."""
        try:
            return self._train()
        except DivergenceError as error:
            # The step before may have ruined this epoch's start; a finite loss proves that it has not.
            (start if self.step else proven).restore(self.net)
            self.history.failed = True
            raise FloatingPointError(
                f"epoch {self.epoch}, step {self.step}: {error}; "
                "the network is back at the end of the last finite epoch"
            ) from None

    def _validate(self, unseen: Feed) -> Logs:
        with naming_validation_data():
            return {f"val_{name}": value for name, value in measure(self.net, unseen).items()}

    def _train(self) -> Logs:
        """One pass over the data, or the rest of one; returns the means over what it saw."""
        net = self.net
        if not self.place:
            self.program.reset()
            self.program.clear_states()
        with closing(self.data.sections(net.counters.epoch, self.place)) as sections:
            for section in sections:
                program = self.program = suited(net, self.program, section.examples, self.data.rows)
                program.attach(*section.examples.arrays, samples=section.samples, stop=section.stop)
                taken = done = section.start
                while done < section.stop and not net.stop_training:
                    done = self._steps(section, done)
                    self.place = section.first + done
                    for callback in self.each_step:
                        callback.on_batch_end(self.step - 1, program.last())
                    if self.progress:
                        self.progress.update(self.epoch, self.place, program.means())
                    due = [each for each in self.saves if each.due(net.counters.step, False)]
                    if due and self.place != self.data.size:
                        program.take(section._replace(start=taken), done)
                        taken = done
                        for each in due:
                            each.save()
                program.take(section._replace(start=taken), done)
                if net.stop_training:
                    break
        if not all(np.isfinite(block.values.array).all() for block in net.blocks.bases):
            raise DivergenceError("the parameters are no longer finite; a smaller learning rate may help")
        net.counters.count_epoch()
        return self.program.results()

    def _steps(self, section: Section, start: int) -> int:
        """Steps from a row on, one or as many as fit into PAUSE; counts those completed, even if one fails."""
        net, plan, counters, rows = self.net, self.program.plan, self.net.counters, self.data.rows
        if isinstance(net.optimizer, LBFGS):
            full_batch.iterate(net, self.program, section.stop, section.order)
            self.step += 1
            return section.stop
        pause, stop = PAUSE, section.stop
        for steps in filter(None, (each.steps(counters.step) for each in self.saves)):
            stop = min(stop, start + steps * rows)
        if self.each_step:
            pause, stop = 0.0, min(stop, start + rows)  # one step, so one rate
        rates = self.program.rates_for(-(-(stop - start) // rows), net.optimizer, counters)
        try:
            plan.run(stop, rows, start, section.order, rates, counters.step, counters.update, pause)
        finally:
            steps = -(-(plan.position - start) // rows)
            counters.count_steps(steps)
            self.step += steps
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
