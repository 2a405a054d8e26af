"""Initializers with settings: what they draw, equality, and files."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import fastnn as fnn
from fastnn.initializers import Constant, Drawn, Normal, Orthogonal, Uniform

SHAPE = (300, 200)


def drawn(initializer: object, shape: tuple[int, int] = SHAPE, seed: int = 0) -> np.ndarray:
    layer = fnn.Dense(shape[1], initializer=initializer)  # type: ignore[arg-type]
    return fnn.Sequential([layer], input_shape=shape[:1], seed=seed).weights["dense_0.weight"]


def test_what_they_draw() -> None:
    np.testing.assert_array_equal(drawn(Orthogonal(0.25)), np.float32(0.25) * drawn("orthogonal"))
    np.testing.assert_array_equal(drawn(Orthogonal()), drawn("orthogonal"))
    np.testing.assert_array_equal(drawn(Constant(-0.3)), np.full(SHAPE, -0.3, np.float32))
    normal = drawn(Normal(0.02))
    assert normal.std() == pytest.approx(0.02, rel=0.02) and abs(normal.mean()) < 3e-4
    uniform = drawn(Uniform(-0.25, 0.75))
    assert -0.25 <= uniform.min() < -0.2499 and 0.7499 < uniform.max() <= 0.75
    tenths = np.histogram(uniform, 10)[0] / uniform.size
    np.testing.assert_allclose(tenths, 0.1, atol=5 * np.sqrt(0.09 / uniform.size))
    assert uniform.dtype == np.float32
    for none in (Orthogonal(0), Constant(0), Normal(0)):
        assert not drawn(none).any()


@pytest.mark.parametrize(
    "make",
    [
        lambda f: fnn.Dense(3, initializer=f),
        lambda f: fnn.Dueling(3, initializer=f),
        lambda f: fnn.Maxout(3, 2, initializer=f),
        lambda f: fnn.Sequential([fnn.Dense(3, initializer=f)], input_shape=(4,)),
    ],
)
def test_files(tmp_path: Path, make: Callable[[Drawn], fnn.Layer | fnn.Network]) -> None:
    initializer = Orthogonal(0.01)
    made = make(initializer)
    net = made if isinstance(made, fnn.Network) else fnn.Sequential([made], input_shape=(4,), seed=0)
    net.save(tmp_path / "net.fnn")
    again = fnn.load(tmp_path / "net.fnn")
    (layer,) = again.graph.layers.values()
    assert layer.initializer == initializer and type(layer.initializer) is Orthogonal  # type: ignore[attr-defined]  # it is an Embedding
    np.testing.assert_array_equal(again.predict(np.eye(4)), net.predict(np.eye(4)))


def test_files_of_two_settings(tmp_path: Path) -> None:
    net = fnn.Sequential([fnn.Embedding(3, 2, initializer=Uniform(-1, 2))], input_shape=(4,), seed=0)
    net.save(tmp_path / "net.fnn")
    (layer,) = fnn.load(tmp_path / "net.fnn").graph.layers.values()
    assert layer.initializer == Uniform(-1.0, 2.0)  # type: ignore[attr-defined]  # it is an Embedding


def test_files_of_recurrent_and_nested_layers(tmp_path: Path) -> None:
    inner = fnn.LSTM(3, initializer=Normal(0.1), recurrent_initializer=Orthogonal(0.5))
    net = fnn.Sequential([fnn.Bidirectional(inner), fnn.Dense(2)], input_shape=(5, 4), seed=0)
    net.save(tmp_path / "net.fnn")
    x = np.random.default_rng(0).standard_normal((2, 5, 4))
    again = fnn.load(tmp_path / "net.fnn")
    np.testing.assert_array_equal(again.predict(x), net.predict(x))
    layer = next(iter(again.graph.layers.values())).layer  # type: ignore[attr-defined]  # it is an Embedding
    assert (layer.initializer, layer.recurrent_initializer) == (Normal(0.1), Orthogonal(0.5))


def test_equality() -> None:
    assert Orthogonal(0.5) == Orthogonal(0.5) != Orthogonal(0.25) and Normal(0.1) != Constant(0.1)
    assert hash(Normal(1)) == hash(Normal(1.0))
    assert repr(fnn.Dense(3, initializer=Normal(0.1))) == "Dense(3, initializer=Normal(std=0.1))"
    with pytest.raises(AttributeError, match="gain cannot be changed"):
        Orthogonal(1).gain = 2.0


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Orthogonal(-1), ValueError, "Orthogonal: gain must be a number >= 0"),
        (lambda: Orthogonal("1"), TypeError, "Orthogonal: gain must be a number"),
        (lambda: Constant(np.nan), ValueError, "Constant: value must be"),
        (lambda: Normal(-0.1), ValueError, "Normal: std must be a number >= 0"),
        (lambda: Uniform(1, 1), ValueError, "Uniform: low must be less than high, got 1 and 1"),
        (lambda: Uniform(1, 1 + 1e-9), ValueError, "Uniform: low must be less than high"),  # the same float32
        (lambda: Uniform(0, np.inf), ValueError, "Uniform: high must be a number"),
        (lambda: Uniform("a", 1), TypeError, "Uniform: low must be a number"),
        (lambda: fnn.Dense(3, initializer=Orthogonal), TypeError, r"got the class Orthogonal: use Orthogonal\(\)"),
        (lambda: fnn.Dense(3, initializer={"class": "Mystery", "settings": {}}), ValueError, "unknown initializer"),
    ],
)
def test_what_is_refused(make: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    "entry",
    [
        {"class": "Mystery", "version": 1, "settings": {}},
        {"class": "Orthogonal", "version": 2, "settings": {"gain": 1}},
        {"class": "Orthogonal", "version": 1, "settings": {"gain": -1}},
        {"class": "Orthogonal", "version": 1, "settings": {"std": 1}},
        {"class": "Orthogonal", "version": 1},
        {"settings": {}},
    ],
)
def test_hostile_files(tmp_path: Path, entry: dict[str, object]) -> None:
    path = tmp_path / "net.fnn"
    fnn.Sequential([fnn.Dense(3, initializer=Orthogonal(0.5))], input_shape=(4,), seed=0).save(path)
    with safe_open(path, "np") as file:
        metadata = file.metadata()
    (key,) = [key for key, value in metadata.items() if "Orthogonal" in value]
    described = json.dumps(Orthogonal(0.5).describe())
    assert described in json.dumps(json.loads(metadata[key]))
    metadata[key] = json.dumps(json.loads(metadata[key])).replace(described, json.dumps(entry))
    save_file(load_file(path), path, metadata)
    with pytest.raises(ValueError, match=r"net\.fnn"):
        fnn.load(path)
