"""Running statistics computed again, and copies with averaged weights, which need statistics of their own."""

from __future__ import annotations

import copy
from contextlib import closing
from typing import Any, Self

from fastnn.engine.tensor import Tensor
from fastnn.inference.feeding import Given, feed
from fastnn.inference.predict import Prediction
from fastnn.inference.running import chosen_rows, without_targets
from fastnn.lowering.lowering import Lowering
from fastnn.model.average import averages, require_average
from fastnn.model.build_program import features_of, trained_weights
from fastnn.model.compiled import Compiled
from fastnn.model.entry import Entry
from fastnn.model.feed import Feed
from fastnn.model.program import Program
from fastnn.model.request import Kind, Request


class Calibration(Prediction):
    """The verbs that give a network the running statistics that suit its weights."""

    def calibrate(self, x: Any, batch_size: int | None = None, lengths: Any = None) -> Self:
        """Compute the running statistics of BatchNorm again, from x at the present weights; all else stays as it was.

        One forward pass over x as in training: each BatchNorm normalizes by the statistics of the batch, dropout and
        augmentation act, and running = the mean over all batches of mean and of variance, each weighted by its number
        of values. A batch with one value per channel counts for nothing. The order follows from the network's seed,
        so that sorted samples do no harm. Statistics of layers that are frozen stay as they are.

        Parameters
        ----------
        x : array (batch, ...), dataset, Loader, path or callable
            Samples, as in `predict`.
        batch_size : int, optional
            Rows of a batch. None: 512, or what a Loader has. A variance is that within a batch, so larger is better.
        lengths : array of int (batch,), optional
            As in `predict`.

        Returns
        -------
        Network
            Itself.

        Raises
        ------
        TypeError, ValueError
            For an x that does not fit or is not finite, for a network without a BatchNorm that is trained, and where no
            batch has two values per channel. The statistics stay as they were, as after all errors.
        FloatingPointError
            Where the statistics of a batch overflow float32.

        References
        ----------
        P. Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization", UAI 2018, section 3.2.

        Examples
        --------
        >>> import numpy as np, fastnn as fnn
        >>> net = fnn.Sequential([fnn.BatchNorm()], input_shape=(1,)).calibrate(np.array([[1.0], [3.0]]))
        >>> net.weights["batch_norm_0.mean"], net.weights["batch_norm_0.variance"]
        (array([2.], dtype=float32), array([1.], dtype=float32))
        """
        given = Given.of(self, x, lengths=lengths)
        data = feed(given, without_targets(self), chosen_rows(batch_size, False, given), seed=self.seed)
        with self.guard.changing("calibrate"), self.built_for(data.form.inputs):
            statistics = [block.statistics.array for block in self.blocks.bases]
            before = [array.copy() for array in statistics]
            try:
                _take(self, data)
            except BaseException:
                for array, values in zip(statistics, before, strict=True):
                    array[...] = values
                raise
        return self

    def averaged(self, x: Any = None) -> Self:
        """Copy the network with the moving average of its parameters, which the optimizer's setting ema keeps.

        Before the first update it is a plain copy.

        Parameters
        ----------
        x : array (batch, ...), dataset, Loader, path or callable, optional
            Samples from which the copy takes the running statistics of BatchNorm again, as `calibrate` does. Without x
            they are those of the network, which suit its weights and not the average.

        Returns
        -------
        Network

        Raises
        ------
        RuntimeError
            Where the optimizer has no ema.
        TypeError, ValueError, FloatingPointError
            As `calibrate`, for x.

        References
        ----------
        B. T. Polyak and A. B. Juditsky, "Acceleration of Stochastic Approximation by Averaging", SIAM Journal on
        Control and Optimization 30(4), 1992.

        Examples
        --------
        >>> import numpy as np, fastnn as fnn
        >>> net = fnn.Sequential([fnn.Dense(1)], input_shape=(2,), seed=0).compile(fnn.Adam(ema=0.99), "mse")
        >>> _ = net.train_on_batch(np.eye(2), np.ones(2))
        >>> net.averaged().predict(np.eye(2)).shape
        (2, 1)
        """
        require_average(self, "averaged")
        twin = copy.copy(self)
        for part, average in averages(twin):
            part.of(part.block.values).array[...] = average.array
        return twin if x is None else twin.calibrate(x)


def _take(net: Compiled, data: Feed) -> None:
    """A pass over a feed, after which the running statistics are those of its batches."""
    request = net.at(Request(Kind.TRAIN, lengths=data.form.ending), data.form.inputs)
    weights, seen = trained_weights(net), dict[Any, Tensor]()
    lowering = Lowering(data.rows, weights, training=True, seed=net.seed, seen=seen)
    features = features_of(net, request)
    entry = Entry(net.graph, lowering, features, request)
    net.graph.lower(lowering, entry.values, weights, features)
    lowering.run_closing()
    if not seen:
        raise ValueError("calibrate: the network has no BatchNorm that is trained, so there are no statistics to take")
    kept = [block.statistics for block in net.blocks.bases]
    program = Program(request, lowering.assemble([*entry.ports, *entry.lengths], kept))
    step = net.counters.step
    with closing(data.sections(0)) as sections:
        for section in sections:
            if section.examples.features != data.form.features:
                raise ValueError(
                    f"calibrate: expected batches of one shape, got {section.examples.features[0]} after "
                    f"{data.form.features[0]}"
                )
            program.attach(*section.examples.inputs, *section.examples.lengths, samples=section.samples)
            start = section.start
            while start < section.stop:
                end = program.plan.run(section.stop, data.rows, start, section.order, step=step)
                step += -(-(end - start) // data.rows)
                start = end
    if not all(count.array.all() for count in seen.values()):
        raise ValueError("calibrate: a channel has one value in each batch, which has no variance; give larger batches")
