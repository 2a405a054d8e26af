"""Several inputs and outputs: how data, losses, weights and metrics are given, what the logs say, what is refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from graphs import LOSSES, data, random_network
from networks import blobs, state


def network() -> fnn.Network:
    """left (4,), right (3,) -> kind, 3 classes, and size, 1 value."""
    a, b = fnn.Input((4,), name="left"), fnn.Input((3,), name="right")
    h = fnn.Concatenate()([fnn.Dense(6, "relu")(a), b])
    net = fnn.Network([a, b], [fnn.Dense(3, "softmax", name="kind")(h), fnn.Dense(1, name="size")(h)], seed=0)
    return net.compile("adam", {"kind": "cross_entropy", "size": "mse"}, {"kind": ["accuracy"], "size": ["mae"]})


LEFT, KIND = blobs(20)
RIGHT = LEFT[:, :3] * 2
SIZE = LEFT.sum(axis=1)
X, Y = {"left": LEFT, "right": RIGHT}, {"kind": KIND, "size": SIZE}
NAMES = ["loss", "kind_loss", "kind_accuracy", "size_loss", "size_mae"]


def test_every_way_to_give_data() -> None:
    """A list, a tuple, and a dict in any order are the same; labels and rows, lists and float64 too."""
    ways = [(X, Y), ([LEFT, RIGHT], [KIND, SIZE]), ((LEFT, RIGHT), (KIND, SIZE))]
    ways += [(dict(reversed(X.items())), dict(reversed(Y.items()))), ([LEFT.tolist(), RIGHT], [KIND.tolist(), SIZE])]
    ways += [([LEFT.astype(np.float64), RIGHT], [KIND.astype(np.uint8), SIZE[:, None]])]
    states = set()
    for x, y in ways:
        net = network()
        losses = [net.train_on_batch(x, y)]
        net.fit(x, y, 8, 2, validation_data=(x, y), verbose=0)
        states.add((*losses, *net.evaluate(x, y).values(), net.parameters.tobytes()))
        outputs = net.predict(x)
        assert {name: out.shape for name, out in outputs.items()} == {"kind": (20, 3), "size": (20, 1)}
    assert len(states) == 1
    assert network().evaluate(X, {"kind": np.eye(3)[KIND], "size": SIZE})["kind_accuracy"] == pytest.approx(
        network().evaluate(X, Y)["kind_accuracy"]
    )


def test_logs() -> None:
    """The loss is the weighted sum; fit, validation, callbacks and evaluate have the same names."""
    net = network()
    criteria = {"kind": "cross_entropy", "size": "mse"}
    net.compile(fnn.SGD(0.0), criteria, {"kind": ["accuracy"], "size": ["mae"]}, {"size": 0.25})
    seen = []

    class Watch(fnn.Callback):
        def on_batch_end(self, step: int, logs: dict[str, float]) -> None:
            seen.append(logs)

    logs = net.evaluate(X, Y)
    assert list(logs) == NAMES
    assert logs["loss"] == pytest.approx(logs["kind_loss"] + 0.25 * logs["size_loss"], rel=1e-12)
    assert net.train_on_batch(X, Y) == pytest.approx(logs["loss"], rel=1e-6)
    history = net.fit(X, Y, 20, 1, validation_data=(X, Y), callbacks=[Watch()], verbose=0).history
    assert list(history) == [*NAMES, *(f"val_{name}" for name in NAMES)] and list(seen[0]) == NAMES
    for name in NAMES:
        assert history[name][0] == pytest.approx(logs[name], rel=1e-6)
        assert seen[0][name] == pytest.approx(logs[name], rel=1e-6)
        assert history[f"val_{name}"][0] == logs[name]
    assert net.loss == {"kind": net.loss["kind"], "size": net.loss["size"]}
    assert net.metrics == {"kind": ("accuracy",), "size": ("mae",)}


def test_weights_scale_gradients() -> None:
    """Zero trains what the other output needs alone."""
    gradients = {}
    for weights in ({"kind": 1, "size": 0}, {"kind": 0, "size": 1}, {"kind": 0.5, "size": 3}):
        net = network().compile(fnn.SGD(0.0), {"kind": "cross_entropy", "size": "mse"}, loss_weights=weights)
        net.train_on_batch(X, Y)
        gradients[tuple(weights.values())] = {name: view.copy() for name, view in net.gradients.items()}
    kind, size, both = gradients.values()
    assert not kind["size.weight"].any() and not size["kind.weight"].any()
    for name in both:
        np.testing.assert_allclose(both[name], 0.5 * kind[name] + 3 * size[name], rtol=1e-4, atol=1e-7)


def test_one_loss_for_all() -> None:
    net = random_network(0).compile("adam", "mse", ["mae"])
    measured = [name for name in net.evaluate(*data()) if name.endswith("_mae")]
    assert measured == ["classes_mae", "values_mae", "flags_mae"]
    assert set(net.loss) == set(LOSSES)


def test_one_output_by_its_name() -> None:
    """The dicts of `compile` may be used there too; the logs are the plain ones."""
    a, b = fnn.Input((4,), name="left"), fnn.Input((3,), name="right")
    net = fnn.Network([a, b], fnn.Dense(3, name="kind")(fnn.Concatenate()([a, b])), seed=0)
    net.compile("adam", {"kind": "cross_entropy"}, {"kind": ["accuracy"]}, {"kind": 2.0})
    assert list(net.evaluate(X, KIND)) == ["loss", "accuracy"]
    assert net.predict(X).shape == (20, 3) and net.classify(X).shape == (20,)
    assert net.output_shape == (3,) and net.input_shape == {"left": (4,), "right": (3,)}


def test_classify() -> None:
    a = fnn.Input((4,))
    net = fnn.Network(a, [fnn.Dense(3, "softmax", name="kind")(a), fnn.Dense(1, "sigmoid", name="flag")(a)], seed=0)
    outputs, classes = net.predict(LEFT), net.classify(LEFT)
    np.testing.assert_array_equal(classes["kind"], outputs["kind"].argmax(axis=1))
    np.testing.assert_array_equal(classes["flag"], outputs["flag"][:, 0] >= 0.5)
    assert net.classify(LEFT)["flag"].dtype == np.int64
    with pytest.raises(ValueError, match="values, not classes"):
        network().compile("adam", "mse").classify(X)


BAD: dict[str, tuple[Any, Any, type[Exception], str]] = {
    "x an array": (LEFT, Y, TypeError, "x: expected a list or a dict.*'left', 'right', got ndarray"),
    "x of one": ([LEFT], Y, ValueError, "x: expected 2 arrays.*got 1"),
    "x without a name": ({"left": LEFT}, Y, ValueError, "x: 'right' is missing; expected 'left', 'right'"),
    "x of another name": ({**X, "more": LEFT}, Y, ValueError, "x: unknown 'more'"),
    "x in the wrong order": ([RIGHT, LEFT], Y, ValueError, r"Input 'left'.*\(batch, 4\), got \(20, 3\)"),
    "x of two lengths": ([LEFT, RIGHT[:9]], Y, ValueError, "20 samples for 'left', but 9 for 'right'"),
    "x empty": ([LEFT[:0], RIGHT[:0]], Y, ValueError, r"x\['left'\] is empty"),
    "x of text": ([LEFT, RIGHT.astype(str)], Y, TypeError, r"x\['right'\]: .*numbers"),
    "x of NaN": ([LEFT, np.full_like(RIGHT, np.nan)], Y, ValueError, r"x\['right'\]\[\d+, 0\] is nan"),
    "y an array": (X, KIND, TypeError, "y: expected a list or a dict.*'kind', 'size'"),
    "y of three": (X, [KIND, SIZE, SIZE], ValueError, "y: expected 2 arrays"),
    "y of another name": (X, {"kind": KIND, "sizes": SIZE}, ValueError, "y: unknown 'sizes'"),
    "y too short": (X, [KIND, SIZE[:9]], ValueError, r"y\['size'\]: expected 20 targets"),
    "y of another shape": (X, [KIND, np.ones((20, 2))], ValueError, r"y\['size'\]: expected values \(batch, 1\)"),
    "y of NaN": (X, [KIND, np.full(20, np.nan)], ValueError, r"y\['size'\]\[\d+\] is nan"),
    "y out of range": (X, [np.full(20, 3), SIZE], ValueError, r"y\['kind'\]\[\d+\] is 3.*0 to 2"),
}


@pytest.mark.parametrize("name", BAD)
def test_data_that_do_not_fit(name: str) -> None:
    """Named, and nothing has changed."""
    x, y, error, message = BAD[name]
    net = network()
    net.fit(X, Y, 8, verbose=0)
    before = state(net)
    calls: list[Callable[[], object]] = [lambda: net.train_on_batch(x, y), lambda: net.evaluate(x, y)]
    if "NaN" not in name and "range" not in name:
        calls += [lambda: net.fit(x, y, verbose=0), lambda: net.fit(X, Y, validation_data=(x, y), verbose=0)]
        calls += [lambda: net.predict(x)] * (name[0] == "x" and name != "x empty")
    for call in calls:
        with pytest.raises(error, match=message):
            call()
        assert state(net) == before


BAD_COMPILE: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "loss missing": ({"loss": {"kind": "mse"}}, ValueError, "loss: 'size' is missing; expected 'kind', 'size'"),
    "loss unknown": ({"loss": {"kind": "mse", "size": "evil"}}, ValueError, "loss 'evil'"),
    "loss of another": ({"loss": {"kind": "mse", "size": "mse", "x": "mse"}}, ValueError, "loss: unknown 'x'"),
    "loss that does not fit": ({"loss": "cross_entropy"}, ValueError, "cross_entropy: one output"),
    "metrics of another": ({"loss": "mse", "metrics": {"x": ["mae"]}}, ValueError, "metrics: unknown 'x'"),
    "metrics text": ({"loss": "mse", "metrics": {"size": "mae"}}, TypeError, "metrics"),
    "metric that does not fit": ({"loss": "mse", "metrics": {"size": ["accuracy"]}}, ValueError, "values, not classes"),
    "weights of another": ({"loss": "mse", "loss_weights": {"x": 1}}, ValueError, "loss_weights: unknown 'x'"),
    "weight negative": ({"loss": "mse", "loss_weights": {"size": -1}}, ValueError, "loss_weights: size"),
    "weight NaN": ({"loss": "mse", "loss_weights": {"size": float("nan")}}, ValueError, "loss_weights: size"),
    "weight text": ({"loss": "mse", "loss_weights": {"size": "1"}}, TypeError, "loss_weights: size"),
    "weights all zero": ({"loss": "mse", "loss_weights": {"size": 0, "kind": 0}}, ValueError, "all are 0"),
}


@pytest.mark.parametrize("name", BAD_COMPILE)
def test_compile_that_does_not_fit(name: str) -> None:
    arguments, error, message = BAD_COMPILE[name]
    net = network()
    before = state(net)
    with pytest.raises(error, match=message):
        net.compile(**arguments)
    assert state(net) == before and net.train_on_batch(X, Y)


@pytest.mark.parametrize(("names", "twice"), [(("val", "b"), "val_loss"), (("a", "a_top_5"), "a_top_5_accuracy")])
def test_figures_of_one_name(names: tuple[str, str], twice: str) -> None:
    """Where one would take the other's place in the logs the outputs are refused; a metric said twice is one."""
    x = fnn.Input((4,))
    net = fnn.Network(x, [fnn.Dense(3, "softmax", name=name)(x) for name in names])
    with pytest.raises(ValueError, match=f"two values in the logs would be called '{twice}'"):
        net.compile("sgd", "cross_entropy", ["accuracy", "top_5_accuracy"])
    net = fnn.Network(x, [fnn.Dense(3, "softmax", name=name)(x) for name in ("b", "c")])
    net.compile("sgd", "cross_entropy", ["accuracy", "accuracy"])
    assert net.metrics == {"b": ("accuracy",), "c": ("accuracy",)}


def test_many_outputs() -> None:
    """More than there are bits in a number, some of them labels, with weights, lengths not given."""
    x = fnn.Input((1,))
    outputs = [fnn.Dense(2, name=f"out{i}")(x) for i in range(100)]
    net = fnn.Network(x, outputs, seed=0).compile(
        "sgd", {f"out{i}": "cross_entropy" if i % 2 else "mse" for i in range(100)}
    )
    targets = [np.array([0, 1]) if i % 2 else np.ones((2, 2)) for i in range(100)]
    before = net.evaluate(np.ones((2, 1)), targets, sample_weight=[1, 2])["loss"]
    net.train_on_batch(np.ones((2, 1)), targets, sample_weight=[1, 2])
    assert net.evaluate(np.ones((2, 1)), targets, sample_weight=[1, 2])["loss"] < before


def test_a_loss_that_diverges_puts_all_back() -> None:
    net = network().compile(fnn.SGD(1e30), {"kind": "cross_entropy", "size": "mse"})
    before = net.parameters.copy()
    with pytest.raises(FloatingPointError, match="epoch 0"):
        net.fit(X, Y, 8, 3, verbose=0)
    np.testing.assert_array_equal(net.parameters, before)
