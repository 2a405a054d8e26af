"""Weights packed in the order in which the tiles of a kernel read them, and the Ops that read them."""

from fastnn.engine.op cimport Op
from fastnn.engine.tensor cimport Tensor, floats


cdef class Packing(Op):
    """An op that packs a weight into panels: when it is constructed, and again when it is called.

    A Prepared takes it instead of the weight.
    """

    cdef void pack_into_panels(self, Tensor weight, Py_ssize_t size, object given) except *:
        """Allocates panels of `size` elements and packs, once the subclass has set everything else."""
        self.weight, self.given, self.panels = weight, given, Tensor((size,))
        self.c = floats(self.panels)
        self.bind((weight, self.panels))
        self()


cdef class Prepared(Op):
    """An op that reads a packed weight: from a given Packing, or from its own, which each run calls first."""

    cdef Tensor matrix(self, object weight, type kind):
        """The weight itself, also that of a Packing of that kind."""
        return (<Packing> weight).weight if isinstance(weight, kind) else weight

    cdef void prepare(self, object weight, type kind, tuple settings) except *:
        """Takes the Packing, or makes one of that kind from the weight. Raises ValueError for one that does not fit."""
        cdef Packing packing
        self.own = not isinstance(weight, kind)
        if self.own:
            self.packing = kind(weight, *settings)
            return
        packing = weight
        if packing.table != self.table or packing.given not in (None, settings):
            other = "" if packing.given is None else f", or for {packing.given}"
            raise ValueError(f"{type(self).__name__}: the weight was packed for another instruction set{other}")
        self.packing = packing

    cdef bint packs(self) noexcept nogil:
        """Whether this run packs the weight first."""
        return self.own

    cdef void run(self) noexcept nogil:
        if self.packs():
            self.packing.state.threads = self.state.threads
            self.packing.run()
        Op.run(self)
