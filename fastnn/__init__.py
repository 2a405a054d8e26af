"""A small, fast neural-network framework for the CPU: arrays in, arrays out, one native call a step."""

from fastnn import activations, callbacks, datasets, initializers, layers, losses, metrics, optimizers, schedules
from fastnn._version import __version__
from fastnn.callbacks import Callback, Checkpoint, EarlyStopping, History, ReduceOnPlateau
from fastnn.config import show_config
from fastnn.differentiation import check_gradients
from fastnn.files import load
from fastnn.layers import (
    Activation,
    Add,
    BatchNorm,
    Composite,
    Concatenate,
    Conv1D,
    Conv2D,
    Conv2DTranspose,
    Dense,
    Dropout,
    Flatten,
    GaussianNoise,
    Layer,
    LayerNorm,
    Maxout,
    Multiply,
    Parameter,
    PReLU,
    PythonLayer,
    Rescale,
    Reshape,
)
from fastnn.network import Network
from fastnn.optimizers import LBFGS, SGD, Adadelta, Adagrad, Adam, AdamW, Lion, Nadam, Optimizer, RMSprop, Rprop
from fastnn.parallel import get_num_threads, set_num_threads, threads
from fastnn.perceptron import Perceptron
from fastnn.sequential import Sequential
from fastnn.symbol import Input

__all__ = [
    "LBFGS",
    "SGD",
    "Activation",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Add",
    "BatchNorm",
    "Callback",
    "Checkpoint",
    "Composite",
    "Concatenate",
    "Conv1D",
    "Conv2D",
    "Conv2DTranspose",
    "Dense",
    "Dropout",
    "EarlyStopping",
    "Flatten",
    "GaussianNoise",
    "History",
    "Input",
    "Layer",
    "LayerNorm",
    "Lion",
    "Maxout",
    "Multiply",
    "Nadam",
    "Network",
    "Optimizer",
    "PReLU",
    "Parameter",
    "Perceptron",
    "PythonLayer",
    "RMSprop",
    "ReduceOnPlateau",
    "Rescale",
    "Reshape",
    "Rprop",
    "Sequential",
    "__version__",
    "activations",
    "callbacks",
    "check_gradients",
    "datasets",
    "get_num_threads",
    "initializers",
    "layers",
    "load",
    "losses",
    "metrics",
    "optimizers",
    "schedules",
    "set_num_threads",
    "show_config",
    "threads",
]
