"""Program: a plan of a network, and where its arrays and figures are; Pool: those that a network keeps."""

from collections.abc import Callable

cimport cython
from cpython.exc cimport PyErr_CheckSignals

cimport numpy as cnp
import numpy as np

from fastnn.kernels.loss cimport Meter
from fastnn.plan cimport Plan
from fastnn.port cimport Port

cnp.import_array()


@cython.final
cdef class Program:
    """A plan, the ports of inputs, targets and results, and what it measures, by name.

    labels: whether its targets are class numbers.
    """

    cdef readonly str kind
    cdef readonly bint labels
    cdef readonly Plan plan
    cdef readonly Port x, y, out
    cdef readonly dict meters
    cdef Meter loss
    cdef object rates
    cdef double rate  # the one in rates

    def __init__(
        self,
        str kind,
        bint labels,
        Plan plan,
        Port x or None,
        Port y or None = None,
        Port out or None = None,
        meters: dict[str, Meter] | None = None,
    ) -> None:
        self.kind, self.labels, self.plan, self.x, self.y, self.out = kind, labels, plan, x, y, out
        self.meters = meters or {}
        self.loss = self.meters.get("loss")

    def attach(self, x: np.ndarray, y: np.ndarray | None = None, out: np.ndarray | None = None) -> None:
        """Binds the user's arrays."""
        self.x.attach(x)
        if y is not None:
            self.attach_like_x(self.y, y)
        if out is not None:
            self.attach_like_x(self.out, out)

    cdef void attach_like_x(self, Port port, object array) except *:
        port.attach(array)
        if port.rows != self.x.rows:  # one of them may have been resized since it was checked
            raise ValueError(f"{port.name}: {port.rows} rows for {self.x.rows} samples")

    def detach(self) -> None:
        """Lets go of them."""
        self.let_go()

    cdef void let_go(self) except *:
        cdef Port port
        for port in self.plan.ports:
            port.detach()

    def run_all(self, Py_ssize_t samples, Py_ssize_t rows) -> None:
        """Runs over all samples, returning now and then so that signals are seen."""
        cdef Py_ssize_t done = 0
        while done < samples:
            done = self.plan.run(samples, rows, done)
            PyErr_CheckSignals()

    def step(self, optimizer: Optimizer, dict counters) -> float:
        """One step on all rows of what is attached; returns its loss."""
        cdef double rate = self.checked(optimizer)
        self.plan.once(&rate, counters["step"], counters["update"])
        counters["step"] += 1
        counters["update"] += 1
        return self.loss.last

    cdef double checked(self, object optimizer) except? -1:
        """The learning rate, checked where it has changed."""
        cdef double rate = optimizer.learning_rate
        if rate != self.rate or self.rates is None:
            optimizer.check()
            self.rate, self.rates = optimizer.learning_rate, np.empty(0)
        return self.rate

    def rates_for(self, Py_ssize_t steps, optimizer: Optimizer) -> np.ndarray:
        """The learning rate for each of the next steps, at least that many."""
        self.checked(optimizer)
        if len(self.rates) < steps:
            self.rates = np.full(steps, self.rate)
        return self.rates

    def reset(self) -> None:
        """Begins to measure anew."""
        for meter in self.meters.values():
            meter.reset()

    def means(self) -> Logs:
        """The loss and the metrics since `reset`."""
        return {name: meter.mean for name, meter in self.meters.items()}

    def last(self) -> Logs:
        """The loss and the metrics of the last step."""
        return {name: meter.last for name, meter in self.meters.items()}


@cython.final
cdef class Pool:
    """The programs that a network keeps between its runs. make(net, kind, labels, rows) makes one."""

    cdef object make
    cdef Program latest  # a free one, or None: the one that a loop wants again
    cdef dict kept       # lists of the others that are free, by key

    def __init__(self, make: Callable[..., Program]) -> None:
        self.make, self.kept = make, {}

    def lease(self, net: Network, str kind, Py_ssize_t rows, bint labels = False) -> Program:
        """A program of at least that many rows for one run: a kept one, or a clone while that is in use."""
        cdef Program program = self.latest  # taken in one step: another thread may be at it too
        cdef list free
        if program is not None and program.kind == kind and program.labels == labels:
            self.latest = None
        else:
            free = self.kept.get((kind, labels))
            program = free.pop() if free else None
        if program is not None and program.plan.capacity >= rows:
            return program
        program = None  # frees the old arena before the new one is made
        return self.make(net, kind, labels, rows)

    def give_back(self, Program program) -> None:
        """Keeps a leased program for the next run."""
        cdef Program before = self.latest
        program.let_go()
        self.latest = program
        if before is not None:
            self.kept.setdefault((before.kind, before.labels), []).append(before)

    def clear(self) -> None:
        """Forgets them all."""
        self.latest = None
        self.kept.clear()
