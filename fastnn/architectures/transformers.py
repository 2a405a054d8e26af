"""Transformers: of one sequence of ids, and from one sequence to another."""

from __future__ import annotations

from fastnn.common import checks
from fastnn.layers import (
    Embedding,
    LayerNorm,
    PositionEmbedding,
    TiedDense,
    TransformerDecoderBlock,
    TransformerEncoderBlock,
)
from fastnn.layers.input import Input
from fastnn.layers.symbol import Symbol
from fastnn.network import Network


def gpt(
    vocabulary: int,
    times: int,
    units: int = 128,
    heads: int = 4,
    blocks: int = 4,
    dropout: float = 0.0,
    seed: int | None = None,
) -> Network:
    """A Transformer that predicts at each step the id that follows, from those up to there.

    Vectors of the ids and of their positions are added; each block is a causal `TransformerEncoderBlock` with 4 units
    of its hidden layer for each of the vectors'. The last product has the weight of the Embedding.

    Parameters
    ----------
    vocabulary : int
        Different ids, at least 2.
    times : int
        Steps of a sequence: the input is (batch, times), the output (batch, times, vocabulary).
    units : int, default 128
        Numbers of each step, a multiple of heads.
    heads : int, default 4
    blocks : int, default 4
    dropout : float, default 0
        As for `TransformerEncoderBlock`.
    seed : int, optional
        Of the initial weights, the shuffling and the dropout. None draws one.

    Returns
    -------
    Network

    Raises
    ------
    TypeError, ValueError
        For counts < 1, heads that do not divide units, fewer than 2 ids, and a dropout outside [0, 1).

    References
    ----------
    A. Radford et al., "Language Models are Unsupervised Multitask Learners", 2019 (GPT-2), section 2.3. The tied
    weight: O. Press and L. Wolf, "Using the Output Embedding to Improve Language Models", EACL 2017.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.architectures.gpt(91, 64).output_shape
    (64, 91)
    """
    size = checks.integer("gpt: vocabulary", vocabulary, 2)
    width, count = checks.integer("gpt: units", units), checks.integer("gpt: blocks", blocks)
    ids = Input((checks.integer("gpt: times", times),))
    x = PositionEmbedding()(Embedding(size, width, name="ids")(ids))
    for _ in range(count):
        x = TransformerEncoderBlock(heads, 4 * width, dropout=dropout, causal=True)(x)
    return Network(ids, TiedDense(size, "ids", "softmax")(LayerNorm()(x)), seed)


def transformer(
    source_vocabulary: int,
    target_vocabulary: int,
    source_times: int,
    target_times: int,
    units: int = 128,
    heads: int = 4,
    blocks: int = 4,
    dropout: float = 0.0,
    seed: int | None = None,
) -> Network:
    """An encoder and a decoder: at each step of the target the id that follows, from the source and the target so far.

    Inputs are "source" and "target" (batch, time), ids, of any number of steps up to the most: for training, the target
    that begins with an id for the start, and as y the target that ends with one for the end. Vectors of the ids and of
    their positions are added; `blocks` times a `TransformerEncoderBlock` reads the source and a
    `TransformerDecoderBlock` the target and the normalized result. Norms come first, unlike in the paper, so that no
    warm-up is needed; the last product has the weight of the target's Embedding.

    Parameters
    ----------
    source_vocabulary : int
        Different ids of the source, at least 2.
    target_vocabulary : int
        Different ids of the target, at least 2.
    source_times : int
        The most steps of the source. Padded ones need `lengths`, {"source": ..., "target": ...}.
    target_times : int
        The most steps of the target; the output is (batch, time, target_vocabulary).
    units : int, default 128
        Numbers of each step, a multiple of heads; hidden layers have 4 times as many.
    heads : int, default 4
    blocks : int, default 4
        Of the encoder, and of the decoder.
    dropout : float, default 0
        As for `TransformerEncoderBlock`.
    seed : int, optional
        Of the initial weights, the shuffling and the dropout. None draws one.

    Returns
    -------
    Network

    Raises
    ------
    TypeError, ValueError
        For counts < 1, heads that do not divide units, fewer than 2 ids, and a dropout outside [0, 1).

    References
    ----------
    A. Vaswani et al., "Attention Is All You Need", NeurIPS 2017.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.architectures.transformer(50, 60, 12, 10).output_shape
    (None, 60)
    """
    count, width = checks.integer("transformer: blocks", blocks), checks.integer("transformer: units", units)
    sizes = (
        checks.integer("transformer: source_vocabulary", source_vocabulary, 2),
        checks.integer("transformer: target_vocabulary", target_vocabulary, 2),
    )
    times = (
        checks.integer("transformer: source_times", source_times, 2),
        checks.integer("transformer: target_times", target_times, 2),
    )
    source, target = Input((None,), name="source"), Input((None,), name="target")

    def embedded(ids: Symbol, place: int, name: str) -> Symbol:
        return PositionEmbedding(times[place])(Embedding(sizes[place], width, name=name)(ids))

    memory, y = embedded(source, 0, "source_ids"), embedded(target, 1, "target_ids")
    for _ in range(count):
        memory = TransformerEncoderBlock(heads, 4 * width, dropout=dropout)(memory)
    memory = LayerNorm()(memory)
    for _ in range(count):
        y = TransformerDecoderBlock(heads, 4 * width, dropout=dropout)([y, memory])
    return Network([source, target], TiedDense(sizes[1], "target_ids", "softmax")(LayerNorm()(y)), seed)
