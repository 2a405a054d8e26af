"""The Ops: each a kernel of csrc bound to its buffers. They check shapes when made; calling one runs it."""

from fastnn.kernels.activation import ACTIVATIONS, DERIVED_FROM_INPUT, Activation, ActivationGradient
from fastnn.kernels.adaptive import Adadelta, Adagrad, RMSprop, Rprop
from fastnn.kernels.dense import Dense, DenseInputGradient, DenseWeightGradient, Packed
from fastnn.kernels.dropout import Dropout
from fastnn.kernels.elementary import Elementary
from fastnn.kernels.gather import Gather, GatherLabels, Scatter
from fastnn.kernels.loss import Added, BinaryCrossEntropy, CrossEntropy, MeanSquaredError
from fastnn.kernels.merge import Add, Concatenate, ConcatenateGradient, Multiply, Scale
from fastnn.kernels.metric import Accuracy, Classes, MeanAbsoluteError
from fastnn.kernels.optimizer import SGD, Adam, Lion, Nadam
from fastnn.kernels.prelu import PReLU, PReLUGradient
from fastnn.kernels.regularization import Average, Clip, ClipNorm, MaxNorm, Penalty, SquaredNorm
from fastnn.kernels.softmax import LogSoftmax, LogSoftmaxGradient, Softmax, SoftmaxGradient

__all__ = [
    "ACTIVATIONS",
    "DERIVED_FROM_INPUT",
    "SGD",
    "Accuracy",
    "Activation",
    "ActivationGradient",
    "Adadelta",
    "Adagrad",
    "Adam",
    "Add",
    "Added",
    "Average",
    "BinaryCrossEntropy",
    "Classes",
    "Clip",
    "ClipNorm",
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
    "Lion",
    "LogSoftmax",
    "LogSoftmaxGradient",
    "MaxNorm",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Multiply",
    "Nadam",
    "PReLU",
    "PReLUGradient",
    "Packed",
    "Penalty",
    "RMSprop",
    "Rprop",
    "Scale",
    "Scatter",
    "Softmax",
    "SoftmaxGradient",
    "SquaredNorm",
]
