"""Networks that classify each pixel of an image."""

from __future__ import annotations

from collections.abc import Sequence

from fastnn.architectures import shapes
from fastnn.common import checks
from fastnn.layers import Activation, BatchNorm, Concatenate, Conv2D, Conv2DTranspose, MaxPool2D
from fastnn.layers.input import Input
from fastnn.layers.symbol import Symbol
from fastnn.network import Network


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
    shape, unit = shapes.image("unet", input_shape, 1), 2 ** (min(sizes, 60) - 1)
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
