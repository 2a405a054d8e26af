"""What a History says of its training: each kind, by curves and by trainings; remedies that run; what is unknown."""

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from fastnn.model.facts import MOST_TARGETS, some
from networks import blobs

N = np.arange(1, 31)
FALLING = 0.5 + 0.5 * np.exp(-N / 4)
#: Curves of 30 epochs, from a first loss near 1: those of training and validation.
CURVES: dict[str, tuple[np.ndarray, np.ndarray]] = {
    "underfitting": (0.9 + 0.1 * np.exp(-N / 2), 0.91 + 0.1 * np.exp(-N / 2)),
    "overfitting": (np.exp(-N / 6), 0.6 + 0.4 * np.exp(-N / 3) + 0.01 * N),
    "about right": (FALLING - 0.006 * N, FALLING + 0.02),
    "diverging": (1 + 0.1 * N, 1.1 + 0.1 * N),
    "still improving": (1 - 0.02 * N, 1.02 - 0.02 * N),
    "too noisy to say": (FALLING, FALLING * (1 + 0.8 * (-1.0) ** N)),
}


def history(**values: Any) -> fnn.History:
    """A History of these values, epoch by epoch."""
    made = fnn.History()
    for epoch, each in enumerate(zip(*values.values(), strict=True)):
        made.record(epoch, dict(zip(values, map(float, each), strict=True)))
    return made


@pytest.mark.parametrize("kind", CURVES)
def test_curves(kind: str) -> None:
    """With the training data evaluated, or by the means of epochs; without penalties."""
    t, v = CURVES[kind]
    assert history(loss=t, val_loss=v).diagnose().kind == kind
    assert history(loss=t + 0.1, train_loss=t, val_loss=v).diagnose().kind == kind
    p = 0.3 + 0 * t
    assert history(loss=t + p, penalty=p, val_loss=v + p, val_penalty=p).diagnose().kind == kind


def test_epochs_without_validation() -> None:
    t, v = CURVES["overfitting"]
    found = history(loss=t, val_loss=np.where(N % 2, np.nan, v)).diagnose()
    assert found.kind == "overfitting" and found.evidence["best_epoch"] == 7


def test_two_fits_that_did_not_measure_the_same() -> None:
    """Only what both have counts, and a penalty where there is one."""
    t, v = CURVES["overfitting"]
    p = 0.3 + 0 * t[15:]
    second = history(loss=t[15:] + p, penalty=p, train_loss=t[15:] + p, val_loss=v[15:] + p, val_penalty=p)
    both = history(loss=t[:15], val_loss=v[:15]) + second
    assert both.diagnose().evidence == pytest.approx(history(loss=t, val_loss=v).diagnose().evidence, abs=0.02)


def test_evidence() -> None:
    """Of straight lines the numbers follow by arithmetic."""
    found = history(loss=[1.0, 0.9, 0.8, 0.7], train_loss=[0.9, 0.8, 0.7, 0.6], val_loss=[1.0, 0.8, 0.9, 1.2])
    e = found.diagnose().evidence
    assert [e["epochs"], e["training"], e["validation"], e["best_epoch"], e["baseline"]] == [4, 0.6, 1.2, 1, 1.0]
    assert e["gap"] == pytest.approx(0.5) and e["rise"] == pytest.approx(1 / 3) and e["level"] == pytest.approx(0.6)
    assert e["training_gain"] == pytest.approx(0.1 * (0.8 + 0.8**2 + 0.8**3 + 0.8**4) / 0.6) and e["gain"] == 0


def test_a_file_lacks_the_facts(tmp_path: Path) -> None:
    t, v = CURVES["overfitting"]
    kept = history(loss=t, val_loss=v)
    kept.save(tmp_path / "log.csv")
    found = fnn.History.read(tmp_path / "log.csv").diagnose()
    assert found == kept.diagnose()
    assert "error" not in found.evidence
    assert [each.partition(",")[0] for each in found.unknown] == [
        "the network and the number of samples",
        "the loss of a constant prediction",
    ]


def test_the_report_is_short() -> None:
    text = str(history(loss=CURVES["overfitting"][0], val_loss=CURVES["overfitting"][1]).diagnose())
    lines = text.splitlines()
    assert lines[0] == "overfitting" and lines[1].startswith("  evidence: epochs 30, training ")
    assert "best epoch 7" in lines[1] and lines[2].startswith("  unknown: ")
    assert [line[:4] for line in lines[3:]] == [f"  {i}." for i in range(1, len(lines) - 2)]
    assert "fnn.EarlyStopping" in lines[3]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "diagnose: needs the loss of at least 3 epochs, got 0"),
        ({"loss": [2, 1], "val_loss": [2, 1]}, "at least 3 epochs, got 2"),
        ({"loss": [3, 2, 1], "val_loss": [3, np.nan, 1]}, "at least 3 epochs, got 2"),
        ({"mine": [3, 2, 1]}, "at least 3 epochs, got 0"),
        ({"loss": FALLING}, "training loss alone cannot tell .* validation_split"),
    ],
)
def test_nothing_follows(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        history(**values).diagnose()


@pytest.mark.parametrize("kind", ["underfitting", "diverging", "still improving"])
def test_training_alone(kind: str) -> None:
    found = history(loss=CURVES[kind][0]).diagnose()
    assert found.kind == kind and any(each.startswith("the validation loss") for each in found.unknown)
    assert "gap" not in found.evidence


def trained(layers: list[Any], rate: float, epochs: int, samples: int = 400, unseen: int = 300) -> fnn.Sequential:
    """A network trained on some of the digits, of whose labels a fifth is random."""
    (x, y), _ = fnn.datasets.digits()
    rng = np.random.default_rng(0)
    y = np.where(rng.random(len(y)) < 0.2, rng.integers(0, 10, len(y)), y)
    net = fnn.Sequential([*layers, fnn.Dense(10, "softmax")], input_shape=(64,), seed=0).compile(fnn.Adam(rate))
    held = x[samples : samples + unseen], y[samples : samples + unseen]
    net.fit(x[:samples], y[:samples], epochs=epochs, validation_data=held, verbose=0)
    return net


@pytest.mark.parametrize(
    ("kind", "layers", "rate", "epochs", "samples", "unseen"),
    [
        ("underfitting", [fnn.Dense(1, "relu")], 5e-3, 60, 900, 300),
        ("overfitting", [fnn.Dense(64, "relu")], 1e-2, 60, 60, 300),
        ("about right", [fnn.Dense(32, "relu")], 3e-3, 15, 900, 500),
        ("diverging", [fnn.Dense(32, "relu")], 3.0, 8, 400, 300),
        ("still improving", [fnn.Dense(32, "relu")], 1e-3, 5, 400, 300),
        ("too noisy to say", [fnn.Dense(32, "relu")], 3e-3, 25, 900, 6),
    ],
)
def test_trainings(kind: str, layers: list[Any], rate: float, epochs: int, samples: int, unseen: int) -> None:
    found = trained([copy.copy(layer) for layer in layers], rate, epochs, samples, unseen).history.diagnose()
    assert found.kind == kind and not found.unknown
    assert found.evidence["baseline"] == pytest.approx(np.log(10), rel=0.05)


def test_a_loss_that_is_no_longer_finite() -> None:
    """The network is restored; the History of the fit that failed says it, even without an epoch."""
    x, y = blobs()
    net = fnn.Sequential([fnn.Dense(8, "relu"), fnn.Dense(1)], input_shape=(4,), seed=0).compile(fnn.SGD(1e8), "mse")
    with pytest.raises(FloatingPointError):
        net.fit(x, y.astype(float), epochs=5, verbose=0)
    found = net.history.diagnose()
    assert found.kind == "diverging" and found.evidence["learning_rate"] == 1e8 and found.evidence["samples"] == len(x)
    assert (fnn.History() + net.history).diagnose().kind == "diverging"
    assert history(loss=[1, 2, np.inf]).diagnose().kind == "diverging"


REPORTS = [
    *(history(loss=t, val_loss=v).diagnose() for t, v in CURVES.values()),
    trained([fnn.Dropout(0.9), fnn.Dense(20, "relu", l2=0.1)], 1e-3, 6).history.diagnose(),
    trained([fnn.Dense(2)], 1e-3, 40, 900).history.diagnose(),
    trained([], 5e-3, 3).history.diagnose(),
]


@pytest.mark.parametrize("call", sorted({remedy.split(": ", 1)[1] for each in REPORTS for remedy in each.remedies}))
def test_remedies_run(call: str) -> None:
    """As they are spelled, with a network, training, validation and test data."""
    rng = np.random.default_rng(0)
    x, y = rng.random((60, 4), np.float32), rng.integers(0, 3, 60)
    net = fnn.Sequential([fnn.Dense(4, "relu"), fnn.Dense(3, "softmax")], input_shape=(4,), seed=0).compile()
    names = {"fnn": fnn, "net": net, "x": x, "y": y, "xv": x, "yv": y, "xt": x, "yt": y}
    quiet = call.removesuffix(")") + ", verbose=0)" if call.startswith("net.fit(") else call
    eval(quiet, names)


def test_facts() -> None:
    """They are few, do not change with the data, and are kept by copies and sums."""
    y = np.tile(np.arange(4), 400)
    kept = some(y)
    assert len(kept) == MOST_TARGETS and np.bincount(kept).min() > 100
    few = some(y[:3])
    y[:] = 0
    assert few.tolist() == [0, 1, 2] and kept.any()
    net = trained([fnn.Dropout(0.25), fnn.Dense(8, l2=0.01)], 1e-3, 1, 100, 20)
    facts = net.history.facts
    assert facts is not None and facts[:2] == (100, 20) and facts.parameters == 64 * 8 + 8 + 80 + 10
    assert (facts.optimizer, facts.learning_rate, facts.randomized) == ("Adam", 1e-3, True)
    assert (facts.dropout, facts.penalty, facts.narrowest, facts.outputs) == (0.25, 0.01, 8, 10)
    assert (net.history + fnn.History()).facts is facts
    cell = fnn.LSTM(4, dropout=0.5, recurrent_dropout=0.25)
    for layer, rate in ((cell, 0.5), (fnn.Bidirectional(cell), 0.5), (fnn.LSTM(4), 0.0)):
        twice = fnn.Sequential([layer, fnn.Dense(1)], input_shape=(3, 2), seed=0).compile("sgd", "mse")
        found = twice.fit(np.zeros((5, 3, 2)), np.zeros(5), verbose=0).facts
        assert found is not None and (found.randomized, found.dropout) == (rate > 0, rate)
    assert repr(pickle.loads(pickle.dumps(net.history)).facts) == repr(facts)


@pytest.mark.parametrize(
    ("loss", "constant", "perfect"),
    [
        ("mse", 0.25, 0),
        ("mae", 0.5, 0),
        ("binary_cross_entropy", np.log(2), 0),
        ("poisson", 0.5 * (1 + np.log(2)), 0.5),
    ],
)
def test_constant_losses(loss: str, constant: float, perfect: float) -> None:
    y = np.arange(100) % 2
    layers = [fnn.Dense(1, "sigmoid" if loss == "binary_cross_entropy" else None)]
    net = fnn.Sequential(layers, input_shape=(1,), seed=0).compile(fnn.SGD(0), loss)
    facts = net.fit(np.zeros((100, 1)), y, verbose=0).facts
    assert facts is not None and facts.constant_losses() == pytest.approx((constant, perfect), abs=1e-5)


def test_constant_losses_of_several_outputs() -> None:
    """A weighted sum; with smoothed labels no outputs have loss 0; weighted targets and batches are not kept."""
    x = fnn.Input((2,))
    net = fnn.Network(x, [fnn.Dense(2, name="a")(x), fnn.Dense(1, name="b")(x)], seed=0)
    loss = {"a": fnn.losses.CrossEntropy(label_smoothing=0.2), "b": "mse"}
    net.compile("sgd", loss, loss_weights={"b": 2.0})
    t = np.arange(40) % 2
    data = np.zeros((40, 2)), {"a": t, "b": t.astype(float)}
    facts = net.fit(*data, verbose=0).facts
    floor = -0.9 * np.log(0.9) - 0.1 * np.log(0.1)
    assert facts is not None and facts.constant_losses() == pytest.approx((np.log(2) + 0.5, floor), abs=1e-5)
    found = [net.fit(*data, sample_weight=np.ones(40), verbose=0).facts, net.fit(lambda: iter([data]), verbose=0).facts]
    losses = ({"a": each, "b": "mse"} for each in (lambda y, t: (1.0, 0 * y), fnn.losses.CrossEntropy(ignore=0)))
    found += [net.compile("sgd", each).fit(*data, verbose=0).facts for each in losses]
    assert [each and each.constant_losses() for each in found] == [None] * 4
