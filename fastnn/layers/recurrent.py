"""Recurrent layers: what they give at a step depends on the steps before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from fastnn import kernels
from fastnn.common import checks
from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor
from fastnn.initializers import INITIALIZERS, Initializer
from fastnn.layers.base import Layer, Parameter, called, expected
from fastnn.layers.symbol import Symbol
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.values import Buffer, Value, Weight

Shape = tuple[int, ...]


@dataclass(eq=False, repr=False)
class State(Layer):
    """A state after the last step: what a layer with return_state=True makes beside y, as in y, h, c = lstm(x).

    number: 0 is h, 1 the c of an LSTM. Called on y it gives (batch, units).
    """

    number: int

    stepwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "number", checks.integer("State: number", self.number, 0, 1))

    def output(self, features: Shape) -> Shape:
        return features[-1:]

    def lower(self, plan: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        if self.number >= len(x.states):
            raise ValueError(f"{self.title()}: takes what a recurrent layer with return_state=True gives")
        return x.states[self.number]


@dataclass(eq=False, repr=False)
class Recurrent(Layer):
    """What LSTM, GRU and SimpleRNN share: settings, parameters, and how they become Ops."""

    units: int
    return_sequences: bool = False
    return_state: bool = False
    reverse: bool = False
    dropout: float = 0.0
    recurrent_dropout: float = 0.0
    initializer: str = field(default="glorot_uniform", kw_only=True)
    recurrent_initializer: str = field(default="orthogonal", kw_only=True)

    stepwise: ClassVar[bool] = True
    gates: ClassVar[int]
    #: The states, the Ops, and the names of what the one keeps for the other.
    states: ClassVar[tuple[str, ...]] = ("h",)
    forward: ClassVar[type[Op]]
    gradient: ClassVar[type[Op]]
    keeps: ClassVar[tuple[str, ...]] = ("before",)
    takes: ClassVar[tuple[str, ...]] = ()
    #: Whether what the state contributes to the gates is kept apart from what the input does.
    sums: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "units", checks.integer(f"{self.kind}: units", self.units))
        for name in ("return_sequences", "return_state", "reverse"):
            checks.flag(f"{self.kind}: {name}", getattr(self, name))
        for name in ("dropout", "recurrent_dropout"):
            rate = checks.real(f"{self.kind}: {name}", getattr(self, name), least=0, below=1)
            object.__setattr__(self, name, rate)
        for name in (self.initializer, self.recurrent_initializer):
            checks.known("initializer", name, INITIALIZERS)

    def __call__(self, x: Any, initial_state: Symbol | Sequence[Symbol] | None = None) -> Any:
        """What the layer makes of x; initial_state: h, of an LSTM [h, c], before the first step, else zeros.

        With return_state it is y and the states after the last step: y, h, of an LSTM y, h, c.
        """
        given = list(x) if isinstance(x, (list, tuple)) else [x]
        if initial_state is not None:
            given += initial_state if isinstance(initial_state, (list, tuple)) else [initial_state]
        y = called(self, given)
        return (y, *(State(i)(y) for i in range(len(self.states)))) if self.return_state else y

    @property
    def recurrent(self) -> bool:
        return True

    def given(self, values: list[Any]) -> Any:
        return values

    def parameters(self, features: list[Shape]) -> dict[str, Parameter]:
        inputs, width = features[0][-1], self.gates * self.units
        return {
            "weight": Parameter((inputs, width), self.initializer, inputs, width),
            "recurrent_weight": Parameter((self.units, width), self.recurrent_initializer, self.units, width),
            "bias": Parameter((width,), self.first_bias()),
        }

    def first_bias(self) -> str | Initializer:
        """What the bias begins with."""
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

    def options(self) -> dict[str, Any]:
        """Settings of the Ops."""
        return {"reverse": self.reverse}

    def _carried(self, plan: Lowering, initial: Sequence[Value]) -> list[Tensor]:
        """The states that are carried from run to run."""
        if initial or self.reverse:
            why = "has initial states of its own" if initial else "goes from the last step to the first"
            raise ValueError(f"{plan.layer}: {self.title()} {why}, and so carries no state to the next batch or step")
        states = [Tensor((plan.rows, self.units)) for _ in self.states]
        assert plan.states is not None
        plan.states += states
        return states

    def lower(self, plan: Lowering, x: list[Value], weights: dict[str, Weight], index: int) -> Value:
        given = _dropped(plan, plan.read(plan.by_steps(x[0])), self.dropout, index)
        initial = [plan.read(plan.whole(value)) for value in x[1:]]
        weight, recurrent, bias = (weights[name] for name in ("weight", "recurrent_weight", "bias"))
        trains = any(value.trains for value in (given, *initial)) or weight.gradient is not None
        z, steps = given.buffer.beside(self.gates * self.units), given.buffer.steps
        plan.emit(kernels.Dense, given.buffer, plan.packed(weight.value), bias.value, z)

        y = plan.value(self.units, trains, beside=given)
        last = [plan.value(self.units, trains) for _ in self.states]
        options = self.options()
        if plan.training and self.recurrent_dropout:
            options["mask"] = _mask(plan, self.units, self.recurrent_dropout, plan.stream())
        kept = {name: z.beside(self.units) for name in self.keeps} if plan.training else {}
        sums = {"sums": z.beside()} if self.sums else {}
        if self.sums and "mask" in options:
            kept["plain"] = z.beside(self.units)
        results = {"y": y.buffer} if self.return_sequences else {}
        if self.return_state or not self.return_sequences or plan.states is not None:
            results |= {f"last_{name}": value.buffer for name, value in zip(self.states, last, strict=True)}
        before: list[Any] = [value.buffer for value in initial]
        if plan.states is not None:
            before = self._carried(plan, initial)
        results |= {f"{name}0": first for name, first in zip(self.states, before, strict=False)}
        running = {name: Buffer(self.units) for name in self.states}
        packed = plan.packed(recurrent.value)
        plan.emit(self.forward, z, packed, steps, **running, **sums, **kept, **results, **options)
        if plan.states is not None:
            _keep(plan, last, before)

        def backward() -> None:
            gradients = {"dy": y.gradient} if self.return_sequences else {}
            gradients |= {f"dlast_{name}": value.gradient for name, value in zip(self.states, last, strict=True)}
            wanted = [plan.gradient(value) for value in initial] if any(value.trains for value in initial) else []
            gradients |= {f"d{name}0": gradient for name, gradient in zip(self.states, wanted, strict=False)}
            running = {name: Buffer(self.units) for name in self.states}
            taken = {name: buffer for name, buffer in kept.items() if name in self.takes}
            if "plain" in kept:
                taken = {"before": kept["plain"], "scratch": Buffer(self.units)}
            plan.emit(self.gradient, z, recurrent.value, steps, **running, **sums, **taken, **gradients, **options)
            for value in initial:
                if value.gradient is not None:
                    plan.apply_derivative(value)
            if recurrent.gradient is not None:
                add = plan.adds(weight)
                plan.adds(recurrent)  # as that of weight: it is written here too
                found, beside = (weight.gradient, bias.gradient), {}
                if self.sums:
                    plan.emit(kernels.DenseWeightGradient, kept["before"], sums["sums"], recurrent.gradient, add=add)
                else:
                    beside = {"other": kept["before"], "dother": recurrent.gradient}
                plan.emit(kernels.DenseWeightGradient, given.buffer, z, *found, **beside, add=add)
            if given.trains:
                slope = given.slope if given.activation != "identity" else ()
                plan.emit(kernels.DenseInputGradient, z, weight.value, plan.gradient(given), *slope)

        plan.backward(backward)
        for value in last:
            value.shape = (self.units,)
        if not self.return_sequences:
            y, *again = plan.fork(last[0], 2 if self.return_state else 1)
            y.states = (*again, *last[1:])
        elif self.return_state:
            y.states = tuple(last)
        return y


def _keep(plan: Lowering, last: Sequence[Value], carried: Sequence[Tensor]) -> None:
    """The last states are those before the next run, when nothing can stop this one."""

    def keep() -> None:
        for value, state in zip(last, carried, strict=True):
            plan.emit(kernels.Scale, value.buffer, state, factor=1.0)

    plan.closing(keep)


def _mask(plan: Lowering, columns: int, rate: float, stream: int) -> Buffer:
    """Emits factors for each row: 0 with probability rate, else 1 / (1 - rate)."""
    ones, factors = Tensor((plan.rows, columns)), Buffer(columns)
    ones.array[...] = 1
    plan.emit(kernels.Dropout, ones, factors, rate=rate, seed=plan.seed, stream=stream)
    return factors


def _dropped(plan: Lowering, x: Value, rate: float, stream: int) -> Value:
    """The value, in training multiplied by one mask for all steps of a sequence."""
    if not plan.training or rate == 0:
        return x
    y, factors, steps = plan.value(x.columns, x.trains, beside=x), _mask(plan, x.columns, rate, stream), x.buffer.steps
    plan.emit(kernels.StepMultiply, x.buffer, factors, y.buffer, steps)

    def backward() -> None:
        if x.trains:
            plan.emit(kernels.StepMultiply, y.gradient, factors, plan.gradient(x), steps)
            plan.apply_derivative(x)

    plan.backward(backward)
    return y


def open_forget_gates(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
    """1 for an LSTM's forget gates, the second of four, else 0."""
    return np.repeat([0, 1, 0, 0], shape[0] // 4)


@dataclass(eq=False, repr=False)
class LSTM(Recurrent):
    """i, f, g, o = split(x_t @ weight + h @ recurrent_weight + bias); c = s(f) c + s(i) tanh(g); h = s(o) tanh(c).

    s is the sigmoid; h and c are the states, zeros before the first step. x (batch, time, in), y (batch, units), the
    last h; with return_sequences (batch, time, units), the h of each step. weight (in, 4 units), recurrent_weight
    (units, 4 units), bias (4 units,), gates in the order i, f, g, o; the forget gate's bias begins with 1.
    return_state: y, h, c = layer(x), with the states after the last step. reverse: the steps are taken from the last to
    the first; y stays in the order of x. dropout, recurrent_dropout: in training so many of the inputs, and of the h
    that the product takes, are zero and the others divided by 1 - rate: the same ones at all steps of a sequence (Gal &
    Ghahramani 2016). initializer: of weight; recurrent_initializer: of recurrent_weight.
    Raises ValueError for units < 1, a rate outside [0, 1), an unknown initializer, and, when built, an input of another
    rank or states of another shape. Hochreiter & Schmidhuber 1997; forget gates: Gers et al. 2000; their bias:
    Jozefowicz et al. 2015.
    """

    gates: ClassVar[int] = 4
    states: ClassVar[tuple[str, ...]] = ("h", "c")
    forward: ClassVar[type[Op]] = kernels.LSTM
    gradient: ClassVar[type[Op]] = kernels.LSTMGradient
    keeps: ClassVar[tuple[str, ...]] = ("before", "cells")
    takes: ClassVar[tuple[str, ...]] = ("cells",)

    def first_bias(self) -> str | Initializer:
        return open_forget_gates


@dataclass(eq=False, repr=False)
class GRU(Recurrent):
    """r, z = s(x_t W + b + h U); n = tanh(x_t W_n + b_n + r (h U_n)); h = (1 - z) n + z h.

    W is weight (in, 3 units), U recurrent_weight (units, 3 units), b bias (3 units,), the gates in the order r, z, n.
    The reset gate comes after the product, as in PyTorch, cuDNN and Keras; there is one bias. All else as in an LSTM,
    but that h is the only state. Cho et al. 2014.
    """

    gates: ClassVar[int] = 3
    sums: ClassVar[bool] = True
    forward: ClassVar[type[Op]] = kernels.GRU
    gradient: ClassVar[type[Op]] = kernels.GRUGradient
    takes: ClassVar[tuple[str, ...]] = ("before",)


@dataclass(eq=False, repr=False)
class SimpleRNN(Recurrent):
    """h = activation(x_t @ weight + h @ recurrent_weight + bias).

    weight (in, units), recurrent_weight (units, units), bias (units,). activation: a name in `fastnn.activations` whose
    derivative is computed from its result, elementwise: tanh, relu, sigmoid, not gelu. All else as in an LSTM, but that
    h is the only state. Elman 1990.
    """

    activation: str = field(default="tanh", kw_only=True)

    gates: ClassVar[int] = 1
    forward: ClassVar[type[Op]] = kernels.RNN
    gradient: ClassVar[type[Op]] = kernels.RNNGradient

    def __post_init__(self) -> None:
        super().__post_init__()
        known = [name for name in kernels.ACTIVATIONS if name not in kernels.DERIVED_FROM_INPUT]
        checks.known("activation", self.activation, known)

    def options(self) -> dict[str, Any]:
        return {**super().options(), "activation": self.activation}
