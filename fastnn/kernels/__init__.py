"""The Ops: each a kernel of csrc bound to its buffers. They check shapes when made; calling one runs it."""

from fastnn.common import lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    {
        "fastnn.kernels.activation": "ACTIVATIONS DERIVED_FROM_INPUT Activation ActivationGradient",
        "fastnn.kernels.adaptive": "Adadelta Adagrad RMSprop Rprop",
        "fastnn.kernels.augmentation": "Brightness Contrast Cutout FlipShift Rotate Uniform",
        "fastnn.kernels.batch_norm": """
            BatchNorm BatchNormInputGradient BatchNormMoments BatchNormRunning BatchNormWeightGradient
        """,
        "fastnn.kernels.choose": "Choose ChooseGradient",
        "fastnn.kernels.convolution": "ChannelSum Convolution ConvolutionWeightGradient Filter",
        "fastnn.kernels.cross_entropy": "CrossEntropy KLDivergence SoftTargets",
        "fastnn.kernels.dense": "Dense DenseInputGradient DenseWeightGradient Packed",
        "fastnn.kernels.depthwise": "Depthwise DepthwiseGradient",
        "fastnn.kernels.dropout": "Dropout",
        "fastnn.kernels.dueling": "Dueling DuelingGradient",
        "fastnn.kernels.elementary": "Elementary",
        "fastnn.kernels.embedding": "Embedding EmbeddingGradient",
        "fastnn.kernels.gather": "Gather GatherLabels Scatter",
        "fastnn.kernels.gaussian_noise": "GaussianNoise",
        "fastnn.kernels.gaussian_sample": "GaussianSample GaussianSampleGradient NormalDivergence",
        "fastnn.kernels.layer_norm": "LayerNorm LayerNormInputGradient LayerNormWeightGradient",
        "fastnn.kernels.loss": "ELEMENTWISE_LOSSES Cosine ElementwiseLoss",
        "fastnn.kernels.mask": "Mask MaskGradient",
        "fastnn.kernels.maxout": "Maxout MaxoutGradient",
        "fastnn.kernels.merge": "Add Concatenate ConcatenateGradient Multiply Scale Subtract",
        "fastnn.kernels.metric": "Accuracy Classes RootMeanSquaredError TopAccuracy",
        "fastnn.kernels.optimizer": "SGD Adam Lion Nadam",
        "fastnn.kernels.own_loss": "OwnLoss",
        "fastnn.kernels.pad": "Pad",
        "fastnn.kernels.pooling": "AveragePool AveragePoolGradient MaxPool MaxPoolGradient",
        "fastnn.kernels.prelu": "PReLU PReLUGradient",
        "fastnn.kernels.python": "PythonBackward PythonForward",
        "fastnn.kernels.q_learning": "CopyEvery Explore TDTarget",
        "fastnn.kernels.recurrent": "GRU LSTM RNN GRUGradient LSTMGradient RNNGradient",
        "fastnn.kernels.regularization": "Average Clip ClipNorm MaxNorm Penalties Penalty SquaredNorm",
        "fastnn.kernels.replay": "Prioritize Sample",
        "fastnn.kernels.rescale": "Rescale",
        "fastnn.kernels.softmax": "LogSoftmax LogSoftmaxGradient Softmax SoftmaxGradient",
        "fastnn.kernels.step_pool": "StepMaximum StepMaximumGradient StepMean StepMeanGradient StepMultiply",
        "fastnn.kernels.steps": "FromSteps Steps ToSteps",
        "fastnn.kernels.upsample": "Bilinear BilinearGradient",
        "fastnn.kernels.winograd": "Winograd WinogradFilter WinogradWeightGradient",
    },
)
