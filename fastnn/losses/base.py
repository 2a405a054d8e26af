"""What a loss is: its settings, what its target must look like, and how it becomes Ops."""

import math
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from fastnn import kernels
from fastnn.common.settings import FixedSettings
from fastnn.data import arrays
from fastnn.engine.port import Port
from fastnn.losses.eager import EagerLoss
from fastnn.losses.target import Target, repeated
from fastnn.lowering.backward import ROW_WISE
from fastnn.lowering.call import Buffer, Call
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


@dataclass(eq=False, repr=False)
class Loss(FixedSettings):
    """The settings of a loss, which never change; the base of all losses.

    Attributes
    ----------
    name : str
        The name in `compile` and in files.
    ending : str or None
        The output activation with which the loss is fused: the loss then works on its input, the logits, and the
        outputs of a linear layer are logits too. None accepts any output activation.
    check : str
        What `Gather` requires of the target's values.
    classifies : bool
        Whether an output stands for a class even if it is linear.
    takes_labels : bool
        Whether targets may be class numbers.
    positional : bool
        Whether the last axis is compared as a whole, at each position before it.
    elementwise : bool
        Whether it is a mean over elements, each of which may have a weight, or be all that is chosen of its row.
    compares : bool
        Whether a target is what the output should be, so that metrics may compare the two.
    padding : int or None
        What ends a target of fewer elements than another, where they may be of any number; None where a target has the
        steps of the output.
    whole : bool
        Whether samples are needed as a whole, so that sequences cannot have lengths.

    Examples
    --------
    >>> import fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dense(1)], input_shape=(2,)).compile("sgd", fnn.losses.Huber(delta=2.0))
    >>> isinstance(net.loss, fnn.losses.Loss)
    True
    """

    name: ClassVar[str]
    ending: ClassVar[str | None] = None
    check: ClassVar[str] = "finite"
    classifies: ClassVar[bool] = False
    takes_labels: ClassVar[bool] = False
    positional: ClassVar[bool] = False
    elementwise: ClassVar[bool] = False
    compares: ClassVar[bool] = True
    padding: ClassVar[int | None] = None
    whole: ClassVar[bool] = False
    idle: list[EagerLoss] = field(default_factory=list, init=False)

    def labels_fit(self, shape: tuple[int, ...]) -> bool:
        """Whether the targets of an output of this shape, without the batch, may be class numbers."""
        return self.takes_labels and shape[-1] > 1

    @property
    def fused(self) -> tuple[str | None, ...]:
        """The activations whose input the loss works on; softmax and log_softmax have the same logits."""
        return tuple(ROW_WISE) if self.ending == "softmax" else (self.ending,)

    def target_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of a sample's target, for an output of this shape: the same, but for losses with their own.

        (0,) for a loss without a target. Raises ValueError for an output that the loss cannot take.
        """
        return shape

    def check_target(
        self, y: Any, count: int, shape: tuple[int, ...], name: str, remedy: str = ""
    ) -> tuple[np.ndarray, bool]:
        """Targets of `count` samples for an output of this shape, in a form that ports accept; whether they are labels.

        name, remedy: for errors. Raises TypeError and ValueError for targets that do not fit.
        """
        labels = bool(shape) and self.labels_fit(shape)
        return arrays.targets(y, count, self.target_shape(shape), labels, name, remedy)

    def laid_out(self, lowering: Lowering, output: Value) -> Value:
        """The output as the loss compares it: by steps or, for losses of samples as a whole, with a row for each."""
        return lowering.whole(output, self.name) if self.whole else output

    def gather_target(
        self, lowering: Lowering, output: Value, labels: bool, weight: Buffer | None = None, name: str = "y"
    ) -> Target:
        """Emits the gather of the output's target. weight: of each sample or position. name: for error messages."""
        by_steps = output.buffer.steps is not None
        n = output.places if labels or self.positional or by_steps else 1
        n = n if weight is None else max(n, weight.columns)
        elements = math.prod(self.target_shape(output.shape))
        width = elements // min(n, output.places)
        port = Port(name, n if labels else elements)
        buffer = Buffer(n, "int32") if labels else Buffer(elements)
        lengths = output.buffer.lengths
        if labels:
            lowering.emit(kernels.GatherLabels, port, buffer, lengths=lengths, classes=width)
        elif elements:
            self.gather_values(lowering, output, port, buffer, lengths, width)
        return self.placed(
            lowering, output, Target(port, buffer, labels, weight, n, repeated(lowering, weight, n), output.shape)
        )

    def gather_values(
        self, lowering: Lowering, output: Value, port: Port, buffer: Buffer, lengths: Buffer | None, width: int
    ) -> None:
        """Emits the gather of a target that is not labels, with its check."""
        lowering.emit(kernels.Gather, port, buffer, lengths, check=self.check, width=width)

    def placed(self, lowering: Lowering, output: Value, target: Target) -> Target:
        """The target, ordered by time steps if the output is."""
        if output.buffer.steps is None:
            return target
        buffer = lowering.parted(target.buffer, output.buffer.steps)
        weight = None if target.weight is None else lowering.parted(target.weight, output.buffer.steps)
        positions = target.positions // output.buffer.times
        return replace(target, buffer=buffer, sample_weight=weight, positions=positions, weight=weight)

    def lower(self, lowering: Lowering, output: Value, target: Target) -> Call:
        """Emits the loss and, for training, the gradient with respect to the output."""
        self.check_output(output, target)
        if self.ending is None:
            output = lowering.read(output)
        output.logits_used = True
        call = self.emit(lowering, output.buffer, target, lowering.gradient(output))
        if lowering.training:
            lowering.apply_derivative(output)
        return call

    def check_output(self, output: Value, target: Target) -> None:
        """Raises ValueError where the output ends in what the loss cannot be of."""
        if self.ending is None:
            return
        if output.ending != "identity" and output.pending not in self.fused:
            raise ValueError(
                f"{self.name}: the output activation must be {self.ending}, or identity for logits, "
                f"got {output.ending}{' followed by other layers' if output.ending in self.fused else ''}"
            )
        if self.ending == "softmax" and output.columns == target.positions:
            raise ValueError(f"{self.name}: one output is not enough; use binary_cross_entropy, or Dense(2)")

    def emit(self, lowering: Lowering, output: Buffer, target: Target, gradient: Buffer) -> Call:
        """Emits the Ops of the loss itself."""
        raise NotImplementedError(f"{type(self).__name__}.emit is not defined")

    def __call__(self, y: Any, t: Any, sample_weight: Any = None) -> tuple[float, np.ndarray]:
        """Compute the loss of y against t and its gradient with respect to y, by the kernels of training.

        Parameters
        ----------
        y : array (batch, ...)
            Outputs; logits for losses that are fused with softmax or sigmoid. Values that are not finite are not
            refused.
        t : array
            Targets of the shape of y, or of the loss's own, or class numbers where the loss allows them.
        sample_weight : array, optional
            Numbers >= 0: (batch,), or for y (batch, ..., channels) also (batch, ...), a weight for each position; for a
            mean over elements also of the shape of y.

        Returns
        -------
        loss : float
        dy : array, float32
            The gradient, of the shape of y.

        Raises
        ------
        TypeError, ValueError
            For targets or weights that do not fit y, or that the loss does not allow.

        Examples
        --------
        >>> import fastnn as fnn
        >>> loss, dy = fnn.losses.mse([[1.0], [3.0]], [[1.0], [1.0]], sample_weight=[3, 1])
        >>> loss, dy.tolist()
        (1.0, [[0.0], [1.0]])
        """
        return self.of_arrays(y, t, sample_weight)

    def of_arrays(self, y: Any, t: Any, sample_weight: Any, lengths: Any = None) -> tuple[float, np.ndarray]:
        """The same; lengths: of each sample, for losses of sequences."""
        outputs = arrays.ready(arrays.numbers("y", y))
        if outputs.ndim == 0 or not outputs.size:
            raise ValueError(f"y: expected outputs (batch, ...), got shape {outputs.shape}")
        count, shape = len(outputs), outputs.shape[1:]
        targets, labels = self.check_target(t, count, shape, "t")
        weight = None
        if sample_weight is not None:
            weight = arrays.weights(sample_weight, count, shape, self.elementwise and not labels)
        ends = None if lengths is None else arrays.lengths("lengths", lengths, count)
        form = shape, labels, 0 if weight is None else weight.size // count, ends is not None
        run = self.idle.pop() if self.idle else None  # another thread that calls now makes its own
        if run is None or run.form != form or run.rows < count:
            run = EagerLoss(self, count, *form)
        gradient = np.empty(outputs.shape, np.float32)
        loss = run(outputs, targets, weight, ends, gradient)
        self.idle[:] = [run]
        return loss, gradient

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(self.settings().values())
