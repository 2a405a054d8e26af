"""A loss that is a Python function."""

import math
from collections.abc import Callable
from typing import Any

from libc.math cimport isfinite

import numpy as np

from fastnn.engine.tensor cimport Tensor
from fastnn.kernels.loss cimport Loss
from fastnn.kernels.meter cimport Meter

from fastnn.common import checks
from fastnn.data import arrays


cdef class PythonLoss(Loss):
    """A loss whose `call` runs Python; an invalid result, or an exception in it, stops the run."""

    cdef object function, error
    cdef str name

    cdef void run(self) noexcept nogil:
        cdef double value = 0
        with gil:
            self.error = None
            try:
                value = self.call()
            except BaseException as error:
                self.error = error
                self.fail(1)
                return
        if self.finite and not isfinite(value):
            self.last = value
            self.fail(0)
        else:
            self.record(value, self.counted)

    cdef double call(self) except? -1:
        """The loss; it writes the gradients, and sets `counted`."""
        raise NotImplementedError(f"{type(self).__name__}.call is not defined")

    def explain(self, place: int) -> Exception:
        return Loss.explain(self, place) if place == 0 else self.error


cdef class OwnLoss(PythonLoss):
    """loss, dx = function(x, target), or function(x, target, weight), on read-only views; without target if it is None.

    x, dx: float32 (rows, *shape). target: (rows, *target_shape), or int32 labels (rows, *shape[:-1]). weight: None, or
    float32, one per row, label or element; it comes as (rows,), (rows, *shape[:-1]) or (rows, *shape) where `weighted`,
    else it gives only the count.
    """

    cdef object x_view, target_view, dx_view, weight_view
    cdef bint weighted

    def __init__(
        self,
        Tensor x,
        Tensor target or None,
        Tensor dx,
        Tensor weight or None = None,
        *,
        function: Callable[..., tuple[float, np.ndarray]],
        name: str,
        shape: tuple[int, ...] | None = None,
        target_shape: tuple[int, ...] | None = None,
        weighted: bool = False,
        finite: bool = False,
    ) -> None:
        shape = (x.columns,) if shape is None else shape
        if target is not None:
            target_shape = shape[:-1] if target.dtype == "int32" else shape if target_shape is None else target_shape
        if math.prod(shape) != x.columns or (target is not None and math.prod(target_shape) != target.columns):
            self.refuse(x, target, dx)
        self.take(x, target, dx, None, finite)
        self.function, self.name, self.weighted = function, name, weighted
        self.x_view = arrays.read_only(x.array.reshape(x.rows, *shape))
        if target is not None:
            self.target_view = arrays.read_only(target.array.reshape(x.rows, *target_shape))
        self.dx_view = dx.array.reshape(x.rows, *shape)
        if weight is not None:
            of_each = next(each for each in ((), shape[:-1], shape) if math.prod(each) == weight.columns)
            self.weight_view = arrays.read_only(weight.array.reshape(x.rows, *of_each))
        self.bind((x, target, dx, weight))

    cdef double call(self) except? -1:
        rows = self.state.rows
        dx, given = self.dx_view[:rows], [view[:rows] for view in (self.x_view, self.target_view) if view is not None]
        weight = None if self.weight_view is None else self.weight_view[:rows]
        self.counted = rows if weight is None else weight.sum(dtype=np.float64)
        result = self.function(*given, weight) if self.weighted else self.function(*given)
        if not isinstance(result, tuple) or len(result) != 2:
            raise TypeError(f"{self.name}: expected it to return (loss, dy), got {result!r:.60}")
        value, gradient = result
        check_number(self.name, "the loss", value)
        write_gradient(self.name, "dy", "y", gradient, dx, self.finite and isfinite(value))
        return value


def check_number(name: str, what: str, value: object) -> None:
    """Raises TypeError for a result of a function that is not a real number."""
    if np.ndim(value) != 0 or np.asarray(value).dtype.kind not in "iuf":
        raise TypeError(f"{name}: expected a number as {what}, got {value!r:.60}")


def write_gradient(name: str, what: str, output: str, given: object, dx: np.ndarray, finite: bool) -> None:
    """dx = the gradient that a function returned. Raises TypeError and ValueError for one that does not fit."""
    gradient = np.asarray(given)
    if gradient.dtype.kind not in "iuf":
        raise TypeError(f"{name}: expected real numbers as {what}, got dtype {gradient.dtype}")
    if gradient.shape != dx.shape:
        raise ValueError(f"{name}: expected {what} of the shape of {output}, {dx.shape}, got {gradient.shape}")
    with np.errstate(over="ignore"):
        dx[...] = gradient
    if finite and not np.isfinite(dx).all():
        place = tuple(map(int, np.argwhere(~np.isfinite(dx))[0]))
        raise ValueError(f"{name}: {what}[{', '.join(map(str, place))}] is {dx[place]} as float32")


cdef class Part(Meter):
    """A number that JointLoss's function returns with the loss."""

    def __init__(self) -> None:
        self.tensors = ()

    @property
    def capacity(self) -> int:
        """A step may have any number of rows."""
        return 2**62

    cdef void run(self) noexcept nogil:
        pass  # JointLoss records it


cdef class JointLoss(PythonLoss):
    """loss, dxs = function(xs, targets), dicts by output of read-only views; with parts a dict of these numbers too.

    three: for each output x, target, which may be None, and dx, then a Part for each of `parts`. shapes: of a row of
    each output and of its target.
    """

    cdef dict x_views, target_views, dx_views, parts

    def __init__(
        self,
        *three: object,
        function: Callable[..., tuple[Any, ...]],
        name: str,
        outputs: tuple[str, ...],
        shapes: tuple[Any, ...],
        parts: tuple[str, ...] = (),
        finite: bool = False,
    ) -> None:
        cdef Tensor x, target, dx
        self.function, self.name, self.finite, self.columns = function, name, finite, 0
        self.x_views, self.target_views, self.dx_views = {}, {}, {}
        self.parts = dict(zip(parts, three[3 * len(outputs):], strict=True))
        for i, (output, (shape, target_shape)) in enumerate(zip(outputs, shapes, strict=True)):
            x, target, dx = three[3 * i], three[3 * i + 1], three[3 * i + 2]
            if x is None or dx is None or math.prod(shape) != x.columns:
                self.refuse(x, target, dx)
            if target is not None and math.prod(target_shape) != target.columns:
                self.refuse(x, target, dx)
            self.columns += x.columns
            self.x_views[output] = arrays.read_only(x.array.reshape(x.rows, *shape))
            self.dx_views[output] = dx.array.reshape(x.rows, *shape)
            if target is not None:
                self.target_views[output] = arrays.read_only(target.array.reshape(x.rows, *target_shape))
        self.bind(three[:3 * len(outputs)])

    cdef double call(self) except? -1:
        cdef Part part
        rows, returned = self.state.rows, "(loss, gradients, parts)" if self.parts else "(loss, gradients)"
        self.counted = rows
        xs, targets = ({k: view[:rows] for k, view in views.items()} for views in (self.x_views, self.target_views))
        result = self.function(xs, targets)
        if not isinstance(result, tuple) or len(result) != (3 if self.parts else 2):
            raise TypeError(f"{self.name}: expected it to return {returned}, got {result!r:.60}")
        value, gradients = result[:2]
        check_number(self.name, "the loss", value)
        for what, given, known in zip(("gradients", "parts"), result[1:], (self.dx_views, self.parts)):
            if not isinstance(given, dict):
                raise TypeError(f"{self.name}: expected a dict of {what}, got {given!r:.60}")
            checks.names(f"{self.name}: {what}", given, tuple(known))
        for output, dx in self.dx_views.items():
            names = f"gradients[{output!r}]", f"y[{output!r}]"
            write_gradient(self.name, *names, gradients[output], dx[:rows], self.finite and isfinite(value))
        for key, part in self.parts.items():
            check_number(self.name, f"parts[{key!r}]", result[2][key])
            part.record(result[2][key], rows)
        return value
