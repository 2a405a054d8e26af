"""Checks of arguments: each returns the value in its plain form, or raises an error that names it."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from numbers import Complex, Number, Real
from typing import Any

#: Sizes are kept in 32 bits where the data hold them, and no tensor of that length would fit anyway.
MOST = 2**31 - 1
#: Dimensions of a sample: with that of the batch, as many as the compiled modules have room for.
DIMENSIONS = 31
#: The largest float32: kernels take their settings as float32.
LARGEST = 3.4028234663852886e38
#: The smallest positive float32 with all its digits.
SMALLEST = 1.1754943508222875e-38


def integer(name: str, value: Any, least: int = 1, most: int = MOST) -> int:
    """value as an int from least to most; bool is not a number here."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    try:
        number = int(value.__index__())
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {value!r}") from None
    if not least <= number <= most:
        raise ValueError(f"{name} must be an integer from {least} to {most}, got {shown(value)}")
    return number


def is_real(kind: type) -> bool:
    """Whether objects of this class are real numbers; a Decimal is, although it does not say so."""
    return issubclass(kind, Real) or (issubclass(kind, Number) and not issubclass(kind, Complex))


def nearest(value: Any) -> float:
    """A real number as a float, an infinity where it is too large for one."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def real(name: str, value: Any, least: float, most: float = LARGEST, below: float = math.inf) -> float:
    """value as a float, least <= value <= most and value < below."""
    if isinstance(value, bool) or not is_real(type(value)):
        raise TypeError(f"{name} must be a number, got {shown(value)}")
    number = nearest(value)
    if not (least <= number <= most and number < below):  # a NaN compares false
        upper = f"<= {most:g}" if below == math.inf else f"< {below:g}"
        raise ValueError(f"{name} must be a number >= {least:g} and {upper}, got {shown(value)}")
    return number


def shown(value: Any) -> str:
    """repr(value), also of an integer with more digits than Python prints."""
    try:
        return repr(value)
    except ValueError:
        return f"{type(value).__name__} of {nearest(value):g}"


def flag(name: str, value: Any) -> bool:
    """value as a bool."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return value


def known(what: str, name: Any, names: Iterable[str]) -> str:
    """name, if it is one of names; the error lists them."""
    names = tuple(names)
    if not isinstance(name, str) or name not in names:
        raise ValueError(f"unknown {what} {name!r}; known: {', '.join(names)}")
    return name


def name(what: str, value: Any) -> str:
    """value as a name of letters, digits, _ and -."""
    if not (isinstance(value, str) and re.fullmatch(r"\w[\w\-]*", value)):
        raise ValueError(f"{what}'s name must be letters, digits, _ and -, got {value!r}")
    return value


def names(what: str, given: Mapping[Any, Any], wanted: Sequence[str], some: bool = False) -> None:
    """Raises ValueError for a dict with other keys than these; some: whether it may leave some out."""
    unknown, missing = [key for key in given if key not in wanted], [name for name in wanted if name not in given]
    if unknown or (missing and not some):
        wrong = f"unknown {unknown[0]!r}" if unknown else f"{missing[0]!r} is missing"
        raise ValueError(f"{what}: {wrong}; expected {', '.join(map(repr, wanted))}")


def listed(name: str, values: Any, kind: type | tuple[type, ...], what: str) -> list[Any]:
    """values as a list of objects of one kind."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise TypeError(f"{name} must be a list of {what}, got {values!r}")
    found: list[Any] = list(values)
    for value in found:
        if not isinstance(value, kind):
            raise TypeError(f"{name} must be {what}, got {value!r}")
    return found


def batch(shape: Iterable[int | str | None]) -> str:
    """The shape of a batch of such samples, for messages."""
    return f"({', '.join(['batch', *map(str, shape)])})"


def lengths(name: str, value: Any) -> tuple[int, ...]:
    """value as a tuple of positive lengths, which may be empty."""
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise TypeError(f"{name} must be a tuple of integers, got {value!r}")
    return tuple(integer(f"{name}[{i}]", length) for i, length in enumerate(value))


def shape(name: str, value: Any) -> tuple[int, ...]:
    """value as a tuple of positive lengths, of no more elements than a tensor may have."""
    found = lengths(name, value)
    if not found:
        raise ValueError(f"{name} must have at least one dimension")
    if len(found) > DIMENSIONS:
        raise ValueError(f"{name} has {len(found)} dimensions, more than {DIMENSIONS}")
    if math.prod(found) > MOST:
        raise ValueError(f"{name} {found} has {math.prod(found)} elements, more than {MOST}")
    return found


def pattern(name: str, value: Any) -> tuple[int | None, ...]:
    """value as a shape in which None stands for an axis of any length."""
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise TypeError(f"{name} must be a tuple of integers, or None for an axis of any length, got {value!r}")
    given = tuple(value)
    known = shape(name, tuple(1 if each is None else each for each in given))
    return tuple(None if each is None else length for each, length in zip(given, known, strict=True))
