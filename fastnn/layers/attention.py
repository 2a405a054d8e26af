"""Multi-head attention."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from fastnn import initializers, kernels
from fastnn.common import checks
from fastnn.engine.tensor import Tensor
from fastnn.initializers import Initializer
from fastnn.kernels.attention import largest_head
from fastnn.layers import rotary
from fastnn.layers.base import Parameter, expected
from fastnn.layers.dense import Dense
from fastnn.layers.merge import Merge, Shapes
from fastnn.lowering.call import Buffer, Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value


class _Projection(NamedTuple):
    """One product: what the names of its weights begin with, the input that it reads, and what it makes."""

    prefix: str
    source: int
    made: str


#: By the number of inputs; what one product makes of an input is side by side in its rows.
_PROJECTIONS = {
    1: [_Projection("", 0, "qkv")],
    2: [_Projection("query_", 0, "q"), _Projection("memory_", 1, "kv")],
    3: [_Projection("query_", 0, "q"), _Projection("value_", 1, "v"), _Projection("key_", 2, "k")],
}


@dataclass(eq=False, repr=False)
class MultiHeadAttention(Merge):
    """For each step a mean of values of all steps, with weights by how its query agrees with their keys.

    Head h computes y_h = softmax(q_h k_h^T / sqrt(key_size)) v_h, and y = concat(y_1, ..., y_heads) weight_o + bias_o,
    where q, k and v are products of the inputs. Called on x, (batch, time, features), all three are made of x:
    self-attention. Called on [query, value] keys are made of value too, and on [query, value, key] of key, which has as
    many steps as value. y is (batch, time of the query, features of the query). The weights are "weight"
    (features, (heads + 2 key_heads) key_size), with the columns of q, k and v in this order; of two inputs
    "query_weight" and "memory_weight", k before v; of three "query_weight", "value_weight" and "key_weight"; and
    "output_weight". Biases likewise.

    Sequences may have `lengths`: keys beyond them are ignored, and results do not depend on the padding. No matrix of
    all queries and keys is made: memory grows with the time, not with its square. With masked=True one more input comes
    last: a mask (batch, queries, keys), or (batch, 1, keys) for all queries. A query sees the keys where the mask is
    not 0; one that sees none has y = bias_o.

    Parameters
    ----------
    heads : int
        Of the queries.
    key_size : int, optional
        Numbers of each head, at most 256. None is features / heads.
    causal : bool, default False
        Whether a step sees only itself and those before it; for self-attention.
    key_heads : int, optional
        Heads of keys and values, each for heads / key_heads of the queries'. None is `heads`; 1 is multi-query
        attention.
    rotary : float, optional
        Rotary positions: before the scores, the pairs (i, i + key_size / 2) of queries and keys are turned by the angle
        t rotary^(-2 i / key_size) at step t, so that a score depends on the distance of two steps. 10000 is the paper's
        base; a larger one suits longer sequences. None has no positions.
    dropout : float, default 0
        In training, the probability that a weight of a value becomes 0; the others are divided by 1 - dropout.
    masked : bool, default False
        Whether the last input is a mask.
    bias : bool, default True
        Whether the products have biases, which start at zero.
    initializer : str or function, default "glorot_uniform"
        Of the weights: one of `fastnn.initializers`, or its name.

    Raises
    ------
    TypeError, ValueError
        For counts < 1, key_heads that do not divide heads, a rotary base < 1, a dropout outside [0, 1), and an unknown
        initializer; when called, for features that heads do not divide while key_size is None, rotary positions with an
        odd key_size, a causal layer on several inputs, and shapes that do not fit.

    References
    ----------
    A. Vaswani et al., "Attention Is All You Need", NeurIPS 2017, section 3.2. key_heads: J. Ainslie et al., "GQA:
    Training Generalized Multi-Query Transformer Models", EMNLP 2023. rotary: J. Su et al., "RoFormer: Enhanced
    Transformer with Rotary Position Embedding", arXiv:2104.09864, 2021, eq. 34, with the pairs in the order of halves.
    Blocks: T. Dao, D. Y. Fu, S. Ermon, A. Rudra and C. Ré, "FlashAttention", NeurIPS 2022.

    Examples
    --------
    >>> import fastnn as fnn
    >>> x = fnn.Input((20, 64))
    >>> net = fnn.Network(x, fnn.Add()([x, fnn.MultiHeadAttention(4, causal=True)(x)]), seed=0)
    >>> net.output_shape
    (20, 64)
    """

    heads: int
    key_size: int | None = None
    causal: bool = False
    key_heads: int | None = None
    rotary: float | None = None
    dropout: float = 0.0
    masked: bool = False
    bias: bool = True
    initializer: str | Initializer = "glorot_uniform"

    stepwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "heads", checks.integer("MultiHeadAttention: heads", self.heads))
        if self.key_size is not None:
            size = checks.integer("MultiHeadAttention: key_size", self.key_size, most=largest_head())
            object.__setattr__(self, "key_size", size)
        if self.key_heads is not None:
            count = checks.integer("MultiHeadAttention: key_heads", self.key_heads, most=self.heads)
            if self.heads % count:
                raise ValueError(f"MultiHeadAttention: key_heads must divide {self.heads} heads, got {count}")
            object.__setattr__(self, "key_heads", count)
        checks.flag("MultiHeadAttention: causal", self.causal)
        if self.rotary is not None:
            base = checks.real("MultiHeadAttention: rotary", self.rotary, 1)
            object.__setattr__(self, "rotary", base)
        object.__setattr__(self, "dropout", checks.real("MultiHeadAttention: dropout", self.dropout, 0, below=1))
        checks.flag("MultiHeadAttention: masked", self.masked)
        checks.flag("MultiHeadAttention: bias", self.bias)
        object.__setattr__(self, "initializer", initializers.named(self.initializer))

    @property
    def deterministic(self) -> bool:
        return super().deterministic and not self.dropout

    def _sources(self, inputs: list[Any]) -> list[Any]:
        """The inputs without the mask."""
        return inputs[:-1] if self.masked else inputs

    def read_whole(self, count: int) -> set[int]:
        return set(range(1, count))

    def _size(self, features: Shapes) -> int:
        """Numbers of each head."""
        if self.key_size is not None:
            return self.key_size
        size, rest = divmod(features[0][-1], self.heads)
        if rest:
            raise ValueError(
                f"{self.title()}: {self.heads} heads do not divide {features[0][-1]} features; give a key_size"
            )
        return checks.integer(f"{self.title()}: features / heads", size, most=largest_head())

    def _widths(self, features: Shapes) -> dict[str, int]:
        """Columns of the queries, keys and values."""
        size = self._size(features)
        keys = size * (self.key_heads or self.heads)
        return {"q": size * self.heads, "k": keys, "v": keys}

    def output(self, features: Shapes) -> tuple[int, ...]:
        given, features = features, self._sources(features)
        if len(features) not in _PROJECTIONS:
            more = ", each with a mask after it," if self.masked else ","
            raise ValueError(f"{self.title()}: takes x, [query, value] or [query, value, key]{more} got {len(given)}")
        for shape in features:
            if len(shape) != 2:
                raise expected(self, "(batch, time, features)", shape)
        if self.causal and len(features) > 1:
            raise ValueError(f"{self.title()}: causal attention is of a sequence to itself, so it takes one input")
        if len({shape[0] for shape in features[1:]}) > 1:
            raise ValueError(
                f"{self.title()}: value and key need as many steps, got {features[1][0]}, {features[2][0]}"
            )
        size, mask = self._size(features), given[-1]
        if self.rotary is not None and size % 2:
            raise ValueError(f"{self.title()}: rotary positions turn pairs of numbers, got heads of {size}")
        if self.masked and mask not in {(1, features[-1][0]), (features[0][0], features[-1][0])}:
            wanted = f"(batch, {features[0][0]} or 1, {features[-1][0]})"
            raise ValueError(f"{self.title()}: expected a mask {wanted}, got {checks.batch(mask)}")
        return features[0]

    def parameters(self, features: Shapes) -> dict[str, Parameter]:
        features = self._sources(features)
        widths = self._widths(features)
        wanted: dict[str, Parameter] = {}
        for prefix, source, made in _PROJECTIONS[len(features)]:
            columns, inputs = sum(widths[each] for each in made), features[source][-1]
            wanted |= self._pair(prefix, inputs, columns, columns // len(made))
        units = features[0][-1]
        return {**wanted, **self._pair("output_", widths["q"], units, units)}

    def _pair(self, prefix: str, inputs: int, columns: int, fan_out: int) -> dict[str, Parameter]:
        wanted = {f"{prefix}weight": Parameter((inputs, columns), self.initializer, inputs, fan_out)}
        return {**wanted, f"{prefix}bias": Parameter((columns,), "zeros")} if self.bias else wanted

    def lower(self, lowering: Lowering, x: list[Value], weights: dict[str, Weight], index: int) -> Value:
        if self.masked and lowering.stepping:
            raise ValueError(f"{lowering.layer}: has a mask of whole sequences, so it cannot run step by step")
        mask = lowering.filled(lowering.read(x[-1])) if self.masked else None
        x = self._sources(x)
        features = [value.shape for value in x]
        widths = self._widths(features)
        at_a_step = lowering.stepping and x[0].buffer.steps is not None and not x[0].held
        at: dict[str, tuple[Value, int]] = {}  # of q, k and v: the value that it is in, and where it begins in a step
        for prefix, source, made in _PROJECTIONS[len(x)]:
            with lowering.turn([x[source]]):
                product = self._product(lowering, x[source], weights, prefix, sum(widths[each] for each in made))
                product, start = lowering.read(product), 0
                if not lowering.stepping:
                    product = lowering.filled(product)
                turned = made.replace("v", "")  # they come first
                if self.rotary is not None and turned:
                    size = self._size(features)
                    rotary.turn(lowering, product, sum(widths[each] for each in turned) // size, size, self.rotary)
                product.held = x[source].held
            if not at_a_step:
                product = lowering.filled(product)  # a held one is kept for the steps
            for each in made:
                at[each], start = (product, start), start + widths[each]
        if at_a_step:
            y = self._attend_at_a_step(lowering, at, features)
        else:
            y = self._attend(lowering, x, at, features, mask, index)
        by_steps = lowering.by_steps(y, x[0].buffer.steps) if x[0].buffer.steps is not None else y
        by_steps.shape = y.shape
        return self._product(lowering, by_steps, weights, "output_", features[0][-1])

    def _product(self, lowering: Lowering, x: Value, weights: Mapping[str, Weight], prefix: str, columns: int) -> Value:
        own = {key: weights[prefix + key] for key in ("weight", "bias") if prefix + key in weights}
        y = Dense(columns).lower(lowering, x, own, 0)
        y.shape = (*x.shape[:-1], columns)
        return y

    def _options(self, features: Shapes) -> dict[str, Any]:
        """What all forms of attention have in common."""
        size = self._size(features)
        return {"heads": (self.heads, self.key_heads or self.heads), "size": size, "scale": size**-0.5}

    def _attend_at_a_step(self, lowering: Lowering, at: dict[str, tuple[Value, int]], features: Shapes) -> Value:
        """softmax(q k^T) v of the present step: over all so far, or over a sequence that is held."""
        (q, _), (k, key), (v, value) = (at[each] for each in "qkv")
        width = self.heads * self._size(features)
        y = lowering.value(width, trains=False, beside=q)
        y.shape = (features[0][0], width)
        keys: Buffer | Tensor
        values: Buffer | Tensor
        lengths: Buffer | Tensor
        if self.causal:
            cache, lengths = lowering.cached("keys_and_values", q.buffer, key, features[0][0])
            keys, values, times, starts = cache, cache, cache.shape[1], (0, 0, value - key)
        else:
            if not (k.held and v.held):
                lowering.check_whole()
            keys, values = lowering.at_hand(k).buffer, lowering.at_hand(v).buffer
            times, starts = features[-1][0], (0, key, value)
            lengths = lowering.lengths_at_hand(k, times)
        moments = q.buffer.beside(2 * self.heads)
        options = {**self._options(features), "times": (1, times), "starts": starts}
        lowering.emit(kernels.Attention, q.buffer, keys, values, y.buffer, moments, None, lengths, **options)
        return y

    def _attend(
        self,
        lowering: Lowering,
        x: list[Value],
        at: dict[str, tuple[Value, int]],
        features: Shapes,
        mask: Value | None,
        index: int,
    ) -> Value:
        """softmax(q k^T) v of all heads, with a row for each sample."""
        times, width = (features[0][0], features[-1][0]), self.heads * self._size(features)
        values = [at[each][0] for each in "qkv"]
        lengths = [value.buffer.lengths for value in (x[0], x[-1])]
        beside = [*lengths, mask and mask.buffer]
        options = {
            **self._options(features),
            "times": times,
            "starts": tuple(at[each][1] for each in "qkv"),
            "causal": self.causal,
            "rate": self.dropout if lowering.varies else 0.0,
            "random": (lowering.seed, index),
        }
        y = lowering.value(times[0] * width, any(value.trains for value in [*values, mask] if value))
        y.shape = (times[0], width)
        moments = y.buffer.beside(2 * self.heads * times[0])
        given = [*(value.buffer for value in values), y.buffer, moments]
        lowering.emit(kernels.Attention, *given, *beside, **options)

        def backward() -> None:
            if not y.trains:
                return
            gradients = {
                value: lowering.gradient(value) if value.trains else value.buffer.beside() for value in set(values)
            }
            slopes = [gradients[value] for value in values]
            lowering.emit(kernels.AttentionGradient, *given, y.gradient, *slopes, *beside, **options)
            if mask is not None and mask.trains:  # it only decides
                lowering.emit(kernels.Scale, mask.buffer, lowering.gradient(mask), factor=0.0)
                lowering.apply_derivative(mask)

        lowering.backward(backward)
        return y
