"""A loss that is a Python function: it trains as one in C; what goes wrong in it leaves the network be."""

import copy
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import assert_close, empty, normal, run, tensor
from fastnn.kernels import OwnLoss
from networks import blobs, regression, state


def squares(y: np.ndarray, t: np.ndarray) -> tuple[float, np.ndarray]:
    d = y - t
    return (d * d).mean(), 2 * d / d.size


def net_of(loss: Any, optimizer: Any = "adam") -> fnn.Sequential:
    layers = [fnn.Dense(6, activation="tanh"), fnn.Dense(1)]
    return fnn.Sequential(layers, input_shape=(4,), seed=3).compile(optimizer, loss, ["mae"])


def test_op() -> None:
    x, t, dx = normal(7, 3), normal(7, 3, start=1), empty(9, 3)
    op = OwnLoss(tensor(x, 9), tensor(t, 9), dx, function=squares, name="squares")
    run(op, dx, rows=7)
    loss, gradient = squares(x, t)
    assert_close(op.last, loss)
    assert_close(dx.array[:7], gradient)
    assert op.count == 7


def test_trains_as_mse() -> None:
    x = blobs()[0]
    own, known = net_of(squares), net_of("mse")
    histories = [
        net.fit(x, x[:, :1], 16, epochs=3, validation_data=(x, x[:, :1]), verbose=0).history for net in (own, known)
    ]
    assert list(histories[0]) == list(histories[1])
    for name, values in histories[0].items():
        np.testing.assert_allclose(values, histories[1][name], rtol=1e-4)
    np.testing.assert_allclose(own.parameters, known.parameters, rtol=1e-3, atol=1e-5)
    fnn.check_gradients(own, x, x[:, :1])


def test_it_may_use_the_network() -> None:
    """As a target network does: predictions of another network, and of this one."""
    x, other, seen = blobs()[0], regression(), []

    def function(y: np.ndarray, t: np.ndarray) -> tuple[float, np.ndarray]:
        seen.append(net.predict(x[: len(y)]) if len(seen) else None)
        return squares(y, other.predict(x[: len(y)]))

    net = net_of(function, fnn.SGD(0.01))
    assert net.fit(x, x[:, :1], 90, epochs=3, verbose=0).history["loss"][-1] > 0
    assert len(seen) == 3


def broken(result: Any) -> Any:
    return lambda y, t: result(y)


def raises(y: np.ndarray, t: np.ndarray) -> Any:
    raise KeyError("mine")


def writes(y: np.ndarray, t: np.ndarray) -> Any:
    y[0] = 1


def insists(y: np.ndarray, t: np.ndarray) -> Any:
    t.flags.writeable = True


WRONG: dict[str, tuple[Any, type[BaseException], str]] = {
    "an exception": (raises, KeyError, "mine"),
    "writes to y": (writes, ValueError, "read-only"),
    "wants to write to t": (insists, ValueError, "cannot set WRITEABLE flag"),
    "no pair": (broken(lambda y: y), TypeError, r"<lambda>: expected it to return \(loss, dy\)"),
    "loss": (broken(lambda y: (y, y)), TypeError, "expected a number as the loss"),
    "complex loss": (broken(lambda y: (1j, y)), TypeError, "expected a number as the loss"),
    "text": (broken(lambda y: (1.0, "dy")), TypeError, "expected real numbers as dy"),
    "shape": (broken(lambda y: (1.0, y[:, 0])), ValueError, r"dy of the shape of y, \(90, 1\), got \(90,\)"),
    "NaN in dy": (broken(lambda y: (1.0, y * np.nan)), ValueError, r"dy\[0, 0\] is nan"),
    "overflow in dy": (broken(lambda y: (1.0, y.astype(float) * 0 + 1e300)), ValueError, r"dy\[0, 0\] is inf"),
    "NaN": (broken(lambda y: (np.nan, y)), FloatingPointError, "the loss became nan"),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("call", ["train_on_batch", "fit"])
def test_what_goes_wrong(name: str, call: str) -> None:
    function, error, message = WRONG[name]
    net, x = net_of(function), blobs()[0]
    before = state(net, gradients=False, history=False)
    with pytest.raises(error, match=message):
        if call == "fit":
            net.fit(x, x[:, :1], 90, verbose=0)
        else:
            net.train_on_batch(x, x[:, :1])
    assert state(net, gradients=False, history=False) == before
    net.compile("sgd", "mse").train_on_batch(x, x[:, :1])


def test_no_weights() -> None:
    net, x = net_of(squares), blobs()[0]
    for options in ({"sample_weight": np.ones(90)}, {"class_weight": "balanced"}):
        with pytest.raises(ValueError, match="weight"):
            net.fit(x, x[:, :1], verbose=0, **options)


def test_files(tmp_path: Any) -> None:
    net, x = net_of(squares), blobs()[0]
    net.fit(x, x[:, :1], verbose=0)
    net.save(tmp_path / "net")
    loaded = fnn.load(tmp_path / "net", losses={"squares": squares})
    assert loaded.loss.function is squares
    for other in (loaded, copy.deepcopy(net)):
        assert other.train_on_batch(x, x[:, :1]) == copy.deepcopy(net).train_on_batch(x, x[:, :1])
    with pytest.raises(ValueError, match="the loss 'squares' is a custom function: pass it in load"):
        fnn.load(tmp_path / "net")
