"""Penalties, clipping, max-norm and the moving average in networks, over all blocks."""

from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import assert_close
from networks import blobs, regression

DATA = blobs(60)[0], blobs(60)[0].sum(axis=1)


def network(optimizer: Any = "sgd", **settings: Any) -> fnn.Sequential:
    """4 -> 6 -> 1 with the settings on both layers."""
    layers = [fnn.Dense(6, activation="tanh", **settings), fnn.Dense(1, **settings)]
    return fnn.Sequential(layers, input_shape=(4,), seed=3).compile(optimizer, "mse", ["mae"])


def weights(net: fnn.Network) -> list[np.ndarray]:
    return [view.astype(np.float64) for name, view in net.weights.items() if name.endswith("weight")]


def test_penalties_in_a_network() -> None:
    """loss and val_loss include them, at the weights of their moment; metrics and biases do not."""
    x, y = DATA
    plain, net = network(), network(l1=0.02, l2=0.1)
    penalty = sum(0.02 * np.abs(w).sum() + 0.1 * (w * w).sum() for w in weights(net))
    expected = plain.evaluate(x, y, batch_size=7)
    found = net.evaluate(x, y, batch_size=7)
    assert found["loss"] == pytest.approx(expected["loss"] + penalty, rel=1e-6) and found["mae"] == expected["mae"]
    assert net.train_on_batch(x, y) == pytest.approx(plain.train_on_batch(x, y) + penalty, rel=1e-6)
    for name, gradient in net.gradients.items():
        w = net.weights[name].astype(np.float64) + 0.01 * gradient  # before the step
        slope = 0.02 * np.sign(w) + 0.2 * w if name.endswith("weight") else 0
        assert_close(gradient, plain.gradients[name] + slope, scale=1)
    history = network(l2=0.1, optimizer=fnn.SGD(0.0)).fit(x, y, 7, 1, validation_data=(x, y), verbose=0).history
    assert history["loss"][0] == pytest.approx(history["val_loss"][0], rel=1e-6)
    assert history["loss"][0] > expected["loss"]


def test_the_penalty_is_in_the_logs_too() -> None:
    """loss - penalty is the loss of a network without, also with short batches and weights."""
    x, y = DATA
    weight = np.random.default_rng(0).random(60) * (np.arange(60) > 6)  # the first batch of 7 weighs nothing
    plain, net = network(fnn.SGD(0.0)), network(fnn.SGD(0.0), l1=0.02, l2=0.1)
    penalty = sum(0.02 * np.abs(w).sum() + 0.1 * (w * w).sum() for w in weights(net))
    for options in ({}, {"sample_weight": weight}):
        found, expected = (each.evaluate(x, y, 7, **options) for each in (net, plain))
        assert "penalty" not in expected and list(found) == ["loss", "mae", "penalty"]
        assert found["penalty"] == pytest.approx(penalty, rel=1e-6)
        assert found["loss"] - found["penalty"] == pytest.approx(expected["loss"], rel=1e-12)
        logs = net.fit(x, y, 7, shuffle=False, validation_data=(x, y), verbose=0, **options).history
        assert [*logs["penalty"], *logs["val_penalty"]] == pytest.approx([penalty] * 2, rel=1e-6)
        assert logs["loss"][0] - logs["penalty"][0] == pytest.approx(expected["loss"], rel=1e-12)
    lbfgs = network(fnn.LBFGS(), l2=0.1).fit(x, y, 60, 3, verbose=0).history
    assert lbfgs["loss"] == sorted(lbfgs["loss"])[::-1] and lbfgs["penalty"] != lbfgs["penalty"][:1] * 3
    assert all(low < high for low, high in zip(lbfgs["penalty"], lbfgs["loss"], strict=True))


def test_no_metric_is_called_penalty() -> None:
    def penalty(y: np.ndarray, t: np.ndarray) -> float:
        return 0.0

    with pytest.raises(ValueError, match="two would be called 'penalty' in the logs"):
        regression().compile("sgd", "mse", [penalty])


def test_penalties_make_weights_small_and_sparse() -> None:
    x, y = DATA
    nets = [network(fnn.Adam(0.01), **settings) for settings in ({}, {"l2": 0.2}, {"l1": 0.3})]
    for net in nets:
        net.fit(x, y, 20, 200, verbose=0)
    plain, l2, l1 = (np.concatenate([w.ravel() for w in weights(net)]) for net in nets)
    assert np.linalg.norm(l2) < 0.8 * np.linalg.norm(plain)
    assert (np.abs(l1) < 0.02).mean() > 0.2 > (np.abs(plain) < 0.02).mean()


def test_max_norm_in_a_network() -> None:
    """From the first update on."""
    x, y = DATA
    net = network(fnn.SGD(0.1), max_norm=0.7)
    assert max(np.linalg.norm(w, axis=0).max() for w in weights(net)) > 0.7
    for _ in range(5):
        net.train_on_batch(x, y)
        assert max(np.linalg.norm(w, axis=0).max() for w in weights(net)) <= 0.7 * (1 + 1e-6)
    assert "MaxNorm" in repr(net.plan(4, training=True)) and "MaxNorm" not in repr(regression().plan(4, training=True))


def test_clipping_in_a_network() -> None:
    """Over all gradients at once; the step is then that of the clipped gradient."""
    x, y = DATA
    plain = network(fnn.SGD(0.1))
    start = plain.parameters.copy()
    plain.train_on_batch(x, y)
    gradient = start.astype(np.float64) - plain.parameters
    for settings, wanted in (
        ({"clip_value": 0.1}, np.clip(gradient, -0.01, 0.01)),
        ({"clip_norm": 0.05}, gradient * 0.005 / np.linalg.norm(gradient)),
        ({"clip_norm": 1e6}, gradient),
    ):
        net = network(fnn.SGD(0.1, **settings))
        net.train_on_batch(x, y)
        assert_close(start - net.parameters, wanted, scale=1)


def test_averaged() -> None:
    """The average of the weights after each update; a copy predicts and is saved, the network trains on."""
    x, y = DATA
    net = network(fnn.SGD(0.1, ema=0.8), max_norm=1.0)
    assert (net.averaged().parameters == net.parameters).all()
    mean = None
    for _ in range(4):
        net.train_on_batch(x, y)
        now = net.parameters.astype(np.float64)
        mean = now if mean is None else 0.8 * mean + 0.2 * now
    twin = net.averaged()
    assert_close(twin.parameters, mean, scale=1)
    assert (twin.predict(x) != net.predict(x)).any() and twin.evaluate(x, y)["loss"] > 0
    assert (net.parameters == now).all()
    with pytest.raises(RuntimeError, match=r"average.*ema=0\.999"):
        network().averaged()


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"l1": -1.0}, ValueError, "Dense: l1"),
        ({"l2": float("nan")}, ValueError, "Dense: l2"),
        ({"l2": "0.1"}, TypeError, "Dense: l2"),
        ({"max_norm": 0}, ValueError, "Dense: max_norm"),
        ({"max_norm": True}, TypeError, "Dense: max_norm"),
    ],
)
def test_settings_are_checked(settings: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        fnn.Dense(3, **settings)


def branches(l2: float, trainable: bool = True) -> fnn.Network:
    """A shared sub-network below two outputs."""
    x = fnn.Input((4,), name="x")
    sub = fnn.Sequential([fnn.Dense(5, activation="tanh", l2=l2)], input_shape=(4,), seed=1)
    sub.trainable = trainable
    value = sub(x)
    a, b = fnn.Dense(1, name="a", l2=l2)(value), fnn.Dense(1, name="b")(fnn.Add()([value, sub(x)]))
    net = fnn.Network([x], [a, b], seed=2)
    return net.compile(
        fnn.SGD(0.1, ema=0.5, clip_norm=0.1), {"a": "mse", "b": "mse"}, loss_weights={"a": 2.0, "b": 0.5}
    )


def test_several_outputs_and_a_shared_sub_network() -> None:
    """The penalty is in the loss of all once, and in no output's own."""
    x, y = DATA
    plain, net = branches(0.0), branches(0.1)
    penalty = 0.1 * sum(
        float((view.astype(np.float64) ** 2).sum()) for name, view in net.weights.items() if "b." not in name
    )
    expected, found = (each.evaluate(x, [y, y]) for each in (plain, net))
    assert found["loss"] == pytest.approx(expected["loss"] + penalty, rel=1e-6)
    assert found["a_loss"] == expected["a_loss"] and found["b_loss"] == expected["b_loss"]
    assert found["penalty"] == pytest.approx(penalty, rel=1e-6) and "penalty" not in expected
    assert net.train_on_batch(x, [y, y]) == pytest.approx(found["loss"], rel=1e-5)
    history = net.fit(x, [y, y], 60, 1, callbacks=[fnn.EarlyStopping("penalty")], verbose=0).history
    assert history["penalty"][0] < penalty


def test_one_norm_over_all_blocks() -> None:
    """The gradients of the network and of its sub-network are clipped together."""
    x, y = DATA
    net = branches(0.1)
    net.train_on_batch(x, [y, y])
    norm = sum(float((gradient.astype(np.float64) ** 2).sum()) for gradient in net.gradients.values()) ** 0.5
    assert norm == pytest.approx(0.1, rel=1e-6)


def test_frozen_layers_are_left_alone() -> None:
    """By penalties, clipping and the average, in which they are as they are."""
    x, y = DATA
    net = branches(0.1, trainable=False)
    before = {name: view.copy() for name, view in net.weights.items()}
    for _ in range(3):
        net.train_on_batch(x, [y, y])
    twin = net.averaged()
    for name, view in net.weights.items():
        frozen = name.startswith("sequential")
        assert (view == before[name]).all() == frozen and (twin.weights[name] == view).all() == frozen


@pytest.mark.parametrize("trainable", [True, False])
def test_lbfgs_over_blocks(trainable: bool) -> None:
    """What is trained is brought down, over both blocks; what is frozen stays."""
    x, y = DATA
    net = branches(0.001, trainable).compile(fnn.LBFGS(), {"a": "mse", "b": "mse"})
    before = {name: view.copy() for name, view in net.weights.items()}
    start = net.evaluate(x, [y, y])["loss"]
    net.fit(x, [y, y], 60, 40, verbose=0)
    assert net.evaluate(x, [y, y])["loss"] < (0.1 if trainable else 0.7) * start
    for name, view in net.weights.items():
        assert (view == before[name]).all() == (name.startswith("sequential") and not trainable)


def test_the_loop_by_hand() -> None:
    """step adds the penalties' gradients, clips, and holds weights to max_norm, as a training step does."""
    x, y = DATA
    settings = {"l2": 0.1, "max_norm": 1.0}
    net, twin = (network(fnn.SGD(0.1, clip_norm=0.5, momentum=0.9, ema=0.9), **settings) for _ in range(2))
    for _ in range(3):
        twin.train_on_batch(x, y)
        output = net.forward(x, training=True)
        net.zero_grad()
        net.backward(2 * (output - y[:, None]) / len(x))
        net.step()
        assert_close(net.parameters, twin.parameters, tolerance=1e-5)
    assert_close(net.averaged().parameters, twin.averaged().parameters, tolerance=1e-5)


def test_gradients_of_penalties_are_right() -> None:
    """By finite differences of the loss with them."""
    x, y = DATA
    fnn.check_gradients(network(l1=0.05, l2=0.1), x[:8], y[:8])
