"""From layers to a flat list of Ops on one arena.

Layers emit calls of Ops on Buffers, first all forward, then, in reverse, what they registered with `backward`. When all
calls are known, Buffers that are not needed at the same time get the same memory, and the Ops are made.
There is no optimization pass over the list: each layer decides itself what it fuses.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastnn.engine.plan import Plan
from fastnn.engine.port import Port
from fastnn.engine.tensor import Block, Tensor
from fastnn.lowering.arena import place
from fastnn.lowering.call import Buffer, Call, ToPack
from fastnn.lowering.stepping import Stepping

#: Returns memory of at least that many bytes.
Memory = Callable[[int], Block]


@dataclass(eq=False, repr=False)
class Lowering(Stepping):
    """Collects the Ops that layers emit, and makes a Plan of them.

    memory: returns the memory for the Buffers; None: the plan has its own.
    """

    memory: Memory | None = None

    def assemble(self, ports: list[Port], kept: list[Tensor]) -> Plan:
        """Places the Buffers in an arena and makes the Ops."""
        return self.assemble_parts([(len(self.calls), ports, kept)])[0]

    def assemble_parts(self, parts: list[tuple[int, list[Port], list[Tensor]]]) -> list[Plan]:
        """The same for a plan that runs in parts: each with the number of calls where it ends, its ports and kept."""
        for registered in (self.backwards, self.closings, self.penalties):
            registered.clear()  # each holds this Lowering: a cycle that would keep the arena until a garbage collection
        places, nbytes = place(self.calls, self.rows)
        arena = Block(nbytes) if self.memory is None else self.memory(nbytes)
        tensors: dict[tuple[Buffer, int], Tensor] = {}

        def tensor(buffer: Buffer, positions: int) -> Tensor:
            if (buffer, positions) not in tensors:
                shape = self.rows * buffer.times * positions, buffer.columns // positions
                at = (arena, places[buffer]) if buffer.memory is None else (buffer.memory.block, 0)
                tensors[buffer, positions] = Tensor(shape, buffer.dtype, *at)
            return tensors[buffer, positions]

        for call in self.calls:
            n = call.positions
            arguments = [tensor(a, n) if isinstance(a, Buffer) else self._final(a) for a in call.arguments]
            options = {
                name: tensor(a, n) if isinstance(a, Buffer) else self._final(a) for name, a in call.options.items()
            }
            call.made = call.op(*arguments, **options)
            call.made.layer, call.made.positions = call.layer, n
            if call.factor != 1:
                call.made.factor = call.factor  # type: ignore[attr-defined]  # it is an Update
            if call.leader is not None:
                call.leader.made.lead(call.made)  # type: ignore[union-attr]  # it is made: Steps come first
        ops = [call.made for call in self.calls if call.made is not None]
        plans, start = [], 0
        for end, ports, kept in parts:
            plans.append(Plan(ops[start:end], ports, kept, nbytes))
            start = end
        return plans

    def _final(self, argument: Any) -> Any:
        """The argument as an Op takes it; a matrix is packed here, since now a product is known to read it."""
        if isinstance(argument, Call):
            return argument.made
        if isinstance(argument, ToPack):
            return self.derive(argument, lambda: argument.op(argument.weight, *argument.arguments))
        return argument
