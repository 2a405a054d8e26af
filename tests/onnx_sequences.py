"""ONNX's operators on sequences, as in onnx_adapter.py. ONNX has time first, and gates in another order."""

from collections.abc import Sequence
from typing import Any

import numpy as np

import fastnn as fnn
from check import tensor
from fastnn import kernels
from fastnn.engine.tensor import Tensor
from onnx_adapter import Array, Operator, OutOfScopeError, Outputs

#: Where ONNX has the gates that a layer has in its order.
GATES = {fnn.LSTM: (0, 2, 3, 1), fnn.GRU: (1, 0, 2), fnn.SimpleRNN: (0,)}


def recurrent(kind: type[Any]) -> Operator:
    """A recurrent layer, in one direction or both."""
    states = len(kind.states)

    def operator(
        x: Array,
        weight: Array,
        recurrent_weight: Array,
        bias: Array | None = None,
        lengths: Array | None = None,
        h0: Array | None = None,
        c0: Array | None = None,
        peepholes: Array | None = None,
        *,
        hidden_size: int,
        direction: str = "forward",
        layout: int = 0,
        linear_before_reset: int = 0,
        **others: Any,
    ) -> Outputs:
        if peepholes is not None or others:
            raise OutOfScopeError("a cell has the usual activations, no peepholes and no clipping")
        given = [h0, c0][:states]
        one = next((state for state in given if state is not None), None)  # the other one is zeros
        initial = [] if one is None else [np.zeros_like(one) if state is None else state for state in given]
        if not layout:
            x = x.swapaxes(0, 1)
        else:
            initial = [state.swapaxes(0, 1) for state in initial]
        if kind is fnn.GRU and not linear_before_reset and (initial or x.shape[1] > 1):
            raise OutOfScopeError("gru: the reset gate comes after the product")
        ways = []
        for way in range(len(weight)):
            reverse = direction == "reverse" or way == 1
            own = [state[way] for state in initial]
            b = None if bias is None else bias[way]
            ways.append(run(kind, x, weight[way], recurrent_weight[way], b, lengths, own, hidden_size, reverse))
        y, *last = (np.stack([way[i] for way in ways]) for i in range(1 + states))
        if layout:
            return [y.transpose(1, 2, 0, 3), *(state.swapaxes(0, 1) for state in last)]
        return [y.transpose(2, 0, 1, 3), *last]

    return operator


def run(
    kind: type[Any],
    x: Array,
    weight: Array,
    recurrent_weight: Array,
    bias: Array | None,
    lengths: Array | None,
    initial: Sequence[Array],
    units: int,
    reverse: bool,
) -> list[Array]:
    """y (batch, time, units) and the last states, in one direction."""
    order = GATES[kind]
    by_input, by_state = np.zeros((2, len(order) * units)) if bias is None else bias.reshape(2, -1)

    def turned(gates: Array) -> Array:
        return np.concatenate([gates.reshape(len(order), units, -1)[i] for i in order]).T

    layer = kind(units, return_sequences=True, return_state=True, reverse=reverse, name="layer")
    sequence = fnn.Input(x.shape[1:], name="x")
    states = [fnn.Input((units,), name=f"state_{i}") for i in range(len(initial))]
    net = fnn.Network([sequence, *states], list(layer(sequence, initial_state=states or None)))
    net.weights["layer.weight"] = turned(weight)
    net.weights["layer.recurrent_weight"] = turned(recurrent_weight)
    if kind is fnn.GRU:
        net.weights["layer.bias"], net.weights["layer.recurrent_bias"] = turned(by_input)[0], turned(by_state)[0]
    else:
        net.weights["layer.bias"] = turned(by_input + by_state)[0]
    return list(net.predict([x, *initial] if initial else x, lengths=lengths).values())


def gather(table: Array, ids: Array, *, axis: int = 0) -> Outputs:
    """Rows of a table, the slices along an axis, by an Embedding."""
    if ids.min() < 0:
        raise OutOfScopeError("gather: ids count from 0")
    rows = np.moveaxis(table, axis, 0)
    net = fnn.Sequential([fnn.Embedding(len(rows), rows[0].size, name="table")], input_shape=(ids.size,))
    net.weights["table.weight"] = rows.reshape(len(rows), -1)
    found = net.predict(ids.reshape(1, -1)).reshape(*ids.shape, *rows.shape[1:])
    places = range(ids.ndim)
    return [np.moveaxis(found, places, [axis % table.ndim + place for place in places])]


def rotary_embedding(
    x: Array,
    cosine: Array,
    sine: Array,
    positions: Array | None = None,
    *,
    interleaved: int = 0,
    rotary_embedding_dim: int = 0,
    num_heads: int = 0,
) -> Outputs:
    """By the Op, whose pairs are in the order of halves; each sequence has positions of its own."""
    whole = x.reshape(*x.shape[:2], num_heads, -1) if x.ndim == 3 else x.swapaxes(1, 2)
    size = rotary_embedding_dim or whole.shape[-1]
    order = np.arange(size).reshape(-1, 2).T.reshape(-1) if interleaved else np.arange(size)
    y = whole.copy()
    for row, given in enumerate(whole):
        tables = [table[row] if positions is None else table[positions[row]] for table in (cosine, sine)]
        heads = given[..., order].reshape(1, -1)
        made = Tensor(heads.shape)
        kernels.Rotary(tensor(heads), *map(tensor, tables), made, heads=given.shape[1])()
        y[row][..., order] = made.array.reshape(*given.shape[:2], size)
    return [y.reshape(x.shape) if x.ndim == 3 else y.swapaxes(1, 2)]


def attention(
    q: Array,
    k: Array,
    v: Array,
    mask: Array | None = None,
    past_key: Array | None = None,
    past_value: Array | None = None,
    seen: Array | None = None,
    *,
    is_causal: int = 0,
    scale: float | None = None,
    q_num_heads: int = 0,
    kv_num_heads: int = 0,
    **others: Any,
) -> Outputs:
    """By the Op, with steps before heads; what was before is joined to keys and values."""
    if others.get("softcap"):
        raise OutOfScopeError("attention: scores have no softcap")
    if "qk_matmul_output_mode" in others:
        raise OutOfScopeError("attention: scores are not kept")
    if q.dtype != np.float32:
        raise OutOfScopeError("attention: of float32")
    if mask is not None and mask.dtype != bool:
        raise OutOfScopeError("attention: a mask says what is seen; nothing is added to scores")
    flat, heads = q.ndim == 3, (q_num_heads or q.shape[1], kv_num_heads or k.shape[1])
    q, k, v = (
        x.reshape(*x.shape[:2], n, -1) if flat else x.swapaxes(1, 2)
        for x, n in ((q, heads[0]), (k, heads[1]), (v, heads[1]))
    )
    if past_key is not None and past_value is not None:
        k, v = (np.concatenate([past.swapaxes(1, 2), x], axis=1) for past, x in ((past_key, k), (past_value, v)))
    rows, queries, _, size = q.shape
    keys = k.shape[1]
    if v.shape[-1] != size:
        raise OutOfScopeError("attention: values have the size of keys")
    if mask is not None and mask.ndim == 4 and mask.shape[1] > 1:
        raise OutOfScopeError("attention: a mask is that of all heads")
    visible = np.ones((rows, queries, keys), bool)
    if mask is not None:
        visible[..., : mask.shape[-1]] &= mask[:, 0] if mask.ndim == 4 else mask
        visible[..., mask.shape[-1] :] = False
    if seen is not None:
        visible &= np.arange(keys) < seen[:, None, None]
    before = 0 if seen is None else seen[:, None, None] - queries
    before = before if past_key is None else past_key.shape[2]
    distance = np.arange(keys) - np.arange(queries)[:, None] - before
    left, right = (others.get(f"{side}_window_size", -1) for side in ("left", "right"))
    if is_causal:
        visible &= distance <= 0
    visible &= distance <= (right if right >= 0 else keys)
    visible &= distance >= (-left if left >= 0 else -keys - queries)
    given = [tensor(x.reshape(rows, -1)) for x in (q, k, v)]
    y, moments = Tensor((rows, q.size // rows)), Tensor((rows, 2 * heads[0] * queries))
    shown = tensor(visible.reshape(rows, -1).astype(np.float32))
    settings = {"times": (queries, keys), "heads": heads, "size": size, "scale": scale or size**-0.5}
    kernels.Attention(*given, y, moments, None, None, shown, **settings)()
    made = y.array.reshape(rows, queries, heads[0], size)
    return [made.reshape(rows, queries, -1) if flat else made.swapaxes(1, 2), k.swapaxes(1, 2), v.swapaxes(1, 2), None]


#: By the name of ONNX's operator.
OPERATORS: dict[str, Operator] = {
    "LSTM": recurrent(fnn.LSTM),
    "GRU": recurrent(fnn.GRU),
    "RNN": recurrent(fnn.SimpleRNN),
    "Gather": gather,
    "RotaryEmbedding": rotary_embedding,
    "Attention": attention,
}
