"""Custom layers in NumPy that fail: the layer is named, and the network stays as it was."""

from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import assert_same_bits, normal
from networks import blobs, training_state
from test_python import Faulty, Power, Scale, network


def raising(self: Any, x: np.ndarray) -> Any:
    raise KeyError("mine")


def writing(self: Any, x: np.ndarray) -> Any:
    x += 1
    return x


def insisting(self: Any, x: np.ndarray) -> Any:
    x.flags.writeable = True
    return writing(self, x)


def interrupted(self: Any, x: np.ndarray) -> Any:
    raise KeyboardInterrupt("stop")


def not_a_number(self: Any, x: np.ndarray) -> Any:
    y = x.copy()
    y[1, 2] = np.nan
    return y


WRONG = {
    "raises": (raising, KeyError, "mine"),
    "writes": (writing, ValueError, "read-only"),
    "insists": (insisting, ValueError, "cannot set WRITEABLE flag"),
    "shape": (lambda self, x: x[:, :2], ValueError, r"returned float32 \(9, 2\) as {}, expected float32 \(9, 6\)"),
    "rows": (lambda self, x: x[:3], ValueError, r"returned float32 \(3, 6\) as {}, expected float32 \(9, 6\)"),
    "dtype": (lambda self, x: x.astype(np.float64), ValueError, r"returned float64 \(9, 6\) as {}"),
    "list": (lambda self, x: x.tolist(), TypeError, r"returned list as {}, expected float32 \(9, 6\)"),
    "None": (lambda self, x: None, TypeError, r"returned NoneType as {}, expected float32 \(9, 6\)"),
    "nan": (not_a_number, FloatingPointError, "returned nan in {}"),
    "interrupt": (interrupted, KeyboardInterrupt, "stop"),
}


@pytest.mark.parametrize("phase", ["forward", "backward"])
@pytest.mark.parametrize("wrong", WRONG)
def test_a_fault_names_the_layer_and_changes_nothing(wrong: str, phase: str) -> None:
    """In backward a BatchNorm after it has gone back already: its running statistics must not have been written."""
    function, kind, message = WRONG[wrong]
    methods = {"forward": {"forth": staticmethod(function)}, "backward": {"back": staticmethod(function)}}
    layer = type("Wrong", (Faulty,), methods[phase])
    net = network(fnn.BatchNorm(), layer(), fnn.BatchNorm())
    x, y = blobs(9)
    before = training_state(net)
    for call in (lambda: net.train_on_batch(x, y), lambda: net.fit(x, y, 9, verbose=0)):
        with pytest.raises(kind, match=message.format({"forward": "y", "backward": "dx"}[phase])) as caught:
            call()
        told = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
        assert f"wrong_0: Faulty.{phase}" in told
        assert training_state(net) == before
    if phase == "forward" and wrong != "nan":
        with pytest.raises(kind):
            net.predict(x)
        with pytest.raises(kind):
            net.freeze(9)(x)
    layer.forth = layer.back = staticmethod(lambda self, x: x)
    assert np.isfinite(net.train_on_batch(x, y))


def test_a_nan_of_a_row_passes_through_prediction() -> None:
    net, x = network(Power(2)), normal(5, 4).copy()
    clean = net.predict(x)
    x[2, 1] = np.nan
    out = net.predict(x)
    assert np.isnan(out[2]).all()
    assert_same_bits(np.delete(out, 2, axis=0), np.delete(clean, 2, axis=0))


def test_a_divergence_before_it_is_not_its_fault() -> None:
    net, (x, y) = network(Power(2)), blobs(9)
    net.weights["dense_0.bias"][...] = np.nan
    with pytest.raises(FloatingPointError, match="the loss became nan"):
        net.train_on_batch(x, y)


def test_gradients_must_be_all_there() -> None:
    class Few(Scale):
        def backward(self, dy: np.ndarray) -> Any:
            return dy

    class Many(Power):
        def backward(self, dy: np.ndarray) -> Any:
            return dy, {"exponent": dy}

    class Odd(Scale):
        def backward(self, dy: np.ndarray) -> Any:
            return dy, {"scale": dy}

    x, y = blobs(9)
    for layer, message in (
        (Few(), r"few_0: .*Few.backward must return dx and a dict of the gradients of scale"),
        (Many(2), r"many_0: .*Many.backward must return dx alone"),
        (Odd(), r"odd_0: .*returned float32 \(9, 6\) as the gradient of scale, expected float32 \(6,\)"),
    ):
        with pytest.raises(ValueError, match=message):
            network(layer).train_on_batch(x, y)
