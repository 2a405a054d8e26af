"""The recurrence of an LSTM, a GRU and a simple RNN over the steps of sequences, and its gradient; see recurrence."""

from libc.string cimport memcpy, memset

from fastnn.engine.tensor cimport Tensor
from fastnn.kernels.recurrence cimport Backward, Forward
from fastnn.kernels.steps cimport Steps

from fastnn.kernels.activation import DERIVED_FROM_INPUT as _DERIVED_FROM_INPUT, number


cdef class LSTM(Forward):
    """i, f, g, o = sigmoid, sigmoid, tanh, sigmoid of z + h weight; c = f c + i g; h = o tanh(c). z becomes the gates.

    Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000. The arguments: see Forward.
    """

    def __init__(
        self, Tensor z, weight: Tensor | Packed, Steps steps, Tensor h, Tensor c, *, Tensor y or None = None,
        Tensor last_h or None = None, Tensor last_c or None = None, Tensor before or None = None,
        Tensor cells or None = None, Tensor h0 or None = None, Tensor c0 or None = None, Tensor mask or None = None,
        reverse: bool = False,
    ) -> None:
        self.take_forward(
            z, weight, steps, h, gates=4, reverse=reverse, c=c, y=y, last_h=last_h, last_c=last_c, before=before,
            cells=cells, h0=h0, c0=c0, mask=mask,
        )

    cdef void cell(
        self, Py_ssize_t at, Py_ssize_t first, Py_ssize_t rows, const float *state, Py_ssize_t begun
    ) noexcept nogil:
        cdef float *z = self.z + at * self.width
        if begun:
            self.multiply(state, begun, z, True)
        self.table.lstm(
            rows, self.units, z, NULL if self.cells == NULL else self.cells + at * self.units,
            self.c + first * self.units, self.h + first * self.units,
        )


cdef class LSTMGradient(Backward):
    """dz of LSTM; see Backward."""

    def __init__(
        self, Tensor z, Tensor weight, Steps steps, Tensor h, Tensor c, Tensor cells, *, Tensor dy or None = None,
        Tensor dlast_h or None = None, Tensor dlast_c or None = None, Tensor dh0 or None = None,
        Tensor dc0 or None = None, Tensor mask or None = None, reverse: bool = False,
    ) -> None:
        self.take_backward(
            z, weight, steps, h, gates=4, reverse=reverse, c=c, cells=cells, dy=dy, dlast_h=dlast_h, dlast_c=dlast_c,
            dh0=dh0, dc0=dc0, mask=mask,
        )

    cdef void cell(self, Py_ssize_t at, Py_ssize_t first, Py_ssize_t rows, bint wanted) noexcept nogil:
        cdef float *dz = self.z + at * self.width
        cdef float *dh = self.h + first * self.units
        self.table.lstm_gradient(rows, self.units, self.cells + at * self.units, dh, self.c + first * self.units, dz)
        if wanted:
            self.pass_back(dz, first, rows, False)


cdef class GRU(Forward):
    """r, u = sigmoid of z + s, s = h weight + bias; n = tanh(z_n + r s_n); h = n + u (h - n). z becomes r, u, n.

    sums (rows * times, 3 * units): s for each step. Cho et al. 2014, with the reset after the product as in cuDNN. The
    arguments: see Forward.
    """

    def __init__(
        self, Tensor z, weight: Tensor | Packed, Steps steps, Tensor h, Tensor sums, *, Tensor y or None = None,
        Tensor last_h or None = None, Tensor before or None = None, Tensor h0 or None = None,
        Tensor mask or None = None, Tensor plain or None = None, Tensor bias or None = None, reverse: bool = False,
    ) -> None:
        if (mask is None) != (plain is None):
            raise ValueError("GRU: mask and plain go together")
        self.take_forward(
            z, weight, steps, h, gates=3, reverse=reverse, sums=sums, y=y, last_h=last_h, before=before, plain=plain,
            h0=h0, mask=mask, bias=bias,
        )

    cdef void cell(
        self, Py_ssize_t at, Py_ssize_t first, Py_ssize_t rows, const float *state, Py_ssize_t begun
    ) noexcept nogil:
        cdef float *sums = self.sums + at * self.width
        cdef Py_ssize_t i
        if begun:
            self.multiply(state, begun, sums, False)
        if self.product.bias == NULL:
            memset(sums + begun * self.width, 0, 4 * (rows - begun) * self.width)
        else:
            for i in range(begun, rows):
                memcpy(sums + i * self.width, self.product.bias, 4 * self.width)
        self.table.gru(rows, self.units, self.z + at * self.width, sums, self.h + first * self.units)


cdef class GRUGradient(Backward):
    """dz of GRU, and their gradient in place of sums; see Backward.

    before: without the mask. scratch (rows, units): required with a mask.
    """

    def __init__(
        self, Tensor z, Tensor weight, Steps steps, Tensor h, Tensor sums, Tensor before, *, Tensor dy or None = None,
        Tensor dlast_h or None = None, Tensor dh0 or None = None, Tensor mask or None = None,
        Tensor scratch or None = None, reverse: bool = False,
    ) -> None:
        if (mask is None) != (scratch is None):
            raise ValueError("GRUGradient: mask and scratch go together")
        self.take_backward(
            z, weight, steps, h, gates=3, reverse=reverse, c=scratch, sums=sums, before=before, dy=dy, dlast_h=dlast_h,
            dh0=dh0, mask=mask,
        )

    cdef void cell(self, Py_ssize_t at, Py_ssize_t first, Py_ssize_t rows, bint wanted) noexcept nogil:
        cdef float *sums = self.sums + at * self.width
        cdef float *dh = self.h + first * self.units
        self.table.gru_gradient(
            rows, self.units, self.before + at * self.units, dh, self.z + at * self.width, sums
        )
        if wanted:
            self.pass_back(sums, first, rows, True)


def activation_number(activation: str) -> int:
    """The index in the table of an activation whose derivative is computed from its result."""
    if activation in _DERIVED_FROM_INPUT:
        raise ValueError(f"RNN: the derivative of {activation} is computed from its input, which is not kept")
    return number(activation)


cdef class RNN(Forward):
    """h = activation(z + h weight), and so z becomes h. Elman 1990. The arguments: see Forward."""

    cdef int activation

    def __init__(
        self, Tensor z, weight: Tensor | Packed, Steps steps, Tensor h, *, Tensor y or None = None,
        Tensor last_h or None = None, Tensor before or None = None, Tensor h0 or None = None,
        Tensor mask or None = None, reverse: bool = False, activation: str = "tanh",
    ) -> None:
        self.activation = activation_number(activation)
        self.take_forward(
            z, weight, steps, h, gates=1, reverse=reverse, y=y, last_h=last_h, before=before, h0=h0, mask=mask,
        )

    cdef void cell(
        self, Py_ssize_t at, Py_ssize_t first, Py_ssize_t rows, const float *state, Py_ssize_t begun
    ) noexcept nogil:
        cdef float *z = self.z + at * self.units
        cdef float *fresh = z + begun * self.units
        if begun:
            self.multiply(state, begun, z, True, self.activation)
        self.table.activation[self.activation](rows - begun, self.units, fresh, fresh, self.units)
        memcpy(self.h + first * self.units, z, 4 * rows * self.units)


cdef class RNNGradient(Backward):
    """dz of RNN, whose z is its y; see Backward."""

    cdef int activation

    def __init__(
        self, Tensor z, Tensor weight, Steps steps, Tensor h, *, Tensor dy or None = None,
        Tensor dlast_h or None = None, Tensor dh0 or None = None, Tensor mask or None = None, reverse: bool = False,
        activation: str = "tanh",
    ) -> None:
        self.activation = activation_number(activation)
        self.take_backward(
            z, weight, steps, h, gates=1, reverse=reverse, dy=dy, dlast_h=dlast_h, dh0=dh0, mask=mask,
        )

    cdef void cell(self, Py_ssize_t at, Py_ssize_t first, Py_ssize_t rows, bint wanted) noexcept nogil:
        cdef float *dz = self.z + at * self.units
        cdef float *dh = self.h + first * self.units
        self.table.activation_gradient[self.activation](rows, self.units, dz, self.units, dh, dz, self.units)
        if wanted:
            self.pass_back(dz, first, rows, False)
