"""train_on_batch(outputs=True): the loss and the outputs that it is of, by the same step as without."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import assert_same_bits, normal
from networks import blobs, state, training_state

X, LABELS = blobs(40)


def network(ending: str, loss: Any, units: int = 3, *middle: fnn.Layer) -> fnn.Sequential:
    layers = [fnn.Dense(8, "tanh"), *middle, fnn.Dense(units, ending)]
    return fnn.Sequential(layers, input_shape=(4,), seed=0).compile("adam", loss)


def joint(y: dict[str, Any], t: dict[str, Any]) -> tuple[float, dict[str, Any]]:
    error = y["a"] - t["a"] + y["b"].sum(axis=1, keepdims=True)
    both = {"a": 2 * error / error.size, "b": np.repeat(2 * error / error.size, 3, axis=1)}
    return float((error**2).mean()), both


def heads(loss: Any) -> fnn.Network:
    x = fnn.Input((4,))
    h = fnn.Dense(6, "gelu")(x)
    outputs = [fnn.Dense(1, "sigmoid", name="a")(h), fnn.Dense(3, "softmax", name="b")(h)]
    return fnn.Network(x, outputs, seed=0).compile("adam", loss)


SEVERAL = {"a": (LABELS > 1).astype(np.float32)[:, None], "b": LABELS}
VALUES = normal(40, 3)


@pytest.mark.parametrize(
    ("make", "y", "settings"),
    [
        (lambda: network("softmax", "cross_entropy"), LABELS, {}),
        (lambda: network("identity", "cross_entropy"), LABELS, {}),
        (lambda: network("log_softmax", "cross_entropy"), LABELS, {}),
        (lambda: network("sigmoid", "binary_cross_entropy", 1), LABELS > 1, {}),
        (lambda: network("relu", "mse"), VALUES, {}),
        (lambda: network("mish", "mse"), VALUES, {"sample_weight": np.arange(40.0)}),
        (lambda: network("softmax", "mse"), VALUES, {}),
        (lambda: network("identity", "huber"), VALUES[:, 0], {"choose": LABELS}),
        (lambda: network("tanh", "huber"), VALUES[:, 0], {"choose": LABELS, "rows": np.array([3, 1, 3, 39])}),
        (lambda: heads({"a": "binary_cross_entropy", "b": "cross_entropy"}), SEVERAL, {"rows": np.arange(7)}),
        (lambda: heads(fnn.losses.Joint(joint)), {"a": VALUES[:, :1], "b": VALUES}, {}),
    ],
)
def test_as_predict(make: Callable[[], fnn.Network], y: Any, settings: dict[str, Any]) -> None:
    """The outputs are those of predict before the step, and the step has the same bits as without them."""
    net, twin = make(), make()
    for _ in range(2):
        before = net.predict(X, rows=settings.get("rows"))
        loss, outputs = net.train_on_batch(X, y, **settings, outputs=True)
        assert loss == twin.train_on_batch(X, y, **settings)
        assert training_state(net) == training_state(twin)
        if isinstance(before, dict):
            assert list(outputs) == list(before)
        else:
            before, outputs = {"": before}, {"": outputs}
        for name in before:
            assert_same_bits(outputs[name], before[name])


def test_as_training_sees_them() -> None:
    """With dropout, and BatchNorm by the batch."""
    net = network("softmax", "cross_entropy", 3, fnn.Dropout(0.5), fnn.BatchNorm())
    twin = copy.copy(net)
    _, outputs = net.train_on_batch(X, LABELS, outputs=True)
    assert_same_bits(outputs, twin.forward(X, training=True))
    assert (outputs != twin.predict(X)).any()


def test_sequences_and_maps() -> None:
    """Steps after the end of a sequence are 0; states are carried; softmax is that of each position."""
    x, y = normal(6, 5, 3), normal(6, 5, 2)
    net = fnn.Sequential([fnn.GRU(4, return_sequences=True), fnn.Dense(2)], (5, 3), 0).compile(fnn.SGD(0.0), "mse")
    lengths = np.array([5, 1, 3, 2, 4, 5])
    _, outputs = net.train_on_batch(x, y, lengths=lengths, outputs=True)
    assert_same_bits(outputs, net.predict(x, lengths=lengths))
    assert not outputs[1, 1:].any()
    found = [net.train_on_batch(part, part_y, stateful=True, outputs=True)[1] for part, part_y in ((x, y), (x, y))]
    whole = net.predict(np.concatenate([x, x]), batch_size=6, stateful=True)
    assert_same_bits(np.concatenate(found), whole)
    layers = [fnn.Conv2D(3, 2, activation="softmax")]
    net = fnn.Sequential(layers, (4, 4, 2), 0).compile(fnn.SGD(0.0), "cross_entropy")
    images = normal(5, 4, 4, 2)
    _, outputs = net.train_on_batch(images, np.zeros((5, 3, 3), int), outputs=True)
    assert_same_bits(outputs, net.predict(images))


def test_a_step_without_them_is_as_before() -> None:
    """Its plan has no op more; whichever came first, each has its own."""
    net = network("softmax", "cross_entropy")
    names = [type(op).__name__ for op in net.plan(40, training=True).ops]
    assert "Softmax" not in names and "Scatter" not in names
    net.train_on_batch(X, LABELS, outputs=True)
    twin = network("softmax", "cross_entropy")
    twin.train_on_batch(X, LABELS)
    assert net.train_on_batch(X, LABELS) == twin.train_on_batch(X, LABELS)


def test_outputs_are_the_callers() -> None:
    """A later step leaves them alone."""
    net = network("softmax", "cross_entropy")
    _, outputs = net.train_on_batch(X, LABELS, outputs=True)
    before = outputs.copy()
    net.train_on_batch(X, LABELS, outputs=True)
    assert_same_bits(outputs, before)


def test_what_is_refused() -> None:
    net = network("identity", "mse")
    digest = state(net, gradients=False)
    with pytest.raises(TypeError, match="outputs must be True or False, got 1"):
        net.train_on_batch(X, VALUES, outputs=1)  # type: ignore[call-overload]  # which is tested
    with pytest.raises(ValueError, match=r"y.*expected"):
        net.train_on_batch(X, VALUES[:, :2], outputs=True)
    with pytest.raises(FloatingPointError, match="loss"):
        net.train_on_batch(X, np.full_like(VALUES, 3e38), outputs=True)
    assert state(net, gradients=False) == digest
