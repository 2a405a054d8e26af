"""Layers in NumPy of several inputs: values, gradients, files, and what they are refused."""

import io
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
import reference_layers
from check import assert_close, assert_same_bits, empty, normal, run, tensor, written
from fastnn.kernels import PythonBackward, PythonForward


class Bilinear(fnn.PythonLayer):
    """y = scale (x[0] x[1]^T) flattened, inputs of different shapes."""

    back: Any = staticmethod(lambda found: found)

    def parameters(self, features: list[tuple[int, ...]]) -> dict[str, fnn.Parameter]:
        return {"scale": fnn.Parameter((features[0][0], 1), "ones")}

    def output(self, features: list[tuple[int, ...]]) -> tuple[int, ...]:
        return (features[0][0], features[1][0])

    def forward(self, x: list[np.ndarray]) -> np.ndarray:
        self.x = x
        return self.scale * x[0][:, :, None] * x[1][:, None, :]

    def backward(self, dy: np.ndarray) -> Any:
        a, b = self.x
        da = (self.scale * dy * b[:, None, :]).sum(axis=2)
        db = (self.scale * dy * a[:, :, None]).sum(axis=1)
        return self.back(([da, db], {"scale": (dy * a[:, :, None] * b[:, None, :]).sum(axis=(0, 2))[:, None]}))


def network(layer: fnn.PythonLayer, frozen: bool = False) -> fnn.Network:
    a, b = fnn.Input((4,), "a"), fnn.Input((3,), "b")
    hidden = fnn.Dense(5, "tanh", name="hidden", trainable=not frozen)
    y = layer([hidden(a), fnn.Activation("gelu")(b)])
    return fnn.Network([a, b], fnn.Dense(2)(fnn.Flatten()(y)), seed=0).compile("adam", "mse")


def test_ops() -> None:
    a, b, dy, y, da, db = normal(5, 3), normal(5, 2, 3), normal(5, 3), empty(7, 3), empty(7, 3), empty(7, 6)
    shapes = {"features": [(3,), (2, 3)], "output": (3,)}

    def forward(x: list[np.ndarray]) -> np.ndarray:
        assert [each.flags.writeable for each in x] == [False, False]
        return x[0] + x[1].sum(axis=1)

    def backward(dy: np.ndarray) -> list[np.ndarray]:
        return [dy, np.repeat(dy[:, None], 2, axis=1)]

    run(PythonForward(forward, y, tensor(a, 7), tensor(b.reshape(5, 6), 7), **shapes), y, rows=5)
    assert_close(written(y, 5), reference_layers.PythonForward(lambda x: x + b.sum(axis=1), a), tolerance=1e-6)
    run(PythonBackward(backward, tensor(dy, 7), da, db, **shapes, gradients={}), da, db, rows=5)
    assert_same_bits(written(da, 5), dy)
    assert_same_bits(written(db, 5).reshape(5, 2, 3)[:, 1], dy)
    with pytest.raises(ValueError, match="PythonForward: expected 2 tensors, got 1"):
        PythonForward(forward, y, tensor(a, 7), **shapes)


@pytest.mark.parametrize("frozen", [False, True])
def test_in_a_network(frozen: bool) -> None:
    net, data, targets = network(Bilinear(), frozen), [normal(6, 4), normal(6, 3)], normal(6, 2)
    fnn.check_gradients(net, data, targets)
    y = net.forward(data, training=True)
    dx = net.backward(np.ones_like(y))
    assert {name: array.shape for name, array in dx.items()} == {"a": (6, 4), "b": (6, 3)}
    before = net.evaluate(data, targets)["loss"]
    net.fit(data, targets, epochs=30, verbose=0)
    assert net.evaluate(data, targets)["loss"] < before
    saved = io.BytesIO()
    net.save(saved)
    again = fnn.load(io.BytesIO(saved.getvalue()), layers={"Bilinear": Bilinear})
    assert_same_bits(again.predict(data), net.predict(data))
    assert_close(net.freeze(6)(data), net.predict(data), tolerance=1e-6)
    assert_same_bits(net.predict(data, batch_size=2), net.predict(data))


def test_one_value_twice() -> None:
    x = fnn.Input((3,))
    net = fnn.Network(x, fnn.Flatten()(Bilinear()([x, x])), seed=0).compile("sgd", "mse")
    data = normal(4, 3)
    assert_close(net.predict(data), (data[:, :, None] * data[:, None]).reshape(4, 9))
    fnn.check_gradients(net, data, normal(4, 9))


BAD = {
    "no list": (lambda found: (tuple(found[0]), found[1]), r"must return a list of 2 dx, one for each input"),
    "too few": (lambda found: (found[0][:1], found[1]), r"must return a list of 2 dx, one for each input"),
    "no dict": (lambda found: found[0], "must return a list of dx and a dict of the gradients of scale"),
    "a shape": (lambda found: ([found[0][1], found[0][1]], found[1]), r"as dx\[0\], expected float32 \(6, 5\)"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_results(name: str) -> None:
    back, message = BAD[name]

    class Bad(Bilinear):
        pass

    Bad.back = staticmethod(back)
    net = network(Bad())
    before = net.parameters.copy()
    with pytest.raises(ValueError, match=message):
        net.train_on_batch([normal(6, 4), normal(6, 3)], normal(6, 2))
    assert_same_bits(net.parameters, before)


def test_what_is_refused() -> None:
    class Same(fnn.PythonLayer):
        def forward(self, x: np.ndarray) -> np.ndarray:
            return x

    x = fnn.Input((6, 3))
    with pytest.raises(ValueError, match="takes one input, got 2; for more define output"):
        Same()([x, x])

    class Sum(Same):
        def output(self, features: list[tuple[int, ...]]) -> tuple[int, ...]:
            return features[0]

    net = fnn.Network(x, Sum()([x, fnn.LSTM(3, return_sequences=True)(x)]), seed=0)
    with pytest.raises(ValueError, match="sum_0: reads whole sequences, so lengths cannot be applied"):
        net.predict(normal(2, 6, 3), lengths=[6, 2])
