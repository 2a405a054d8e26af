"""The base of recurrent ops: the loop over the steps of sequences, forward and backward.

The inputs' contribution is computed before: one product for all steps. Here follow, for each time, the product of the
state with the recurrent weight, and the cell. Sequences are independent: a thread runs its own through all times, and
no thread waits for another. See steps.pyx for the order of steps; a state (rows, units) is stored by place.
"""

from libc.string cimport memcpy, memset

from fastnn.engine cimport thread_team
from fastnn.engine.csrc cimport fastnn_product, no_rows
from fastnn.engine.tensor cimport Tensor, floats
from fastnn.kernels.dense cimport Packed, scratch_for
from fastnn.kernels.packing cimport Prepared
from fastnn.kernels.steps cimport Steps


cdef void columns_of(void *op, Py_ssize_t index, Py_ssize_t parts, int thread) noexcept nogil:
    (<Recurrence> op).columns(index, parts)


cdef class Recurrence(Prepared):
    """The base of forward and backward: the steps, the weight, and the loop over time."""

    def __cinit__(self) -> None:
        self.pace = 45.0

    cdef Tensor take(self, Tensor z, object weight, Steps steps, Tensor h, int gates, bint transposed, bint reverse):
        """Takes what each of these Ops needs; transposed: the product is by weight^T. Returns the weight as it is."""
        cdef Packed packed
        cdef Tensor matrix = self.matrix(weight, Packed)
        self.units, self.width, self.steps, self.reverse = h.columns, gates * h.columns, steps, reverse
        steps.check_rows(self, h.rows)
        shape = ((<Packed> weight).k, (<Packed> weight).n) if isinstance(weight, Packed) else matrix.shape
        if shape != (self.units, self.width):
            raise ValueError(f"{type(self).__name__}: expected a weight {(self.units, self.width)}, got {shape}")
        self.state.rows = h.rows
        self.z, self.h = self.by_step("z", z, gates), self.by_row("h", h)
        self.prepare(weight, Packed, (transposed,))
        packed = <Packed> self.packing
        self.product = fastnn_product(
            m=0, n=packed.n, k=packed.k,
            a=NULL, a_row=packed.k, a_column=1,
            b=packed.c, b_row=0, b_column=0, b_packed=1, b_sum=NULL,
            bias=NULL, add=0,
            c=NULL, c_row=packed.n,
            activation=0, z=NULL, y=NULL, y_row=0, beside=no_rows,
        )
        return matrix

    cdef float *by_step(self, name, Tensor x, Py_ssize_t states=1) except? NULL:
        """The memory of x (rows * times, states * units), NULL of None. Raises ValueError for another shape."""
        return self.shaped(name, x, self.state.rows * self.steps.times, states * self.units)

    cdef float *by_row(self, name, Tensor x) except? NULL:
        """The memory of x (rows, units), NULL of None. Raises ValueError for another shape."""
        return self.shaped(name, x, self.state.rows, self.units)

    cdef float *shaped(self, name, Tensor x, Py_ssize_t rows, Py_ssize_t columns) except? NULL:
        if x is not None and (x.rows, x.columns) != (rows, columns):
            raise ValueError(f"{type(self).__name__}: expected {name} {(rows, columns)}, got {x.shape}")
        return floats(x)

    cdef void run(self) noexcept nogil:
        self.across = 1
        if self.state.rows < self.state.threads:
            self.across = thread_team.size_for(self.work() / self.steps.total / self.pace, self.state.threads)
        Prepared.run(self)

    cdef Py_ssize_t parts(self, int threads) noexcept nogil:
        return 1 if self.across > 1 else min(<Py_ssize_t> threads, self.state.rows)

    cdef Py_ssize_t place(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        """Where the index-th part of the sequences starts; the parts have about equally many steps."""
        cdef Py_ssize_t wanted = self.steps.total * index // parts, place = 0, done = 0
        while done < wanted:
            done += self.steps.length_of(place)
            place += 1
        return place

    cdef void part(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        cdef Py_ssize_t i, first = self.place(index, parts), last = self.place(index + 1, parts)
        cdef Py_ssize_t longest = self.steps.longest
        for i in range(first, last):  # pass 1: the initial states
            self.begin(i, self.steps.row[i])
        for i in range(longest):  # pass 2: each time, in the direction of the op
            self.at_time(longest - 1 - i if self.backwards() else i, i, first, last)
        for i in range(first, last):  # pass 3: the final states
            self.end(i, self.steps.row[i])

    cdef bint backwards(self) noexcept nogil:
        """Whether the loop runs from the last time to the first."""
        return self.reverse

    cdef void at_time(self, Py_ssize_t t, Py_ssize_t index, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        """Time t, the index-th of the loop, of the sequences at places first..last-1."""
        cdef Py_ssize_t rows = min(last, self.steps.present[t]) - first
        if rows > 0:
            self.step(self.steps.start[t] + first, first, rows, index)

    cdef void step(self, Py_ssize_t at, Py_ssize_t first, Py_ssize_t rows, Py_ssize_t index) noexcept nogil:
        """`rows` sequences from place `first` on, whose steps are from `at` on."""
        pass

    cdef void begin(self, Py_ssize_t place, Py_ssize_t row) noexcept nogil:
        """The running values at a place: those given for its row, or zeros."""
        self.fill(self.h, self.first_h, place, row)
        if self.c != NULL:
            self.fill(self.c, self.first_c, place, row)

    cdef void end(self, Py_ssize_t place, Py_ssize_t row) noexcept nogil:
        """The running values at a place into the results for its row, where these are requested."""
        self.leave(self.h, self.result_h, place, row)
        if self.c != NULL:
            self.leave(self.c, self.result_c, place, row)

    cdef void multiply(self, const float *a, Py_ssize_t rows, float *c, bint add, int activation=0) noexcept nogil:
        """c = a weight, plus the bias if there is one, or with add c + a weight, then the activation."""
        cdef fastnn_product p = self.product
        p.m, p.a, p.c, p.add, p.activation = rows, a, c, add, activation
        if self.across > 1:  # no other thread is here
            self.product = p
            thread_team.share(self.across, self.across, columns_of, <void *> self)
        else:
            self.table.product(&p, scratch_for(&p))

    cdef void columns(self, Py_ssize_t index, Py_ssize_t parts) noexcept nogil:
        """A part of the columns of the present product."""
        cdef fastnn_product p = self.product
        cdef Py_ssize_t unit = self.table.panel, units = (p.n + unit - 1) // unit
        cdef Py_ssize_t start = units * index // parts * unit, end = min(p.n, units * (index + 1) // parts * unit)
        if start < end:
            p.n, p.b, p.c = end - start, p.b + start * p.k, p.c + start
            p.bias = NULL if p.bias == NULL else p.bias + start
            self.table.product(&p, scratch_for(&p))

    cdef void fill(self, float *state, const float *given, Py_ssize_t place, Py_ssize_t row) noexcept nogil:
        if given == NULL:
            memset(state + place * self.units, 0, 4 * self.units)
        else:
            memcpy(state + place * self.units, given + row * self.units, 4 * self.units)

    cdef void leave(self, const float *state, float *result, Py_ssize_t place, Py_ssize_t row) noexcept nogil:
        if result != NULL:
            memcpy(result + row * self.units, state + place * self.units, 4 * self.units)

    cdef void masked(self, const float *x, Py_ssize_t first, Py_ssize_t rows, float *y) noexcept nogil:
        """y = x times the mask, for the sequences from place `first` on."""
        cdef Py_ssize_t i
        for i in range(rows):
            self.table.multiply(
                self.units, x + i * self.units, self.mask + self.steps.row[first + i] * self.units, y + i * self.units
            )

    cdef double work(self) noexcept nogil:
        return 2.0 * self.steps.total * self.units * self.width


cdef class Forward(Recurrence):
    """The states of sequences, from z, the contribution of their inputs.

    z (rows * times, gates * units), weight (units, gates * units). h, c: (rows, units), during a run. Optional
    results: y (rows * times, units), the state after each step; last_h, last_c (rows, units), the last ones. For a
    gradient: before, cells (rows * times, units), the states before each step. h0, c0 (rows, units): before the
    first one, else zeros. bias (gates * units,): is added to the product. mask (rows, units): multiplies the state
    that the product takes, and before with it; plain (rows * times, units): the states before each step without it.
    """

    def take_forward(
        self, Tensor z, weight: Tensor | Packed, Steps steps, Tensor h, *, gates: int, reverse: bool,
        Tensor c or None = None, Tensor y or None = None, Tensor last_h or None = None, Tensor last_c or None = None,
        Tensor before or None = None, Tensor cells or None = None, Tensor plain or None = None,
        Tensor sums or None = None, Tensor h0 or None = None, Tensor c0 or None = None, Tensor mask or None = None,
        Tensor bias or None = None,
    ) -> None:
        matrix = self.take(z, weight, steps, h, gates, False, reverse)
        if bias is not None and bias.shape != (self.width,):
            raise ValueError(f"{type(self).__name__}: expected bias {(self.width,)}, got {bias.shape}")
        self.product.bias = floats(bias)
        self.y, self.sums = self.by_step("y", y), self.by_step("sums", sums, gates)
        self.before, self.plain = self.by_step("before", before), self.by_step("plain", plain)
        self.cells = self.by_step("cells", cells)
        self.c, self.mask = self.by_row("c", c), self.by_row("mask", mask)
        self.first_h, self.first_c = self.by_row("h0", h0), self.by_row("c0", c0)
        self.result_h, self.result_c = self.by_row("last_h", last_h), self.by_row("last_c", last_c)
        if mask is not None and before is None:
            raise ValueError(f"{type(self).__name__}: mask and before go together")
        self.bind((h, z, matrix, y, before, cells, plain, sums, c, last_h, last_c, h0, c0, mask, bias))

    cdef Py_ssize_t begun(self, Py_ssize_t first, Py_ssize_t rows, Py_ssize_t index) noexcept nogil:
        """How many of the sequences have a state before the index-th time of the loop: the others start from zeros.

        Those need no product, wherever in a batch they are.
        """
        if self.first_h != NULL:
            return rows
        if index == 0:
            return 0
        if not self.reverse:
            return rows
        return max(<Py_ssize_t> 0, min(rows, self.steps.present[self.steps.longest - index] - first))

    cdef void step(self, Py_ssize_t at, Py_ssize_t first, Py_ssize_t rows, Py_ssize_t index) noexcept nogil:
        cdef float *h = self.h + first * self.units
        cdef const float *state = h
        if self.before != NULL:
            if self.plain != NULL:
                memcpy(self.plain + at * self.units, h, 4 * rows * self.units)
            state = self.before + at * self.units
            if self.mask == NULL:
                memcpy(<float *> state, h, 4 * rows * self.units)
            else:
                self.masked(h, first, rows, <float *> state)
        self.cell(at, first, rows, state, self.begun(first, rows, index))
        if self.y != NULL:
            memcpy(self.y + at * self.units, h, 4 * rows * self.units)

    cdef void cell(
        self, Py_ssize_t at, Py_ssize_t first, Py_ssize_t rows, const float *state, Py_ssize_t begun
    ) noexcept nogil:
        """The running states after these steps; state: what the product takes, of the first `begun` sequences."""
        pass


cdef class Backward(Recurrence):
    """The gradient of z, in its place, from that of the states.

    z, weight, steps, before, cells, mask, reverse: as the forward op left them. h, c: (rows, units), while it
    runs. dy (rows * times, units), dlast_h, dlast_c (rows, units): the gradients of y and of the last states;
    each may be None. dh0, dc0 (rows, units): those of the initial states, where they are requested.
    """

    def take_backward(
        self, Tensor z, Tensor weight, Steps steps, Tensor h, *, gates: int, reverse: bool, Tensor c or None = None,
        Tensor before or None = None, Tensor cells or None = None, Tensor sums or None = None,
        Tensor dy or None = None, Tensor dlast_h or None = None, Tensor dlast_c or None = None,
        Tensor dh0 or None = None, Tensor dc0 or None = None, Tensor mask or None = None,
    ) -> None:
        self.take(z, weight, steps, h, gates, True, reverse)
        self.before, self.cells = self.by_step("before", before), self.by_step("cells", cells)
        self.sums, self.dy = self.by_step("sums", sums, gates), self.by_step("dy", dy)
        self.c, self.mask = self.by_row("c", c), self.by_row("mask", mask)
        self.first_h, self.first_c = self.by_row("dlast_h", dlast_h), self.by_row("dlast_c", dlast_c)
        self.result_h, self.result_c = self.by_row("dh0", dh0), self.by_row("dc0", dc0)
        self.bind((h, z, weight, before, cells, dy, sums, c, dlast_h, dlast_c, dh0, dc0, mask))

    cdef bint backwards(self) noexcept nogil:
        return not self.reverse

    cdef void step(self, Py_ssize_t at, Py_ssize_t first, Py_ssize_t rows, Py_ssize_t index) noexcept nogil:
        cdef float *dh = self.h + first * self.units
        if self.dy != NULL:
            self.table.add(rows * self.units, dh, self.dy + at * self.units, dh)
        # At the end of the loop the gradient of the state before is needed only if dh0 or dc0 is requested.
        self.cell(at, first, rows, index < self.steps.longest - 1 or self.result_h != NULL)

    cdef void cell(self, Py_ssize_t at, Py_ssize_t first, Py_ssize_t rows, bint wanted) noexcept nogil:
        """dz of these steps, and, where requested, the running gradients of the states before them."""
        pass

    cdef void pass_back(self, const float *dz, Py_ssize_t first, Py_ssize_t rows, bint add) noexcept nogil:
        """The running gradient of h is, or with add grows by, what comes through the product."""
        cdef float *dh = self.h + first * self.units
        cdef float *scratch
        if self.mask == NULL:
            self.multiply(dz, rows, dh, add)
            return
        scratch = self.c + first * self.units if add else dh
        self.multiply(dz, rows, scratch, False)
        self.masked(scratch, first, rows, scratch)
        if add:
            self.table.add(rows * self.units, dh, scratch, dh)
