"""Critical points of the loss, the float64 loss that they are searched with, and figures of the loss."""

from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from fastnn import plot
from fastnn.inspection import CriticalPoint, critical_points, hvp, loss_surface
from fastnn.inspection.double import ACTIVATIONS, Double
from landscapes import XOR, exact, linear, xor
from networks import blobs, state


def test_critical_points_of_xor() -> None:
    net = xor(seed=1)
    before = state(net)
    points = critical_points(net, *XOR, starts=50, spread=2.0)
    assert state(net) == before
    losses = [point.loss for point in points]
    assert losses == sorted(losses) and losses[0] < 1e-20
    found = {wanted for wanted in (1 / 8, 1 / 6, 1 / 4) if np.abs(np.array(losses) - wanted).min() < 1e-6}
    assert 1 / 4 in found and len(found) > 1  # the search is chaotic: which valley it finds depends on rounding
    assert any(point.kind == "saddle" for point in points) and 30 <= sum(point.count for point in points) <= 50
    for point in points:
        loss, gradient, matrix = exact(point.weights)
        spectrum = np.linalg.eigvalsh(matrix)
        assert abs(loss - point.loss) < 1e-12
        assert np.linalg.norm(gradient) < 1e-7 and abs(np.linalg.norm(gradient) - point.gradient) < 1e-12
        np.testing.assert_allclose(point.eigenvalues, spectrum, atol=1e-12 * spectrum[-1])
        least, most = 2 * point.noise + 1e-12, point.noise / 2 - 1e-12
        assert (spectrum < -least).sum() <= point.negative <= (spectrum < -most).sum()
        assert (spectrum > least).sum() <= point.positive <= (spectrum > most).sum()
        assert point.negative + point.flat + point.positive == 9
        assert point.kind == ("saddle" if point.negative else "minimum or flat")
    # Four equations for nine parameters: solutions are a surface of five dimensions.
    assert (points[0].negative, points[0].flat, points[0].positive) == (0, 5, 4)


def test_the_seed_and_the_present_parameters_decide() -> None:
    first, second, other = (critical_points(xor(seed), *XOR, starts=2) for seed in (0, 0, 1))
    assert [point.loss for point in first] == [point.loss for point in second] != [point.loss for point in other]
    net = xor()
    for name, view in net.weights.items():
        view[...] = name == "dense_1.bias" and 0.5
    (there,) = critical_points(net, *XOR, starts=1)
    assert (there.loss, there.gradient, there.count) == (0.25, 0, 1)
    assert all((there.weights[name] == view).all() for name, view in net.weights.items())


def test_with_a_penalty_minima_are_points() -> None:
    """The symmetric copies of each are one, whose count is that of the searches that ended there."""
    points = critical_points(xor(l2=1e-3), *XOR, starts=24)
    best = points[0]
    assert best.kind == "minimum" and best.positive == 9 and best.count > 3 and 0 < best.loss < 0.02
    assert any(point.kind == "saddle" and not point.flat for point in points)


def test_kinds() -> None:
    made = {
        kind: CriticalPoint(0.0, 0.0, np.array(values), 0.1, 1, {}).kind
        for kind, values in {
            "minimum": [1.0, 2],
            "maximum": [-2.0, -1],
            "saddle": [-1.0, 0, 1],
            "minimum or flat": [-0.1, 1],
            "maximum or flat": [-1, 0.1],
            "flat": [0.0, 0.1],
        }.items()
    }
    assert all(kind == found for kind, found in made.items())


@pytest.mark.parametrize("loss", ["mse", "binary_cross_entropy", "cross_entropy"])
@pytest.mark.parametrize("activation", list(ACTIVATIONS))
def test_float64_is_the_same_loss(activation: str, loss: str) -> None:
    """The loss, its gradient, and products with the Hessian are the native ones."""
    ending = {"mse": "tanh", "binary_cross_entropy": "sigmoid", "cross_entropy": "softmax"}[loss]
    layers = [fnn.Dense(5, activation, l2=0.01), fnn.Dropout(0.5), fnn.Dense(3, bias=False), fnn.Activation(ending)]
    net = fnn.Sequential(layers, input_shape=(4,), seed=0).compile("adam", loss)
    x, labels = blobs(20)
    x = x / 3
    y = labels if loss == "cross_entropy" else np.eye(3)[labels]
    function = Double(net, x, y)
    rng = np.random.default_rng(0)
    v = rng.standard_normal(function.present.size)
    np.testing.assert_allclose(function.loss(function.present), net.evaluate(x, y)["loss"], rtol=1e-5)
    h = 1e-6 * v
    ends = [function.loss(function.present + sign * h) for sign in (1, -1)]
    np.testing.assert_allclose(
        function.gradient(function.present) @ v, (ends[0] - ends[1]) / 2e-6, rtol=1e-6, atol=1e-8
    )
    product = function.hessian(function.present[None])[0] @ v
    np.testing.assert_allclose(product, hvp(net, x, y, v), atol=1e-3 * np.abs(product).max())


def test_a_point_of_few_parameters() -> None:
    """All searches end in the one minimum of a linear network, in float64."""
    net, x, y, wanted = linear()
    (point,) = critical_points(net, x, y, starts=6)
    best = np.linalg.lstsq(x, y, rcond=None)[0]
    np.testing.assert_allclose(point.weights["dense_0.weight"], best, rtol=1e-10)
    np.testing.assert_allclose(point.eigenvalues, np.linalg.eigvalsh(wanted), rtol=1e-10)
    assert (point.kind, point.count) == ("minimum", 6)


# What is refused.


def test_settings_are_checked() -> None:
    net, x, y = xor(), *XOR
    before = state(net)
    for call, message in (
        (lambda: critical_points(net, x, y, starts=0), "starts must be an integer from 1"),
        (lambda: critical_points(net, x, y, spread=0), "spread must be a number"),
        (lambda: critical_points(net, np.full((4, 2), np.nan), y, starts=2), "not finite|NaN|nan"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    assert state(net) == before
    net.weights["dense_1.bias"][...] = np.inf
    with pytest.raises(ValueError, match="parameters that are not finite"):
        critical_points(net, x, y, starts=2)


@pytest.mark.parametrize(
    ("layers", "loss", "message"),
    [
        ([fnn.Dense(2, "relu"), fnn.Dense(1)], "mse", "expected smooth activations, identity, .*; got relu"),
        ([fnn.Dense(2), fnn.LayerNorm(), fnn.Dense(1)], "mse", "layer_norm_0: expected Dense and .*, got LayerNorm"),
        ([fnn.Dense(1, l1=0.1)], "mse", "dense_0: l1 has no second derivative"),
        ([fnn.Dense(1)], "huber", "expected a loss among mse, .*; got huber"),
        ([fnn.Dense(2)], fnn.losses.CrossEntropy(ignore=0), "in default settings; got cross_entropy"),
        ([fnn.Dense(400), fnn.Dense(1)], "mse", "1601 parameters, more than 300"),
    ],
)
def test_critical_points_refuses(layers: list[fnn.Layer], loss: Any, message: str) -> None:
    net = fnn.Sequential(layers, input_shape=(2,)).compile("sgd", loss)
    y = [0, 1, 1, 0]
    with pytest.raises(ValueError, match=message):
        critical_points(net, XOR[0], y)


# Figures.


def test_figures() -> None:
    pytest.importorskip("matplotlib", reason="figures need the extra 'plot'")
    net = xor(seed=1)
    surface = loss_surface(net, *XOR, steps=7)
    figure = plot.loss_surface(surface, "a $ and a $")
    axes, bar = figure.axes
    shown = axes.collections[0].get_array()
    np.testing.assert_array_equal(np.asarray(shown), surface.loss)
    assert axes.get_title() == r"a \$ and a \$" and bar.get_ylabel() == "loss"
    assert axes.lines[0].get_xydata().tolist() == [[0, 0]]
    points = critical_points(net, *XOR, starts=8, spread=2.0)
    left, right = plot.critical_points(points).axes
    drawn = np.concatenate([each.get_offsets() for each in left.collections])
    assert sorted(drawn[:, 1].tolist()) == [point.loss for point in points]
    assert sorted(np.round(9 * drawn[:, 0]).tolist()) == sorted(point.negative for point in points)
    assert len(right.get_yticklabels()) == len(points) and right.get_yticklabels()[0].get_text().startswith("0 (x")
    plot.critical_points(points).canvas.draw()


@pytest.mark.parametrize("scale", ["even", "log", "holes", "constant", "negative"])
def test_a_surface_of_any_loss_is_drawn(scale: str) -> None:
    pytest.importorskip("matplotlib", reason="figures need the extra 'plot'")
    grid = np.linspace(-1, 1, 5)
    bowl = grid[:, None] ** 2 + grid**2
    losses = {"even": bowl + 1, "log": 1e6 * bowl, "constant": 0 * bowl, "negative": bowl - 1}
    loss = losses.get(scale, np.where(bowl < 1, bowl, np.inf))
    figure = plot.loss_surface(fnn.inspection.Surface(loss, grid, grid, np.zeros((1, 2))))
    figure.canvas.draw()
    norm = figure.axes[0].collections[0].norm
    assert (type(norm).__name__ == "LogNorm") == (scale in ("log", "holes"))


def test_figures_refuse() -> None:
    grid = np.linspace(-1, 1, 5)
    with pytest.raises(TypeError, match=r"loss_surface: expected what inspection\.loss_surface returns, got list"):
        plot.loss_surface([])
    with pytest.raises(ValueError, match="nowhere finite"):
        plot.loss_surface(fnn.inspection.Surface(np.full((5, 5), np.nan), grid, grid, np.zeros((1, 2))))
    with pytest.raises(ValueError, match="expected points, got none"):
        plot.critical_points([])
    with pytest.raises(TypeError, match=r"critical_points must be a list as inspection\.critical_points returns it"):
        plot.critical_points([1])
