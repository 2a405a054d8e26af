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
    """A layer that computes in NumPy: subclass it, and write forward and backward.

        class Scale(fnn.PythonLayer):
            def parameters(self, features):
                return {"scale": fnn.Parameter(features, "ones")}

            def forward(self, x):
                self.x = x
                return x * self.scale

            def backward(self, dy):
                return dy * self.scale, {"scale": (dy * self.x).sum(axis=0)}

    forward(x) takes x (rows, *features) and returns y (rows, *output(features)), which is features unless you say
    otherwise; backward(dy) takes the loss's gradient with respect to y, and returns that with respect to x, beside a
    dict of those with respect to the parameters where there are any. All arrays are float32; those that come in, and
    the parameters (self.scale), are read-only views of memory that is used again in the next step.

    What is kept on self in forward is there in the backward of the same step, and nowhere else: each plan calls an
    object of its own, so that threads do not meet. `self.training` tells whether a backward follows. Settings are
    fields of a dataclass. An exception, also one of ours for a result of another shape or
    type, or (in training) for a number that is not finite, ends the step and leaves the network as it was.
    """

    def forward(self, x: np.ndarray) -> np.ndarray:
        """The outputs y for inputs x."""
        raise NotImplementedError(f"{type(self).__name__}.forward")

    def backward(self, dy: np.ndarray) -> Any:
        """dx, or (dx, {name: gradient}), from dy."""
        raise NotImplementedError(f"{type(self).__name__}.backward")

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        shape, x = x.shape, lowering.read(x)
        bound, shapes = self._bound(weights, lowering.training), (shape, self.shape_for([shape]))
        trained = {name: weight.gradient for name, weight in weights.items()}
        y = lowering.value(math.prod(shapes[1]), x.trains or any(gradient is not None for gradient in trained.values()))
        lowering.emit(kernels.PythonForward, bound.forward, x.buffer, y.buffer, *shapes, finite=lowering.training)

        def backward() -> None:
            if not y.trains:
                return
            dx = lowering.gradient(x) if x.trains else None
            add = [name for name, weight in weights.items() if trained[name] is not None and lowering.adds(weight)]
            given = bound.backward, y.gradient, dx, *shapes, trained, x.buffer, y.buffer
            lowering.emit(kernels.PythonBackward, *given, add=add, finite=True)
            if x.trains:
                lowering.apply_derivative(x)

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
                    f"{self.title()}: a parameter cannot be called {name!r}, which is something else there"
                )
            setattr(bound, name, arrays.read_only(weight.value.array))
        return bound
