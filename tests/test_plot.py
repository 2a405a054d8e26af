"""Figures hold what they are about; matplotlib is an extra."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import normal
from fastnn import plot
from fastnn.metrics import confusion_matrix


def net(channels: int = 1) -> fnn.Network:
    layers = [fnn.Conv2D(6, 3, activation="relu"), fnn.Flatten(), fnn.Dense(3, "softmax")]
    return fnn.Sequential(layers, input_shape=(8, 9, channels), seed=0)


def test_confusion_matrix_counts() -> None:
    y, found = np.array([0, 0, 1, 2, 2, 2]), np.array([0, 1, 1, 2, 2, 0])
    assert confusion_matrix(y, found).tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 2]]
    assert confusion_matrix(y.reshape(2, 3), found.reshape(2, 3), 4).sum() == 6
    assert confusion_matrix([], [], 2).tolist() == [[0, 0], [0, 0]]
    for wrong, message in (
        ((y, found[:3]), "differ in shape"),
        ((y, found, 2), "classes are 0 to 1, got 2"),
        ((y, -found), "predicted must hold class numbers, 0, 1, 2, ..., got -1"),
        ((y + 0.5, found), "y must hold class numbers, .* got 0.5"),
        ((y, found, 0), "classes must be an integer from 1"),
        (([np.inf], [0]), "y must hold class numbers, .* got inf"),
        (([2**40], [0]), "y must hold class numbers, .* got 1099511627776"),
        (([2**30], [0]), r"counts \(1073741825, 1073741825\) has .* elements, more than"),
    ):
        with pytest.raises(ValueError, match=message):
            confusion_matrix(*wrong)
    with pytest.raises(TypeError, match="real numbers"):
        confusion_matrix(y, ["a"] * 6)


def test_figures(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="figures need the extra 'plot'")
    network = net().compile("adam", "cross_entropy", metrics=["accuracy"])
    x, y = normal(12, 8, 9, 1), np.arange(12) % 3
    history = network.fit(x, y, epochs=4, validation_data=(x, y), verbose=0)
    curves = plot.learning_curves(history)
    assert [axes.get_ylabel() for axes in curves.axes] == ["loss", "accuracy"]
    for axes, name in zip(curves.axes, ("loss", "accuracy"), strict=True):
        for line, key in zip(axes.lines, (name, f"val_{name}"), strict=True):
            np.testing.assert_array_equal(line.get_ydata(), history.history[key])
    matrix = plot.confusion_matrix([0, 0, 1], [0, 1, 1], ["cat", "dog"])
    assert sorted(text.get_text() for text in matrix.axes[0].texts) == ["1", "1", "1"]
    assert [label.get_text() for label in matrix.axes[0].get_yticklabels()] == ["cat", "dog"]
    shown = plot.pictures(x[:5], list("abcde"))
    assert [axes.get_title() for axes in shown.axes] == [*"abcde", ""]
    assert len([axes for axes in plot.filters(network).axes if axes.images]) == 6
    assert len([axes for axes in plot.filters(net(3), "conv2d_0").axes if axes.images]) == 6
    maps = plot.feature_maps(network, x[0])
    first = np.asarray(maps.axes[2].images[0].get_array())
    wanted = fnn.inspection.outputs(network, "conv2d_0", x[:1])[0, ..., 2]
    np.testing.assert_allclose(first, (wanted - wanted.min()) / (np.ptp(wanted) or 1), atol=1e-6)
    looked = plot.class_activation(network, x[0], 1, "a cat")
    heat = looked.axes[1].images[1].get_array()
    np.testing.assert_allclose(heat, fnn.inspection.grad_cam(network, x[0], 1))
    assert looked.axes[0].get_title() == "a cat"
    over_time = plot.gradient_over_time({"rnn": [0, 1e-9, 0.5], "lstm": np.array([0.1, 0.2])})
    assert over_time.axes[0].get_yscale() == "log"
    assert [text.get_text() for text in over_time.axes[0].get_legend().get_texts()] == ["rnn", "lstm"]
    np.testing.assert_array_equal(over_time.axes[0].lines[0].get_xydata(), [[1, np.nan], [2, 1e-9], [3, 0.5]])
    for i, figure in enumerate((curves, matrix, shown, maps, looked, over_time)):
        figure.savefig(tmp_path / f"{i}.png")
        assert (tmp_path / f"{i}.png").read_bytes().startswith(b"\x89PNG")


def test_one_epoch_is_seen() -> None:
    pytest.importorskip("matplotlib", reason="figures need the extra 'plot'")
    history = fnn.History()
    history.record(0, {"loss": 2.0, "val_loss": 3.0})
    axes = plot.learning_curves(history).axes[0]
    assert [line.get_marker() for line in axes.lines] == [".", "."]
    low, high = axes.get_xlim()
    assert [tick for tick in axes.get_xticks() if low <= tick <= high] == [1]


def test_texts_are_no_formulas(tmp_path: Path) -> None:
    """Classes may be called as folders are, and be an array."""
    pytest.importorskip("matplotlib", reason="figures need the extra 'plot'")
    names = np.array([r"$\cat$", "$x$"])
    figures = [
        plot.pictures(normal(2, 4, 4, 1), names),
        plot.confusion_matrix([0, 1], [0, 1], names),
        plot.class_activation(net(), normal(8, 9, 1), title=str(names[0])),
    ]
    for figure in figures:
        figure.savefig(tmp_path / "figure.png")


def test_many_classes() -> None:
    """No counts and names, which would be unreadable, and a figure of limited size."""
    pytest.importorskip("matplotlib", reason="figures need the extra 'plot'")
    figure = plot.confusion_matrix(np.arange(1000), np.arange(1000))
    assert not figure.axes[0].texts and figure.get_figwidth() < 50


def test_what_is_not_finite_is_left_out() -> None:
    pytest.importorskip("matplotlib", reason="figures need the extra 'plot'")
    x = np.array([0, 5, np.nan, 10, np.inf, 0]).reshape(2, 3, 1)
    shown = plot.pictures([x, np.full_like(x, np.nan)]).axes[0].images[0].get_array()
    np.testing.assert_array_equal(np.ma.filled(shown, -1).reshape(-1)[[0, 1, 3, 5]], [0, 0.5, 1, 0])


def test_images_that_are_compared() -> None:
    pytest.importorskip("matplotlib", reason="figures need the extra 'plot'")
    figure = plot.pictures(np.linspace(0, 1, 5).reshape(5, 1, 1, 1), columns=5, low=0.25, high=0.75)
    assert len(figure.axes) == 5
    shown = [float(axes.images[0].get_array().ravel()[0]) for axes in figure.axes]
    assert shown == [0, 0, 0.5, 1, 1]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_grid_is_exact(tmp_path: Path, channels: int) -> None:
    image = pytest.importorskip("PIL.Image", reason="a grid of images needs the extra 'images'")
    x = np.random.default_rng(channels).integers(0, 256, (5, 4, 3, channels)).astype(np.uint8)
    path = tmp_path / "grid"
    plot.save_grid(path, x, columns=3, low=0, high=255)
    with image.open(path) as file:
        assert file.format == "PNG"
        found = np.asarray(file).reshape(10, 13, channels)
    wanted = np.full_like(found, 255)
    for i, (row, column) in enumerate([(0, 0), (0, 5), (0, 10), (6, 0), (6, 5)]):
        wanted[row : row + 4, column : column + 3] = x[i]
    np.testing.assert_array_equal(found, wanted)


def test_a_grid_is_scaled_as_pictures_are(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image", reason="a grid of images needs the extra 'images'")
    x = np.array([[0, 5, np.nan, 10], [-1, 1, 0, -np.inf]]).reshape(2, 1, 4, 1)
    plot.save_grid(str(tmp_path / "own.png"), x)
    plot.save_grid(tmp_path / "same.png", x, columns=1, low=0, high=10)
    with image.open(tmp_path / "own.png") as first, image.open(tmp_path / "same.png") as second:
        own, same = np.asarray(first), np.asarray(second)
    assert own.tolist() == [[0, 128, 0, 255, 255, 255, 0, 255, 128, 0]]
    assert same[[0, 3]].tolist() == [[0, 128, 0, 255], [0, 26, 0, 0]]


def test_a_grid_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("PIL", reason="a grid of images needs the extra 'images'")
    x, path = normal(3, 4, 4, 1), tmp_path / "grid.png"
    plot.save_grid(path, x)
    before = path.read_bytes()
    for given, message in ((x[0], r"save_grid: expected \(n, height, width"), (x[:0], "save_grid: expected")):
        with pytest.raises(ValueError, match=message):
            plot.save_grid(path, given)
    with pytest.raises(ValueError, match="save_grid: low must be less than high, got 2 and 2"):
        plot.save_grid(path, x, low=2, high=2)
    with pytest.raises(TypeError, match="save_grid: pictures: expected an array"):
        plot.save_grid(path, np.full((1, 2, 2, 1), "a"))
    with pytest.raises(FileNotFoundError):
        plot.save_grid(tmp_path / "none" / "grid.png", x)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r"save_grid needs Pillow: pip install 'fastnn-cpu\[images\]'"):
        plot.save_grid(path, x)
    assert path.read_bytes() == before


def test_scatter_of_two_numbers(tmp_path: Path) -> None:
    """As they are, by class; names are no formulas."""
    pytest.importorskip("matplotlib", reason="figures need the extra 'plot'")
    codes, labels = normal(30, 2), np.array([7, 2, 5])[np.arange(30) % 3]
    for given in (labels, np.array(["$a$", "b", "c"])[np.arange(30) % 3], [f"{label}" for label in labels]):
        axes = plot.scatter(codes, given).axes[0]
        assert [text.get_text() for text in axes.get_legend().get_texts()] == [
            str(label).replace("$", r"\$") for label in np.unique(given)
        ]
        for points, label in zip(axes.collections, np.unique(given), strict=True):
            np.testing.assert_array_equal(points.get_offsets(), codes[np.asarray(given) == label])
        assert len({tuple(points.get_facecolor()[0]) for points in axes.collections}) == 3
        axes.figure.savefig(tmp_path / "figure.png")
    assert axes.get_xlabel() == "first number of the code"


def test_scatter_of_more_numbers() -> None:
    """The principal components, here by a singular value decomposition; the largest weight of each is positive."""
    pytest.importorskip("matplotlib", reason="figures need the extra 'plot'")
    codes = (normal(40, 5) * [1, 3, 0.5, 2, 1] @ normal(5, 5, start=1) + 9).astype(np.float64)
    axes = plot.scatter(codes, np.zeros(40, int)).axes[0]
    u, s, rows = np.linalg.svd(codes - codes.mean(axis=0), full_matrices=False)
    signs = np.sign(rows[[0, 1], np.abs(rows[:2]).argmax(axis=1)])
    np.testing.assert_allclose(axes.collections[0].get_offsets(), (u * s)[:, :2] * signs, atol=1e-9)
    names = [f"principal component {i + 1}: {s[i] ** 2 / (s**2).sum():.0%} of the variance" for i in range(2)]
    assert [axes.get_xlabel(), axes.get_ylabel()] == names
    assert plot.scatter(np.ones((4, 3)), [0, 1, 1, 2]).axes[0].get_xlabel().endswith(": 0% of the variance")


@pytest.mark.parametrize(("classes", "named"), [(11, True), (64, True), (65, False)])
def test_scatter_of_many_classes(classes: int, named: bool) -> None:
    """Each in a colour of its own, and no legend that is longer than the figure."""
    pytest.importorskip("matplotlib", reason="figures need the extra 'plot'")
    axes = plot.scatter(normal(classes, 2), np.arange(classes)).axes[0]
    assert (axes.get_legend() is not None) == named
    assert len({tuple(points.get_facecolor()[0]) for points in axes.collections}) == classes


BAD: list[tuple[Any, str]] = [
    (lambda: plot.learning_curves(fnn.History()), "the history has no epochs"),
    (lambda: plot.pictures(normal(3, 4, 4)), r"expected \(n, height, width, 1 or 3\), got \(3, 4, 4\)"),
    (lambda: plot.pictures(normal(3, 4, 4, 1), ["a"]), "1 titles for 3 images"),
    (lambda: plot.pictures(normal(3, 4, 4, 1), columns=0), "pictures: columns"),
    (lambda: plot.pictures(normal(3, 4, 4, 1), low=1, high=0), "low must be less than high, got 1 and 0"),
    (lambda: plot.pictures(np.zeros((3, 0, 4, 1))), r"expected \(n, height, width, 1 or 3\), got \(3, 0, 4, 1\)"),
    (lambda: plot.feature_maps(net(), normal(1, 8, 9, 1)), r"feature_maps: .* got \(1, 8, 9, 1\); give picture\[0\]"),
    (lambda: plot.filters(net(), "dense_0"), "dense_0 has no Conv2D; known: conv2d_0"),
    (lambda: plot.feature_maps(net(), normal(8, 9, 1), "dense_0"), r"dense_0 gives \(3,\), expected feature maps"),
    (lambda: plot.scatter(normal(4, 1), [0] * 4), r"scatter: expected codes \(n, at least 2\), got \(4, 1\)"),
    (lambda: plot.scatter(normal(4, 2)[:0], []), r"scatter: expected codes \(n, at least 2\), got \(0, 2\)"),
    (lambda: plot.scatter(normal(4, 2), [0] * 3), r"scatter: expected a label for each of 4 codes, got \(3,\)"),
    (lambda: plot.scatter([[1, np.nan]], [0]), "scatter: codes must be finite"),
    (lambda: plot.gradient_over_time({}), "expected norms by name, got none"),
    (lambda: plot.gradient_over_time({"a": [[1.0]]}), r"a: expected norms >= 0 \(time,\), got \(1, 1\)"),
    (lambda: plot.gradient_over_time({"a": [1.0, np.nan]}), "expected norms >= 0"),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_bad_input(call: Any, message: str) -> None:
    pytest.importorskip("matplotlib", reason="figures need the extra 'plot'")
    with pytest.raises(ValueError, match=message):
        call()


BAD_TYPES: list[tuple[Any, str]] = [
    (lambda: plot.learning_curves([1.0]), "learning_curves: expected a History, as fit returns it, got list"),
    (lambda: plot.learning_curves({"a": 1}), "learning_curves: a: expected a History, as fit returns it, got int"),
    (lambda: plot.confusion_matrix([0, 1], [0, 1], 2), "confusion_matrix: classes must be a list of names, got 2"),
    (lambda: plot.confusion_matrix([0, 1], [0, 1], "ab"), "classes must be a list of names, got 'ab'"),
    (lambda: plot.pictures(np.full((1, 2, 2, 1), "a")), "pictures: x: expected an array of real numbers"),
    (lambda: plot.scatter([["a", "b"]], [0]), "scatter: codes: expected an array of real numbers"),
    (lambda: plot.scatter([[1, 2]], [0.5]), "scatter: labels must be integers or texts, got float64"),
    (lambda: plot.scatter([[1, 2]], [None]), "scatter: labels must be integers or texts, got object"),
    (lambda: plot.pictures(normal(1, 2, 2, 1), None), "pictures: titles must be a list of texts, got None"),
]


@pytest.mark.parametrize(("call", "message"), BAD_TYPES)
def test_bad_types(call: Any, message: str) -> None:
    pytest.importorskip("matplotlib", reason="figures need the extra 'plot'")
    with pytest.raises(TypeError, match=message):
        call()


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install 'fastnn-cpu\[plot\]'"):
        plot.pictures(normal(1, 4, 4, 1))
