"""fit: what its History says, what callbacks see, and what a failure leaves behind."""

import copy
import itertools
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from fastnn.common.randomness import Purpose, generator
from networks import blobs, classifier, regression, state, training_state


class Recorder(fnn.Callback):
    """Writes down every hook, its arguments and a digest of the network."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def on_train_begin(self) -> None:
        self.calls.append(("train_begin",))

    def on_train_end(self) -> None:
        self.calls.append(("train_end",))

    def on_epoch_begin(self, epoch: int) -> None:
        self.calls.append(("epoch_begin", epoch))

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        self.calls.append(("epoch_end", epoch, dict(logs), training_state(self.net)))

    def on_batch_end(self, step: int, logs: dict[str, float]) -> None:
        self.calls.append(("batch_end", step, dict(logs), training_state(self.net)))


class At(fnn.Callback):
    """Does something at the end of one step, counted over all epochs."""

    def __init__(self, step: int, action: Any) -> None:
        self.left, self.action = step, action

    def on_batch_end(self, step: int, logs: dict[str, float]) -> None:
        if self.left == 0:
            self.action(self.net)
        self.left -= 1


def by_hand(
    net: fnn.Sequential, x: np.ndarray, y: np.ndarray, batch: int, epochs: int, shuffle: bool
) -> dict[str, list]:
    """The same training with train_on_batch in the order of fit; the History that fit must have."""
    history: dict[str, list[float]] = {"loss": [], "accuracy": []}
    for _ in range(epochs):
        order = np.arange(len(x))
        if shuffle:
            order = generator(net.seed, Purpose.SHUFFLE, net.counters.epoch).permutation(len(x))
        seen = {"loss": 0.0, "accuracy": 0.0}
        for start in range(0, len(x), batch):
            rows = order[start : start + batch]
            seen["accuracy"] += (net.classify(x[rows]) == y[rows]).sum()
            seen["loss"] += net.train_on_batch(x[rows], y[rows]) * len(rows)
        net.counters.count_epoch()
        for name, total in seen.items():
            history[name].append(total / len(x))
    return history


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("batch", [1, 16, 45, 90, 500])
def test_fit_is_its_steps(batch: int, shuffle: bool) -> None:
    """History: the sample-weighted mean of what training saw, also with a short last batch; parameters bit for bit."""
    x, y = blobs()
    net, twin = classifier(), classifier()
    history = net.fit(x, y, batch_size=batch, epochs=3, shuffle=shuffle, verbose=0)
    wanted = by_hand(twin, x, y, batch, 3, shuffle)
    assert list(history.history) == ["loss", "accuracy"] and history.epoch == [0, 1, 2]
    for name, values in wanted.items():
        assert history.history[name] == pytest.approx(values, rel=1e-12)
    assert training_state(net) == training_state(twin)
    assert net.counters.values() == (3, 3 * -(-90 // batch), 3 * -(-90 // batch))
    assert net.history is history


@pytest.mark.parametrize("dtype", ["float64", "uint8", "int32", "float16", "bool"])
def test_dtypes_of_x(dtype: str) -> None:
    """The gather converts: the same training as on float32."""
    rng = np.random.default_rng(0)
    x, y = (rng.random((90, 4)) * 2).astype(dtype), blobs()[1]
    nets = [classifier() for _ in range(2)]
    for net, array in zip(nets, (x, x.astype(np.float32)), strict=True):
        net.fit(array, y, batch_size=16, epochs=2, verbose=0)
    assert training_state(nets[0]) == training_state(nets[1])


def test_fit_twice_continues() -> None:
    """Two fits of two epochs are one of four; each has its own History."""
    x, y = blobs()
    once, twice = classifier(), classifier()
    whole = once.fit(x, y, 16, 4, verbose=0)
    first, second = twice.fit(x, y, 16, 2, verbose=0), twice.fit(x, y, 16, 2, verbose=0)
    assert first.history["loss"] + second.history["loss"] == whole.history["loss"]
    assert twice.history is second and second is not first and second.epoch == [0, 1]
    assert training_state(once) == training_state(twice)


def test_shuffle_follows_the_seed() -> None:
    """One seed, one order; another seed, epoch or shuffle=False, another."""
    x, y = blobs()

    def trained(seed: int, shuffle: bool = True) -> tuple[str, list[float]]:
        net = classifier(seed=seed)
        net.weights["dense_0.weight"] = np.ones((4, 8)) * np.linspace(-1, 1, 8)
        net.weights["dense_1.weight"] = np.ones((8, 3)) * np.linspace(-1, 1, 3)
        return net.fit(x, y, 8, 3, shuffle=shuffle, verbose=0), net.parameters.tobytes()  # type: ignore[return-value]

    (_, a), (_, b), (_, c), (_, d) = trained(0), trained(0), trained(1), trained(0, shuffle=False)
    assert a == b and len({a, c, d}) == 3


def test_validation() -> None:
    """Values named val_ are what evaluate gives at the end of the epoch; they change nothing in the training."""
    x, y = blobs()
    xv, yv = blobs(33, seed=1)
    net, plain, recorder = classifier(), classifier(), Recorder()
    history = net.fit(x, y, 16, 3, validation_data=(xv, yv), callbacks=[recorder], verbose=0).history
    plain.fit(x, y, 16, 3, verbose=0)
    assert list(history) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    assert training_state(net) == training_state(plain)
    assert net.evaluate(xv, yv) == {"loss": history["val_loss"][-1], "accuracy": history["val_accuracy"][-1]}
    ends = [call for call in recorder.calls if call[0] == "epoch_end"]
    assert [{name: values[i] for name, values in history.items()} for i in range(3)] == [logs for _, _, logs, _ in ends]


def test_callbacks_in_order() -> None:
    """Every hook, its numbers, its logs, and the network after exactly that step."""
    x, y = blobs(40)
    recorder, second = Recorder(), Recorder()
    net, twin = classifier(), classifier()
    history = net.fit(x, y, 16, 2, shuffle=False, callbacks=[recorder, second], verbose=0).history
    wanted: list[tuple[Any, ...]] = [("train_begin",)]
    for epoch in range(2):
        wanted.append(("epoch_begin", epoch))
        for step, start in enumerate(range(0, 40, 16)):
            rows = slice(start, start + 16)
            accuracy = twin.evaluate(x[rows], y[rows])["accuracy"]
            logs = {"loss": twin.train_on_batch(x[rows], y[rows]), "accuracy": accuracy}
            wanted.append(("batch_end", step, logs, training_state(twin)))
        twin.counters.count_epoch()
        logs = {name: values[epoch] for name, values in history.items()}
        wanted.append(("epoch_end", epoch, logs, training_state(twin)))
    assert recorder.calls == [*wanted, ("train_end",)] and second.calls == recorder.calls


@pytest.mark.parametrize("hook", ["on_epoch_begin", "on_epoch_end", "on_batch_end"])
def test_stop_training(hook: str) -> None:
    """The fit ends after the present step or epoch, with on_train_end and a History; the next fit is not stopped."""
    x, y = blobs()
    callback = Recorder()
    stopper = type("Stopper", (fnn.Callback,), {hook: lambda self, *_: setattr(self.net, "stop_training", True)})()
    net = classifier()
    history = net.fit(x, y, 16, 5, callbacks=[stopper, callback], verbose=0)
    assert callback.calls[-1] == ("train_end",) and len(history.epoch) == (hook != "on_epoch_begin")
    assert net.counters.step == {"on_epoch_begin": 0, "on_epoch_end": 6, "on_batch_end": 1}[hook]
    net.fit(x, y, 16, 2, verbose=0)
    assert len(net.history.epoch) == 2


def test_a_callback_that_raises() -> None:
    """The network is as after its last whole step, the History of the whole epochs is in net.history."""
    x, y = blobs()

    def fail(net: fnn.Sequential) -> None:
        raise OSError("full")

    net, twin = classifier(), classifier()
    with pytest.raises(OSError, match="full"):
        net.fit(x, y, 16, 5, shuffle=False, callbacks=[At(8, fail)], verbose=0)
    assert net.counters.step == 9 and len(net.history.history["loss"]) == 1
    twin.fit(x, y, 16, 1, shuffle=False, verbose=0)
    for start in (0, 16, 32):
        twin.train_on_batch(x[start : start + 16], y[start : start + 16])
    assert training_state(net) == training_state(twin)
    net.fit(x, y, 16, 1, verbose=0)


def test_inside_a_callback(tmp_path: Any) -> None:
    """Reading in every way works; what would change the network otherwise is refused, and nothing is lost."""
    x, y = blobs()
    seen: dict[str, Any] = {}

    def look(net: fnn.Sequential) -> None:
        net.save(tmp_path / "inside.safetensors")
        seen.update(evaluate=net.evaluate(x, y), predict=net.predict(x), classify=net.classify(x), copy=copy.copy(net))
        seen.update(digest=training_state(net), plan=repr(net.plan(8, training=True)))
        for call in (lambda: net.fit(x, y), lambda: net.train_on_batch(x, y), net.compile):
            with pytest.raises(RuntimeError, match="inside fit"):
                call()

    net, twin = classifier(), classifier()
    net.fit(x, y, 16, 2, callbacks=[At(8, look)], verbose=0)
    twin.fit(x, y, 16, 2, verbose=0)
    assert training_state(net) == training_state(twin)
    for other in (fnn.load(tmp_path / "inside.safetensors"), seen["copy"]):
        assert training_state(other) == seen["digest"] and other.counters.step == 9
        np.testing.assert_array_equal(other.predict(x), seen["predict"])
        assert other.evaluate(x, y) == seen["evaluate"]


def test_assigning_inside_a_callback() -> None:
    """Weights and the learning rate that a callback sets count from the next step on."""
    x, y = blobs()
    net = classifier("sgd")

    def freeze(net: fnn.Sequential) -> None:
        net.optimizer.learning_rate = 0.0
        for name, view in net.weights.items():
            net.weights[name] = np.full(view.shape, 0.5)

    net.fit(x, y, 16, 3, callbacks=[At(3, freeze)], verbose=0)
    assert all((view == 0.5).all() for view in net.weights.values())


@pytest.mark.parametrize("where", ["x", "y", "label"])
@pytest.mark.parametrize("shuffle", [False, True])
def test_bad_data_on_the_way(where: str, shuffle: bool) -> None:
    """Data that are not finite, or no label, stop before that step's update; the row is named."""
    x, y = blobs()
    t = np.eye(3, dtype=np.float32)[y] if where == "y" else y.copy()
    order = generator(0, Purpose.SHUFFLE, 0).permutation(90) if shuffle else np.arange(90)
    bad = order[53]  # in the fourth step of 16
    good_x, good_t = x.copy(), t.copy()
    if where == "x":
        x[bad, 2] = np.inf
    else:
        t[bad] = 3 if where == "label" else np.nan
    net, twin = classifier(), classifier()
    with pytest.raises(ValueError, match=rf"{where[0] if where != 'label' else 'y'}\[{bad}\b"):
        net.fit(x, t, 16, 3, shuffle=shuffle, verbose=0)
    for start in (0, 16, 32):
        twin.train_on_batch(good_x[order[start : start + 16]], good_t[order[start : start + 16]])
    assert training_state(net) == training_state(twin) and net.counters.step == 3
    before = state(net)
    with pytest.raises(ValueError, match=rf"\[{bad}\b"):
        net.train_on_batch(x, t)
    assert state(net) == before


@pytest.mark.parametrize(("batch", "callbacks"), list(itertools.product([10, 90], [[], [Recorder()]])))
@pytest.mark.parametrize("optimizer", [fnn.SGD(1e18), fnn.SGD(1e12, momentum=0.9), fnn.Adam(1e25)], ids=str)
def test_divergence(optimizer: fnn.Optimizer, batch: int, callbacks: list[fnn.Callback]) -> None:
    """A loss that stops being finite puts parameters, slots and counters back to the last finite epoch.

    The last update of an epoch may be the one that ruins it, so only a finite loss after it proves the epoch finite.
    """
    x, _ = blobs()
    t = x.sum(axis=1)
    net = regression(
        optimizer=fnn.SGD(0.001, momentum=0.9) if optimizer.slots() == ("velocity",) else type(optimizer)(1e-3)
    )
    net.fit(x, t, batch, 3, verbose=0)
    net.optimizer.learning_rate = optimizer.learning_rate  # type: ignore[union-attr]
    twin = copy.copy(net)
    with pytest.raises(FloatingPointError, match=r"epoch \d+, step \d+.*learning rate"):
        net.fit(x, t, batch, 50, callbacks=callbacks, verbose=0)
    assert bool(np.isfinite(net.parameters).all()), "the parameters that are left must be finite"
    assert np.isfinite(net.evaluate(x, t)["loss"]), "the network that is left must be of use"
    if net.counters.epoch > 3:
        twin.fit(x, t, batch, net.counters.epoch - 3, verbose=0)
    assert training_state(net) == training_state(twin)
    net.optimizer.learning_rate = 0.0  # type: ignore[union-attr]
    net.fit(x, t, batch, 1, verbose=0)


def test_divergence_in_one_step() -> None:
    """train_on_batch raises and changes nothing."""
    x, _ = blobs()
    net = regression()
    for view in net.weights.values():
        view[...] = 1e30
    before = state(net)
    with pytest.raises(FloatingPointError, match="learning rate"):
        net.train_on_batch(x, x.sum(axis=1))
    assert state(net) == before


def test_a_first_fit_that_diverges_leaves_a_built_network() -> None:
    net = fnn.Sequential([fnn.Dense(2)], seed=0).compile(fnn.SGD(1e30), "mse")
    with pytest.raises(FloatingPointError, match="back at the end of the last finite epoch"):
        net.fit(np.ones((8, 3)), np.ones((8, 2)), 2, 5, verbose=0)
    assert all(np.isfinite(values).all() for values in net.weights.values()) and len(net.weights) == 2
