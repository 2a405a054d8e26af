"""Request: what a program does, and the form of its data."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from fastnn.data.examples import Examples


class Kind(Enum):
    """What a program does."""

    TRAIN = "train"
    DESCENT = "descent"  # loss and gradients, for an optimizer that makes the update itself
    GRADIENT = "gradient"  # loss and gradients, those with respect to the inputs and of frozen layers too
    UPDATE = "update"  # alone
    EVALUATE = "evaluate"
    PREDICT = "predict"
    CLASSIFY = "classify"


class Request(NamedTuple):
    """What a program is built for; programs of equal requests can stand in for each other.

    labels: for each output, whether its targets are class numbers. weights: for each output how many each sample has, 0
    for none; empty without any. choose: of which outputs an element is chosen; empty without any. lengths: for each
    input the number of the array with its sequences' lengths, or -1; empty without any. stateful: whether recurrent
    layers continue from the state in which the batch before left them. outputs: whether outputs are recorded, for
    metrics of a whole epoch. still: whether gradients are those of the loss as `evaluate` measures it, without dropout
    and with running statistics. predictions: whether a training step returns the outputs.
    features: the shapes of the inputs where they have axes of any length; else empty.
    """

    kind: Kind
    labels: tuple[bool, ...] = ()
    weights: tuple[int, ...] = ()
    choose: tuple[bool, ...] = ()
    lengths: tuple[int, ...] = ()
    stateful: bool = False
    outputs: bool = False
    still: bool = False
    predictions: bool = False
    features: tuple[tuple[int, ...], ...] = ()

    @classmethod
    def of(cls, kind: Kind, examples: Examples, outputs: bool = False) -> Request:
        """The request for a program that runs over the examples."""
        given = examples.labels, examples.weighing, examples.chosen, examples.ending
        return cls(kind, *given, examples.stateful, outputs)


class Form(NamedTuple):
    """A request for a training step, and the shapes of a sample of its targets, and of its choice if there is one."""

    request: Request
    target: tuple[int, ...]
    choice: tuple[int, ...] | None
