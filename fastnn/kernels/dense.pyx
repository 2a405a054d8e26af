"""The products of a dense layer: forward, and the gradients of its input and of its weights."""

from fastnn.engine cimport csrc
from fastnn.engine.csrc cimport fastnn_product, fastnn_rows, no_rows
from fastnn.engine.op cimport Op
from fastnn.engine.tensor cimport Tensor, floats
from fastnn.kernels.packing cimport Packing, Prepared

from fastnn.kernels.activation import DERIVED_FROM_INPUT as _DERIVED_FROM_INPUT, number


cdef enum:
    MANY = 1024  # rows from which packing the weight first pays off


cdef class Product(Prepared):
    """C = f(A B + bias), parallel over panels of columns, or over rows where there are too few panels.

    The sums of an element do not depend on the part it falls into.
    """

    cdef fastnn_product whole

    def __cinit__(self) -> None:
        self.pace = 50.0

    cdef const fastnn_product *present(self, fastnn_product *p) noexcept nogil:
        """The product at the present number of rows: as constructed, or adapted in p."""
        if self.whole.m == self.present_rows():
            return &self.whole
        p[0] = self.whole
        p.m = self.present_rows()
        return p

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef fastnn_product p
        cdef const fastnn_product *present = self.present(&p)
        cdef Py_ssize_t unit, units, start, end
        if parts == 1:
            self.table.product(present, scratch_for(present))
            return
        p = present[0]
        cdef bint by_columns = p.n >= parts * self.table.panel
        unit = self.table.panel if by_columns else self.table.tile_rows
        units = ((p.n if by_columns else p.m) + unit - 1) // unit
        start, end = units * index // parts * unit, units * (index + 1) // parts * unit
        if by_columns:
            p.n = min(end, p.n) - start
            p.b += start * (p.k if p.b_packed else p.b_column)
            p.c += start
            if p.beside.m:
                p.beside.c += start
            if p.bias != NULL:
                p.bias += start
            if p.z != NULL:
                p.z += start
            if p.y != NULL:
                p.y += start
            if p.b_sum != NULL:
                p.b_sum += start
        else:
            if index < parts - 1:  # the last part has all of them
                p.beside.m, p.b_sum = 0, NULL
            p.m = min(end, p.m) - start
            p.a += start * p.a_row
            p.c += start * p.c_row
            if p.z != NULL:
                p.z += start * p.c_row
            if p.y != NULL:
                p.y += start * p.y_row
        if (p.m > 0 or p.beside.m > 0) and p.n > 0:
            self.table.product(&p, scratch_for(&p))

    cdef double work(self) noexcept nogil:
        cdef fastnn_product p
        cdef const fastnn_product *present = self.present(&p)
        return 2.0 * (present.m + present.beside.m) * present.n * present.k


cdef bint fits(Tensor x, Py_ssize_t rows, Py_ssize_t columns):
    return x is None or (x.rows == rows and x.columns == columns)


def _refuse(name, *tensors):
    shapes = ", ".join("None" if tensor is None else str(tensor.shape) for tensor in tensors)
    raise ValueError(f"{name}: shapes {shapes} do not fit")


cdef class Packed(Packing):
    """panels = weight (in, out), laid out as the product's tiles read it: panel after panel of columns.

    transposed: it packs, and stands for, weight^T (out, in).
    """

    def __init__(self, Tensor weight, transposed: bool = False) -> None:
        cdef Py_ssize_t lanes = self.table.lanes
        self.pace = 2.0
        self.b, self.row, self.column = floats(weight), weight.columns, 1
        self.k, self.n = weight.rows, weight.columns
        if transposed:
            self.k, self.n, self.row, self.column = self.n, self.k, self.column, self.row
        self.pack_into_panels(weight, self.k * ((self.n + lanes - 1) // lanes * lanes), None)

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t unit = self.table.panel, n = self.n
        cdef Py_ssize_t units = (n + unit - 1) // unit
        cdef Py_ssize_t start = units * index // parts * unit, end = min(n, units * (index + 1) // parts * unit)
        if start < end:
            self.table.pack(
                self.k, end - start, self.b + start * self.column, self.row, self.column, self.c + start * self.k
            )

    cdef double work(self) noexcept nogil:
        return self.k * self.n


cdef class Dense(Product):
    """y = f(x weight + bias). x (rows, in), weight (in, out) or Packed, bias (out,) or None, y (rows, out).

    z: None, or (rows, out): receives x weight + bias, for a derivative that is computed from it.
    From MANY rows on it packs the weight itself in each run.
    """

    def __init__(
        self, Tensor x, weight: Tensor | Packed, Tensor bias or None, Tensor y, activation: str = "identity",
        Tensor z = None,
    ) -> None:
        cdef Packed given = weight if isinstance(weight, Packed) else None
        cdef Tensor matrix = self.matrix(weight, Packed)
        if not (
            (fits(matrix, x.columns, y.columns) if given is None else (given.k, given.n) == (x.columns, y.columns))
            and fits(y, x.rows, y.columns)
            and fits(z, x.rows, y.columns)
            and (bias is None or bias.size == y.columns)
        ):
            _refuse("Dense(x, weight, bias, y, z)", x, matrix, bias, y, z)
        if z is not None and activation not in _DERIVED_FROM_INPUT:
            raise ValueError(f"Dense: the derivative of {activation} is computed from y; leave out z")
        self.whole = fastnn_product(
            m=x.rows, n=y.columns, k=x.columns,
            a=floats(x), a_row=x.columns, a_column=1,
            b=floats(matrix), b_row=y.columns, b_column=1, b_packed=0, b_sum=NULL,
            bias=floats(bias), add=0,
            c=floats(y), c_row=y.columns,
            activation=number(activation), z=floats(z), y=NULL, y_row=0,
            beside=no_rows,
        )
        if given is not None or x.rows >= MANY:
            self.prepare(weight, Packed, ())
        if given is not None:
            self.whole.b, self.whole.b_packed = given.c, True
        self.bind((x, matrix, bias, y, z))

    cdef bint packs(self) noexcept nogil:
        return self.own and self.present_rows() >= MANY

    cdef const fastnn_product *present(self, fastnn_product *p) noexcept nogil:
        if not self.packs():
            return Product.present(self, p)
        p[0] = self.whole
        p.m, p.b, p.b_packed = self.present_rows(), self.packing.c, True
        return p


cdef class DenseInputGradient(Product):
    """dx = (dz weight^T) f'. dz (rows, out), dx, x (rows, in); f' is computed from x; see ActivationGradient."""

    def __init__(self, Tensor dz, Tensor weight, Tensor dx, activation: str = "identity", Tensor x = None) -> None:
        if not (
            fits(weight, dx.columns, dz.columns)
            and fits(dx, dz.rows, dx.columns)
            and fits(x, dx.rows, dx.columns)
        ):
            _refuse("DenseInputGradient(dz, weight, dx, x)", dz, weight, dx, x)
        if x is None and activation != "identity":
            raise ValueError(f"DenseInputGradient: the derivative of {activation} needs x")
        self.whole = fastnn_product(
            m=dz.rows, n=dx.columns, k=dz.columns,
            a=floats(dz), a_row=dz.columns, a_column=1,
            b=floats(weight), b_row=1, b_column=dz.columns, b_packed=0, b_sum=NULL,
            bias=NULL, add=0,
            c=floats(dx), c_row=dx.columns,
            activation=number(activation), z=NULL, y=floats(x), y_row=dx.columns, beside=no_rows,
        )
        self.bind((dz, weight, dx, x))


cdef class DenseWeightGradient(Product):
    """dweight = x^T dz, dbias = the sum of dz's rows. x (rows, in), dz (rows, out), dweight (in, out), dbias (out,).

    other (rows, in'), dother (in', out): dother = other^T dz as well. With add, all accumulate into their destinations.
    """

    def __init__(
        self, Tensor x, Tensor dz, Tensor dweight, Tensor dbias = None, *, Tensor other = None, Tensor dother = None,
        add: bool = False,
    ) -> None:
        if not (
            fits(dz, x.rows, dweight.columns)
            and fits(dweight, x.columns, dz.columns)
            and (dbias is None or dbias.size == dz.columns)
            and (other is None) == (dother is None)
            and (other is None or (other.rows == x.rows and fits(dother, other.columns, dz.columns)))
        ):
            _refuse("DenseWeightGradient(x, dz, dweight, dbias, other, dother)", x, dz, dweight, dbias, other, dother)
        cdef fastnn_rows beside = no_rows
        if other is not None:
            beside = fastnn_rows(
                m=other.columns, a=floats(other), a_row=1, a_column=other.columns, c=floats(dother), c_row=dz.columns
            )
        self.whole = fastnn_product(
            m=x.columns, n=dz.columns, k=x.rows,
            a=floats(x), a_row=1, a_column=x.columns,
            b=floats(dz), b_row=dz.columns, b_column=1, b_packed=0, b_sum=floats(dbias),
            bias=NULL, add=add,
            c=floats(dweight), c_row=dz.columns,
            activation=csrc.fastnn_identity, z=NULL, y=NULL, y_row=0, beside=beside,
        )
        self.bind((x, dz, dweight, dbias, other, dother))

    cdef const fastnn_product *present(self, fastnn_product *p) noexcept nogil:
        if self.whole.k == self.present_rows():
            return &self.whole
        p[0] = self.whole
        p.k = self.present_rows()
        return p

    cdef void run(self) noexcept nogil:
        if not self.state.inputs_only:
            Op.run(self)
