"""What recurrent layers share: settings, parameters, and how they become Ops. recurrent.py has the layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from fastnn import initializers, kernels
from fastnn.common import checks
from fastnn.common.free import Shape
from fastnn.engine.tensor import Tensor
from fastnn.initializers import Initializer
from fastnn.layers.base import Layer, Parameter, expected
from fastnn.layers.symbol import Symbol
from fastnn.lowering.call import Buffer, Call, ToPack, Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


@dataclass(eq=False, repr=False)
class State(Layer):
    """A state after the last step of a recurrent layer with return_state=True, as in y, h, c = lstm(x).

    Such a call makes these layers; called on y, one returns a state (batch, units).

    Parameters
    ----------
    number : int
        0 for h, 1 for the c of an LSTM; of a `Bidirectional` then those in reverse.
    joined : int, default 1
        How many results y is the concatenation of: 2 of a `Bidirectional` that concatenates.

    Raises
    ------
    TypeError, ValueError
        For other numbers; when built, where the input has no such state.

    Examples
    --------
    >>> import fastnn as fnn
    >>> y, h, c = fnn.LSTM(8, return_sequences=True, return_state=True)(fnn.Input((5, 3)))
    >>> y, c
    (LSTM(8) -> (batch, 5, 8), State(1) -> (batch, 8))
    """

    number: int
    joined: int = 1

    stepwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "number", checks.integer("State: number", self.number, 0, 3))
        object.__setattr__(self, "joined", checks.integer("State: joined", self.joined, 1, 2))

    def output(self, features: Shape) -> Shape:
        if not features or features[-1] % self.joined:
            raise expected(self, "from a recurrent layer with return_state=True", features)
        return (features[-1] // self.joined,)

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        if self.number >= len(x.states):
            raise ValueError(f"{self.title()}: call it on the output of a recurrent layer with return_state=True")
        return x.states[self.number]


@dataclass(eq=False, repr=False)
class Cells:
    """What the Op of a recurrent layer and its gradient read and write in a plan; None for what is not needed.

    By step: z, what the inputs contribute to the gates, then the gates, in the end their gradient; y, the h after each
    step. By sequence: first and last, the states before the first step and after the last one, [h] or [h, c]; mask,
    which the h that the product takes is multiplied with. recurrent_bias is added to that product.
    For the gradient, by step: before, the h that the product took, with the mask; plain, the same without it; memory,
    the c before; sums, what h contributed to the gates.
    """

    steps: Call
    z: Buffer
    y: Buffer | None
    first: Sequence[Buffer | Tensor | None]
    last: Sequence[Buffer | None]
    mask: Buffer | None
    before: Buffer | None
    recurrent_bias: Tensor | None = None
    plain: Buffer | None = None
    memory: Buffer | None = None
    sums: Buffer | None = None


class CellGradients(NamedTuple):
    """The gradients of a layer's results, and where those of its first states go; None where there is none."""

    y: Buffer | None
    last: Sequence[Buffer | None]
    first: Sequence[Buffer | None]


@dataclass(eq=False, repr=False)
class Recurrent(Layer):
    """What LSTM, GRU and SimpleRNN share. Each says how its cells become Ops: emit_forward and emit_gradient."""

    units: int
    return_sequences: bool = False
    return_state: bool = False
    reverse: bool = False
    dropout: float = 0.0
    recurrent_dropout: float = 0.0
    initializer: str | Initializer = field(default="glorot_uniform", kw_only=True)
    recurrent_initializer: str | Initializer = field(default="orthogonal", kw_only=True)

    stepwise: ClassVar[bool] = True
    gates: ClassVar[int]
    #: The states that are carried from step to step.
    states: ClassVar[tuple[str, ...]] = ("h",)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "units", checks.integer(f"{self.kind}: units", self.units))
        for name in ("return_sequences", "return_state", "reverse"):
            checks.flag(f"{self.kind}: {name}", getattr(self, name))
        for name in ("dropout", "recurrent_dropout"):
            rate = checks.real(f"{self.kind}: {name}", getattr(self, name), least=0, below=1)
            object.__setattr__(self, name, rate)
        for name in ("initializer", "recurrent_initializer"):
            object.__setattr__(self, name, initializers.named(getattr(self, name)))

    def __call__(self, x: Any, initial_state: Symbol | Sequence[Symbol] | None = None) -> Any:
        """The output for x; initial_state: h, for an LSTM [h, c], before the first step; None is zeros.

        With return_state also the states after the last step: y, h, for an LSTM y, h, c.
        """
        given = list(x) if isinstance(x, (list, tuple)) else [x]
        if initial_state is not None:
            given += initial_state if isinstance(initial_state, (list, tuple)) else [initial_state]
        y = super().__call__(given)
        return (y, *(State(i)(y) for i in range(len(self.states)))) if self.return_state else y

    @property
    def deterministic(self) -> bool:
        return super().deterministic and not (self.dropout or self.recurrent_dropout)

    @property
    def recurrent(self) -> bool:
        return True

    def given(self, values: list[Any]) -> Any:
        return values

    def read_whole(self, count: int) -> set[int]:
        return set(range(1, count))

    def parameters(self, features: list[Shape]) -> dict[str, Parameter]:
        inputs, width = features[0][-1], self.gates * self.units
        return {
            "weight": Parameter((inputs, width), self.initializer, inputs, width),
            "recurrent_weight": Parameter((self.units, width), self.recurrent_initializer, self.units, width),
            "bias": Parameter((width,), self.first_bias()),
        }

    def first_bias(self) -> str | Initializer:
        """What the bias starts with."""
        return "zeros"

    def output(self, features: list[Shape]) -> Shape:
        x, *initial = features
        if len(x) != 2:
            raise expected(self, "(batch, time, features)", x)
        if initial and initial != [(self.units,)] * len(self.states):
            wanted = " and ".join([checks.batch((self.units,))] * len(self.states))
            got = " and ".join(map(checks.batch, initial))
            raise ValueError(f"{self.title()}: expected initial states {wanted}, got {got}")
        return (x[0], self.units) if self.return_sequences else (self.units,)

    def emit_forward(self, lowering: Lowering, weight: Tensor | ToPack, cells: Cells) -> None:
        """Emits the Op, and adds to the cells what its gradient needs."""
        raise NotImplementedError

    def emit_gradient(self, lowering: Lowering, weight: Tensor, cells: Cells, gradients: CellGradients) -> None:
        """Emits the gradient of the Op, which overwrites z with the gradient of z."""
        raise NotImplementedError

    def _carried(self, lowering: Lowering, initial: Sequence[Value]) -> list[Tensor]:
        """The states that are carried from run to run; held initial states are those that they begin with."""
        given = [value.buffer.memory for value in initial]
        if self.reverse or None in given:
            why = "runs from the last step to the first" if self.reverse else "has initial states"
            raise ValueError(
                f"{lowering.layer}: {self.title()} {why}, so it cannot carry a state to the next batch or step"
            )
        firsts = zip(self.states, given or [None] * len(self.states), strict=True)
        return [lowering.remember(name, self.units, first) for name, first in firsts]

    def lower(self, lowering: Lowering, x: list[Value], weights: dict[str, Weight], index: int) -> Value:
        given = _dropped(lowering, lowering.read(lowering.by_steps(x[0])), self.dropout, index)
        initial = [lowering.read(lowering.whole(value)) for value in x[1:]]
        weight, recurrent, bias = (weights[name] for name in ("weight", "recurrent_weight", "bias"))
        trains = any(value.trains for value in (given, *initial)) or weight.gradient is not None
        steps, z = given.buffer.steps, given.buffer.beside(self.gates * self.units)
        assert steps is not None
        lowering.emit(kernels.Dense, given.buffer, lowering.packed(weight.value), bias.value, z)

        y = lowering.value(self.units, trains, beside=given)
        last = [lowering.value(self.units, trains) for _ in self.states]
        for value in last:
            value.shape = (self.units,)
        dropping = lowering.varies and self.recurrent_dropout
        mask = _mask(lowering, self.units, self.recurrent_dropout, lowering.stream()) if dropping else None
        carried = None if lowering.states is None else self._carried(lowering, initial)
        wants_last = self.return_state or not self.return_sequences or carried is not None
        cells = Cells(
            steps,
            z,
            y=y.buffer if self.return_sequences else None,
            first=carried or [value.buffer for value in initial] or [None] * len(self.states),
            last=[value.buffer if wants_last else None for value in last],
            mask=mask,
            before=z.beside(self.units) if lowering.training else None,
            recurrent_bias=weights["recurrent_bias"].value if "recurrent_bias" in weights else None,
        )
        self.emit_forward(lowering, lowering.packed(recurrent.value), cells)
        if carried is not None:
            _keep(lowering, last, carried)
        lowering.backward(lambda: self._lower_backward(lowering, given, initial, weights, cells, y, last))

        if not self.return_sequences:
            y, *again = lowering.fork(last[0], 2 if self.return_state else 1)
            y.states = (*again, *last[1:])
        elif self.return_state:
            y.states = tuple(last)
        return y

    def _lower_backward(
        self,
        lowering: Lowering,
        x: Value,
        initial: list[Value],
        weights: dict[str, Weight],
        cells: Cells,
        y: Value,
        last: list[Value],
    ) -> None:
        """Emits the gradients of the gates, then of the first states, the weights and the input, which follow."""
        weight, recurrent = weights["weight"], weights["recurrent_weight"]
        trains = any(value.trains for value in initial)
        gradients = CellGradients(
            y=y.gradient if self.return_sequences else None,
            last=[value.gradient for value in last],
            first=[lowering.gradient(value) for value in initial] if trains else [None] * len(self.states),
        )
        self.emit_gradient(lowering, recurrent.value, cells, gradients)
        for value in initial:
            if value.gradient is not None:
                lowering.apply_derivative(value)
        if recurrent.gradient is not None:
            add = lowering.adds(weight)
            lowering.adds(recurrent)  # as that of weight: it is written here too
            self.emit_weight_gradients(lowering, x.buffer, weights, cells, add)
        if x.trains:
            slope = x.slope if x.activation != "identity" else ()
            lowering.emit(kernels.DenseInputGradient, cells.z, weight.value, lowering.gradient(x), *slope)

    def emit_weight_gradients(
        self, lowering: Lowering, x: Buffer, weights: dict[str, Weight], cells: Cells, add: bool
    ) -> None:
        """Emits the gradients of all parameters: of both weights in one product, where z holds the gradient of both."""
        gradients = weights["weight"].gradient, weights["bias"].gradient
        other = {"other": cells.before, "dother": weights["recurrent_weight"].gradient}
        lowering.emit(kernels.DenseWeightGradient, x, cells.z, *gradients, **other, add=add)


def _keep(lowering: Lowering, last: Sequence[Value], carried: Sequence[Tensor]) -> None:
    """Hands the last states to the next run, once nothing can stop this one."""

    def keep() -> None:
        for value, state in zip(last, carried, strict=True):
            lowering.emit(kernels.Scale, value.buffer, state, factor=1.0)

    lowering.closing(keep)


def _mask(lowering: Lowering, columns: int, rate: float, stream: int) -> Buffer:
    """Emits factors for each row: 0 with probability rate, else 1 / (1 - rate)."""
    ones, factors = Tensor((lowering.rows, columns)), Buffer(columns)
    ones.array[...] = 1
    lowering.emit(kernels.Dropout, ones, factors, rate=rate, seed=lowering.seed, stream=stream)
    return factors


def _dropped(lowering: Lowering, x: Value, rate: float, stream: int) -> Value:
    """The value, in training multiplied by one mask for all steps of a sequence."""
    if not lowering.varies or rate == 0:
        return x
    y, factors, steps = (
        lowering.value(x.columns, x.trains, beside=x),
        _mask(lowering, x.columns, rate, stream),
        x.buffer.steps,
    )
    lowering.emit(kernels.StepMultiply, x.buffer, factors, y.buffer, steps)

    def backward() -> None:
        if x.trains:
            lowering.emit(kernels.StepMultiply, y.gradient, factors, lowering.gradient(x), steps)
            lowering.apply_derivative(x)

    lowering.backward(backward)
    return y
