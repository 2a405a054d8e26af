"""Layers written in NumPy."""

import math
from typing import Any

import numpy as np

from fastnn import kernels
from fastnn.data import arrays
from fastnn.layers.base import Layer
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


class PythonLayer(Layer):
    """A custom layer in NumPy: subclass it, and write `forward` and `backward`.

    forward(x) gets x (rows, *features) and returns y (rows, *output(features)); `output` returns features unless it is
    overridden. backward(dy) gets the gradient of the loss with respect to y and returns the one with respect to x; with
    parameters it returns a pair, the second a dict of their gradients by name. `parameters(features)` returns a dict of
    `Parameter`. Settings are the fields of a dataclass.

    Called on several symbols, layer([a, b]), it has several inputs: forward and `output`, which has to be defined then,
    and `parameters` get a list, of arrays or of shapes, and backward returns a list of gradients. Sequences with
    lengths are refused.

    All arrays are float32. Those that are passed in, and the parameters (self.scale, say), are read-only views of
    memory that is used again in the next step. What forward sets on self is there in backward of the same step and
    nowhere else: each plan calls an object of its own, so threads do not interfere. `self.training` is True where a
    backward follows.

    Raises
    ------
    TypeError, ValueError
        For a result of another shape or type. This, and any exception in forward or backward, ends the step and leaves
        the network as it was.
    FloatingPointError
        In training, for a result that is not finite.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> class Scale(fnn.PythonLayer):
    ...     def parameters(self, features):
    ...         return {"scale": fnn.Parameter(features, "ones")}
    ...
    ...     def forward(self, x):
    ...         self.x = x
    ...         return x * self.scale
    ...
    ...     def backward(self, dy):
    ...         return dy * self.scale, {"scale": (dy * self.x).sum(axis=0)}
    >>> fnn.Sequential([Scale()]).predict(np.array([[1.0, 2.0]]))
    array([[1., 2.]], dtype=float32)
    """

    def given(self, values: list[Any]) -> Any:
        return values[0] if len(values) == 1 else values

    def output(self, features: Any) -> tuple[int, ...]:
        if isinstance(features, list):
            raise ValueError(f"{self.title()}: takes one input, got {len(features)}; for more define output(features)")
        shape: tuple[int, ...] = features
        return shape

    def forward(self, x: Any) -> np.ndarray:
        """The outputs y for inputs x."""
        raise NotImplementedError(f"{type(self).__name__}.forward is not defined")

    def backward(self, dy: np.ndarray) -> Any:
        """dx, or (dx, {name: gradient}), from dy; of several inputs a list of dx."""
        raise NotImplementedError(f"{type(self).__name__}.backward is not defined")

    def lower(self, lowering: Lowering, x: Any, weights: dict[str, Weight], index: int) -> Value:
        given: list[Value] = x if isinstance(x, list) else [x]
        features = [value.shape for value in given]
        shapes = {"features": self.given(features), "output": self.shape_for(features)}
        given = [lowering.read(value) for value in given]
        bound = self._bound(weights, lowering.varies)
        trained = {name: weight.gradient for name, weight in weights.items()}
        trains = any(value.trains for value in given) or any(gradient is not None for gradient in trained.values())
        y = lowering.value(math.prod(shapes["output"]), trains)
        read = [value.buffer for value in given]
        lowering.emit(kernels.PythonForward, bound.forward, y.buffer, *read, **shapes, finite=lowering.training)

        def backward() -> None:
            if not y.trains:
                return
            dx = [lowering.gradient(value) if value.trains else None for value in given]
            add = [name for name, weight in weights.items() if trained[name] is not None and lowering.adds(weight)]
            kept = *dx, *read, y.buffer
            options = {**shapes, "gradients": trained, "add": add, "finite": True}
            lowering.emit(kernels.PythonBackward, bound.backward, y.gradient, *kept, **options)
            for value in given:
                if value.trains:
                    lowering.apply_derivative(value)

        lowering.backward(backward)
        return y

    def _bound(self, weights: dict[str, Weight], training: bool) -> "PythonLayer":
        """A copy for one plan: it has the parameters' arrays, and what is set on it may change."""
        kind = type(self)
        free = type(kind.__name__, (kind,), {"__setattr__": object.__setattr__})
        bound: PythonLayer = object.__new__(free)
        bound.__dict__.update(self.__dict__, training=training)
        for name, weight in weights.items():
            if hasattr(bound, name):
                raise ValueError(
                    f"{self.title()}: a parameter cannot be called {name!r}: that attribute exists already"
                )
            setattr(bound, name, arrays.read_only(weight.value.array))
        return bound
