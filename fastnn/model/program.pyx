"""Program: a plan of a network, and where its arrays and figures are; Pool: those that a network keeps."""

from collections.abc import Callable

cimport cython
from cpython.exc cimport PyErr_CheckSignals

cimport numpy as cnp
import numpy as np

from fastnn.engine.guard cimport Hold, hold
from fastnn.engine.plan cimport Plan
from fastnn.engine.port cimport Port
from fastnn.kernels.loss cimport Meter

from fastnn.schedules import Schedule

cnp.import_array()


@cython.final
cdef class Program:
    """A plan, whose ports are inputs, then targets or results, in order; and what it measures, by name.

    labels: a bit for each target that is class numbers. weights: of several outputs' losses in their sum, by name.
    """

    cdef readonly str kind
    cdef readonly Py_ssize_t labels
    cdef readonly Plan plan
    cdef readonly dict meters
    cdef readonly dict weights
    cdef readonly list states  # that recurrent layers carry from run to run
    cdef Meter loss      # of the one output, or None
    cdef object rates
    cdef double rate  # the one in rates

    def __init__(
        self,
        str kind,
        Py_ssize_t labels,
        Plan plan,
        meters: dict[str, Meter] | None = None,
        weights: dict[str, float] | None = None,
        states: list[Tensor] | None = None,
    ) -> None:
        self.kind, self.labels, self.plan, self.meters, self.weights = kind, labels, plan, meters or {}, weights or {}
        self.states = states or []
        self.loss = self.meters.get("loss")

    def attach(self, *arrays: np.ndarray) -> None:
        """Binds the users' arrays to the ports, in order; each has as many rows as the first."""
        self.bind(arrays)

    cdef void bind(self, tuple arrays) except *:
        cdef tuple ports = self.plan.ports
        cdef Port port, first = <Port> ports[0]
        cdef Py_ssize_t i
        for i in range(len(arrays)):
            port = <Port> ports[i]
            port.attach(arrays[i])
            if port.rows != first.rows:  # one of them may have been resized since it was checked
                raise ValueError(f"{port.name}: {port.rows} rows for {first.rows} samples")

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

    cdef double step(self, object optimizer, dict counters) except? -1:
        """One step on all rows of what is attached; returns its loss."""
        cdef double rate = self.checked(optimizer, counters)
        self.plan.once(&rate, counters["step"], counters["update"])
        counters["step"] += 1
        counters["update"] += 1
        return self.loss.last if self.loss is not None else self.last()["loss"]

    cdef double checked(self, object optimizer, dict counters) except? -1:
        """The learning rate of the next update, checked where it has changed."""
        cdef double rate
        setting = optimizer.learning_rate
        if type(setting) is not float and isinstance(setting, Schedule):
            return setting.rates(counters["update"], 1)[0]
        rate = setting
        if rate != self.rate or self.rates is None:
            optimizer.check()
            self.rate, self.rates = optimizer.learning_rate, np.empty(0)
        return self.rate

    def rates_for(self, Py_ssize_t steps, optimizer: Optimizer, dict counters) -> np.ndarray:
        """The learning rate for each of the next steps, at least that many."""
        if isinstance(optimizer.learning_rate, Schedule):
            return optimizer.learning_rate.rates(counters["update"], steps)
        self.checked(optimizer, counters)
        if len(self.rates) < steps:
            self.rates = np.full(steps, self.rate)
        return self.rates

    def forget(self) -> None:
        """The states are zeros again."""
        for state in self.states:
            state.array[...] = 0

    cdef void resume(self, list states, Py_ssize_t rows) except *:
        """The states are these, or zeros for None. Raises ValueError where they are not of so many streams."""
        if states is None:
            self.forget()
            return
        for state, values in zip(self.states, states):
            if len(values) != rows:
                raise ValueError(
                    f"the state is that of {len(values)} streams, and cannot go on with {rows}; call reset_state()"
                )
            state.array[:rows] = values

    def reset(self) -> None:
        """Begins to measure anew."""
        for meter in self.meters.values():
            meter.reset()

    def means(self) -> Logs:
        """The loss and the metrics since `reset`."""
        return self.logs({name: meter.mean for name, meter in self.meters.items()})

    def last(self) -> Logs:
        """The loss and the metrics of the last step."""
        return self.logs({name: meter.last for name, meter in self.meters.items()})

    cdef dict logs(self, dict measured):
        """What was measured, and for several outputs the loss that was minimized."""
        if self.loss is not None:
            return measured
        return {"loss": sum([weight * measured[name] for name, weight in self.weights.items()]), **measured}


@cython.final
cdef class Pool:
    """The programs that a network keeps between its runs. make(net, kind, labels, rows) makes one."""

    cdef object make
    cdef Program latest  # a free one, or None: the one that a loop wants again
    cdef dict kept       # lists of the others that are free, by key
    cdef list states     # that `train` goes on from, or None: those of one step may be another program's than the next

    def __init__(self, make: Callable[..., Program]) -> None:
        self.make, self.kept = make, {}

    cpdef Program lease(self, object net, str kind, Py_ssize_t rows, Py_ssize_t labels=0):
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

    cpdef void give_back(self, Program program) except *:
        """Keeps a leased program for the next run."""
        cdef Program before = self.latest
        program.let_go()
        self.latest = program
        if before is not None:
            self.kept.setdefault((before.kind, before.labels), []).append(before)

    def train(self, net: Network, tuple arrays, Py_ssize_t labels) -> float:
        """Holds the network for one step on all rows of arrays that fit; returns its loss.

        Compiled as a whole: each call from Python would cost as much as an op of a small network.
        """
        cdef Hold held = hold(net.guard, "train_on_batch", True, False)
        cdef Program program
        cdef double loss
        held.enter()
        try:
            program = self.lease(net, "train", len(arrays[0]), labels)
            try:
                program.bind(arrays)
                if program.states:
                    program.resume(self.states, len(arrays[0]))
                loss = program.step(net.optimizer, net.counters)
                if program.states:
                    self.states = [state.array[:len(arrays[0])].copy() for state in program.states]
                return loss
            finally:
                self.give_back(program)
        finally:
            held.let_go()

    def forget(self) -> None:
        """The next step of `train` goes on from zeros."""
        self.states = None

    def clear(self) -> None:
        """Forgets them all."""
        self.latest = self.states = None
        self.kept.clear()
