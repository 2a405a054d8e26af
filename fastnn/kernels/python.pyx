"""Layers in Python: ops that call a function on an array, or on a list of them, and copy its results.

They hold the GIL. An exception is kept, ends the run, and is raised by the call that runs the plan.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

cimport numpy as cnp
import numpy as np

from fastnn.engine cimport csrc
from fastnn.engine.op cimport Op
from fastnn.engine.tensor cimport Tensor, floats

from fastnn.data import arrays

cnp.import_array()


cdef class Python(Op):
    """An op that calls function(x), x (rows, *shape) a read-only float32 view of a tensor, or a list of such views.

    finite: its results for finite numbers must be finite.
    """

    cdef object function, error
    cdef tuple x, shapes
    cdef bint finite, several
    cdef tuple views  # of x, at the rows of the last run
    cdef Py_ssize_t seen  # these

    def __cinit__(self) -> None:
        self.python = True

    cdef void take(self, function, tuple x, shapes, bint finite, tuple others) except *:
        """shapes: one, or a list of one for each x."""
        self.function, self.x, self.several, self.finite = function, x, isinstance(shapes, list), finite
        self.shapes = tuple(shapes) if self.several else (shapes,)
        if len(x) != len(self.shapes):
            raise ValueError(f"{type(self).__name__}: expected {len(self.shapes)} tensors, got {len(x)}")
        self.bind((*x, *others))
        self.look(x[0].rows)

    cdef void look(self, Py_ssize_t rows) except *:
        """Makes the views, which costs as much as a small op."""
        given = zip(self.x, self.shapes, strict=True)
        self.views = tuple([arrays.read_only(x.array[:rows].reshape((rows, *shape))) for x, shape in given])
        self.seen = rows

    cdef void run(self) noexcept nogil:
        with gil:
            try:
                if self.seen != self.present_rows():
                    self.look(self.present_rows())
                self.use(self.call())
            except BaseException as error:  # a KeyboardInterrupt, too, is raised by the call that runs the plan
                self.error = error
                self.fail(0)

    cdef object call(self):
        try:
            return self.function(list(self.views) if self.several else self.views[0])
        except BaseException as error:
            error.add_note(f"in {self.where()}; the arrays that it is given are read-only")
            raise

    cdef void use(self, object result) except *:
        """Copies the function's result."""
        pass

    cdef void copy(self, str what, object result, Tensor target, tuple wanted) except *:
        """Copies an array that was returned for `what`. Raises TypeError, ValueError and FloatingPointError."""
        cdef cnp.ndarray array
        if not isinstance(result, np.ndarray):
            raise TypeError(f"{self.where()} returned {type(result).__name__} as {what}, expected float32 {wanted}")
        array = result
        if cnp.PyArray_TYPE(array) != cnp.NPY_FLOAT32 or result.shape != wanted:
            got = f"{result.dtype} {result.shape}"
            raise ValueError(f"{self.where()} returned {got} as {what}, expected float32 {wanted}")
        if not cnp.PyArray_ISCARRAY_RO(array):
            array = np.ascontiguousarray(array, np.float32)
        cdef int check = csrc.fastnn_finite if self.finite else csrc.fastnn_unchecked
        cdef Py_ssize_t n = cnp.PyArray_SIZE(array), place
        cdef csrc.fastnn_array source
        source.data, source.row, source.element = <const char *> cnp.PyArray_DATA(array), 4 * n, NULL
        source.type, source.swapped = csrc.fastnn_float32, False
        place = self.table.gather(1, n, n, &source, 0, NULL, check, <float *> target.data)
        if place >= 0 and all([np.isfinite(view).all() for view in self.views]):  # else the function is not at fault
            raise FloatingPointError(f"{self.where()} returned {array.ravel()[place]} in {what}")

    cdef str where(self):
        return f"{self.layer}: {self.function.__qualname__}"

    def explain(self, place: int) -> BaseException:
        error, self.error = self.error, None
        return error


cdef class PythonForward(Python):
    """y (rows, *output) = function(x), x (rows, *features); features: of the only x, or a list of one for each."""

    cdef Tensor y
    cdef tuple output

    def __init__(
        self,
        function: Callable[[Any], np.ndarray],
        Tensor y,
        *x: Tensor,
        features: tuple[int, ...] | list[tuple[int, ...]],
        output: tuple[int, ...],
        finite: bool = False,
    ) -> None:
        floats(y)
        self.y, self.output = y, output
        self.take(function, x, features, finite, (y,))

    cdef void use(self, object result) except *:
        self.copy("y", result, self.y, (self.present_rows(), *self.output))


cdef class PythonBackward(Python):
    """dx (rows, *features) = function(dy), dy (rows, *output), or where it has parameters dx and a dict of gradients.

    features: of the only x, or a list of one for each, and then dx is a list too. tensors: where each dx goes, None if
    it is not requested, then what else the function may read, which has to stay alive until then. gradients: by name,
    None if not requested. add: the names of those that accumulate.
    """

    cdef tuple dx, features
    cdef bint joins  # whether dx is a list
    cdef dict gradients
    cdef frozenset add
    cdef Tensor more  # room for a gradient that is added

    def __init__(
        self,
        function: Callable[[np.ndarray], Any],
        Tensor dy,
        *tensors: Tensor | None,
        features: tuple[int, ...] | list[tuple[int, ...]],
        output: tuple[int, ...],
        gradients: Mapping[str, Tensor | None],
        add: Iterable[str] = (),
        finite: bool = False,
    ) -> None:
        self.joins = isinstance(features, list)
        self.features = tuple(features) if self.joins else (features,)
        self.dx, self.gradients, self.add = tensors[:len(self.features)], dict(gradients), frozenset(add)
        for dx in self.dx:
            floats(dx)
        self.more = Tensor((max([gradients[name].size for name in self.add], default=0),))
        self.take(function, (dy,), output, finite, (*tensors, *gradients.values()))

    cdef void use(self, object result) except *:
        cdef Tensor gradient
        dx, found = result if isinstance(result, tuple) and len(result) == 2 else (result, {})
        if not isinstance(found, dict) or found.keys() != self.gradients.keys():
            names, what = ", ".join(self.gradients), "a list of dx" if self.joins else "dx"
            wanted = f"{what} and a dict of the gradients of {names}" if names else f"{what} alone"
            raise ValueError(f"{self.where()} must return {wanted}")
        if self.joins and not (isinstance(dx, list) and len(dx) == len(self.dx)):
            raise ValueError(f"{self.where()} must return a list of {len(self.dx)} dx, one for each input")
        each = dx if self.joins else [dx]
        for i, (value, target, features) in enumerate(zip(each, self.dx, self.features, strict=True)):
            if target is not None:
                self.copy(f"dx[{i}]" if self.joins else "dx", value, target, (self.present_rows(), *features))
        for name, gradient in self.gradients.items():
            if gradient is not None and not self.state.inputs_only:
                self.take_gradient(name, found[name], gradient)

    cdef void take_gradient(self, str name, object result, Tensor gradient) except *:
        cdef bint add = name in self.add
        cdef float *into = <float *> gradient.data
        cdef const float *more = <const float *> self.more.data
        cdef Py_ssize_t i
        self.copy(f"the gradient of {name}", result, self.more if add else gradient, gradient.shape)
        if add:
            for i in range(gradient.size):
                into[i] += more[i]
