"""Settings: numbers of every kind, and activations, initializers and optimizers given as objects."""

import copy
import pickle
import warnings
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from fastnn.common import checks
from fastnn.kernels import ACTIVATIONS, DERIVED_FROM_INPUT
from networks import blobs, classifier

HALVES = [
    0.5,
    Fraction(1, 2),
    Decimal("0.5"),
    *(kind(0.5) for kind in (np.float16, np.float32, np.float64, np.longdouble)),
]
TOO_LARGE = [10**400, 10**5000, Fraction(10**400), Decimal("1e400"), np.float64(1e300), np.longdouble(1e300), np.inf]


@pytest.mark.parametrize("number", HALVES, ids=lambda number: type(number).__name__)
def test_numbers_of_every_kind(number: Any) -> None:
    """They are floats from then on, and nothing warns."""
    x, y = blobs(20)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        layer, optimizer = fnn.Dropout(number), fnn.SGD(number, momentum=number)
        assert layer.rate == optimizer.learning_rate == optimizer.momentum == 0.5
        assert {type(value) for value in (layer.rate, optimizer.learning_rate, optimizer.momentum)} == {float}
        net, plain = classifier(optimizer), classifier(fnn.SGD(0.5, momentum=0.5))
        for each, weight in ((net, number), (plain, 0.5)):
            each.optimizer.learning_rate = weight
            each.train_on_batch(x, y)
            each.fit(x, y, class_weight={0: weight}, verbose=0)
    np.testing.assert_array_equal(net.parameters, plain.parameters)


@pytest.mark.parametrize("number", TOO_LARGE, ids=lambda number: type(number).__name__)
def test_numbers_that_are_too_large(number: Any) -> None:
    """The error names the setting, of whatever it is."""
    x, y = blobs(20)
    net = classifier()
    with pytest.raises(ValueError, match=r"SGD: learning_rate must be a number >= 0 and <= 3.4.*, got "):
        fnn.SGD(number)
    with pytest.raises(ValueError, match="Dense: l2 must be a number >= 0"):
        fnn.Dense(3, l2=number)
    with pytest.raises(ValueError, match=r"class_weight\[1\] must be a number >= 0"):
        net.fit(x, y, class_weight={1: number}, verbose=0)
    with pytest.raises(ValueError, match="Adam: learning_rate must be a number >= 0"):
        net.optimizer.learning_rate = number


@pytest.mark.parametrize("value", [True, np.bool_(True), "0.5", None, 1j, np.complex64(1), np.zeros(1), [0.5]])
def test_what_is_no_number(value: Any) -> None:
    with pytest.raises(TypeError, match="Dropout: rate must be a number, got "):
        fnn.Dropout(value)


def test_integers_that_are_too_large() -> None:
    for value in (10**400, 10**5000, -(10**5000)):
        with pytest.raises(ValueError, match="Dense: units must be an integer from 1 to 2147483647, got "):
            fnn.Dense(value)


def test_nan_is_no_setting() -> None:
    for value in (np.nan, Decimal("NaN"), np.float16("nan")):
        with pytest.raises(ValueError, match="rate must be a number >= 0"):
            checks.real("rate", value, least=0)


def functions() -> dict[str, Any]:
    return {name: getattr(fnn.activations, name) for name in (*ACTIVATIONS, "softmax", "log_softmax")}


@pytest.mark.parametrize("name", functions())
def test_activations_as_functions(name: str) -> None:
    """A layer that takes the function is the one that takes its name, in reprs and files too."""
    function = functions()[name]
    makers = {
        "Dense": lambda f: fnn.Dense(3, f),
        "Dense by keyword": lambda f: fnn.Dense(3, activation=f),
        "Activation": fnn.Activation,
        "Conv1D": lambda f: fnn.Conv1D(3, 2, activation=f),
        "Conv2D": lambda f: fnn.Conv2D(3, 2, activation=f),
        "DepthwiseConv2D": lambda f: fnn.DepthwiseConv2D(2, activation=f),
        "SeparableConv2D": lambda f: fnn.SeparableConv2D(3, 2, activation=f),
        "Conv2DTranspose": lambda f: fnn.Conv2DTranspose(3, 2, activation=f),
        "Conv1DTranspose": lambda f: fnn.Conv1DTranspose(3, 2, activation=f),
        "DepthwiseConv1D": lambda f: fnn.DepthwiseConv1D(2, activation=f),
        "SeparableConv1D": lambda f: fnn.SeparableConv1D(3, 2, activation=f),
    }
    if name in ACTIVATIONS and name not in DERIVED_FROM_INPUT:
        makers["SimpleRNN"] = lambda f: fnn.SimpleRNN(3, activation=f)
        makers["Bidirectional"] = lambda f: fnn.Bidirectional(fnn.SimpleRNN(3, activation=f))
    for make in makers.values():
        given, plain = make(function), make(name)
        assert repr(given) == repr(plain)
        if hasattr(given, "activation"):
            assert type(given.activation) is str and given.activation == name


def test_activations_as_functions_in_files(tmp_path: Path) -> None:
    net = fnn.Sequential([fnn.Dense(4, fnn.activations.relu), fnn.Activation(fnn.activations.tanh)], input_shape=(3,))
    net.save(tmp_path / "net")
    loaded = fnn.load(tmp_path / "net")
    assert repr(loaded) == repr(net) and [layer.activation for layer in loaded.layers] == ["relu", "tanh"]


def test_activations_are_functions() -> None:
    """To be called, copied and shown, as before."""
    relu = fnn.activations.relu
    assert repr(relu) == "fastnn.activations.relu" and relu.name == "relu" and "max(0, x)" in relu.__doc__
    for copied in (copy.copy(relu), copy.deepcopy(relu), pickle.loads(pickle.dumps(relu))):
        assert copied([-1, 2]).tolist() == [0, 2] and copied.__doc__ == relu.__doc__


@pytest.mark.parametrize("wrong", [np.tanh, abs, 3, object, fnn.PReLU, fnn.Activation("relu")])
def test_unknown_activations(wrong: Any) -> None:
    for make in (fnn.Activation, lambda f: fnn.Dense(3, f), lambda f: fnn.SimpleRNN(3, activation=f)):
        with pytest.raises(ValueError, match=r"unknown activation .*; known: identity, relu, sigmoid"):
            make(wrong)
    with pytest.raises(ValueError, match=r"unknown activation fastnn\.activations\.gelu; known: identity"):
        fnn.SimpleRNN(3, activation=fnn.activations.gelu)


@pytest.mark.parametrize("name", ["he_normal", "zeros", "orthogonal"])
def test_initializers_as_functions(name: str) -> None:
    function = getattr(fnn.initializers, name)
    makers = [
        lambda f: fnn.Dense(3, initializer=f),
        lambda f: fnn.Conv2D(3, 2, initializer=f),
        lambda f: fnn.DepthwiseConv2D(2, initializer=f),
        lambda f: fnn.SeparableConv2D(3, 2, initializer=f),
        lambda f: fnn.Maxout(3, 2, initializer=f),
        lambda f: fnn.Embedding(3, 2, initializer=f),
        lambda f: fnn.LSTM(3, initializer=f, recurrent_initializer=f),
        lambda f: fnn.GRU(3, initializer=f),
    ]
    for make in makers:
        layer = make(function)
        assert repr(layer) == repr(make(name)) and type(layer.initializer) is str
        for wrong in (abs, fnn.activations.relu, 1, lambda *_: None):
            with pytest.raises(ValueError, match=r"unknown initializer .*; known: he_normal"):
                make(wrong)


def test_classes_are_named() -> None:
    net = fnn.Sequential([fnn.Dense(3)], input_shape=(4,))
    with pytest.raises(TypeError, match=r"optimizer must be an object, got the class Adam: use Adam\(\)"):
        net.compile(fnn.Adam, "mse")
    with pytest.raises(TypeError, match=r"loss must be an object, got the class Huber: use Huber\(\)"):
        net.compile("adam", fnn.losses.Huber)
