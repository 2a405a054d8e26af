"""Files and copies: what comes back, what a failure leaves on the disk, and what hostile files get."""

import copy
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from fastnn.formats import model_file, safetensors_file
from fastnn.network import KINDS
from networks import blobs, child, classifier, training_state

DATA = Path(__file__).parent / "data"
WAYS: dict[str, Callable[[fnn.Sequential], fnn.Sequential]] = {
    "bytes": lambda net: model_file.from_bytes(model_file.to_bytes(net), KINDS),
    "pickle": lambda net: pickle.loads(pickle.dumps(net)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


def every_layer(seed: int = 2**64 - 1) -> fnn.Sequential:
    """Every layer and option, with Dropout, so that the step counter and the seed matter."""
    layers = [
        fnn.Flatten(name="in"),
        fnn.Dense(6, activation="tanh", bias=False, initializer="orthogonal", l1=1e-4, l2=1e-3, max_norm=2.0),
        fnn.Activation("relu"),
        fnn.Dropout(0.3),
        fnn.Dense(3, activation="softmax"),
    ]
    return fnn.Sequential(layers, input_shape=(2, 2), seed=seed)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "optimizer",
    [
        *("sgd", "adam", "rmsprop", "adagrad", "adadelta", "nadam", "lion", "rprop"),
        fnn.SGD(0.05, momentum=0.9, nesterov=True, clip_value=0.5, ema=0.9),
        fnn.AdamW(0.02, clip_norm=0.5),
        fnn.RMSprop(0.01, momentum=0.5, centered=True, weight_decay=0.1),
    ],
    ids=str,
)
def test_round_trip(way: str, optimizer: Any) -> None:
    """Weights, slots, counters, seed and metadata return; training continues with the same bits; nothing is shared."""
    x, y = blobs()
    x = x.reshape(-1, 2, 2)
    net = every_layer().compile(optimizer, "cross_entropy", ["accuracy"])
    net.metadata = {"names": ["a", "\N{SNOWMAN}"], "deep": {"scale": 0.1, "none": None}, "count": 2**70, "on": True}
    net.fit(x, y, 16, 3, verbose=0)
    net.optimizer.learning_rate = 0.007  # type: ignore[union-attr]
    digest = training_state(net)
    other = WAYS[way](net)
    assert training_state(other) == digest and repr(other) == repr(net) and str(other) == str(net)
    np.testing.assert_array_equal(other.predict(x), net.predict(x))
    assert other.evaluate(x, y) == net.evaluate(x, y)
    assert other.fit(x, y, 16, 2, verbose=0).history == net.fit(x, y, 16, 2, verbose=0).history
    assert training_state(other) == training_state(net) != digest
    other.parameters[...] = 0
    assert net.parameters.any()
    other.metadata["names"].append("b")
    assert net.metadata["names"] == ["a", "\N{SNOWMAN}"]


@pytest.mark.parametrize("way", WAYS)
def test_unbuilt_and_uncompiled(way: str) -> None:
    """Networks in every state come back in that state."""
    x, y = blobs()
    layers = [fnn.Dense(3, activation="softmax", name="only")]
    blank, compiled = fnn.Sequential(layers, seed=4), fnn.Sequential(layers, seed=4).compile("sgd")
    built = fnn.Sequential(layers, input_shape=(4,), seed=4)
    trained = []
    for net in (blank, compiled, built):
        other = WAYS[way](net)
        assert training_state(other) == training_state(net) and repr(other) == repr(net)
        assert (other.input_shape, other.loss) == (net.input_shape, net.loss)
        if net is not compiled:
            with pytest.raises(RuntimeError, match="compile"):
                other.fit(x, y, verbose=0)
            other.compile("sgd")
        other.fit(x, y, verbose=0)
        trained.append(training_state(other))
    compiled.fit(x, y, verbose=0)
    assert set(trained) == {training_state(compiled)}


def test_own_layers_and_classes() -> None:
    """A layer of the user's is named in the error, and admitted by layers=."""
    own = type("Mine", (fnn.Flatten,), {})
    data = model_file.to_bytes(fnn.Sequential([own(), fnn.Dense(2)], input_shape=(4,)))
    with pytest.raises(ValueError, match=r"Mine.*Dense.*layers="):
        model_file.from_bytes(data, KINDS)
    assert type(model_file.from_bytes(data, KINDS, {"layers": {"Mine": own}}).layers[0]) is own


def test_own_names_are_different(tmp_path: Path) -> None:
    """A file has only the names: two things of one name would come back as one of them."""
    x = fnn.Input((4,))
    for first, second in (("Mine", "Mine"), ("Dense", "Mine")):
        layers = [type(name, (fnn.Flatten,), {})() for name in (first, second)]
        net = fnn.Sequential([*layers, fnn.Dense(2)], input_shape=(4,))
        assert list(map(type, copy.copy(net).layers)) == list(map(type, net.layers)), (
            "a copy has the classes themselves"
        )
        for save in (pickle.dumps, lambda net: net.save(tmp_path / "net")):
            with pytest.raises(ValueError, match=f"two classes of layers are called '{first}'"):
                save(net)
    net = fnn.Network(x, [fnn.Dense(1, name=name)(x) for name in "ab"])
    zero, one = (lambda y, t, value=value: (value, np.zeros_like(y)) for value in (0.0, 1.0))
    net.compile("adam", {"a": zero, "b": one})
    with pytest.raises(ValueError, match="two losses are called '<lambda>'"):
        pickle.dumps(net)
    assert copy.copy(net).evaluate(np.ones((1, 4)), [[0], [0]]) == {"loss": 1, "a_loss": 0, "b_loss": 1}
    copied = copy.copy(net.compile("adam", {"a": one, "b": one}))
    assert copied.evaluate(np.ones((1, 4)), [[0], [0]]) == {"loss": 2, "a_loss": 1, "b_loss": 1}


def test_own_ones_that_are_none(tmp_path: Path) -> None:
    classifier().save(tmp_path / "net")
    for given in ([fnn.Dense], {"Mine": fnn.Dense(3)}, {"Mine": int}):
        with pytest.raises(TypeError, match="layers"):
            fnn.load(tmp_path / "net", layers=given)  # type: ignore[arg-type]
    for given in ([min], {"mine": 3}):
        with pytest.raises(TypeError, match="losses"):
            fnn.load(tmp_path / "net", losses=given)  # type: ignore[arg-type]


def test_save_is_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failing write, sync or rename leaves the old file and no temporary one; paths and strings are both paths."""
    path = tmp_path / "net.safetensors"
    net = classifier()
    net.save(path)
    before = path.read_bytes()
    net.parameters[0] += 1
    for name in ("fsync", "replace", "fdopen", "chmod"):
        if not hasattr(safetensors_file.os, name):
            continue

        def fail(*_: Any, **__: Any) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(safetensors_file.os, name, fail)
            try:
                net.save(path)
            except OSError as error:
                assert error.errno == 28
                assert path.read_bytes() == before, name
            assert os.listdir(tmp_path) == [path.name], name
    net.save(str(path))
    assert path.read_bytes() != before and os.listdir(tmp_path) == [path.name]
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()
    for bad in (tmp_path, tmp_path / "none" / "net"):
        with pytest.raises(OSError, match=str(bad)):
            net.save(bad)
        assert os.listdir(tmp_path) == [path.name]
        with pytest.raises(OSError, match=str(bad)):
            fnn.load(bad)
    for wrong in (None, 3.5, net):
        with pytest.raises(TypeError):
            net.save(wrong)  # type: ignore[arg-type]


ENDLESS: dict[str, Any] = {}
ENDLESS["itself"] = ENDLESS


@pytest.mark.parametrize(
    "metadata",
    [
        *(None, [], "text", {1: "a"}, {"a": (1, 2)}, {"a": float("nan")}, {"a": [-float("inf")]}, {"a": {1, 2}}),
        *({"a": np.float32(1)}, {"a": np.zeros(2)}, {"a": b"bytes"}, {1: "a", "1": "b"}, ENDLESS),
    ],
    ids=lambda metadata: repr(metadata)[:20],
)
def test_metadata_that_would_come_back_different(metadata: Any, tmp_path: Path) -> None:
    """What is not plain JSON is refused before anything is written, and by a copy too."""
    path = tmp_path / "net.safetensors"
    net = classifier()
    net.save(path)
    before = path.read_bytes()
    net.metadata = metadata
    for write in (lambda: net.save(path), lambda: copy.copy(net)):
        with pytest.raises(TypeError, match="metadata must be"):
            write()
    assert path.read_bytes() == before and os.listdir(tmp_path) == [path.name]


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def refused(data: bytes) -> str:
    """The message with which bytes are refused; anything but a ValueError fails the test."""
    with pytest.raises(ValueError) as caught:
        model_file.from_bytes(data, KINDS)
    return str(caught.value)


def test_truncated_files() -> None:
    """Every length but the whole one is refused, and so is anything behind it."""
    data = model_file.to_bytes(classifier())
    for length in range(len(data)):
        refused(data[:length])
    for tail in (b"\0", b" ", data):
        refused(data + tail)


def test_every_byte_counts() -> None:
    """One flipped bit anywhere is refused, in the header too."""
    data = model_file.to_bytes(classifier())
    header = 8 + struct.unpack("<Q", data[:8])[0]
    places = [*range(header), *range(header, len(data), 7)]
    accepted = []
    for place in places:
        flipped = bytearray(data)
        flipped[place] ^= 1 << place % 8
        try:
            model_file.from_bytes(bytes(flipped), KINDS)
        except ValueError:
            continue
        accepted.append((place, bytes(data[max(0, place - 10) : place + 10])))
    assert not accepted, f"{len(accepted)} of {len(places)} alterations were accepted: {accepted[:5]}"


def test_a_file_runs_nothing(tmp_path: Path) -> None:
    """Loading opens that file alone: no import, exec or compile, and nothing else that the interpreter reports."""
    net = classifier()
    net.fit(*blobs(), verbose=0)
    net.save(tmp_path / "m.safetensors")
    code = """
import json, sys
import hashlib, safetensors.numpy, fastnn as fnn
from fastnn import *  # fastnn's own modules are loaded before
from fastnn.kernels import *
quiet = {"builtins.id", "object.__getattr__", "object.__setattr__", "sys._getframe"}
events = []
on = [True]
sys.addaudithook(lambda event, args: on and event not in quiet and events.append([event, repr(args)[:200]]))
net = fnn.load(sys.argv[1])
on.clear()
print(json.dumps(events))
"""
    events = child(code, tmp_path / "m.safetensors")
    foreign = [event for event in events if event[0] != "open" or "m.safetensors" not in event[1]]
    imports = {event[1].split("'")[1] for event in foreign if event[0] == "import"}
    assert all(name.split(".")[0] in ("safetensors", "json", "fastnn") for name in imports), imports
    assert [event for event in foreign if event[0] != "import"] == []


GOLDEN = DATA / "golden_0.1.safetensors"


def golden() -> dict[str, np.ndarray]:
    """The arrays that go with the golden file: data, predictions, loss, and the losses of the next two epochs."""
    with np.load(GOLDEN.with_suffix(".npz")) as arrays:
        return dict(arrays)


def write_golden() -> None:
    """Writes the golden file of this version, once: python tests/test_files.py."""
    assert not GOLDEN.exists(), "it must never change"
    DATA.mkdir(exist_ok=True)
    x, y = blobs()
    x = x.reshape(-1, 2, 2)
    net = every_layer(seed=11).compile(fnn.AdamW(0.01), "cross_entropy", ["accuracy"])
    net.fit(x, y, 16, 3, verbose=0)
    net.save(GOLDEN)
    known = {"x": x, "y": y, "predictions": net.predict(x), "loss": np.array(net.evaluate(x, y)["loss"])}
    losses = net.fit(x, y, 16, 2, verbose=0).history["loss"]
    np.savez_compressed(GOLDEN.with_suffix(".npz"), **known, next_losses=np.array(losses))


@pytest.mark.skipif(not GOLDEN.exists(), reason="the golden file is written when the version is done: see write_golden")
def test_golden_file() -> None:
    """The file that version 0.1 wrote loads, predicts the same, and trains on, for ever."""
    known, net = golden(), fnn.load(GOLDEN)
    assert net.counters.values() == (3, 18, 18)
    assert net.seed == 11
    assert net.metadata == {}
    np.testing.assert_allclose(net.predict(known["x"]), known["predictions"], rtol=0, atol=1e-6)
    assert net.evaluate(known["x"], known["y"])["loss"] == pytest.approx(float(known["loss"]), rel=1e-5)
    losses = net.fit(known["x"], known["y"], 16, 2, verbose=0).history["loss"]
    np.testing.assert_allclose(losses, known["next_losses"], rtol=1e-4)


if __name__ == "__main__":
    write_golden()
