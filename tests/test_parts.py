"""Networks of several outputs as layers, parts that share their parameters, and names of outputs."""

import copy
import io
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from fastnn.formats import model_file

X = np.random.default_rng(0).standard_normal((24, 6)).astype(np.float32)


def encoder() -> fnn.Network:
    """6 -> mean and spread, (3,) and (2,)."""
    x = fnn.Input((6,))
    h = fnn.Dense(5, "tanh")(x)
    return fnn.Network(x, {"mean": fnn.Dense(3)(h), "spread": fnn.Dense(2, "sigmoid")(h)}, seed=1, name="encoder")


def both(inner: fnn.Network) -> fnn.Network:
    """A network on both of its outputs."""
    x = fnn.Input((6,))
    mean, spread = inner(x)
    return fnn.Network(x, fnn.Dense(2)(fnn.Concatenate()([mean, spread])), seed=2)


def chain() -> fnn.Sequential:
    """6-5-code 3-6, BatchNorm in its middle."""
    layers = [
        fnn.Dense(5, "relu"),
        fnn.BatchNorm(),
        fnn.Dense(3, name="code"),
        fnn.Dense(5, "tanh"),
        fnn.Dense(6, name="out"),
    ]
    return fnn.Sequential(layers, input_shape=(6,), seed=0)


def same_bits(a: Any, b: Any) -> None:
    """Arrays, or dicts of arrays, with the same bits."""
    if isinstance(a, dict):
        assert list(a) == list(b)
        for name in a:
            same_bits(a[name], b[name])
    else:
        np.testing.assert_array_equal(a, b)


def test_several_outputs_of_a_layer() -> None:
    """They are the values that the inner network predicts, and its gradients are those of the same layers outside."""
    inner = encoder()
    net = both(inner)
    made = inner.predict(X)
    joined = np.concatenate([made["mean"], made["spread"]], axis=1)
    expected = joined @ net.weights["dense_0.weight"] + net.weights["dense_0.bias"]
    np.testing.assert_allclose(net.predict(X), expected, rtol=1e-5, atol=1e-6)
    fnn.check_gradients(net.compile("sgd", "mse"), X, np.ones((24, 2)))


def test_several_outputs_in_one_network() -> None:
    """The same layers written in one network: the same bits, trained too."""
    inner = encoder()
    net = both(inner)
    x = fnn.Input((6,))
    h = fnn.Dense(5, "tanh")(x)
    y = fnn.Dense(2)(fnn.Concatenate()([fnn.Dense(3)(h), fnn.Dense(2, "sigmoid")(h)]))
    flat = fnn.Network(x, y, seed=0)
    for mine, view in zip(flat.weights, net.weights.values(), strict=True):
        flat.weights[mine] = view
    for each in (net, flat):
        each.compile("adam", "mse").fit(X, np.ones((24, 2)), epochs=3, batch_size=8, shuffle=False, verbose=0)
    same_bits(flat.predict(X), net.predict(X))


@pytest.mark.parametrize("used", ["mean", "spread"])
def test_an_output_that_nothing_uses(used: str) -> None:
    """What leads to it alone is neither computed nor trained, whatever its gradient was before; no warning."""
    inner = encoder()
    inner.compile("sgd", "mse").fit(X, {"mean": X[:, :3], "spread": X[:, :2]}, verbose=0)
    x = fnn.Input((6,))
    mean, spread = inner(x)
    net = fnn.Network(x, fnn.Dense(1)(mean if used == "mean" else spread), seed=0).compile("adam", "mse")
    before = {name: view.copy() for name, view in inner.weights.items()}
    net.fit(X, X[:, :1], verbose=0)
    other = {"mean": "dense_2", "spread": "dense_1"}[used]
    changed = {name.partition(".")[0] for name, view in inner.weights.items() if (view != before[name]).any()}
    assert changed == {"dense_0", "dense_1", "dense_2"} - {other}
    assert not any(other in name for name in net.weights)
    assert len(net.plan(4).ops) < len(both(inner).plan(4).ops)


def test_an_inner_network_at_two_places_uses_different_outputs() -> None:
    """Its parameters are all there, once, and have the sum of both gradients."""
    inner = encoder()
    a, b = fnn.Input((6,), "a"), fnn.Input((6,), "b")
    net = fnn.Network([a, b], fnn.Concatenate()([inner(a)[0], inner(b)[1]]), seed=0)
    assert set(net.weights) == {f"encoder.{name}" for name in inner.weights}
    found = net.predict({"a": X, "b": X[::-1]})
    same_bits(found, np.concatenate([inner.predict(X)["mean"], inner.predict(X[::-1])["spread"]], axis=1))
    fnn.check_gradients(net.compile("sgd", "mse"), {"a": X, "b": X[::-1]}, np.ones((24, 5)))


def test_outputs_by_name() -> None:
    """One layer at two places makes two outputs; the names are those in predictions, losses, logs and files."""
    score = fnn.Sequential([fnn.Dense(1)], input_shape=(6,), seed=0, name="score")
    real, made = fnn.Input((6,), "real"), fnn.Input((6,), "made")
    net = fnn.Network([real, made], {"true": score(real), "false": score(made)}).compile("sgd", "mse")
    y = {"true": np.ones((24, 1)), "false": np.zeros((24, 1))}
    history = net.fit({"real": X, "made": -X}, y, verbose=0)
    assert {"true_loss", "false_loss"} <= set(history.history)
    for twin in (copy.copy(net), loaded(net)):
        assert list(twin.output_shape) == ["true", "false"]
        same_bits(twin.predict({"real": X, "made": X}), net.predict({"real": X, "made": X}))


def test_outputs_of_an_inner_network_are_called_by_both() -> None:
    """Where they are outputs of the outer one."""
    x = fnn.Input((6,))
    inner = encoder()
    net = fnn.Network(x, list(inner(x)))
    assert list(net.output_shape) == ["encoder.mean", "encoder.spread"]
    same_bits(loaded(net).predict(X), {f"encoder.{name}": each for name, each in inner.predict(X).items()})


def loaded(net: fnn.Network) -> fnn.Network:
    """It, through a file."""
    file = io.BytesIO()
    net.save(file)
    file.seek(0)
    return fnn.load(file)


def test_parts_compute_what_the_whole_does() -> None:
    """From its input, from a layer, and of several layers."""
    net = chain().compile("adam", "mse")
    net.fit(X, X, epochs=2, verbose=0)
    encode, decode = net.part("code"), net.part("out", inputs="code")
    assert (encode.input_shape, encode.output_shape, decode.input_shape) == ((6,), (3,), (3,))
    same_bits(decode.predict(encode.predict(X)), net.predict(X))
    several = net.part(["code", "out"])
    same_bits(several.predict(X), {"code": encode.predict(X), "out": net.predict(X)})
    whole = encoder()
    same_bits(whole.part("spread").predict(X), whole.predict(X)["spread"])


def test_parts_share_parameters() -> None:
    """Training one changes both, and nothing but the layers of the part; slots and counters are its own."""
    net = chain().compile("adam", "mse")
    part = net.part("code").compile(fnn.AdamW(weight_decay=0.1), "mse")
    before = {name: view.copy() for name, view in net.weights.items()}
    part.fit(X, X[:, :3], epochs=2, verbose=0)
    changed = {name.partition(".")[0] for name, view in net.weights.items() if (view != before[name]).any()}
    assert changed == {"dense_0", "batch_norm_0", "code"}
    assert set(part.weights) == {name for name in net.weights if name.partition(".")[0] in changed}
    same_bits(net.part("code").predict(X), part.predict(X))
    net.fit(X, X, verbose=0)
    same_bits(net.part("code").predict(X), part.predict(X))


def test_a_part_is_a_layer() -> None:
    """Features of one network in another one, frozen or trained with it."""
    net = chain()
    features = net.part("code", name="features")
    x = fnn.Input((6,))
    head = fnn.Network(x, fnn.Dense(2, "softmax")(features(x)), seed=0)
    features.trainable = False
    before = {name: view.copy() for name, view in net.weights.items()}
    head.compile("adam").fit(X, np.arange(24) % 2, verbose=0)
    assert all((view == before[name]).all() for name, view in net.weights.items() if "running" not in name)
    features.trainable = True
    head.compile("adam").fit(X, np.arange(24) % 2, verbose=0)
    assert (net.weights["code.weight"] != before["code.weight"]).any()
    assert (net.weights["out.weight"] == before["out.weight"]).all()


@pytest.mark.parametrize("twin", [copy.copy, loaded, copy.deepcopy])
def test_files_and_copies_of_a_part_are_its_own(twin: Any) -> None:
    """With its slots, which are those of its layers alone."""
    net = chain()
    part = net.part("out", inputs="code").compile("adam", "mse")
    codes = net.part("code").predict(X)
    part.fit(codes, X, verbose=0)
    other = twin(part)
    same_bits(other.predict(codes), part.predict(codes))
    for each in (other, part):
        each.fit(codes, X, shuffle=False, verbose=0)
    same_bits(other.predict(codes), part.predict(codes))
    before = net.weights["out.weight"].copy()
    other.fit(codes, X, verbose=0)
    same_bits(net.weights["out.weight"], before)


@pytest.mark.parametrize("twin", [copy.copy, loaded, lambda net: loaded(copy.copy(net))])
def test_a_part_keeps_the_numbers_of_inner_networks_without_names(twin: Any) -> None:
    """Its first may be the second of the whole, in files and copies too."""
    x = fnn.Input((6,))
    inner = [fnn.Sequential([fnn.Dense(3)], input_shape=(6,), seed=seed) for seed in range(2)]
    whole = fnn.Network(x, [each(x) for each in inner], seed=2)
    part = whole.part("sequential_1")
    assert model_file.describe(whole)["layers"] == [{"network": 0}, {"network": 1}]  # as in files of earlier versions
    other = twin(part)
    assert list(other.weights) == list(part.weights) == ["sequential_1.dense_0.weight", "sequential_1.dense_0.bias"]
    same_bits(other.predict(X), part.predict(X))


def test_parameters_are_those_of_the_network_alone() -> None:
    """A network around a part has no block: that of the whole has layers of which it knows nothing."""
    net = chain()
    around = fnn.Sequential([net.part("code"), fnn.Activation("tanh")], input_shape=(6,))
    with pytest.raises(RuntimeError, match="has parameters that this network lacks"):
        print(around.parameters)
    assert fnn.Sequential([net, fnn.Activation("tanh")], input_shape=(6,)).parameters is not None


def test_a_part_sets_its_own_gradients_to_zero() -> None:
    """Those that the whole has gathered for its other layers stay."""
    net = chain()
    part = net.part("code")
    net.forward(X, training=True)
    net.backward(np.ones_like(X))
    before = net.gradients["out.weight"].copy()
    part.compile("sgd", "mse")
    part.zero_grad()
    part.forward(X, training=True)
    part.update(np.ones((24, 3)))
    same_bits(net.gradients["out.weight"], before)
    assert before.any()
    assert not any(gradient.any() for gradient in part.gradients.values())


@pytest.mark.parametrize("twin", [copy.copy, loaded, lambda net: loaded(copy.copy(net))])
@pytest.mark.parametrize("given", ["whole and part", "two parts", "deeper"])
def test_what_sub_networks_share_is_shared_in_files_and_copies(twin: Any, given: str) -> None:
    """Parts of one network, or a part and its whole: as one set of parameters, which is trained once."""
    net = chain()
    first, second = (
        net if given == "whole and part" else net.part("dense_2", name="more"),
        net.part("code", name="part"),
    )
    x = fnn.Input((6,))
    if given == "deeper":
        first = fnn.Network(x, fnn.Dense(3)(first(x)), seed=3, name="around")
    outer = fnn.Network(x, {"a": fnn.Dense(2)(first(x)), "b": fnn.Dense(2)(second(x))}, seed=4)
    y = {"a": X[:, :2], "b": X[:, 2:4]}
    outer.compile(fnn.Adam(0.05, ema=0.9, clip_norm=1.0), "mse").fit(X, y, verbose=0)
    other = twin(outer)
    assert other.blocks.count() == outer.blocks.count()
    for each in (outer, other):
        each.fit(X, y, shuffle=False, verbose=0)
    same_bits(dict(other.weights), dict(outer.weights))
    same_bits(other.averaged().predict(X), outer.averaged().predict(X))
    names = [name for name in other.weights if name.endswith("code.weight")]
    other.weights[names[0]] = np.ones((5, 3))
    assert all((other.weights[name] == 1).all() for name in names)
    assert len(names) == 2
    first, second = (set(net.guard.inner or ()) for net in other.layers if isinstance(net, fnn.Network))
    assert first & second  # so that two threads do not train both


def test_a_part_of_a_part_and_of_inner_networks() -> None:
    """Shares with the first whole; values of an inner network are named by both."""
    net = chain()
    middle = net.part("out", inputs="dense_0").part("code")
    same_bits(middle.predict(net.part("dense_0").predict(X)), net.part("code").predict(X))
    outer = both(encoder())
    same_bits(outer.part("encoder.mean").predict(X), outer.layers[0].predict(X)["mean"])
    same_bits(
        outer.part("dense_0", inputs=["encoder.mean", "encoder.spread"]).predict(
            {f"encoder_{name}": value for name, value in outer.layers[0].predict(X).items()}
        ),
        outer.predict(X),
    )


def test_frozen_parts() -> None:
    """A predictor of a part takes the present weights when it is refreshed."""
    net = chain().compile("adam", "mse")
    f = net.part("code").freeze(4)
    net.fit(X, X, verbose=0)
    f.refresh()
    same_bits(np.array(f(X[:4])), net.part("code").predict(X[:4]))


WRONG: dict[str, tuple[Any, str]] = {
    "unknown": (lambda: chain().part("cod"), "unknown layer 'cod'; known: input_0, dense_0"),
    "none": (lambda: chain().part([]), "outputs must be one or more names"),
    "no input": (lambda: chain().part("out", inputs=[]), "inputs must be one or more names"),
    "the wrong side": (lambda: chain().part("code", inputs="out"), "need the input 'input_0' too"),
    "not needed": (lambda: chain().part("out", inputs=["code", "dense_0"]), "dense_0 leads nowhere"),
    "an input": (lambda: chain().part("input_0"), "an output must be made by a layer"),
    "in a Sequential": (lambda: fnn.Sequential([encoder(), fnn.Dense(1)]), "several outputs: mean, spread"),
    "a name": (lambda: fnn.Network(fnn.Input((2,)), {"a b": fnn.Input((2,))}), "an output's name must be"),
    "the block": (lambda: chain().part("code").parameters, "a part has no block of its own"),
}


@pytest.mark.parametrize("what", WRONG)
def test_refused(what: str) -> None:
    """With what would be right."""
    call, message = WRONG[what]
    with pytest.raises((ValueError, RuntimeError), match=message):
        call()


def test_an_inner_input_that_the_used_outputs_do_not_need() -> None:
    """It is refused: its gradient would be nothing."""
    a, b = fnn.Input((2,), "a"), fnn.Input((2,), "b")
    inner = fnn.Network([a, b], {"one": fnn.Dense(1)(a), "two": fnn.Dense(1)(b)}, name="inner")
    x, z = fnn.Input((2,)), fnn.Input((2,))
    with pytest.raises(ValueError, match="one needs no input 'b'; call part"):
        fnn.Network([x, z], inner([x, z])[0])


def test_values_with_several_names_are_refused() -> None:
    """A layer with one name at two places cannot be meant by it; one value cannot be two outputs."""
    layer, a, b = fnn.Dense(2, name="shared"), fnn.Input((2,), "a"), fnn.Input((2,), "b")
    net = fnn.Network([a, b], fnn.Add()([layer(a), layer(b)]))
    with pytest.raises(ValueError, match="'shared' is at several places"):
        net.part("shared")
    y = fnn.Dense(1)(a)
    with pytest.raises(ValueError, match="two outputs are the same value: c, d"):
        fnn.Network(a, {"c": y, "d": y})
