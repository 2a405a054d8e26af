"""What an import of fastnn loads, and when."""

import operator
import types

import pytest

import fastnn as fnn
from check import python
from fastnn import kernels, layers


def test_an_import_loads_nothing_but_what_is_used() -> None:
    shown = python("""
import sys
import fastnn
assert "numpy" not in sys.modules and len([name for name in sys.modules if name.startswith("fastnn.")]) < 5
net = fastnn.Sequential([fastnn.Dense(2)], input_shape=(3,)).compile()
net.fit([[1, 2, 3.0]], [1], epochs=1, verbose=0)
loaded = {name for name in sys.modules if name.startswith("fastnn.")}
assert {"fastnn.network", "fastnn.layers.dense", "fastnn.kernels.dense"} <= loaded
unused = "layers.recurrent kernels.recurrent layers.convolution kernels.winograd datasets inspection architectures"
assert not loaded & {f"fastnn.{name}" for name in unused.split()}, loaded
""")
    assert shown.returncode == 0, shown.stderr


@pytest.mark.parametrize("package", [fnn, layers, kernels], ids=lambda package: package.__name__)
def test_the_names_of_a_package(package: types.ModuleType) -> None:
    for name in package.__all__:
        assert getattr(package, name) is vars(package)[name]
    assert set(package.__all__) <= set(dir(package))
    with pytest.raises(AttributeError, match=f"module '{package.__name__}' has no attribute 'nothing'"):
        operator.attrgetter("nothing")(package)


def test_all_names_at_once() -> None:
    shown = python("from fastnn import *; print(LSTM(3), datasets.__name__, Sequential.__name__, threads.__name__)")
    assert shown.stdout.strip() == f"{fnn.LSTM(3)} fastnn.datasets Sequential threads", shown.stderr


def test_the_layers_that_a_file_may_name() -> None:
    assert layers.LAYERS["LSTM"] is fnn.LSTM and "Composite" not in layers.LAYERS and "__name__" not in layers.LAYERS
    assert set(fnn.layers.__all__) - set(layers.LAYERS) == {"Composite", "Layer", "Parameter", "PythonLayer"}
    assert len(layers.LAYERS) == len(list(layers.LAYERS))
