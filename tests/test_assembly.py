"""Networks as layers of other networks, and layers that are not trained."""

import copy
import gc
import weakref

import numpy as np
import pytest

import fastnn as fnn
from graphs import check_gradients, data
from networks import blobs, classifier, state
from test_network import randomized


def encoder(last: str = "relu") -> fnn.Sequential:
    return fnn.Sequential([fnn.Dense(5, "tanh"), fnn.Dense(3, last)], input_shape=(4,), seed=1, name="encoder")


def outer(inner: fnn.Network, optimizer: fnn.Optimizer | str = "adam", last: str = "tanh") -> fnn.Network:
    """Two inputs through one inner network, and a layer of its own."""
    a, b = fnn.Input((4,)), fnn.Input((4,))
    y = fnn.Dense(2, last, name="head")(fnn.Concatenate()([inner(a), inner(b), a]))
    return fnn.Network([a, b], y, seed=2).compile(optimizer, "mse")


def batch(rows: int = 9) -> tuple[list[np.ndarray], np.ndarray]:
    rng = np.random.default_rng(3)
    x = [rng.standard_normal((rows, 4)).astype(np.float32) for _ in range(2)]
    return x, rng.standard_normal((rows, 2)).astype(np.float32)


def test_gradients() -> None:
    """Of a network that is used twice, against the twin."""
    net = outer(encoder(), fnn.SGD(0.0))
    x, t = batch()
    check_gradients(randomized(net), x, [t])


def test_the_update_trains_the_inner_network() -> None:
    """Its own block; the names say whose the parameters are; slots belong to the outer one."""
    inner = encoder().compile("sgd", "mse")
    net = outer(inner)
    names = ["head.weight", "head.bias"]
    names = [f"encoder.dense_{i}.{p}" for i in (0, 1) for p in ("weight", "bias")] + names
    assert list(net.weights) == list(net.gradients) == names
    assert np.shares_memory(net.weights["encoder.dense_0.weight"], inner.weights["dense_0.weight"])
    before, x = inner.parameters.copy(), batch()[0]
    outputs = inner.predict(x[0])
    net.fit(*batch(), 4, 2, verbose=0)
    assert (inner.parameters != before).any() and (inner.predict(x[0]) != outputs).any()
    assert not inner.slots and inner.counters.update == 0
    assert net.slots["m"].array.size == net.blocks.size == inner.parameters.size + net.blocks.own.values.size
    with pytest.raises(RuntimeError, match="2 blocks"):
        _ = net.parameters
    net.predict(x)
    for name in ("dense_1.weight", "dense_1.bias"):
        inner.weights[name][...] = 0
    head = net.weights["head.weight"]
    np.testing.assert_allclose(net.predict(x), np.tanh(x[0] @ head[6:] + net.weights["head.bias"]), rtol=1e-5)


def test_as_if_it_were_one_network() -> None:
    """The inner network's layers written out give the same gradients and, by any optimizer, the same updates."""
    for optimizer in (fnn.SGD(0.1, momentum=0.9), fnn.AdamW(0.01)):
        net = outer(encoder(), optimizer)
        a, b = fnn.Input((4,)), fnn.Input((4,))
        first, second = fnn.Dense(5, "tanh", name="first"), fnn.Dense(3, "relu", name="second")
        towers = [second(first(x)) for x in (a, b)]
        flat = fnn.Network([a, b], fnn.Dense(2, "tanh", name="head")(fnn.Concatenate()([*towers, a])), seed=0)
        flat.compile(optimizer, "mse")
        alias = {"encoder.dense_0": "first", "encoder.dense_1": "second", "head": "head"}
        pairs = [(name, f"{alias[name.rpartition('.')[0]]}.{name.rpartition('.')[2]}") for name in net.weights]
        for ours, other in pairs:
            flat.weights[other] = net.weights[ours]
        for _ in range(5):
            assert net.train_on_batch(*batch()) == flat.train_on_batch(*batch())
        for ours, other in pairs:
            np.testing.assert_array_equal(net.weights[ours], flat.weights[other])


def test_frozen_layers() -> None:
    """No update and no gradient of theirs; gradients flow through them; it counts from the next compile on."""
    layers = [fnn.Dense(6, "tanh"), fnn.Dense(5, "relu"), fnn.Dense(3, "softmax")]
    net = fnn.Sequential(layers, input_shape=(4,), seed=0).compile("adam")
    x, y = blobs()
    layers[1].trainable = False
    before = {name: view.copy() for name, view in net.weights.items()}
    net.train_on_batch(x, y)
    assert (net.weights["dense_1.weight"] != before["dense_1.weight"]).any(), "not compiled again yet"
    net.compile("adam")
    before = {name: view.copy() for name, view in net.weights.items()}
    net.fit(x, y, epochs=2, verbose=0)
    changed = {name.split(".")[0] for name, view in net.weights.items() if (view != before[name]).any()}
    assert changed == {"dense_0", "dense_2"}
    ops = repr(net.plan(8, training=True))
    assert "dense_1: DenseInputGradient" in ops and "dense_1: DenseWeightGradient" not in ops
    assert ops.count("Adam: Adam") == 2, "a range before it and one after it"
    assert "48 trainable, 35 frozen" in str(net)
    layers[1].trainable = True
    assert net.compile("adam").plan(8, training=True).ops[-1].tensors[0].size == net.parameters.size


def test_frozen_gradients_are_right() -> None:
    """Those that are computed are the same as without a frozen layer."""
    gradients = []
    for frozen in ([], [1], [0, 1], [2]):
        layers = [fnn.Dense(6, "tanh"), fnn.Dense(5, "relu"), fnn.Dense(3, "softmax")]
        for i in frozen:
            layers[i].trainable = False
        net = fnn.Sequential(layers, input_shape=(4,), seed=0).compile(fnn.SGD(0.0))
        net.train_on_batch(*blobs())
        gradients.append({name: view.copy() for name, view in net.gradients.items()})
        ops = repr(net.plan(8, training=True))
        assert ops.count("DenseWeightGradient") == 3 - len(frozen)
        assert ops.count("DenseInputGradient") == (0 if frozen == [0, 1] else 2)
        for name, view in net.gradients.items():
            if int(name[6]) in frozen:
                assert not view.any()
            else:
                np.testing.assert_array_equal(view, gradients[0][name])


def test_a_frozen_network_inside() -> None:
    """As for a generative pair: the one inside trains itself, and not through the other."""
    critic = fnn.Sequential([fnn.Dense(6, "relu"), fnn.Dense(1, "sigmoid")], input_shape=(2,), seed=0, name="critic")
    critic.compile("adam", "binary_cross_entropy")
    critic.trainable = False
    x = fnn.Input((3,))
    pair = fnn.Network(x, critic(fnn.Dense(2, name="maker")(x)), seed=1).compile("adam", "binary_cross_entropy")
    before = critic.parameters.copy()
    pair.train_on_batch(np.ones((8, 3)), np.ones(8))
    np.testing.assert_array_equal(critic.parameters, before)
    assert pair.gradients["maker.weight"].any()
    critic.train_on_batch(np.ones((8, 2)), np.ones(8))
    assert (critic.parameters != before).any(), "it was compiled before"
    assert "8 trainable, 25 frozen" in str(pair)
    with pytest.raises(ValueError, match="no parameters to train: all are frozen"):
        critic.compile("adam", "binary_cross_entropy")
    critic.train_on_batch(np.ones((8, 2)), np.ones(8))
    critic.trainable = True
    critic.layers[0].trainable = False
    assert pair.compile("adam", "binary_cross_entropy").frozen == {"critic.dense_0"}
    before = critic.weights["dense_0.weight"].copy(), critic.weights["dense_1.weight"].copy()
    pair.train_on_batch(np.ones((8, 3)), np.zeros(8))
    np.testing.assert_array_equal(critic.weights["dense_0.weight"], before[0])
    assert (critic.weights["dense_1.weight"] != before[1]).any()


def test_the_guard_holds_the_inner_network_too() -> None:
    """Training the outer one keeps others from the inner one, and the other way round; nothing stays held."""
    inner = encoder()
    net = outer(inner)
    with inner.guard.reading("something"), pytest.raises(RuntimeError, match="train_on_batch"):
        net.train_on_batch(*batch())
    with inner.guard.reading("something"):
        net.predict(batch()[0])
    seen = []

    class Watch(fnn.Callback):
        def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
            inner.predict(batch()[0][0])
            with pytest.raises(RuntimeError, match="cannot be called inside fit"):
                inner.compile("sgd", "mse")
            seen.append(epoch)

    net.fit(*batch(), epochs=2, callbacks=[Watch()], verbose=0)
    assert seen == [0, 1]
    inner.compile("sgd", "mse")
    inner.train_on_batch(batch()[0][0], np.ones((9, 3)))
    net.train_on_batch(*batch())


def test_two_that_contain_one() -> None:
    """A network inside at two depths is trained once a step, and held once."""
    inner = encoder("sigmoid")
    x = fnn.Input((4,))
    middle = fnn.Network(x, fnn.Dense(4, name="back")(inner(x)), seed=3, name="middle")
    y = fnn.Add()([inner(middle(x)), inner(x)])
    net = fnn.Network(x, y, seed=4).compile(fnn.SGD(0.0), "mse")
    inputs, (target, _, _) = data()
    assert net.blocks.count() == (4 * 5 + 5 + 5 * 3 + 3) + (3 * 4 + 4)
    fnn.check_gradients(net, inputs[0], target, tolerance=0.05)
    net.compile(fnn.SGD(0.1), "mse")
    before, gradient = inner.parameters.copy(), inner.blocks.own.gradients.array
    net.train_on_batch(inputs[0], target)
    np.testing.assert_allclose(inner.parameters, before - 0.1 * gradient, rtol=1e-6, atol=1e-7)
    other = copy.deepcopy(net)
    a, b = other.weights["encoder.dense_0.weight"], other.weights["middle.encoder.dense_0.weight"]
    assert np.shares_memory(a, b)
    assert other.train_on_batch(inputs[0], target) == net.train_on_batch(inputs[0], target)


def test_penalties_of_what_is_inside_twice() -> None:
    """Each parameter is counted once, whatever its names."""
    inner = fnn.Sequential([fnn.Dense(4, l2=0.5)], input_shape=(4,), seed=1, name="inner")
    x = fnn.Input((4,))
    middle = fnn.Network(x, fnn.Dense(4)(inner(x)), seed=3)
    net = fnn.Network(x, fnn.Add()([inner(middle(x)), inner(x)]), seed=4).compile(fnn.SGD(0.0), "mse")
    numbers, zeros = blobs(9)[0], np.zeros((9, 4))
    penalty = 0.5 * (inner.weights["dense_0.weight"].astype(np.float64) ** 2).sum()
    expected = (net.predict(numbers).astype(np.float64) ** 2).mean() + penalty
    assert net.train_on_batch(numbers, zeros) == pytest.approx(expected, rel=1e-5)


def test_built_by_the_call() -> None:
    inner = fnn.Sequential([fnn.Dense(3)], seed=0)
    x = fnn.Input((4,))
    fnn.Network(x, inner(x))
    assert inner.input_shape == (4,)


def test_in_a_sequential() -> None:
    """A chain of networks is a chain."""
    parts = [encoder(), fnn.Sequential([fnn.Dense(3, "softmax")], input_shape=(3,), seed=2)]
    net = fnn.Sequential(parts, seed=3).compile("adam", "cross_entropy", ["accuracy"])
    whole = fnn.Sequential([*parts[0].layers, *parts[1].layers], input_shape=(4,)).compile("adam")
    for ours, other in zip(net.build((4,)).weights.values(), whole.weights.values(), strict=True):
        other[...] = ours
    assert "sequential_1  Sequential(Dense(3, activation='softmax'))" in str(net)
    assert net.layers == tuple(parts) and list(net.weights)[-1] == "sequential_1.dense_0.bias"
    x, y = blobs()
    np.testing.assert_array_equal(net.predict(x), whole.predict(x))
    np.testing.assert_array_equal(net.freeze()(x[0]), net.predict(x)[0])
    assert net.train_on_batch(x, y) == whole.train_on_batch(x, y)
    f = net.freeze()
    parts[0].weights["dense_0.weight"] *= 2
    f.refresh()
    np.testing.assert_array_equal(f(x[0]), net.predict(x)[0])


def test_built_with_the_chain_around_it() -> None:
    """A chain builds the networks in it that are not built yet; data that are refused leave none of them built."""
    x, y = blobs()
    innermost = fnn.Sequential([fnn.Dense(6, "relu")], seed=1)
    inner = fnn.Sequential([innermost, fnn.Dropout(0.1)], seed=2)
    net = fnn.Sequential([inner, fnn.Dense(3, "softmax")], seed=3).compile("adam")
    for wrong in (np.full((9, 5), np.nan), np.ones((9, 5))):
        with pytest.raises(ValueError, match=r"x\[\d, 0\] is nan|y\[\d\] is 3"):
            net.train_on_batch(wrong, np.full(9, 3))
        assert not (net.features or inner.features or innermost.features)
    with pytest.raises(ValueError, match="input_shape"):
        net.build((4, 0))
    assert not (net.features or inner.features or innermost.features)
    net.fit(x, y, verbose=0)
    assert next(iter(net.weights)) == "sequential_0.sequential_0.dense_0.weight"
    twin = fnn.Sequential([fnn.Dense(6, "relu")], input_shape=(4,), seed=1)
    other = fnn.Sequential([fnn.Sequential([twin, fnn.Dropout(0.1)], (4,), seed=2), fnn.Dense(3, "softmax")], seed=3)
    other.compile("adam").fit(x, y, verbose=0)
    np.testing.assert_array_equal(innermost.parameters, twin.parameters)


def test_trainable_is_a_flag() -> None:
    inner = encoder()
    with pytest.raises(TypeError, match="trainable must be True or False, got 'no'"):
        inner.trainable = "no"  # type: ignore[assignment]
    assert inner.trainable


def test_divergence_puts_the_inner_network_back() -> None:
    inner = encoder()
    net = outer(inner, fnn.SGD(1e30), "identity")
    before, own = inner.parameters.copy(), net.blocks.own.values.array.copy()
    with pytest.raises(FloatingPointError):
        net.fit(*batch(), 3, 3, verbose=0)
    np.testing.assert_array_equal(inner.parameters, before)
    np.testing.assert_array_equal(net.blocks.own.values.array, own)


def test_what_is_no_layer() -> None:
    x = fnn.Input((4,))
    h = fnn.Dense(3)(x)
    joins = fnn.Network([x, z := fnn.Input((4,))], fnn.Add()([x, z]), name="joins")
    with pytest.raises(ValueError, match=r"Network\(joins\): takes 2 inputs, got 1"):
        joins(x)
    with pytest.raises(ValueError, match=r"expected input \(batch, 4\), \(batch, 4\), got \(batch, 4\), \(batch, 3\)"):
        joins([x, h])
    with pytest.raises(ValueError, match=r"expected input \(batch, 4\), got \(batch, 3\)"):
        encoder()(h)
    with pytest.raises(TypeError, match=r"Sequential.*call it on an Input"):
        encoder()(np.ones((2, 4)))


def test_a_refused_compile_changes_nothing() -> None:
    net = outer(encoder())
    net.train_on_batch(*batch())
    before = [view.copy() for view in (*net.weights.values(), *(slot.array for slot in net.slots.values()))]
    net.layers[0].trainable = False
    for arguments in ({"loss": "evil"}, {"loss": "binary_cross_entropy"}, {"metrics": ["accuracy"]}):
        with pytest.raises(ValueError, match=r"evil|must be sigmoid|classes"):
            net.compile(**{"loss": "mse", **arguments})
    assert not net.frozen and net.loss.name == "mse"
    after = [*net.weights.values(), *(slot.array for slot in net.slots.values())]
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)


def test_memory_is_freed_without_a_collection() -> None:
    """Networks, their parts and the symbols hold no cycle."""
    gc.disable()
    try:
        inner = encoder()
        net = outer(inner)
        net.fit(*batch(), verbose=0)
        held = weakref.ref(net), weakref.ref(inner)
        del net, inner
        assert [reference() for reference in held] == [None, None]
    finally:
        gc.enable()


def test_a_chain_of_own_state_is_as_before() -> None:
    """An untouched net has the same state after being called on a symbol."""
    net = classifier()
    before = state(net)
    net(fnn.Input((4,)))
    assert state(net) == before
