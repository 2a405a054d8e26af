"""Recurrent layers: their output at a step depends on earlier steps. recurrence.py has what they share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from fastnn import kernels
from fastnn.common import checks
from fastnn.common.free import Shape
from fastnn.engine.tensor import Tensor
from fastnn.initializers import Initializer
from fastnn.layers.activation import known_activation
from fastnn.layers.base import Parameter
from fastnn.layers.recurrence import CellGradients, Cells, Recurrent
from fastnn.lowering.call import Buffer, ToPack, Weight
from fastnn.lowering.lowering import Lowering


def open_forget_gates(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int, fan_out: int) -> np.ndarray:
    """1 for an LSTM's forget gates, the second of four, else 0."""
    return np.repeat([0, 1, 0, 0], shape[0] // 4)


@dataclass(eq=False, repr=False)
class LSTM(Recurrent):
    """i, f, g, o = split(x_t @ weight + h @ recurrent_weight + bias); c = s(f) c + s(i) tanh(g); h = s(o) tanh(c).

    s is the sigmoid; the states h and c are zeros before the first step. x is (batch, time, in), weight (in, 4 units),
    recurrent_weight (units, 4 units) and bias (4 units,), with the gates in the order i, f, g, o; the forget gate's
    bias starts at 1, the others at 0. y is (batch, units), the last h. Called as layer(x, initial_state=[h, c]), it
    starts with these states, each (batch, units).

    Parameters
    ----------
    units : int
        Length of the state.
    return_sequences : bool, default False
        Whether y is the h of every step, (batch, time, units), instead of the last.
    return_state : bool, default False
        Whether a call returns the states after the last step too: y, h, c = layer(x).
    reverse : bool, default False
        Whether the steps run from the last to the first; y stays in the order of x.
    dropout : float, default 0
        Probability that an input is zero in training, 0 <= dropout < 1; the others are divided by 1 - dropout. One mask
        serves all steps of a sequence.
    recurrent_dropout : float, default 0
        The same for the h that is multiplied by recurrent_weight.
    initializer : str or function, default "glorot_uniform"
        Of weight: one of `fastnn.initializers`, or its name.
    recurrent_initializer : str or function, default "orthogonal"
        Of recurrent_weight.

    Raises
    ------
    TypeError, ValueError
        For units < 1, a rate outside [0, 1), and an unknown initializer; when built, for an input of another rank or
        states of another shape.

    References
    ----------
    S. Hochreiter and J. Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1997.

    Forget gates: F. A. Gers, J. Schmidhuber and F. Cummins, "Learning to Forget: Continual Prediction with LSTM",
    Neural Computation 12(10), 2000. Their bias: R. Jozefowicz, W. Zaremba and I. Sutskever, "An Empirical Exploration
    of Recurrent Network Architectures", ICML 2015.

    Dropout: Y. Gal and Z. Ghahramani, "A Theoretically Grounded Application of Dropout in Recurrent Neural Networks",
    NIPS 2016.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> net = fnn.Sequential([fnn.LSTM(16), fnn.Dense(1)], input_shape=(10, 3), seed=0)
    >>> net.predict(np.zeros((2, 10, 3))).shape
    (2, 1)
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
    """r, z = s(x_t W + b + h U + c); n = tanh(x_t W_n + b_n + r (h U_n + c_n)); h = (1 - z) n + z h.

    s is the sigmoid and h the state, zeros before the first step. W is weight (in, 3 units), U recurrent_weight (units,
    3 units), b bias and c recurrent_bias, each (3 units,), with the gates in the order r, z, n. The reset gate is
    applied after the product and its bias, as in PyTorch, cuDNN, Keras (reset_after) and ONNX (linear_before_reset). x
    is (batch, time, in), y (batch, units), the last h. Called as layer(x, initial_state=h), it starts with this state,
    (batch, units).

    Parameters
    ----------
    units : int
        Length of the state.
    return_sequences : bool, default False
        Whether y is the h of every step, (batch, time, units), instead of the last.
    return_state : bool, default False
        Whether a call returns the state after the last step too: y, h = layer(x).
    reverse, dropout, recurrent_dropout, initializer, recurrent_initializer
        As in `LSTM`.
    recurrent_bias : bool, default True
        Whether there is c, which starts at 0. Files of layers without it, version 1, load as they were.

    Raises
    ------
    TypeError, ValueError
        As `LSTM`.

    References
    ----------
    K. Cho, B. van Merrienboer, C. Gulcehre, D. Bahdanau, F. Bougares, H. Schwenk and Y. Bengio, "Learning Phrase
    Representations using RNN Encoder-Decoder for Statistical Machine Translation", EMNLP 2014.

    Examples
    --------
    >>> import fastnn as fnn
    >>> y, h = fnn.GRU(16, return_sequences=True, return_state=True)(fnn.Input((10, 3)))
    >>> y.shape, h.shape
    ((10, 16), (16,))
    """

    recurrent_bias: bool = field(default=True, kw_only=True)

    gates: ClassVar[int] = 3
    version: ClassVar[int] = 2

    @classmethod
    def upgraded(cls, settings: Mapping[str, Any], version: int) -> dict[str, Any]:
        return {"recurrent_bias": False, **settings} if version < 2 else dict(settings)

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.flag("GRU: recurrent_bias", self.recurrent_bias)

    def parameters(self, features: list[Shape]) -> dict[str, Parameter]:
        found = super().parameters(features)
        return {**found, "recurrent_bias": Parameter(found["bias"].shape, "zeros")} if self.recurrent_bias else found

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
            bias=cells.recurrent_bias,
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
        # The reset gate is between z and what h contributes, so each has a gradient of its own.
        gradients = weights["weight"].gradient, weights["bias"].gradient
        recurrent = weights["recurrent_weight"].gradient
        bias = weights["recurrent_bias"].gradient if self.recurrent_bias else None
        lowering.emit(kernels.DenseWeightGradient, cells.before, cells.sums, recurrent, bias, add=add)
        lowering.emit(kernels.DenseWeightGradient, x, cells.z, *gradients, add=add)


@dataclass(eq=False, repr=False)
class SimpleRNN(Recurrent):
    """h = activation(x_t @ weight + h @ recurrent_weight + bias).

    The state h is zeros before the first step. x is (batch, time, in), weight (in, units), recurrent_weight (units,
    units), bias (units,) and y (batch, units), the last h. Called as layer(x, initial_state=h), it starts with this
    state, (batch, units).

    Parameters
    ----------
    units : int
        Length of the state.
    return_sequences : bool, default False
        Whether y is the h of every step, (batch, time, units), instead of the last.
    return_state : bool, default False
        Whether a call returns the state after the last step too: y, h = layer(x).
    reverse, dropout, recurrent_dropout, initializer, recurrent_initializer
        As in `LSTM`.
    activation : str or function, default "tanh"
        One of `fastnn.activations`, or its name: elementwise, with a derivative that is computed from its result, such
        as tanh, relu and sigmoid, not gelu.

    Raises
    ------
    TypeError, ValueError
        As `LSTM`, and for another activation.

    References
    ----------
    J. L. Elman, "Finding Structure in Time", Cognitive Science 14(2), 1990.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.SimpleRNN(16, activation="relu")(fnn.Input((10, 3))).shape
    (16,)
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
