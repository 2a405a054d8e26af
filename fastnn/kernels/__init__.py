"""The Ops: each a kernel of csrc bound to its buffers. They check shapes when made; calling one runs it."""

from fastnn.kernels.activation import ACTIVATIONS, DERIVED_FROM_INPUT, Activation, ActivationGradient
from fastnn.kernels.adaptive import Adadelta, Adagrad, RMSprop, Rprop
from fastnn.kernels.augmentation import Brightness, Contrast, Cutout, FlipShift, Rotate, Uniform
from fastnn.kernels.batch_norm import (
    BatchNorm,
    BatchNormInputGradient,
    BatchNormMoments,
    BatchNormRunning,
    BatchNormWeightGradient,
)
from fastnn.kernels.convolution import ChannelSum, Convolution, ConvolutionWeightGradient, Filter
from fastnn.kernels.cross_entropy import CrossEntropy, KLDivergence, SoftTargets
from fastnn.kernels.dense import Dense, DenseInputGradient, DenseWeightGradient, Packed
from fastnn.kernels.depthwise import Depthwise, DepthwiseGradient
from fastnn.kernels.dropout import Dropout
from fastnn.kernels.elementary import Elementary
from fastnn.kernels.embedding import Embedding, EmbeddingGradient
from fastnn.kernels.gather import Gather, GatherLabels, Scatter
from fastnn.kernels.gaussian_noise import GaussianNoise
from fastnn.kernels.layer_norm import LayerNorm, LayerNormInputGradient, LayerNormWeightGradient
from fastnn.kernels.loss import ELEMENTWISE_LOSSES, Cosine, ElementwiseLoss
from fastnn.kernels.maxout import Maxout, MaxoutGradient
from fastnn.kernels.merge import Add, Concatenate, ConcatenateGradient, Multiply, Scale
from fastnn.kernels.metric import Accuracy, Classes, RootMeanSquaredError, TopAccuracy
from fastnn.kernels.optimizer import SGD, Adam, Lion, Nadam
from fastnn.kernels.own_loss import OwnLoss
from fastnn.kernels.pad import Pad
from fastnn.kernels.pooling import AveragePool, AveragePoolGradient, MaxPool, MaxPoolGradient
from fastnn.kernels.prelu import PReLU, PReLUGradient
from fastnn.kernels.python import PythonBackward, PythonForward
from fastnn.kernels.recurrent import GRU, LSTM, RNN, GRUGradient, LSTMGradient, RNNGradient
from fastnn.kernels.regularization import Average, Clip, ClipNorm, MaxNorm, Penalties, Penalty, SquaredNorm
from fastnn.kernels.rescale import Rescale
from fastnn.kernels.softmax import LogSoftmax, LogSoftmaxGradient, Softmax, SoftmaxGradient
from fastnn.kernels.step_pool import StepMaximum, StepMaximumGradient, StepMean, StepMeanGradient, StepMultiply
from fastnn.kernels.steps import FromSteps, Steps, ToSteps
from fastnn.kernels.upsample import Bilinear, BilinearGradient
from fastnn.kernels.winograd import Winograd, WinogradFilter, WinogradWeightGradient

__all__ = [
    "ACTIVATIONS",
    "DERIVED_FROM_INPUT",
    "ELEMENTWISE_LOSSES",
    "GRU",
    "LSTM",
    "RNN",
    "SGD",
    "Accuracy",
    "Activation",
    "ActivationGradient",
    "Adadelta",
    "Adagrad",
    "Adam",
    "Add",
    "Average",
    "AveragePool",
    "AveragePoolGradient",
    "BatchNorm",
    "BatchNormInputGradient",
    "BatchNormMoments",
    "BatchNormRunning",
    "BatchNormWeightGradient",
    "Bilinear",
    "BilinearGradient",
    "Brightness",
    "ChannelSum",
    "Classes",
    "Clip",
    "ClipNorm",
    "Concatenate",
    "ConcatenateGradient",
    "Contrast",
    "Convolution",
    "ConvolutionWeightGradient",
    "Cosine",
    "CrossEntropy",
    "Cutout",
    "Dense",
    "DenseInputGradient",
    "DenseWeightGradient",
    "Depthwise",
    "DepthwiseGradient",
    "Dropout",
    "Elementary",
    "ElementwiseLoss",
    "Embedding",
    "EmbeddingGradient",
    "Filter",
    "FlipShift",
    "FromSteps",
    "GRUGradient",
    "Gather",
    "GatherLabels",
    "GaussianNoise",
    "KLDivergence",
    "LSTMGradient",
    "LayerNorm",
    "LayerNormInputGradient",
    "LayerNormWeightGradient",
    "Lion",
    "LogSoftmax",
    "LogSoftmaxGradient",
    "MaxNorm",
    "MaxPool",
    "MaxPoolGradient",
    "Maxout",
    "MaxoutGradient",
    "Multiply",
    "Nadam",
    "OwnLoss",
    "PReLU",
    "PReLUGradient",
    "Packed",
    "Pad",
    "Penalties",
    "Penalty",
    "PythonBackward",
    "PythonForward",
    "RMSprop",
    "RNNGradient",
    "Rescale",
    "RootMeanSquaredError",
    "Rotate",
    "Rprop",
    "Scale",
    "Scatter",
    "SoftTargets",
    "Softmax",
    "SoftmaxGradient",
    "SquaredNorm",
    "StepMaximum",
    "StepMaximumGradient",
    "StepMean",
    "StepMeanGradient",
    "StepMultiply",
    "Steps",
    "ToSteps",
    "TopAccuracy",
    "Uniform",
    "Winograd",
    "WinogradFilter",
    "WinogradWeightGradient",
]
