"""Program: a plan of a network with its ports and meters."""

from typing import Any

cimport cython
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int64_t, uint64_t

cimport numpy as cnp
import numpy as np

from fastnn.engine.plan cimport Plan
from fastnn.engine.port cimport Port
from fastnn.model.counters cimport Counters

from fastnn.schedules import Schedule

cnp.import_array()


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

    def carried(self) -> tuple:
        """What another program of the network needs to continue where this one stopped."""
        states = [state.array.copy() for state in self.states]
        measured = {name: meter.measured for name, meter in self.meters.items()}
        return states, measured, [list(record.seen) for record in self.records]

    def carry(self, states: list, measured: dict, seen: list) -> None:
        """Continues with what another program has carried."""
        for state, before in zip(self.states, states):
            rows = min(len(before), state.rows)
            state.array[:rows], state.array[rows:] = before[:rows], 0
        for name, meter in self.meters.items():
            meter.measured = measured[name]
        for record, before in zip(self.records, seen):
            record.seen = before

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
