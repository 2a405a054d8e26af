"""Safetensors files with a JSON description: written whole or not at all, and checked when read.

The metadata hold the description ("fastnn") and a digest of it and of every byte of the tensors.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Mapping
from typing import IO, Any

import numpy as np

# json, hashlib and safetensors are imported where they are used: few programs that import fastnn need them.

Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]

#: The version of the format; files of later versions are refused.
FORMAT = 1


def pieces(description: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> list[bytes | memoryview]:
    """What a file consists of: its header, then the tensors, which are not copied.

    safetensors' own `save` copies all tensors twice, which a run that is saved every second would feel. Raises
    TypeError for a description that is not plain JSON.
    """
    import json

    try:
        text = json.dumps({"format": FORMAT, **description})
    except TypeError as error:
        raise TypeError(f"what a file describes must be plain JSON, such as the settings of layers: {error}") from None
    tensors = {name: np.asarray(array, array.dtype.newbyteorder("<")) for name, array in tensors.items()}
    header: dict[str, Any] = {"__metadata__": {"fastnn": text, "digest": digest(text, tensors)}}
    arrays, end = [], 0
    for name in sorted(tensors, key=lambda name: (-tensors[name].itemsize, name)):  # so that each is aligned
        array = np.ascontiguousarray(tensors[name])
        begin, end = end, end + array.nbytes
        header[name] = {"dtype": _dtype(array.dtype), "shape": tensors[name].shape, "data_offsets": (begin, end)}
        arrays.append(array.reshape(-1).view(np.uint8).data)
    line = json.dumps(header).encode()
    line += b" " * (-len(line) % 8)
    return [len(line).to_bytes(8, "little") + line, *arrays]


def _dtype(dtype: np.dtype[Any]) -> str:
    """The name of a type in the format. Raises TypeError for one that it lacks."""
    if dtype.kind == "b":
        return "BOOL"
    if dtype.kind not in "fiu" or dtype.itemsize > 8:
        raise TypeError(f"a safetensors file cannot hold {dtype}")
    return f"{dtype.kind.upper()}{8 * dtype.itemsize}"


def parse(data: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The description and the tensors in the bytes of a file. Raises ValueError where they are truncated or altered."""
    import json

    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensors = load(data)
        length = int.from_bytes(data[:8], "little")
        metadata = json.loads(data[8 : 8 + length]).get("__metadata__", {})
        description = json.loads(metadata["fastnn"])
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError, AttributeError) as error:
        raise ValueError(f"not a fastnn file, or a truncated one: {type(error).__name__}: {error}") from None
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        raise ValueError(f"expected format {FORMAT}; was it written by a later version of fastnn?")
    found = str(metadata.get("digest"))
    right = digest if found.startswith("crc32:") else _former_digest
    if found != right(metadata["fastnn"], tensors):
        raise ValueError("the file was altered: its digest is wrong")
    return description, tensors


def digest(text: str, tensors: Mapping[str, np.ndarray]) -> str:
    """CRC-32 over the description and the tensors in the order of their names: against damage, not against forgers."""
    result = 0
    for piece in _content(text, tensors):
        result = zlib.crc32(piece, result)
    return f"crc32:{result:08x}"


def _former_digest(text: str, tensors: Mapping[str, np.ndarray]) -> str:
    """SHA-256 of the same, which files from before have: it took two fifths of the CPU time of a save."""
    import hashlib

    result = hashlib.sha256()
    for piece in _content(text, tensors):
        result.update(piece)
    return result.hexdigest()


def _content(text: str, tensors: Mapping[str, np.ndarray]) -> Iterator[bytes | memoryview]:
    """What a digest is of, piece by piece."""
    yield text.encode()
    for name in sorted(tensors):
        array = tensors[name]
        yield f"{name} {array.dtype} {array.shape} ".encode()
        yield np.ascontiguousarray(array).data


def take(tensors: dict[str, np.ndarray], name: str, shape: tuple[int, ...], dtype: type) -> np.ndarray:
    """Removes a tensor from the file's and checks its shape and type."""
    array = tensors.pop(name, None)
    if array is None or array.shape != shape or array.dtype != dtype:
        found = "is missing" if array is None else f"is {array.dtype} {array.shape}"
        raise ValueError(f"{name} {found}, expected {np.dtype(dtype)} {shape}")
    return array


def plain(notes: Any) -> dict[str, Any]:
    """A copy of a network's metadata, as a file returns them. Raises TypeError where that would differ."""
    import json

    if not isinstance(notes, dict):
        raise TypeError(f"metadata must be a dict, got {notes!r}")
    try:
        copy: dict[str, Any] = json.loads(json.dumps(notes, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(f"metadata must be plain JSON: {error}") from None
    if copy != notes:  # a tuple would come back as a list, a number as a key as text
        raise TypeError("metadata must be plain JSON: no tuples, and only text as keys")
    return copy


def read(source: Path | IO[bytes]) -> bytes:
    """The bytes at a path, or of a binary file from its present position on."""
    if hasattr(source, "read"):
        return source.read()
    with open(source, "rb") as file:
        return file.read()


def write(description: Mapping[str, Any], tensors: Mapping[str, np.ndarray], target: Path | IO[bytes]) -> None:
    """Writes a file to a path, whole or not at all, or to a binary file.

    At a path, a temporary file in the same folder is written, synced and renamed; a symbolic link keeps its target.
    """
    data = pieces(description, tensors)
    if hasattr(target, "write"):
        target.write(b"".join(data))
        return
    path = os.path.realpath(os.fsdecode(target))
    temporary = f"{path}.{os.urandom(4).hex()}.tmp"
    with open(temporary, "xb") as file:
        try:
            file.writelines(data)
            file.flush()
            os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    if hasattr(os, "O_DIRECTORY"):  # so that the rename, too, survives a power cut
        directory = os.open(os.path.dirname(path) or ".", os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
