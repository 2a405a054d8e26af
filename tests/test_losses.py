"""Losses as users meet them: on arrays, by name, with settings, in files; and the lecture's examples."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import assert_close, normal, python
from fastnn import losses
from networks import blobs
from test_loss import called, distributions, probabilities, twin, values

OPS = {"cross_entropy": "distributions", "kl_divergence": "KLDivergence", "cosine": "Cosine", "dice": "Dice"}
TARGETS = {"cross_entropy": distributions, "kl_divergence": distributions, "hinge": lambda *n: np.sign(values(*n))}
TARGETS |= dict.fromkeys(("binary_cross_entropy", "dice", "focal", "poisson"), probabilities)
OTHERS = [losses.Dice(0.25), losses.Huber(2.0), losses.Focal(gamma=0.5), losses.CrossEntropy(0.1, [1, 2, 3], -1)]
# Others have targets of their own: see test_policy and test_gaussian.
every_loss = pytest.mark.parametrize("name", [name for name, loss in losses.LOSSES.items() if loss.compares])


def test_the_lecture() -> None:
    """Losses with a logarithm are in nats; divided by log(2) they are in bits: the lecture's 0.736."""
    y = np.array([[0.4, 0.6]])
    assert losses.mse([0.4, 0.6], [0, 1])[0] == pytest.approx(0.16)
    nats, _ = losses.cross_entropy(np.log(y), [[0, 1]])
    assert nats == pytest.approx(0.511, abs=5e-4)
    assert nats / np.log(2) == pytest.approx(0.737, abs=5e-4)
    net = fnn.Sequential([fnn.Activation("softmax")], input_shape=(3,))
    assert net.predict([[1.2, 0.9, 0.4]])[0] == pytest.approx([0.457, 0.338, 0.205], abs=5e-4)


@every_loss
@pytest.mark.parametrize("weight", [None, [2, 0, 1, 0.5, 3]], ids=["plain", "weighted"])
def test_on_arrays(name: str, weight: list[float] | None) -> None:
    loss = losses.LOSSES[name]
    for columns, dtype in ((6, np.float32), (3, np.float64), (6, np.float32)):
        y, t = normal(5, columns).astype(dtype), TARGETS.get(name, values)(5, columns)
        options = called(OPS.get(name, name))[1]
        wanted = twin(OPS.get(name, name), y, t, weight)
        if name == "huber":
            wanted = twin_of_huber(y, t, weight, options)
        value, dy = loss(y, t, sample_weight=weight)
        assert type(value) is float and dy.dtype == np.float32 and dy.shape == y.shape
        assert_close(value, wanted[0], 1)
        assert_close(dy, wanted[1], 1)


def twin_of_huber(y: np.ndarray, t: np.ndarray, weight: Any, options: dict[str, Any]) -> Any:
    """With the delta of fnn.losses.huber."""
    import reference_losses

    return reference_losses.ElementwiseLoss(y, t, weight, **{**options, "setting": 1.0})


@pytest.mark.parametrize(
    "name", ["mse", "mae", "huber", "binary_cross_entropy", "poisson", "kl_divergence", "cosine", "dice"]
)
def test_as_pytorch(name: str) -> None:
    """hinge and focal are not in PyTorch, and dice is written in it; cross_entropy is in test_cross_entropy."""
    torch = pytest.importorskip("torch", reason="PyTorch is what is compared with")
    f = torch.nn.functional
    theirs = {
        "mse": f.mse_loss,
        "mae": f.l1_loss,
        "huber": f.huber_loss,
        "binary_cross_entropy": f.binary_cross_entropy_with_logits,
        "poisson": f.poisson_nll_loss,
        "kl_divergence": lambda z, t: f.kl_div(f.log_softmax(z, 1), t, reduction="batchmean"),
        "cosine": lambda z, t: 1 - f.cosine_similarity(z, t).mean(),
        "dice": lambda z, t: (1 - (2 * (z.sigmoid() * t).sum(1) + 1) / (z.sigmoid().sum(1) + t.sum(1) + 1)).mean(),
    }
    y, t = normal(20, 7), TARGETS.get(name, values)(20, 7)
    z = torch.tensor(y.astype(np.float64), requires_grad=True)
    wanted = theirs[name](z, torch.tensor(t.astype(np.float64)))
    wanted.backward()
    loss, dy = losses.LOSSES[name](y, t)
    assert_close(loss, wanted.item(), 1)
    assert_close(dy, z.grad.numpy())


@every_loss
def test_trains(name: str) -> None:
    """By name, and called in a custom loop: the function gives what training minimizes."""
    x, y = blobs()
    t = np.eye(3)[y]
    nets = [
        fnn.Sequential([fnn.Dense(8, "tanh"), fnn.Dense(3)], input_shape=(4,), seed=1).compile(fnn.SGD(0.1), given)
        for given in (name, losses.LOSSES[name])
    ]
    before = nets[0].evaluate(x, t)["loss"]
    for _ in range(20):
        loss = nets[0].train_on_batch(x, t)
        z = nets[1].forward(x, training=True)
        by_hand, dy = losses.LOSSES[name](z, t)
        nets[1].zero_grad()
        nets[1].backward(dy)
        nets[1].step()
        assert by_hand == pytest.approx(loss, rel=1e-4)
    np.testing.assert_allclose(nets[0].parameters, nets[1].parameters, rtol=1e-3, atol=1e-5)
    assert nets[0].evaluate(x, t)["loss"] < before
    if name not in ("mae", "hinge"):  # they have kinks
        fnn.check_gradients(nets[0], x[:8], t[:8])


def test_hinge_has_classes() -> None:
    """Its sign is the class, for targets 1 and -1, or 1 and 0."""
    x, y = blobs(classes=2)
    for t in (y, 2 * y - 1):
        net = fnn.Sequential([fnn.Dense(1)], input_shape=(4,), seed=1).compile(fnn.Adam(0.05), "hinge", ["accuracy"])
        net.fit(x, t, epochs=20, verbose=0)
        assert net.evaluate(x, t)["accuracy"] == (net.classify(x) == y).mean() > 0.9
    before = net.parameters.copy()
    for wrong in (2, -2, 0.3, 0.5, 0.999, -0.5, 1e-30):
        with pytest.raises(ValueError, match=rf"y\[4\] is {wrong:g} as float32; expected 1 or -1, or 1 or 0"):
            net.train_on_batch(x, np.where(np.arange(len(y)) == 4, wrong, y))
        with pytest.raises(ValueError, match=rf"t\[0, 1\] is {wrong:g} as float32; expected 1 or -1, or 1 or 0"):
            losses.hinge([[0.25, 0.25]], [[1, wrong]])
    assert (net.parameters == before).all()


def test_top_5_accuracy() -> None:
    x, y = blobs(300, 6, 12)
    net = fnn.Sequential([fnn.Dense(12, "softmax")], input_shape=(6,), seed=0)
    net.compile(metrics=["top_5_accuracy", "accuracy"])
    best = np.argsort(-net.predict(x), axis=1)[:, :5]
    for t in (y, np.eye(12)[y]):
        assert net.evaluate(x, t)["top_5_accuracy"] == pytest.approx((best == y[:, None]).any(axis=1).mean())
    with pytest.raises(ValueError, match="top_5_accuracy is for classes"):
        fnn.Sequential([fnn.Dense(12)], input_shape=(6,)).compile("sgd", "mse", ["top_5_accuracy"])


def test_metrics_of_values() -> None:
    x = blobs()[0]
    net = fnn.Sequential([fnn.Dense(2)], input_shape=(4,), seed=0).compile("sgd", "huber", ["mse", "rmse", "mae"])
    error = net.predict(x).astype(np.float64) - x[:, :2]
    found = net.evaluate(x, x[:, :2], batch_size=7)
    wanted = {"mse": (error**2).mean(), "rmse": (error**2).mean() ** 0.5, "mae": np.abs(error).mean()}
    assert {name: found[name] for name in wanted} == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("loss", [*losses.LOSSES.values(), *OTHERS], ids=repr)
def test_files_and_copies(loss: losses.Loss, tmp_path: Any) -> None:
    outputs, shape = 3 if loss.compares else 4, (6, 4) if loss.name == "ctc" else (4,)
    net = fnn.Sequential([fnn.Dense(outputs)], input_shape=shape, seed=0).compile("sgd", loss)
    net.save(tmp_path / "net")
    for other in (fnn.load(tmp_path / "net").loss, copy.deepcopy(net).loss, pickle.loads(pickle.dumps(loss))):
        assert other == loss and other.settings() == loss.settings() and type(other) is type(loss)
    assert losses.resolve(loss) is loss
    assert loss != losses.Own(print)


def test_dice_of_masks() -> None:
    """Sums over a sample's pixels, whatever their shape; a rare foreground is found; what is not a mask is refused."""
    y, t = normal(3, 4, 5, 1), np.random.default_rng(0).random((3, 4, 5, 1)) < 0.2
    for each, truth in ((y.reshape(3, 20), t.reshape(3, 20)), (y.reshape(3, 2, 2, 5), t.reshape(3, 2, 2, 5))):
        loss, dy = losses.Dice(0.5)(each, truth, [1, 2, 3])
        wanted, slope = losses.Dice(0.5)(y, t, [1, 2, 3])
        assert loss == wanted and (dy.ravel() == slope.ravel()).all()
    assert losses.dice(np.full((1, 9), -100.0), np.zeros((1, 9)))[0] == pytest.approx(0, abs=1e-12)

    x = np.random.default_rng(1).standard_normal((40, 8, 8, 1))
    truth = x > 2
    layers = [fnn.Conv2D(8, 1, activation="relu"), fnn.Conv2D(1, 1, activation="sigmoid")]
    net = fnn.Sequential(layers, input_shape=(8, 8, 1), seed=0).compile(fnn.Adam(0.02), "dice", ["dice"])
    net.fit(x, truth, epochs=60, verbose=0)
    assert net.evaluate(x, truth)["dice"] > 0.8
    before = net.parameters.copy()
    with pytest.raises(ValueError, match=r"dice: it is of samples as a whole; expected sample_weight \(batch,\)"):
        net.fit(x, truth, sample_weight=np.ones((40, 8, 8)), verbose=0)
    with pytest.raises(ValueError, match="as a whole"):
        losses.dice(y, t, np.ones((3, 4, 5)))
    with pytest.raises(ValueError, match="expected"):
        net.fit(x, 2.0 * truth, verbose=0)
    assert (net.parameters == before).all()
    with pytest.raises(ValueError, match="dice: the output activation must be sigmoid, or identity for logits"):
        fnn.Sequential([fnn.Dense(3, "softmax")], input_shape=(4,)).compile("sgd", "dice").evaluate(*blobs())
    net = fnn.Sequential([fnn.GRU(2, return_sequences=True), fnn.Dense(1)], input_shape=(5, 3)).compile("sgd", "dice")
    steps, flags = normal(2, 5, 3), np.ones((2, 5, 1))
    assert np.isfinite(net.train_on_batch(steps, flags))
    with pytest.raises(ValueError, match="dice"):
        net.train_on_batch(steps, flags, lengths=[2, 5])


def test_on_threads() -> None:
    """A call during another call of a loss gets a plan of its own."""
    y, t = normal(2000, 50), values(2000, 50)
    wanted = losses.mse(y, t)
    with ThreadPoolExecutor(4) as pool:
        for value, dy in pool.map(lambda _: losses.mse(y, t), range(40)):
            assert value == wanted[0] and (dy == wanted[1]).all()


WRONG = {
    "no loss": (lambda: losses.resolve("mean"), ValueError, "unknown loss 'mean'; known: mse, mae"),
    "smooth": (lambda: losses.Dice(0), ValueError, "Dice: smooth must be a number >="),
    "no number": (lambda: losses.Dice("1"), TypeError, "Dice: smooth must be a number"),
    "a class": (lambda: losses.resolve(losses.Huber), TypeError, r"use Huber\(\)"),
    "a number": (lambda: losses.resolve(3), ValueError, "unknown loss 3"),
    "delta": (lambda: losses.Huber(0), ValueError, "Huber: delta must be a number >="),
    "gamma": (lambda: losses.Focal(-1), ValueError, "Focal: gamma must be a number >= 0"),
    "shape": (lambda: losses.mse(np.ones((3, 2)), np.ones((3, 3))), ValueError, r"t: expected values \(batch, 2\)"),
    "count": (lambda: losses.mse(np.ones((3, 2)), np.ones((4, 2))), ValueError, "t: expected 3 targets"),
    "empty": (lambda: losses.mse([], []), ValueError, r"y: expected outputs \(batch, ...\), got shape \(0,\)"),
    "a scalar": (lambda: losses.mse(1.0, 1.0), ValueError, r"y: expected outputs"),
    "text": (lambda: losses.mse(["a"], [1]), TypeError, "y: expected an array of real numbers"),
    "NaN in t": (lambda: losses.mse([1.0], [np.nan]), ValueError, r"t\[0\] is nan"),
    "no label": (lambda: losses.cross_entropy(np.ones((2, 3)), [0, 3]), ValueError, r"t\[1\] is 3; .* from 0 to 2"),
    "one class": (lambda: losses.cross_entropy(np.ones((2, 1)), [0, 0]), ValueError, "one output is not enough"),
    "no chance": (lambda: losses.binary_cross_entropy([0.0], [2]), ValueError, "expected a probability from 0 to 1"),
    "no count": (lambda: losses.poisson([0.0], [-1]), ValueError, r"t\[0\] is -1; expected a number >= 0"),
    "no weight": (lambda: losses.mse([0.0], [1], [-1]), ValueError, r"sample_weight\[0\] is -1; .* number >= 0"),
    "weights": (lambda: losses.mse([0.0], [1], [1, 2]), ValueError, r"sample_weight: expected \(1,\)"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_refused(name: str) -> None:
    call, error, message = WRONG[name]
    with pytest.raises(error, match=message):
        call()


def test_an_output_that_is_not_finite() -> None:
    """Calling a loss refuses no values: the result is the caller's to judge."""
    assert losses.mse([np.inf], [0])[0] == np.inf
    value, dy = losses.cross_entropy([[0, -np.inf], [np.nan, 0]], [0, 0])
    assert np.isnan(value) and (dy[0] == 0).all() and np.isnan(dy[1]).all()


def test_importing_stays_light() -> None:
    result = python("import fastnn, sys; print([m for m in ('json', 'tqdm', 'safetensors') if m in sys.modules])")
    assert result.stdout.strip() == "[]", result.stderr
