"""Training: `fit`, and one step at a time."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.callbacks import Callback, History, Logs, Progress
from fastnn.common import checks
from fastnn.common.randomness import Purpose, generator
from fastnn.engine.port import is_batch
from fastnn.kernels.loss import DivergenceError
from fastnn.model.build_program import rows_of
from fastnn.optimizers import LBFGS
from fastnn.training import full_batch

if TYPE_CHECKING:
    from fastnn.model.program import Program
    from fastnn.network import Network

#: Seconds after which a native run returns for signals and progress.
PAUSE = 0.05


def train_on_batch(
    net: Network, x: Any, y: Any, sample_weight: Any = None, lengths: Any = None, stateful: bool = False
) -> float:
    """One step on all of x and y; returns the loss before it.

    sample_weight, lengths: as `fit`; the loss is then a weighted mean. stateful: the samples go on where those of the
    last such step ended, until `reset_state`. Raises as `fit`, and ValueError for another number of samples than that
    step had; a step that fails changes nothing.
    """
    loss = net.loss or net.compiled
    labels: int = loss.takes_labels
    given: tuple[Any, ...] = (x, y)
    fits = (
        is_batch(x, net.input_shape)
        and is_batch(y, net.label_shape if labels else net.output_shape)
        and len(x) == len(y)
    )
    if not fits or sample_weight is not None or lengths is not None or stateful:
        several, targets, labels = net.examples(x, y, sample_weight, lengths, stateful)  # what is not ready yet
        if not net.features:
            with net.built_for(several):
                return train_on_batch(net, x, y, sample_weight, lengths, stateful)
        given = (*several, *targets)
    return net.pool.train(net, given, labels)


def averaged(net: Network) -> Network:
    """A copy of the network whose parameters are the moving average of the optimizer's setting ema.

    Before the first update it is a plain copy. Raises RuntimeError where the optimizer has no ema.
    """
    if getattr(net.optimizer, "ema", None) is None:
        raise RuntimeError("averaged: the optimizer keeps no average; compile with one such as Adam(ema=0.999)")
    twin = copy.copy(net)
    for part in twin.ranges() if twin.counters["update"] else ():
        part.of(part.block.values).array[...] = part.of(twin.slots["average"], part.base).array
    return twin


def _run(
    net: Network, program: Program, samples: int, batch: int, first: int, order: np.ndarray | None, pause: float
) -> int:
    """Steps from sample `first` on for about `pause` seconds; counts those that were done, also where one failed."""
    assert net.optimizer is not None
    if isinstance(net.optimizer, LBFGS):
        full_batch.iterate(net, program, samples, order)
        return samples
    plan, counters = program.plan, net.counters
    if pause == 0:  # one step, and so one rate
        samples = min(samples, first + batch)
    rates = program.rates_for(-(-(samples - first) // batch), net.optimizer, counters)
    try:
        plan.run(samples, batch, first, order, rates, counters["step"], counters["update"], pause)
    finally:
        steps = -(-(plan.position - first) // batch)
        counters["step"] += steps
        counters["update"] += steps
    return int(plan.position)


class _Snapshot:
    """What a diverged epoch is put back to."""

    def __init__(self, net: Network) -> None:
        self.counters = dict(net.counters)
        flats = [flat for block in net.blocks.bases for flat in (block.values, block.statistics)]
        tensors = [*flats, *net.slots.values()]
        self.blocks = [(tensor.array, tensor.array.copy()) for tensor in tensors]

    def restore(self, net: Network) -> None:
        net.counters.update(self.counters)
        for view, values in self.blocks:
            view[...] = values


def fit(
    net: Network,
    given: tuple[Any, ...],
    batch_size: int,
    epochs: int,
    validation_data: tuple[Any, ...] | None,
    shuffle: bool,
    callbacks: Sequence[Callback],
    verbose: int,
) -> History:
    """See Network.fit. given: x, y, weights of samples, lengths of sequences, and whether states are carried."""
    assert net.compiled
    batch = checks.integer("batch_size", batch_size)
    epochs = checks.integer("epochs", epochs)
    checks.flag("shuffle", shuffle)
    checks.integer("verbose", int(verbose) if isinstance(verbose, bool) else verbose, 0, 1)
    callbacks = checks.listed("callbacks", callbacks, Callback, "Callback objects")
    x, y, labels = net.examples(*given)
    samples, kind = len(x[0]), "train"
    if isinstance(net.optimizer, LBFGS):
        kind = "descent"
        full_batch.check(batch, samples, given[-1])
    *_, stateful = given
    if stateful and shuffle:
        raise ValueError("stateful: each batch goes on where the one before ended, and so takes shuffle=False")
    batch = rows_of(batch, samples, stateful)
    if validation_data is not None:
        if not isinstance(validation_data, (tuple, list)) or len(validation_data) not in (2, 3, 4):
            raise TypeError("validation_data must be a pair (x, y), or (x, y, sample_weight), or that and lengths")
        with _validation():
            unseen, *_ = net.examples(*validation_data)
            rows_of(batch, len(unseen[0]), stateful)
            for found, array in zip(unseen, x, strict=True):
                if found.shape[1:] != array.shape[1:]:
                    raise ValueError(f"x has samples {found.shape[1:]}, the training data {array.shape[1:]}")

    before = net.counters["step"]

    def begun(error: BaseException) -> bool:
        """Whether the network is what training has left, and not as it was before."""
        return net.counters["step"] > before or isinstance(error, FloatingPointError)

    with net.guard.changing("fit"), net.built_for(x, begun):
        program = net.pool.lease(net, kind, batch, labels)
        progress = Progress(samples, epochs) if verbose else None
        try:
            program.attach(*x, *y)
            return _epochs(net, program, epochs, samples, batch, shuffle, validation_data, callbacks, progress)
        finally:
            if stateful and net.counters["step"] > before:
                net.pool.forget()
            net.pool.give_back(program)
            if progress:
                progress.close()


def _epochs(
    net: Network,
    program: Program,
    epochs: int,
    samples: int,
    batch: int,
    shuffle: bool,
    validation_data: tuple[Any, ...] | None,
    callbacks: list[Callback],
    progress: Progress | None,
) -> History:
    """The epochs of a fit, with their callbacks."""
    history = History()
    net.history, net.stop_training = history, False
    hooks = [history, *callbacks]
    names = tuple(program.means())
    names += tuple(f"val_{name}" for name in names if validation_data is not None)
    for callback in callbacks:  # not the History: it would hold the network that holds it
        callback.net, callback.names = net, names
    for callback in hooks:
        callback.on_train_begin()
    proven = _Snapshot(net)
    for epoch in range(epochs):
        if net.stop_training:
            break
        for callback in hooks:
            callback.on_epoch_begin(epoch)
        if net.stop_training:
            break
        start = _Snapshot(net)
        try:
            logs = _epoch(net, program, epoch, samples, batch, shuffle, callbacks, progress)
        except DivergenceError as error:
            step = program.plan.position // batch
            # The step before may have ruined this epoch's start; a finite loss proves that it has not.
            (start if step else proven).restore(net)
            raise FloatingPointError(
                f"epoch {epoch}, step {step}: {error}; the network is back at the end of the last finite epoch"
            ) from None
        proven = start
        if validation_data is not None:
            logs |= _validate(net, validation_data, batch if program.states else None)
        if progress:
            progress.update(epoch, samples, logs)
        for callback in hooks:
            callback.on_epoch_end(epoch, logs)
    for callback in hooks:
        callback.on_train_end()
    return history


def _validate(net: Network, validation_data: tuple[Any, ...], streams: int | None) -> Logs:
    """streams: how many there are, if states are carried from batch to batch."""
    x, y, weight, lengths = (*validation_data, None, None)[:4]
    with _validation():
        logs = net.evaluate(x, y, streams, weight, lengths, stateful=streams is not None)
        return {f"val_{name}": value for name, value in logs.items()}


@contextmanager
def _validation() -> Iterator[None]:
    """What is wrong inside is wrong with validation_data."""
    try:
        yield
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"validation_data: {error}") from error


def _epoch(
    net: Network,
    program: Program,
    epoch: int,
    samples: int,
    batch: int,
    shuffle: bool,
    callbacks: list[Callback],
    progress: Progress | None,
) -> Logs:
    """One pass over the data; returns the means over what it saw."""
    each_step = [c for c in callbacks if type(c).on_batch_end is not Callback.on_batch_end]
    order = None
    if shuffle:
        order = generator(net.seed, Purpose.SHUFFLE, net.counters["epoch"]).permutation(samples)
    program.reset()
    program.forget()
    done = 0
    while done < samples and not net.stop_training:
        done = _run(net, program, samples, batch, done, order, 0.0 if each_step else PAUSE)
        for callback in each_step:
            callback.on_batch_end((done - 1) // batch, program.last())
        if progress:
            progress.update(epoch, done, program.means())
    if not all(np.isfinite(block.values.array).all() for block in net.blocks.bases):
        raise DivergenceError("the parameters are no longer finite; a smaller learning rate may help")
    net.counters["epoch"] += 1
    return program.means()
