"""Layers: what a user writes. Each holds settings only and adds Ops to a plan."""

from fastnn.layers.activation import Activation
from fastnn.layers.base import Layer, Parameter
from fastnn.layers.batch_norm import BatchNorm
from fastnn.layers.dense import Dense
from fastnn.layers.dropout import Dropout
from fastnn.layers.flatten import Flatten
from fastnn.layers.prelu import PReLU
from fastnn.layers.python import PythonLayer

_LAYERS: tuple[type[Layer], ...] = (Dense, Activation, PReLU, Flatten, Dropout, BatchNorm)

#: The layers that a file may name.
LAYERS: dict[str, type[Layer]] = {layer.__name__: layer for layer in _LAYERS}

__all__ = [
    "LAYERS",
    "Activation",
    "BatchNorm",
    "Dense",
    "Dropout",
    "Flatten",
    "Layer",
    "PReLU",
    "Parameter",
    "PythonLayer",
]
