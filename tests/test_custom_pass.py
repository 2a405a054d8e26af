"""Forward and backward as two plans: gradients of some outputs only, and the update in the same call."""

import copy
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import assert_same_bits, normal
from networks import blobs, regression, state


def actor_critic(optimizer: Any = "adam") -> fnn.Network:
    """Policy and value, with dropout, running statistics, penalties and a limit of the norm."""
    x = fnn.Input((4,))
    h = fnn.BatchNorm()(fnn.Dropout(0.2)(fnn.Dense(16, "tanh", l2=1e-3)(x)))
    outputs = [fnn.Dense(3, "softmax", name="policy", max_norm=1.5)(h), fnn.Dense(1, name="value", l1=1e-3)(h)]
    return fnn.Network(x, outputs, seed=0).compile(optimizer, {"policy": "cross_entropy", "value": "mse"})


OPTIMIZERS = [
    *("sgd", "adam", "rmsprop", "adagrad", "adadelta", "nadam", "lion", "rprop"),
    fnn.SGD(0.1, momentum=0.9, clip_norm=0.1, ema=0.9),
    fnn.AdamW(fnn.schedules.Cosine(0.1, 10), clip_value=0.01),
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_update_has_the_bits_of_the_three_calls(optimizer: Any, num_threads: int) -> None:
    one, other = actor_critic(optimizer), actor_critic(optimizer)
    for rows in (8, 3, 20):
        x, dy = normal(rows, 4), {"policy": normal(rows, 3), "value": normal(rows, 1)}
        for net in (one, other):
            net.forward(x, training=True)
        one.backward(dy)
        one.step()
        one.zero_grad()
        other.update(dy)
        assert state(one, history=False) == state(other, history=False)
        assert one.counters == other.counters
        assert not any(view.any() for view in other.gradients.values())


def test_gradients_of_earlier_passes_count() -> None:
    one, other, x, dy = regression(2), regression(2), blobs()[0], np.ones((90, 2))
    for net in (one, other):
        net.zero_grad()
        net.forward(x[:40], training=True)
        net.backward(dy[:40])
        net.forward(x, training=True)
    one.backward(dy)
    one.step()
    one.zero_grad()
    assert other.update(dy) is None
    assert state(one, history=False) == state(other, history=False)
    other.forward(x, training=True)  # backward alone makes no update
    before = other.parameters.copy()
    other.backward(dy)
    assert_same_bits(other.parameters, before)
    assert all(view.any() for view in other.gradients.values())


def test_missing_outputs_are_zeros() -> None:
    net, x, dp = actor_critic(), normal(6, 4), normal(6, 3)
    found = []
    for dy in ({"policy": dp, "value": np.zeros((6, 1))}, {"policy": dp}, {"policy": dp, "value": None}, [dp, None]):
        net.zero_grad()
        twin = copy.copy(net)
        twin.forward(x, training=True)
        dx = twin.backward(dy)
        found.append([dx, *(view.copy() for view in twin.gradients.values())])
    for each in found[1:]:
        for array, expected in zip(each, found[0], strict=True):
            assert_same_bits(array, expected)
    net.forward(x, training=True)
    net.update((None, np.ones((6, 1))))


REFUSED: dict[str, tuple[Any, type[Exception], str]] = {
    "none": ({}, ValueError, "dy: give the gradient with respect to at least one of 'policy', 'value'"),
    "all None": ([None, None], ValueError, "at least one"),
    "unknown": ({"policy": np.ones((6, 3)), "valu": 1}, ValueError, "dy: unknown 'valu'"),
    "too few": ([np.ones((6, 3))], ValueError, "expected 2 arrays"),
    "one array": (np.ones((6, 3)), TypeError, "expected a list or a dict"),
    "shape": ({"value": np.ones((5, 1))}, ValueError, r"dy\['value'\]: expected \(6, 1\).*got \(5, 1\)"),
    "NaN": ({"value": np.full((6, 1), np.nan)}, ValueError, r"dy\['value'\]\[0, 0\] is nan"),
    "text": ({"value": "dy"}, TypeError, "dy"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_changes_nothing(name: str) -> None:
    """The forward still waits."""
    dy, error, message = REFUSED[name]
    net, x = actor_critic(), normal(6, 4)
    for verb in (net.backward, net.update):
        net.forward(x, training=True)
        before = state(net)
        with pytest.raises(error, match=message):
            verb(dy)
        assert state(net) == before
        verb({"policy": np.ones((6, 3))})


def test_out_of_turn() -> None:
    net = actor_critic()
    with pytest.raises(RuntimeError, match="update: call forward"):
        net.update({"value": np.ones((6, 1))})
    net.forward(normal(6, 4), training=True)
    net.update({"value": np.ones((6, 1))})
    with pytest.raises(RuntimeError, match="once for each backward or update"):
        net.update({"value": np.ones((6, 1))})
    one = fnn.Sequential([fnn.Dense(1)], input_shape=(4,))
    one.forward(normal(6, 4), training=True)
    with pytest.raises(RuntimeError, match="not compiled"):
        one.update(np.ones((6, 1)))
    one.compile(fnn.LBFGS(), "mse")
    one.backward(one.forward(normal(6, 4), training=True))
    one.forward(normal(6, 4), training=True)
    with pytest.raises(RuntimeError, match="LBFGS trains with fit only"):
        one.update(np.ones((6, 1)))
    with pytest.raises(TypeError, match="dy"):
        one.backward(None)


def test_a_plan_runs_its_first_ops() -> None:
    plan = regression().plan(4)
    for count in (0, len(plan.ops) + 1):
        with pytest.raises(ValueError, match=rf"a run of this plan has 1 to {len(plan.ops)} ops, not {count}"):
            plan.limit(count)


LAYERS: list[tuple[tuple[int, ...], fnn.Layer]] = [
    ((4,), fnn.Dense(3)),
    ((6,), fnn.LayerNorm()),
    ((6,), fnn.BatchNorm()),
    ((6,), fnn.Embedding(9, 2)),
    ((4,), fnn.Maxout(3, 2)),
    ((4,), fnn.PReLU()),
    ((8, 8, 3), fnn.Conv2D(4, 3)),
    ((8, 8, 3), fnn.Conv2DTranspose(4, 3)),
    ((8, 8, 3), fnn.SeparableConv2D(4, 3)),
    ((6, 4), fnn.LSTM(3)),
    ((6, 4), fnn.Bidirectional(fnn.GRU(3))),
]


@pytest.mark.parametrize(
    ("features", "layer"), LAYERS, ids=lambda value: repr(value) if isinstance(value, fnn.Layer) else ""
)
def test_no_gradients_of_parameters_are_computed_where_none_are_wanted(
    features: tuple[int, ...], layer: fnn.Layer
) -> None:
    """Neither with parameters=False nor in a network inside that does not learn."""
    net = fnn.Sequential([layer], input_shape=features, seed=0)
    x = np.abs(np.round(normal(3, *features)))
    y = net.forward(x, training=True)
    before = {name: view.copy() for name, view in net.weights.items()}
    for view in net.gradients.values():
        view[...] = 7
    net.backward(np.ones_like(y), parameters=False)
    assert all((view == 7).all() for view in net.gradients.values())
    net.trainable = False
    given = fnn.Input(features)
    outer = fnn.Network(given, fnn.Dense(2)(fnn.Flatten()(net(given))), seed=0).compile("sgd", "mse")
    outer.forward(x, training=True)
    outer.update(np.ones((3, 2)))
    outer.train_on_batch(x, np.ones((3, 2)))
    for name, value in before.items():
        assert_same_bits(net.weights[name], value)
    for plan in (outer.custom_pass.back, outer.plan(3, training=True)):
        inside = [op for op in plan.ops if "Weight" in type(op).__name__ and not op.layer.startswith("dense_0")]
        assert not inside, plan
