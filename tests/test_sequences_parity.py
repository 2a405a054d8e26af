"""Recurrent layers against PyTorch: values and all gradients, over random sizes, directions, lengths and states."""

from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import assert_close, generator

torch = pytest.importorskip("torch", reason="PyTorch is what is compared with")

KINDS = {"LSTM": (fnn.LSTM, torch.nn.LSTM), "GRU": (fnn.GRU, torch.nn.GRU), "SimpleRNN": (fnn.SimpleRNN, torch.nn.RNN)}
CONFIGURATIONS = 80  # of each kind
#: Keys of random numbers with which no relu is so near its kink that rounding decides on which side it is: weights
#: changed by 1e-6 of themselves, at random and 20 times, led to the same gradients within 1e-4.
KEY, STATES_KEY = 11, 6


def same(ours: np.ndarray, theirs: Any, what: object) -> None:
    """Within 1e-5 of the largest, or of 1."""
    wanted = theirs.detach().numpy()
    assert ours.shape == wanted.shape, what
    assert_close(ours, wanted, max(1.0, float(np.abs(wanted).max())), 1e-5)


def names_of(net: fnn.Network, layer: str) -> list[tuple[str, str]]:
    """PyTorch's names of the layer's parameters, and fastnn's."""
    names = {"weight_ih": "weight", "weight_hh": "recurrent_weight", "bias_ih": "bias", "bias_hh": "recurrent_bias"}
    return [(theirs, ours) for theirs, ours in names.items() if f"{layer}.{ours}" in net.weights]


def copy_weights(net: fnn.Network, layer: str, theirs: Any, suffix: str) -> None:
    """fastnn's weights into PyTorch's layer, whose second bias is 0 where fastnn has one; that of a GRU is drawn."""
    with torch.no_grad():
        getattr(theirs, f"bias_hh_{suffix}")[:] = 0
        if f"{layer}.recurrent_bias" in net.weights:
            view = net.weights[f"{layer}.recurrent_bias"]
            view[:] = generator(len(view)).standard_normal(view.shape)
        for name, ours in names_of(net, layer):
            getattr(theirs, f"{name}_{suffix}")[:] = torch.from_numpy(net.weights[f"{layer}.{ours}"].T.copy())


def same_gradients(net: fnn.Network, layer: str, theirs: Any, suffix: str, what: object) -> None:
    for name, ours in names_of(net, layer):
        same(net.gradients[f"{layer}.{ours}"].T, getattr(theirs, f"{name}_{suffix}").grad, (what, ours))


@pytest.mark.parametrize("kind", KINDS)
def test_random_configurations(kind: str) -> None:
    """One layer, both ways or two deep; of each step or the last; with lengths, first states and last states."""
    ours, make = KINDS[kind]
    random = generator(KEY, len(kind))
    for case in range(CONFIGURATIONS):
        units, size, batch = (int(n) for n in random.integers(1, 40, 3))
        time = int(random.integers(1, 65))
        both, deep, by_step, ragged, given = (bool(flag) for flag in random.integers(0, 2, 5))
        what = kind, case, units, size, batch, time, both, deep, by_step, ragged, given
        settings: dict[str, Any] = {}
        if kind == "SimpleRNN" and case % 2:
            settings["activation"] = "relu"
        extra = {"nonlinearity": "relu"} if settings else {}
        theirs = make(size, units, 1 + deep, batch_first=True, bidirectional=both, **extra)
        x, inputs, states = fnn.Input((time, size), name="x"), [], []
        if given and not both and not deep:
            inputs = [fnn.Input((units,), name=f"state_{i}") for i in range(len(ours.states))]
            states = [random.standard_normal((batch, units), np.float32) for _ in inputs]
        value: Any = x
        for depth in range(1 + deep):
            layer = ours(units, return_sequences=by_step or depth < deep, name=f"layer_{depth}", **settings)
            if both:
                value = fnn.Bidirectional(layer, name=f"layer_{depth}")(value)
            else:
                value = layer(value, initial_state=inputs or None) if depth == 0 else layer(value)
        net = fnn.Network([x, *inputs], value, seed=case).compile("sgd", "mse")
        places = [(f"layer_{d}{'.' + w if both else ''}", f"l{d}{'_reverse' * (w == 'reverse')}")
                  for d in range(1 + deep) for w in (("forward", "reverse") if both else ("",))]  # fmt: skip
        for layer_name, suffix in places:
            copy_weights(net, layer_name, theirs, suffix)

        lengths = random.integers(1, time + 1, batch) if ragged else np.full(batch, time)
        data = random.standard_normal((batch, time, size), np.float32)
        tensors = [torch.from_numpy(array.copy()).requires_grad_() for array in (data, *states)]
        packed = torch.nn.utils.rnn.pack_padded_sequence(tensors[0], lengths, batch_first=True, enforce_sorted=False)
        first = [tensor[None] for tensor in tensors[1:]]
        out, last = theirs(packed, None if not first else tuple(first) if len(first) == 2 else first[0])
        if by_step:
            wanted = torch.nn.utils.rnn.pad_packed_sequence(out, batch_first=True, total_length=time)[0]
        else:
            h = last[0] if kind == "LSTM" else last
            wanted = torch.cat([h[-2], h[-1]], dim=1) if both else h[-1]

        found = net.forward([data, *states] if states else data, training=True, lengths=lengths if ragged else None)
        same(found, wanted, what)
        dy = random.standard_normal(found.shape, np.float32)
        wanted.backward(torch.from_numpy(dy))
        dx = net.backward(dy)
        for array, tensor in zip(list(dx.values()) if states else [dx], tensors, strict=True):
            same(array, tensor.grad, what)
        for layer_name, suffix in places:
            same_gradients(net, layer_name, theirs, suffix, what)


def turned(tensor: Any, lengths: np.ndarray) -> Any:
    """Each sequence from its own last step to its first; what is beyond stays in its place."""
    time = np.arange(tensor.shape[1])
    places = np.where(time < lengths[:, None], lengths[:, None] - 1 - time, time)
    return tensor.gather(1, torch.from_numpy(places)[:, :, None].expand(tensor.shape))


def padded(theirs: Any, x: Any, lengths: np.ndarray, states: list[Any], reverse: bool = False) -> list[Any]:
    """PyTorch's y (batch, time, units), zeros beyond the lengths, and the states after each sequence's last step."""
    x = turned(x, lengths) if reverse else x
    first = [state[None] for state in states]
    given = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    y, last = theirs(given, None if not first else tuple(first) if len(first) == 2 else first[0])
    y = torch.nn.utils.rnn.pad_packed_sequence(y, batch_first=True, total_length=x.shape[1])[0]
    y = turned(y, lengths) if reverse else y
    return [y, *(state[0] for state in (last if isinstance(last, tuple) else (last,)))]


def chosen(random: np.random.Generator, count: int) -> list[int]:
    """Some of the first `count` integers, at least one."""
    flags = random.integers(0, 2, count)
    return [i for i in range(count) if flags[i]] or [int(random.integers(count))]


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("kind", KINDS)
def test_states_given_and_returned(kind: str, reverse: bool) -> None:
    """Any of y and the last states are wanted, from zeros or given states: each has its gradient, and so has each."""
    ours, make = KINDS[kind]
    random = generator(STATES_KEY, len(kind), reverse)
    for case in range(40):
        units, size, batch = (int(n) for n in random.integers(1, 40, 3))
        time = int(random.integers(1, 65))
        by_step, ragged, given, relu = (bool(flag) for flag in random.integers(0, 2, 4))
        relu = relu and kind == "SimpleRNN"
        wants = chosen(random, 1 + len(ours.states))
        what = kind, reverse, case, units, size, batch, time, by_step, ragged, given, relu, wants
        sequence = fnn.Input((time, size), name="x")
        first = [fnn.Input((units,), name=f"first_{name}") for name in ours.states if given]
        settings = {"activation": "relu"} if relu else {}
        layer = ours(units, return_sequences=by_step, return_state=True, reverse=reverse, name="layer", **settings)
        made = layer(sequence, initial_state=first or None)
        net = fnn.Network([sequence, *first], [made[i] for i in wants], seed=case).compile("sgd", "mse")
        theirs = make(size, units, batch_first=True, **({"nonlinearity": "relu"} if relu else {}))
        copy_weights(net, "layer", theirs, "l0")

        lengths = random.integers(1, time + 1, batch) if ragged else np.full(batch, time)
        arrays = [random.standard_normal((batch, time, size), np.float32)]
        arrays += [random.standard_normal((batch, units), np.float32) for _ in first]
        tensors = [torch.from_numpy(array.copy()).requires_grad_() for array in arrays]
        all_of_it = padded(theirs, tensors[0], lengths, tensors[1:], reverse)
        if not by_step:
            all_of_it[0] = all_of_it[1]
        wanted = [all_of_it[i] for i in wants]

        found = net.forward(arrays if given else arrays[0], training=True, lengths=lengths if ragged else None)
        found = list(found.values()) if len(wants) > 1 else [found]
        for y, tensor in zip(found, wanted, strict=True):
            same(y, tensor, what)
        dy = [random.standard_normal(y.shape, np.float32) for y in found]
        torch.autograd.backward(wanted, [torch.from_numpy(array) for array in dy])
        dx = net.backward(dy if len(wants) > 1 else dy[0])
        for name, tensor in zip(net.graph.inputs, tensors, strict=True):
            same(dx[name] if given else dx, tensor.grad, (what, name))
        same_gradients(net, "layer", theirs, "l0", what)
        predicted = net.predict(arrays if given else arrays[0], lengths=lengths if ragged else None)
        for y, tensor in zip(predicted.values() if len(wants) > 1 else [predicted], wanted, strict=True):
            same(y, tensor, (what, "predict"))


@pytest.mark.parametrize("kind", KINDS)
def test_an_encoder_and_two_decoders(kind: str) -> None:
    """The last states of one layer are the first ones of two others, one on the other, and a result too."""
    ours, make = KINDS[kind]
    random = generator(2, len(kind))
    for case in range(20):
        units, batch, *sizes = (int(n) for n in random.integers(1, 24, 4))
        ragged, by_step = (bool(flag) for flag in random.integers(0, 2, 2))
        times = [int(n) for n in random.integers(1, 33, 2)]
        times[1] = times[0] if ragged else times[1]  # lengths are for sequences of as many steps
        what = kind, case, units, batch, sizes, times, ragged, by_step
        source, target = (fnn.Input(shape, name=n) for n, *shape in zip("st", times, sizes, strict=True))
        made = ours(units, return_sequences=by_step, return_state=True, name="encoder")(source)
        y = ours(units, return_sequences=True, name="decoder")(target, initial_state=list(made[1:]))
        y = ours(units, return_sequences=True, name="upper")(y, initial_state=list(made[1:]))
        net = fnn.Network([source, target], [made[0], y, made[-1]], seed=case).compile("sgd", "mse")
        widths = {"encoder": sizes[0], "decoder": sizes[1], "upper": units}
        theirs = {name: make(width, units, batch_first=True) for name, width in widths.items()}
        for name, layer in theirs.items():
            copy_weights(net, name, layer, "l0")

        ends = random.integers(1, times[0] + 1, batch)
        lengths = [ends if ragged else np.full(batch, time) for time in times]
        given = [random.standard_normal((batch, *x), np.float32) for x in zip(times, sizes, strict=True)]
        tensors = [torch.from_numpy(array.copy()).requires_grad_() for array in given]
        each, *states = padded(theirs["encoder"], tensors[0], lengths[0], [])
        lower = padded(theirs["decoder"], tensors[1], lengths[1], states)[0]
        upper = padded(theirs["upper"], lower, lengths[1], states)[0]
        wanted = [each if by_step else states[0], upper, states[-1]]
        found = list(net.forward(given, training=True, lengths=ends if ragged else None).values())
        for i in range(3):
            same(found[i], wanted[i], (what, i))
        dy = [random.standard_normal(y.shape, np.float32) for y in found]
        torch.autograd.backward(wanted, [torch.from_numpy(array) for array in dy])
        for array, tensor in zip(net.backward(dy).values(), tensors, strict=True):
            same(array, tensor.grad, what)
        for name, layer in theirs.items():
            same_gradients(net, name, layer, "l0", (what, name))


@pytest.mark.parametrize("padding", [None, 0, 7])
def test_embedding(padding: int | None) -> None:
    random = generator(3)
    net = fnn.Sequential([fnn.Embedding(11, 5, padding, name="table")], input_shape=(9,), seed=0).compile("sgd", "mse")
    theirs = torch.nn.Embedding(11, 5, padding_idx=padding)
    with torch.no_grad():
        theirs.weight[:] = torch.from_numpy(net.weights["table.weight"].copy())
        if padding is not None:
            theirs.weight[padding] = 0
    ids = random.integers(0, 11, (13, 9))
    wanted = theirs(torch.from_numpy(ids))
    np.testing.assert_array_equal(net.forward(ids, training=True), wanted.detach().numpy())
    dy = random.standard_normal((13, 9, 5), np.float32)
    wanted.backward(torch.from_numpy(dy))
    net.backward(dy)
    same(net.gradients["table.weight"], theirs.weight.grad, padding)


@pytest.mark.parametrize("shape", [(7,), (6, 7), (3, 4, 7), (2, 3, 2, 7)])
def test_dense_on_the_last_axis(shape: tuple[int, ...]) -> None:
    random = generator(4, len(shape))
    net = fnn.Sequential([fnn.Dense(5, "tanh", name="a"), fnn.Dense(3, name="b")], input_shape=shape, seed=0)
    net.compile("sgd", "mse")
    layers = torch.nn.Linear(7, 5), torch.nn.Linear(5, 3)
    with torch.no_grad():
        for name, layer in zip("ab", layers, strict=True):
            layer.weight[:] = torch.from_numpy(net.weights[f"{name}.weight"].T.copy())
            layer.bias[:] = torch.from_numpy(net.weights[f"{name}.bias"].copy())
    x = random.standard_normal((9, *shape), np.float32)
    tensor = torch.from_numpy(x.copy()).requires_grad_()
    wanted = layers[1](torch.tanh(layers[0](tensor)))
    same(net.forward(x, training=True), wanted, shape)
    dy = random.standard_normal(wanted.shape, np.float32)
    wanted.backward(torch.from_numpy(dy))
    same(net.backward(dy), tensor.grad, shape)
    for name, layer in zip("ab", layers, strict=True):
        same(net.gradients[f"{name}.weight"].T, layer.weight.grad, name)
        same(net.gradients[f"{name}.bias"], layer.bias.grad, name)
    assert fnn.Sequential([fnn.Dense(5)], input_shape=shape).freeze(9)(x).shape == (9, *shape[:-1], 5)


def test_cross_entropy_of_steps() -> None:
    """Labels (batch, time): the mean over valid steps, with an ignored label."""
    random = generator(5)
    logits, labels = random.standard_normal((6, 8, 5), np.float32), random.integers(-1, 5, (6, 8))
    tensor = torch.from_numpy(logits.copy()).requires_grad_()
    wanted = torch.nn.functional.cross_entropy(
        tensor.reshape(-1, 5), torch.from_numpy(labels).reshape(-1), ignore_index=-1, label_smoothing=0.1
    )
    wanted.backward()
    loss, dy = fnn.losses.CrossEntropy(label_smoothing=0.1, ignore=-1)(logits, labels)
    assert loss == pytest.approx(wanted.item(), rel=1e-5)
    same(dy, tensor.grad, "as a function")
    net = fnn.Sequential([fnn.LSTM(5, return_sequences=True)], input_shape=(8, 3), seed=0)
    net.compile("sgd", fnn.losses.CrossEntropy(ignore=-1))
    x, lengths = random.standard_normal((6, 8, 3)), random.integers(1, 9, 6)
    there = (np.arange(8) < lengths[:, None]) & (labels >= 0)
    logs = np.log(fnn.activations.softmax(net.predict(x, lengths=lengths)))[there, labels[there]]
    assert net.evaluate(x, labels, lengths=lengths)["loss"] == pytest.approx(-logs.mean(), rel=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("ragged", [False, True], ids=["all steps", "lengths"])
def test_a_step_of_training(ragged: bool, smoothing: float) -> None:
    """Ids of which one is padding, both directions, then in reverse; the loss of labels, of which one is ignored."""
    random = generator(7, ragged)
    both = fnn.Bidirectional(fnn.LSTM(6, return_sequences=True), name="both")
    layers = [fnn.Embedding(9, 5, 0, name="table"), both, fnn.GRU(7, True, reverse=True, name="back")]
    net = fnn.Sequential([*layers, fnn.Dense(4, name="dense")], input_shape=(11,), seed=0)
    net.compile(fnn.SGD(0.5), fnn.losses.CrossEntropy(label_smoothing=smoothing, ignore=2))
    table, dense = torch.nn.Embedding(9, 5, padding_idx=0), torch.nn.Linear(7, 4)
    lstm, gru = torch.nn.LSTM(5, 6, batch_first=True, bidirectional=True), torch.nn.GRU(12, 7, batch_first=True)
    for _ in range(3):
        places = [("both.forward", lstm, "l0"), ("both.reverse", lstm, "l0_reverse"), ("back", gru, "l0")]
        for place in places:
            copy_weights(net, *place)
        before = {name: weight.copy() for name, weight in net.weights.items()}
        with torch.no_grad():
            table.weight[:] = torch.from_numpy(before["table.weight"])
            table.weight[0] = 0
            dense.weight[:] = torch.from_numpy(before["dense.weight"].T.copy())
            dense.bias[:] = torch.from_numpy(before["dense.bias"])
        ids, labels = random.integers(0, 9, (8, 11)), random.integers(0, 4, (8, 11))
        lengths = random.integers(1, 12, 8) if ragged else np.full(8, 11)
        packed = torch.nn.utils.rnn.pack_padded_sequence(
            table(torch.from_numpy(ids)), lengths, batch_first=True, enforce_sorted=False
        )
        y = torch.nn.utils.rnn.pad_packed_sequence(lstm(packed)[0], batch_first=True, total_length=11)[0]
        logits = dense(padded(gru, y, lengths, [], reverse=True)[0])
        targets = np.where(np.arange(11) < lengths[:, None], labels, 2)
        wanted = torch.nn.functional.cross_entropy(
            logits.reshape(-1, 4), torch.from_numpy(targets).reshape(-1), ignore_index=2, label_smoothing=smoothing
        )
        for layer in (table, lstm, gru, dense):
            layer.zero_grad()
        wanted.backward()
        loss = net.train_on_batch(ids, labels, lengths=lengths if ragged else None)
        assert loss == pytest.approx(wanted.item(), rel=1e-5)
        same(net.gradients["table.weight"], table.weight.grad, "table")
        same(net.gradients["dense.weight"].T, dense.weight.grad, "dense")
        same(net.gradients["dense.bias"], dense.bias.grad, "dense")
        for place in places:
            same_gradients(net, *place, place[0])
        for name, weight in before.items():
            np.testing.assert_allclose(net.weights[name], weight - 0.5 * net.gradients[name], rtol=1e-6, atol=1e-7)
