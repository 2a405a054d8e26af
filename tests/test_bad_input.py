"""What bad input gets: the right exception, a message that says what would be right, and an unchanged network."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from networks import blobs, classifier, regression, state

X, Y = blobs(20)
T = X.sum(axis=1)
WIDE, PLACE = X.astype(np.float64), np.arange(80).reshape(20, 4) == 42
NAN = np.where(PLACE, np.nan, X)  # x[10, 2]
INF = np.where(PLACE, 1e300, WIDE)  # too large for float32


def labels(value: float) -> np.ndarray:
    """Labels with one wrong one, y[7]."""
    return np.where(np.arange(20) == 7, value, Y)


MASKED = np.ma.masked_array(X, mask=np.eye(20, 4, dtype=bool))
#: x that no call takes: what is wrong, the exception, what the message says.
BAD_X: dict[str, tuple[Any, type[Exception], str]] = {
    "width 5": (np.zeros((20, 5)), ValueError, r"Dense\(8.*\(batch, 4\).*\(20, 5\)"),
    "one sample": (X[0], ValueError, r"Dense\(8.*\(batch, 4\).*\(4,\).*x\[None\]"),
    "rank 3": (np.zeros((20, 2, 2)), ValueError, r"\(batch, 4\).*\(20, 2, 2\).*Flatten"),
    "rank 0": (np.float32(3), ValueError, r"\(batch, 4\).*\(\)"),
    "a number": (3, ValueError, r"\(batch, 4\)"),
    "empty list": ([], ValueError, r"\(batch, 4\)"),
    "no columns": (np.zeros((20, 0)), ValueError, r"\(20, 0\)"),
    "None": (None, TypeError, "x: .*numbers"),
    "text": ("digits", (TypeError, ValueError), "x: .*numbers|digits: expected a .npy or .npz file"),
    "strings": (X.astype(str), TypeError, "x: .*numbers"),
    "bytes": (X.astype("S9"), TypeError, "x: .*numbers"),
    "object strings": (X.astype(str).astype(object), TypeError, "x: .*numbers"),
    "complex": (X.astype(complex), TypeError, "x: .*numbers"),
    "dates": (np.zeros((20, 4), "M8[s]"), TypeError, "x: .*numbers"),
    "differences": (np.zeros((20, 4), "m8[s]"), TypeError, "x: .*numbers"),
    "records": (np.zeros(20, [("a", "f4"), ("b", "f4")]), TypeError, "x: .*numbers"),
    "ragged": ([[1, 2, 3, 4], [1, 2]], TypeError, "x: .*numbers"),
    "a set": ({1, 2}, TypeError, "x: .*numbers"),
    "a dict": ({"x": X}, TypeError, "x: .*numbers"),
    "a generator": ((row for row in X), TypeError, "x: .*numbers"),
    "masked": (MASKED, TypeError, "x: .*mask"),
    "a list of masked rows": (list(MASKED), TypeError, "x: .*mask"),
    "overflowing shape": (np.broadcast_to(np.float32(0), (20, 2**40)), ValueError, r"\(batch, 4\)"),
}
#: Only what trains, evaluates or classifies refuses these.
NOT_FINITE: dict[str, tuple[Any, type[Exception], str]] = {
    "NaN": (NAN, ValueError, r"x\[10, 2\] is nan"),
    "inf": (np.where(PLACE, np.inf, X), ValueError, r"x\[10, 2\] is inf"),
    "too large": (INF, ValueError, r"x\[10, 2\] is inf"),
}
BAD_Y: dict[str, tuple[Any, type[Exception], str]] = {
    "too few": (Y[:19], ValueError, r"y: .*20.*\(19,\)"),
    "too many": (np.append(Y, 0), ValueError, r"y: .*20.*\(21,\)"),
    "empty": (Y[:0], ValueError, "y: .*20"),
    "a number": (1, ValueError, "y: .*20"),
    "None": (None, TypeError, "y: .*numbers|y is missing"),
    "strings": (Y.astype(str), TypeError, "y: .*numbers"),
    "object strings": (Y.astype(str).astype(object), TypeError, "y: .*numbers"),
    "complex": (Y.astype(complex), TypeError, "y: .*numbers"),
    "masked": (np.ma.masked_equal(Y, 1), TypeError, "y: .*mask"),
    "2 columns": (np.zeros((20, 2)), ValueError, r"y: .*\(batch, 3\).*\(20, 2\)"),
    "4 columns": (np.zeros((20, 4)), ValueError, r"y: .*\(batch, 3\).*\(20, 4\)"),
    "rank 3": (np.zeros((20, 1, 1)), ValueError, r"y: .*\(20, 1, 1\)"),
    "rank 3, one-hot": (np.eye(3)[Y][:, None], ValueError, r"y: .*\(20, 1, 3\)"),
    "transposed": (np.eye(3)[Y].T, ValueError, r"y: .*20.*\(3, 20\)"),
    "label 3": (labels(3), ValueError, r"y\[7\] is 3.*0 to 2"),
    "label -1": (labels(-1), ValueError, r"y\[7\] is -1.*0 to 2"),
    "label 2**31": (labels(2**31), ValueError, r"y\[7\] is 2147483648"),
    "label 2**32": (labels(2**32).astype(np.int64), ValueError, r"y\[7\] is 4294967296"),
    "label 2**64-1": (np.full(20, 2**64 - 1, np.uint64), ValueError, r"y\[0\] is .*0 to 2"),
    "label 0.5": (labels(0.5), ValueError, r"y\[7\] is 0.5.*integer"),
    "label NaN": (labels(np.nan), ValueError, r"y\[7\] is nan.*integer"),
    "label inf": (labels(np.inf), ValueError, r"y\[7\] is inf.*integer"),
    "NaN in rows": (np.where(np.eye(3)[Y] == 1, np.nan, 0), ValueError, r"y\[0, \d\] is nan"),
    "rows of 2": (2 * np.eye(3)[Y], ValueError, r"y\[0, \d\] is 2"),
    "rows that sum to 0": (np.zeros((20, 3)), ValueError, r"y\[0\].*sum"),
    "negative rows": (np.tile([-1.0, 1, 1], (20, 1)), ValueError, r"y\[0, 0\] is -1"),
}
BAD_T: dict[str, tuple[Any, type[Exception], str]] = {
    "(n, 2)": (np.zeros((20, 2)), ValueError, r"y: .*\(batch, 1\).*\(20, 2\)"),
    "(n, 1, 1)": (np.zeros((20, 1, 1)), ValueError, r"y: .*\(batch, 1\).*\(20, 1, 1\)"),
    "(1, n)": (T[None], ValueError, r"y: .*20.*\(1, 20\)"),
    "(1,)": (np.zeros(1), ValueError, r"y: .*20.*\(1,\)"),
    "(n, 0)": (np.zeros((20, 0)), ValueError, r"y: .*\(20, 0\)"),
    "NaN": (np.where(np.arange(20) == 5, np.nan, T), ValueError, r"y\[5\] is nan"),
    "too large": (np.where(np.arange(20) == 5, 1e39, T.astype(np.float64)), ValueError, r"y\[5\] is inf"),
}


def refused(net: fnn.Network, call: Callable[[], object], error: type[Exception], message: str) -> None:
    """The call raises, and the network is as before."""
    before = state(net)
    with pytest.raises(error, match=message):
        call()
    assert state(net) == before


def trained(net: fnn.Sequential, y: np.ndarray) -> fnn.Sequential:
    """After a fit, so that gradients, slots and a History are there to be lost."""
    net.fit(X, y, 8, 1, verbose=0)
    return net


@pytest.mark.parametrize("name", BAD_X)
def test_x(name: str) -> None:
    """Whatever takes x refuses it before anything happens."""
    x, error, message = BAD_X[name]
    net = trained(classifier(), Y)
    calls: list[Callable[[], object]] = [lambda: net.predict(x), lambda: net.classify(x), lambda: net.evaluate(x, Y)]
    calls += [lambda: net.train_on_batch(x, Y), lambda: net.fit(x, Y, verbose=0), lambda: net.predict(x, batch_size=1)]
    calls += [lambda: net.fit(X, Y, validation_data=(x, Y), verbose=0)]
    for call in calls:
        refused(net, call, error, message)


@pytest.mark.parametrize("name", NOT_FINITE)
def test_x_is_not_finite(name: str) -> None:
    """The step that finds it changes nothing."""
    x, error, message = NOT_FINITE[name]
    net = trained(classifier(), Y)
    for call in (net.classify, lambda x: net.evaluate(x, Y), lambda x: net.train_on_batch(x, Y)):
        refused(net, lambda call=call: call(x), error, message)  # type: ignore[misc]
    with pytest.raises(error, match=message):
        net.fit(x, Y, 20, verbose=0)
    assert net.history.history == {}


@pytest.mark.parametrize(("kind", "name"), [("labels", n) for n in BAD_Y] + [("values", n) for n in BAD_T])
def test_y(kind: str, name: str) -> None:
    """Whatever takes y refuses it; what only the data show, before the first step is done."""
    y, error, message = (BAD_Y if kind == "labels" else BAD_T)[name]
    net = trained(classifier(), Y) if kind == "labels" else trained(regression(), T)
    refused(net, lambda: net.evaluate(X, y), error, message)
    refused(net, lambda: net.train_on_batch(X, y), error, message)
    before = state(net, history=False)
    with pytest.raises(error, match=message):
        net.fit(X, y, 20, shuffle=False, verbose=0)
    assert state(net, history=False) == before
    good = Y if kind == "labels" else T
    with pytest.raises(error, match=message):
        net.fit(X, good, 20, validation_data=(X, y), verbose=0)


BAD_FIT: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    **{
        f"epochs {e!r}": ({"epochs": e}, (ValueError, TypeError), "epochs")
        for e in (0, -1, True, 1.5, "2", None, 2**40)
    },
    **{
        f"batch_size {b!r}": ({"batch_size": b}, (ValueError, TypeError), "batch_size")
        for b in (0, -1, True, 2.0, "32", 2**40, 2**64, float("nan"))
    },
    **{
        f"validation_data {i}": ({"validation_data": v}, (ValueError, TypeError), "^validation_data")
        for i, v in enumerate(
            [
                X,
                (X,),
                (X, Y, Y[:3]),
                (X, Y, None, Y),
                (X, Y, Y, None, Y),
                (X, Y[:3]),
                (X[:0], Y[:0]),
                {"x": X},
                "xy",
                (X, None),
                0.2,
                (Y, X),
            ]
        )
    },
    "shuffle": ({"shuffle": "yes"}, TypeError, "shuffle"),
    "callbacks no list": ({"callbacks": fnn.Callback()}, TypeError, "callbacks"),
    "callbacks None": ({"callbacks": 7}, TypeError, "callbacks"),
    "callbacks function": ({"callbacks": [print]}, TypeError, "callbacks"),
    "callbacks class": ({"callbacks": [fnn.Callback]}, TypeError, "callbacks"),
    "unknown argument": ({"batchsize": 3}, TypeError, "batchsize"),
}


@pytest.mark.parametrize("name", BAD_FIT)
def test_fit_arguments(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Refused before anything happens: no new History, no bar on the screen."""
    arguments, error, message = BAD_FIT[name]
    net = trained(classifier(), Y)
    capfd.readouterr()
    refused(net, lambda: net.fit(X, Y, **{"verbose": 1, **arguments}), error, message)
    assert capfd.readouterr() == ("", "")
    if "batch_size" in arguments and arguments["batch_size"] is not None:
        for call in (net.predict, net.classify, lambda x, **k: net.evaluate(x, Y, **k)):
            refused(net, lambda call=call: call(X, **arguments), error, message)  # type: ignore[misc]


KNOWN = {
    "activation": "relu.*softmax",
    "loss": "mse.*cross_entropy",
    "metric": "accuracy.*mae",
    "optimizer": "sgd.*adam",
}
BAD_MAKES: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    **{
        f"units {u!r}": (lambda u=u: fnn.Dense(u), (ValueError, TypeError), "Dense: units")
        for u in (0, -1, 2**40, True)
    },
    **{
        f"units {u!r}": (lambda u=u: fnn.Dense(u), TypeError, "Dense: units")
        for u in (1.0, "8", None, [8], np.float32(8))
    },
    **{
        f"rate {r!r:.20}": (lambda r=r: fnn.Dropout(r), (ValueError, TypeError), "Dropout: rate")
        for r in (1, 1.0, -0.1, float("nan"), "x", True, None, 10**400, 1j, np.complex64(0.5))
    },
    **{
        f"learning rate {r!r:.20}": (lambda r=r: fnn.Adam(r), (ValueError, TypeError), "Adam: learning_rate")
        for r in (
            -1,
            float("inf"),
            float("nan"),
            10**400,
            "1",
            None,
            True,
            [0.1],
            np.array([0.1, 0.2]),
            np.complex64(0.1),
        )
    },
    "learning rate beyond float32": (lambda: fnn.SGD(1e39), ValueError, "SGD: learning_rate"),
    "momentum": (lambda: fnn.SGD(0.1, momentum=1.0), ValueError, "SGD: momentum"),
    "nesterov": (lambda: fnn.SGD(0.1, nesterov=True), ValueError, "nesterov"),
    "beta1": (lambda: fnn.Adam(beta1=1), ValueError, "beta1"),
    "epsilon": (lambda: fnn.Adam(epsilon=-1e-8), ValueError, "epsilon"),
    **{
        f"{make.__name__} {name} {value!r}": (
            lambda make=make, name=name, value=value: make(**{name: value}),
            (ValueError, TypeError),
            f"{make.__name__}: {name}",
        )
        for make, settings in {
            fnn.SGD: {"weight_decay": -1, "clip_value": 0, "clip_norm": -1.0, "ema": 1.0, "nesterov": 1},
            fnn.AdamW: {"weight_decay": float("nan"), "beta2": 1.0, "ema": "0.9"},
            fnn.Nadam: {"momentum_decay": -1e-3, "epsilon": 0},
            fnn.Lion: {"beta1": -0.1, "beta2": 1},
            fnn.RMSprop: {"rho": 1.0, "epsilon": 0.0, "momentum": 1, "centered": "yes"},
            fnn.Adagrad: {"epsilon": 0, "weight_decay": True},
            fnn.Adadelta: {"rho": -1, "epsilon": 1e-50},
            fnn.Rprop: {"shrink": 1.0, "grow": 0.9, "smallest": 0, "largest": 1e-7},
        }.items()
        for name, value in settings.items()
    },
    "activation": (lambda: fnn.Dense(3, activation="evil"), ValueError, f"activation 'evil'.*{KNOWN['activation']}"),
    "activation class": (lambda: fnn.Activation(np.tanh), ValueError, f"activation.*{KNOWN['activation']}"),
    "initializer": (lambda: fnn.Dense(3, initializer="evil"), ValueError, "initializer 'evil'.*he_normal"),
    "name": (lambda: fnn.Dense(3, name="a.b"), ValueError, "name.*a.b"),
    "unknown argument": (lambda: fnn.Dense(3, unit=4), TypeError, "unit"),  # type: ignore[call-arg]
    "loss": (lambda: classifier().compile(loss="evil"), ValueError, f"loss 'evil'.*{KNOWN['loss']}"),
    "loss 3": (lambda: classifier().compile(loss=3), ValueError, KNOWN["loss"]),  # type: ignore[arg-type]
    "metric": (lambda: classifier().compile(metrics=["evil"]), ValueError, f"metric 'evil'.*{KNOWN['metric']}"),
    "metrics": (lambda: classifier().compile(metrics="mae"), TypeError, "metrics"),
    "metrics 7": (lambda: classifier().compile(metrics=7), TypeError, "metrics"),  # type: ignore[arg-type]
    "optimizer": (lambda: classifier().compile("evil"), ValueError, f"optimizer 'evil'.*{KNOWN['optimizer']}"),
    "optimizer 7": (lambda: classifier().compile(7), TypeError, "optimizer.*7"),  # type: ignore[arg-type]
    "ending": (lambda: classifier().compile(loss="binary_cross_entropy"), ValueError, "binary_cross_entropy.*sigmoid"),
    "no layers": (lambda: fnn.Sequential([]), ValueError, "at least one layer"),
    "layers no list": (lambda: fnn.Sequential(fnn.Dense(3)), TypeError, "layers"),  # type: ignore[arg-type]
    "not a layer": (lambda: fnn.Sequential([fnn.Dense]), TypeError, "layers.*Dense"),  # type: ignore[list-item]
    "a layer twice": (lambda: fnn.Sequential([fnn.Dense(3, name="a")] * 2), ValueError, "twice|two layers"),
    "no parameters": (
        lambda: fnn.Sequential([fnn.Flatten()], (4,)).compile(),
        ValueError,
        "no parameters|must be|compare",
    ),
    "input rank": (
        lambda: fnn.Sequential([fnn.Maxout(3, 2)], (4, 4)),
        ValueError,
        r"Maxout\(3.*\(batch, 4, 4\).*Flatten",
    ),
    **{
        f"input_shape {s!r}": (lambda s=s: fnn.Sequential([fnn.Dense(3)], s), (ValueError, TypeError), "input_shape")
        for s in (4, (), (0,), (-4,), (True,), (4.0,), "4", (2**40,), (2**20, 2**20))
    },
    **{
        f"seed {s!r}": (lambda s=s: fnn.Sequential([fnn.Dense(3)], (4,), s), (ValueError, TypeError), "seed")
        for s in (-1, 2**64, 1.5, "0", True)
    },
    "more memory than there is": (lambda: fnn.Sequential([fnn.Dense(2**31 - 1)], (2**31 - 1,)), MemoryError, "GiB"),
    "fit before compile": (lambda: fnn.Sequential([fnn.Dense(3)]).fit(X, Y), RuntimeError, "compile"),
    "evaluate before compile": (lambda: fnn.Sequential([fnn.Dense(3)]).evaluate(X, Y), RuntimeError, "compile"),
    "step before compile": (lambda: fnn.Sequential([fnn.Dense(3)]).train_on_batch(X, Y), RuntimeError, "compile"),
    "weights before build": (lambda: fnn.Sequential([fnn.Dense(3)]).weights, RuntimeError, "build|input_shape"),
    "parameters before build": (lambda: fnn.Sequential([fnn.Dense(3)]).parameters, RuntimeError, "build|input_shape"),
    "plan before build": (lambda: fnn.Sequential([fnn.Dense(3)]).plan(), RuntimeError, "build|input_shape"),
    "plan of 0 rows": (lambda: classifier().plan(batch_size=0), ValueError, "batch_size"),
    "profile of 0": (lambda: classifier().plan().profile(0), ValueError, "repeats"),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", BAD_MAKES)
def test_settings(name: str) -> None:
    """Layers, optimizers, networks and compile name what is wrong and list what is known."""
    make, error, message = BAD_MAKES[name]
    with pytest.raises(error, match=message):
        make()


def test_a_refused_compile_changes_nothing() -> None:
    """Slots and settings of the old one stay."""
    net = trained(classifier(), Y)
    for loss, metrics in (("binary_cross_entropy", []), ("mse", ["evil"]), ("evil", []), ("cross_entropy", 5)):
        refused(net, lambda: net.compile("sgd", loss, metrics), (ValueError, TypeError), ".")  # type: ignore[arg-type]
    net.train_on_batch(X, Y)


@pytest.mark.parametrize("arguments", [(X, Y[:3]), (X[:0], Y[:0]), (X, labels(3)), (NAN, Y), (X[0], Y), ("x", Y)])
def test_refused_data_do_not_build(arguments: tuple[Any, Any]) -> None:
    """A refused call leaves an unbuilt network unbuilt, where its arguments alone show it."""
    net = fnn.Sequential([fnn.Dense(8), fnn.Dense(3, activation="softmax")], seed=0).compile()
    with pytest.raises((ValueError, TypeError)):
        net.fit(*arguments, verbose=0)
    assert net.input_shape is None or arguments[0] is NAN or len(arguments[1]) == 20
    assert net.counters.values() == (0, 0, 0)
    assert net.fit(X, Y, verbose=0).epoch == [0]
