"""The Conformer: attention and convolutions over time."""

from __future__ import annotations

from fastnn.common import checks
from fastnn.layers import (
    GLU,
    Activation,
    Add,
    BatchNorm,
    Conv1D,
    Dense,
    DepthwiseConv1D,
    Dropout,
    LayerNorm,
    MultiHeadAttention,
    Rescale,
)
from fastnn.layers.input import Input
from fastnn.layers.symbol import Symbol
from fastnn.network import Network


def conformer(
    features: int,
    classes: int,
    units: int = 144,
    heads: int = 4,
    blocks: int = 4,
    kernel: int = 31,
    dropout: float = 0.1,
    seed: int | None = None,
) -> Network:
    """An encoder of speech: probabilities of classes for each fourth step of a spectrogram.

    Two convolutions of 3 steps with stride 2 and relu shorten the time to a quarter. Each block adds half of a
    feed-forward network, attention, a convolution over time and another half of a feed-forward network, each of a
    LayerNorm of the sum so far, and ends with a LayerNorm. The convolution is a gated product, a depthwise convolution,
    BatchNorm, silu, and a product. Positions are rotary ones, instead of the paper's relative sinusoids. Spectrograms
    have any number of steps and may have `lengths`; with labels that are not aligned, train it by `losses.CTC`.

    Parameters
    ----------
    features : int
        Numbers of each step of the spectrogram, (batch, time, features): 80 mel frequencies, say. The output is (batch,
        time / 4 rounded up, classes).
    classes : int
        At least 2: letters, say.
    units : int, default 144
        Numbers of each step in the blocks; units / heads must be an even integer.
    heads : int, default 4
    blocks : int, default 4
    kernel : int, default 31
        Steps that the depthwise convolutions see.
    dropout : float, default 0.1
        In training, the probability that a weight of an attention, or a number that a part adds, becomes 0.
    seed : int, optional
        Of the initial weights, the shuffling and the dropout. None draws one.

    Returns
    -------
    Network

    Raises
    ------
    TypeError, ValueError
        For counts < 1, fewer than 2 classes, heads that do not divide units into even parts, and a dropout
        outside [0, 1).

    References
    ----------
    A. Gulati et al., "Conformer: Convolution-augmented Transformer for Speech Recognition", Interspeech 2020, section
    2; the default sizes are those of its small model, with 16 blocks.

    Examples
    --------
    >>> import fastnn as fnn
    >>> import numpy as np
    >>> net = fnn.architectures.conformer(80, 29, blocks=2)
    >>> net.output_shape, net.predict(np.zeros((1, 100, 80))).shape
    ((None, 29), (1, 25, 29))
    """
    width, count = checks.integer("conformer: units", units), checks.integer("conformer: blocks", blocks)
    taps, rate = checks.integer("conformer: kernel", kernel), checks.real("conformer: dropout", dropout, 0, below=1)
    x = spectrogram = Input((None, checks.integer("conformer: features", features)))
    for _ in range(2):
        x = Conv1D(width, 3, strides=2, padding=1, activation="relu")(x)
    x = Dropout(rate)(Dense(width)(x))

    def feed_forward(x: Symbol) -> Symbol:
        return Rescale(0.5)(Dropout(rate)(Dense(width)(Dense(4 * width, "silu")(LayerNorm()(x)))))

    def convolution(x: Symbol) -> Symbol:
        h = GLU()(Dense(2 * width)(LayerNorm()(x)))
        h = BatchNorm()(DepthwiseConv1D(taps, padding="same", bias=False)(h))
        return Dropout(rate)(Dense(width)(Activation("silu")(h)))

    for _ in range(count):
        x = Add()([x, feed_forward(x)])
        attention = MultiHeadAttention(heads, rotary=10_000, dropout=rate)
        x = Add()([x, Dropout(rate)(attention(LayerNorm()(x)))])
        x = Add()([x, convolution(x)])
        x = LayerNorm()(Add()([x, feed_forward(x)]))
    return Network(spectrogram, Dense(checks.integer("conformer: classes", classes, 2), "softmax")(x), seed=seed)
