"""Custom training loops: forward, backward and step one by one, arrays in, arrays out, for what `fit` cannot do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fastnn.common import checks
from fastnn.data import arrays
from fastnn.inference.predict import Prediction
from fastnn.model.lengths import ends as ends_of
from fastnn.model.objectives import one_or_all
from fastnn.model.request import Kind, Request
from fastnn.model.update import require_single_step
from fastnn.schedules import Schedule
from fastnn.training.custom_pass import CustomPass


class CustomLoop(Prediction):
    """The verbs of a custom training loop."""

    def forward(self, x: Any, training: bool = False, lengths: Any = None) -> Any:
        """Compute the outputs for x; with training, as training sees them, and `backward` may follow.

        Parameters
        ----------
        x, lengths
            As in `predict`.
        training : bool, default False
            With True dropout acts, with other random numbers each time, and values are kept for `backward`; `predict`
            and the like in between do not disturb them. With False it is `predict`.

        Returns
        -------
        array, float32 (batch, ...)
            For several outputs a dict by name.

        Raises
        ------
        TypeError, ValueError
            For an x that does not fit or, with training, is not finite.

        Examples
        --------
        >>> import numpy as np, fastnn as fnn
        >>> net = fnn.Sequential([fnn.Dense(1)], input_shape=(2,), seed=0).compile(fnn.SGD(0.1), "mse")
        >>> x, t = np.eye(2), np.ones((2, 1))
        >>> y = net.forward(x, training=True)
        >>> dx = net.backward((y - t) / len(y))
        >>> net.step(); net.zero_grad()
        """
        if not checks.flag("training", training):
            return self.predict(x, lengths=lengths)
        inputs, shapes = self.samples(x)
        rows = len(inputs[0])
        ends, ending = ends_of(self.graph, lengths, inputs)
        request = self.at(Request(Kind.GRADIENT, lengths=ending), inputs)
        with self.guard.changing("forward"), self.built_for(inputs):
            known: CustomPass | None = self.custom_pass
            if known is None or known.rows < rows or known.request != request:
                self._set(custom_pass=None)  # frees the old arena before the new one is made
                known = CustomPass(self, rows, request)
                self._set(custom_pass=known)
            y = [np.empty((rows, *shape), np.float32) for shape in shapes]
            known.forward(inputs, [*y, *ends], self.counters.step)
            self.counters.count_forward()
            return one_or_all(self.graph.output_names, y)

    def backward(self, dy: Any, parameters: bool = True) -> Any:
        """Compute the gradient with respect to the input of the last training `forward`.

        The gradients of the parameters are added to `net.gradients`, and running statistics (of BatchNorm) updated.

        Parameters
        ----------
        dy : array (batch, ...)
            The gradient with respect to the output. For several outputs a list, a tuple or a dict by name; None, and
            a name that the dict leaves out, stand for zeros.
        parameters : bool, default True
            With False, gradients of parameters and running statistics stay as they are.

        Returns
        -------
        array, float32 (batch, ...)
            For several inputs a dict by name.

        Raises
        ------
        RuntimeError
            Unless exactly one training forward came before it.
        TypeError, ValueError
            For a dy that does not fit that, or is not finite: the forward still waits for its backward.

        Examples
        --------
        >>> import numpy as np, fastnn as fnn
        >>> net = fnn.Sequential([fnn.Dense(1)], input_shape=(2,), seed=0)
        >>> y = net.forward(np.eye(2), training=True)
        >>> net.backward(np.ones_like(y)).shape
        (2, 2)
        """
        checks.flag("parameters", parameters)
        with self.guard.changing("backward"):
            known, found = self._waiting("backward", dy)
            dx = [np.empty((known.waiting, *shape), np.float32) for shape in known.features]
            known.backward(found, dx, parameters, self.counters.update)
            return one_or_all(self.graph.inputs, dx)

    def _waiting(self, verb: str, dy: Any) -> tuple[CustomPass, list[np.ndarray]]:
        """The pass that waits for its backward, and the gradients with respect to all outputs."""
        known: CustomPass | None = self.custom_pass
        if known is None or not known.waiting:
            raise RuntimeError(f"{verb}: call forward(x, training=True) first, once for each backward or update")
        found = []
        for given, shape, port in zip(_each("dy", dy, self.graph.output_names), known.shapes, known.dy, strict=True):
            wanted = (known.waiting, *shape)
            array = np.zeros(wanted, np.float32) if given is None else arrays.numbers(port.name, given)
            if array.shape != wanted:
                raise ValueError(
                    f"{port.name}: expected {wanted}, the shape of the last training forward, got {array.shape}"
                )
            found.append(arrays.ready(array))
        return known, found

    def update(self, dy: Any) -> None:
        """Compute the gradients of the parameters, update them, and set the gradients to zero.

        One call for `backward(dy)`, `step()` and `zero_grad()`, with the same bits and less time. Gradients that were
        accumulated before count too.

        Parameters
        ----------
        dy
            As in `backward`.

        Raises
        ------
        RuntimeError
            Before the network is compiled, for an optimizer that is not a single step (LBFGS), and unless exactly one
            training forward came before it.
        TypeError, ValueError
            For a dy that does not fit that, or is not finite: nothing is changed, and the forward still waits.

        Examples
        --------
        >>> import numpy as np, fastnn as fnn
        >>> net = fnn.Sequential([fnn.Dense(1)], input_shape=(2,), seed=0).compile(fnn.SGD(0.1), "mse")
        >>> x, t = np.eye(2), np.ones((2, 1))
        >>> y = net.forward(x, training=True)
        >>> net.update((y - t) / len(y))
        """
        self.require_compiled()
        require_single_step(self.optimizer)
        rate, counters = self.optimizer.learning_rate, self.counters
        with self.guard.changing("update"):
            known, found = self._waiting("update", dy)
            dx = [np.empty((known.waiting, *shape), np.float32) for shape in known.features]
            rates = rate.rates(counters.update, 1) if isinstance(rate, Schedule) else np.full(1, rate)
            known.update(found, dx, rates, counters.update)
            counters.count_update()

    def step(self) -> None:
        """Update the parameters by the compiled optimizer: by their gradients, with those of penalties, as clipped.

        Raises
        ------
        RuntimeError
            Before the network is compiled and built.

        Examples
        --------
        >>> import numpy as np, fastnn as fnn
        >>> net = fnn.Sequential([fnn.Dense(1)], input_shape=(2,), seed=0).compile(fnn.SGD(0.5), "mse")
        >>> net.gradients["dense_0.bias"][...] = 1
        >>> net.step()
        >>> net.weights["dense_0.bias"]
        array([-0.5], dtype=float32)
        """
        self.require_compiled()
        self.require_built()
        counters = self.counters
        with self.guard.changing("step"):
            program = self.pool.lease(self, Request(Kind.UPDATE), 1)
            try:
                rates = program.rates_for(1, self.optimizer, counters)
                program.plan.run(1, 1, rates=rates, step=counters.step, update=counters.update, pause=0)
                counters.count_update()
            finally:
                self.pool.give_back(program)

    def zero_grad(self) -> None:
        """Set all gradients to zero; those of a part are the ones of its own layers.

        Raises
        ------
        RuntimeError
            Before the network is built.

        Examples
        --------
        >>> import fastnn as fnn
        >>> net = fnn.Sequential([fnn.Dense(1)], input_shape=(2,), seed=0)
        >>> net.gradients["dense_0.bias"][...] = 1
        >>> net.zero_grad()
        >>> net.gradients["dense_0.bias"]
        array([0.], dtype=float32)
        """
        with self.guard.changing("zero_grad"):
            for gradients in self.blocks.flat_gradients:
                gradients.array[...] = 0


def _each(what: str, given: Any, names: Sequence[str]) -> list[Any]:
    """`arrays.parted`, with None for those of several that are missing. Raises ValueError where all are."""
    if len(names) == 1:
        return [arrays.numbers(what, given)]
    if isinstance(given, Mapping):
        checks.names(what, given, names, True)
        given = [given.get(name) for name in names]
    parts = arrays.parted(what, given, names)
    if all(part is None for part in parts):
        raise ValueError(f"{what}: give the gradient with respect to at least one of {', '.join(map(repr, names))}")
    return parts
