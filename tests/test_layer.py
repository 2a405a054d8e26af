"""What every layer is asked, in particular one of the user's: its parameters, and the shape of its output."""

import copy
import pickle
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from networks import blobs

FEATURES = (4,)


def own(**methods: Any) -> fnn.PythonLayer:
    """A layer with these methods, which passes on what it gets."""
    passing = {"forward": lambda self, x: x, "backward": lambda self, dy: dy}
    made: fnn.PythonLayer = type("Own", (fnn.PythonLayer,), passing | methods)()
    return made


@pytest.mark.parametrize("output", [3, None, "4", (4.0,), (0,), (), (2**31,)])
def test_outputs_that_are_no_shape(output: Any) -> None:
    """The layer is named, and the invalid shape; in a chain and in a graph."""
    layer = own(output=lambda self, features: output)
    for call in (lambda: fnn.Sequential([layer], FEATURES), lambda: layer(fnn.Input(FEATURES))):
        with pytest.raises((TypeError, ValueError), match=r"^Own\(\): output"):
            call()


def test_a_list_is_a_shape() -> None:
    net = fnn.Sequential([own(output=lambda self, features: [*features]), fnn.Dense(3, "softmax")], FEATURES)
    net.compile("adam").fit(*blobs(), verbose=0)
    assert net.freeze()(np.ones(4)).shape == (3,)


SCALE = fnn.Parameter((3,), "ones")


@pytest.mark.parametrize("found", [None, [SCALE], {3: SCALE}, {"scale": np.ones(3)}, {"scale": (3,)}])
def test_what_is_no_dict_of_parameters(found: Any) -> None:
    layer = own(parameters=lambda self, features: found)
    with pytest.raises(TypeError, match=r"^Own\(\): parameters must return a dict of Parameter by name, got"):
        fnn.Sequential([layer], FEATURES)


SETTINGS: dict[str, tuple[dict[str, Any], str]] = {
    "shape 0": ({"shape": (0,)}, r"shape\[0\] must be an integer from 1"),
    "shape 3": ({"shape": 3}, "shape must be a tuple of integers, got 3"),
    "unknown initializer": ({"initializer": "one"}, "unknown initializer 'one'; known: "),
    "NaN": ({"initializer": float("nan")}, "initializer"),
    "array": ({"initializer": np.ones(3)}, "initializer"),
    "no initializer": ({"initializer": None}, "initializer"),
    "fan_in": ({"fan_in": 0}, "fan_in"),
    "fan_out": ({"fan_out": 1.5}, "fan_out"),
    "l1": ({"l1": -1}, "l1"),
    "l2": ({"l2": float("inf")}, "l2"),
    "max_norm": ({"max_norm": 0}, "max_norm"),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_of_a_parameter(name: str) -> None:
    settings, message = SETTINGS[name]
    with pytest.raises((TypeError, ValueError), match=message):
        fnn.Parameter(**({"shape": (3,), "initializer": "ones"} | settings))


def test_a_parameter_has_a_name_of_its_own() -> None:
    layer = own(parameters=lambda self, features: {"forward": fnn.Parameter(features, "ones")})
    with pytest.raises(ValueError, match=r"Own\(\): a parameter cannot be called 'forward'"):
        fnn.Sequential([layer], FEATURES).compile("adam", "mse")


def test_settings_that_are_arrays() -> None:
    """They are shown, and copied; a file cannot hold them, and says so."""

    @dataclass
    class Fixed(fnn.PythonLayer):
        values: Any = 1.0

        def forward(self, x: np.ndarray) -> np.ndarray:
            return np.float32(1) * x

    net = fnn.Sequential([Fixed(np.ones(2))], FEATURES)
    assert "Fixed(values=array([1., 1.]))" in str(net)
    twin = copy.copy(net)
    assert repr(twin) == repr(net) and twin.layers[0].values is not net.layers[0].values  # type: ignore[union-attr]
    with pytest.raises(TypeError, match=r"what a file describes must be plain JSON.*ndarray"):
        pickle.dumps(net)


def test_methods_that_are_missing() -> None:
    for layer, method in ((fnn.PythonLayer(), r"PythonLayer\.forward"), (fnn.Layer(), r"Layer\.lower")):
        with pytest.raises(NotImplementedError, match=method):
            fnn.Sequential([layer], FEATURES).predict(np.ones((2, 4)))
