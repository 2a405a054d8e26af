"""Layers for images, say, at each step of a sequence of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from fastnn.common import checks
from fastnn.layers.base import Layer, Parameter, expected
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value

if TYPE_CHECKING:
    from fastnn.layers.graph import Graph


@dataclass(eq=False, repr=False)
class TimeDistributed(Layer):
    """y[t] = layers(x[t]), the same layers at each step: x (batch, time, ...), y (batch, time, ...).

    So layers for images read videos, and pieces of lines of text, before a recurrent layer or attention joins the
    steps. Lengths are honoured: what is after the last step is not computed, and counts in no statistics of BatchNorm.
    Dense, LayerNorm and others that work on the last axis need no TimeDistributed. The parameters are called
    "conv2d_0.weight" and so on.

    Parameters
    ----------
    layers : Layer, or list of Layer
        One or a chain, each on the output of the one before.

    Raises
    ------
    TypeError
        For anything else, a network for instance.
    ValueError
        For no layer, recurrent ones, another TimeDistributed, and one with trainable=False; when called, for inputs
        without a time axis.

    Examples
    --------
    >>> import fastnn as fnn
    >>> frames = fnn.Input((16, 28, 28, 1))
    >>> each = fnn.TimeDistributed([fnn.Conv2D(8, 3, 2, activation="relu"), fnn.Flatten(), fnn.Dense(32)])(frames)
    >>> each.shape
    (16, 32)
    >>> net = fnn.Network(frames, fnn.Dense(10)(fnn.LSTM(32)(each)), seed=0)
    """

    layers: Any

    stepwise: ClassVar[bool] = True
    reads_steps: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        given = self.layers if isinstance(self.layers, (list, tuple)) else [self.layers]
        layers = checks.listed("TimeDistributed: layers", given, Layer, "Layer objects")
        if not layers:
            raise ValueError("TimeDistributed: needs at least one layer")
        for layer in layers:
            if layer.recurrent or layer.reads_steps:
                raise ValueError(f"TimeDistributed: {layer.title()} reads sequences, and cannot do so in each step")
            if not layer.trainable:
                raise ValueError(
                    f"{layer.title()}: freeze the whole, TimeDistributed(..., trainable=False), not a part"
                )
        object.__setattr__(self, "layers", layers)

    @cached_property
    def _chain(self) -> Graph:
        from fastnn.layers.graph import Graph  # which is made of layers

        return Graph.chain(self.layers)

    @property
    def deterministic(self) -> bool:
        return self._chain.deterministic

    def title(self) -> str:
        return f"TimeDistributed([{', '.join(each.title() for each in self.layers)}])"

    def __repr__(self) -> str:
        return self.title()

    @property
    def layers_inside(self) -> Sequence[Layer]:
        return list(self.layers)

    def parameters(self, features: tuple[int, ...]) -> dict[str, Parameter]:
        return self._chain.wanted([self._step(features)])

    def output(self, features: tuple[int, ...]) -> tuple[int, ...]:
        return (features[0], *self._chain.output_shapes([self._step(features)])[0])

    def enter(self, features: tuple[int, ...]) -> None:
        self._chain.enter([self._step(features)])

    def _step(self, features: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of a step."""
        if len(features) < 2:
            raise expected(self, "(batch, time, ...)", features)
        return features[1:]

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        x = lowering.read(lowering.by_steps(x))
        step, steps = Value(x.buffer, x.trains, shape=self._step(x.shape)), x.buffer.steps
        assert steps is not None
        lowering.backward(lambda: lowering.pass_gradient(step, x))
        with lowering.steps_apart(steps, {x.buffer}):
            made = lowering.read(self._chain.lower(lowering, [step], weights, [step.shape])[0])
        y = Value(made.buffer, made.trains, origin=made.ending)
        lowering.backward(lambda: lowering.pass_gradient(y, made))
        return y
