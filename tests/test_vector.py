"""All parameters as one vector: its order, and the gradient in the same order by finite differences."""

import copy
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from networks import blobs, state


def nested() -> fnn.Network:
    """A sub-network at two depths, BatchNorm, a frozen layer, tensors of odd sizes, and a dropout."""
    inner = fnn.Sequential([fnn.Dense(4, "tanh"), fnn.BatchNorm()], input_shape=(4,), seed=1, name="inner")
    x = fnn.Input((4,))
    middle = fnn.Network(x, fnn.Dense(4, name="back")(inner(x)), seed=3, name="middle")
    value = fnn.Add()([inner(middle(x)), inner(x)])
    frozen = fnn.Dense(5, "tanh", name="frozen")
    frozen.trainable = False
    net = fnn.Network(x, fnn.Dense(3, "softmax", name="last")(frozen(fnn.Dropout(0.2)(value))), seed=4)
    return net.compile(fnn.SGD(0.1))


def names(net: fnn.Network) -> list[str]:
    """Of the parameters, each once: the second names of the inner network's are left out."""
    found: dict[int, str] = {}
    for name in net.gradients:
        found.setdefault(net.weights[name].__array_interface__["data"][0], name)
    return list(found.values())


def test_the_order_is_that_of_weights() -> None:
    net = nested()
    expected = np.concatenate([net.weights[name].ravel() for name in names(net)])
    vector = net.vector()
    assert vector.dtype == np.float32 and vector.shape == (net.blocks.count(),)
    np.testing.assert_array_equal(vector, expected)
    vector[...] = 0  # a copy
    np.testing.assert_array_equal(net.vector(), expected)
    assert len(names(net)) < len(net.gradients)


def test_set_vector() -> None:
    """What is read is what was set, whatever its type; statistics and gradients stay."""
    net = nested()
    net.train_on_batch(*blobs(9))
    kept = {name: view.copy() for name, view in net.weights.items() if name not in net.gradients}
    values = np.arange(net.blocks.count())
    for given in (values, values[::-1], values.astype(np.float64) / 8, (values % 5).tolist()):
        net.set_vector(given)
        np.testing.assert_array_equal(net.vector(), np.float32(given))
    assert kept and all((net.weights[name] == view).all() for name, view in kept.items())
    plain = fnn.Sequential([fnn.Dense(3), fnn.Dense(1)], input_shape=(2,), seed=0)
    plain.set_vector(np.ones(13))
    assert plain.parameters.sum() == 13 < plain.parameters.size  # the padding stays zero


def test_gradients_are_in_the_same_order() -> None:
    """Along a direction that changes all parameters, by central differences."""
    net, (x, y) = nested(), blobs(60)
    net.set_vector(np.random.default_rng(0).standard_normal(net.blocks.count()) / 2)
    _, gradients = net.gradient(x, y)
    gradient, at = net.vector(gradients), net.vector()
    for seed in range(3):
        direction = np.random.default_rng(seed).choice([-1.0, 1.0], at.size)
        ends = []
        for h in (3e-3, -3e-3):
            net.set_vector(at + h * direction)
            ends.append(measured(net, x, y))
        assert (ends[0] - ends[1]) / 6e-3 == pytest.approx(float(gradient @ direction), rel=5e-3, abs=2e-3)


def measured(net: fnn.Network, x: np.ndarray, y: np.ndarray) -> float:
    """The loss of the next step, with its dropout."""
    return copy.deepcopy(net).train_on_batch(x, y)


def test_one_step_of_sgd() -> None:
    """A step is the vector less the rate times the gradient; frozen layers stay, though they have a gradient."""
    net, (x, y) = nested(), blobs(9)
    before, gradients = net.vector(), net.gradient(x, y)[1]
    net.train_on_batch(x, y)
    np.testing.assert_allclose(net.vector(), before - 0.1 * net.vector(net.gradients), rtol=1e-6, atol=1e-7)
    moved = net.vector({name: np.full(view.shape, "frozen" in name) for name, view in net.gradients.items()}) == 0
    assert ((net.vector() != before) <= moved).all() and np.abs(net.vector(gradients)[~moved]).max() > 0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda net: net.set_vector(np.ones(4)), ValueError, r"vector: expected \d+ numbers, one for each .* \(4,\)"),
        (lambda net: net.set_vector(np.ones((1, net.vector().size))), ValueError, r"got shape \(1, \d+\)"),
        (lambda net: net.set_vector("abc"), TypeError, "vector: expected"),
        (lambda net: net.vector({}), KeyError, "vector: no value for '"),
        (lambda net: net.vector({name: np.ones(1) for name in net.weights}), ValueError, r"expected shape .* \(1,\)"),
        (lambda net: net.vector(dict.fromkeys(net.weights, "a")), TypeError, "expected an array of real numbers"),
    ],
)
def test_bad_input(call: Any, error: type[Exception], message: str) -> None:
    net = fnn.Sequential([fnn.Dense(3), fnn.Dense(2)], input_shape=(4,), seed=0).compile("sgd", "mse")
    before = state(net)
    with pytest.raises(error, match=message):
        call(net)
    assert state(net) == before
    for early in (fnn.Network.vector, lambda net: net.set_vector([1])):
        with pytest.raises(RuntimeError, match="not built"):
            early(fnn.Sequential([fnn.Dense(3)]))
