"""Activations as separate ops, for where no product precedes them."""

from fastnn.engine.tensor cimport Tensor, floats
from fastnn.kernels.sharing cimport Elementwise

#: Elementwise activations, in the order of csrc/kernels.h.
ACTIVATIONS = (
    "identity",
    "relu",
    "sigmoid",
    "tanh",
    "step",
    "leaky_relu",
    "elu",
    "selu",
    "softplus",
    "softsign",
    "gelu",
    "gelu_tanh",
    "silu",
    "hard_sigmoid",
    "hard_tanh",
    "relu6",
    "exp",
    "square",
    "absolute",
    "mish",
    "hard_swish",
)
#: Those whose derivative is computed from their input x; that of the others from their output y.
DERIVED_FROM_INPUT = ("gelu", "gelu_tanh", "silu", "square", "absolute", "mish", "hard_swish")


def number(activation: str) -> int:
    """The activation's index in the table.

    Raises ValueError for an unknown name, listing the known ones.
    """
    if activation not in ACTIVATIONS:
        raise ValueError(f"unknown activation {activation!r}; known: {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS.index(activation)


cdef class Activation(Elementwise):
    """y = f(x), elementwise; y may be x."""

    cdef const float *x
    cdef float *y
    cdef int activation

    def __init__(self, Tensor x, Tensor y, activation: str) -> None:
        self.activation, self.x, self.y = number(activation), floats(x), floats(y)
        self.bind_equal((x, y))

    cdef void span(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
        self.table.activation[self.activation](1, n, self.x + start, self.y + start, n)


cdef class ActivationGradient(Elementwise):
    """dx = dy f'(x), elementwise; dx may be dy. y = f(x), or for DERIVED_FROM_INPUT x itself."""

    cdef const float *y
    cdef const float *dy
    cdef float *dx
    cdef int activation

    def __init__(self, Tensor y, Tensor dy, Tensor dx, activation: str) -> None:
        self.activation, self.y, self.dy, self.dx = number(activation), floats(y), floats(dy), floats(dx)
        self.bind_equal((y, dy, dx))

    cdef void span(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
        self.table.activation_gradient[self.activation](
            1, n, self.y + start, n, self.dy + start, self.dx + start, n
        )
