"""Program: a plan of a network with its ports and meters; Pool: the programs that a network keeps."""

from collections.abc import Callable
from typing import Any

cimport cython
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int64_t, uint64_t

cimport numpy as cnp
import numpy as np

from fastnn.engine.guard cimport Hold, hold
from fastnn.engine.plan cimport Plan
from fastnn.engine.port cimport Port, is_batch
from fastnn.model.counters cimport Counters

from fastnn.schedules import Schedule

cnp.import_array()


cdef bint is_order(object rows, Py_ssize_t count) noexcept:
    """Whether it is an int64 array, in C order, of numbers of samples, of which there are `count`."""
    cdef Py_ssize_t i
    cdef const int64_t *order
    if not is_batch(rows, ()) or cnp.PyArray_TYPE(<cnp.ndarray> rows) != cnp.NPY_INT64:
        return False
    order = <const int64_t *> cnp.PyArray_DATA(<cnp.ndarray> rows)
    for i in range(cnp.PyArray_DIM(<cnp.ndarray> rows, 0)):
        if not 0 <= order[i] < count:
            return False
    return True


@cython.final
cdef class Program:
    """A plan that answers a request: its ports are inputs, then targets or results, in order; its meters have names.

    weights: of several outputs' losses in their sum, by name. states: what recurrent layers carry from run to run.
    records: of the outputs, for metrics of a whole epoch; their ports come last. outputs: of each result the shape for
    a sample, and the dtype.
    """

    def __init__(
        self,
        request: Request,
        Plan plan,
        meters: dict[str, Any] | None = None,
        weights: dict[str, float] | None = None,
        states: list[Tensor] | None = None,
        records: list[Record] | None = None,
        outputs: list[Any] | None = None,
    ) -> None:
        self.request, self.plan, self.meters, self.weights = request, plan, meters or {}, weights or {}
        self.states, self.records, self.outputs = states or [], records or [], outputs or []
        self.loss = self.meters.get("loss")

    def attach(self, *arrays: np.ndarray, samples: np.ndarray | None = None, stop: int = 0) -> None:
        """Binds arrays to the ports, in order; but for results, each has as many rows as the first.

        samples: the user's samples that their rows are copies of, for error messages; None: they are the user's.
        stop: the rows that a run takes of them, in its order, for records.
        """
        cdef Port port
        self.bind(arrays)
        for port in self.plan.ports:
            port.samples = samples
        for record in self.records:
            record.attach(stop)

    cdef void bind(self, tuple arrays) except *:
        cdef tuple ports = self.plan.ports
        cdef Port port, first = <Port> ports[0]
        cdef Py_ssize_t i
        for i in range(len(arrays)):
            port = <Port> ports[i]
            port.attach(arrays[i])
            if port.rows != first.rows and port.out is None:  # one of them may have been resized since it was checked
                raise ValueError(f"{port.name}: expected {first.rows} rows, as in {first.name}, got {port.rows}")

    def detach(self) -> None:
        """Releases them."""
        self.release()

    cdef void release(self) except *:
        cdef Port port
        for port in self.plan.ports:
            port.detach()

    cpdef list empty(self, Py_ssize_t rows):  # type: (...) -> list[np.ndarray]
        """Arrays for the results of that many rows."""
        return [np.empty((rows, *shape), dtype) for shape, dtype in self.outputs]

    def run_all(
        self,
        Py_ssize_t stop,
        Py_ssize_t rows,
        Py_ssize_t start=0,
        order: np.ndarray | None = None,
        uint64_t update=0,
    ) -> None:
        """Runs over the samples from start to stop, returning regularly so that signals are handled.

        update: how many there have been, for weights of penalties that follow a schedule.
        """
        while start < stop:
            start = self.plan.run(stop, rows, start, order, update=update)
            PyErr_CheckSignals()

    cdef double step(self, Py_ssize_t rows, cnp.ndarray order, object optimizer, Counters counters) except? -1:
        """One step on the first rows of the attached arrays, or on those of an int64 order; returns its loss."""
        cdef double rate = self.next_rate(optimizer, counters)
        cdef const int64_t *chosen = NULL if order is None else <const int64_t *> cnp.PyArray_DATA(order)
        self.plan.once(rows, chosen, &rate, counters.step, counters.update)
        counters.trained(1)
        return self.loss.last if self.loss is not None else self.last()["loss"]

    cdef double next_rate(self, object optimizer, Counters counters) except? -1:
        """The learning rate of the next update."""
        setting = optimizer.learning_rate
        return setting if type(setting) is float else setting.rates(counters.update, 1)[0]

    def rates_for(self, Py_ssize_t steps, optimizer: Optimizer, Counters counters) -> np.ndarray:
        """The learning rate for each of the next steps, at least that many."""
        if isinstance(optimizer.learning_rate, Schedule):
            return optimizer.learning_rate.rates(counters.update, steps)
        if self.rates is None or len(self.rates) < steps or self.rate != optimizer.learning_rate:
            self.rate = optimizer.learning_rate
            self.rates = np.full(steps, self.rate)
        return self.rates

    def clear_states(self) -> None:
        """Sets the states to zero."""
        for state in self.states:
            state.array[...] = 0

    cdef void resume(self, list states, Py_ssize_t rows) except *:
        """Sets the states to these, or to zeros for None. Raises ValueError for those of another number of streams."""
        if states is None:
            self.clear_states()
            return
        for state, values in zip(self.states, states):
            if len(values) != rows:
                raise ValueError(
                    f"the state belongs to {len(values)} streams and cannot continue with {rows}; call reset_state()"
                )
            state.array[:rows] = values

    def reset(self) -> None:
        """Forgets what was measured."""
        for meter in self.meters.values():
            meter.reset()
        for record in self.records:
            record.seen.clear()

    def means(self) -> Logs:
        """The loss and the metrics since `reset`."""
        return self.logs({name: meter.mean for name, meter in self.meters.items()})

    def take(self, section: Section, stop: int) -> None:
        """Adds the rows of a section that were run, from its start to `stop`, to the records."""
        for record in self.records:
            record.take(section.examples, slice(section.start, stop), section.order)

    def results(self) -> Logs:
        """What `means` says, and the metrics of all that the records have taken."""
        logs = self.means()
        for record in self.records:
            logs |= record.results()
        return logs

    def last(self) -> Logs:
        """The loss and the metrics of the last step."""
        return self.logs({name: meter.last for name, meter in self.meters.items()})

    def __reduce__(self) -> tuple:
        raise TypeError("a Program is bound to memory of this process and cannot be copied; copy its network")

    cdef dict logs(self, dict measured):
        """The measured values, and for several outputs the loss that was minimized."""
        if self.loss is not None:
            return measured
        return {"loss": sum([weight * measured[name] for name, weight in self.weights.items()]), **measured}


@cython.final
cdef class Pool:
    """The programs that a network keeps between its runs. make(net, request, rows) makes one."""

    cdef object make
    cdef Program latest  # a free one, or None: the one that a loop needs again
    cdef dict kept       # lists of the others that are free, by request
    cdef list states     # from which `train` continues, or None; kept here, since the next step may use another program

    def __init__(self, make: Callable[..., Program]) -> None:
        self.make, self.kept = make, {}

    cpdef Program lease(self, object net, object request, Py_ssize_t rows):
        """A program of at least that many rows for one run: a kept one, or a clone while that is in use."""
        cdef Program program = self.latest  # taken in one step: another thread may take it too
        cdef list free
        if program is not None and (program.request is request or program.request == request):
            self.latest = None
        else:
            free = self.kept.get(request)
            program = free.pop() if free else None
        if program is not None and program.plan.capacity >= rows:
            return program
        program = None  # frees the old arena before the new one is made
        return self.make(net, request, rows)

    cpdef void give_back(self, Program program) except *:
        """Keeps a leased program for the next run."""
        cdef Program before = self.latest
        program.release()
        self.latest = program
        if before is not None:
            self.kept.setdefault(before.request, []).append(before)

    def predict(self, net: Any, array: np.ndarray, request: Request) -> np.ndarray:
        """The results for all rows of an array that fits, of a network with one input and one output.

        Compiled as a whole, as `train` is.
        """
        cdef Py_ssize_t rows = len(array)
        cdef Hold held = hold(net.guard, request.kind.value, False, True)
        cdef Program program
        cdef list found
        held.enter()
        try:
            program = self.lease(net, request, rows)
            try:
                found = program.empty(rows)
                program.bind((array, *found))
                program.run_all(rows, rows)
                return found[0]
            finally:
                self.give_back(program)
        finally:
            held.let_go()

    def train_quickly(
        self, net: Any, x: object, y: object, weight: object, choose: object, rows: object
    ) -> float | None:
        """`train` on arrays that it can take as they are; None where one of them has to be checked or converted first.

        weight: of each sample, or None. choose, rows: as `fit` takes them, or None.
        """
        cdef Py_ssize_t place = (weight is not None) + 2 * (choose is not None), count
        cdef tuple forms = net.quick
        if place >= len(forms):
            return None
        request, target, choice = forms[place]
        if not (is_batch(x, net.input_shape) and is_batch(y, target)):
            return None
        count = len(x)
        if len(y) != count or not (rows is None or is_order(rows, count)):
            return None
        arrays = [x, y]
        if weight is not None:
            if not is_batch(weight, ()) or len(weight) != count:
                return None
            arrays.append(weight)
        if choose is not None:
            if not is_batch(choose, choice) or len(choose) != count:
                return None
            arrays.append(choose)
        return self.held_step(net, tuple(arrays), request, rows)

    def train(self, net: Any, tuple arrays, request: Request, rows: np.ndarray | None = None) -> float:
        """Holds the network for one step on arrays that fit, all or an int64 array of their rows; returns its loss."""
        return self.held_step(net, arrays, request, rows)

    cdef double held_step(self, object net, tuple arrays, object request, cnp.ndarray rows) except? -1:
        """`train`, compiled as a whole: each call from Python would cost as much as an op of a small network."""
        cdef Py_ssize_t count = len(arrays[0]) if rows is None else len(rows)
        cdef Hold held = hold(net.guard, "train_on_batch", True, False)
        cdef Program program
        cdef double loss
        held.enter()
        try:
            program = self.lease(net, request, count)
            try:
                program.bind(arrays)
                if program.states:
                    program.resume(self.states, count)
                loss = program.step(count, rows, net.optimizer, net.counters)
                if program.states:
                    self.states = [state.array[:count].copy() for state in program.states]
                return loss
            finally:
                self.give_back(program)
        finally:
            held.let_go()

    def clear_states(self) -> None:
        """The next step of `train` starts from states of zero."""
        self.states = None

    def clear(self) -> None:
        """Drops all programs."""
        self.latest = self.states = None
        self.kept.clear()
