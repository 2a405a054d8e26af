"""Blocks of Transformers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastnn.common import checks, free
from fastnn.layers.activation import known_activation
from fastnn.layers.attention import MultiHeadAttention
from fastnn.layers.base import expected
from fastnn.layers.composite import Compound
from fastnn.layers.dense import Dense
from fastnn.layers.dropout import Dropout
from fastnn.layers.glu import GLU
from fastnn.layers.graph import Graph
from fastnn.layers.input import Input
from fastnn.layers.layer_norm import LayerNorm, RMSNorm
from fastnn.layers.merge import Add
from fastnn.layers.symbol import Symbol

#: By the names that a block gives them.
NORMS: dict[str, type[LayerNorm | RMSNorm]] = {"layer": LayerNorm, "rms": RMSNorm}


@dataclass(eq=False, repr=False)
class _Block(Compound):
    """What both share: the settings, and how a part is added to what comes in."""

    heads: int
    units: int
    activation: str = "gelu"
    norm: str = "layer"
    norm_first: bool = True
    dropout: float = 0.0
    key_heads: int | None = None
    rotary: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        kind = self.kind
        object.__setattr__(self, "heads", checks.integer(f"{kind}: heads", self.heads))
        object.__setattr__(self, "units", checks.integer(f"{kind}: units", self.units))
        if self.activation != "swiglu":
            object.__setattr__(self, "activation", known_activation(self.activation))
        checks.known("norm", self.norm, NORMS)
        checks.flag(f"{kind}: norm_first", self.norm_first)
        object.__setattr__(self, "dropout", checks.real(f"{kind}: dropout", self.dropout, 0, below=1))
        self._attention("attention", rotary=self.rotary)

    @property
    def deterministic(self) -> bool:
        return super().deterministic and not self.dropout

    def _attention(self, name: str, **settings: Any) -> MultiHeadAttention:
        """Raises ValueError for key_heads and a rotary base that do not fit."""
        return MultiHeadAttention(self.heads, key_heads=self.key_heads, dropout=self.dropout, name=name, **settings)

    def _added(self, x: Symbol, name: str, part: Callable[[Symbol], Symbol]) -> Symbol:
        """x + part(norm(x)), or with the norm last norm(x + part(x))."""
        norm = NORMS[self.norm](name=f"{name}_norm")
        change = part(norm(x) if self.norm_first else x)
        y = Add()([x, Dropout(self.dropout)(change) if self.dropout else change])
        return y if self.norm_first else norm(y)

    def _feed_forward(self, x: Symbol) -> Symbol:
        width = free.fixed(x.shape, 0)[-1]

        def products(x: Symbol) -> Symbol:
            if self.activation == "swiglu":
                h = GLU("silu")(Dense(2 * self.units, name="up")(x))
            else:
                h = Dense(self.units, self.activation, name="up")(x)
            return Dense(width, name="down")(h)

        return self._added(x, "feed_forward", products)

    def _sequence(self, features: tuple[int, ...]) -> Symbol:
        """An input. Raises ValueError for a shape that is not that of a sequence."""
        if len(features) != 2:
            raise expected(self, "(batch, time, features)", features)
        return Input(features)


@dataclass(eq=False, repr=False)
class TransformerEncoderBlock(_Block):
    """h = x + attention(norm(x)), y = h + down(activation(up(norm(h)))): self-attention, and a feed-forward network.

    x and y are (batch, time, features). With norm_first=False, as in the original, h = norm(x + attention(x)) and
    y = norm(h + ...). The parts are called "attention", "attention_norm", "up", "down" and "feed_forward_norm" in
    `net.weights`. Sequences may have `lengths`.

    Parameters
    ----------
    heads : int
        Of the attention; they divide the features.
    units : int
        Of the hidden layer of the feed-forward network: 4 times the features in the original.
    activation : str or function, default "gelu"
        Of the hidden layer: one of `fastnn.activations`, its name, or "swiglu": a hidden layer gated by silu, which has
        a third product, so that 2 / 3 of the units have as many weights.
    norm : str, default "layer"
        "layer" for LayerNorm or "rms" for RMSNorm.
    norm_first : bool, default True
        Whether norms come before the parts, which makes deep networks train without a warm-up, or after the sums.
    dropout : float, default 0
        In training, the probability that a weight of the attention, or a number that a part adds, becomes 0.
    key_heads : int, optional
        Heads of keys and values, as for `MultiHeadAttention`.
    rotary : float, optional
        The base of rotary positions, as for `MultiHeadAttention`.
    causal : bool, default False
        Whether a step sees only itself and those before it.

    Raises
    ------
    TypeError, ValueError
        For counts < 1, key_heads that do not divide heads, a dropout outside [0, 1), an unknown activation or norm, and
        when called, for inputs that are not sequences, or whose features heads do not divide.

    References
    ----------
    A. Vaswani et al., "Attention Is All You Need", NeurIPS 2017, section 3.1. Norms first: R. Xiong et al., "On Layer
    Normalization in the Transformer Architecture", ICML 2020. "swiglu": N. Shazeer, "GLU Variants Improve Transformer",
    arXiv:2002.05202, 2020, eq. 6.

    Examples
    --------
    >>> import fastnn as fnn
    >>> block = fnn.TransformerEncoderBlock(4, 128, "swiglu", "rms", causal=True, rotary=10_000)
    >>> fnn.Sequential([fnn.Embedding(50, 32), block, fnn.Dense(50)], input_shape=(20,)).output_shape
    (20, 50)
    """

    causal: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.flag(f"{self.kind}: causal", self.causal)

    def graph(self, features: list[tuple[int, ...]]) -> Graph:
        x = self._sequence(features[0])
        attention = self._attention("attention", causal=self.causal, rotary=self.rotary)
        return Graph.between([x], [self._feed_forward(self._added(x, "attention", attention))])


@dataclass(eq=False, repr=False)
class TransformerDecoderBlock(_Block):
    """Causal self-attention of x, attention of it to a memory, and a feed-forward network, each added to what came in.

    Called on [x, memory], sequences (batch, time, features) that may have different numbers of steps and features; y is
    like x. With norm_first=True the parts read norms of the sum, with False the sums are normalized, as in
    `TransformerEncoderBlock`. The parts are called "attention", "cross_attention", "up" and "down" in `net.weights`,
    their norms "attention_norm", "cross_attention_norm" and "feed_forward_norm".

    Parameters
    ----------
    heads : int
        Of both attentions; they divide the features of x.
    units : int
        Of the hidden layer of the feed-forward network: 4 times the features in the original.
    activation : str or function, default "gelu"
        Of the hidden layer: one of `fastnn.activations`, its name, or "swiglu".
    norm : str, default "layer"
        "layer" for LayerNorm or "rms" for RMSNorm.
    norm_first : bool, default True
        Whether norms come before the parts or after the sums.
    dropout : float, default 0
        In training, the probability that a weight of an attention, or a number that a part adds, becomes 0.
    key_heads : int, optional
        Heads of keys and values, as for `MultiHeadAttention`.
    rotary : float, optional
        The base of rotary positions in the self-attention, as for `MultiHeadAttention`.

    Raises
    ------
    TypeError, ValueError
        For counts < 1, key_heads that do not divide heads, a dropout outside [0, 1), an unknown activation or norm, and
        when called, for anything but two sequences, and features of x that heads do not divide.

    References
    ----------
    A. Vaswani et al., "Attention Is All You Need", NeurIPS 2017, section 3.1.

    Examples
    --------
    >>> import fastnn as fnn
    >>> x, memory = fnn.Input((10, 32)), fnn.Input((20, 16))
    >>> fnn.TransformerDecoderBlock(4, 128)([x, memory]).shape
    (10, 32)
    """

    def given(self, values: list[Any]) -> Any:
        if len(values) != 2:
            raise ValueError(f"{self.title()}: takes [x, memory], got {len(values)}")
        return values

    def read_whole(self, count: int) -> set[int]:
        return {1}

    def graph(self, features: list[tuple[int, ...]]) -> Graph:
        x, memory = map(self._sequence, features)
        own = self._attention("attention", causal=True, rotary=self.rotary)
        across = self._attention("cross_attention")
        h = self._added(x, "attention", own)
        h = self._added(h, "cross_attention", lambda query: across([query, memory]))
        return Graph.between([x, memory], [self._feed_forward(h)])
