"""Networks that classify images, in the order in which they were published."""

from __future__ import annotations

from collections.abc import Sequence

from fastnn.architectures import shapes
from fastnn.common import checks
from fastnn.layers import (
    Activation,
    Add,
    AvgPool2D,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    MaxPool2D,
)
from fastnn.layers.input import Input
from fastnn.layers.symbol import Symbol
from fastnn.network import Network


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
    x = given = Input(shapes.image("lenet", input_shape, 12))
    x = AvgPool2D()(Conv2D(6, 5, padding="same", activation="tanh")(x))
    x = AvgPool2D()(Conv2D(16, 5, activation="tanh")(x))
    x = Dense(84, "tanh")(Dense(120, "tanh")(Flatten()(x)))
    return Network(given, Dense(shapes.class_count("lenet", classes), "softmax")(x), seed=seed)


def alexnet(
    input_shape: Sequence[int] = (32, 32, 3),
    classes: int = 10,
    width: int = 32,
    dropout: float = 0.5,
    seed: int | None = None,
) -> Network:
    """AlexNet, for small images: five convolutions with relu, three of them pooled, and three dense layers.

    The convolutions have 3, 8, 12, 12 and 8 times `width` filters, the dense layers 128 times as many units: width 32
    gives those of the paper. Pooling takes the greatest of 3x3, with stride 2, and dropout comes before the first two
    dense layers. Of the paper's first convolution, 11x11 with stride 4, 5x5 with stride 1 is left; there is no
    normalization of responses.

    Parameters
    ----------
    input_shape : tuple of int, default (32, 32, 3)
        (height, width, channels), at least 15 pixels on each side.
    classes : int, default 10
        At least 2; the output is (batch, classes).
    width : int, default 32
        In units of which the layers are wide.
    dropout : float, default 0.5
        In training, the probability that an input of the first two dense layers becomes 0.
    seed : int, optional
        Of the initial weights, the shuffling and the dropout. None draws one.

    Returns
    -------
    Network

    Raises
    ------
    TypeError, ValueError
        For an invalid input_shape, width or dropout, and fewer than 2 classes.

    References
    ----------
    A. Krizhevsky, I. Sutskever and G. Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", NIPS
    2012, section 3.5.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.architectures.alexnet(width=4).output_shape
    (10,)
    """
    unit = checks.integer("alexnet: width", width)
    x = given = Input(shapes.image("alexnet", input_shape, 15))
    for filters, kernel, pooled in ((3, 5, True), (8, 5, True), (12, 3, False), (12, 3, False), (8, 3, True)):
        x = Conv2D(filters * unit, kernel, padding="same", activation="relu")(x)
        x = MaxPool2D(3, 2)(x) if pooled else x
    x = Flatten()(x)
    for _ in range(2):
        x = Dense(128 * unit, "relu")(Dropout(dropout)(x))
    return Network(given, Dense(shapes.class_count("alexnet", classes), "softmax")(x), seed=seed)


#: Convolutions between the poolings of VGG, by its depth.
_VGG = {8: (1, 1, 1, 1, 1), 11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}


def vgg(
    input_shape: Sequence[int] = (32, 32, 3),
    classes: int = 10,
    depth: int = 11,
    width: int = 64,
    batch_norm: bool = True,
    dropout: float = 0.5,
    seed: int | None = None,
) -> Network:
    """VGG: 3x3 convolutions with relu in five groups, each followed by 2x2 max pooling, and three dense layers.

    The groups have width, 2 width, 4 width, 8 width and 8 width filters; the dense layers have 8 width units, an eighth
    of the paper's, and dropout before them.

    Parameters
    ----------
    input_shape : tuple of int, default (32, 32, 3)
        (height, width, channels), at least 32 pixels on each side.
    classes : int, default 10
        At least 2; the output is (batch, classes).
    depth : {8, 11, 13, 16, 19}, default 11
        The number of layers with weights. The paper's are 11 (its A), 13 (B), 16 (D) and 19 (E); 8 has one convolution
        in each group.
    width : int, default 64
        The number of filters of the first group.
    batch_norm : bool, default True
        Whether a BatchNorm follows each convolution, which the paper does not have.
    dropout : float, default 0.5
        In training, the probability that an input of the first two dense layers becomes 0.
    seed : int, optional
        Of the initial weights, the shuffling and the dropout. None draws one.

    Returns
    -------
    Network

    Raises
    ------
    TypeError, ValueError
        For an invalid input_shape, depth, width or dropout, and fewer than 2 classes.

    References
    ----------
    K. Simonyan and A. Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015,
    table 1.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.architectures.vgg(depth=8, width=4).output_shape
    (10,)
    """
    if checks.integer("vgg: depth", depth) not in _VGG:
        raise ValueError(f"vgg: depth must be one of {', '.join(map(str, _VGG))}, got {depth}")
    filters = checks.integer("vgg: width", width)
    x = given = Input(shapes.image("vgg", input_shape, 32))
    for group, count in enumerate(_VGG[depth]):
        for _ in range(count):
            x = Conv2D(filters << min(group, 3), 3, padding="same", bias=not batch_norm)(x)
            x = Activation("relu")(BatchNorm()(x) if batch_norm else x)
        x = MaxPool2D()(x)
    x = Flatten()(x)
    for _ in range(2):
        x = Dense(8 * filters, "relu")(Dropout(dropout)(x))
    return Network(given, Dense(shapes.class_count("vgg", classes), "softmax")(x), seed=seed)


def resnet(
    input_shape: Sequence[int | None] = (32, 32, 3),
    classes: int = 10,
    depth: int = 20,
    width: int = 16,
    shortcuts: bool = True,
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
    shortcuts : bool, default True
        Without them a block computes relu(f(x)): the plain network that the paper compares with, which becomes worse
        with its depth.
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
    x = given = Input(shapes.image("resnet", input_shape, 4))

    def convolution(x: Symbol, filters: int, kernel: int = 3, stride: int = 1) -> Symbol:
        return BatchNorm()(Conv2D(filters, kernel, stride, "same", bias=False)(x))

    x = Activation("relu")(convolution(x, filters))
    for stage in range(3):
        for block in range(blocks):
            count, stride = filters << stage, 2 if stage and not block else 1
            y = convolution(Activation("relu")(convolution(x, count, 3, stride)), count)
            if shortcuts:
                y = Add()([y, x if stride == 1 else convolution(x, count, 1, stride)])
            x = Activation("relu")(y)
    return Network(given, Dense(shapes.class_count("resnet", classes), "softmax")(GlobalAvgPool()(x)), seed=seed)
