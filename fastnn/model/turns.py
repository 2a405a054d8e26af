"""Turns: the programs of one request for inputs of several lengths, which take turns in one memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastnn.engine.tensor import Block

if TYPE_CHECKING:
    from fastnn.model.program import Program

#: Lengths whose programs are kept; of more, those go that were not used for longest.
KEPT = 64


class Turns:
    """The programs by the shapes of their inputs. Nothing in the memory of a program outlives its run."""

    def __init__(self) -> None:
        self.programs: dict[tuple[tuple[int, ...], ...], Program] = {}
        self.block: Block | None = None
        self.busy = False

    def memory(self, nbytes: int) -> Block:
        """The memory of all programs, larger if it must be: the others are dropped then, and made again when needed."""
        if self.block is None or self.block.nbytes < nbytes:
            self.programs.clear()
            self.block = None  # frees it before the larger one is made
            self.block = Block(nbytes)
        return self.block

    def keep(self, program: Program) -> None:
        """Puts the program at the end of those to be dropped."""
        self.programs.pop(program.request.features, None)
        self.programs[program.request.features] = program
        if len(self.programs) > KEPT:
            del self.programs[next(iter(self.programs))]
