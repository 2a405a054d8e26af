"""Networks of images."""

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
from fastnn.layers.input import Input
from fastnn.layers.symbol import Symbol
from fastnn.layers.window import channels_first
from fastnn.network import Network


def _image_shape(name: str, shape: Sequence[int | None], least: int) -> tuple[int | None, ...]:
    """The shape of an image, whose sides must have at least that many pixels; None is a side of any length."""
    pattern = checks.pattern(f"{name}: input_shape", shape)
    lengths = tuple(1024 if side is None else side for side in pattern)
    if len(lengths) != 3:
        one = f"; for one channel, {(*lengths, 1)}" if len(lengths) == 2 else ""
        raise ValueError(f"{name}: input_shape must be (height, width, channels), got {lengths}{one}")
    if channels_first(lengths):
        turned = *lengths[1:], lengths[0]
        raise ValueError(f"{name}: channels come last: expected input_shape {turned}, got {lengths}")
    if min(lengths[:2]) < least:
        raise ValueError(f"{name}: images need at least {least} pixels on each side, got {lengths}")
    return pattern


def lenet(input_shape: Sequence[int] = (28, 28, 1), classes: int = 10, seed: int | None = None) -> Network:
    """LeNet-5: two 5x5 convolutions with tanh, each followed by 2x2 average pooling, and three dense layers.

    The first convolution is padded, so that 28x28 pixels replace the original 32x32, and the last layer is a softmax.

    Parameters
    ----------
    input_shape : tuple of int, default (28, 28, 1)
        (height, width, channels), at least 12 pixels on each side.
    classes : int, default 10
        At least 2; the output is (batch, classes).
    seed : int, optional
        Of the initial weights, the shuffling and the dropout. None draws one.

    Returns
    -------
    Network

    Raises
    ------
    TypeError, ValueError
        For an invalid input_shape, and fewer than 2 classes.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-Based Learning Applied to Document Recognition",
    Proceedings of the IEEE 86(11), 1998, section II.B.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.architectures.lenet().output_shape
    (10,)
    """
    x = given = Input(_image_shape("lenet", input_shape, 12))
    x = AvgPool2D()(Conv2D(6, 5, padding="same", activation="tanh")(x))
    x = AvgPool2D()(Conv2D(16, 5, activation="tanh")(x))
    x = Dense(84, "tanh")(Dense(120, "tanh")(Flatten()(x)))
    return Network(given, Dense(_classes("lenet", classes), "softmax")(x), seed=seed)


def resnet(
    input_shape: Sequence[int | None] = (32, 32, 3),
    classes: int = 10,
    depth: int = 20,
    width: int = 16,
    seed: int | None = None,
) -> Network:
    """A residual network for small images: a 3x3 convolution, three stages of blocks, and a softmax.

    A block computes relu(f(x) + x), where f is two 3x3 convolutions, each with BatchNorm, and a relu between them. The
    stages have width, 2 width and 4 width filters and (depth - 2) / 6 blocks each. The second and third stage begin
    with stride 2, where a 1x1 convolution with BatchNorm replaces the identity shortcut (option B of the paper).

    Parameters
    ----------
    input_shape : tuple of int or None, default (32, 32, 3)
        (height, width, channels), at least 4 pixels on each side; None for images of any size.
    classes : int, default 10
        At least 2; the output is (batch, classes).
    depth : int, default 20
        The number of layers with weights: 8, 14, 20, 26, ...
    width : int, default 16
        The number of filters of the first stage.
    seed : int, optional
        Of the initial weights, the shuffling and the dropout. None draws one.

    Returns
    -------
    Network

    Raises
    ------
    TypeError, ValueError
        For an invalid input_shape, depth or width, and fewer than 2 classes.

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, "Deep Residual Learning for Image Recognition", CVPR 2016, section 4.2.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.architectures.resnet(depth=8).output_shape
    (10,)
    """
    blocks, rest = divmod(checks.integer("resnet: depth", depth) - 2, 6)
    if rest or not blocks:
        raise ValueError(f"resnet: depth must be 8, 14, 20, 26, ... (6 n + 2), got {depth}")
    filters = checks.integer("resnet: width", width)
    x = given = Input(_image_shape("resnet", input_shape, 4))

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
    input_shape: Sequence[int | None] = (64, 64, 1),
    classes: int = 1,
    depth: int = 3,
    width: int = 16,
    batch_norm: bool = False,
    seed: int | None = None,
) -> Network:
    """A U-shaped network that classifies each pixel: down by halves, up again, with a connection across at each size.

    At each of `depth` sizes there are two 3x3 convolutions with relu, of width, 2 width, 4 width, ... filters. On the
    way up, a transposed 2x2 convolution with stride 2 doubles the sides, and the feature maps of the way down are
    concatenated. All is padded, so that the output has the size of the image.

    Parameters
    ----------
    input_shape : tuple of int or None, default (64, 64, 1)
        (height, width, channels), with sides that are multiples of 2^(depth - 1); None for images of any such size.
    classes : int, default 1
        The output is (batch, height, width, classes): a softmax at each pixel, or for 1 class a sigmoid.
    depth : int, default 3
        The number of sizes.
    width : int, default 16
        The number of filters at the first size.
    batch_norm : bool, default False
        Whether a BatchNorm follows each 3x3 convolution: training starts sooner.
    seed : int, optional
        Of the initial weights, the shuffling and the dropout. None draws one.

    Returns
    -------
    Network

    Raises
    ------
    TypeError, ValueError
        For an invalid input_shape, depth, width or number of classes.

    References
    ----------
    O. Ronneberger, P. Fischer and T. Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation", MICCAI
    2015.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.architectures.unet((32, 48, 3), classes=2).output_shape
    (32, 48, 2)
    """
    sizes, filters = checks.integer("unet: depth", depth), checks.integer("unet: width", width)
    shape, unit = _image_shape("unet", input_shape, 1), 2 ** (min(sizes, 60) - 1)
    if any(side is not None and side % unit for side in shape[:2]):
        raise ValueError(f"unet: depth {sizes} needs sides divisible by {unit}, got {shape}; pad them with ZeroPad2D")
    x = given = Input(shape)

    def convolutions(x: Symbol, filters: int) -> Symbol:
        for _ in range(2):
            x = Conv2D(filters, 3, padding="same", bias=not batch_norm)(x)
            x = Activation("relu")(BatchNorm()(x) if batch_norm else x)
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
