"""What the tests of recurrent Ops share: an op and its gradient, on copies of arrays, with all that they may leave."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

import reference_sequences as twins
from check import empty, run, tensor, written
from fastnn import kernels
from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor
from fastnn.kernels import Packed
from sequences import laid, some, stepped

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
Arrays = dict[str, NDArray]


def inputs(kind: str, units: int, total: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """z and a weight under which states neither die nor grow."""
    width = GATES[kind] * units
    return some(total, width), some(units, width, start=1) / np.float32(np.sqrt(units))


class Recurrence:
    """The forward op and its gradient of one kind over sequences of these lengths.

    given: h0, c0, mask, bias; options: reverse, activation. lean: nothing is kept for a gradient.
    """

    def __init__(
        self,
        kind: str,
        z: NDArray,
        weight: NDArray | Packed,
        lengths: Sequence[int],
        times: int,
        given: Arrays | None = None,
        *,
        lean: bool = False,
        **options: object,
    ) -> None:
        self.kind, self.lengths, self.times, self.options = kind, lengths, times, options
        self.rows, self.total, self.gates = len(lengths), sum(lengths), GATES[kind]
        self.weight = weight if isinstance(weight, Packed) else tensor(weight)
        self.matrix = self.weight.weight.array if isinstance(weight, Packed) else weight
        self.units, self.steps = self.matrix.shape[0], laid(lengths, times)
        self.given, self.states = given or {}, ("h", "c") if kind == "LSTM" else ("h",)
        tensors = {name: tensor(array) for name, array in self.given.items()}
        self.mask = {"mask": tensors["mask"]} if "mask" in tensors else {}

        names = ["y"] if lean else ["y", "before", *(["cells"] if kind == "LSTM" else [])]
        names += ["plain"] if kind == "GRU" and self.mask else []
        self.by_step = {"z": stepped(z, self.rows, times), **{name: self.by_steps() for name in names}}
        self.by_row = {f"last_{state}": self.state() for state in self.states}
        running = {state: self.state() for state in self.states}
        sums = {"sums": self.by_steps(self.gates)} if kind == "GRU" else {}
        wanted = {name: self.by_step[name] for name in names}
        self.op: Op = getattr(kernels, kind)(
            self.by_step["z"], self.weight, self.steps, **running, **sums, **wanted, **self.by_row, **tensors, **options
        )
        self.by_step |= sums
        self.outputs = [*self.by_step.values(), *self.by_row.values(), *running.values()]

    def state(self) -> Tensor:
        return empty(self.rows, self.units)

    def by_steps(self, times_as_wide: int = 1) -> Tensor:
        return empty(self.rows * self.times, times_as_wide * self.units)

    def results(self) -> Arrays:
        by_step = {name: written(kept, self.total) for name, kept in self.by_step.items()}
        return by_step | {name: last.array for name, last in self.by_row.items()}

    def run(self) -> Arrays:
        run(self.op, *self.outputs)
        return self.results()

    def expected(self) -> Arrays:
        """What the twin says, of z as it is now."""
        z = written(self.by_step["z"], self.total).copy()
        return getattr(twins, self.kind)(z, self.matrix, self.lengths, **self.given, **self.options)

    def gradient(self, grads: Arrays, first: bool = True) -> tuple[Op, dict[str, Tensor]]:
        """The gradient op and what it writes, after a run. first: the gradients of first states are wanted."""
        made = {name: tensor(d) for name, d in grads.items() if name != "dy"}
        if "dy" in grads:
            made["dy"] = stepped(grads["dy"], self.rows, self.times)
        wanted = {f"d{state}0": self.state() for state in self.states} if first else {}
        running = {state: self.state() for state in self.states}
        sums, kept, scratch = {}, [], {}
        if self.kind == "GRU":
            sums = {"sums": self.by_step["sums"]}
            kept = [self.by_step["plain" if self.mask else "before"]]
            scratch = {"scratch": self.state()} if self.mask else {}
        elif self.kind == "LSTM":
            kept = [self.by_step["cells"]]
        z = self.by_step["z"]
        op = getattr(kernels, f"{self.kind}Gradient")(
            z, tensor(self.matrix), self.steps, *running.values(), *sums.values(), *kept,
            **made, **wanted, **self.mask, **scratch, **self.options,
        )  # fmt: skip
        return op, {"z": z, **sums, **wanted} | {
            f"running {name}": state for name, state in (running | scratch).items()
        }

    def run_gradient(self, grads: Arrays, first: bool = True) -> Arrays:
        op, outputs = self.gradient(grads, first)
        run(op, *outputs.values())
        return {
            name: written(output, self.total) if name in ("z", "sums") else output.array
            for name, output in outputs.items()
            if "running" not in name
        }

    def expected_gradient(self, grads: Arrays) -> Arrays:
        """What the twin says, of what the run left."""
        results = {name: array.copy() for name, array in self.results().items()}
        kept = []
        if self.kind == "GRU":
            kept = [results["sums"], results["plain" if self.mask else "before"]]
        elif self.kind == "LSTM":
            kept = [results["cells"]]
        mask = {name: array for name, array in self.given.items() if name == "mask"}
        twin = getattr(twins, f"{self.kind}Gradient")
        return twin(results["z"], self.matrix, self.lengths, *kept, **grads, **mask, **self.options)


def firsts(kind: str, rows: int, units: int) -> Arrays:
    """First states, other ones for each row."""
    return {f"{state}0": some(rows, units, start=2 + i) for i, state in enumerate("hc" if kind == "LSTM" else "h")}


def bias(kind: str, units: int) -> Arrays:
    """A bias of the product, which a GRU alone has."""
    return {"bias": some(3 * units, start=8)} if kind == "GRU" else {}


def mask(rows: int, units: int) -> NDArray[np.float32]:
    """As dropout makes it: zeros, and what makes up for them."""
    return np.where(some(rows, units, start=9) > 0, np.float32(2), np.float32(0))


def grads(kind: str, rows: int, total: int, units: int) -> Arrays:
    """The gradients of all results."""
    lasts = {
        f"dlast_{state}": some(rows, units, start=5 + i) for i, state in enumerate("hc" if kind == "LSTM" else "h")
    }
    return {"dy": some(total, units, start=4), **lasts}
