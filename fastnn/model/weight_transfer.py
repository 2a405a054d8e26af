"""The weights of one network taken over by another, at once or little by little."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from fastnn import kernels
from fastnn.common import checks
from fastnn.engine.plan import Plan
from fastnn.engine.tensor import Tensor
from fastnn.layers.graph import Graph
from fastnn.lowering.lowering import Lowering
from fastnn.model.compiled import Compiled
from fastnn.model.parameters import Blocks


class WeightTransfer(Compiled):
    """The verbs that take over the weights of another network."""

    #: Of the last `follow`: the blocks of both networks, tau, and the plan.
    following: tuple[Blocks, Blocks, float, Plan] | None

    def assemble(self, graph: Graph, seed: int | None, name: str | None) -> None:
        super().assemble(graph, seed, name)
        self._set(following=None)

    def copy_weights(self, source: Compiled) -> None:
        """Copy all parameters and running statistics of another network with the same ones.

        Optimizer slots and counters stay as they are.

        Parameters
        ----------
        source : Network
            Its `weights` have the same names and shapes.

        Raises
        ------
        RuntimeError
            Before one of the networks is built.
        TypeError
            Unless source is a network.
        ValueError
            Where the networks do not fit each other: nothing is changed.

        Examples
        --------
        >>> import fastnn as fnn
        >>> net, target = (fnn.Sequential([fnn.Dense(1)], input_shape=(2,), seed=seed) for seed in range(2))
        >>> target.copy_weights(net)
        >>> bool((target.weights["dense_0.weight"] == net.weights["dense_0.weight"]).all())
        True
        """
        pairs = list(_pairs(self, source, "copy_weights"))
        with self.guard.changing("copy_weights", nested=True), source.guard.reading("copy_weights"):
            for theirs, own in pairs:
                own.array[...] = theirs.array

    def follow(self, source: Compiled, tau: float = 0.005) -> None:
        """Move all parameters and running statistics towards those of another network, w = (1 - tau) w + tau source.

        One native pass. In Q-learning the network that computes the targets follows the one that learns.

        Parameters
        ----------
        source : Network
            Its `weights` have the same names and shapes.
        tau : float, default 0.005
            The fraction of the way, 0 <= tau <= 1.

        Raises
        ------
        RuntimeError
            Before one of the networks is built.
        TypeError
            Unless source is a network and tau a number.
        ValueError
            For a tau outside [0, 1], and where the networks do not fit each other: nothing is changed.

        References
        ----------
        T. P. Lillicrap et al., "Continuous Control with Deep Reinforcement Learning", ICLR 2016, algorithm 1.

        Examples
        --------
        >>> import fastnn as fnn
        >>> net, target = (fnn.Sequential([fnn.Dense(1)], input_shape=(2,), seed=0) for _ in range(2))
        >>> net.weights["dense_0.bias"][...] = 1
        >>> target.follow(net, tau=0.25)
        >>> target.weights["dense_0.bias"]
        array([0.25], dtype=float32)
        """
        rate = checks.real("follow: tau", tau, 0, 1)
        known = self.following
        if known is None or known[:3] != (self._blocks, getattr(source, "_blocks", None), rate):
            known = self._following(source, rate)
        with self.guard.changing("follow", nested=True), source.guard.reading("follow"):
            known[3].run(1, 1, pause=0)

    def _following(self, source: Compiled, tau: float) -> tuple[Blocks, Blocks, float, Plan]:
        """The plan that moves the weights, kept for the next time."""
        pairs = list(_pairs(self, source, "follow"))
        made = self.blocks, source.blocks, tau, move_plan(pairs, tau)
        self._set(following=made)
        return made


def move_plan(pairs: Sequence[tuple[Tensor, Tensor]], tau: float) -> Plan:
    """The plan by which each second tensor moves towards the first: run(1, 1, pause=0)."""
    lowering = Lowering(1, {})
    for goal, own in pairs:
        lowering.emit(kernels.Average, goal, own, decay=1 - tau, starts=False)
    return lowering.assemble([], [own for _, own in pairs])


def _pairs(target: Compiled, source: Any, what: str) -> Iterator[tuple[Tensor, Tensor]]:
    """The tensors of the source, each with that of the target; what they share is left out."""
    if not isinstance(source, Compiled):
        raise TypeError(f"{what}: expected a network, got {type(source).__name__}")
    ours, theirs = ({name: each.value for name, each in net.blocks.weights.items()} for net in (target, source))
    for name in dict.fromkeys([*ours, *theirs]):
        shapes = [each[name].shape if name in each else "missing" for each in (ours, theirs)]
        if shapes[0] != shapes[1]:
            both = f"{target!r:.80} and {source!r:.80}"
            raise ValueError(
                f"{what}: {both} do not fit: {name} is {shapes[0]} in the first and {shapes[1]} in the other"
            )
    for name in target.blocks.each:
        if ours[name].block is not theirs[name].block:
            yield theirs[name], ours[name]
