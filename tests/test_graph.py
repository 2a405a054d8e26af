"""Networks of any shape: their gradients against a float64 twin, memory, determinism, names, and what is refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from fastnn.engine.tensor import aligned, bytes_of
from fastnn.engine.thread_count import threads
from fastnn.lowering import lowering
from fastnn.lowering.call import Buffer, Call
from graphs import ACTIVATIONS, LOSSES, check_gradients, data, random_network
from networks import blobs, classifier
from test_network import randomized

SEEDS = range(24)


@pytest.mark.parametrize("seed", SEEDS)
def test_gradients(seed: int) -> None:
    """Skips, sums, products, shared layers, and outputs that other layers take too."""
    net = random_network(seed).compile(fnn.SGD(0.0), LOSSES, loss_weights={"flags": 0.5, "values": 2.0})
    check_gradients(net, *data())


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("merge", [fnn.Add, fnn.Multiply, fnn.Concatenate])
def test_several_consumers(merge: type[fnn.Layer], activation: str) -> None:
    """A value with an activation, fused or of its own layer, that three layers read."""
    x = fnn.Input((4,))
    h = fnn.Dense(5, activation)(x)
    h = fnn.Activation(activation)(merge()([h, fnn.Dense(5, activation)(h)]))
    y = fnn.Dense(2)(merge()([h, h, fnn.Activation("tanh")(h)]))
    net = randomized(fnn.Network(x, y, seed=0)).compile(fnn.SGD(0.0), "mse")
    inputs, (_, values, _) = data()
    check_gradients(net, inputs[:1], [values])


@pytest.mark.parametrize(
    ("loss", "ending"),
    [("cross_entropy", "softmax"), ("cross_entropy", "log_softmax"), ("binary_cross_entropy", "sigmoid")],
)
def test_an_output_that_is_also_taken(loss: str, ending: str) -> None:
    """The loss takes the logits, the layer the probabilities; predict and evaluate say the same."""
    x = fnn.Input((4,))
    p = fnn.Dense(3, ending, name="p")(x)
    net = fnn.Network(x, [p, fnn.Dense(2, name="v")(p)], seed=0)
    randomized(net).compile(fnn.SGD(0.0), {"p": loss, "v": "mse"}, {"p": [] if ending == "sigmoid" else ["accuracy"]})
    inputs, (classes, values, _) = data()
    check_gradients(net, inputs[:1], [classes, values])


def test_the_derivative_is_applied_once_after_all_have_added() -> None:
    """And fused into the one consumer's product where there is one."""
    x = fnn.Input((4,))
    h = fnn.Dense(5, "tanh")(x)
    two = fnn.Network(x, fnn.Dense(2)(fnn.Concatenate()([fnn.Dense(3)(h), fnn.Dense(3)(h)]))).compile("sgd", "mse")
    ops = [op.split("(")[0].split(": ")[1] for op in str(two.plan(4, training=True)).splitlines() if ": " in op]
    assert ops.count("ActivationGradient") == 1
    assert ops.index("ActivationGradient") == ops.index("Add") + 1
    one = fnn.Network(x, fnn.Dense(2)(h)).compile("sgd", "mse")
    assert "ActivationGradient" not in str(one.plan(4, training=True))


def test_a_shared_layer_has_one_set_of_parameters() -> None:
    """Its gradient is the sum of those at its places, and does not grow from step to step."""
    a, b = fnn.Input((4,)), fnn.Input((4,))
    tower = fnn.Dense(5, "tanh", name="tower")
    both = fnn.Network([a, b], fnn.Add()([tower(a), tower(b)]), seed=0).compile(fnn.SGD(0.0), "mse")
    assert list(both.weights) == ["tower.weight", "tower.bias"]
    x, t = [blobs(9)[0], blobs(9, seed=2)[0]], np.ones((9, 5), np.float32)
    for _ in range(3):
        both.train_on_batch(x, t)
    dy = 2 * (both.predict(x) - t) / t.size
    y = [np.tanh(each @ both.weights["tower.weight"] + both.weights["tower.bias"]) for each in x]
    expected = sum(each.T @ (dy * (1 - out**2)) for each, out in zip(x, y, strict=True))
    np.testing.assert_allclose(both.gradients["tower.weight"], expected, rtol=1e-4, atol=1e-6)


def test_a_chain_is_a_sequential() -> None:
    """The same bits, names and plan; the output's name is its layer's."""
    one, x = classifier(), fnn.Input((4,))
    y = fnn.Dense(3, "softmax")(fnn.Dense(8, "relu")(x))
    other = fnn.Network(x, y, seed=0).compile("adam", "cross_entropy", ["accuracy"])
    for net in (one, other):
        net.fit(*blobs(), 16, 3, verbose=0)
    np.testing.assert_array_equal(one.parameters, other.parameters)
    assert one.history.history == other.history.history
    assert repr(one.plan(8, training=True)) == repr(other.plan(8, training=True))
    assert list(one.weights) == list(other.weights)
    assert (other.input_shape, other.output_shape) == ((4,), (3,))
    assert str(one).splitlines()[1:] == str(other).splitlines()[1:]


@pytest.mark.parametrize("seed", SEEDS[:6])
def test_memory_is_reused_rightly(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bits of a network whose buffers never share memory."""

    def apart(calls: list[Call], rows: int) -> tuple[dict[Buffer, int], int]:
        offsets: dict[Buffer, int] = {}
        end = 0
        for buffer in dict.fromkeys(buffer for call in calls for buffer in call.buffers):
            offsets[buffer] = end
            end += aligned(bytes_of((rows, buffer.columns), buffer.dtype))
        return offsets, end

    def trained() -> tuple[fnn.Network, int]:
        net = random_network(seed).compile("adam", LOSSES, loss_weights={"flags": 0.5})
        net.fit(*data(40), 16, 2, verbose=0)
        return net, net.plan(16, training=True).nbytes

    net, nbytes = trained()
    with monkeypatch.context() as patch:
        patch.setattr(lowering, "place", apart)
        other, more = trained()
    assert nbytes < more
    np.testing.assert_array_equal(net.parameters, other.parameters)


@pytest.mark.parametrize("seed", SEEDS[:4])
def test_bits_do_not_depend_on_threads_or_batches(seed: int) -> None:
    x, y = data(600)
    nets = []
    for count in (1, 2):
        with threads(count):
            net = random_network(seed, width=70).compile(fnn.SGD(0.01), LOSSES)
            net.fit(x, y, 300, 2, verbose=0)
            nets.append((net, net.predict(x)))
    (one, outputs), (two, others) = nets
    np.testing.assert_array_equal(one.parameters, two.parameters)
    by_row = one.predict([each[100:130] for each in x], batch_size=7)
    for name, output in outputs.items():
        np.testing.assert_array_equal(output, others[name])
        np.testing.assert_array_equal(output[100:130], by_row[name])


def test_dropout_has_a_mask_at_each_place() -> None:
    """Of one shared layer, and of a sub-network of the same seed, too."""
    x = fnn.Input((500,))
    drop = fnn.Dropout(0.5)
    inner = fnn.Sequential([fnn.Dropout(0.5)], input_shape=(500,), seed=7)
    joined = fnn.Concatenate()([drop(x), drop(x), inner(x), fnn.Dropout(0.5)(x)])
    net = fnn.Network(x, joined, seed=7)
    masks = net.forward(np.ones((1, 500)), training=True).reshape(4, 500) > 0
    for i in range(4):
        for j in range(i):
            assert 0.4 < (masks[i] == masks[j]).mean() < 0.6


def test_inputs_and_gradients_by_hand() -> None:
    """forward, backward and gradient take and give dicts; the same numbers as a training step's."""
    net = random_network(5).compile(fnn.SGD(0.0), "mse")
    x, y = data()
    dx, parameters = net.gradient(x, y)
    net.train_on_batch(x, y)
    outputs = net.forward(dict(zip(net.graph.inputs, x, strict=True)), training=True)
    dy = {name: 2 * (out - t) / t.size for (name, out), t in zip(outputs.items(), y, strict=True)}
    wanted = {name: view.copy() for name, view in net.gradients.items()}
    net.zero_grad()
    back = net.backward(dy)
    for name, gradient in wanted.items():
        np.testing.assert_allclose(net.gradients[name], gradient, rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(parameters[name], gradient)
    assert {name: d.shape for name, d in back.items()} == {"left": (9, 4), "right": (9, 3)}
    for name, d in dx.items():
        np.testing.assert_allclose(back[name], d, rtol=1e-4, atol=1e-6)
    fnn.check_gradients(net, x, y, tolerance=0.05)


def symbols() -> dict[str, Any]:
    x, z = fnn.Input((4,), name="x"), fnn.Input((4,), name="z")
    return {"x": x, "z": z, "h": fnn.Dense(3, name="h")(x)}


WRONG: dict[str, tuple[Callable[[Any], object], type[Exception], str]] = {
    "an input that leads nowhere": (lambda s: fnn.Network([s["x"], s["z"]], s["h"]), ValueError, "z leads nowhere"),
    "an input that is not given": (
        lambda s: fnn.Network(s["z"], fnn.Add()([s["x"], s["z"]])),
        ValueError,
        r"need Input -> \(batch, 4\), which is not among the inputs: z",
    ),
    "an input that a layer makes": (lambda s: fnn.Network(s["h"], s["h"]), ValueError, "inputs: .*output of a layer"),
    "an output that is an input": (lambda s: fnn.Network(s["x"], [s["x"], s["h"]]), ValueError, "made by a layer"),
    "an output twice": (
        lambda s: fnn.Network(s["x"], [s["h"], s["h"]]),
        ValueError,
        "two outputs are the same value: h, h",
    ),
    "an input twice": (lambda s: fnn.Network([s["x"], s["x"]], s["h"]), ValueError, "two inputs"),
    "two inputs of one name": (
        lambda s: fnn.Network([s["x"], fnn.Input((4,), name="x")], s["h"]),
        ValueError,
        "two inputs",
    ),
    "two layers of one name": (
        lambda s: fnn.Network(s["x"], fnn.Dense(2, name="h")(s["h"])),
        ValueError,
        "two layers are called 'h'",
    ),
    "no outputs": (lambda s: fnn.Network(s["x"], []), ValueError, "at least one output"),
    "no inputs": (lambda s: fnn.Network([], s["h"]), ValueError, "at least one input"),
    "no symbol": (lambda s: fnn.Network(s["x"], fnn.Dense(3)), TypeError, "outputs"),
    "an array": (lambda s: fnn.Network(s["x"], [np.ones(3)]), TypeError, "outputs"),
    "a shape that does not fit": (
        lambda s: fnn.Maxout(3, 2)(fnn.Input((2, 2))),
        ValueError,
        r"\(batch, 2, 2\).*Flatten",
    ),
    "a shared layer of two shapes": (
        lambda s: fnn.Network(s["x"], s["h"].layer(s["h"])),
        ValueError,
        r"h: a shared layer.*\(4, 3\).*\(3, 3\)",
    ),
    "an input's shape": (lambda s: fnn.Input((0,)), ValueError, "Input: shape"),
    "an input's name": (lambda s: fnn.Input((1,), name="a.b"), ValueError, "input's name.*a.b"),
    "a network's name": (lambda s: fnn.Network(s["x"], s["h"], name="a.b"), ValueError, "network's name.*a.b"),
    "a seed": (lambda s: fnn.Network(s["x"], s["h"], seed=-1), ValueError, "seed"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_refused(name: str) -> None:
    make, error, message = WRONG[name]
    with pytest.raises(error, match=message):
        make(symbols())


def test_settings_never_change() -> None:
    layer = fnn.Dense(3)
    with pytest.raises(AttributeError, match=r"Dense\(3\): units cannot be changed"):
        layer.units = 4
    with pytest.raises(TypeError, match="trainable"):
        layer.trainable = 1  # type: ignore[assignment]
    assert layer.units == 3 and layer.trainable


def test_a_long_chain() -> None:
    """Longer than Python's stack."""
    symbol = x = fnn.Input((2,))
    for _ in range(3000):
        symbol = fnn.Activation("identity")(symbol)
    assert fnn.Network(x, symbol).predict(np.ones((1, 2))).tolist() == [[1, 1]]


def test_summary() -> None:
    """Connections where it is not a chain, and each shared layer counted once."""
    lines = [line.split() for line in str(random_network(0)).splitlines()]
    found = {line[0]: line for line in lines[1:]}
    assert lines[1] == ["layer", "inputs", "output", "parameters"]
    assert found["left"] == ["left", "(batch,", "4)"]
    assert found["values"][-1] == "22" and "concatenate" in " ".join(found["values"])
    total = int(lines[-1][0].replace(",", ""))
    assert total == sum(view.size for view in random_network(0).weights.values())


def ops_of(net: fnn.Network, training: bool = False) -> list[str]:
    return [type(op).__name__ for op in net.plan(8, training).ops]


@pytest.mark.parametrize("ending", ["identity", "tanh"])
def test_a_layer_called_twice_on_the_same_values_runs_once(ending: str) -> None:
    """As the graph in which it is called once: one trunk for a policy and a value, the same bits, and gradients."""
    x = fnn.Input((4,))
    trunk = fnn.Sequential([fnn.Dense(6, "relu"), fnn.Dense(5, ending)], input_shape=(4,), seed=0, name="trunk")
    heads = fnn.Dense(3, name="policy"), fnn.Dense(1, name="value")
    twice = fnn.Network(x, [head(fnn.Flatten()(trunk(x))) for head in heads], seed=1)
    h = trunk(x)
    once = fnn.Network(x, [fnn.Dense(3, name="policy")(h), fnn.Dense(1, name="value")(h)], seed=1)
    for net in (twice, once):
        net.compile(fnn.SGD(0.1), "mse")
    assert ops_of(twice).count("Dense") == ops_of(once).count("Dense") == 4
    assert ops_of(twice, True) == ops_of(once, True)
    once.copy_weights(twice)
    rng = np.random.default_rng(0)
    a, (y, z) = rng.standard_normal((8, 4)), (rng.standard_normal((8, 3)), rng.standard_normal((8, 1)))
    for name, value in once.predict(a).items():
        np.testing.assert_array_equal(twice.predict(a)[name], value)
    for (_, first), (_, other) in zip(*(net.gradient(a, [y, z])[1].items() for net in (twice, once)), strict=True):
        np.testing.assert_array_equal(first, other)


class Same(fnn.PythonLayer):
    """A layer of the user's, of which nothing is known."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        return x

    def backward(self, dy: np.ndarray) -> np.ndarray:
        return dy


class Pair(fnn.Composite):
    """Layers of which one draws random numbers."""

    def layers(self) -> list[fnn.Layer]:
        return [fnn.Dense(4), fnn.GaussianNoise(0.1)]


@pytest.mark.parametrize(
    ("layer", "merged"),
    [
        (fnn.Dense(4), True),
        (fnn.BatchNorm(), True),
        (fnn.SeparableConv2D(2, 1), True),
        (fnn.LSTM(3), True),
        (fnn.Bidirectional(fnn.GRU(3)), True),
        (fnn.Dropout(0.5), False),
        (fnn.GaussianNoise(0.1), False),
        (fnn.GaussianSample(), False),
        (fnn.RandomFlip(), False),
        (fnn.LSTM(3, dropout=0.1), False),
        (fnn.Bidirectional(fnn.GRU(3, recurrent_dropout=0.1)), False),
        (Same(), False),
        (Pair(), False),
    ],
    ids=repr,
)
def test_what_is_random_or_of_the_user_runs_at_each_place(layer: fnn.Layer, merged: bool) -> None:
    pictures = isinstance(layer, (fnn.SeparableConv2D, fnn.RandomFlip))
    x = fnn.Input((4, 4, 2) if pictures else (3, 4) if layer.recurrent else (4,))
    assert layer.deterministic is merged
    given = [x, x] if isinstance(layer, fnn.GaussianSample) else x
    net = fnn.Network(x, fnn.Add()([layer(given), layer(given)]), seed=0)
    assert len(net.graph.nodes) == (2 if merged else 3)
    inner = fnn.Network(x, layer(given), seed=0)
    assert len(fnn.Network(x, fnn.Add()([inner(x), inner(x)])).graph.nodes) == (2 if merged else 3)
