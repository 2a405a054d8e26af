"""A step of an environment as a user gives it, checked."""

from libc.math cimport isfinite

cimport numpy as cnp

import numpy as np

from fastnn.engine.port cimport takes

from fastnn.data import arrays

cnp.import_array()


cdef cnp.ndarray values_of(str name, object given, tuple shape, int kind):
    """given as an array of this shape and of NumPy's type `kind`, without a copy if it already is; all finite."""
    cdef cnp.ndarray array
    cdef Py_ssize_t i
    cdef bint finite = True
    cdef const float *values
    if takes(given) and cnp.PyArray_TYPE(<cnp.ndarray> given) == kind:
        array = given
    else:
        plain = arrays.numbers(name, given)
        with np.errstate(over="ignore", invalid="ignore"):  # what does not fit is an error below
            array = np.ascontiguousarray(plain, cnp.PyArray_DescrFromType(kind))
        if array.dtype.kind in "iub" and not (array == plain).all():
            raise ValueError(f"{name}: the memory holds {array.dtype}, got other numbers, {plain.dtype}")
    if not has_shape(array, shape):
        raise ValueError(f"{name}: expected shape {shape}, got {(<object> array).shape}")
    if kind == cnp.NPY_FLOAT32:
        values = <const float *> cnp.PyArray_DATA(array)
        for i in range(cnp.PyArray_SIZE(array)):
            finite &= isfinite(values[i])
    elif (<object> array).dtype.kind == "f":
        finite = np.isfinite(array).all()
    if not finite:
        raise ValueError(f"{name}: expected finite numbers, got {array}")
    return array


cdef bint has_shape(cnp.ndarray array, tuple shape) noexcept:
    cdef Py_ssize_t i, length
    if cnp.PyArray_NDIM(array) != len(shape):
        return False
    for i, length in enumerate(shape):
        if cnp.PyArray_DIM(array, i) != length:
            return False
    return True


cdef double number(object reward) except? -1:
    try:
        return reward
    except TypeError:
        raise TypeError(f"reward: expected a number, got {reward!r:.40}") from None


cdef int32_t chosen(object given, Py_ssize_t actions) except -1:
    cdef Py_ssize_t action
    try:
        action = given
    except (TypeError, OverflowError):
        raise TypeError(f"action: expected an integer, got {given!r:.40}") from None
    if not 0 <= action < actions:
        raise ValueError(f"action: expected an integer from 0 to {actions - 1}, got {given}")
    return <int32_t> action


cdef bint truth(str name, object given) except -1:
    if not isinstance(given, (bool, np.bool_)):
        raise TypeError(f"{name}: expected a bool, got {given!r:.40}")
    return bool(given)


cdef cnp.ndarray flags(str name, object given, Py_ssize_t count):
    """A bool for each environment."""
    array = np.asarray(given)
    if array.dtype != np.bool_ or array.shape not in ((), (count,)):
        raise ValueError(f"{name}: expected ({count},) of bool, got {array.shape} {array.dtype}")
    return np.ascontiguousarray(np.broadcast_to(array, (count,)))
