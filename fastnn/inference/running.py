"""Runs over data: predictions, and how good they are, section by section."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import numpy as np

from fastnn.common import checks
from fastnn.data.examples import Examples
from fastnn.engine.port import is_batch
from fastnn.inference.feeding import CHUNK, Given, Source, feed
from fastnn.model.compiled import Compiled
from fastnn.model.feed import Feed, Maker
from fastnn.model.history import Logs
from fastnn.model.lengths import ends as ends_of
from fastnn.model.objectives import one_or_all
from fastnn.model.program import Program
from fastnn.model.request import Kind, Request


def chosen_rows(batch_size: int | None, stateful: bool, given: Given) -> int | None:
    """The checked batch size. Raises ValueError where states are carried, and neither it nor batches are given."""
    if checks.flag("stateful", stateful) and batch_size is None and given.source is not Source.BATCHES:
        raise ValueError("stateful: give the batch_size, which is the number of streams")
    return None if batch_size is None else checks.integer("batch_size", batch_size)


def without_targets(net: Compiled, stateful: bool = False, empty: bool = False) -> Maker:
    """What makes Examples of the inputs alone; targets are ignored. empty: whether there may be no samples."""

    def make(x: Any, y: Any = None, weight: Any = None, lengths: Any = None, choose: Any = None) -> Examples:
        inputs, _ = net.samples(x, empty=empty)
        ends, ending = ends_of(net.graph, lengths, inputs)
        return Examples(inputs, [], (), lengths=ends, ending=ending, stateful=stateful)

    return make


def suited(net: Compiled, program: Program, examples: Examples, rows: int) -> Program:
    """A leased program for these examples: the same, or one for their lengths that continues where it stopped."""
    if not net.free:
        return program
    request = net.at(program.request, examples.inputs)._replace(weights=examples.weighing)
    if request == program.request:
        return program
    carried = program.carried()  # before another thread may lease it
    net.pool.give_back(program)
    found = net.pool.lease(net, request, rows)
    found.carry(*carried)
    return found


def measure(net: Compiled, data: Feed) -> Logs:
    """The loss and the metrics over a feed."""
    with net.built_for(data.form.inputs), net.guard.reading("evaluate"):
        program = net.pool.lease(net, net.request(Kind.EVALUATE, data.form), data.rows)
        try:
            program.reset()
            program.clear_states()
            with closing(data.sections(0)) as sections:
                for section in sections:
                    program = suited(net, program, section.examples, data.rows)
                    program.attach(*section.examples.arrays, samples=section.samples, stop=section.stop)
                    program.run_all(section.stop, data.rows, section.start, section.order, net.counters.update)
                    program.take(section, section.stop)
            return program.results()
        finally:
            net.pool.give_back(program)


def run(
    net: Compiled,
    request: Request,
    x: Any,
    batch_size: int | None,
    lengths: Any = None,
    stateful: bool = False,
    rows: Any = None,
) -> Any:
    """The results for x, as `predict` and `classify` return them."""
    usual = lengths is None and batch_size is None and stateful is False and rows is None
    if usual and is_batch(x, net.input_shape) and len(x) <= CHUNK and len(net.shapes) == 1:
        return net.pool.predict(net, x, request)

    given = Given.of(net, x, lengths=lengths, rows=rows)
    make = without_targets(net, stateful, empty=True)
    data = feed(given, make, chosen_rows(batch_size, stateful, given), stateful=stateful)
    form = data.form
    request = net.at(request._replace(lengths=form.ending, stateful=stateful), form.inputs)
    with net.built_for(form.inputs), net.guard.reading(request.kind.value):
        program = net.pool.lease(net, request, max(1, data.rows))
        try:
            program.clear_states()
            out = program.empty(data.size)
            pieces: list[list[np.ndarray]] = []
            with closing(data.sections(0)) as sections:
                for section in sections if form.size else ():
                    program = suited(net, program, section.examples, max(1, data.rows))
                    run = slice(section.first, section.first + section.stop)
                    found = [array[run] for array in out] if data.size else program.empty(section.stop)
                    program.attach(*section.examples.inputs, *found, *section.examples.lengths, samples=section.samples)
                    program.run_all(section.stop, data.rows, section.start, section.order)
                    pieces.append(found)
        finally:
            net.pool.give_back(program)
    if not data.size and form.size:
        if len({tuple(array.shape[1:] for array in piece) for piece in pieces}) > 1:
            raise ValueError("the batches have outputs of different lengths; predict each batch alone")
        out = [np.concatenate(each) for each in zip(*pieces, strict=True)]
    return one_or_all(net.graph.output_names, out)
