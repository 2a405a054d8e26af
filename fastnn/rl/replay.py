"""Replay: the memory from which Q-learning and its relatives draw the steps of the past."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any, NamedTuple

import numpy as np

from fastnn import kernels
from fastnn.common import checks
from fastnn.common.settings import FixedSettings
from fastnn.data import arrays
from fastnn.data.transitions import Transitions
from fastnn.engine.plan import Plan
from fastnn.engine.tensor import Tensor
from fastnn.formats import safetensors_file


@dataclass(eq=False, repr=False)
class Priority(FixedSettings):
    """Steps are drawn in proportion to p^alpha, p = |TD error| + 1e-6, and weighted by (n P)^-beta.

    Parameters
    ----------
    alpha : float, default 0.6
        > 0; 1 is full proportion.
    beta : float, default 0.4
        >= 0; 1 corrects for the proportions wholly.

    Raises
    ------
    TypeError, ValueError
        For other numbers.

    References
    ----------
    T. Schaul, J. Quan, I. Antonoglou and D. Silver, "Prioritized Experience Replay", ICLR 2016, sections 3.3 and 3.4.

    Examples
    --------
    >>> import fastnn as fnn
    >>> memory = fnn.rl.Replay(1000, observation=(4,), actions=2, priority=fnn.rl.Priority(alpha=0.5))
    """

    alpha: float = 0.6
    beta: float = 0.4

    def __post_init__(self) -> None:
        alpha = checks.real("Priority: alpha", self.alpha, 0)
        if not alpha:
            raise ValueError("Priority: alpha must be greater than 0; leave out priority= to draw all steps alike")
        object.__setattr__(self, "alpha", alpha)
        object.__setattr__(self, "beta", checks.real("Priority: beta", self.beta, 0))


class Batch(NamedTuple):
    """Steps that were drawn: arrays with a row for each.

    reward: the sum of gamma^k r_k over the next n steps. discount: gamma^n, what the value of next_observation counts,
    or 0 where the episode terminated. weight: of each sample in the loss, 1 without priorities.
    """

    observation: np.ndarray
    action: np.ndarray
    reward: np.ndarray
    discount: np.ndarray
    next_observation: np.ndarray
    weight: np.ndarray


class Replay(Transitions):
    """A memory of the latest steps in one or more environments.

    Each observation is stored once, in its own dtype. `add` may be called while another thread learns from the memory;
    len(memory) is the number of steps that can be drawn.

    Parameters
    ----------
    capacity : int
        Observations that it holds, in all environments; then new ones replace the oldest.
    observation : tuple of int
        The shape of an observation.
    actions : int or tuple of int
        The number of actions to choose from; or the shape of an action that is an array of numbers.
    dtype : str, default "float32"
        Of the observations: "uint8" for images, say. They are drawn through float32.
    n_step : int, default 1
        Rewards that are summed until the value of an observation counts.
    gamma : float, default 0.99
        The discount of a step, 0 <= gamma <= 1.
    environments : int, default 1
        How many environments add a step at once.
    priority : Priority, optional
        Draw steps by their priority; None: all steps alike.
    seed : int, optional
        Of the steps that are drawn; None draws one.

    Raises
    ------
    TypeError, ValueError
        For settings that do not fit, and a capacity of less than n_step + 2 observations in each environment.
    MemoryError

    References
    ----------
    L.-J. Lin, "Self-Improving Reactive Agents Based on Reinforcement Learning, Planning and Teaching", Machine Learning
    8, 1992.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> memory = fnn.rl.Replay(100, observation=(2,), actions=3, seed=0)
    >>> memory.add([0.0, 1.0], 2, 0.5, [1.0, 1.0], terminated=True)
    >>> memory.sample(1).reward.tolist()
    [0.5]
    """

    def __init__(
        self,
        capacity: int,
        observation: Sequence[int],
        actions: int | Sequence[int],
        dtype: str = "float32",
        n_step: int = 1,
        gamma: float = 0.99,
        environments: int = 1,
        priority: Priority | None = None,
        seed: int | None = None,
    ) -> None:
        if priority is not None and not isinstance(priority, Priority):
            raise TypeError(f"priority must be a Priority, got {priority!r:.60}")
        alpha = priority.alpha if priority else 0.0
        super().__init__(capacity, observation, actions, dtype, n_step, gamma, environments, alpha, seed)
        self.priority = priority
        self.drawn = 0
        self._sampler: _Sampler | None = None

    def sample(self, batch_size: int) -> Batch:
        """Draw steps at random, with replacement.

        Parameters
        ----------
        batch_size : int
            At most as many as the memory has.

        Returns
        -------
        Batch

        Raises
        ------
        TypeError, ValueError
            For a batch_size < 1, or more steps than there are.

        Examples
        --------
        >>> import fastnn as fnn
        >>> memory = fnn.rl.Replay(100, observation=(2,), actions=3, seed=0)
        >>> memory.add([0.0, 1.0], 2, 0.5, [1.0, 1.0], terminated=False, truncated=True)
        >>> memory.sample(1).discount.tolist()
        [0.9900000095367432]
        """
        rows = checks.integer("batch_size", batch_size)
        known = self._sampler
        sampler = known if known is not None and known.rows == rows else _Sampler(self, rows)
        found = sampler.draw(self.drawn)
        self._sampler, self.drawn = sampler, self.drawn + 1
        return found

    def prioritize(self, errors: Any) -> None:
        """Set the priorities of the steps that `sample` drew last by their TD errors.

        Parameters
        ----------
        errors : array (batch_size,)

        Raises
        ------
        RuntimeError
            Before `sample`, and without priorities.
        TypeError, ValueError
            For errors that do not fit, or are not finite.

        Examples
        --------
        >>> import fastnn as fnn
        >>> memory = fnn.rl.Replay(100, observation=(2,), actions=3, priority=fnn.rl.Priority(), seed=0)
        >>> memory.add([0.0, 1.0], 2, 0.5, [1.0, 1.0], terminated=True)
        >>> batch = memory.sample(1)
        >>> memory.prioritize([0.25])
        """
        if self._sampler is None or self.priority is None:
            raise RuntimeError("prioritize: sample from a memory with priority=Priority() first")
        with np.errstate(over="ignore"):
            array = arrays.numbers("errors", errors).astype(np.float32)
        if array.shape != (self._sampler.rows,) or not np.isfinite(array).all():
            raise ValueError(f"errors: expected {self._sampler.rows} finite numbers, got {errors!r:.60}")
        self._sampler.prioritize(array)

    def settings(self) -> dict[str, Any]:
        """The settings, as files hold them."""
        priority = None if self.priority is None else self.priority.settings()
        actions = self.actions or list(self.action_shape)
        names = ("capacity", "dtype", "n_step", "gamma", "environments", "seed")
        named = {name: getattr(self, name) for name in names}
        return {**named, "observation": list(self.shape), "actions": actions, "priority": priority}

    def contents(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """The memory at this moment, as a description and arrays."""
        counts, kept = self.kept()
        return {"settings": self.settings(), "counts": counts, "drawn": self.drawn}, kept

    def checked(self, description: dict[str, Any], tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The arrays of `contents`. Raises ValueError for those of a memory with other settings, and damaged ones."""
        if description["settings"] != self.settings():
            raise ValueError(f"the memory has other settings: {description['settings']}, not {self.settings()}")
        given = dict(tensors)
        found = {
            name: safetensors_file.take(given, name, array.shape, array.dtype.type)
            for name, array in self.arrays.items()
        }
        self.check(description["counts"], found)
        checks.integer("drawn", description["drawn"], 0, 2**62)
        return found

    def take(self, description: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
        """Returns to what `contents` were. Raises ValueError, as `checked`: then nothing is changed."""
        self.restore(description["counts"], self.checked(description, tensors))
        self.drawn = description["drawn"]

    def save(self, path: str | os.PathLike[str] | IO[bytes]) -> None:
        """Write the memory to a file, whole or not at all. Other threads may add to it meanwhile.

        Parameters
        ----------
        path : path or binary file

        Raises
        ------
        OSError

        Examples
        --------
        >>> import io, fastnn as fnn
        >>> memory, file = fnn.rl.Replay(100, observation=(2,), actions=3, seed=0), io.BytesIO()
        >>> memory.add([0.0, 1.0], 2, 0.5, [1.0, 1.0], terminated=True)
        >>> memory.save(file)
        >>> _ = file.seek(0)
        >>> len(fnn.rl.Replay.load(file))
        1
        """
        description, tensors = self.contents()
        safetensors_file.write({"replay": description}, tensors, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str] | IO[bytes]) -> Replay:
        """Read a memory that `save` wrote: the next samples are those that it would have drawn.

        Parameters
        ----------
        path : path or binary file

        Returns
        -------
        Replay

        Raises
        ------
        OSError
        ValueError
            For any other file, or a damaged one.

        Examples
        --------
        See `save`.
        """
        description, tensors = safetensors_file.parse(safetensors_file.read(path))
        try:
            described = description["replay"]
            settings = dict(described["settings"])
            priority = settings.pop("priority")
            memory = cls(**settings, priority=None if priority is None else Priority(**priority))
            memory.take(described, tensors)
        except (KeyError, TypeError) as error:
            raise ValueError(f"not the file of a memory: {type(error).__name__}: {error}") from None
        return memory

    def __repr__(self) -> str:
        return f"Replay({len(self)} steps of {self.shape} {self.dtype}, room for {self.capacity})"


class _Sampler:
    """The Ops that draw a batch of `rows`, and set the priorities of its steps."""

    def __init__(self, memory: Replay, rows: int) -> None:
        self.rows = rows
        size = math.prod(memory.shape)
        self.s, self.s2, self.reward, self.discount, self.weight, self.error = (
            Tensor((rows, columns)) for columns in (size, size, 1, 1, 1, 1)
        )
        self.weight.array[...] = 1
        action_size, dtype = math.prod(memory.action_shape), "int32" if memory.actions else "float32"
        self.action = Tensor((rows, action_size), dtype)
        self.shape, self.action_shape, self.dtype = memory.shape, memory.action_shape, memory.dtype
        weight = self.weight if memory.priority else None
        beta = memory.priority.beta if memory.priority else 0.0
        draw = kernels.Sample(memory, self.s, self.s2, self.action, self.reward, self.discount, weight, beta=beta)
        self.plan = Plan([draw])
        if memory.priority:
            self.prioritizes = Plan([kernels.Prioritize(draw, self.error, Tensor((rows, 1)))])

    def draw(self, step: int) -> Batch:
        self.plan.run(self.rows, self.rows, step=step, pause=0)
        s, s2 = (each.array.reshape(self.rows, *self.shape).astype(self.dtype) for each in (self.s, self.s2))
        action = self.action.array.reshape(self.rows, *self.action_shape).copy()
        others = (each.array[:, 0].copy() for each in (self.reward, self.discount, self.weight))
        reward, discount, weight = others
        return Batch(s, action, reward, discount, s2, weight)

    def prioritize(self, errors: np.ndarray) -> None:
        self.error.array[:, 0] = errors
        self.prioritizes.run(self.rows, self.rows, pause=0)
