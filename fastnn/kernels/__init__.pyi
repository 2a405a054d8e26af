from fastnn.kernels.activation import (
    ACTIVATIONS as ACTIVATIONS,
    DERIVED_FROM_INPUT as DERIVED_FROM_INPUT,
    Activation as Activation,
    ActivationGradient as ActivationGradient,
)
from fastnn.kernels.adaptive import Adadelta as Adadelta, Adagrad as Adagrad, RMSprop as RMSprop, Rprop as Rprop
from fastnn.kernels.attention import Attention as Attention, AttentionGradient as AttentionGradient
from fastnn.kernels.augmentation import (
    Brightness as Brightness,
    Contrast as Contrast,
    Cutout as Cutout,
    FlipShift as FlipShift,
    Rotate as Rotate,
    Uniform as Uniform,
)
from fastnn.kernels.batch_norm import (
    BatchNorm as BatchNorm,
    BatchNormInputGradient as BatchNormInputGradient,
    BatchNormMoments as BatchNormMoments,
    BatchNormRunning as BatchNormRunning,
    BatchNormWeightGradient as BatchNormWeightGradient,
)
from fastnn.kernels.choose import Choose as Choose, ChooseGradient as ChooseGradient
from fastnn.kernels.convolution import (
    ChannelSum as ChannelSum,
    Convolution as Convolution,
    ConvolutionWeightGradient as ConvolutionWeightGradient,
    Filter as Filter,
)
from fastnn.kernels.cross_entropy import (
    CrossEntropy as CrossEntropy,
    KLDivergence as KLDivergence,
    SoftTargets as SoftTargets,
)
from fastnn.kernels.ctc import CTC as CTC, GatherLabelRows as GatherLabelRows
from fastnn.kernels.dense import (
    Dense as Dense,
    DenseInputGradient as DenseInputGradient,
    DenseWeightGradient as DenseWeightGradient,
    Packed as Packed,
)
from fastnn.kernels.depthwise import Depthwise as Depthwise, DepthwiseGradient as DepthwiseGradient
from fastnn.kernels.dropout import Dropout as Dropout
from fastnn.kernels.dueling import Dueling as Dueling, DuelingGradient as DuelingGradient
from fastnn.kernels.elementary import Elementary as Elementary
from fastnn.kernels.embedding import Embedding as Embedding, EmbeddingGradient as EmbeddingGradient
from fastnn.kernels.gather import (
    Gather as Gather,
    GatherActions as GatherActions,
    GatherLabels as GatherLabels,
    Scatter as Scatter,
)
from fastnn.kernels.gaussian import Gaussian as Gaussian
from fastnn.kernels.gaussian_noise import GaussianNoise as GaussianNoise
from fastnn.kernels.gaussian_sample import (
    GaussianSample as GaussianSample,
    GaussianSampleGradient as GaussianSampleGradient,
    NormalDivergence as NormalDivergence,
)
from fastnn.kernels.group_norm import GroupNorm as GroupNorm, GroupNormGradient as GroupNormGradient
from fastnn.kernels.layer_norm import (
    LayerNorm as LayerNorm,
    LayerNormInputGradient as LayerNormInputGradient,
    LayerNormWeightGradient as LayerNormWeightGradient,
)
from fastnn.kernels.linear_cross_entropy import LinearCrossEntropy as LinearCrossEntropy
from fastnn.kernels.loss import (
    ELEMENTWISE_LOSSES as ELEMENTWISE_LOSSES,
    Cosine as Cosine,
    Dice as Dice,
    ElementwiseLoss as ElementwiseLoss,
)
from fastnn.kernels.mask import Mask as Mask, MaskGradient as MaskGradient
from fastnn.kernels.maxout import Maxout as Maxout, MaxoutGradient as MaxoutGradient
from fastnn.kernels.merge import (
    Add as Add,
    Concatenate as Concatenate,
    ConcatenateGradient as ConcatenateGradient,
    Multiply as Multiply,
    Scale as Scale,
    Subtract as Subtract,
)
from fastnn.kernels.metric import (
    Accuracy as Accuracy,
    Classes as Classes,
    PeakSignalToNoise as PeakSignalToNoise,
    RootMeanSquaredError as RootMeanSquaredError,
    TopAccuracy as TopAccuracy,
)
from fastnn.kernels.optimizer import SGD as SGD, Adam as Adam, Lion as Lion, Nadam as Nadam
from fastnn.kernels.own_loss import JointLoss as JointLoss, OwnLoss as OwnLoss, Part as Part
from fastnn.kernels.pad import Pad as Pad
from fastnn.kernels.parametric import (
    PARAMETRIC as PARAMETRIC,
    Parametric as Parametric,
    ParametricGradient as ParametricGradient,
)
from fastnn.kernels.permute import Permute as Permute
from fastnn.kernels.policy import GaussianPolicyGradient as GaussianPolicyGradient, PolicyGradient as PolicyGradient
from fastnn.kernels.pooling import (
    AveragePool as AveragePool,
    AveragePoolGradient as AveragePoolGradient,
    MaxPool as MaxPool,
    MaxPoolGradient as MaxPoolGradient,
)
from fastnn.kernels.position import (
    AddPosition as AddPosition,
    AddPositions as AddPositions,
    PositionsGradient as PositionsGradient,
)
from fastnn.kernels.prelu import PReLU as PReLU, PReLUGradient as PReLUGradient
from fastnn.kernels.python import PythonBackward as PythonBackward, PythonForward as PythonForward
from fastnn.kernels.q_learning import CopyEvery as CopyEvery, Explore as Explore, TDTarget as TDTarget
from fastnn.kernels.recurrent import (
    GRU as GRU,
    LSTM as LSTM,
    RNN as RNN,
    GRUGradient as GRUGradient,
    LSTMGradient as LSTMGradient,
    RNNGradient as RNNGradient,
)
from fastnn.kernels.regularization import (
    Average as Average,
    Clip as Clip,
    ClipNorm as ClipNorm,
    MaxNorm as MaxNorm,
    Penalties as Penalties,
    Penalty as Penalty,
    SquaredNorm as SquaredNorm,
    Zero as Zero,
)
from fastnn.kernels.replay import Prioritize as Prioritize, Sample as Sample
from fastnn.kernels.rescale import Rescale as Rescale
from fastnn.kernels.rotary import Rotary as Rotary
from fastnn.kernels.softmax import (
    LogSoftmax as LogSoftmax,
    LogSoftmaxGradient as LogSoftmaxGradient,
    Softmax as Softmax,
    SoftmaxGradient as SoftmaxGradient,
)
from fastnn.kernels.step_pool import (
    StepMaximum as StepMaximum,
    StepMaximumGradient as StepMaximumGradient,
    StepMean as StepMean,
    StepMeanGradient as StepMeanGradient,
    StepMultiply as StepMultiply,
)
from fastnn.kernels.stepping import (
    Advance as Advance,
    Append as Append,
    Position as Position,
    StepConvolution as StepConvolution,
)
from fastnn.kernels.steps import FromSteps as FromSteps, ScaledSteps as ScaledSteps, Steps as Steps, ToSteps as ToSteps
from fastnn.kernels.upsample import Bilinear as Bilinear, BilinearGradient as BilinearGradient
from fastnn.kernels.winograd import (
    Winograd as Winograd,
    WinogradFilter as WinogradFilter,
    WinogradWeightGradient as WinogradWeightGradient,
)
