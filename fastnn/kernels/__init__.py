"""The Ops: each a kernel of csrc bound to its buffers. They check shapes when made; calling one runs it."""

from fastnn.kernels.activation import ACTIVATIONS, DERIVED_FROM_INPUT, Activation, ActivationGradient
from fastnn.kernels.batch_norm import (
    BatchNorm,
    BatchNormInputGradient,
    BatchNormMoments,
    BatchNormRunning,
    BatchNormWeightGradient,
)
from fastnn.kernels.dense import Dense, DenseInputGradient, DenseWeightGradient, Packed
from fastnn.kernels.dropout import Dropout
from fastnn.kernels.elementary import Elementary
from fastnn.kernels.gather import Gather, GatherLabels, Scatter
from fastnn.kernels.gaussian_noise import GaussianNoise
from fastnn.kernels.layer_norm import LayerNorm, LayerNormInputGradient, LayerNormWeightGradient
from fastnn.kernels.loss import BinaryCrossEntropy, CrossEntropy, MeanSquaredError
from fastnn.kernels.maxout import Maxout, MaxoutGradient
from fastnn.kernels.merge import Add, Concatenate, ConcatenateGradient, Multiply, Scale
from fastnn.kernels.metric import Accuracy, Classes, MeanAbsoluteError
from fastnn.kernels.optimizer import SGD, Adam
from fastnn.kernels.prelu import PReLU, PReLUGradient
from fastnn.kernels.python import PythonBackward, PythonForward
from fastnn.kernels.rescale import Rescale
from fastnn.kernels.softmax import LogSoftmax, LogSoftmaxGradient, Softmax, SoftmaxGradient

__all__ = [
    "ACTIVATIONS",
    "DERIVED_FROM_INPUT",
    "SGD",
    "Accuracy",
    "Activation",
    "ActivationGradient",
    "Adam",
    "Add",
    "BatchNorm",
    "BatchNormInputGradient",
    "BatchNormMoments",
    "BatchNormRunning",
    "BatchNormWeightGradient",
    "BinaryCrossEntropy",
    "Classes",
    "Concatenate",
    "ConcatenateGradient",
    "CrossEntropy",
    "Dense",
    "DenseInputGradient",
    "DenseWeightGradient",
    "Dropout",
    "Elementary",
    "Gather",
    "GatherLabels",
    "GaussianNoise",
    "LayerNorm",
    "LayerNormInputGradient",
    "LayerNormWeightGradient",
    "LogSoftmax",
    "LogSoftmaxGradient",
    "Maxout",
    "MaxoutGradient",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Multiply",
    "PReLU",
    "PReLUGradient",
    "Packed",
    "PythonBackward",
    "PythonForward",
    "Rescale",
    "Scale",
    "Scatter",
    "Softmax",
    "SoftmaxGradient",
]
