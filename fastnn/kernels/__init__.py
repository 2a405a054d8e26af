"""The Ops: each a kernel of csrc bound to its buffers. They check shapes when made; calling one runs it."""

from fastnn.kernels.activation import ACTIVATIONS, Activation, ActivationGradient
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
from fastnn.kernels.loss import BinaryCrossEntropy, CrossEntropy, MeanSquaredError
from fastnn.kernels.metric import Accuracy, Classes, MeanAbsoluteError
from fastnn.kernels.optimizer import SGD, Adam
from fastnn.kernels.python import PythonBackward, PythonForward
from fastnn.kernels.softmax import Softmax, SoftmaxGradient

__all__ = [
    "ACTIVATIONS",
    "SGD",
    "Accuracy",
    "Activation",
    "ActivationGradient",
    "Adam",
    "BatchNorm",
    "BatchNormInputGradient",
    "BatchNormMoments",
    "BatchNormRunning",
    "BatchNormWeightGradient",
    "BinaryCrossEntropy",
    "Classes",
    "CrossEntropy",
    "Dense",
    "DenseInputGradient",
    "DenseWeightGradient",
    "Dropout",
    "Elementary",
    "Gather",
    "GatherLabels",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Packed",
    "PythonBackward",
    "PythonForward",
    "Scatter",
    "Softmax",
    "SoftmaxGradient",
]
