"""Losses of policies, for reinforcement learning: targets are actions, their advantages and their old probabilities."""

from dataclasses import dataclass
from typing import Any, ClassVar

from fastnn import kernels
from fastnn.common import checks
from fastnn.engine.port import Port
from fastnn.losses.base import Loss
from fastnn.losses.target import Target
from fastnn.lowering.call import Buffer, Call
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


@dataclass(eq=False, repr=False)
class Policy(Loss):
    """-min(r A, clip(r, 1 - clip, 1 + clip) A) - entropy H, the mean over rows, r = p(a) / p_old(a)."""

    positional: ClassVar[bool] = True
    compares: ClassVar[bool] = False
    clip: float | None = 0.2
    entropy: float = 0.0
    normalize: bool = False

    def __post_init__(self) -> None:
        name = type(self).__name__
        if self.clip is not None:
            object.__setattr__(self, "clip", checks.real(f"{name}: clip", self.clip, least=checks.SMALLEST))
        object.__setattr__(self, "entropy", checks.real(f"{name}: entropy", self.entropy, least=0))
        object.__setattr__(self, "normalize", checks.flag(f"{name}: normalize", self.normalize))

    def target_of(self, shape: tuple[int, ...], actions: int) -> tuple[int, ...]:
        """The shape of a sample's target for `actions` numbers that say what the action is."""
        return *shape[:-1], actions + (1 if self.clip is None else 2)

    def options(self, lowering: Lowering, target: Target) -> dict[str, Any]:
        """What its Ops take besides Buffers."""
        return {**self.settings(), "finite": lowering.training, "positions": target.positions}


class PolicyGradient(Policy):
    """-min(r A, clip(r, 1 - clip, 1 + clip) A) - entropy H, the mean over rows, of a policy p = softmax(y).

    Outputs y (batch, actions) are logits, or probabilities of a final softmax. r = exp(log p(a) - old) is how much more
    probable the action a has become since it was taken, A its advantage, of any sign, and H = -sum_j p_j log p_j the
    entropy. A row of the targets (batch, 3) is (a, A, old), with a the number of the action. Without clip the loss is
    -A log p(a) - entropy H, and targets are (batch, 2), rows (a, A). An action that is not
    allowed, whose logit is the lowest float32, has p = 0 and no gradient.

    Parameters
    ----------
    clip : float or None, default 0.2
        How far r may be from 1 before its gradient is 0, > 0 [1]_, equation 7. None: the plain policy gradient [2]_.
    entropy : float, default 0
        The weight of the entropy, >= 0 [1]_, equation 9.
    normalize : bool, default False
        Whether the advantages of each batch have their mean subtracted and are divided by their standard deviation.

    Raises
    ------
    TypeError, ValueError
        For settings of another type or range.

    References
    ----------
    .. [1] J. Schulman, F. Wolski, P. Dhariwal, A. Radford and O. Klimov, "Proximal Policy Optimization Algorithms",
       arXiv:1707.06347, 2017.
    .. [2] R. J. Williams, "Simple Statistical Gradient-Following Algorithms for Connectionist Reinforcement Learning",
       Machine Learning 8, 1992.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> loss, dy = fnn.losses.PolicyGradient(clip=None)([[0.0, 0.0]], [[1, 2.0]])
    >>> round(loss, 4), dy.tolist()
    (1.3863, [[1.0, -1.0]])
    """

    name: ClassVar[str] = "policy_gradient"
    ending: ClassVar[str | None] = "softmax"
    classifies: ClassVar[bool] = True

    def target_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return self.target_of(shape, 1)

    def gather_values(
        self, lowering: Lowering, output: Value, port: Port, buffer: Buffer, lengths: Buffer | None, width: int
    ) -> None:
        lowering.emit(kernels.GatherActions, port, buffer, lengths, actions=output.shape[-1], width=width)

    def emit(self, lowering: Lowering, output: Buffer, target: Target, gradient: Buffer) -> Call:
        given = output, target.buffer, gradient, output.beside(), target.weight
        return lowering.emit(kernels.PolicyGradient, *given, **self.options(lowering, target))


class GaussianPolicyGradient(Policy):
    """The loss of `PolicyGradient` for a policy of k independent normal actions.

    Outputs y (batch, 2 k) are the k means and then the k logarithms of the standard deviations. A row of the targets
    (batch, k + 2) is (k actions, A, old), where old is the sum of the logarithms of the k densities when the action was
    taken; without clip (batch, k + 1), (k actions, A).

    Parameters
    ----------
    clip, entropy, normalize
        As in `PolicyGradient`.

    Raises
    ------
    TypeError, ValueError
        For settings of another type or range; where a network is compiled, for outputs of an odd number.

    References
    ----------
    J. Schulman, F. Wolski, P. Dhariwal, A. Radford and O. Klimov, "Proximal Policy Optimization Algorithms",
    arXiv:1707.06347, 2017.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> loss, dy = fnn.losses.GaussianPolicyGradient(clip=None)([[0.0, 0.0]], [[2.0, 1.0]])
    >>> round(loss, 4), dy.tolist()
    (2.9189, [[-2.0, -3.0]])
    """

    name: ClassVar[str] = "gaussian_policy_gradient"

    def target_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return self.target_of(shape, halves(self.name, shape))

    def emit(self, lowering: Lowering, output: Buffer, target: Target, gradient: Buffer) -> Call:
        given = output, target.buffer, gradient, target.weight
        return lowering.emit(kernels.GaussianPolicyGradient, *given, **self.options(lowering, target))


def halves(name: str, shape: tuple[int, ...]) -> int:
    """Half of the outputs along the last axis. Raises ValueError where that is no whole number."""
    if shape[-1] % 2:
        raise ValueError(
            f"{name}: expected outputs (batch, 2 k), k means and k for the spread, got {shape[-1]} of them"
        )
    return shape[-1] // 2
