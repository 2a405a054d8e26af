"""What an import of fastnn loads, and when."""

import operator
import shutil
import types
from pathlib import Path

import pytest

import fastnn as fnn
from check import python
from fastnn import kernels, layers
from fastnn.engine.op import Op


def test_the_doors_open_by_themselves() -> None:
    """Each public module is an attribute of the package, whatever was imported before."""
    shown = python(
        "import fastnn; print(*(getattr(fastnn, name).__name__ for name in 'callbacks data metrics'.split()))"
    )
    assert shown.stdout.split() == ["fastnn.callbacks", "fastnn.data", "fastnn.metrics"], shown.stderr


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


def test_the_kinds_of_the_names() -> None:
    """Each name of a package is what the package is for, and nothing else."""
    for name in fnn.__all__:
        value = getattr(fnn, name)
        home = value.__name__ if isinstance(value, types.ModuleType) else getattr(value, "__module__", "")
        assert home.startswith("fastnn.") or (name == "__version__" and isinstance(value, str)), name
        assert isinstance(value, type | types.ModuleType | str) or callable(value), name
    for name in layers.__all__:
        value = getattr(layers, name)
        assert value is layers.Parameter or issubclass(value, layers.Layer), name
    assert set(layers.__all__) - set(fnn.__all__) == {"State"}, "what return_state makes"
    for name in kernels.__all__:
        value = getattr(kernels, name)
        assert issubclass(value, Op) if isinstance(value, type) else {type(each) for each in value} == {str}, name


def test_the_layers_that_a_file_may_name() -> None:
    """All public layers but the base classes."""
    bases = {layers.Layer, layers.Composite, layers.PythonLayer}
    values = {name: getattr(layers, name) for name in layers.__all__}
    assert dict(layers.LAYERS) == {
        name: value for name, value in values.items() if issubclass(value, layers.Layer) and value not in bases
    }
    assert len(layers.LAYERS) == len(list(layers.LAYERS)) > 30
    for name in ("Layer", "Parameter", "Composite", "Mapping", "Nothing", "__name__", "lazy", "LAYERS"):
        assert name not in layers.LAYERS
        with pytest.raises(KeyError, match=name):
            layers.LAYERS[name]


def test_no_stub_is_read(tmp_path: Path) -> None:
    """Programs that bundle Python leave them out."""
    package = Path(str(fnn.__file__)).parent
    shutil.copytree(package, tmp_path / "fastnn", ignore=shutil.ignore_patterns("*.py[ixd]", "__pycache__"))
    assert not list(tmp_path.rglob("*.pyi"))
    shown = python(f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
from fastnn import *
import fastnn, fastnn.kernels, fastnn.layers
assert fastnn.__file__.startswith({str(tmp_path)!r})
assert fastnn.kernels.Dense and fastnn.layers.Dense is Dense and dict(fastnn.layers.LAYERS)
""")
    assert shown.returncode == 0, shown.stderr
