"""The Ops: each a kernel of csrc bound to its buffers. They check shapes when made; calling one runs it."""

from fastnn.kernels.activation import ACTIVATIONS, Activation, ActivationGradient
from fastnn.kernels.cross_entropy import CrossEntropy, KLDivergence, SoftTargets
from fastnn.kernels.dense import Dense, DenseInputGradient, DenseWeightGradient, Packed
from fastnn.kernels.dropout import Dropout
from fastnn.kernels.elementary import Elementary
from fastnn.kernels.gather import Gather, GatherLabels, Scatter
from fastnn.kernels.loss import ELEMENTWISE_LOSSES, Cosine, ElementwiseLoss
from fastnn.kernels.metric import Accuracy, Classes, RootMeanSquaredError, TopAccuracy
from fastnn.kernels.optimizer import SGD, Adam
from fastnn.kernels.own_loss import OwnLoss
from fastnn.kernels.softmax import Softmax, SoftmaxGradient

__all__ = [
    "ACTIVATIONS",
    "ELEMENTWISE_LOSSES",
    "SGD",
    "Accuracy",
    "Activation",
    "ActivationGradient",
    "Adam",
    "Classes",
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
    "OwnLoss",
    "Packed",
    "RootMeanSquaredError",
    "Scatter",
    "SoftTargets",
    "Softmax",
    "SoftmaxGradient",
    "TopAccuracy",
]
