"""Networks in files: one safetensors file, with the architecture as JSON in its metadata. Nothing in it is run.

Tensors: "weights.<name>", "slots.<slot>.<name>", "state.seed" and "state.counters". The metadata's "digest" covers
the architecture and every byte of the tensors.
"""

from __future__ import annotations

import os
from collections import ChainMap
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from fastnn import losses, optimizers
from fastnn._version import __version__
from fastnn.common import checks
from fastnn.layers import LAYERS, Layer
from fastnn.model import structure
from fastnn.model.objectives import heads, one_or_all

if TYPE_CHECKING:
    from fastnn.network import Network

# json, hashlib and safetensors are imported where they are used: few programs that import fastnn need them.

#: The version of the format; a file of a later one is refused.
FORMAT = 1
COUNTERS = ("epoch", "step", "update")


def to_bytes(net: Network) -> bytes:
    """The network as the bytes of a file."""
    import json

    from safetensors.numpy import save

    owned(net)
    tensors: dict[str, np.ndarray] = {
        "state.seed": np.array([net.seed], np.uint64),
        "state.counters": np.array([net.counters[name] for name in COUNTERS], np.int64),
    }
    if net.features:
        tensors |= {f"weights.{name}": view for name, view in net.weights.items()}
        for slot, flat in net.slots.items():
            tensors |= {f"slots.{slot}.{name}": view for name, view in net.blocks.in_slot(flat).items()}
    description = _describe(net)
    try:
        architecture = json.dumps(description)
    except TypeError as error:
        raise TypeError(f"the settings of layers in a file must be plain JSON: {error}") from None
    metadata = {"fastnn": architecture, "digest": _digest(architecture, tensors)}
    return save(tensors, metadata)


def owned(net: Network) -> tuple[dict[str, type[Layer]], dict[str, losses.Function]]:
    """The classes of layers and the users' losses, by name, which is all that a file has of them.

    Raises ValueError for two of one name.
    """
    layers: dict[str, type[Layer]] = {}
    functions: dict[str, losses.Function] = {}
    for kind in structure.classes(net):
        name = kind.__name__
        if layers.setdefault(name, LAYERS.get(name, kind)) is not kind:
            raise ValueError(f"two classes of layers are called {name!r}: files and copies need another name")
    for loss in (head.loss for head in net.heads if isinstance(head.loss, losses.Own)):
        if functions.setdefault(loss.name, loss.function) is not loss.function:
            raise ValueError(f"two losses are called {loss.name!r}: files and copies need another name")
    return layers, functions


def _describe(net: Network) -> dict[str, Any]:
    inner = structure.subnetworks(net)
    description: dict[str, Any] = {
        "format": FORMAT,
        "fastnn": __version__,
        **structure.describe(net, inner),
        "compiled": None,
        "metadata": plain(net.metadata),
    }
    if inner:
        description["networks"] = [
            {**structure.describe(each, inner), "seed": each.seed, "metadata": plain(each.metadata)} for each in inner
        ]
    if net.optimizer is not None:
        description["compiled"] = {
            "optimizer": optimizers.described(net.optimizer),
            "loss": one_or_all([head.output for head in net.heads], [losses.describe(head.loss) for head in net.heads]),
            "metrics": one_or_all([head.output for head in net.heads], [list(head.metrics) for head in net.heads]),
        }
        if len(net.heads) > 1:
            description["compiled"]["loss_weights"] = {head.output: head.weight for head in net.heads}
        if net.frozen:
            description["compiled"]["frozen"] = sorted(net.frozen)
    return description


def plain(notes: Any) -> dict[str, Any]:
    """A copy of a network's metadata, which is what a file gives back. Raises TypeError where that would differ."""
    import json

    if not isinstance(notes, dict):
        raise TypeError(f"metadata must be a dict, got {notes!r}")
    try:
        copy: dict[str, Any] = json.loads(json.dumps(notes, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(f"metadata must be plain JSON: {error}") from None
    if copy != notes:  # a tuple would come back as a list, a number for a key as text
        raise TypeError("metadata must be plain JSON: no tuples, and keys of text")
    return copy


def _digest(architecture: str, tensors: Mapping[str, np.ndarray]) -> str:
    import hashlib

    digest = hashlib.sha256(architecture.encode())
    for name in sorted(tensors):
        array = tensors[name]
        digest.update(f"{name} {array.dtype} {array.shape} ".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def save(net: Network, path: str | os.PathLike[str]) -> None:
    """Writes the network to a temporary file, syncs it, and renames it to path: whole or not at all."""
    data = to_bytes(net)
    path = os.fspath(path)
    folder = os.path.dirname(path) or "."
    temporary = f"{path}.{os.urandom(4).hex()}.tmp"
    with open(temporary, "xb") as file:
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    if hasattr(os, "O_DIRECTORY"):  # the rename, too, is to survive a power cut
        directory = os.open(folder, os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def load(
    path: str | os.PathLike[str],
    layers: Mapping[str, type[Layer]] | None = None,
    losses: Mapping[str, losses.Function] | None = None,
) -> Network:
    """The network in a file that `save` wrote.

    layers, losses: your own by name, besides fastnn's; a file can name no others, and no code in it is run. Raises
    TypeError for layers that are no classes of them and losses that are no functions, OSError where the file cannot be
    read, ValueError where it is truncated, altered or not such a file.
    """
    for what, given, wanted in (("layers", layers, "a class of layers"), ("losses", losses, "a function")):
        if given is not None and not isinstance(given, Mapping):
            raise TypeError(f"{what} must be a dict by name, got {given!r:.60}")
        for name, value in (given or {}).items():
            if not (callable(value) if what == "losses" else isinstance(value, type) and issubclass(value, Layer)):
                raise TypeError(f"{what}: {name!r} must be {wanted}, got {value!r:.60}")
    with open(path, "rb") as file:
        data = file.read()
    try:
        return from_bytes(data, layers, losses)
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)}: {error}") from None


def from_bytes(
    data: bytes, layers: Mapping[str, type[Layer]] | None = None, functions: Mapping[str, losses.Function] | None = None
) -> Network:
    """The network in the bytes of a file. Raises ValueError as `load`."""
    architecture, tensors = _parse(data)
    known = ChainMap(dict(layers or {}), cast(dict[str, type[Layer]], LAYERS))
    try:
        net = _construct(architecture, known, functions or {}, tensors)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"the file's architecture is not valid: {error}") from None
    return net


def _parse(data: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The architecture and the tensors, after the digest was found to be right."""
    import json

    from safetensors import SafetensorError
    from safetensors.numpy import load as load_tensors

    try:
        tensors = load_tensors(data)
        length = int.from_bytes(data[:8], "little")
        metadata = json.loads(data[8 : 8 + length]).get("__metadata__", {})
        architecture = json.loads(metadata["fastnn"])
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError, AttributeError) as error:
        raise ValueError(f"not a fastnn file, or a truncated one: {type(error).__name__}: {error}") from None
    if not isinstance(architecture, dict) or architecture.get("format") != FORMAT:
        raise ValueError(f"expected format {FORMAT}; was it written by a later fastnn?")
    if metadata.get("digest") != _digest(metadata["fastnn"], tensors):
        raise ValueError("the file was altered: its digest is wrong")
    return architecture, tensors


def _construct(
    description: dict[str, Any],
    table: Mapping[str, type[Layer]],
    functions: Mapping[str, losses.Function],
    tensors: dict[str, np.ndarray],
) -> Network:
    """Builds the network after its shapes were compared with the tensors: nothing larger than the file is allocated."""
    inner: list[Network] = []
    for each in description.get("networks", []):
        inner.append(structure.construct(each, table, inner, each["seed"]))
        inner[-1].metadata = plain(each["metadata"])
    (seed,) = _take(tensors, "state.seed", (1,), np.uint64)
    counters = _take(tensors, "state.counters", (len(COUNTERS),), np.int64)
    if not ((counters >= 0) & (counters < 2**62)).all():
        raise ValueError(f"state.counters {counters} are out of range")
    net = structure.construct(description, table, inner, int(seed))
    compiled = description["compiled"]
    if compiled is not None:
        made = optimizers.restored(compiled["optimizer"])
        names = net.graph.output_names
        entries = [compiled["loss"]] if len(names) == 1 else [compiled["loss"][name] for name in names]
        criteria = one_or_all(names, [losses.restore(entry, functions) for entry in entries])
        measured = heads(names, criteria, compiled["metrics"], compiled.get("loss_weights"))
        net.take(made, measured, frozenset(checks.listed("frozen", compiled.get("frozen", []), str, "names")))
    shapes = structure.features(description)
    if shapes:
        _restore(net, shapes, tensors)
    if tensors:
        raise ValueError(f"the file has tensors that the architecture has not: {', '.join(tensors)}")
    net.counters = dict(zip(COUNTERS, map(int, counters), strict=True))
    net.metadata = plain(description.get("metadata", {}))  # the earliest files have none
    return net


def _restore(net: Network, shapes: list[tuple[int, ...]], tensors: dict[str, np.ndarray]) -> None:
    wanted = net.graph.wanted(shapes)

    def taken(prefix: str, names: Iterable[str]) -> dict[str, np.ndarray]:
        return {name: _take(tensors, f"{prefix}.{name}", wanted[name].shape, np.float32) for name in names}

    weights = taken("weights", wanted)
    trained = [name for name in wanted if not wanted[name].statistic]
    slots = {slot: taken(f"slots.{slot}", trained) for slot in (net.optimizer.slots() if net.optimizer else ())}
    structure.adopt(net, shapes)
    for name, view in net.weights.items():
        view[...] = weights[name]
    for slot, arrays in slots.items():
        for name, view in net.blocks.in_slot(net.slots[slot]).items():
            view[...] = arrays[name]


def _take(tensors: dict[str, np.ndarray], name: str, shape: tuple[int, ...], dtype: type) -> np.ndarray:
    """Removes a tensor from the file's and checks its shape and type."""
    array = tensors.pop(name, None)
    if array is None or array.shape != shape or array.dtype != dtype:
        found = "is missing" if array is None else f"is {array.dtype} {array.shape}"
        raise ValueError(f"{name} {found}, expected {np.dtype(dtype)} {shape}")
    return array
