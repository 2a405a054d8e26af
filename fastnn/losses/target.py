"""Targets and weights of samples in a plan: where they enter, and how they are laid out."""

from dataclasses import dataclass

from fastnn import kernels
from fastnn.engine.port import Port
from fastnn.engine.tensor import Tensor
from fastnn.lowering.call import Buffer
from fastnn.lowering.lowering import Lowering


@dataclass(eq=False, repr=False)
class Target:
    """A target in a plan: the port it enters by, its buffer, whether it holds labels (int32) or values (float32).

    sample_weight: how much each sample counts, (rows, 1), or each position of the output; None where all count the
    same. positions: how many of them a row has for the loss. weight: how much each counts, (rows, positions). All lie
    by steps where the output does. shape: of the output, without the batch.
    """

    port: Port
    buffer: Buffer
    labels: bool
    sample_weight: Buffer | None = None
    positions: int = 1
    weight: Buffer | None = None
    shape: tuple[int, ...] = ()


def repeated(lowering: Lowering, weight: Buffer | None, positions: int) -> Buffer | None:
    """Emits the weight of each sample, for each of its positions, unless they have their own."""
    if weight is None or weight.columns == positions:
        return weight
    ones, weights = Tensor((1, positions)), Buffer(positions)
    ones.array[...] = 1
    lowering.emit(kernels.Dense, weight, ones, None, weights)
    return weights


def gather_weight(lowering: Lowering, count: int, lengths: Buffer | None = None) -> tuple[Port, Buffer]:
    """Emits the gather of `count` weights for each sample, and returns where they enter and where they are.

    lengths: of sequences, where a weight beyond their end is not looked at.
    """
    port, buffer = Port("sample_weight", count), Buffer(count)
    lowering.emit(kernels.Gather, port, buffer, lengths, check="nonnegative", width=count if lengths is None else 1)
    return port, buffer
