"""Layers written in NumPy: the ops, the layer in a network, what it may do and what it is refused."""

import copy
import pickle
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
import reference
import reference_layers
from check import assert_close, assert_same_bits, empty, normal, run, tensor, written
from fastnn.engine.plan import Plan
from fastnn.kernels import PythonBackward, PythonForward
from networks import blobs, training_state


class Scale(fnn.PythonLayer):
    """The example of the documentation."""

    def parameters(self, features: tuple[int, ...]) -> dict[str, fnn.Parameter]:
        return {"scale": fnn.Parameter(features, "ones")}

    def forward(self, x: np.ndarray) -> np.ndarray:
        self.x = x
        return x * self.scale

    def backward(self, dy: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        return dy * self.scale, {"scale": (dy * self.x).sum(axis=0)}


@dataclass
class Power(fnn.PythonLayer):
    """y = x ** exponent, with a setting, and something kept on a dataclass."""

    exponent: int

    def forward(self, x: np.ndarray) -> np.ndarray:
        self.x = x
        return x**self.exponent

    def backward(self, dy: np.ndarray) -> np.ndarray:
        return dy * self.exponent * self.x ** (self.exponent - 1)


class Mean(fnn.PythonLayer):
    """(batch, a, b) -> (batch, a): another output shape."""

    def output(self, features: tuple[int, ...]) -> tuple[int, ...]:
        return features[:1]

    def forward(self, x: np.ndarray) -> np.ndarray:
        self.length = x.shape[2]
        return x.mean(axis=2)

    def backward(self, dy: np.ndarray) -> np.ndarray:
        return np.repeat(dy[:, :, None] / np.float32(self.length), self.length, axis=2)


LAYERS = {"Scale": Scale, "Power": Power, "Mean": Mean}


class Faulty(fnn.PythonLayer):
    """What each of its methods returns can be replaced."""

    forth: Callable[[Any, np.ndarray], Any] = staticmethod(lambda self, x: x * 2)
    back: Callable[[Any, np.ndarray], Any] = staticmethod(lambda self, dy: dy * 2)

    def forward(self, x: np.ndarray) -> Any:
        return type(self).forth(self, x)

    def backward(self, dy: np.ndarray) -> Any:
        return type(self).back(self, dy)


def network(*layers: fnn.Layer, optimizer: Any = "adam") -> fnn.Sequential:
    layers = [fnn.Dense(6, activation="tanh"), *layers, fnn.Dense(3, activation="softmax")]
    return fnn.Sequential(layers, input_shape=(4,), seed=0).compile(optimizer, "cross_entropy")


def test_ops(isa: str) -> None:
    for rows, columns in ((1, 1), (5, 37), (64, 70)):
        x, y, dy, dx = normal(rows, columns), empty(rows + 2, columns), normal(rows, columns), empty(rows + 2, columns)
        forward = PythonForward(np.tanh, y, tensor(x, rows + 2), features=(columns,), output=(columns,))
        run(forward, y, rows=rows)
        assert_close(written(y, rows), reference_layers.PythonForward(np.tanh, x), tolerance=1e-6)
        shapes = {"features": (columns,), "output": (columns,)}
        back = PythonBackward(np.negative, tensor(dy, rows + 2), dx, **shapes, gradients={})
        run(back, dx, rows=rows)
        assert_same_bits(written(dx, rows), reference_layers.PythonBackward(np.negative, dy).astype(np.float32))
        assert forward.python and back.python


def test_gradients_overwrite_or_add(isa: str) -> None:
    dy, dx, scale, shift = normal(5, 3), empty(5, 3), tensor(normal(3)), tensor(normal(3))

    def function(dy: np.ndarray) -> Any:
        return dy, {"scale": dy.sum(axis=0), "shift": dy[0], "other": dy}

    gradients = {"scale": scale, "shift": shift, "other": None}
    shapes = {"features": (3,), "output": (3,)}
    run(PythonBackward(function, tensor(dy), dx, **shapes, gradients=gradients, add=["shift"]), dx, scale, shift)
    assert_close(scale.array, dy.sum(axis=0))
    assert_close(shift.array, normal(3) + dy[0])


def test_the_view_follows_the_rows() -> None:
    seen = []

    def function(x: np.ndarray) -> np.ndarray:
        seen.append(x.shape)
        assert not x.flags.writeable
        return x

    plan = Plan([PythonForward(function, empty(8, 6), tensor(normal(8, 6)), features=(2, 3), output=(2, 3))])
    plan.run(20, 8, pause=60)
    assert seen == [(8, 2, 3), (8, 2, 3), (4, 2, 3)]


def test_gradients_in_a_network() -> None:
    """Those of the weights before it, of its own, and of those after it, in float64 NumPy, while they change."""
    x, y = blobs()
    net = network(Scale(), Power(1), optimizer=fnn.SGD(0.1))
    for _ in range(10):
        weights = {name: view.astype(np.float64) for name, view in net.weights.items()}
        scale = weights["scale_0.scale"]
        h = np.tanh(x @ weights["dense_0.weight"] + weights["dense_0.bias"])
        dz = (reference.Softmax(h * scale @ weights["dense_1.weight"] + weights["dense_1.bias"]) - np.eye(3)[y]) / len(
            x
        )
        d = dz @ weights["dense_1.weight"].T
        gradients = {
            "dense_1.weight": (h * scale).T @ dz,
            "dense_1.bias": dz.sum(axis=0),
            "scale_0.scale": (d * h).sum(axis=0),
            "dense_0.weight": x.T @ (d * scale * (1 - h * h)),
            "dense_0.bias": (d * scale * (1 - h * h)).sum(axis=0),
        }
        net.train_on_batch(x, y)
        for name, gradient in gradients.items():
            np.testing.assert_allclose(net.gradients[name], gradient, rtol=1e-4, atol=1e-6)


def test_another_shape() -> None:
    x, y = normal(20, 5, 3), np.arange(20) % 3
    net = fnn.Sequential([Power(2), Mean(), fnn.Dense(3, activation="softmax")], input_shape=(5, 3), seed=0).compile()
    wanted = reference.Softmax((x.astype(np.float64) ** 2).mean(axis=2) @ net.weights["dense_0.weight"])
    np.testing.assert_allclose(net.predict(x), wanted, rtol=1e-5)
    assert np.isfinite(net.fit(x, y, 7, epochs=2, verbose=0).history["loss"]).all()


def test_it_lives_like_any_layer(tmp_path: Path) -> None:
    """fit, predict, evaluate, freeze, refresh, files and copies; a prediction's rows do not depend on the batch."""
    x, y = blobs()
    net = network(Scale(), Power(3, name="cube"))
    net.fit(x, y, 16, epochs=2, verbose=0)
    net.save(tmp_path / "net.safetensors")
    twins = [fnn.load(tmp_path / "net.safetensors", layers=LAYERS), copy.deepcopy(net), pickle.loads(pickle.dumps(net))]
    f = net.freeze(len(x))
    for each in (net, *twins):
        each.fit(x, y, 16, epochs=2, verbose=0)
        assert training_state(each) == training_state(net)
        assert_same_bits(each.predict(x, batch_size=7), net.predict(x))
        assert each.evaluate(x, y) == net.evaluate(x, y)
    assert (f(x) != net.predict(x)).any()
    f.refresh()
    assert_same_bits(f(x), net.predict(x))
    assert_same_bits(f(x[3]), net.predict(x)[3])
    with pytest.raises(ValueError, match=r"unknown layer 'Scale'.*pass your own in layers="):
        fnn.load(tmp_path / "net.safetensors")


def test_plans_do_not_share_what_is_kept() -> None:
    """A prediction between forward and backward, here in a callback's place, does not change the step."""
    x, y = blobs()
    net, twin = network(Power(2)), network(Power(2))
    for _ in range(3):
        net.train_on_batch(x, y)
        net.predict(x[:5])
        twin.train_on_batch(x, y)
    assert training_state(net) == training_state(twin)
    layer = dict(net.named_layers())["power_0"]
    assert not hasattr(layer, "x")
    with pytest.raises(AttributeError):
        layer.exponent = 3


def test_other_threads_predict_meanwhile() -> None:
    x, y = blobs(2000)
    net = network(Power(2))
    f = net.freeze(len(x))
    wanted, errors, done = f(x), [], threading.Event()

    def predict() -> None:
        while not done.is_set():
            if not (f(x) == wanted).all():
                errors.append("other bits")

    threads = [threading.Thread(target=predict) for _ in range(2)]
    for thread in threads:
        thread.start()
    net.fit(x, y, 16, epochs=2, verbose=0)
    done.set()
    for thread in threads:
        thread.join()
    assert not errors


def test_gradients_by_finite_differences_and_by_hand() -> None:
    x, y = blobs(9)
    net = network(Scale(), Power(2))
    fnn.check_gradients(net, x, y)
    net.forward(x, training=True)
    alone = net.backward(np.ones((9, 3)), parameters=False)
    assert all((view == 0).all() for view in net.gradients.values())
    for _ in range(2):
        net.forward(x, training=True)
        assert_same_bits(net.backward(np.ones((9, 3))), alone)
    twice = net.gradients["scale_0.scale"].copy()
    net.zero_grad()
    net.forward(x, training=True)
    net.backward(np.ones((9, 3)))
    assert_same_bits(2 * net.gradients["scale_0.scale"], twice)


def test_training_flag() -> None:
    seen = []

    class Look(Faulty):
        forth = staticmethod(lambda self, x: seen.append(self.training) or x)

    net = network(Look())
    net.predict(normal(2, 4))
    net.train_on_batch(*blobs(4))
    assert seen == [False, True]


def test_attributes_that_a_layer_may_have() -> None:
    """Words for what it made, as a layer for a picture of them would keep."""

    class Keeps(fnn.PythonLayer):
        def forward(self, x: np.ndarray) -> np.ndarray:
            self.outputs = self.places = self.whole = 2 * x
            return self.outputs

        def backward(self, dy: np.ndarray) -> np.ndarray:
            return 2 * dy

    net = fnn.Sequential([Keeps(), fnn.Dense(2)], input_shape=(4,), seed=0).compile("sgd", "mse")
    net.fit(normal(8, 4), normal(8, 2), verbose=0)
    assert net.predict(normal(8, 4)).shape == (8, 2)
