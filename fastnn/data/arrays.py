"""Users' arrays, converted to a form that a Port reads: of a C dtype, in any order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from fastnn.common import checks, free
from fastnn.common.free import Pattern
from fastnn.engine.port import is_batch, reads, takes


def numbers(name: str, given: Any, labels: bool = False) -> np.ndarray:
    """given as a NumPy array of real numbers, unchanged if it is one; float64 for objects and mixed tables.

    With shuffled rows, reading an array in Fortran order costs a cache miss per element.
    labels: whether class numbers are meant. Raises TypeError for other than real numbers (strings, complex, dates),
    and for missing or masked elements.
    """
    if takes(given):
        return given
    parts = given if isinstance(given, (list, tuple)) else [given]
    for part in parts:
        if isinstance(part, np.ma.MaskedArray) and np.ma.is_masked(part):
            raise TypeError(f"{name}: has masked elements; fill or remove them")
    if hasattr(given, "dtypes") and hasattr(given, "items") and getattr(given, "ndim", 0) == 2:
        return _frame(name, given, labels)
    try:
        array = np.asarray(given)
    except (TypeError, ValueError, RuntimeError) as error:
        if any(hasattr(part, "requires_grad") for part in parts):  # a tensor of PyTorch
            raise TypeError(f"{name}: {error}; {name}.detach().cpu().float() is accepted") from None
        if isinstance(error, RuntimeError):
            raise
        raise TypeError(f"{name}: expected an array of numbers: {error}") from None
    dtype = getattr(given, "dtype", array.dtype)
    if hasattr(given, "isna") and not isinstance(dtype, np.dtype) and given.isna().any():
        raise TypeError(f"{name}: dtype {dtype} with missing values; fill or drop them")
    if array.dtype.kind in "biuf":
        plain: np.ndarray = array
        return plain
    if array.dtype == object and array.ndim and all(map(_is_number, set(map(type, array.flat)))):
        return np.array([checks.nearest(number) for number in array.flat]).reshape(array.shape)
    raise TypeError(f"{name}: expected an array of real numbers, got {_described(name, given, array, dtype, labels)}")


def _frame(name: str, table: Any, labels: bool) -> np.ndarray:
    """A data frame's numbers, in C order: it keeps columns, and rows are read in random order.

    Mixed ones are taken column by column, because bool with float would become objects as a whole.
    """
    kinds = set(table.dtypes)
    if len(kinds) == 1 and all(isinstance(kind, np.dtype) and kind.kind in "biuf" for kind in kinds):
        return np.ascontiguousarray(table)
    found = np.empty(table.shape)
    for i, (key, column) in enumerate(table.items()):
        found[:, i] = numbers(f"{name}: column {key!r}", column, labels)
    return found


def _is_number(kind: type) -> bool:
    return checks.is_real(kind) or kind is np.bool_


def _described(name: str, given: Any, array: np.ndarray, dtype: Any, labels: bool) -> str:
    """Why it is not an array of real numbers, and what to do about it."""
    kind = type(given).__name__
    if hasattr(given, "toarray"):
        return f"{kind}; convert it with .toarray()"
    if array.dtype == object and not array.ndim:
        makes = isinstance(given, Iterable) and not isinstance(given, Mapping)
        return f"{kind}; convert it with list(...)" if makes else kind
    places = np.ndindex(array.shape) if array.dtype.kind in "OUS" else ()
    for place in places:
        value = array[place]
        if isinstance(value, (str, bytes)):
            at = f"dtype {dtype} with {str(value)!r} at [{', '.join(map(str, place))}]"
            if labels:
                return f"{at}; classes, {name} = np.unique({name}, return_inverse=True) turns text into class numbers"
            return f'{at}; astype("float32") converts text of digits; encode other text as numbers'
        if not _is_number(type(value)):
            return f"dtype {dtype} with {value!r} at [{', '.join(map(str, place))}]; fill or drop what is not a number"
    return f"dtype {dtype}"


def read_only(array: np.ndarray) -> np.ndarray:
    """A view that cannot be made writable again, unlike one with only its flag cleared."""
    return np.asarray(memoryview(array).toreadonly())  # type: ignore[arg-type]


def ready(array: np.ndarray) -> np.ndarray:
    """The array in a form that a Port reads: a copy only for dtypes that it does not read, such as longdouble."""
    plain = np.asarray(array)  # also of a memory map, without a copy
    return plain if reads(plain) else np.asarray(plain, np.float64)


def packed(array: np.ndarray) -> np.ndarray:
    """The array in C order and this machine's byte order, without a copy if it already is."""
    plain = ready(array)
    return np.require(plain, plain.dtype.newbyteorder("="), ["C", "A"])


def parted(what: str, given: Any, names: Sequence[str]) -> list[Any]:
    """What is given for each of these inputs or outputs: for one as it is, for several a list, a tuple or a dict.

    Raises ValueError for other names or another number of arrays, TypeError for anything else.
    """
    if len(names) == 1:
        return [given]
    known = ", ".join(map(repr, names))
    if isinstance(given, Mapping):
        checks.names(what, given, names)
        return [given[name] for name in names]
    if not isinstance(given, (list, tuple)):
        raise TypeError(f"{what}: expected a list or a dict of arrays for {known}, got {type(given).__name__}")
    if len(given) != len(names):
        raise ValueError(f"{what}: expected {len(names)} arrays for {known}, got {len(given)}")
    return list(given)


def samples(x: Any, features: Pattern, layer: str, name: str = "x", empty: bool = False) -> np.ndarray:
    """x as an array (batch, *features). layer: what expects it, for errors. empty: whether it may have no samples."""
    if is_batch(x, features):
        return x
    array = numbers(name, x)
    if array.ndim > 0 and free.fits(array.shape[1:], features):
        if not len(array) and not empty:
            raise ValueError(f"{layer}: {name} is empty: {array.shape}")
        return ready(array)
    raise ValueError(
        f"{layer}: expected input {checks.batch(features)}, got {array.shape}{advice(name, array.shape, features)}"
    )


def advice(name: str, shape: tuple[int, ...], features: Pattern) -> str:
    """How to turn an array of that shape into (batch, *features), for the end of an error; "" if unclear."""
    first = (features[-1:] + features[:-1]) if len(features) == 3 else None  # images with channels first
    if shape == features:
        return f"; add a first dimension for the batch: {name}[None]"
    if len(features) == 1 and len(shape) > 2:
        return "; add Flatten()"
    if features[-1] == 1 and features[:-1] in (shape[1:], shape):
        batch = "None, " if shape == features[:-1] else ""
        return f"; add an axis for the one channel: {name}[{batch}..., None]"
    if first in (shape[1:], shape):
        turned = "transpose(1, 2, 0)[None]" if shape == first else "transpose(0, 2, 3, 1)"
        return f"; channels come last: {name}.{turned}"
    return ""


def joint_samples(x: Any, names: Sequence[str], features: Sequence[Pattern], empty: bool = False) -> list[np.ndarray]:
    """An array for each of several inputs, all of the same number of samples."""
    found: list[np.ndarray] = []
    for given, name, shape in zip(parted("x", x, names), names, features, strict=True):
        found.append(samples(given, shape, f"Input {name!r}", f"x[{name!r}]", empty))
        if len(found[-1]) != len(found[0]):
            raise ValueError(f"x: {len(found[0])} samples for {names[0]!r}, but {len(found[-1])} for {name!r}")
    return found


def targets(
    y: Any, count: int, features: tuple[int, ...], labels: bool, name: str = "y", remedy: str = ""
) -> tuple[np.ndarray, bool]:
    """y for `count` samples, as labels or as values of the output's shape; and whether it holds labels.

    labels: whether class numbers, one for each position before the last axis, are meant by such a shape: (n,), or of
    images (n, height, width). For an output of one channel the values may omit its axis. features: (0,) for no target,
    which is None. name: of y, in errors.
    remedy: what they say of one value for each position where there are several channels.
    """
    positions = features[:-1]
    if labels and is_batch(y, positions) and len(y) == count:
        return y, True
    if y is None and features == (0,):
        return np.empty((count, 0), np.float32), False
    array = numbers(name, y, labels)
    if array.ndim == 0 or len(array) != count:
        raise ValueError(f"{name}: expected {count} targets, one for each sample, got shape {array.shape}")
    if labels and array.shape[1:] in (positions, (*positions, 1)):
        return ready(array), True
    if array.shape[1:] == features or (array.shape[1:] == positions and features[-1:] == (1,)):
        return ready(array), False
    if features == (0,):
        raise ValueError(f"{name}: its loss takes no target; leave it out, got {array.shape}")
    wanted = f"{f'labels {checks.batch(positions)} or ' if labels else ''}values {checks.batch(features)}"
    remedy = remedy if array.shape[1:] in (positions, (*positions, 1)) else ""
    raise ValueError(f"{name}: expected {wanted}, got {array.shape}{remedy}")


def label_rows(y: Any, count: int, most: int, name: str = "y") -> np.ndarray:
    """y for `count` samples: (count, n), in each row up to n labels, then -1; n is at most `most`.

    What is in them is checked when they are gathered.
    """
    array = numbers(name, y, labels=True)
    if array.ndim != 2 or len(array) != count or not 0 < array.shape[1] <= most:
        raise ValueError(
            f"{name}: expected labels ({count}, n), rows padded by -1, with n from 1 to the number of frames, {most}, "
            f"got {array.shape}"
        )
    return ready(array)


def indices(choose: Any, count: int, positions: tuple[int, ...], name: str = "choose") -> np.ndarray:
    """The number of an element for each of `count` samples, (count,), or for each of their positions.

    They are compared with the number of elements when they are gathered.
    """
    array = numbers(name, choose)
    if array.shape != (count, *positions):
        each = "position" if positions else "sample"
        raise ValueError(f"{name}: expected {(count, *positions)}, an index for each {each}, got shape {array.shape}")
    return ready(array)


def rows(rows: Any, count: int) -> np.ndarray:
    """The numbers of some of `count` samples, in any order and repeated or not, as int64 in C order.

    Raises TypeError for other than integers, ValueError for another shape, and for numbers outside 0 to count - 1.
    """
    array = numbers("rows", rows)
    if array.dtype == bool:
        raise TypeError("rows: expected the numbers of samples, got bool; np.flatnonzero(mask) makes them of a mask")
    if array.ndim != 1 or not len(array):
        raise ValueError(f"rows: expected (n,), the numbers of one or more samples, got shape {array.shape}")
    if array.dtype.kind not in "iu":
        raise TypeError(f"rows: expected integers, got dtype {array.dtype}")
    wrong = (array < 0) | (array >= count)
    if wrong.any():
        place = int(wrong.argmax())
        raise ValueError(f"rows[{place}] is {array[place]}; expected from 0 to {count - 1}, for {count} samples")
    return np.ascontiguousarray(array, np.int64)


def lengths(name: str, lengths: Any, count: int) -> np.ndarray:
    """The lengths of `count` sequences, (count,). That they are at least 1 is checked when they are gathered."""
    array = numbers(name, lengths)
    if array.shape not in ((count,), (count, 1)):
        raise ValueError(f"{name}: expected ({count},), the number of steps of each sequence, got shape {array.shape}")
    return ready(array)


def weights(
    weights: Any, count: int, shape: tuple[int, ...], elements: bool, name: str = "sample_weight"
) -> np.ndarray:
    """Weights for `count` samples, (count,), or for each position of their output, or each element.

    shape: of the output. elements: whether they may be of elements. That they are numbers >= 0 is checked when they are
    gathered.
    """
    if is_batch(weights, ()) and len(weights) == count:
        return weights
    array = numbers(name, weights)
    shapes: list[tuple[int, ...]] = [(count,)]
    wanted = [f"({count},), a weight for each sample"]
    for more, of_each in ((shape[:-1], "position"), (shape if elements else (), "element")):
        if more and (count, *more) not in shapes:
            shapes.append((count, *more))
            wanted.append(f"{shapes[-1]}, one for each {of_each}")
    if array.shape not in (*shapes, (count, 1)):
        raise ValueError(f"{name}: expected {', or '.join(wanted)}, got shape {array.shape}")
    return ready(array)


def of_outputs(what: str, given: Any, names: Sequence[str]) -> list[Any]:
    """What is given for each of these outputs: the same for all, or by a dict that may leave some out, for None."""
    if not isinstance(given, Mapping):
        return [given] * len(names)
    checks.names(what, given, names, some=True)
    return [given.get(name) for name in names]


def in_proportion(weights: np.ndarray) -> np.ndarray:
    """Weights, of which only the proportions matter; if they do not fit float32, times a power of two."""
    most = weights.max(initial=0.0)
    extreme = 0 < most < 1e-18 or 1e18 < most < np.inf
    return np.ldexp(weights, -np.frexp(most)[1]) if extreme else weights
