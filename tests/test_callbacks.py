"""The callbacks that watch a metric, and that regularisation remedies overfitting on real data."""

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from networks import blobs, classifier, state


class Script(fnn.Callback):
    """Replaces a value of the logs, one for each epoch, and records what the network is then."""

    def __init__(self, name: str, values: list[float]) -> None:
        self.name, self.values = name, values
        self.parameters: list[np.ndarray] = []
        self.rates: list[Any] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        logs[self.name] = self.values[epoch]
        self.parameters.append(self.net.parameters.copy())
        self.rates.append(self.net.optimizer.learning_rate)


def fit(net: fnn.Network, callback: fnn.Callback, values: list[float], name: str = "val_loss") -> Script:
    """A fit in which the metric has these values."""
    x, y = blobs()
    script = Script(name, values)
    net.fit(x, y, 16, len(values), validation_data=(x, y), callbacks=[script, callback], verbose=0)
    return script


@pytest.mark.parametrize(
    ("values", "settings", "epochs", "best"),
    [
        ([3, 2, 1, 1, 2, 0], {"patience": 2}, 5, 2),
        ([3, 2, 1, 1, 0.5, 2, 2, 0], {"patience": 2}, 7, 4),
        ([3, 2, 1], {"patience": 1}, 3, 2),
        ([3, 2.95, 2.91, 2, 2, 1], {"patience": 2, "min_delta": 0.1}, 3, 0),
        ([math.nan, 2, math.nan, 1, 3], {"patience": 3}, 5, 3),
        ([1, 2, 3, 1, 1], {"patience": 2, "mode": "max"}, 5, 2),
        ([2, 2, 1], {"patience": 0}, 2, 0),
    ],
)
def test_early_stopping(values: list[float], settings: dict[str, Any], epochs: int, best: int) -> None:
    """It ends after `patience` epochs without an improvement; the best epoch's weights are back, or the last's stay."""
    net = classifier()
    script = fit(net, fnn.EarlyStopping(**settings), values)
    assert len(script.parameters) == epochs and (net.parameters == script.parameters[best]).all()
    net = classifier()
    script = fit(net, fnn.EarlyStopping(**settings, restore_best=False), values)
    assert len(script.parameters) == epochs and (net.parameters == script.parameters[-1]).all()


def test_an_accuracy_is_to_grow() -> None:
    script = fit(classifier(), fnn.EarlyStopping("val_accuracy", patience=2), [0.5, 0.6, 0.6, 0.6, 0.9], "val_accuracy")
    assert len(script.parameters) == 4


def test_a_callback_starts_again_with_each_fit() -> None:
    """What one fit found best is not the next one's measure."""
    callback = fnn.EarlyStopping(patience=2)
    for values in ([1, 2, 2], [9, 8, 7, 6]):
        assert len(fit(classifier(), callback, values).parameters) == len(values)


def test_nothing_ever_finite() -> None:
    """The weights stay where the training left them."""
    net = classifier()
    script = fit(net, fnn.EarlyStopping(patience=3), [math.nan] * 3)
    assert (net.parameters == script.parameters[-1]).all()


def test_reduce_on_plateau(tmp_path: Path) -> None:
    """A tenth after two epochs without an improvement, not below `least`; the rate goes into files."""
    net = classifier(fnn.SGD(0.1))
    callback = fnn.ReduceOnPlateau(factor=0.1, patience=2, least=0.002)
    script = fit(net, callback, [3, 2, 2, 2, 2, 1, 1, 1, 0])
    assert script.rates == pytest.approx([0.1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.01, 0.002])
    net.save(tmp_path / "net.safetensors")
    assert fnn.load(tmp_path / "net.safetensors").optimizer == fnn.SGD(0.002)
    small = classifier(fnn.SGD(0.001))
    fit(small, fnn.ReduceOnPlateau(patience=1, least=0.01), [1, 1, 1])
    assert small.optimizer.learning_rate == 0.001  # never raised
    with pytest.raises(TypeError, match="Schedule"):
        fit(classifier(fnn.SGD(fnn.schedules.Constant(0.1))), callback, [1])


def test_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "best.safetensors"
    script = fit(classifier(), fnn.Checkpoint(path), [3, 1, 2])
    assert (fnn.load(path).parameters == script.parameters[1]).all()


def test_a_checkpoint_keeps_its_best_over_fits(tmp_path: Path) -> None:
    path = tmp_path / "best.safetensors"
    keep = fnn.Checkpoint(path)
    best = fit(classifier(), keep, [3, 1, 2]).parameters[1]
    fit(classifier(seed=1), keep, [5, 4])
    assert (fnn.load(path).parameters == best).all()
    better = fit(classifier(seed=2), keep, [0.5]).parameters[0]
    assert (fnn.load(path).parameters == better).all()


@pytest.mark.parametrize(
    ("monitor", "grows"),
    [
        ("val_accuracy", True),
        ("head_top_5_accuracy", True),
        ("accuracy_head_loss", False),
        ("val_inaccuracy_loss", False),
    ],
)
def test_the_mode_goes_by_the_ending_of_the_name(monitor: str, grows: bool) -> None:
    script = fit(classifier(), fnn.EarlyStopping(monitor, patience=2), [1, 2, 3, 4, 5], monitor)
    assert len(script.parameters) == (5 if grows else 3)


def test_what_a_callback_writes_is_in_the_history_and_monitored() -> None:
    x, y = blobs()
    script = Script("mine", [1, 2, 3, 3, 3, 3])
    stop = fnn.EarlyStopping("mine", patience=1, mode="max")
    history = classifier().fit(x, y, epochs=6, callbacks=[script, stop], verbose=0)
    assert history.history["mine"] == [1, 2, 3, 3] and len(history.epoch) == 4
    with pytest.raises(ValueError, match=r"unknown monitor 'mine'; known: loss, accuracy$"):
        classifier().fit(x, y, callbacks=[stop, script], verbose=0)


def test_a_value_that_some_epochs_lack_is_nan_there() -> None:
    class Sometimes(fnn.Callback):
        def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
            if epoch == 1:
                logs["mine"] = np.float32(0.5)
            if epoch == 3:
                logs["other"] = "text"  # type: ignore[assignment]

    x, y = blobs()
    net = classifier()
    with pytest.raises(TypeError, match=r"logs\['other'\]: expected a number, got 'text'"):
        net.fit(x, y, epochs=9, callbacks=[Sometimes()], verbose=0)
    mine = net.history.history["mine"]
    assert [math.isnan(value) for value in mine] == [True, False, True, True] and mine[1] == 0.5
    assert len(net.history.history["loss"]) == len(net.history.epoch) == 4


@pytest.mark.parametrize("make", [fnn.EarlyStopping, fnn.ReduceOnPlateau, lambda m: fnn.Checkpoint("x", m)])
@pytest.mark.parametrize(
    ("monitor", "validation", "message"),
    [
        ("val_acc", True, "unknown monitor 'val_acc'; known: loss, accuracy, val_loss, val_accuracy"),
        ("val_loss", False, "known: loss, accuracy; names with val_ need validation_data"),
    ],
)
def test_unknown_monitors(make: Any, monitor: str, validation: bool, message: str) -> None:
    """They are found out before the first step."""
    (x, y), net = blobs(), classifier()
    before = state(net, history=False)
    with pytest.raises(ValueError, match=message):
        net.fit(x, y, validation_data=(x, y) if validation else None, callbacks=[make(monitor)], verbose=0)
    assert state(net, history=False) == before


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: fnn.EarlyStopping(5), TypeError, "EarlyStopping: monitor"),
        (lambda: fnn.EarlyStopping(patience=-1), ValueError, "EarlyStopping: patience"),
        (lambda: fnn.EarlyStopping(min_delta=-1.0), ValueError, "EarlyStopping: min_delta"),
        (lambda: fnn.EarlyStopping(restore_best=1), TypeError, "EarlyStopping: restore_best"),
        (lambda: fnn.EarlyStopping(mode="least"), ValueError, "EarlyStopping: mode.*auto, min, max"),
        (lambda: fnn.ReduceOnPlateau(factor=1.0), ValueError, "ReduceOnPlateau: factor"),
        (lambda: fnn.ReduceOnPlateau(least="0"), TypeError, "ReduceOnPlateau: least"),
        (lambda: fnn.Checkpoint(None), TypeError, "NoneType"),
    ],
)
def test_settings_are_checked(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_overfitting_has_remedies() -> None:
    """Each brings down the loss on digits that the training did not see, and narrows the gap to that on those it saw.

    300 digits, about 40 of them labelled at random, and 85 000 weights.
    """
    (x, y), (xv, yv) = fnn.datasets.digits()
    rng = np.random.default_rng(0)
    x, y = x[:300], np.where(rng.random(300) < 0.15, rng.integers(0, 10, 300), y[:300])
    test, valid = (xv[1::2], yv[1::2]), (xv[::2], yv[::2])

    def trained(*callbacks: fnn.Callback, dropout: float = 0.0, l2: float = 0.0) -> np.ndarray:
        """The loss on other digits, and how much greater it is than on these: means of three seeds."""
        ends = []
        for seed in range(3):
            hidden = [(fnn.Dense(256, "relu", l2=l2), fnn.Dropout(dropout)) for _ in range(2)]
            layers = [*itertools.chain(*hidden), fnn.Dense(10, "softmax", l2=l2)]
            net = fnn.Sequential(layers, input_shape=(64,), seed=seed).compile(fnn.Adam(0.003))
            net.fit(x, y, 32, 100, validation_data=valid, callbacks=callbacks, verbose=0)
            penalty = sum(
                l2 * float((view.astype(float) ** 2).sum()) for name, view in net.weights.items() if "w" in name
            )
            loss, own = (net.evaluate(*data)["loss"] - penalty for data in (test, (x, y)))
            ends.append((loss, loss - own))
        return np.mean(ends, axis=0)

    loss, gap = trained()
    assert gap > 0.9 * loss  # it knows all its labels, the wrong ones too
    for callbacks, settings in (
        ([], {"dropout": 0.5}),
        ([], {"l2": 1e-3}),
        ([fnn.EarlyStopping(patience=5)], {}),
        ([], {"dropout": 0.5, "l2": 1e-3}),
    ):
        assert (trained(*callbacks, **settings) < 0.85 * np.array([loss, gap])).all(), settings
