"""Files that somebody made to break the reader: each is refused with a ValueError, at once."""

import io
import json
import pickle
import struct
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save

import fastnn as fnn
from fastnn.formats import model_file, safetensors_file
from fastnn.network import KINDS
from networks import classifier

Alter = Callable[[dict[str, Any], dict[str, np.ndarray]], None]


GOOD = model_file.to_bytes(classifier())


def header() -> dict[str, Any]:
    """A good file's header."""
    loaded: dict[str, Any] = json.loads(GOOD[8 : 8 + struct.unpack("<Q", GOOD[:8])[0]])
    return loaded


def parts() -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """A good file's architecture and tensors."""
    return json.loads(header()["__metadata__"]["fastnn"]), load(GOOD)


def forged(alter: Alter) -> bytes:
    """The file after an alteration, with a digest that is right."""
    architecture, tensors = parts()
    alter(architecture, tensors)
    return sealed(json.dumps(architecture), tensors)


def sealed(text: str, tensors: dict[str, np.ndarray], **metadata: str) -> bytes:
    """A file with that architecture, and a right digest."""
    digest = safetensors_file.digest(text, tensors)
    return save(tensors, {**header()["__metadata__"], "fastnn": text, "digest": digest, **metadata})


def test_files_with_the_former_digest() -> None:
    description, tensors = parts()
    text = json.dumps(description)
    former = safetensors_file._former_digest(text, tensors)
    assert fnn.load(io.BytesIO(sealed(text, tensors, digest=former))).weights.keys()
    with pytest.raises(ValueError, match="altered"):
        fnn.load(io.BytesIO(sealed(text + " ", tensors, digest=former)))


@pytest.mark.parametrize("dtype", [">i4", ">f8", "<f2", "?", "u1"])
def test_any_order_of_bytes_and_of_memory(dtype: str) -> None:
    """What is written is read: the digest is of the bytes in the file."""
    tensors = {"matrix": np.asfortranarray(np.arange(6).reshape(2, 3).astype(dtype)), "number": np.ones((), dtype)}
    _, found = safetensors_file.parse(b"".join(safetensors_file.pieces({}, tensors)))
    for name, array in tensors.items():
        np.testing.assert_array_equal(found[name], array, strict=dtype[0] != ">")


def first(architecture: dict[str, Any]) -> dict[str, Any]:
    """The first layer's settings."""
    return architecture["layers"][0]["settings"]


def setting(name: str, value: Any) -> Alter:
    """Sets a setting of the first layer."""
    return lambda a, t: first(a).__setitem__(name, value)


def optimizer(name: str, value: Any) -> Alter:
    """Sets a setting of the optimizer."""
    return lambda a, t: a["compiled"]["optimizer"]["settings"].__setitem__(name, value)


def schedule(name: str, settings: Any) -> Alter:
    """A schedule instead of the learning rate."""
    return optimizer("learning_rate", {"class": name, "settings": settings})


def nested(depth: int) -> Any:
    """A rate that is -1 below many schedules."""
    inner: Any = -1.0
    for _ in range(depth):
        inner = {"class": "WarmUp", "settings": {"steps": 1, "then": inner}}
    return inner


def key(name: str, value: Any) -> Alter:
    """Sets a key of the architecture."""
    return lambda a, t: a.__setitem__(name, value)


def layer_class(value: Any) -> Alter:
    """Another class for the first layer."""
    return lambda a, t: a["layers"][0].__setitem__("class", value)


def tensor(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Alter:
    """Another tensor instead of one."""
    return lambda a, t: t.__setitem__(name, np.ascontiguousarray(change(t[name])))


HUGE = 10**400
WEIGHT, SLOT = "weights.dense_0.weight", "slots.m.dense_0.weight"
ALTERATIONS: dict[str, tuple[Alter, str]] = {
    "unknown layer": (layer_class("Evil"), "Evil.*Dense"),
    "a dunder": (layer_class("__class__"), "__class__"),
    "a module": (layer_class("os.system"), "os.system"),
    "a base class": (layer_class("Layer"), "Layer"),
    "a list for a layer": (layer_class(["Dense"]), ""),
    "no layers": (key("layers", []), "layer"),
    "layers are a number": (key("layers", 5), ""),
    "layers are null": (key("layers", None), ""),
    "a layer is null": (key("layers", [None]), ""),
    "layers missing": (lambda a, t: a.pop("layers"), "layers"),
    "unknown network": (key("network", "Evil"), "Evil"),
    "network missing": (lambda a, t: a.pop("network"), "network"),
    "later format": (key("format", 2), "later"),
    "format missing": (lambda a, t: a.pop("format"), "format"),
    "format is text": (key("format", "1"), "format"),
    "unknown setting": (setting("evil", 1), "evil"),
    "units 2**40": (setting("units", 2**40), "units"),
    "units 2**31-1": (setting("units", 2**31 - 1), r"dense_0\.weight"),
    "units 2**62": (setting("units", 2**62), "units"),
    "units huge": (setting("units", HUGE), "units"),
    "units 0": (setting("units", 0), "units"),
    "units -8": (setting("units", -8), "units"),
    "units true": (setting("units", True), "units"),
    "units 8.0": (setting("units", 8.0), "units"),
    "units list": (setting("units", [8]), "units"),
    "units 9": (setting("units", 9), r"dense_0\.weight.*\(4, 9\)"),
    "activation unknown": (setting("activation", "evil"), "evil.*relu"),
    "activation a number": (setting("activation", 3), "activation"),
    "name with a dot": (setting("name", "a.b"), "name"),
    "name twice": (setting("name", "dense_1"), "dense_1"),
    "name is a number": (setting("name", 7), "name"),
    "initializer unknown": (setting("initializer", "evil"), "evil"),
    "input_shape changed": (key("input_shape", [5]), r"dense_0\.weight.*\(5, 8\)"),
    "input_shape true": (key("input_shape", [True]), ""),
    "input_shape 4.0": (key("input_shape", [4.0]), "input_shape"),
    "input_shape 0": (key("input_shape", [0]), ""),
    "input_shape negative": (key("input_shape", [-4]), ""),
    "input_shape empty": (key("input_shape", []), ""),
    "input_shape wraps": (key("input_shape", [2**62 + 4]), ""),
    "input_shape huge": (key("input_shape", [HUGE]), ""),
    "input_shape 2-D": (key("input_shape", [2, 2]), "dense_0.weight"),
    "input_shape text": (key("input_shape", "4"), ""),
    "input_shape null": (key("input_shape", None), "weights"),
    "optimizer unknown": (lambda a, t: a["compiled"]["optimizer"].__setitem__("class", "Evil"), "Evil.*Adam"),
    "optimizer other": (lambda a, t: a["compiled"]["optimizer"].__setitem__("class", "SGD"), ""),
    "rate huge": (optimizer("learning_rate", HUGE), "learning_rate"),
    "rate negative": (optimizer("learning_rate", -1), "learning_rate"),
    "rate text": (optimizer("learning_rate", "1"), "learning_rate"),
    "rate infinite": (optimizer("learning_rate", float("inf")), "learning_rate"),
    "rate NaN": (optimizer("learning_rate", float("nan")), "learning_rate"),
    "beta 1": (optimizer("beta1", 1.0), "beta1"),
    "clip text": (optimizer("clip_norm", "1"), "clip_norm"),
    "ema true": (optimizer("ema", True), "ema"),
    "ema without its slot": (optimizer("ema", 0.9), r"slots\.average"),
    "rate a list": (optimizer("learning_rate", [0.1]), "learning_rate"),
    "rate of no class": (optimizer("learning_rate", {"settings": {}}), "class"),
    "schedule unknown": (schedule("Evil", {}), "Evil.*Cosine"),
    "schedule a base class": (schedule("Schedule", {}), "Schedule.*Cosine"),
    "schedule without settings": (schedule("Cosine", {}), "rate"),
    "schedule with a setting too many": (schedule("Constant", {"rate": 0.1, "evil": 1}), "evil"),
    "schedule with a list": (schedule("Constant", [0.1]), ""),
    "schedule huge": (schedule("Constant", {"rate": HUGE}), "Constant: rate"),
    "schedule with steps 2**40": (schedule("Cosine", {"rate": 0.1, "steps": 2**40}), "Cosine: steps"),
    "schedule within schedules": (optimizer("learning_rate", nested(300)), ""),
    "l2 negative": (setting("l2", -1.0), "l2"),
    "max_norm text": (setting("max_norm", "1"), "max_norm"),
    "loss unknown": (lambda a, t: a["compiled"].__setitem__("loss", "evil"), "evil.*mse"),
    "loss a list": (lambda a, t: a["compiled"].__setitem__("loss", ["mse"]), "loss"),
    "metric unknown": (lambda a, t: a["compiled"].__setitem__("metrics", ["evil"]), "evil.*mae"),
    "metrics text": (lambda a, t: a["compiled"].__setitem__("metrics", "mae"), "metrics"),
    "compiled is a number": (key("compiled", 5), ""),
    "metadata text": (key("metadata", "evil"), "metadata.*evil"),
    "metadata null": (key("metadata", None), "metadata"),
    "metadata NaN": (key("metadata", {"a": [float("nan")]}), "metadata"),
    "metadata infinite": (key("metadata", {"a": float("inf")}), "metadata"),
    "weight missing": (lambda a, t: t.pop(WEIGHT), "dense_0.weight is missing"),
    "weight extra": (lambda a, t: t.__setitem__("weights.evil", np.zeros(3, np.float32)), "weights.evil"),
    "weight float64": (tensor(WEIGHT, lambda w: w.astype(np.float64)), "float64"),
    "weight int32": (tensor(WEIGHT, lambda w: w.view(np.int32)), "int32"),
    "weight transposed": (tensor(WEIGHT, lambda w: w.T), r"\(8, 4\).*\(4, 8\)"),
    "weight flat": (tensor(WEIGHT, np.ravel), r"\(32,\)"),
    "weight empty": (tensor(WEIGHT, lambda w: w[:0]), r"\(0, 8\)"),
    "slot missing": (lambda a, t: t.pop(SLOT), "slots.m"),
    "slot wrong": (tensor(SLOT, np.ravel), "slots.m"),
    "counters missing": (lambda a, t: t.pop("state.counters"), "state.counters"),
    "counters negative": (tensor("state.counters", lambda c: c * 0 - 1), "state.counters"),
    "counters 4": (tensor("state.counters", lambda c: np.append(c, 0)), "state.counters"),
    "counters at the limit": (tensor("state.counters", lambda c: c * 0 + (2**63 - 1)), "state.counters"),
    "seed missing": (lambda a, t: t.pop("state.seed"), "state.seed"),
    "seed int64": (tensor("state.seed", lambda s: s.astype(np.int64)), "state.seed"),
    "many layers": (key("layers", [{"class": "Flatten", "settings": {}}] * 20000), ""),
}


@pytest.mark.parametrize("name", ALTERATIONS)
def test_alterations(name: str) -> None:
    """An alteration with a right digest is still refused, by a message that says what is wrong."""
    alter, message = ALTERATIONS[name]
    data = forged(alter)
    start = time.process_time()
    with pytest.raises(ValueError, match=message or "."):
        model_file.from_bytes(data, KINDS)
    assert time.process_time() - start < 2, "a file must not keep the reader busy"


def raw(header: Any, body: bytes = b"") -> bytes:
    """A safetensors file, written without the library."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def shaped(shape: list[int], offsets: list[int], body: bytes = b"") -> bytes:
    """A file with one weight of that shape."""
    return raw(
        {"__metadata__": {"fastnn": "{}"}, WEIGHT: {"dtype": "F32", "shape": shape, "data_offsets": offsets}}, body
    )


FILES: dict[str, bytes] = {
    "empty": b"",
    "zeros": bytes(1000),
    "text": b"hello, this is not a network\n" * 20,
    "pickle": pickle.dumps({"a": 1}),
    "pickle that runs code": b"cos\nsystem\n(S'touch /tmp/fastnn_was_here'\ntR.",
    "zip": b"PK\x03\x04" + bytes(100),
    "header length 2**63": struct.pack("<Q", 2**63) + GOOD[8:],
    "header length 2**64-1": struct.pack("<Q", 2**64 - 1) + GOOD[8:],
    "header not JSON": raw(b"{"),
    "header a list": raw([]),
    "header empty": raw({}),
    "header not UTF-8": raw(b'{"__metadata__":{"fastnn":"\xff\xfe"}}'),
    "metadata missing": save({"weights": np.zeros(3, np.float32)}),
    "metadata empty": save({"weights": np.zeros(3, np.float32)}, {}),
    "metadata of another program": save({"weights": np.zeros(3, np.float32)}, {"format": "pt"}),
    "metadata a list": raw({"__metadata__": ["fastnn"]}),
    "digest missing": save(parts()[1], {"fastnn": json.dumps(parts()[0])}),
    "digest wrong": sealed(json.dumps(parts()[0]), parts()[1], digest="0" * 64),
    "digest of another file": sealed(json.dumps(parts()[0]) + " ", parts()[1], fastnn=json.dumps(parts()[0])),
    "shape wraps to 0": shaped([2**32, 2**32], [0, 0]),
    "shape wraps to 4": shaped([2**62 + 1], [0, 4], bytes(4)),
    "shape huge": shaped([2**40, 2**40], [0, 4], bytes(4)),
    "shape negative": shaped([-1], [0, 4], bytes(4)),
    "offsets backwards": shaped([1], [4, 0], bytes(4)),
    "offsets beyond": shaped([1], [0, 2**62], bytes(4)),
    "deep architecture": sealed("[" * 200000, parts()[1]),
    "deep object": sealed('{"a":' * 100000 + "1" + "}" * 100000, parts()[1]),
    "deep header": raw(b"[" * 100000),
    "long number": sealed('{"format":' + "9" * 100000 + "}", parts()[1]),
    "architecture a number": sealed("5", parts()[1]),
    "architecture null": sealed("null", parts()[1]),
    "lone surrogate": sealed('{"format": 1, "network": "\\ud800"}', parts()[1]),
}


@pytest.mark.parametrize("name", FILES)
def test_files(name: str, tmp_path: Any) -> None:
    """Not a file of fastnn, or no longer one: a ValueError that names the path."""
    path = tmp_path / "hostile"
    path.write_bytes(FILES[name])
    with pytest.raises(ValueError, match="hostile: "):
        fnn.load(path)


def test_pickled_bytes_are_checked_too() -> None:
    """pickle and copy go through the same reader."""
    data = pickle.dumps(classifier())
    place = data.index(b"\x80\x3f") if b"\x80\x3f" in data else len(data) // 2
    flipped = bytearray(data)
    flipped[place] ^= 1
    with pytest.raises(ValueError, match=r"altered|fastnn file"):
        pickle.loads(bytes(flipped))
