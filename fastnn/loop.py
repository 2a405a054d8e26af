"""The low-level loop: forward, backward and step one by one, arrays in, arrays out, for what `fit` is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import arrays, checks
from fastnn.plan import Plan
from fastnn.port import Port
from fastnn.programs import lower_loop

if TYPE_CHECKING:
    from fastnn.network import Network


class Loop:
    """The two parts of a training pass over up to `rows` rows, whose buffers live from one to the other.

    waiting: rows of the forward pass that no backward pass has used yet.
    """

    def __init__(self, net: Network, rows: int) -> None:
        self.rows, self.waiting, self.step = rows, 0, 0
        (self.ahead, self.back), (self.x, self.y, self.dy, self.dx) = lower_loop(net, rows)

    def forward(self, x: np.ndarray, y: np.ndarray, step: int) -> None:
        """y = the outputs for x. step: the position of its random numbers."""
        self.waiting = 0
        _run(self.ahead, step, {self.x: x, self.y: y})
        self.waiting, self.step = len(x), step

    def backward(self, dy: np.ndarray, dx: np.ndarray, parameters: bool) -> None:
        """dx = the gradient with respect to x; those of the parameters are added to theirs."""
        self.back.inputs_only = not parameters
        _run(self.back, self.step, {self.dy: dy, self.dx: dx})
        self.waiting = 0


def _run(plan: Plan, step: int, arrays_by_port: dict[Port, np.ndarray]) -> None:
    """One run over all rows, with these arrays attached."""
    try:
        for port, array in arrays_by_port.items():
            port.attach(array)
        rows = len(next(iter(arrays_by_port.values())))
        plan.run(rows, rows, step=step, pause=0)
    finally:
        for port in arrays_by_port:
            port.detach()


def forward(net: Network, x: Any, training: bool = False) -> np.ndarray:
    """The outputs for x (batch, ...), float32 (batch, ...).

    With training, as training sees them (dropout acts, with other random numbers each time), and `backward` may follow;
    `predict` and the like in between do not disturb it. Without, the same as `predict`.
    Raises ValueError and TypeError for an x that does not fit or, with training, is not finite.
    """
    if not checks.flag("training", training):
        return net.predict(x)
    x, shape = net.samples(x)
    with net.guard.changing("forward"), net.built_for(x):
        if net.loop is None or net.loop.rows < len(x):
            net.loop = None  # frees the old arena before the new one is made
            net.loop = Loop(net, len(x))
        loop = net.loop
        y = np.empty((len(x), *shape), np.float32)
        loop.forward(x, y, net.counters["step"])
        net.counters["step"] += 1
        return y


def backward(net: Network, dy: Any, parameters: bool = True) -> np.ndarray:
    """The gradient with respect to the input of the last training `forward`, float32, for dy, that of its output.

    The gradients of the parameters are added to `net.gradients`, and running statistics (BatchNorm) are taken on; with
    parameters=False they stay as they are.
    Raises RuntimeError unless exactly one training forward came before it, ValueError and TypeError for a dy that does
    not fit that, or is not finite: then the forward still waits for its backward.
    """
    checks.flag("parameters", parameters)
    with net.guard.changing("backward"):
        loop = net.loop
        if loop is None or not loop.waiting:
            raise RuntimeError("backward: call forward(x, training=True) first, once for each backward")
        array = arrays.numbers("dy", dy)
        wanted = (loop.waiting, *net.output_shape)
        if array.shape != wanted:
            raise ValueError(f"dy: expected {wanted}, the shape of the last training forward, got {array.shape}")
        assert net.input_shape is not None
        dx = np.empty((loop.waiting, *net.input_shape), np.float32)
        loop.backward(arrays.ready(array), dx, parameters)
        return dx


def step(net: Network) -> None:
    """One update of the parameters by the compiled optimizer, with the gradients as they are.

    Raises RuntimeError before the network is compiled and built.
    """
    assert net.compiled and net.built and net.optimizer
    with net.guard.changing("step"):
        program = net.pool.lease(net, "update", 1)
        try:
            rates = program.rates_for(1, net.optimizer)
            program.plan.run(1, 1, rates=rates, step=net.counters["step"], update=net.counters["update"], pause=0)
            net.counters["update"] += 1
        finally:
            net.pool.give_back(program)


def zero_grad(net: Network) -> None:
    """Sets all gradients to zero. Raises RuntimeError before the network is built."""
    with net.guard.changing("zero_grad"):
        net.built.gradients.array[...] = 0
