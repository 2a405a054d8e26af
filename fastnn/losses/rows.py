"""Losses that are means over rows, or over the positions of feature maps: each compares the last axis as a whole."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fastnn import kernels
from fastnn.common import checks
from fastnn.data import arrays
from fastnn.engine.port import Port
from fastnn.engine.tensor import Tensor
from fastnn.losses.base import Loss
from fastnn.losses.target import Target, repeated
from fastnn.lowering.call import Buffer, Call
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value

#: From that many logits of a batch on they are made in pieces, of that many.
MANY_LOGITS, PIECE = 2**24, 2**22


@dataclass(eq=False, repr=False)
class CrossEntropy(Loss):
    """-sum_j t_j log softmax(y)_j, the mean over rows, in nats; for y (batch, height, width, classes) over all pixels.

    Targets are labels (batch,) or (batch, height, width), or distributions of the shape of y. Called on arrays it
    expects logits y; dy = (softmax(y) - t) / rows.

    Parameters
    ----------
    label_smoothing : float, default 0
        s in [0, 1): t becomes (1 - s) t + s / classes, [1]_.
    class_weights : list of float, optional
        w_j >= 0 for each class: t_j is multiplied by w_j, and the sum over rows is divided by the sum of w_j t_j, with
        t before the smoothing, as in PyTorch.
    ignore : int, optional
        A label whose rows are ignored.

    Raises
    ------
    TypeError, ValueError
        For a label_smoothing outside [0, 1), and class weights that are negative or not one for each class.

    References
    ----------
    .. [1] C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens and Z. Wojna, "Rethinking the Inception Architecture for
       Computer Vision", CVPR 2016, section 7.

    Examples
    --------
    >>> import fastnn as fnn
    >>> loss, dy = fnn.losses.cross_entropy([[0.0, 0.0]], [1])
    >>> round(loss, 4), dy.tolist()
    (0.6931, [[0.5, -0.5]])
    """

    name: ClassVar[str] = "cross_entropy"
    ending: ClassVar[str | None] = "softmax"
    check: ClassVar[str] = "distribution"
    classifies: ClassVar[bool] = True
    takes_labels: ClassVar[bool] = True
    positional: ClassVar[bool] = True
    label_smoothing: float = 0.0
    class_weights: tuple[float, ...] | None = None
    ignore: int | None = None

    def __post_init__(self) -> None:
        smoothing = checks.real("CrossEntropy: label_smoothing", self.label_smoothing, least=0, below=1)
        object.__setattr__(self, "label_smoothing", smoothing)
        if self.class_weights is not None:
            if np.ndim(self.class_weights) != 1 or isinstance(self.class_weights, Mapping):
                raise TypeError(f"CrossEntropy: class_weights must be a list of numbers, got {self.class_weights!r}")
            weights = [float(w) if isinstance(w, np.number) else w for w in self.class_weights]
            named = (checks.real(f"CrossEntropy: class_weights[{i}]", w, least=0) for i, w in enumerate(weights))
            object.__setattr__(self, "class_weights", tuple(named))
        if self.ignore is not None:
            object.__setattr__(self, "ignore", checks.integer("CrossEntropy: ignore", self.ignore, least=-checks.MOST))

    def gather_target(
        self, lowering: Lowering, output: Value, labels: bool, weight: Buffer | None = None, name: str = "y"
    ) -> Target:
        if not labels or self.ignore is None:
            return super().gather_target(lowering, output, labels, weight, name)
        n, lengths = output.places, output.buffer.lengths
        port, buffer, kept = Port(name, n), Buffer(n, "int32"), Buffer(n)
        given = port, buffer, repeated(lowering, weight, n), kept, lengths
        lowering.emit(kernels.GatherLabels, *given, classes=output.columns // output.positions, ignore=self.ignore)
        return self.placed(lowering, output, Target(port, buffer, labels, weight, n, kept))

    def lower(self, lowering: Lowering, output: Value, target: Target) -> Call:
        logits = lowering.rows * output.buffer.times * output.columns
        plain = target.labels and not self.label_smoothing and self.class_weights is None
        if not (lowering.training and plain and output.linear is not None and logits >= MANY_LOGITS):
            return super().lower(lowering, output, target)
        self.check_output(output, target)
        (x, weight, bias, product), n = output.linear, target.positions
        lowering.calls.remove(product)
        dx, add = lowering.gradient(x) if x.trains else None, weight.gradient is not None and lowering.adds(weight)
        given = x.buffer, weight.value, bias and bias.value, target.buffer, dx, weight.gradient, bias and bias.gradient
        options = {"add": add, "finite": True, "positions": n, "at_once": PIECE // (output.columns // n)}
        return lowering.emit(kernels.LinearCrossEntropy, *given, target.weight, **options)

    def emit(self, lowering: Lowering, output: Buffer, target: Target, gradient: Buffer) -> Call:
        n, wanted, mass, count = target.positions, target.buffer, None, None
        if self.label_smoothing or self.class_weights is not None:
            soft, mass, count = output.beside(), output.beside(n), output.beside(n)
            options = {"class_weights": self._class_weights(output.columns // n), "smoothing": self.label_smoothing}
            lowering.emit(kernels.SoftTargets, wanted, soft, mass, count, positions=n, **options)
            wanted = soft
        options = {"finite": lowering.training, "positions": n}
        return lowering.emit(kernels.CrossEntropy, output, wanted, gradient, target.weight, mass, count, **options)

    def _class_weights(self, classes: int) -> Tensor | None:
        if self.class_weights is None:
            return None
        if len(self.class_weights) != classes:
            raise ValueError(f"cross_entropy: {len(self.class_weights)} class_weights for {classes} outputs")
        weights = Tensor((1, classes))
        weights.array[...] = arrays.in_proportion(np.array(self.class_weights))
        return weights


class KLDivergence(Loss):
    """sum_j t_j log(t_j / softmax(y)_j), the mean over rows, in nats: cross_entropy minus the entropy of t.

    Targets are distributions (batch, classes), or labels (batch,). Called on arrays it expects logits y;
    dy = (softmax(y) - t) / rows.

    References
    ----------
    S. Kullback and R. A. Leibler, "On Information and Sufficiency", Annals of Mathematical Statistics 22(1), 1951.

    Examples
    --------
    >>> import fastnn as fnn
    >>> loss, dy = fnn.losses.kl_divergence([[0.0, 0.0]], [[0.5, 0.5]])
    >>> round(loss, 4), dy.tolist()
    (0.0, [[0.0, 0.0]])
    """

    name: ClassVar[str] = "kl_divergence"
    ending: ClassVar[str | None] = "softmax"
    check: ClassVar[str] = "distribution"
    classifies: ClassVar[bool] = True
    takes_labels: ClassVar[bool] = True
    positional: ClassVar[bool] = True

    def emit(self, lowering: Lowering, output: Buffer, target: Target, gradient: Buffer) -> Call:
        options = {"finite": lowering.training, "positions": target.positions}
        return lowering.emit(kernels.KLDivergence, output, target.buffer, gradient, target.weight, **options)


class Cosine(Loss):
    """1 - y.t / (|y| |t|), the mean over rows: 0 for the same direction, 2 for the opposite one.

    A row of zeros has no direction: its loss is 1 and its gradient 0.

    Examples
    --------
    >>> import fastnn as fnn
    >>> loss, dy = fnn.losses.cosine([[1.0, 0.0]], [[0.0, 1.0]])
    >>> loss, dy.tolist()
    (1.0, [[0.0, -1.0]])
    """

    name: ClassVar[str] = "cosine"
    positional: ClassVar[bool] = True

    def emit(self, lowering: Lowering, output: Buffer, target: Target, gradient: Buffer) -> Call:
        options = {"finite": lowering.training, "positions": target.positions}
        return lowering.emit(kernels.Cosine, output, target.buffer, gradient, target.weight, **options)
