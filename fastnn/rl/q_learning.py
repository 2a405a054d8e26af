"""QLearning: a network that learns the values of actions from a memory."""

from __future__ import annotations

import json
import os
from typing import IO, Any

import numpy as np

from fastnn.common import checks
from fastnn.engine.plan import Plan
from fastnn.engine.port import Port
from fastnn.engine.tensor import Tensor
from fastnn.formats import model_file, safetensors_file
from fastnn.inference.frozen import Snapshot
from fastnn.model.compiled import Compiled
from fastnn.model.program import Program
from fastnn.rl import q_network
from fastnn.rl.learner import Learner
from fastnn.rl.replay import Replay
from fastnn.rl.target_network import Every, Polyak


class QLearning(Learner):
    """Deep Q-learning: Q(s, a) moves towards R + discount Q'(s2, argmax_a Q(s2, a)).

    s, a, R, discount and s2 are steps drawn from the memory, and Q' is the network's copy whose weights follow its own.
    learn() makes a step: it draws, computes the targets, makes the update, moves Q', and sets the priorities of the
    steps. learn.act(s) is the action of greatest value.

    Parameters
    ----------
    net : Network
        Compiled, if only with an optimizer, with the memory's observations as input and a value for each action as
        output. Its optimizer and penalties are used; its loss is not.
    memory : Replay
    batch_size : int, default 32
        Steps drawn for an update.
    double : bool, default True
        Whether the network itself chooses the action whose value by Q' counts, [2]_; else Q' does.
    target : Polyak or Every, default Polyak(0.005)
        How Q' follows.
    loss : str or Loss, default "huber"
        Of the difference of both sides.

    Raises
    ------
    RuntimeError
        For a network that is not compiled and built, or whose optimizer needs the loss several times a step.
    TypeError, ValueError
        For arguments that do not fit each other.

    References
    ----------
    .. [1] V. Mnih et al., "Human-Level Control through Deep Reinforcement Learning", Nature 518, 2015.
    .. [2] H. van Hasselt, A. Guez and D. Silver, "Deep Reinforcement Learning with Double Q-learning", AAAI 2016.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dense(16, "relu"), fnn.Dense(2)], input_shape=(1,), seed=0)
    >>> net = net.compile(fnn.Adam(0.01), loss=None)
    >>> memory = fnn.rl.Replay(1000, observation=(1,), actions=2, seed=0)
    >>> learn = fnn.rl.QLearning(net, memory)
    >>> for i in range(200):  # action 1 is rewarded, and each episode has one step
    ...     action = learn.act(np.ones(1, np.float32), epsilon=0.5)
    ...     memory.add(np.ones(1, np.float32), action, float(action), np.ones(1, np.float32), terminated=True)
    >>> loss = learn(steps=200)
    >>> learn.act(np.ones(1, np.float32))
    1
    """

    memory: Replay

    def __init__(
        self,
        net: Compiled,
        memory: Replay,
        batch_size: int = 32,
        double: bool = True,
        target: Polyak | Every = Polyak(),  # noqa: B008  # settings, which never change
        loss: Any = "huber",
    ) -> None:
        q_network.check_network(net, memory)
        rows = checks.integer("batch_size", batch_size, 1, memory.capacity)
        if not isinstance(target, (Polyak, Every)):
            raise TypeError(f"target: expected Polyak(tau) or Every(updates), got {target!r:.60}")
        self.double, self.target, self.loss = checks.flag("double", double), target, q_network.check_loss(loss)
        with net.guard.reading("QLearning"):
            self.copy = Snapshot(net)
            super().__init__(net, memory, rows)

    def build(self) -> Program:
        net = self.net
        if net.blocks is not self.copy.blocks:
            raise RuntimeError("the network has been built again since; make another QLearning")
        return q_network.learning(net, self.memory, self.batch_size, self.double, self.target, self.loss, self.copy)

    def watch(self, rows: int) -> tuple[Plan, Port, Tensor, Any]:
        return q_network.acting(self.net, rows)

    def save(self, path: str | os.PathLike[str] | IO[bytes], state: Any = None) -> None:
        """Write all that learning depends on to a file, whole or not at all: the network, its copy, and the memory.

        Parameters
        ----------
        path : path or binary file
        state : dict or list, optional
            What else the program needs to continue, as plain JSON: the state of the environment, say.

        Raises
        ------
        OSError
        TypeError
            For a state that is not plain JSON.
        RuntimeError
            Where another thread changes the network.

        Examples
        --------
        >>> import io, fastnn as fnn
        >>> net = fnn.Sequential([fnn.Dense(2)], input_shape=(1,), seed=0).compile("adam")
        >>> learn, file = fnn.rl.QLearning(net, fnn.rl.Replay(100, (1,), actions=2, seed=0)), io.BytesIO()
        >>> learn.save(file, state={"step": 7})
        >>> _ = file.seek(0)
        >>> learn.restore(file)
        {'step': 7}
        """
        with self.net.guard.reading("save"):
            description, tensors = model_file.contents(self.net)
            described, kept = self.memory.contents()
            tensors |= {f"run.memory.{name}": array for name, array in kept.items()}
            tensors |= {f"run.target.{i}": copy.array for i, copy in enumerate(self.copy.copies.values())}
            learner = {"memory": described, "acted": self.acted, "state": state, **self.settings()}
            safetensors_file.write({**description, "q_learning": learner}, tensors, path)

    def restore(self, path: str | os.PathLike[str] | IO[bytes]) -> Any:
        """Return to what `save` wrote: learning continues with the same bits.

        Parameters
        ----------
        path : path or binary file
            Of a QLearning with the same settings, on a network and a memory with the same settings.

        Returns
        -------
        state
            What `save` was given.

        Raises
        ------
        OSError
        RuntimeError
            Where another thread uses the network.
        ValueError
            For any other file, or a damaged one: nothing is changed.

        Examples
        --------
        See `save`.
        """
        description, tensors = safetensors_file.parse(safetensors_file.read(path))
        learner = description.pop("q_learning", None)
        if learner is None:
            raise ValueError("the file holds no QLearning")
        with self.net.guard.changing("restore"):
            try:
                self._compare(description, learner)
                memory, copies = _taken(tensors, "run.memory."), _taken(tensors, "run.target.")
                self.memory.checked(learner["memory"], memory)
                followers = [
                    (copy.array, safetensors_file.take(copies, str(i), copy.shape, np.float32))
                    for i, copy in enumerate(self.copy.copies.values())
                ]
                acted, state = checks.integer("acted", learner["acted"], 0, 2**62), learner["state"]
                model_file.return_to(self.net, description, tensors)
            except (KeyError, TypeError, AttributeError) as error:
                raise ValueError(f"the file is damaged: {type(error).__name__}: {error}") from None
            self.memory.take(learner["memory"], memory)
            for array, found in followers:
                array[...] = found
            self.acted = acted
        return state

    def _compare(self, description: dict[str, Any], learner: dict[str, Any]) -> None:
        """Raises ValueError for the file of another QLearning or network; the learning rate may have changed since."""
        for name, value in self.settings().items():
            if learner[name] != value:
                raise ValueError(f"the file is of another QLearning: {name} was {learner[name]}, and is {value}")
        present = json.loads(json.dumps(model_file.describe(self.net)))  # as a file returns it
        for name in ("compiled", *(name for name in present if name in ("layers", "nodes", "networks"))):
            found, own = (
                _without_rate(each) if name == "compiled" else each for each in (description[name], present[name])
            )
            if found != own:
                raise ValueError(f"the file is of another network: {name} differ")

    def settings(self) -> dict[str, Any]:
        """The settings, as files hold them."""
        follow = self.target.describe()
        return {"batch_size": self.batch_size, "double": self.double, "target": follow, "loss": repr(self.loss)}


def _without_rate(compiled: dict[str, Any]) -> dict[str, Any]:
    """What a network is compiled with, but for a learning rate that is a number."""
    optimizer = compiled["optimizer"]
    settings = {
        name: value
        for name, value in optimizer["settings"].items()
        if not isinstance(value, (int, float)) or name != "learning_rate"
    }
    return {**compiled, "optimizer": {**optimizer, "settings": settings}}


def _taken(tensors: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    """The tensors whose names begin with it, without it."""
    return {name.removeprefix(prefix): tensors.pop(name) for name in list(tensors) if name.startswith(prefix)}
