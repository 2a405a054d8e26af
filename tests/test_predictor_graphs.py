"""Predictors of networks with several inputs and outputs: the bits of predict, and what is refused."""

from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import assert_same_bits, normal
from graphs import random_network
from test_arrays import LAYOUTS


def player() -> fnn.Network:
    """A picture of bytes and numbers in, a policy and a value out."""
    picture, speed = fnn.Input((6, 6, 2), name="picture"), fnn.Input((3,), name="speed")
    h = fnn.Dense(24, "relu")(fnn.Concatenate()([fnn.Flatten()(fnn.Conv2D(4, 3)(picture)), speed]))
    outputs = [fnn.Dense(5, "softmax", name="policy")(h), fnn.Dense(1, "tanh", name="value")(fnn.Dropout(0.5)(h))]
    return fnn.Network([picture, speed], outputs, seed=0)


def inputs(rows: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(rows)
    return {"picture": rng.integers(0, 255, (rows, 6, 6, 2), np.uint8), "speed": rng.standard_normal((rows, 3))}


def first(values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: value[0] for name, value in values.items()}


def test_the_bits_of_predict(isa: str, num_threads: int) -> None:
    net = player()
    f = net.freeze(300)
    for rows in (1, 2, 17, 128, 129, 300):
        x = inputs(rows)
        expected = net.predict(x)
        y = f(x)
        assert list(y) == ["policy", "value"]
        for name, value in expected.items():
            assert_same_bits(y[name], value)
            assert_same_bits(f(first(x))[name], value[0])
            assert_same_bits(f(list(x.values()))[name], value)
            assert_same_bits(f(tuple(x.values()))[name], value)


def test_results_into_arrays_of_the_user() -> None:
    net, x = player(), inputs(4)
    f, expected = net.freeze(4), net.predict(x)
    for kind in (dict, list, tuple):
        out: Any = {name: np.full_like(value, 7) for name, value in expected.items()}
        given = out if kind is dict else kind(out.values())
        assert f(x, out=given) is given and f(x, given) is given
        for name, value in expected.items():
            assert_same_bits(out[name], value)
    alone = {name: np.empty_like(value[0]) for name, value in expected.items()}
    f(first(x), out=alone)
    assert_same_bits(alone["policy"], expected["policy"][0])


def test_two_inputs_and_one_output_and_the_reverse(num_threads: int) -> None:
    a, b = fnn.Input((4,)), fnn.Input((4,))
    critic = fnn.Network([a, b], fnn.Dense(1)(fnn.Add()([fnn.Dense(4)(a), b])), seed=0)
    x = [normal(9, 4), normal(9, 4)]
    f, out = critic.freeze(9), np.empty((9, 1), np.float32)
    assert_same_bits(f(x), critic.predict(x))
    assert f(x, out=out) is out
    assert_same_bits(out, critic.predict(x))
    twice = fnn.Network(a, [fnn.Dense(2, name="l")(a), fnn.Dense(3, name="r")(a)], seed=0)
    y = twice.freeze(9)(x[0])
    for name, value in twice.predict(x[0]).items():
        assert_same_bits(y[name], value)


@pytest.mark.parametrize("seed", range(4))
def test_random_graphs_with_ids(seed: int) -> None:
    """A frozen network takes what predict takes, also text and pictures: see graphs.random_network."""
    net = random_network(seed)
    x = [np.abs(np.round(normal(5, *shape))) for shape in net.features]
    f, expected = net.freeze(5), net.predict(x)
    for name, value in f(x).items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-5, atol=1e-6)
    ids, numbers = fnn.Input((4,)), fnn.Input((2,))
    h = fnn.Concatenate()([fnn.Flatten()(fnn.Embedding(10, 3)(ids)), numbers])
    mixed = fnn.Network([ids, numbers], fnn.Dense(2)(h), seed=seed)
    given = [np.arange(8).reshape(2, 4), normal(2, 2)]
    assert_same_bits(mixed.freeze(2)(given), mixed.predict(given))
    with pytest.raises(ValueError, match=r"x\['input_0'\]\[1, 3\]"):
        mixed.freeze(2)([given[0] + 3, given[1]])


@pytest.mark.parametrize("kind", LAYOUTS)
def test_layouts(kind: str) -> None:
    net, (picture, speed) = player(), inputs(3).values()
    f = net.freeze(3)
    expected = f([picture, speed])
    y = f([LAYOUTS[kind](picture.astype(np.float32)), LAYOUTS[kind](speed)])
    for name, value in expected.items():
        np.testing.assert_allclose(y[name], value, rtol=1e-4, atol=1e-6)


def good(**changes: Any) -> dict[str, Any]:
    return {**inputs(2), **changes}


WRONG_X: list[tuple[Any, type[Exception], str]] = [
    (good(speed=np.ones((2, 4))), ValueError, r"x\['speed'\]: expected \(3,\), or \(n, 3\).*got \(2, 4\)"),
    (good(speed=np.ones((1, 3))), ValueError, r"as many of each; x\['picture'\] has shape \(2, 6, 6, 2\), x\['speed"),
    (good(speed=np.ones(3)), ValueError, r"x\['speed'\] \(3,\)"),
    (good(**inputs(4)), ValueError, r"up to 3 rows, got 4; make it with freeze\(batch_size=4\)"),
    (good(**inputs(0)), ValueError, r"got \(0, 6, 6, 2\)"),
    (good(speed="a"), TypeError, r"x\['speed'\]: expected an array of real numbers"),
    (good(other=1), ValueError, "other"),
    ([np.ones(3)], ValueError, "expected 2 arrays"),
    (np.ones((2, 3)), TypeError, "x: expected a list or a dict"),
]


@pytest.mark.parametrize(("x", "error", "message"), WRONG_X)
def test_wrong_input(x: Any, error: type[Exception], message: str) -> None:
    f = player().freeze(3)
    with pytest.raises(error, match=message):
        f(x)
    assert f(inputs(2))["policy"].shape == (2, 5)


def results(policy: Any = None, value: Any = None) -> dict[str, np.ndarray]:
    policy = np.full((2, 5), 7, np.float32) if policy is None else policy
    return {"policy": policy, "value": np.full((2, 1), 7, np.float32) if value is None else value}


FLAT = np.full(11, 7, np.float32)
WRONG_OUT: list[tuple[Any, type[Exception], str]] = [
    (results(value=np.full((2, 1), 7.0)), ValueError, r"out\['value'\]: expected a writable float32 array \(2, 1\)"),
    (results(value=np.full((3, 1), 7, np.float32)), ValueError, r"got float32 \(3, 1\)"),
    (results(value=[[1], [2]]), TypeError, r"out\['value'\]: expected a float32 array, got list"),
    (results(FLAT[:10].reshape(2, 5), FLAT[9:].reshape(2, 1)), ValueError, r"\['value'\]: overlaps out\['policy'\]"),
    ([np.full((2, 5), 7, np.float32)], ValueError, "out: expected 2 arrays"),
    (np.full((2, 5), 7, np.float32), TypeError, "out: expected a list or a dict"),
]


@pytest.mark.parametrize(("out", "error", "message"), WRONG_OUT)
def test_wrong_out(out: Any, error: type[Exception], message: str) -> None:
    """Nothing is written, also not to those that fit."""
    f = player().freeze(3)
    with pytest.raises(error, match=message):
        f(inputs(2), out=out)
    for array in out.values() if isinstance(out, dict) else out:
        assert not isinstance(array, np.ndarray) or (array == 7).all()


def test_out_that_overlaps_an_input() -> None:
    memory = np.full((2, 5), 7, np.float32)
    x = {**inputs(2), "speed": memory.reshape(-1)[4:].reshape(2, 3)}
    with pytest.raises(ValueError, match=r"out\['policy'\]: overlaps x\['speed'\]"):
        player().freeze(2)(x, out=results(memory))


def test_shown() -> None:
    f = player().freeze(3)
    assert f.input_shape == {"picture": (6, 6, 2), "speed": (3,)} and f.output_shape == {"policy": (5,), "value": (1,)}
    assert repr(f).endswith("up to 3 rows)") and "'value': (1,)" in repr(f)
    assert f.profile(repeats=2).rows == 3
