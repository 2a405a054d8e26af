"""Recurrent layers: what they give at a step depends on the steps before. See recurrence.py for what they share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from fastnn import kernels
from fastnn.engine.tensor import Tensor
from fastnn.initializers import Initializer
from fastnn.layers.activation import known_activation
from fastnn.layers.recurrence import CellGradients, Cells, Recurrent
from fastnn.lowering.call import Buffer, ToPack, Weight
from fastnn.lowering.lowering import Lowering


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

    def first_bias(self) -> str | Initializer:
        return open_forget_gates

    def emit_forward(self, lowering: Lowering, weight: Tensor | ToPack, cells: Cells) -> None:
        cells.memory = cells.z.beside(self.units) if lowering.training else None
        (h0, c0), (last_h, last_c) = cells.first, cells.last
        lowering.emit(
            kernels.LSTM,
            cells.z,
            weight,
            cells.steps,
            Buffer(self.units),
            Buffer(self.units),
            y=cells.y,
            h0=h0,
            c0=c0,
            last_h=last_h,
            last_c=last_c,
            mask=cells.mask,
            before=cells.before,
            cells=cells.memory,
            reverse=self.reverse,
        )

    def emit_gradient(self, lowering: Lowering, weight: Tensor, cells: Cells, gradients: CellGradients) -> None:
        (dh0, dc0), (dlast_h, dlast_c) = gradients.first, gradients.last
        lowering.emit(
            kernels.LSTMGradient,
            cells.z,
            weight,
            cells.steps,
            Buffer(self.units),
            Buffer(self.units),
            cells.memory,
            dy=gradients.y,
            dh0=dh0,
            dc0=dc0,
            dlast_h=dlast_h,
            dlast_c=dlast_c,
            mask=cells.mask,
            reverse=self.reverse,
        )


@dataclass(eq=False, repr=False)
class GRU(Recurrent):
    """r, z = s(x_t W + b + h U); n = tanh(x_t W_n + b_n + r (h U_n)); h = (1 - z) n + z h.

    W is weight (in, 3 units), U recurrent_weight (units, 3 units), b bias (3 units,), the gates in the order r, z, n.
    The reset gate comes after the product, as in PyTorch, cuDNN and Keras; there is one bias. All else as in an LSTM,
    but that h is the only state. Cho et al. 2014.
    """

    gates: ClassVar[int] = 3

    def emit_forward(self, lowering: Lowering, weight: Tensor | ToPack, cells: Cells) -> None:
        cells.sums = cells.z.beside()
        cells.plain = None if cells.mask is None else cells.z.beside(self.units)
        lowering.emit(
            kernels.GRU,
            cells.z,
            weight,
            cells.steps,
            Buffer(self.units),
            cells.sums,
            y=cells.y,
            h0=cells.first[0],
            last_h=cells.last[0],
            mask=cells.mask,
            before=cells.before,
            plain=cells.plain,
            reverse=self.reverse,
        )

    def emit_gradient(self, lowering: Lowering, weight: Tensor, cells: Cells, gradients: CellGradients) -> None:
        lowering.emit(
            kernels.GRUGradient,
            cells.z,
            weight,
            cells.steps,
            Buffer(self.units),
            cells.sums,
            cells.plain or cells.before,
            dy=gradients.y,
            dh0=gradients.first[0],
            dlast_h=gradients.last[0],
            mask=cells.mask,
            scratch=cells.mask and Buffer(self.units),
            reverse=self.reverse,
        )

    def emit_weight_gradients(
        self, lowering: Lowering, x: Buffer, weights: dict[str, Weight], cells: Cells, add: bool
    ) -> None:
        # The reset gate stands between z and what h contributes, so that each has a gradient of its own.
        gradients = weights["weight"].gradient, weights["bias"].gradient
        recurrent = weights["recurrent_weight"].gradient
        lowering.emit(kernels.DenseWeightGradient, cells.before, cells.sums, recurrent, add=add)
        lowering.emit(kernels.DenseWeightGradient, x, cells.z, *gradients, add=add)


@dataclass(eq=False, repr=False)
class SimpleRNN(Recurrent):
    """h = activation(x_t @ weight + h @ recurrent_weight + bias).

    weight (in, units), recurrent_weight (units, units), bias (units,). activation: a name in `fastnn.activations` whose
    derivative is computed from its result, elementwise: tanh, relu, sigmoid, not gelu. All else as in an LSTM, but that
    h is the only state. Elman 1990.
    """

    activation: str = field(default="tanh", kw_only=True)

    gates: ClassVar[int] = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        known = [name for name in kernels.ACTIVATIONS if name not in kernels.DERIVED_FROM_INPUT]
        object.__setattr__(self, "activation", known_activation(self.activation, known))

    def emit_forward(self, lowering: Lowering, weight: Tensor | ToPack, cells: Cells) -> None:
        lowering.emit(
            kernels.RNN,
            cells.z,
            weight,
            cells.steps,
            Buffer(self.units),
            y=cells.y,
            h0=cells.first[0],
            last_h=cells.last[0],
            mask=cells.mask,
            before=cells.before,
            reverse=self.reverse,
            activation=self.activation,
        )

    def emit_gradient(self, lowering: Lowering, weight: Tensor, cells: Cells, gradients: CellGradients) -> None:
        lowering.emit(
            kernels.RNNGradient,
            cells.z,
            weight,
            cells.steps,
            Buffer(self.units),
            dy=gradients.y,
            dh0=gradients.first[0],
            dlast_h=gradients.last[0],
            mask=cells.mask,
            reverse=self.reverse,
            activation=self.activation,
        )
