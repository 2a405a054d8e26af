"""A loss that is a Python function."""

from collections.abc import Callable

from libc.math cimport isfinite

import numpy as np

from fastnn.engine.tensor cimport Tensor
from fastnn.kernels.loss cimport Loss

from fastnn.data import arrays


cdef class OwnLoss(Loss):
    """loss, dx = function(x, target), on read-only views, float32 (rows, columns); dx has that shape too.

    What is wrong with the result, or an exception in the function, stops the run.
    """

    cdef object function, error, views
    cdef str name

    def __init__(
        self,
        Tensor x,
        Tensor target,
        Tensor dx,
        *,
        function: Callable[[np.ndarray, np.ndarray], tuple[float, np.ndarray]],
        name: str,
        finite: bool = False,
    ) -> None:
        Loss.__init__(self, x, target, dx, finite=finite)
        self.function, self.name = function, name
        *given, gradient = [tensor.array.reshape(tensor.rows, tensor.columns) for tensor in (x, target, dx)]
        self.views = [*map(arrays.read_only, given), gradient]

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
            self.record(value, self.mass())

    cdef double call(self) except? -1:
        x, target, dx = [view[:self.state.rows] for view in self.views]
        result = self.function(x, target)
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
            row, column = np.argwhere(~np.isfinite(dx))[0]
            raise ValueError(f"{self.name}: dy[{row}, {column}] is {dx[row, column]} as float32")
        return value

    def explain(self, place: int) -> Exception:
        return Loss.explain(self, place) if place == 0 else self.error
