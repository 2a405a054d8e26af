"""Layers: what a user writes. Each holds settings only and adds Ops to a plan."""

from fastnn.layers.activation import Activation
from fastnn.layers.base import Layer
from fastnn.layers.dense import Dense
from fastnn.layers.dropout import Dropout
from fastnn.layers.flatten import Flatten
from fastnn.layers.merge import Add, Concatenate, Multiply
from fastnn.layers.prelu import PReLU

#: The layers that a file may name.
LAYERS: dict[str, type[Layer]] = {
    layer.__name__: layer for layer in (Dense, Activation, PReLU, Flatten, Dropout, Add, Multiply, Concatenate)
}

__all__ = ["LAYERS", "Activation", "Add", "Concatenate", "Dense", "Dropout", "Flatten", "Layer", "Multiply", "PReLU"]
