"""The overlap of masks."""

from dataclasses import dataclass
from typing import ClassVar

from fastnn import kernels
from fastnn.common import checks
from fastnn.losses.base import Loss
from fastnn.losses.target import Target
from fastnn.lowering.call import Buffer, Call
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


@dataclass(eq=False, repr=False)
class Dice(Loss):
    """1 - (2 p.t + smooth) / (|p| + |t| + smooth), p = sigmoid(y) and |.| the sum of elements, the mean over samples.

    For masks of which little is foreground: the background's pixels, right as most of them are, have no part in it,
    [1]_. Sums are over all outputs of a sample; t is from 0 to 1. Called on arrays it expects logits y. Samples may
    have weights, but not their positions, and sequences no lengths.

    Parameters
    ----------
    smooth : float, default 1
        In pixels, > 0: it keeps the loss of a mask without foreground defined.

    Raises
    ------
    TypeError, ValueError
        Unless smooth > 0.

    References
    ----------
    .. [1] F. Milletari, N. Navab and S.-A. Ahmadi, "V-Net: Fully Convolutional Neural Networks for Volumetric Medical
       Image Segmentation", 3DV 2016, section 3; with p and t instead of their squares.

    Examples
    --------
    >>> import fastnn as fnn
    >>> loss, dy = fnn.losses.dice([[0.0, 0.0]], [[1.0, 0.0]])
    >>> round(loss, 4), dy.round(4)
    (0.3333, array([[-0.1111,  0.0556]], dtype=float32))
    """

    name: ClassVar[str] = "dice"
    ending: ClassVar[str | None] = "sigmoid"
    check: ClassVar[str] = "unit"
    classifies: ClassVar[bool] = True
    whole: ClassVar[bool] = True
    smooth: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "smooth", checks.real("Dice: smooth", self.smooth, least=checks.SMALLEST))

    def gather_target(
        self, lowering: Lowering, output: Value, labels: bool, weight: Buffer | None = None, name: str = "y"
    ) -> Target:
        if weight is not None and weight.columns > 1:
            raise ValueError("dice: it is of samples as a whole; expected sample_weight (batch,), a weight for each")
        return super().gather_target(lowering, output, labels, weight, name)

    def emit(self, lowering: Lowering, output: Buffer, target: Target, gradient: Buffer) -> Call:
        options = {"smooth": self.smooth, "finite": lowering.training}
        return lowering.emit(kernels.Dice, output, target.buffer, gradient, target.weight, **options)
