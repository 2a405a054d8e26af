"""Gradients in one call, and their check by finite differences, which must find wrong ones."""

import numpy as np
import pytest

import fastnn as fnn
from networks import blobs, classifier, regression, state


def test_gradient_of_parameters_as_training_leaves_them() -> None:
    net, (x, y) = classifier(fnn.SGD(0.0)), blobs()
    before = state(net)
    dx, gradients = net.gradient(x, y)
    assert state(net) == before and dx.shape == x.shape and dx.any()
    net.train_on_batch(x, y)
    for name, view in net.gradients.items():
        assert (view == gradients[name]).all()


def test_gradient_of_the_input() -> None:
    """One linear layer: dx = 2 (y - t) W^T / n."""
    net = fnn.Sequential([fnn.Dense(2)], input_shape=(4,), seed=1).compile("sgd", "mse")
    x, t = blobs()[0], blobs()[0][:, 1:3]
    expected = 2 * (net.predict(x) - t) @ net.weights["dense_0.weight"].T / t.size
    np.testing.assert_allclose(net.gradient(x, t)[0], expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("loss", ["classes", "values"])
def test_right_gradients_pass(loss: str) -> None:
    net = classifier(hidden=30) if loss == "classes" else regression(3)
    x, y = blobs()
    before = state(net)
    errors = fnn.check_gradients(net, x, y if loss == "classes" else x[:, :3])
    assert set(errors) == {"x", *net.weights} and max(errors.values()) < 0.01 and state(net) == before


def test_wrong_gradients_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backward that is 10 % off, in one layer of two."""
    net, (x, y) = classifier(), blobs()
    before = state(net)
    views = net.gradients

    class Off(dict[str, np.ndarray]):
        def __getitem__(self, name: str) -> np.ndarray:
            return views[name] * (1.1 if name == "dense_1.weight" else 1)

    monkeypatch.setattr(type(net), "gradients", property(lambda net: Off(views)))
    with pytest.raises(ArithmeticError, match=r"dense_1.weight\[\d+, \d+\]: .* by backward, .* by finite"):
        fnn.check_gradients(net, x, y)
    monkeypatch.undo()
    assert state(net) == before


def test_what_cannot_be_checked() -> None:
    net, (x, y) = classifier(), blobs()
    with pytest.raises(TypeError, match="x: expected float32 or float64"):
        fnn.check_gradients(net, x.astype(int), y)
    with pytest.raises(ValueError, match="tolerance"):
        fnn.check_gradients(net, x, y, tolerance=-1)
    with pytest.raises(ValueError, match="y: expected 90 targets"):
        fnn.check_gradients(net, x, y[1:])
