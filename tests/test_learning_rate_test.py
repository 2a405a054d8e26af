"""The learning-rate range test."""

from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from graphs import LOSSES, data, random_network
from networks import blobs, classifier, regression, state


@pytest.mark.parametrize("optimizer", [fnn.SGD(0.1, momentum=0.9), fnn.Adam(fnn.schedules.Cosine(0.1, 10))], ids=str)
def test_it_finds_a_rate_and_changes_nothing(optimizer: fnn.Optimizer) -> None:
    """Rates rise by one factor; the suggestion trains well, and the network is as it was."""
    x, y = blobs(300)
    net = classifier(optimizer)
    net.train_on_batch(x, y)
    before = state(net)
    rates, losses, suggestion = net.find_learning_rate(x, y, 32, lowest=1e-5, highest=1e3, steps=80)
    assert state(net) == before
    assert len(rates) == len(losses) and 30 < len(rates) < 80  # ended where the loss exploded
    np.testing.assert_allclose(np.diff(np.log(rates)), np.log(1e8) / 79, rtol=1e-9)
    assert 1e-5 < suggestion < rates[-1] / 10
    start = net.evaluate(x, y)["loss"]
    net.optimizer.learning_rate = suggestion  # type: ignore[union-attr]
    net.fit(x, y, 32, 3, verbose=0)
    assert net.evaluate(x, y)["loss"] < start


def test_its_steps_are_training_steps() -> None:
    """Each loss is that of a step at the rate with the same index, on shuffled batches."""
    x, y = blobs(8)
    net, twin = classifier("sgd"), classifier("sgd")
    result = net.find_learning_rate(x, y, 8, lowest=1e-3, highest=1e-1, steps=5)
    for rate, loss in zip(result.rates, result.losses, strict=True):
        twin.optimizer.learning_rate = rate  # type: ignore[union-attr]
        assert loss == pytest.approx(twin.train_on_batch(x, y), rel=1e-5)


def test_several_inputs_and_outputs() -> None:
    """The loss is the weighted sum; data come as lists or as dicts by name."""
    net, (x, y) = random_network(0), data(20)
    net.compile(fnn.SGD(0.1), LOSSES, loss_weights={"flags": 0.5})
    before, (rates, losses, suggestion) = state(net), net.find_learning_rate(x, y, 20, steps=10)
    assert losses[0] == pytest.approx(net.evaluate(x, y)["loss"], rel=1e-5)
    assert rates[0] < suggestion < rates[-1] and state(net) == before
    by_name = [dict(zip(names, each, strict=True)) for names, each in ((net.input_shape, x), (net.output_shape, y))]
    np.testing.assert_array_equal(net.find_learning_rate(*by_name, 20, steps=10).losses, losses)


def test_a_network_that_is_not_built() -> None:
    x, y = blobs()
    net = fnn.Sequential([fnn.Dense(3, activation="softmax")], seed=0).compile("sgd")
    assert net.find_learning_rate(x, y, 500, steps=10).suggestion > 0
    assert net.input_shape is None


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"batch_size": 0}, ValueError, "batch_size"),
        ({"steps": 1}, ValueError, "steps"),
        ({"lowest": 0}, ValueError, "lowest"),
        ({"lowest": 2.0, "highest": 1.0}, ValueError, "highest"),
    ],
)
def test_settings_are_checked(settings: dict[str, Any], error: type[Exception], message: str) -> None:
    x, y = blobs()
    with pytest.raises(error, match=message):
        classifier().find_learning_rate(x, y, **settings)


def test_what_fails() -> None:
    x, y = blobs()
    with pytest.raises(RuntimeError, match="compile"):
        fnn.Sequential([fnn.Dense(3)], input_shape=(4,)).find_learning_rate(x, y)
    net = regression()
    for view in net.weights.values():
        view[...] = 1e30
    with pytest.raises(FloatingPointError, match="not finite from the rate 1e-06 on"):
        net.find_learning_rate(x, x.sum(axis=1))
