"""ONNX's operators on sequences, as in onnx_adapter.py. ONNX has time first, and gates in another order."""

from collections.abc import Sequence
from typing import Any

import numpy as np

import fastnn as fnn
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
    if kind is fnn.GRU and by_state[2 * units :].any():
        raise OutOfScopeError("gru: there is one bias")

    def turned(gates: Array) -> Array:
        return np.concatenate([gates.reshape(len(order), units, -1)[i] for i in order]).T

    layer = kind(units, return_sequences=True, return_state=True, reverse=reverse, name="layer")
    sequence = fnn.Input(x.shape[1:], name="x")
    states = [fnn.Input((units,), name=f"state_{i}") for i in range(len(initial))]
    net = fnn.Network([sequence, *states], list(layer(sequence, initial_state=states or None)))
    net.weights["layer.weight"] = turned(weight)
    net.weights["layer.recurrent_weight"] = turned(recurrent_weight)
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


#: By the name of ONNX's operator.
OPERATORS: dict[str, Operator] = {
    "LSTM": recurrent(fnn.LSTM),
    "GRU": recurrent(fnn.GRU),
    "RNN": recurrent(fnn.SimpleRNN),
    "Gather": gather,
}
