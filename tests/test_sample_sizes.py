"""Scores over the number of training samples: which samples are used, what is measured, and what is refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from fastnn import plot
from fastnn.inspection import LearningCurve, learning_curve
from networks import blobs, classifier, regression

X, Y = blobs(samples=200, seed=1)


class Seen(fnn.Callback):
    """Notes each training."""

    def __init__(self) -> None:
        self.trainings: list[dict[str, Any]] = []

    def on_train_begin(self) -> None:
        self.trainings.append({"names": self.names})


def test_scores_improve_with_samples_and_are_reproducible() -> None:
    (x, y), _ = fnn.datasets.digits()
    x, y = x[y < 3][:200, 18:22], y[y < 3][:200]  # four pixels, which tell the classes apart in part
    first, again = (
        learning_curve(lambda: classifier(fnn.Adam(0.1)), x, y, [0.05, 40, 1.0, 1.0], 2, "accuracy", epochs=15)
        for _ in range(2)
    )
    assert first.sizes.tolist() == [8, 40, 160] and first.metric == "accuracy"
    assert first.training.shape == first.validation.shape == (3, 2)
    gaps = first.training.mean(axis=1) - first.validation.mean(axis=1)
    assert gaps[0] > gaps[-1] + 0.05 and first.validation[-1].mean() > first.validation[0].mean() + 0.05
    np.testing.assert_array_equal(first.training, again.training)
    np.testing.assert_array_equal(first.validation, again.validation)
    assert (first.validation[:, 0] != first.validation[:, 1]).any()  # each repeat draws other samples


def test_samples_are_nested_stratified_and_apart_from_validation_data() -> None:
    """The metric sees the number of each sample, which is an output of a network with fixed weights."""
    samples, seen = 120, []
    x, classes = np.eye(3)[np.repeat([0, 1, 2], [80, 30, 10])], np.repeat([0, 1, 2], [80, 30, 10])

    def numbers(y: np.ndarray, t: np.ndarray) -> float:
        seen.append(np.rint(y[:, -1] * samples).astype(int))
        return 0.0

    def build() -> fnn.Sequential:
        net = fnn.Sequential([fnn.Dense(3)], input_shape=(3,), seed=4)
        net.compile(fnn.SGD(0.0), "cross_entropy", [numbers])
        net.weights["dense_0.weight"] = np.diag([0, 0, 1])
        return net

    x[:, 2] = np.arange(samples) / samples
    learning_curve(build, x, classes, (0.25, 0.5, 1.0), repeats=2)
    runs = seen[1:]  # the first looks for the metric's name; then each is: in training, after it, validation
    assert len(runs) == 18
    for repeat in (runs[:9], runs[9:]):
        held, parts = set(repeat[2].tolist()), [set(each.tolist()) for each in repeat[1::3]]
        assert parts[0] < parts[1] < parts[2] and [len(part) for part in parts] == [24, 48, 96]
        assert not held & parts[2] and len(held | parts[2]) == samples
        assert all(set(each.tolist()) == held for each in repeat[2::3])
        assert all(set(a.tolist()) == set(b.tolist()) for a, b in zip(repeat[::3], repeat[1::3], strict=True))
        for part, size in zip(parts, (24, 48, 96), strict=True):
            counts = np.bincount(classes[sorted(part)], minlength=3)
            assert (np.abs(counts - size * np.array([80, 30, 10]) / samples) < 2).all()
    assert set(runs[2].tolist()) != set(runs[11].tolist())


def test_training_scores_are_as_in_prediction() -> None:
    """Without dropout, which the loss that fit reports has."""
    nets = []

    def build() -> fnn.Sequential:
        layers = [fnn.Dense(16, "relu"), fnn.Dropout(0.9), fnn.Dense(1)]
        nets.append(fnn.Sequential(layers, input_shape=(4,), seed=0).compile("adam", "mse"))
        return nets[-1]

    y = X.sum(axis=1)
    curve = learning_curve(build, X[:150], y[:150], [1.0], 1, validation_data=(X[150:], y[150:]), epochs=2)
    (net,) = nets
    assert curve.training.tolist() == [[net.evaluate(X[:150], y[:150])["loss"]]]
    assert curve.validation.tolist() == [[net.evaluate(X[150:], y[150:])["loss"]]]
    assert net.history.history["loss"][-1] != curve.training[0, 0]


def test_several_inputs_settings_and_callbacks() -> None:
    a, b = fnn.Input((3,), "a"), fnn.Input((1,), "b")

    def build() -> fnn.Network:
        return fnn.Network([a, b], fnn.Dense(2)(fnn.Concatenate()([a, b])), seed=0).compile("adam", "mse")

    seen = Seen()
    given = {"b": X[:, 3:], "a": X[:, :3]}
    curve = learning_curve(build, given, X[:, :2], [10, 50], 1, epochs=3, batch_size=5, callbacks=[seen])
    assert curve.training.shape == (2, 1) and len(seen.trainings) == 2
    assert "val_loss" in seen.trainings[0]["names"]


ONE = classifier()
BAD: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: learning_curve(ONE, X, Y), TypeError, "build must be a function that returns a compiled network"),  # type: ignore[arg-type]
    (lambda: learning_curve(3, X, Y), TypeError, "got int"),  # type: ignore[arg-type]
    (lambda: learning_curve(lambda: None, X, Y), TypeError, "got one that returns NoneType"),  # type: ignore[arg-type,return-value]
    (lambda: learning_curve(lambda: fnn.Sequential([fnn.Dense(3)]), X, Y), RuntimeError, "not compiled"),
    (lambda: learning_curve(lambda: ONE, X, Y), ValueError, "returned the same network again"),
    (lambda: learning_curve(classifier, X, Y, [2, 10]), ValueError, "expected 3 to 160 .* of 3 classes, got 2 samples"),
    (lambda: learning_curve(classifier, X, Y, [161]), ValueError, "expected 3 to 160 training samples .* got 161"),
    (lambda: learning_curve(classifier, X, Y, [0.01]), ValueError, "got 0.01, that is 2 samples"),
    (lambda: learning_curve(regression, X, X[:, 0], [0.001]), ValueError, "expected 1 to 160 training samples, got"),
    (lambda: learning_curve(classifier, X, Y, [1.5]), ValueError, "sizes must be a number >= 0 and <= 1, got 1.5"),
    (lambda: learning_curve(classifier, X, Y, [True]), TypeError, "sizes must be an integer, got True"),
    (lambda: learning_curve(classifier, X, Y, []), ValueError, "sizes: expected fractions .* got none"),
    (lambda: learning_curve(classifier, X, Y, 0.5), TypeError, "sizes must be a list"),  # type: ignore[arg-type]
    (lambda: learning_curve(classifier, X, Y, repeats=0), ValueError, "repeats must be an integer from 1"),
    (lambda: learning_curve(classifier, X, Y, metric="f1"), ValueError, "unknown metric 'f1'; known: loss, accuracy"),
    (lambda: learning_curve(classifier, X, Y, validation_split=0.0), ValueError, "leaves no validation data"),
    (
        lambda: learning_curve(classifier, X, Y, validation_data=X),
        TypeError,
        r"must be \(x, y\) and so on, got ndarray",
    ),
    (lambda: learning_curve(classifier, X, Y, lengths=Y), TypeError, "unknown setting 'lengths'; those of fit are"),
    (lambda: learning_curve(classifier, X[:, :2], Y), ValueError, "expected input"),
]


@pytest.mark.parametrize(("call", "kind", "message"), BAD)
def test_bad_input(call: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()


def test_figure() -> None:
    pytest.importorskip("matplotlib", reason="figures need the extra 'plot'")
    curve = LearningCurve(np.array([5, 50]), np.array([[0.0, 0.5], [1, 2]]), np.array([[3.0, 4], [2, 2]]), "a $b$")
    (axes,) = plot.learning_curve(curve).axes
    assert [line.get_xydata().tolist() for line in axes.lines] == [[[5, 0.25], [50, 1.5]], [[5, 3.5], [50, 2]]]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["5", "50"] and axes.get_xscale() == "log"
    assert axes.get_ylabel() == r"a \$b\$" and len(axes.collections) == 2
    with pytest.raises(TypeError, match=r"what inspection\.learning_curve returns, got History; plot\.learning_curves"):
        plot.learning_curve(fnn.History())  # type: ignore[arg-type]
