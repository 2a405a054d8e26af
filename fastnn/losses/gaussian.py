"""The likelihood of values under a normal distribution that the outputs describe."""

from typing import ClassVar

from fastnn import kernels
from fastnn.losses.base import Loss
from fastnn.losses.policy import halves
from fastnn.losses.target import Target
from fastnn.lowering.call import Buffer, Call
from fastnn.lowering.lowering import Lowering


class Gaussian(Loss):
    """((t - m)^2 e^-v + v + log(2 pi)) / 2, the mean over all elements of t, in nats: regression with its uncertainty.

    Outputs y (batch, 2 k) are k means m and then k logarithms v of the variances; targets are (batch, k). This is the
    negative log-likelihood of t under normal distributions.

    References
    ----------
    D. A. Nix and A. S. Weigend, "Estimating the Mean and Variance of the Target Probability Distribution", IEEE
    International Conference on Neural Networks, 1994.

    Examples
    --------
    >>> import fastnn as fnn
    >>> loss, dy = fnn.losses.gaussian([[0.0, 0.0]], [[2.0]])
    >>> round(loss, 4), dy.tolist()
    (2.9189, [[-2.0, -1.5]])
    """

    name: ClassVar[str] = "gaussian"
    positional: ClassVar[bool] = True
    compares: ClassVar[bool] = False

    def target_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return *shape[:-1], halves(self.name, shape)

    def emit(self, lowering: Lowering, output: Buffer, target: Target, gradient: Buffer) -> Call:
        options = {"finite": lowering.training, "positions": target.positions}
        return lowering.emit(kernels.Gaussian, output, target.buffer, gradient, target.weight, **options)
