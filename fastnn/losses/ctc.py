"""Alignment: the loss of labels of which it is not known at which frames they are."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from fastnn import kernels
from fastnn.common import checks
from fastnn.data import arrays
from fastnn.engine.port import Port
from fastnn.losses.base import Loss
from fastnn.losses.target import Target
from fastnn.lowering.call import Buffer, Call
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


@dataclass(eq=False, repr=False)
class CTC(Loss):
    """-log p(labels | y), the mean over sequences, in nats: connectionist temporal classification [1]_.

    An alignment gives each frame a class; it stands for the labels that are left when classes that follow themselves
    are merged and then the blank is removed. p(labels | y) is the sum over all alignments of the labels, of the product
    of softmax(y) over the frames. Outputs y (batch, frames, classes) are logits, or probabilities of a final softmax;
    targets (batch, n) are labels, in each row as many as there are, none too, and then -1. Frames past a sequence's
    length, `lengths` in `fit`, are ignored. A sequence is not divided by the number of its labels.

    Labels need as many frames as they are, and one more for each that equals the one before it.

    Parameters
    ----------
    blank : int, default 0
        The class that is between labels, 0 <= blank < classes.
    ignore_impossible : bool, default False
        Whether a sequence with fewer frames than its labels need has loss 0 and gradient 0; otherwise it is an error.
        It still counts in the mean.

    Raises
    ------
    TypeError, ValueError
        For settings of another type or range; where a network is compiled, for outputs that are not (frames, classes).

    References
    ----------
    .. [1] A. Graves, S. Fernandez, F. Gomez and J. Schmidhuber, "Connectionist Temporal Classification: Labelling
       Unsegmented Sequence Data with Recurrent Neural Networks", ICML 2006.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> loss, dy = fnn.losses.ctc(np.zeros((1, 2, 2)), [[1]])  # three of four alignments: 01, 10 and 11
    >>> round(loss, 4), (6 * dy).round(3).tolist()
    (0.2877, [[[1.0, -1.0], [1.0, -1.0]]])
    """

    name: ClassVar[str] = "ctc"
    ending: ClassVar[str | None] = "softmax"
    classifies: ClassVar[bool] = True
    compares: ClassVar[bool] = False
    padding: ClassVar[int] = -1
    blank: int = 0
    ignore_impossible: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "blank", checks.integer("CTC: blank", self.blank, least=0))
        object.__setattr__(self, "ignore_impossible", checks.flag("CTC: ignore_impossible", self.ignore_impossible))

    def target_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) != 2 or shape[1] < 2:
            raise ValueError(
                f"ctc: expected outputs (batch, frames, classes), the blank and at least one more class, got "
                f"{checks.batch(shape)}"
            )
        if self.blank >= shape[1]:
            raise ValueError(f"ctc: the blank is {self.blank}, but classes are 0 to {shape[1] - 1}")
        return shape[:1]

    def check_target(
        self, y: Any, count: int, shape: tuple[int, ...], name: str, remedy: str = ""
    ) -> tuple[np.ndarray, bool]:
        (most,) = self.target_shape(shape)
        return arrays.label_rows(y, count, most, name), False

    def laid_out(self, lowering: Lowering, output: Value) -> Value:
        logits = output if output.pending in self.fused else lowering.read(output)
        return lowering.filled(logits, pending=True)

    def gather_target(
        self, lowering: Lowering, output: Value, labels: bool, weight: Buffer | None = None, name: str = "y"
    ) -> Target:
        if weight is not None and weight.columns > 1:
            raise ValueError("ctc: it is of sequences as a whole; expected sample_weight (batch,), a weight for each")
        (most,) = self.target_shape(output.shape)
        port, buffer, counts = Port(name, most, padded=True), Buffer(most, "int32"), Buffer(1, "int32")
        options = {"classes": output.shape[1], "blank": self.blank, "ignore_impossible": self.ignore_impossible}
        lowering.emit(kernels.GatherLabelRows, port, buffer, counts, output.lengths, **options)
        return Target(port, buffer, False, weight, most, weight, output.shape, counts, output.lengths)

    def emit(self, lowering: Lowering, output: Buffer, target: Target, gradient: Buffer) -> Call:
        given = output, target.buffer, target.counts, gradient, target.weight, target.lengths, target.port
        options = {"classes": target.shape[1], "blank": self.blank, "finite": lowering.training}
        return lowering.emit(kernels.CTC, *given, **options)

    def __call__(self, y: Any, t: Any, sample_weight: Any = None, lengths: Any = None) -> tuple[float, np.ndarray]:
        """Compute the loss of logits y and its gradient with respect to y.

        Parameters
        ----------
        y : array (batch, frames, classes)
            Logits.
        t : array (batch, n)
            Labels, in each row as many as there are and then -1; n from 1 to frames.
        sample_weight : array (batch,), optional
            A weight >= 0 for each sequence.
        lengths : array (batch,), optional
            The frames of each sequence, from 1 on; the gradient is 0 past them. None: all.

        Returns
        -------
        loss : float
        dy : array, float32
            The gradient, of the shape of y.

        Raises
        ------
        TypeError, ValueError
            For labels, weights or lengths that do not fit y, and labels that need more frames than their sequence has.

        Examples
        --------
        >>> import numpy as np, fastnn as fnn
        >>> loss, dy = fnn.losses.ctc(np.zeros((2, 3, 2)), [[1, -1], [1, 1]], lengths=[1, 3])
        >>> round(loss, 4), dy[0].tolist()
        (1.3863, [[0.25, -0.25], [0.0, 0.0], [0.0, 0.0]])
        """
        return self.of_arrays(y, t, sample_weight, lengths)
