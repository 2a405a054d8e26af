"""What frozen networks are made of: a snapshot of the weights, and the program of one time step."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from fastnn.engine.tensor import Tensor
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.model.build_program import predict_program
from fastnn.model.compiled import Compiled
from fastnn.model.entry import Entry, leave
from fastnn.model.parameters import Blocks
from fastnn.model.program import Program
from fastnn.model.request import Kind, Request

Shape = tuple[int, ...]

_PREDICT = Request(Kind.PREDICT)


class Snapshot:
    """A copy of a network's parameters and statistics, and what is derived from it: their packed forms, say."""

    def __init__(self, blocks: Blocks) -> None:
        self.blocks = blocks
        flats = [flat for block in blocks.bases for flat in (block.values, block.statistics)]
        self.copies = {flat: Tensor(flat.shape) for flat in flats}
        self.weights = {
            name: Weight(block.view(self.copies[block.flat(key)], key)) for name, (block, key) in blocks.places.items()
        }
        self.derived: dict[Hashable, Callable[[], None]] = {}
        self.update()

    def update(self) -> None:
        """Copies the weights as they are now, and derives the rest from them."""
        for flat, copy in self.copies.items():
            copy.array[...] = flat.array
        for derive in self.derived.values():
            derive()


def frozen_program(net: Compiled, rows: int, snapshot: Snapshot) -> Program:
    """The program that predicts from a snapshot, for up to that many rows."""
    return predict_program(net, _PREDICT, rows, snapshot.weights, snapshot.derived)


def stream_program(net: Compiled, streams: int, snapshot: Snapshot) -> tuple[Program, Shape]:
    """The program of one time step of that many streams, and the shape of its output.

    Raises ValueError for a network that cannot go step by step.
    """
    if not net.graph.recurrent:
        raise ValueError("freeze: no layer of the network is recurrent; leave out streaming=True")
    lowering = Lowering(streams, snapshot.weights, seed=net.seed, derived=snapshot.derived, states=[], stepping=True)
    entry = Entry(net.graph, lowering, [(1, *net.input_shape[1:])], _PREDICT, check="unchecked")
    outputs = net.graph.lower(lowering, entry.values, snapshot.weights, net.features)
    shape = net.output_shape if outputs[0].buffer.steps is None else net.output_shape[1:]
    with lowering.named("predict"):
        results = [lowering.read(output).buffer for output in outputs]
        out = leave(lowering, "out", net.graph.output_names, results)
    lowering.run_closing()
    states = lowering.states or []
    return Program(_PREDICT, lowering.assemble([*entry.ports, *out], states), states=states), shape
