"""Targets and sample weights in a plan: where they enter, and how they are laid out."""

from dataclasses import dataclass

from fastnn import kernels
from fastnn.engine.port import Port
from fastnn.engine.tensor import Tensor
from fastnn.lowering.call import Buffer
from fastnn.lowering.lowering import Lowering


@dataclass(eq=False, repr=False)
class Target:
    """A target in a plan: the port by which it enters, its buffer, whether it holds labels (int32) or values (float32).

    sample_weight: the weight of each sample, (rows, 1), or of each position of the output; None where all are 1.
    positions: the number of positions per row for the loss. weight: the weight of each, (rows, positions). All are
    ordered by time steps where the output is. shape: of the output, without the batch. counts: of the labels in each
    row, where they are padded. lengths: of the output's sequences, where they have their own and are compared as
    wholes.
    """

    port: Port
    buffer: Buffer
    labels: bool
    sample_weight: Buffer | None = None
    positions: int = 1
    weight: Buffer | None = None
    shape: tuple[int, ...] = ()
    counts: Buffer | None = None
    lengths: Buffer | None = None


def repeated(lowering: Lowering, weight: Buffer | None, positions: int) -> Buffer | None:
    """Emits the weights of samples, or of their positions, for each of more positions, unless these have their own."""
    if weight is None or weight.columns == positions:
        return weight
    ones, weights = Tensor((1, positions // weight.columns)), weight.beside(positions)
    ones.array[...] = 1
    lowering.emit(kernels.Dense, weight, ones, None, weights, positions=weight.columns)
    return weights


def gather_weight(
    lowering: Lowering, count: int, lengths: Buffer | None = None, width: int = 1, name: str = "sample_weight"
) -> tuple[Port, Buffer]:
    """Emits the gather of `count` weights for each sample; returns the port by which they enter, and their buffer.

    lengths: of sequences, with `width` weights a step; those past their end are ignored.
    """
    port, buffer = Port(name, count), Buffer(count)
    lowering.emit(kernels.Gather, port, buffer, lengths, check="nonnegative", width=count if lengths is None else width)
    return port, buffer
