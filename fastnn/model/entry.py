"""Where data enter a plan and results leave it: the ports, the gathers behind them and the scatters before them."""

from __future__ import annotations

import math
from collections.abc import Sequence, Set
from contextlib import nullcontext

from fastnn import kernels
from fastnn.common.free import Shape
from fastnn.engine.port import Port
from fastnn.engine.tensor import Tensor
from fastnn.layers.graph import Graph
from fastnn.lowering.call import Buffer
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value
from fastnn.model import lengths
from fastnn.model.request import Request


class Entry:
    """Emits how the inputs of a graph enter a plan.

    ports: of each input. inputs: their values, a row for each sample. values: the same as layers take them: sequences
    by steps where they have lengths, are of ids, or the network is recurrent, so that it computes in the same order
    with lengths and without. lengths: the ports of the sequences' lengths, where they have their own.
    """

    def __init__(
        self,
        graph: Graph,
        lowering: Lowering,
        shapes: Sequence[Shape],
        request: Request,
        gradients: bool = False,
        check: str = "finite",
        steps: Set[int] = frozenset(),
    ) -> None:
        """gradients: whether those with respect to the inputs are requested. check: the one for their values.

        steps: of a stream, the inputs that go step by step; the others are held, and enter another plan, as lengths do.
        """
        sequences = graph.sequences(shapes)
        self.lengths = [Port(name, 1) for name in lengths.names(request.lengths, graph.inputs, sequences)]
        ended = [(i, self.lengths[n]) for i, n in enumerate(request.lengths) if n >= 0]
        with lowering.once() if lowering.stepping else nullcontext():
            layouts = {i: lowering.lay_out(shapes[i][0], port) for i, port in ended}
        if request.stateful:
            if not graph.recurrent:
                raise ValueError("stateful: no layer of the network is recurrent, so there is no state to carry")
            lowering.states = []
        self.ports: list[Port] = []
        self.inputs: list[Value] = []
        self.values: list[Value] = []
        for i, features in enumerate(shapes):
            held = lowering.stepping and i not in steps
            size, ids = math.prod(features[1:] if i in steps else features), graph.vocabulary(i)
            port = Port(title("x", graph.inputs, i), size)
            buffer = Buffer(size, "float32" if ids is None else "int32")
            value = Value(buffer, gradients and ids is None, shape=features, held=held)
            own = layouts[i].arguments[-1] if i in layouts else None
            with lowering.turn([value]):
                if ids is not None:
                    lowering.emit(kernels.GatherLabels, port, value.buffer, lengths=own, classes=ids, what="id")
                else:
                    width = size if own is None else math.prod(features[1:])
                    lowering.emit(kernels.Gather, port, value.buffer, own, check=check, width=width)
                if i in steps:
                    entered = lowering.step_of(value)
                elif i in layouts or (i in sequences and (ids is not None or graph.recurrent)):
                    entered = lowering.by_steps(value, layouts.get(i) or lowering.lay_out(features[0]))
                else:
                    entered = value
            entered.held = held
            self.ports.append(port)
            self.inputs.append(value)
            self.values.append(entered)


def input_gradients(lowering: Lowering, inputs: Sequence[Value]) -> list[Buffer | Tensor]:
    """The gradients with respect to the inputs; zeros for ids."""
    return [value.gradient or Tensor((lowering.rows, value.columns)) for value in inputs]


def leave(lowering: Lowering, what: str, names: Sequence[str], buffers: Sequence[Buffer | Tensor]) -> list[Port]:
    """Emits the scatter of each buffer, as whole samples; returns the ports by which they leave."""
    ports = []
    for i, given in enumerate(buffers):
        buffer = lowering.joined(given) if isinstance(given, Buffer) else given
        ports.append(Port(title(what, names, i), buffer.columns))
        lowering.emit(kernels.Scatter, buffer, ports[-1])
    return ports


def title(what: str, names: Sequence[str], index: int) -> str:
    """What errors call the array for an input or output."""
    return what if len(names) == 1 else f"{what}[{names[index]!r}]"
