"""The loss around a network's parameters: surfaces and second derivatives."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from fastnn.inspection import critical_points, eigenvalues, hessian, hvp, loss_surface
from fastnn.inspection.double import Double
from landscapes import XOR, exact, linear, xor
from networks import blobs, classifier, state


def every_layer(**options: Any) -> tuple[fnn.Network, np.ndarray, np.ndarray]:
    """Trained a little; with all that acts in training otherwise than in prediction."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((12, 4, 2)), rng.integers(0, 2, 12)
    layers = [fnn.GaussianNoise(0.5), fnn.GRU(2, dropout=0.3, recurrent_dropout=0.3), fnn.BatchNorm(), fnn.Dropout(0.5)]
    net = fnn.Sequential([*layers, fnn.Dense(2, "softmax", l2=0.01)], input_shape=(4, 2), seed=0).compile("adam")
    net.fit(x, y, epochs=3, batch_size=4, verbose=0)
    return net, x, y


def looks(net: fnn.Network, x: Any, y: Any) -> dict[str, Callable[[], Any]]:
    size = sum(view.size for view in net.gradients.values())
    return {
        "hvp": lambda: hvp(net, x, y, np.ones(size)),
        "hessian": lambda: hessian(net, x, y)[0],
        "eigenvalues": lambda: eigenvalues(net, x, y, 2),
        "surface": lambda: loss_surface(net, x, y, steps=3).loss,
        "eigenvectors": lambda: loss_surface(net, x, y, steps=2, directions="eigenvectors").loss,
    }


# Second derivatives.


@pytest.mark.parametrize("outputs", [1, 3])
def test_second_derivatives_of_a_quadratic(outputs: int) -> None:
    net, x, y, wanted = linear(outputs)
    matrix, noise = hessian(net, x, y)
    largest = np.linalg.eigvalsh(wanted)[::-1]
    assert 0 < noise < 1e-4 * largest[0] and np.abs(matrix - wanted).max() < 1e-4 * largest[0]
    np.testing.assert_array_equal(matrix, matrix.T)
    v = np.linspace(-3, 4, len(wanted))
    np.testing.assert_allclose(hvp(net, x, y, v), wanted @ v, atol=1e-4 * np.abs(wanted @ v).max())
    assert not hvp(net, x, y, 0 * v).any()
    for k in (1, outputs, len(wanted)):  # each eigenvalue is there once for each output
        np.testing.assert_allclose(eigenvalues(net, x, y, k), largest[:k], atol=1e-4 * largest[0])


def test_second_derivatives_of_a_network() -> None:
    net = xor()
    for name, view in net.weights.items():
        net.weights[name] = view + 0.3
    *_, wanted = exact(dict(net.weights))
    matrix, noise = hessian(net, *XOR)
    error = np.abs(np.linalg.eigvalsh(matrix) - np.linalg.eigvalsh(wanted)).max()
    assert error < 3 * noise < 1e-3
    v = np.arange(9.0)
    np.testing.assert_allclose(hvp(net, *XOR, v), wanted @ v, atol=2e-3)
    found = np.linalg.eigvalsh(wanted)
    np.testing.assert_allclose(eigenvalues(net, *XOR, 4), found[np.argsort(-np.abs(found))][:4], atol=1e-3)


def test_eigenvalues_of_many_parameters() -> None:
    """Those of the whole Hessian, without it."""
    x, y = blobs(60)
    net = fnn.Sequential([fnn.Dense(24, "tanh"), fnn.Dense(3, "softmax")], input_shape=(4,), seed=0).compile("adam")
    net.fit(x, y, epochs=5, verbose=0)
    function = Double(net, x, y)
    wanted = np.linalg.eigvalsh(function.hessian(function.present[None])[0])
    wanted = wanted[np.argsort(-np.abs(wanted))]
    np.testing.assert_allclose(eigenvalues(net, x, y, 6), wanted[:6], atol=1e-3 * wanted[0])


def test_the_loss_is_that_of_evaluate() -> None:
    """Without dropout and noise, with running statistics and penalties: gamma and beta have gradients there too."""
    net, x, y = every_layer()
    before, h = {name: net.weights[name].astype(np.float64) for name in net.gradients}, 0.1
    start, size = 0, sum(value.size for value in before.values())
    for moved, value in before.items():  # along each parameter alone
        v = np.zeros(size)
        v[start : start + value.size] = 1 / np.sqrt(value.size)
        losses = []
        for step in (-2, -1, 0, 1, 2):
            net.weights[moved] = value + step * h / np.sqrt(value.size)
            losses.append(net.evaluate(x, y)["loss"])
        net.weights[moved] = value
        bend = np.dot([-1, 16, -30, 16, -1], losses) / 12 / h**2
        np.testing.assert_allclose(v @ hvp(net, x, y, v), bend, atol=1e-3, err_msg=moved)
        start += value.size


@pytest.mark.parametrize("look", ["hvp", "hessian", "eigenvalues", "surface", "eigenvectors"])
def test_a_look_changes_nothing(look: str) -> None:
    net, x, y = every_layer()
    before = state(net)
    first = looks(net, x, y)[look]()
    assert state(net) == before
    np.testing.assert_array_equal(looks(net, x, y)[look](), first)


@pytest.mark.parametrize("look", ["hvp", "surface"])
def test_a_failed_look_changes_nothing(look: str) -> None:
    calls = []

    def failing(y: np.ndarray, t: np.ndarray) -> tuple[float, np.ndarray]:
        calls.append(0)
        if len(calls) == 3:
            raise ArithmeticError("the third time")
        return float((y**2).mean()), 2 * y / y.size

    net = fnn.Sequential([fnn.Dense(3, "tanh"), fnn.Dense(1)], input_shape=(2,), seed=0)
    net.compile("adam", fnn.losses.Own(failing))
    calls.clear()
    before = state(net)
    with pytest.raises(ArithmeticError, match="the third time"):
        looks(net, *XOR)[look]()
    assert state(net) == before


# Surfaces.


def test_a_surface_is_the_loss_at_its_points() -> None:
    net, x, y = every_layer()
    others = [{name: view.copy() for name, view in net.weights.items()} for _ in range(2)]
    rng = np.random.default_rng(0)
    for other in others:
        for name in other:
            other[name] += np.abs(rng.standard_normal(other[name].shape)) * 0.3  # a variance stays positive
    surface = loss_surface(net, x, y, steps=4, directions=others)
    assert surface.loss.shape == (4, 4) and surface.points.shape == (3, 2)
    flat = [np.concatenate([point[name].ravel() for name in net.weights]) for point in (net.weights, *others)]
    for i in range(3):
        for j in range(3):
            distance = np.linalg.norm(surface.points[i] - surface.points[j])
            np.testing.assert_allclose(distance, np.linalg.norm(flat[i] - flat[j]), rtol=1e-5)
    # A place of the grid by barycentric coordinates, evaluated directly.
    place = np.array([surface.a[2], surface.b[1]])
    part = np.linalg.solve((surface.points[1:] - surface.points[0]).T, place - surface.points[0])
    here = {name: view.copy() for name, view in net.weights.items()}
    for name, value in here.items():
        net.weights[name] = value + sum(p * (o[name] - value) for p, o in zip(part, others, strict=True))
    np.testing.assert_allclose(surface.loss[1, 2], net.evaluate(x, y)["loss"], rtol=1e-4)
    half = (surface.points.max(axis=0) - surface.points.min(axis=0)).max() / 2
    np.testing.assert_allclose(
        surface.a[[0, -1]], [surface.points[:, 0].min() - half, surface.points[:, 0].max() + half]
    )


def test_points_may_be_networks() -> None:
    nets = [classifier(seed=seed) for seed in range(3)]
    x, y = blobs()
    whole = loss_surface(nets[0], x, y, steps=3, directions=nets)
    two = loss_surface(nets[0], x, y, steps=3, directions=(nets[1], dict(nets[2].weights)))
    np.testing.assert_array_equal(whole.loss, two.loss)
    other = loss_surface(nets[1], x, y, steps=3, directions=nets)
    np.testing.assert_array_equal(whole.loss, other.loss)


def test_random_directions_are_normalized_by_filter() -> None:
    x = np.random.default_rng(0).standard_normal((5, 6, 6, 2))
    layers = [fnn.Conv2D(3, 3), fnn.BatchNorm(), fnn.DepthwiseConv2D(2), fnn.Flatten(), fnn.Dense(2)]
    net = fnn.Sequential(layers, input_shape=(6, 6, 2), seed=4).compile("adam", "mse")
    seen: list[dict[str, np.ndarray]] = []

    def watching(y: np.ndarray, t: np.ndarray) -> tuple[float, np.ndarray]:
        seen.append({name: view.copy() for name, view in net.weights.items()})
        return 0.0, np.zeros_like(y)

    net.compile("adam", fnn.losses.Own(watching))
    seen.clear()
    surface = loss_surface(net, x, np.zeros((5, 2)), span=0.5, steps=3)
    assert surface.a.tolist() == surface.b.tolist() == [-0.5, 0, 0.5] and not surface.points.any()
    for place in (3, 5, 1, 7):  # along one direction, half a filter's norm away
        for name, view in net.weights.items():
            moved = seen[place][name] - view
            if view.ndim == 1:
                assert not moved.any()
                continue
            axes = {"conv2d_0.weight": (0, 1, 2), "depthwise_conv2d_0.weight": (0, 1), "dense_0.weight": (0,)}[name]
            norms = (np.linalg.norm(each.reshape(-1, *each.shape[len(axes) :]), axis=0) for each in (moved, view))
            np.testing.assert_allclose(next(norms), 0.5 * next(norms), rtol=1e-4)
    twin = fnn.Sequential(layers, input_shape=(6, 6, 2), seed=4).compile("adam", fnn.losses.Own(watching))
    seen_before, net = seen[:], twin
    seen.clear()
    loss_surface(net, x, np.zeros((5, 2)), span=0.5, steps=3)
    assert all((a[name] == b[name]).all() for a, b in zip(seen, seen_before, strict=True) for name in a)


def test_eigenvectors_are_the_directions_of_least_and_greatest_curvature() -> None:
    net = xor()
    low, *_, high = np.linalg.eigvalsh(hessian(net, *XOR)[0])
    loss = loss_surface(net, *XOR, span=0.05, steps=3, directions="eigenvectors").loss
    bends = [(ends.mean() - loss[1, 1]) * 2 / 0.05**2 for ends in (loss[1, [0, 2]], loss[[0, 2], 1])]
    np.testing.assert_allclose(bends, [low, high], rtol=0.02)
    assert low < -1 < 1 < high


# What is refused.


def test_what_is_refused() -> None:
    net, x, y = xor(), *XOR
    plain = fnn.Sequential([fnn.Dense(1)], input_shape=(2,))
    open_ = fnn.Sequential([fnn.Dense(1)]).compile("sgd", "mse")
    verbs = (lambda net: hvp(net, x, y, [0]), lambda net: hessian(net, x, y), lambda net: eigenvalues(net, x, y))
    for verb in (*verbs, lambda net: loss_surface(net, x, y), lambda net: critical_points(net, x, y)):
        with pytest.raises(RuntimeError, match="not compiled"):
            verb(plain)
        with pytest.raises(RuntimeError, match="not built"):
            verb(open_)
        assert not open_.features
    here = dict(net.weights)
    wide = fnn.Sequential([fnn.Dense(3, "tanh"), fnn.Dense(1)], input_shape=(2,))
    away = {name: view + 1 for name, view in here.items()}
    before = state(net)
    for call, message in (
        (lambda: hvp(net, x, y, np.ones(8)), r"one number for each of 9 parameters, got \(8,\)"),
        (lambda: hvp(net, x, y, np.full(9, np.nan)), "v must be finite"),
        (lambda: hvp(net, x, y[:3], np.ones(9)), "expected 4 targets"),
        (lambda: eigenvalues(net, x, y, 10), "eigenvalues: k must be an integer from 1 to 9, got 10"),
        (lambda: loss_surface(net, x, y, steps=1), "steps must be an integer from 2"),
        (lambda: loss_surface(net, x, y, span=0), "span must be a number >= "),
        (lambda: loss_surface(net, x, y, directions="pca"), "unknown directions 'pca'; known: random, eigenvectors"),
        (lambda: loss_surface(net, x, y, directions=[net]), "expected two or three points"),
        (lambda: loss_surface(net, x, y, directions=[net, wide]), r"directions\[1\]: dense_0.weight: expected shape"),
        (lambda: loss_surface(net, x, y, directions=[{}, net]), r"directions\[0\]: 'dense_0.weight' is missing"),
        (lambda: loss_surface(net, x, y, directions=[net, away]), "are on one line"),
        (lambda: loss_surface(net, x, y, directions=[away, away]), "are on one line"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(TypeError, match="networks or dicts of weights"):
        loss_surface(net, x, y, directions=[1, 2])
    assert state(net) == before


def test_a_large_network_has_no_whole_hessian() -> None:
    net = fnn.Sequential([fnn.Dense(900), fnn.Dense(1)], input_shape=(2,)).compile("sgd", "mse")
    with pytest.raises(ValueError, match="3601 parameters, more than 2000; use eigenvalues, or hvp"):
        hessian(net, *XOR)
