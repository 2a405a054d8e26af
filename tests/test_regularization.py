"""Penalties, clipping, max-norm and the moving average against their twins, and what a network makes of them."""

from typing import Any

import numpy as np
import pytest

import fastnn as fnn
import reference_updates
from check import TAILS, assert_close, assert_margins, assert_same_on_threads, empty, normal, run, tensor
from fastnn.engine.op import Op
from fastnn.engine.plan import Plan
from fastnn.engine.tensor import Tensor
from fastnn.kernels import Average, Clip, ClipNorm, ElementwiseLoss, MaxNorm, Penalty, SquaredNorm
from networks import blobs, regression

# Elements enough for two threads, and for four.
TWO, FOUR = 46_000, 100_000


def tails(num_threads: int) -> list[int]:
    """Every tail on one thread, some on two, where the tensors are large."""
    return [n for n in TAILS if num_threads == 1 or n % 10 < 2]


def loss_of(rows: int = 1) -> tuple[ElementwiseLoss, float]:
    """A loss that has a value, and the value."""
    x, target = tensor(normal(rows, 2)), tensor(np.zeros((rows, 2)))
    loss = float(((x.array.astype(float) - target.array) ** 2).mean())
    return ElementwiseLoss(x, target, empty(rows, 2), loss="mse"), loss


@pytest.mark.parametrize(("l1", "l2"), [(0.1, 0.0), (0.0, 0.1), (0.3, 0.01)])
def test_penalty(isa: str, num_threads: int, l1: float, l2: float) -> None:
    """The value joins the loss, the gradient the gradient; a weight of 0 has none."""
    for n in tails(num_threads):
        shape = (n,) if num_threads == 1 else (TWO // 100, 100 + n)
        weight, gradient = tensor(np.where(normal(*shape) < -1, 0, normal(*shape))), tensor(normal(*shape, start=5))
        before = gradient.array.copy()
        loss, value = loss_of()
        op = Penalty(weight, gradient, loss, l1=l1, l2=l2)
        Plan([loss, op]).run(1, 1)
        wanted, slope = reference_updates.Penalty(weight.array, before, value, l1=l1, l2=l2)
        assert loss.last == pytest.approx(wanted, rel=1e-6) and loss.mean == loss.last
        assert_close(gradient.array, slope, tolerance=1e-6)
        assert_margins(gradient)


def test_a_penalty_without_a_gradient(isa: str) -> None:
    """It counts at each batch, by its rows."""
    loss, value = loss_of(4)
    weight = tensor(normal(10))
    Plan([loss, Penalty(weight, None, loss, l2=0.5)]).run(4, 4)
    penalty = reference_updates.Penalty(weight.array, None, 0, l2=0.5)[0]
    assert loss.mean == pytest.approx(value + penalty, rel=1e-6)


def test_norms(isa: str, num_threads: int) -> None:
    """One norm over several ranges; the gradient has the limit's norm if it was longer, else its own bits."""
    for n in tails(num_threads):
        parts = [normal(n), normal(TWO + n if num_threads == 2 else 3 * n, start=9)]
        for limit in (0.5, 1e9):
            tensors = [tensor(part) for part in parts]
            first = SquaredNorm(tensors[0])
            last = SquaredNorm(tensors[1], first)
            Plan([first, last, *(ClipNorm(part, last, limit=limit) for part in tensors)]).run(1, 1)
            norm = reference_updates.SquaredNorm(parts[1], reference_updates.SquaredNorm(parts[0]))
            assert last.value == pytest.approx(norm, rel=1e-12)
            for after, before in zip(tensors, parts, strict=True):
                assert_close(after.array, reference_updates.ClipNorm(before, norm, limit=limit))
                assert limit < 1 or (after.array == before).all()
                assert_margins(after)


def test_clip(isa: str, num_threads: int) -> None:
    for n in tails(num_threads):
        x = normal(n if num_threads == 1 else TWO + n).copy()
        x[n // 2], x[n // 3] = np.inf, np.nan
        clipped = tensor(x)
        run(Clip(clipped, limit=0.5), clipped, rows=1)
        np.testing.assert_array_equal(clipped.array, reference_updates.Clip(x, limit=0.5).astype(np.float32))


@pytest.mark.parametrize("limit", [0.5, 2.0, 1e9])
def test_max_norm(isa: str, num_threads: int, limit: float) -> None:
    """Units above the limit have its norm afterwards; the others keep their bits."""
    for n in tails(num_threads):
        w = normal(5, n) if num_threads == 1 else normal(3, TWO // 140, 70 + n)
        weight = tensor(w)
        run(MaxNorm(weight, limit=limit), weight, rows=1)
        assert_close(weight.array, reference_updates.MaxNorm(w, limit=limit))
        kept = np.linalg.norm(w.reshape(-1, w.shape[-1]), axis=0) < limit
        assert (weight.array[..., kept] == w[..., kept]).all()


def test_average(isa: str, num_threads: int) -> None:
    for n in tails(num_threads):
        x, start = (normal(n if num_threads == 1 else TWO + n, start=i) for i in range(2))
        for update in (0, 1, 10**9):
            mean = tensor(start if update else np.zeros_like(x))
            run(Average(tensor(x), mean, decay=0.9), mean, rows=1, update=update)
            assert_close(mean.array, reference_updates.Average(x, start, decay=0.9, update=update))
            assert update or (mean.array == x).all()


@pytest.mark.parametrize("kind", ["penalty", "norm", "clip", "max_norm", "average"])
def test_same_bits_on_threads(isa: str, kind: str) -> None:
    def build() -> tuple[Op, *tuple[Tensor, ...]]:
        w, other = tensor(normal(FOUR // 500, 500)), tensor(normal(FOUR // 500, 500, start=1))
        if kind == "penalty":
            return Penalty(w, other, loss_of()[0], l1=0.1, l2=0.1), other
        if kind == "max_norm":
            return MaxNorm(w, limit=3.0), w
        if kind == "average":
            return Average(w, other, decay=0.9), other
        if kind == "clip":
            return Clip(w, limit=0.5), w
        norm = SquaredNorm(other)
        norm()
        return ClipNorm(w, norm, limit=0.5), w

    assert_same_on_threads(build)


@pytest.mark.parametrize("kind", ["penalty", "norm"])
def test_sums_have_the_same_bits_on_threads(isa: str, kind: str) -> None:
    """Fixed chunks, combined in order."""
    values = set()
    for most in (1, 2, 3, 4):
        with fnn.threads(most):
            x, (loss, _) = tensor(normal(FOUR)), loss_of()
            norm = SquaredNorm(x)
            norm()
            Plan([loss, Penalty(x, None, loss, l1=0.1, l2=0.2)]).run(1, 1)
            values.add(loss.last if kind == "penalty" else norm.value)
    assert len(values) == 1


def test_arguments_are_checked() -> None:
    x, other, whole = Tensor((4,)), Tensor((5,)), Tensor((4,), "int32")
    loss = loss_of()[0]
    for make, error in (
        (lambda: Penalty(x, other, loss), ValueError),
        (lambda: Penalty(whole, None, loss), TypeError),
        (lambda: Penalty(x, None, x), TypeError),
        (lambda: SquaredNorm(whole), TypeError),
        (lambda: ClipNorm(x, None, limit=1.0), TypeError),
        (lambda: Clip(whole, limit=1.0), TypeError),
        (lambda: MaxNorm(Tensor(()), limit=1.0), ValueError),
        (lambda: Average(x, other, decay=0.9), ValueError),
    ):
        with pytest.raises(error):
            make()


# In a network.

DATA = blobs(60)[0], blobs(60)[0].sum(axis=1)


def network(optimizer: Any = "sgd", **settings: Any) -> fnn.Sequential:
    """4 -> 6 -> 1 with the settings on both layers."""
    layers = [fnn.Dense(6, activation="tanh", **settings), fnn.Dense(1, **settings)]
    return fnn.Sequential(layers, input_shape=(4,), seed=3).compile(optimizer, "mse", ["mae"])


def weights(net: fnn.Network) -> list[np.ndarray]:
    return [view.astype(np.float64) for name, view in net.weights.items() if name.endswith("weight")]


def test_penalties_in_a_network() -> None:
    """loss and val_loss include them, at the weights of their moment; metrics and biases do not."""
    x, y = DATA
    plain, net = network(), network(l1=0.02, l2=0.1)
    penalty = sum(0.02 * np.abs(w).sum() + 0.1 * (w * w).sum() for w in weights(net))
    expected = plain.evaluate(x, y, batch_size=7)
    found = net.evaluate(x, y, batch_size=7)
    assert found["loss"] == pytest.approx(expected["loss"] + penalty, rel=1e-6) and found["mae"] == expected["mae"]
    assert net.train_on_batch(x, y) == pytest.approx(plain.train_on_batch(x, y) + penalty, rel=1e-6)
    for name, gradient in net.gradients.items():
        w = net.weights[name].astype(np.float64) + 0.01 * gradient  # before the step
        slope = 0.02 * np.sign(w) + 0.2 * w if name.endswith("weight") else 0
        assert_close(gradient, plain.gradients[name] + slope, scale=1)
    history = network(l2=0.1, optimizer=fnn.SGD(0.0)).fit(x, y, 7, 1, validation_data=(x, y), verbose=0).history
    assert history["loss"][0] == pytest.approx(history["val_loss"][0], rel=1e-6)
    assert history["loss"][0] > expected["loss"]


def test_penalties_make_weights_small_and_sparse() -> None:
    x, y = DATA
    nets = [network(fnn.Adam(0.01), **settings) for settings in ({}, {"l2": 0.2}, {"l1": 0.3})]
    for net in nets:
        net.fit(x, y, 20, 200, verbose=0)
    plain, l2, l1 = (np.concatenate([w.ravel() for w in weights(net)]) for net in nets)
    assert np.linalg.norm(l2) < 0.8 * np.linalg.norm(plain)
    assert (np.abs(l1) < 0.02).mean() > 0.2 > (np.abs(plain) < 0.02).mean()


def test_max_norm_in_a_network() -> None:
    """From the first update on."""
    x, y = DATA
    net = network(fnn.SGD(0.1), max_norm=0.7)
    assert max(np.linalg.norm(w, axis=0).max() for w in weights(net)) > 0.7
    for _ in range(5):
        net.train_on_batch(x, y)
        assert max(np.linalg.norm(w, axis=0).max() for w in weights(net)) <= 0.7 * (1 + 1e-6)
    assert "MaxNorm" in repr(net.plan(4, training=True)) and "MaxNorm" not in repr(regression().plan(4, training=True))


def test_clipping_in_a_network() -> None:
    """Over all gradients at once; the step is then that of the clipped gradient."""
    x, y = DATA
    plain = network(fnn.SGD(0.1))
    start = plain.parameters.copy()
    plain.train_on_batch(x, y)
    gradient = start.astype(np.float64) - plain.parameters
    for settings, wanted in (
        ({"clip_value": 0.1}, np.clip(gradient, -0.01, 0.01)),
        ({"clip_norm": 0.05}, gradient * 0.005 / np.linalg.norm(gradient)),
        ({"clip_norm": 1e6}, gradient),
    ):
        net = network(fnn.SGD(0.1, **settings))
        net.train_on_batch(x, y)
        assert_close(start - net.parameters, wanted, scale=1)


def test_averaged() -> None:
    """The average of the weights after each update; predicting and saving go by a copy, the network goes on."""
    x, y = DATA
    net = network(fnn.SGD(0.1, ema=0.8), max_norm=1.0)
    assert (net.averaged().parameters == net.parameters).all()
    mean = None
    for _ in range(4):
        net.train_on_batch(x, y)
        now = net.parameters.astype(np.float64)
        mean = now if mean is None else 0.8 * mean + 0.2 * now
    twin = net.averaged()
    assert_close(twin.parameters, mean, scale=1)
    assert (twin.predict(x) != net.predict(x)).any() and twin.evaluate(x, y)["loss"] > 0
    assert (net.parameters == now).all()
    with pytest.raises(RuntimeError, match=r"average.*ema=0\.999"):
        network().averaged()


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"l1": -1.0}, ValueError, "Dense: l1"),
        ({"l2": float("nan")}, ValueError, "Dense: l2"),
        ({"l2": "0.1"}, TypeError, "Dense: l2"),
        ({"max_norm": 0}, ValueError, "Dense: max_norm"),
        ({"max_norm": True}, TypeError, "Dense: max_norm"),
    ],
)
def test_settings_are_checked(settings: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        fnn.Dense(3, **settings)


# In networks with several outputs, sub-networks and frozen layers.


def branches(l2: float, trainable: bool = True) -> fnn.Network:
    """A shared sub-network below two outputs."""
    x = fnn.Input((4,), name="x")
    sub = fnn.Sequential([fnn.Dense(5, activation="tanh", l2=l2)], input_shape=(4,), seed=1)
    sub.trainable = trainable
    value = sub(x)
    a, b = fnn.Dense(1, name="a", l2=l2)(value), fnn.Dense(1, name="b")(fnn.Add()([value, sub(x)]))
    net = fnn.Network([x], [a, b], seed=2)
    return net.compile(
        fnn.SGD(0.1, ema=0.5, clip_norm=0.1), {"a": "mse", "b": "mse"}, loss_weights={"a": 2.0, "b": 0.5}
    )


def test_several_outputs_and_a_shared_sub_network() -> None:
    """The penalty is in the loss of all once, and in no output's own."""
    x, y = DATA
    plain, net = branches(0.0), branches(0.1)
    penalty = 0.1 * sum(
        float((view.astype(np.float64) ** 2).sum()) for name, view in net.weights.items() if "b." not in name
    )
    expected, found = (each.evaluate(x, [y, y]) for each in (plain, net))
    assert found["loss"] == pytest.approx(expected["loss"] + penalty, rel=1e-6)
    assert found["a_loss"] == expected["a_loss"] and found["b_loss"] == expected["b_loss"]
    assert found["penalty"] == pytest.approx(penalty, rel=1e-6) and "penalty" not in expected
    assert net.train_on_batch(x, [y, y]) == pytest.approx(found["loss"], rel=1e-5)
    history = net.fit(x, [y, y], 60, 1, callbacks=[fnn.EarlyStopping("penalty")], verbose=0).history
    assert history["penalty"][0] < penalty


def test_one_norm_over_all_blocks() -> None:
    """The gradients of the network and of its sub-network are clipped together."""
    x, y = DATA
    net = branches(0.1)
    net.train_on_batch(x, [y, y])
    norm = sum(float((gradient.astype(np.float64) ** 2).sum()) for gradient in net.gradients.values()) ** 0.5
    assert norm == pytest.approx(0.1, rel=1e-6)


def test_frozen_layers_are_left_alone() -> None:
    """By penalties, clipping and the average, in which they are as they are."""
    x, y = DATA
    net = branches(0.1, trainable=False)
    before = {name: view.copy() for name, view in net.weights.items()}
    for _ in range(3):
        net.train_on_batch(x, [y, y])
    twin = net.averaged()
    for name, view in net.weights.items():
        frozen = name.startswith("sequential")
        assert (view == before[name]).all() == frozen and (twin.weights[name] == view).all() == frozen


@pytest.mark.parametrize("trainable", [True, False])
def test_lbfgs_over_blocks(trainable: bool) -> None:
    """What is trained is brought down, over both blocks; what is frozen stays."""
    x, y = DATA
    net = branches(0.001, trainable).compile(fnn.LBFGS(), {"a": "mse", "b": "mse"})
    before = {name: view.copy() for name, view in net.weights.items()}
    start = net.evaluate(x, [y, y])["loss"]
    net.fit(x, [y, y], 60, 40, verbose=0)
    assert net.evaluate(x, [y, y])["loss"] < (0.1 if trainable else 0.7) * start
    for name, view in net.weights.items():
        assert (view == before[name]).all() == (name.startswith("sequential") and not trainable)


def test_the_loop_by_hand() -> None:
    """step adds the penalties' gradients, clips, and holds weights to max_norm, as a training step does."""
    x, y = DATA
    settings = {"l2": 0.1, "max_norm": 1.0}
    net, twin = (network(fnn.SGD(0.1, clip_norm=0.5, momentum=0.9, ema=0.9), **settings) for _ in range(2))
    for _ in range(3):
        twin.train_on_batch(x, y)
        output = net.forward(x, training=True)
        net.zero_grad()
        net.backward(2 * (output - y[:, None]) / len(x))
        net.step()
        assert_close(net.parameters, twin.parameters, tolerance=1e-5)
    assert_close(net.averaged().parameters, twin.averaged().parameters, tolerance=1e-5)


def test_gradients_of_penalties_are_right() -> None:
    """By finite differences of the loss with them."""
    x, y = DATA
    fnn.check_gradients(network(l1=0.05, l2=0.1), x[:8], y[:8])
