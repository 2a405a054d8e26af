"""Graphs in files and copies: they come back with the same bits, and what does not describe a graph is refused."""

import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load

import fastnn as fnn
from fastnn.formats import model_file
from fastnn.network import KINDS
from graphs import LOSSES, data, random_network
from test_assembly import batch, encoder, outer
from test_hostile_files import HUGE, sealed

Alter = Callable[[dict[str, Any], dict[str, np.ndarray]], object]


def through_a_file(net: fnn.Network, tmp_path: Path) -> fnn.Network:
    net.save(tmp_path / "net")
    return fnn.load(tmp_path / "net")


WAYS: dict[str, Callable[[fnn.Network, Path], fnn.Network]] = {
    "file": through_a_file,
    "pickle": lambda net, _: pickle.loads(pickle.dumps(net)),
    "copy": lambda net, _: copy.copy(net),
    "deepcopy": lambda net, _: copy.deepcopy(net),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("seed", range(5))
def test_graphs_come_back(way: str, seed: int, tmp_path: Path) -> None:
    """Outputs, plan, summary, and the same bits after more training; the copy is its own network."""
    net = random_network(seed).compile("adam", LOSSES, {"classes": ["accuracy"]}, {"flags": 0.5})
    x, y = data(20)
    net.fit(x, y, 8, 2, verbose=0)
    other = WAYS[way](net, tmp_path)
    assert str(other) == str(net) and list(other.weights) == list(net.weights)
    assert repr(other.plan(8, training=True)) == repr(net.plan(8, training=True))
    assert other.evaluate(x, y) == net.evaluate(x, y)
    for each in (net, other):
        each.fit(dict(zip(("left", "right"), x, strict=True)), y, 8, 2, verbose=0)
    np.testing.assert_array_equal(other.parameters, net.parameters)
    assert not np.shares_memory(other.parameters, net.parameters)


@pytest.mark.parametrize("way", WAYS)
def test_networks_inside_come_back(way: str, tmp_path: Path) -> None:
    """With names, seeds, what is frozen and notes; a part that occurs at two places stays one part."""
    inner = encoder()
    inner.metadata["made by"] = "hand"
    inner.layers[0].trainable = False
    net = outer(inner)
    net.fit(*batch(), 4, 2, verbose=0)
    inner.layers[0].trainable = True  # from the next compile on
    other = WAYS[way](net, tmp_path)
    part = other.layers[0]
    assert isinstance(part, fnn.Sequential) and (part.name, part.seed) == ("encoder", 1)
    assert part.metadata == inner.metadata and part.layers[0].trainable
    assert np.shares_memory(part.parameters, other.weights["encoder.dense_0.weight"])
    assert not np.shares_memory(part.parameters, inner.parameters)
    assert other.frozen == net.frozen == {"encoder.dense_0"}
    assert list(other.weights) == list(net.weights) and str(other) == str(net)
    for each in (net, other):
        each.fit(*batch(), 4, 2, verbose=0)
    for name, view in net.weights.items():
        np.testing.assert_array_equal(other.weights[name], view)
    for name, slot in net.slots.items():
        np.testing.assert_array_equal(other.slots[name].array, slot.array)


def test_frozen_as_compiled(tmp_path: Path) -> None:
    """A network that is not trainable any more, and compiled before that, trains on."""
    net = encoder().compile("sgd", "mse")
    net.trainable = False
    other = through_a_file(net, tmp_path)
    assert not other.trainable
    losses = {each.train_on_batch(batch()[0][0], np.ones((9, 3))) for each in (net, other)}
    assert len(losses) == 1
    np.testing.assert_array_equal(net.parameters, other.parameters)


def test_axis_and_own_layers(tmp_path: Path) -> None:
    """Settings of layers come back; own classes are asked for, inside sub-networks too."""
    own = type("Mine", (fnn.Activation,), {"__module__": __name__})
    x = fnn.Input((2, 3))
    inner = fnn.Network(x, fnn.Concatenate(1)([own("tanh")(x), x]))
    net = fnn.Network(x, fnn.Flatten()(inner(x)))
    net.save(tmp_path / "net")
    with pytest.raises(ValueError, match=r"Mine.*layers="):
        fnn.load(tmp_path / "net")
    other = fnn.load(tmp_path / "net", layers={"Mine": own})
    numbers = np.random.default_rng(0).standard_normal((5, 2, 3))
    np.testing.assert_array_equal(other.predict(numbers), net.predict(numbers))
    np.testing.assert_array_equal(copy.deepcopy(net).predict(numbers), net.predict(numbers))


def good() -> bytes:
    return model_file.to_bytes(outer(encoder()))


def nodes(*steps: Any) -> Alter:
    return lambda a, t: a.__setitem__("nodes", list(steps))


def key(name: str, value: Any) -> Alter:
    return lambda a, t: a.__setitem__(name, value)


def inside(name: str, value: Any) -> Alter:
    return lambda a, t: a["networks"][0].__setitem__(name, value)


def doubled(a: dict[str, Any], t: dict[str, np.ndarray]) -> None:
    """Each network has the one before at two places: 2**60 layers in a short file."""
    chain = {"network": "Sequential", "input_shape": [4], "layers": [{"class": "Flatten", "settings": {}}]}
    a["networks"] = [{**chain, "seed": 0, "metadata": {}}]
    for i in range(60):
        twice = {"inputs": [["x", [4]]], "nodes": [[0, [0]], [0, [1]]], "outputs": [2], "layers": [{"network": i}]}
        a["networks"].append({"network": "Network", "seed": 0, "metadata": {}, **twice})


def deep(a: dict[str, Any], t: dict[str, np.ndarray]) -> None:
    """Each network has the one before inside."""
    layer: dict[str, Any] = {"class": "Flatten", "settings": {}}
    a["networks"] = []
    for i in range(20000):
        chain = {"network": "Sequential", "input_shape": [4], "layers": [layer]}
        a["networks"].append({**chain, "seed": 0, "metadata": {}})
        layer = {"network": i}
    a.update(network="Sequential", layers=[layer], input_shape=[4], compiled=None)


# The graph of a good file: inputs 0 and 1; encoder 2 and 3; concatenate 4; head 5.
ALTERATIONS: dict[str, tuple[Alter, str]] = {
    "a cycle": (nodes([0, [0]], [0, [5]], [1, [2, 3, 0]], [2, [4]]), "a cycle: encoder reads the value at place 5"),
    "a node that takes itself": (nodes([0, [2]], [0, [1]], [1, [2, 3, 0]], [2, [4]]), "a cycle"),
    "an input that leads nowhere": (nodes([0, [0]], [0, [0]], [1, [2, 3, 0]], [2, [4]]), "input_1 leads nowhere"),
    "a layer that leads nowhere": (nodes([0, [0]], [0, [1]], [1, [2, 2, 1]], [2, [4]]), "encoder leads nowhere"),
    "a place that is not there": (nodes([0, [0]], [0, [99]]), "cycle"),
    "a negative place": (nodes([0, [-1]], [0, [1]]), "a place"),
    "a place that is text": (nodes([0, ["0"]], [0, [1]]), "places"),
    "a huge place": (nodes([0, [HUGE]], [0, [1]]), "a place"),
    "places that are a number": (nodes([0, 0]), "places"),
    "a layer that is not there": (nodes([7, [0]], [0, [1]]), "a node's layer"),
    "a node that is null": (nodes(None), ""),
    "no nodes": (nodes(), "leads nowhere"),
    "shapes that do not join": (nodes([0, [0]], [0, [1]], [1, [2, 3]], [2, [4]]), r"input_0|head\.weight"),
    "no outputs": (key("outputs", []), "leads nowhere"),
    "an output that is an input": (key("outputs", [0, 5]), "made by a layer"),
    "outputs beyond": (key("outputs", [5, 6]), ""),
    "an output twice": (key("outputs", [5, 5]), "two outputs are the same value: head, head"),
    "two inputs of one name": (key("inputs", [["a", [4]], ["a", [4]]]), "two inputs"),
    "an input's name": (key("inputs", [["a.b", [4]], ["c", [4]]]), "input's name"),
    "an input's shape": (key("inputs", [["a", [5]], ["b", [5]]]), ""),
    "an input's shape is text": (key("inputs", [["a", "4"], ["b", [4]]]), "Input 'a'"),
    "inputs are null": (key("inputs", None), ""),
    "a network that is not there": (lambda a, t: a["layers"][0].__setitem__("network", 1), "a layer's network"),
    "a network of a later number": (inside("layers", [{"network": 0}]), "a layer's network"),
    "two layers of one name": (lambda a, t: a["layers"][2]["settings"].__setitem__("name", "encoder"), "two layers"),
    "an invalid trainable": (inside("trainable", "yes"), "trainable"),
    "an invalid name": (inside("name", "a b"), "network's name"),
    "an invalid seed": (inside("seed", -1), "seed"),
    "a seed missing": (lambda a, t: a["networks"][0].pop("seed"), "seed"),
    "invalid notes": (inside("metadata", 5), "metadata"),
    "an inner layer's units": (
        lambda a, t: a["networks"][0]["layers"][0]["settings"].__setitem__("units", 2**30),
        r"encoder\.dense_0\.weight",
    ),
    "networks are a number": (key("networks", 5), ""),
    "networks missing": (lambda a, t: a.pop("networks"), "a layer's network"),
    "frozen is text": (lambda a, t: a["compiled"].__setitem__("frozen", "head"), "frozen"),
    "loss of another output": (lambda a, t: a["compiled"].__setitem__("loss", {"evil": "mse"}), "loss: unknown 'evil'"),
    "a weight missing": (lambda a, t: t.pop("weights.encoder.dense_0.bias"), "encoder.dense_0.bias is missing"),
    "a slot missing": (lambda a, t: t.pop("slots.m.encoder.dense_0.bias"), "slots.m.encoder.dense_0.bias is missing"),
    "more layers than can be": (doubled, "at most 100000"),
    "deeper than can be": (deep, "at most 100"),
}


@pytest.mark.parametrize("name", ALTERATIONS)
def test_alterations(name: str) -> None:
    """A ValueError that says what is wrong, at once."""
    alter, message = ALTERATIONS[name]
    data = good()
    length = int.from_bytes(data[:8], "little")
    architecture = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["fastnn"])
    tensors = load(data)
    alter(architecture, tensors)
    with pytest.raises(ValueError, match=message or "."):
        model_file.from_bytes(sealed(json.dumps(architecture), tensors), KINDS)
