from fastnn import (
    activations as activations,
    architectures as architectures,
    callbacks as callbacks,
    datasets as datasets,
    initializers as initializers,
    inspection as inspection,
    layers as layers,
    losses as losses,
    metrics as metrics,
    optimizers as optimizers,
    schedules as schedules,
)
from fastnn._version import __version__ as __version__
from fastnn.callbacks import (
    Callback as Callback,
    Checkpoint as Checkpoint,
    EarlyStopping as EarlyStopping,
    History as History,
    ReduceOnPlateau as ReduceOnPlateau,
)
from fastnn.engine.config import show_config as show_config
from fastnn.engine.thread_count import (
    get_num_threads as get_num_threads,
    set_num_threads as set_num_threads,
    threads as threads,
)
from fastnn.formats.model_file import load as load
from fastnn.layers import (
    GRU as GRU,
    LSTM as LSTM,
    Activation as Activation,
    Add as Add,
    AvgPool1D as AvgPool1D,
    AvgPool2D as AvgPool2D,
    BatchNorm as BatchNorm,
    Bidirectional as Bidirectional,
    Composite as Composite,
    Concatenate as Concatenate,
    Conv1D as Conv1D,
    Conv2D as Conv2D,
    Conv2DTranspose as Conv2DTranspose,
    Crop2D as Crop2D,
    Cutout as Cutout,
    Dense as Dense,
    DepthwiseConv2D as DepthwiseConv2D,
    Dropout as Dropout,
    Embedding as Embedding,
    Flatten as Flatten,
    GaussianNoise as GaussianNoise,
    GlobalAvgPool as GlobalAvgPool,
    GlobalMaxPool as GlobalMaxPool,
    Layer as Layer,
    LayerNorm as LayerNorm,
    Maxout as Maxout,
    MaxPool1D as MaxPool1D,
    MaxPool2D as MaxPool2D,
    Multiply as Multiply,
    Parameter as Parameter,
    PReLU as PReLU,
    PythonLayer as PythonLayer,
    RandomBrightness as RandomBrightness,
    RandomContrast as RandomContrast,
    RandomFlip as RandomFlip,
    RandomRotation as RandomRotation,
    RandomShift as RandomShift,
    Rescale as Rescale,
    Reshape as Reshape,
    SeparableConv2D as SeparableConv2D,
    SimpleRNN as SimpleRNN,
    UpSample2D as UpSample2D,
    ZeroPad2D as ZeroPad2D,
)
from fastnn.layers.symbol import Input as Input
from fastnn.network import Network as Network
from fastnn.optimizers import (
    LBFGS as LBFGS,
    SGD as SGD,
    Adadelta as Adadelta,
    Adagrad as Adagrad,
    Adam as Adam,
    AdamW as AdamW,
    Lion as Lion,
    Nadam as Nadam,
    Optimizer as Optimizer,
    RMSprop as RMSprop,
    Rprop as Rprop,
)
from fastnn.perceptron import Perceptron as Perceptron
from fastnn.sequential import Sequential as Sequential
from fastnn.training.gradients import check_gradients as check_gradients
