"""Layers of several inputs: sums, differences, products and concatenation."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from fastnn import kernels
from fastnn.common import checks
from fastnn.layers import axes, broadcast
from fastnn.layers.base import Layer
from fastnn.lowering.call import Buffer, Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value

Shapes = list[tuple[int, ...]]


class Merge(Layer):
    """A layer of several inputs: its methods take a list of shapes, or of Values, instead of one."""

    def given(self, values: list[Any]) -> Any:
        return values

    def check_count(self, features: Shapes) -> None:
        """Raises ValueError for fewer than two inputs."""
        if len(features) < 2:
            raise ValueError(f"{self.title()}: takes two or more inputs, got {len(features)}")

    def refuse(self, features: Shapes) -> ValueError:
        """The error for shapes that do not join."""
        return ValueError(f"{self.title()}: cannot join {' and '.join(map(checks.batch, features))}")


class _Elementwise(Merge):
    """A layer of two or more inputs, broadcast to one shape, which is that of the output."""

    stepwise: ClassVar[bool] = True

    def output(self, features: Shapes) -> tuple[int, ...]:
        self.check_count(features)
        shape = broadcast.common(features)
        if shape is None:
            raise self.refuse(features)
        return shape

    def operands(self, lowering: Lowering, x: list[Value]) -> tuple[list[Value], Value]:
        """The inputs in the output's shape, all whole or all by steps, and a value for the output."""
        shape = self.output([value.shape for value in x])
        x = broadcast.aligned(lowering, x, shape)
        return x, lowering.value(x[0].columns, any(value.trains for value in x), beside=x[0])


class Add(_Elementwise):
    """y = x1 + x2 + ..., elementwise; each x is (batch, ...). Where one has length 1 along an axis, it is repeated.

    Raises
    ------
    ValueError
        For fewer than two inputs, of different ranks, or of different lengths other than 1.

    Examples
    --------
    >>> import fastnn as fnn
    >>> x = fnn.Input((8,))
    >>> fnn.Add()([x, fnn.Dense(8)(x)])
    Add() -> (batch, 8)
    """

    def lower(self, lowering: Lowering, x: list[Value], weights: dict[str, Weight], index: int) -> Value:
        x, y = self.operands(lowering, x)
        sum_so_far = x[0].buffer
        for value in x[1:]:
            lowering.emit(kernels.Add, sum_so_far, value.buffer, y.buffer)
            sum_so_far = y.buffer
        lowering.backward(lambda: lowering.pass_gradient(y, *x))
        return y


class Subtract(_Elementwise):
    """y = x1 - x2, elementwise; each x is (batch, ...). Where one has length 1 along an axis, it is repeated.

    Raises
    ------
    ValueError
        For any number of inputs but two, and for different ranks, or different lengths other than 1.

    Examples
    --------
    >>> import fastnn as fnn
    >>> x = fnn.Input((8,))
    >>> fnn.Subtract()([x, fnn.Mean()(x)])
    Subtract() -> (batch, 8)
    """

    def check_count(self, features: Shapes) -> None:
        if len(features) != 2:
            raise ValueError(f"{self.title()}: takes two inputs, got {len(features)}")

    def lower(self, lowering: Lowering, x: list[Value], weights: dict[str, Weight], index: int) -> Value:
        (first, second), y = self.operands(lowering, x)
        lowering.emit(kernels.Subtract, first.buffer, second.buffer, y.buffer)

        def backward() -> None:
            if second.trains:  # before the gradient of y becomes that of the first
                lowering.emit(kernels.Scale, y.gradient, lowering.gradient(second), factor=-1.0)
                lowering.apply_derivative(second)
            lowering.pass_gradient(y, first)

        lowering.backward(backward)
        return y


class Multiply(_Elementwise):
    """y = x1 x2 ..., elementwise; each x is (batch, ...). Where one has length 1 along an axis, it is repeated.

    Raises
    ------
    ValueError
        For fewer than two inputs, of different ranks, or of different lengths other than 1.

    Examples
    --------
    >>> import fastnn as fnn
    >>> x = fnn.Input((8,))
    >>> fnn.Multiply()([x, fnn.Dense(8, "sigmoid")(x)])
    Multiply() -> (batch, 8)
    """

    def lower(self, lowering: Lowering, x: list[Value], weights: dict[str, Weight], index: int) -> Value:
        x, y = self.operands(lowering, x)

        def product(first: Buffer | None, others: list[Value], result: Buffer) -> None:
            for value in others:
                lowering.emit(kernels.Multiply, first, value.buffer, result)
                first = result

        product(x[0].buffer, x[1:], y.buffer)

        def backward() -> None:
            for i, value in enumerate(x):
                if value.trains and y.gradient is not None:
                    product(y.gradient, [*x[:i], *x[i + 1 :]], lowering.gradient(value))
                    lowering.apply_derivative(value)

        lowering.backward(backward)
        return y


@dataclass(eq=False, repr=False)
class Concatenate(Merge):
    """y = the inputs joined along an axis; each x and y is (batch, ...), of equal lengths along all other axes.

    Parameters
    ----------
    axis : int, default -1
        As in NumPy: 0 is the batch, which cannot be joined, and -1 the last axis.

    Raises
    ------
    TypeError, ValueError
        For axis 0; when called, for fewer than two inputs, an axis that they do not have, and other lengths that
        differ.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.Concatenate()([fnn.Input((8,)), fnn.Input((4,))]).shape
    (12,)
    """

    axis: int = -1

    stepwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        axis = axes.checked("Concatenate", self.axis, "join")
        object.__setattr__(self, "axis", axis)

    def output(self, features: Shapes) -> tuple[int, ...]:
        self.check_count(features)
        axis = axes.place_of(self.axis, len(features[0]))
        if axis < 0 or len({(*shape[:axis], 0, *shape[axis + 1 :]) for shape in features}) > 1:
            raise self.refuse(features)
        first = features[0]
        return (*first[:axis], sum(shape[axis] for shape in features), *first[axis + 1 :])

    def lower(self, lowering: Lowering, x: list[Value], weights: dict[str, Weight], index: int) -> Value:
        rank = len(x[0].shape)
        if axes.place_of(self.axis, rank) < rank - 1:
            x = [lowering.whole(value) for value in x]
        x = lowering.aligned(x)
        by_steps = x[0].buffer.steps is not None  # and so joined along the last axis
        groups = x[0].positions if by_steps else math.prod(x[0].shape[: axes.place_of(self.axis, rank)])
        y = lowering.value(sum(value.columns for value in x), any(value.trains for value in x), beside=x[0])
        lowering.emit(kernels.Concatenate, y.buffer, *(value.buffer for value in x), groups=groups)

        def backward() -> None:
            if y.gradient is None:  # of a Bidirectional only the states may be used
                return
            gradients = [lowering.gradient(value) if value.trains else value.buffer.beside() for value in x]
            lowering.emit(kernels.ConcatenateGradient, y.gradient, *gradients, groups=groups)
            for value in x:
                lowering.apply_derivative(value)

        lowering.backward(backward)
        return y
