"""How a target network follows the network that learns."""

from __future__ import annotations

from dataclasses import dataclass

from fastnn import kernels
from fastnn.common import checks
from fastnn.common.settings import FixedSettings
from fastnn.engine.tensor import Tensor
from fastnn.lowering.lowering import Lowering


@dataclass(eq=False, repr=False)
class Polyak(FixedSettings):
    """After each update w' = (1 - tau) w' + tau w, for all weights w.

    Parameters
    ----------
    tau : float, default 0.005
        0 < tau <= 1.

    Raises
    ------
    TypeError, ValueError
        For any other tau.

    References
    ----------
    T. P. Lillicrap et al., "Continuous Control with Deep Reinforcement Learning", ICLR 2016, algorithm 1.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.rl.Polyak(0.01)
    Polyak(tau=0.01)
    """

    tau: float = 0.005

    def __post_init__(self) -> None:
        tau = checks.real("Polyak: tau", self.tau, 0, 1)
        if not tau:
            raise ValueError("Polyak: tau must be greater than 0, or the targets never change")
        object.__setattr__(self, "tau", tau)

    def lower(self, lowering: Lowering, weights: Tensor, target: Tensor) -> None:
        """Emits the Op that moves the target network's weights."""
        lowering.emit(kernels.Average, weights, target, decay=1 - self.tau, starts=False)


@dataclass(eq=False, repr=False)
class Every(FixedSettings):
    """After each of that many updates w' = w, for all weights w.

    Parameters
    ----------
    updates : int
        At least 1.

    Raises
    ------
    TypeError, ValueError
        For anything else.

    References
    ----------
    V. Mnih et al., "Human-Level Control through Deep Reinforcement Learning", Nature 518, 2015, algorithm 1.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.rl.Every(500)
    Every(updates=500)
    """

    updates: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "updates", checks.integer("Every: updates", self.updates))

    def lower(self, lowering: Lowering, weights: Tensor, target: Tensor) -> None:
        """Emits the Op that copies the weights when that is due."""
        lowering.emit(kernels.CopyEvery, weights, target, every=self.updates)
