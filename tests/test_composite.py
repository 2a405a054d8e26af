"""Layers made of others."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import fastnn as fnn
from networks import blobs, training_state


@dataclass
class Block(fnn.Composite):
    """The example of the documentation, and dropout."""

    units: int
    rate: float = 0.0

    def layers(self) -> list[fnn.Layer]:
        norm = [fnn.Dense(self.units, bias=False), fnn.BatchNorm(), fnn.Activation("relu")]
        return [*norm, fnn.Dropout(self.rate), fnn.Dropout(self.rate)]


@dataclass
class Tower(fnn.Composite):
    """A chain of chains."""

    def layers(self) -> list[fnn.Layer]:
        return [Block(6), fnn.Flatten(), Block(5, name="top")]


def network(*layers: fnn.Layer, seed: int = 0) -> fnn.Sequential:
    return fnn.Sequential(layers, input_shape=(4,), seed=seed).compile(fnn.SGD(0.1), "cross_entropy")


def test_a_chain_is_its_layers() -> None:
    """The same weights, losses and bits as the layers one by one; the names tell where a layer is."""
    inner = [*Block(6).layers(), fnn.Flatten(), *Block(5).layers()]
    net, twin = network(Tower(), fnn.Dense(3)), network(*inner, fnn.Dense(3))
    assert list(net.weights) == [
        "tower_0.block_0.dense_0.weight",
        *(f"tower_0.block_0.batch_norm_0.{name}" for name in ("gamma", "beta", "mean", "variance")),
        "tower_0.top.dense_0.weight",
        *(f"tower_0.top.batch_norm_0.{name}" for name in ("gamma", "beta", "mean", "variance")),
        "dense_0.weight",
        "dense_0.bias",
    ]
    x, y = blobs()
    for _ in range(5):
        assert net.train_on_batch(x, y) == twin.train_on_batch(x, y)
    assert training_state(net) == training_state(twin)
    np.testing.assert_array_equal(net.predict(x), twin.predict(x))
    assert "tower_0.block_0.batch_norm_0: BatchNorm(" in repr(net.plan(8))
    assert f"{4 * 6 + 2 * 6 + 6 * 5 + 2 * 5}" in next(line for line in str(net).splitlines() if "Tower" in line)


@dataclass
class Mask(fnn.Composite):
    """Two of dropout, which leave a quarter."""

    def layers(self) -> list[fnn.Layer]:
        return [fnn.Dropout(0.5), fnn.Dropout(0.5)]


def test_random_numbers_of_each_are_their_own() -> None:
    """Four independent masks leave a sixteenth: a weight's gradient is 0 where one has dropped its input."""
    net = fnn.Sequential([Mask(), Mask(), fnn.Dense(1)], input_shape=(4000,), seed=0).compile(fnn.SGD(0.0), "mse")
    net.train_on_batch(np.ones((1, 4000)), np.full((1, 1), 100.0))
    kept = np.count_nonzero(net.gradients["dense_0.weight"])
    assert abs(kept - 250) < 5 * np.sqrt(250)


def test_settings_of_a_plain_dataclass() -> None:
    """Its layers stay different ones, however equal their settings are; it is shown as others are."""
    assert Block(3) != Block(3)
    assert len({Block(3), Block(3)}) == 2
    assert repr(Block(3, rate=0.5)) == "Block(3, rate=0.5)"
    with pytest.raises(AttributeError, match="units cannot be changed"):
        Block(3).units = 4


def test_shared_and_frozen() -> None:
    """Called twice it has one set of parameters; frozen, none of them is trained."""
    block = Block(4)
    a, b = fnn.Input((4,)), fnn.Input((4,))
    net = fnn.Network([a, b], fnn.Dense(3)(fnn.Add()([block(a), block(b)])), seed=0).compile("adam", "cross_entropy")
    x, y = blobs()
    fnn.check_gradients(net, [x, x[::-1]], y)
    assert [name for name in net.weights if "gamma" in name] == ["block_0.batch_norm_0.gamma"]
    block.trainable = False
    net.compile("adam", "cross_entropy")
    before = {name: view.copy() for name, view in net.weights.items()}
    net.train_on_batch([x, x[::-1]], y)
    assert {name for name in before if (net.weights[name] != before[name]).any()} == {"dense_0.weight", "dense_0.bias"}


def test_files(tmp_path: Path) -> None:
    x, y = blobs()
    net = network(Tower(), fnn.Dense(3))
    net.fit(x, y, 16, verbose=0)
    net.save(tmp_path / "net.safetensors")
    twin = fnn.load(tmp_path / "net.safetensors", layers={"Tower": Tower})
    assert training_state(twin) == training_state(net)
    np.testing.assert_array_equal(twin.predict(x), net.predict(x))
    with pytest.raises(ValueError, match="unknown layer 'Tower'"):
        fnn.load(tmp_path / "net.safetensors")
    np.testing.assert_allclose(net.freeze(len(x))(x), net.predict(x), rtol=1e-4, atol=1e-5)


def test_what_is_wrong_is_said() -> None:
    class Nothing(fnn.Composite):
        def layers(self) -> list[fnn.Layer]:
            return []

    class Twice(fnn.Composite):
        def layers(self) -> list[fnn.Layer]:
            return [fnn.Dense(2, name="a"), fnn.Dense(2, name="a")]

    class Odd(fnn.Composite):
        def layers(self) -> list[fnn.Layer]:
            return [fnn.Dense(2), "relu"]

    class Images(fnn.Composite):
        def layers(self) -> list[fnn.Layer]:
            return [fnn.Maxout(2, 2)]

    with pytest.raises(NotImplementedError, match=r"Composite.layers"):
        network(fnn.Composite())
    with pytest.raises(ValueError, match=r"Nothing\(\): needs at least one layer"):
        network(Nothing())
    with pytest.raises(ValueError, match="two layers are called 'a'"):
        network(Twice())
    with pytest.raises(TypeError, match=r"Odd\(\): layers must be Layer objects, got 'relu'"):
        network(Odd())
    with pytest.raises(ValueError, match=r"Maxout\(2\): expected input \(batch, features\), got \(batch, 3, 4\)"):
        fnn.Sequential([Images()], input_shape=(3, 4))


@dataclass
class Deep(fnn.Composite):
    """Its settings have names that a layer might use itself."""

    depth: int
    size: int = 4

    def layers(self) -> list[fnn.Layer]:
        return [fnn.Dense(self.size) for _ in range(self.depth)]


def test_settings_may_be_called_depth_and_size() -> None:
    net = fnn.Sequential([Deep(300, size=2)], input_shape=(3,), seed=0)
    assert net.predict(np.ones((2, 3))).shape == (2, 2)
