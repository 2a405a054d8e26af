"""A loss that is a Python function."""

import math
from collections.abc import Callable

from libc.math cimport isfinite

import numpy as np

from fastnn.engine.tensor cimport Tensor
from fastnn.kernels.loss cimport Loss

from fastnn.data import arrays


cdef class OwnLoss(Loss):
    """loss, dx = function(x, target), or function(x, target, weight), on read-only views; without target if it is None.

    x, dx: float32 (rows, *shape). target: (rows, *target_shape), or int32 labels (rows, *shape[:-1]). weight: None, or
    float32, one per row, label or element; it comes as (rows,), (rows, *shape[:-1]) or (rows, *shape) where `weighted`,
    else it gives only the count.
    An invalid result, or an exception in the function, stops the run.
    """

    cdef object function, error, x_view, target_view, dx_view, weight_view
    cdef str name
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
        rows = self.state.rows
        dx, given = self.dx_view[:rows], [view[:rows] for view in (self.x_view, self.target_view) if view is not None]
        weight = None if self.weight_view is None else self.weight_view[:rows]
        self.counted = rows if weight is None else weight.sum(dtype=np.float64)
        result = self.function(*given, weight) if self.weighted else self.function(*given)
        if not isinstance(result, tuple) or len(result) != 2:
            raise TypeError(f"{self.name}: expected it to return (loss, dy), got {result!r:.60}")
        value, gradient = result
        if np.ndim(value) != 0 or np.asarray(value).dtype.kind not in "iuf":
            raise TypeError(f"{self.name}: expected a number as the loss, got {value!r:.60}")
        gradient = np.asarray(gradient)
        if gradient.dtype.kind not in "iuf":
            raise TypeError(f"{self.name}: expected real numbers as dy, got dtype {gradient.dtype}")
        if gradient.shape != dx.shape:
            raise ValueError(f"{self.name}: expected dy of the shape of y, {dx.shape}, got {gradient.shape}")
        with np.errstate(over="ignore"):
            dx[...] = gradient
        if self.finite and isfinite(value) and not np.isfinite(dx).all():
            place = tuple(map(int, np.argwhere(~np.isfinite(dx))[0]))
            raise ValueError(f"{self.name}: dy[{', '.join(map(str, place))}] is {dx[place]} as float32")
        return value

    def explain(self, place: int) -> Exception:
        return Loss.explain(self, place) if place == 0 else self.error
