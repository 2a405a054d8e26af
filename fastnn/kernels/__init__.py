"""The Ops: each a kernel of csrc bound to its buffers. They check shapes when made; calling one runs it."""

from fastnn.kernels.activation import ACTIVATIONS, DERIVED_FROM_INPUT, Activation, ActivationGradient
from fastnn.kernels.cross_entropy import CrossEntropy, KLDivergence, SoftTargets
from fastnn.kernels.dense import Dense, DenseInputGradient, DenseWeightGradient, Packed
from fastnn.kernels.dropout import Dropout
from fastnn.kernels.elementary import Elementary
from fastnn.kernels.gather import Gather, GatherLabels, Scatter
from fastnn.kernels.loss import ELEMENTWISE_LOSSES, Cosine, ElementwiseLoss
from fastnn.kernels.merge import Add, Concatenate, ConcatenateGradient, Multiply, Scale
from fastnn.kernels.metric import Accuracy, Classes, RootMeanSquaredError, TopAccuracy
from fastnn.kernels.optimizer import SGD, Adam
from fastnn.kernels.own_loss import OwnLoss
from fastnn.kernels.prelu import PReLU, PReLUGradient
from fastnn.kernels.softmax import LogSoftmax, LogSoftmaxGradient, Softmax, SoftmaxGradient

__all__ = [
    "ACTIVATIONS",
    "DERIVED_FROM_INPUT",
    "ELEMENTWISE_LOSSES",
    "SGD",
    "Accuracy",
    "Activation",
    "ActivationGradient",
    "Adam",
    "Add",
    "Classes",
    "Concatenate",
    "ConcatenateGradient",
    "Cosine",
    "CrossEntropy",
    "Dense",
    "DenseInputGradient",
    "DenseWeightGradient",
    "Dropout",
    "Elementary",
    "ElementwiseLoss",
    "Gather",
    "GatherLabels",
    "KLDivergence",
    "LogSoftmax",
    "LogSoftmaxGradient",
    "Multiply",
    "OwnLoss",
    "PReLU",
    "PReLUGradient",
    "Packed",
    "RootMeanSquaredError",
    "Scale",
    "Scatter",
    "SoftTargets",
    "Softmax",
    "SoftmaxGradient",
    "TopAccuracy",
]
