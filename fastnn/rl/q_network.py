"""The plans of Q-learning: one that acts, and one that draws steps, computes their targets and learns from them."""

from __future__ import annotations

import math
from typing import Any

from fastnn import kernels, losses
from fastnn.common import checks
from fastnn.engine.plan import Plan
from fastnn.engine.port import Port
from fastnn.engine.tensor import Tensor
from fastnn.inference.frozen import Snapshot
from fastnn.losses.elementwise import Elementwise
from fastnn.losses.target import Target
from fastnn.lowering.call import Buffer, Call, Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value
from fastnn.model import update
from fastnn.model.build_program import trained_weights
from fastnn.model.compiled import Compiled
from fastnn.model.program import Program
from fastnn.model.request import Kind, Request
from fastnn.rl.replay import Replay
from fastnn.rl.target_network import Every, Polyak


def check_network(net: Any, memory: Any) -> None:
    """Raises TypeError and ValueError for a network whose values are not of the memory's observations and actions."""
    if not isinstance(net, Compiled):
        raise TypeError(f"net: expected a network, got {type(net).__name__}")
    if not isinstance(memory, Replay):
        raise TypeError(f"memory: expected a Replay, got {type(memory).__name__}")
    net.require_built()
    net.require_compiled()
    if not memory.actions:
        raise ValueError("QLearning chooses from a number of actions; the memory's are arrays of numbers")
    one = len(net.features) == len(net.shapes) == 1 and not net.graph.recurrent and net.graph.vocabulary(0) is None
    if not one or net.features[0] != memory.shape or net.shapes[0] != (memory.actions,):
        raise ValueError(
            f"the memory has observations {checks.batch(memory.shape)} and {memory.actions} actions: expected a "
            f"network {checks.batch(memory.shape)} -> {checks.batch((memory.actions,))}, without recurrent layers or "
            f"Embedding, got {net.input_shape} -> {net.output_shape}"
        )


def check_loss(loss: Any) -> Elementwise:
    """The loss of a value. Raises TypeError and ValueError for a loss that does not compare numbers."""
    found = losses.resolve(loss)
    if not isinstance(found, Elementwise) or found.ending is not None or found.check != "finite":
        raise ValueError(f"loss: expected one of values, such as huber, mse or mae, got {found.name}")
    return found


def acting(net: Compiled, rows: int) -> tuple[Plan, Port, Tensor, Any]:
    """The plan that chooses an action for up to `rows` observations; its port, its results, and its `Explore`."""
    weights, features = net.blocks.weights, net.sizes("QLearning")
    lowering = Lowering(rows, weights, seed=net.seed)
    port, x = Port("observation", math.prod(features[0])), Buffer(math.prod(features[0]))
    lowering.emit(kernels.Gather, port, x, check="finite")
    (output,) = net.graph.lower(lowering, [Value(x, False, shape=features[0])], weights, features)
    action = Tensor((rows, 1), "int32")
    with lowering.named("act"):
        lowering.emit(kernels.Classes, lowering.read(output).buffer, action)
        explore = lowering.emit(kernels.Explore, action, actions=net.shapes[0][0], seed=net.seed)
    lowering.run_closing()
    return lowering.assemble([port], []), port, action, explore.made


def learning(
    net: Compiled,
    memory: Replay,
    rows: int,
    double: bool,
    target: Polyak | Every,
    loss: Elementwise,
    copy: Snapshot,
) -> Program:
    """The program of a step of learning; it has no ports: its samples come from the memory."""
    weights, features = trained_weights(net), net.sizes("QLearning")
    lowering = Lowering(rows, weights, training=True, seed=net.seed)
    size, prioritized = math.prod(features[0]), memory.priority is not None
    s, s2, action, reward, discount = Buffer(size), Buffer(size), Buffer(1, "int32"), Buffer(1), Buffer(1)
    weight = Buffer(1) if prioritized else None
    beta = memory.priority.beta if memory.priority else 0.0
    with lowering.named("memory"):
        sample = lowering.emit(kernels.Sample, memory, s, s2, action, reward, discount, weight, beta=beta)

    def values(parameters: dict[str, Weight], name: str) -> Buffer:
        """Of the next observations."""
        with lowering.named(name), lowering.predicting():
            (output,) = net.graph.lower(lowering, [Value(s2, False, shape=features[0])], parameters, features)
            return lowering.read(output).buffer

    choice = values({name: Weight(each.value) for name, each in weights.items()}, "choice") if double else None
    next_value, wanted = values(copy.weights, "target"), Buffer(1)
    with lowering.named("target"):
        lowering.emit(kernels.TDTarget, next_value, choice, reward, discount, wanted)
    (output,) = net.graph.lower(lowering, [Value(s, False, shape=features[0])], weights, features)
    output = lowering.read(output)
    with lowering.named("learn"):
        chosen = _chosen(lowering, output, action)
        measured = loss.lower(lowering, chosen, Target(Port("target", 1), wanted, False, weight, 1, weight, (1,)))
    penalties: Call | None = None
    if lowering.penalties or update.penalized(net.blocks.wanted):
        penalties = lowering.emit(kernels.Penalties, measured)
        lowering.run_penalties(penalties)
    lowering.run_backward()
    update.penalize(lowering, net.blocks.each, penalties)
    lowering.run_closing()
    update.update(lowering, net.optimizer, net.spans(), net.blocks.each)
    with lowering.named("target"):
        for flat, follower in copy.copies.items():
            target.lower(lowering, flat, follower)
    if prioritized:
        with lowering.named("memory"):
            lowering.emit(kernels.Prioritize, sample, chosen.buffer, wanted)
    blocks = [flat for block in net.blocks.bases for flat in (block.values, block.statistics, block.gradients)]
    plan = lowering.assemble([], [*blocks, *net.slots.values(), *copy.copies.values()])
    return Program(Request(Kind.TRAIN), plan, {"loss": measured.made})


def _chosen(lowering: Lowering, output: Value, action: Buffer) -> Value:
    """The value of the action that was taken; its gradient is that of the output."""
    chosen = Value(Buffer(1), output.trains, shape=(1,))
    lowering.emit(kernels.Choose, output.buffer, action, chosen.buffer)

    def backward() -> None:
        lowering.emit(kernels.ChooseGradient, chosen.gradient, action, lowering.gradient(output))
        lowering.apply_derivative(output)

    lowering.backward(backward)
    return chosen
