"""The public layers. Each holds settings only and adds Ops to a plan."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from fastnn.common import lazy

if TYPE_CHECKING:
    from fastnn.layers.base import Layer

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    {
        "fastnn.layers.activation": "Activation",
        "fastnn.layers.attention": "MultiHeadAttention",
        "fastnn.layers.augmentation": "Cutout RandomBrightness RandomContrast RandomFlip RandomRotation RandomShift",
        "fastnn.layers.base": "Layer Parameter",
        "fastnn.layers.batch_norm": "BatchNorm",
        "fastnn.layers.bidirectional": "Bidirectional",
        "fastnn.layers.composite": "Composite",
        "fastnn.layers.convolution": "Conv1D Conv1DTranspose Conv2D Conv2DTranspose",
        "fastnn.layers.dense": "Dense",
        "fastnn.layers.depthwise": "DepthwiseConv1D DepthwiseConv2D SeparableConv1D SeparableConv2D",
        "fastnn.layers.dropout": "Dropout",
        "fastnn.layers.dueling": "Dueling",
        "fastnn.layers.embedding": "Embedding",
        "fastnn.layers.flatten": "Flatten",
        "fastnn.layers.gaussian_noise": "GaussianNoise",
        "fastnn.layers.gaussian_sample": "GaussianSample",
        "fastnn.layers.glu": "GLU",
        "fastnn.layers.group_norm": "GroupNorm",
        "fastnn.layers.layer_norm": "LayerNorm RMSNorm",
        "fastnn.layers.mask": "Mask",
        "fastnn.layers.maxout": "Maxout",
        "fastnn.layers.mean": "Mean",
        "fastnn.layers.merge": "Add Concatenate Multiply Subtract",
        "fastnn.layers.pad": "Crop1D Crop2D ZeroPad1D ZeroPad2D",
        "fastnn.layers.parametric": "ELU Clip LeakyReLU",
        "fastnn.layers.pooling": "AvgPool1D AvgPool2D GlobalAvgPool GlobalMaxPool MaxPool1D MaxPool2D",
        "fastnn.layers.permute": "Permute",
        "fastnn.layers.position": "PositionEmbedding",
        "fastnn.layers.prelu": "PReLU",
        "fastnn.layers.python": "PythonLayer",
        "fastnn.layers.recurrence": "State",
        "fastnn.layers.recurrent": "GRU LSTM SimpleRNN",
        "fastnn.layers.repeat": "RepeatVector",
        "fastnn.layers.rescale": "Rescale",
        "fastnn.layers.reshape": "Reshape",
        "fastnn.layers.slice": "Slice Take",
        "fastnn.layers.tied": "TiedDense",
        "fastnn.layers.time_distributed": "TimeDistributed",
        "fastnn.layers.transformer": "TransformerDecoderBlock TransformerEncoderBlock",
        "fastnn.layers.upsample": "UpSample1D UpSample2D",
    },
)


class _Layers(Mapping[str, "type[Layer]"]):
    """Layers by name, loaded when one is looked up."""

    names = tuple(name for name in __all__ if name not in ("Layer", "Parameter", "Composite", "PythonLayer"))

    def __getitem__(self, name: str) -> "type[Layer]":
        if name not in self.names:
            raise KeyError(name)
        kind: type[Layer] = __getattr__(name)
        return kind

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


#: The layers that a file may name.
LAYERS: "Mapping[str, type[Layer]]" = _Layers()
