from collections.abc import Mapping

from fastnn.layers.activation import Activation as Activation
from fastnn.layers.attention import MultiHeadAttention as MultiHeadAttention
from fastnn.layers.augmentation import (
    Cutout as Cutout,
    RandomBrightness as RandomBrightness,
    RandomContrast as RandomContrast,
    RandomFlip as RandomFlip,
    RandomRotation as RandomRotation,
    RandomShift as RandomShift,
)
from fastnn.layers.base import Layer as Layer, Parameter as Parameter
from fastnn.layers.batch_norm import BatchNorm as BatchNorm
from fastnn.layers.bidirectional import Bidirectional as Bidirectional
from fastnn.layers.composite import Composite as Composite
from fastnn.layers.convolution import (
    Conv1D as Conv1D,
    Conv1DTranspose as Conv1DTranspose,
    Conv2D as Conv2D,
    Conv2DTranspose as Conv2DTranspose,
)
from fastnn.layers.dense import Dense as Dense
from fastnn.layers.depthwise import (
    DepthwiseConv1D as DepthwiseConv1D,
    DepthwiseConv2D as DepthwiseConv2D,
    SeparableConv1D as SeparableConv1D,
    SeparableConv2D as SeparableConv2D,
)
from fastnn.layers.dropout import Dropout as Dropout
from fastnn.layers.dueling import Dueling as Dueling
from fastnn.layers.embedding import Embedding as Embedding
from fastnn.layers.flatten import Flatten as Flatten
from fastnn.layers.gaussian_noise import GaussianNoise as GaussianNoise
from fastnn.layers.gaussian_sample import GaussianSample as GaussianSample
from fastnn.layers.glu import GLU as GLU
from fastnn.layers.group_norm import GroupNorm as GroupNorm
from fastnn.layers.layer_norm import LayerNorm as LayerNorm, RMSNorm as RMSNorm
from fastnn.layers.mask import Mask as Mask
from fastnn.layers.maxout import Maxout as Maxout
from fastnn.layers.mean import Mean as Mean
from fastnn.layers.merge import Add as Add, Concatenate as Concatenate, Multiply as Multiply, Subtract as Subtract
from fastnn.layers.pad import Crop1D as Crop1D, Crop2D as Crop2D, ZeroPad1D as ZeroPad1D, ZeroPad2D as ZeroPad2D
from fastnn.layers.parametric import ELU as ELU, Clip as Clip, LeakyReLU as LeakyReLU
from fastnn.layers.permute import Permute as Permute
from fastnn.layers.pooling import (
    AvgPool1D as AvgPool1D,
    AvgPool2D as AvgPool2D,
    GlobalAvgPool as GlobalAvgPool,
    GlobalMaxPool as GlobalMaxPool,
    MaxPool1D as MaxPool1D,
    MaxPool2D as MaxPool2D,
)
from fastnn.layers.position import PositionEmbedding as PositionEmbedding
from fastnn.layers.prelu import PReLU as PReLU
from fastnn.layers.python import PythonLayer as PythonLayer
from fastnn.layers.recurrence import State as State
from fastnn.layers.recurrent import GRU as GRU, LSTM as LSTM, SimpleRNN as SimpleRNN
from fastnn.layers.repeat import RepeatVector as RepeatVector
from fastnn.layers.rescale import Rescale as Rescale
from fastnn.layers.reshape import Reshape as Reshape
from fastnn.layers.slice import Slice as Slice, Take as Take
from fastnn.layers.tied import TiedDense as TiedDense
from fastnn.layers.time_distributed import TimeDistributed as TimeDistributed
from fastnn.layers.transformer import (
    TransformerDecoderBlock as TransformerDecoderBlock,
    TransformerEncoderBlock as TransformerEncoderBlock,
)
from fastnn.layers.upsample import UpSample1D as UpSample1D, UpSample2D as UpSample2D

LAYERS: Mapping[str, type[Layer]]
