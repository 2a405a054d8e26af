"""Layers: what a user writes. Each holds settings only and adds Ops to a plan."""

from fastnn.layers.activation import Activation
from fastnn.layers.augmentation import (
    Cutout,
    RandomBrightness,
    RandomContrast,
    RandomFlip,
    RandomRotation,
    RandomShift,
)
from fastnn.layers.base import Layer, Parameter
from fastnn.layers.batch_norm import BatchNorm
from fastnn.layers.bidirectional import Bidirectional
from fastnn.layers.composite import Composite
from fastnn.layers.convolution import Conv1D, Conv2D, Conv2DTranspose
from fastnn.layers.dense import Dense
from fastnn.layers.depthwise import DepthwiseConv2D, SeparableConv2D
from fastnn.layers.dropout import Dropout
from fastnn.layers.embedding import Embedding
from fastnn.layers.flatten import Flatten
from fastnn.layers.gaussian_noise import GaussianNoise
from fastnn.layers.layer_norm import LayerNorm
from fastnn.layers.maxout import Maxout
from fastnn.layers.merge import Add, Concatenate, Multiply
from fastnn.layers.pad import Crop2D, ZeroPad2D
from fastnn.layers.pooling import AvgPool1D, AvgPool2D, GlobalAvgPool, GlobalMaxPool, MaxPool1D, MaxPool2D
from fastnn.layers.prelu import PReLU
from fastnn.layers.python import PythonLayer
from fastnn.layers.recurrent import GRU, LSTM, SimpleRNN, State
from fastnn.layers.rescale import Rescale
from fastnn.layers.reshape import Reshape
from fastnn.layers.upsample import UpSample2D

#: The layers that a file may name.
LAYERS: dict[str, type[Layer]] = {
    layer.__name__: layer
    for layer in (
        Dense,
        Conv2D,
        Conv1D,
        Conv2DTranspose,
        DepthwiseConv2D,
        SeparableConv2D,
        Embedding,
        LSTM,
        GRU,
        SimpleRNN,
        State,
        Bidirectional,
        Maxout,
        Activation,
        PReLU,
        BatchNorm,
        LayerNorm,
        Dropout,
        GaussianNoise,
        RandomFlip,
        RandomShift,
        RandomRotation,
        RandomBrightness,
        RandomContrast,
        Cutout,
        Rescale,
        Reshape,
        Flatten,
        MaxPool2D,
        MaxPool1D,
        AvgPool2D,
        AvgPool1D,
        GlobalMaxPool,
        GlobalAvgPool,
        UpSample2D,
        ZeroPad2D,
        Crop2D,
        Add,
        Multiply,
        Concatenate,
    )
}

__all__ = [
    "GRU",
    "LAYERS",
    "LSTM",
    "Activation",
    "Add",
    "AvgPool1D",
    "AvgPool2D",
    "BatchNorm",
    "Bidirectional",
    "Composite",
    "Concatenate",
    "Conv1D",
    "Conv2D",
    "Conv2DTranspose",
    "Crop2D",
    "Cutout",
    "Dense",
    "DepthwiseConv2D",
    "Dropout",
    "Embedding",
    "Flatten",
    "GaussianNoise",
    "GlobalAvgPool",
    "GlobalMaxPool",
    "Layer",
    "LayerNorm",
    "MaxPool1D",
    "MaxPool2D",
    "Maxout",
    "Multiply",
    "PReLU",
    "Parameter",
    "PythonLayer",
    "RandomBrightness",
    "RandomContrast",
    "RandomFlip",
    "RandomRotation",
    "RandomShift",
    "Rescale",
    "Reshape",
    "SeparableConv2D",
    "SimpleRNN",
    "UpSample2D",
    "ZeroPad2D",
]
