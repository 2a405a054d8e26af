"""Networks with a name, built from the public layers alone: to take as they are, or to read and change.

Each returns a `Network` that is not compiled; its last layer gives probabilities. seed: as that of a `Network`.
"""

from __future__ import annotations

from collections.abc import Sequence

from fastnn.common import checks
from fastnn.layers import (
    Activation,
    Add,
    AvgPool2D,
    BatchNorm,
    Concatenate,
    Conv2D,
    Conv2DTranspose,
    Dense,
    Flatten,
    GlobalAvgPool,
    MaxPool2D,
)
from fastnn.layers.symbol import Input, Symbol
from fastnn.layers.window import channels_first
from fastnn.network import Network


def _pictures(name: str, shape: Sequence[int], least: int) -> tuple[int, ...]:
    """The shape of a picture, none of whose sides is shorter than that."""
    lengths = checks.shape(f"{name}: input_shape", shape)
    if len(lengths) != 3:
        one = f": of one channel, {(*lengths, 1)}" if len(lengths) == 2 else ""
        raise ValueError(f"{name}: input_shape must be (height, width, channels), got {lengths}{one}")
    if channels_first(lengths):
        turned = *lengths[1:], lengths[0]
        raise ValueError(f"{name}: channels come last: expected input_shape {turned}, got {lengths}")
    if min(lengths[:2]) < least:
        raise ValueError(f"{name}: pictures need {least} pixels on each side or more, got {lengths}")
    return lengths


def lenet(input_shape: Sequence[int] = (28, 28, 1), classes: int = 10, seed: int | None = None) -> Network:
    """LeNet-5: two convolutions 5x5 with tanh, each before a mean of 2x2, and three dense layers.

    input_shape: (height, width, channels), 12 pixels on each side or more; output (batch, classes). The first
    convolution is padded, so that 28x28 pixels take the place of the original 32x32, and the last layer is a softmax.
    Raises TypeError and ValueError for other shapes, and fewer than 2 classes. LeCun et al. 1998, section II.B.
    """
    x = given = Input(_pictures("lenet", input_shape, 12))
    x = AvgPool2D()(Conv2D(6, 5, padding="same", activation="tanh")(x))
    x = AvgPool2D()(Conv2D(16, 5, activation="tanh")(x))
    x = Dense(84, "tanh")(Dense(120, "tanh")(Flatten()(x)))
    return Network(given, Dense(_classes("lenet", classes), "softmax")(x), seed=seed)


def resnet(
    input_shape: Sequence[int] = (32, 32, 3),
    classes: int = 10,
    depth: int = 20,
    width: int = 16,
    seed: int | None = None,
) -> Network:
    """A residual network for small pictures: a convolution 3x3, three stages of blocks, the mean, and a dense layer.

    A block gives relu(f(x) + x), f two convolutions 3x3, each with BatchNorm, and relu between them. The stages have
    width, 2 width and 4 width filters and (depth - 2) / 6 blocks each; the second and the third begin with stride 2,
    and there 1x1 convolutions with BatchNorm take the place of + x. depth: layers with weights, 8, 14, 20, ...
    input_shape: (height, width, channels), 4 pixels on each side or more; output (batch, classes).
    Raises TypeError and ValueError for other shapes and depths, width < 1, and fewer than 2 classes. He et al. 2016,
    section 4.2; its option B of the shortcuts.
    """
    blocks, rest = divmod(checks.integer("resnet: depth", depth) - 2, 6)
    if rest or not blocks:
        raise ValueError(f"resnet: depth must be 8, 14, 20, 26, ... (6 n + 2), got {depth}")
    filters = checks.integer("resnet: width", width)
    x = given = Input(_pictures("resnet", input_shape, 4))

    def convolution(x: Symbol, filters: int, kernel: int = 3, stride: int = 1) -> Symbol:
        return BatchNorm()(Conv2D(filters, kernel, stride, "same", bias=False)(x))

    x = Activation("relu")(convolution(x, filters))
    for stage in range(3):
        for block in range(blocks):
            count, stride = filters << stage, 2 if stage and not block else 1
            y = convolution(Activation("relu")(convolution(x, count, 3, stride)), count)
            shortcut = x if stride == 1 else convolution(x, count, 1, stride)
            x = Activation("relu")(Add()([y, shortcut]))
    return Network(given, Dense(_classes("resnet", classes), "softmax")(GlobalAvgPool()(x)), seed=seed)


def unet(
    input_shape: Sequence[int] = (64, 64, 1),
    classes: int = 1,
    depth: int = 3,
    width: int = 16,
    seed: int | None = None,
) -> Network:
    """A U-shaped network, which gives each pixel a class: down by halves, up again, and across at each size.

    At each of `depth` sizes two convolutions 3x3 with relu; (width, 2 width, 4 width, ...) filters. On the way up a
    transposed convolution 2x2 with stride 2 doubles the sides, and what the way down had there is put beside it. All
    is padded, so that the map has the picture's size. input_shape: (height, width, channels), sides that 2^(depth - 1)
    divides; output (batch, height, width, classes), a softmax at each pixel, or for 1 class a sigmoid.
    Raises TypeError and ValueError for other shapes, depth < 1, width < 1 and no classes. Ronneberger et al. 2015.
    """
    sizes, filters = checks.integer("unet: depth", depth), checks.integer("unet: width", width)
    shape, unit = _pictures("unet", input_shape, 1), 2 ** (min(sizes, 60) - 1)
    if any(side % unit for side in shape[:2]):
        raise ValueError(f"unet: depth {sizes} needs sides that {unit} divides, got {shape}; pad them: ZeroPad2D")
    x = given = Input(shape)

    def convolutions(x: Symbol, filters: int) -> Symbol:
        for _ in range(2):
            x = Conv2D(filters, 3, padding="same", activation="relu")(x)
        return x

    across = []
    for size in range(sizes - 1):
        across.append(convolutions(x, filters << size))
        x = MaxPool2D()(across[-1])
    x = convolutions(x, filters << (sizes - 1))
    for size in reversed(range(sizes - 1)):
        x = Conv2DTranspose(filters << size, 2, 2)(x)
        x = convolutions(Concatenate()([across[size], x]), filters << size)
    count = checks.integer("unet: classes", classes)
    return Network(given, Conv2D(count, 1, activation="softmax" if count > 1 else "sigmoid")(x), seed=seed)


def _classes(name: str, classes: int) -> int:
    return checks.integer(f"{name}: classes", classes, 2)
