"""Free axes: those of an input whose length each call decides, None in a shape.

Layers are asked at several lengths; an axis of their outputs that varies with them is free too, and what they ask of
the parameters must not vary.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

Pattern = tuple[int | None, ...]
Shape = tuple[int, ...]
Answer = TypeVar("Answer")

#: The lengths that layers are asked at: two of them must suit all. Many numbers divide one or more, as poolings need.
LENGTHS = (720_720, 322_560, 161_280, 65_536, 5040, 1680, 1024, 512, 256, 128, 64, 60, 32, 30, 16, 12, 8, 6, 4, 3, 2, 1)


def is_free(patterns: Sequence[Pattern]) -> bool:
    """Whether one of the shapes has an axis of any length."""
    return any(None in pattern for pattern in patterns)


def fixed(pattern: Pattern, length: int) -> Shape:
    """The shape with this length of its free axes."""
    return tuple(length if each is None else each for each in pattern)


def fits(shape: Sequence[int], pattern: Pattern) -> bool:
    """Whether the shape has the lengths of the pattern where they are given, and some where they are free."""
    if len(shape) != len(pattern):
        return False
    return all(wanted in (None, given) and given > 0 for given, wanted in zip(shape, pattern, strict=True))


def answers(ask: Callable[[list[Shape]], Answer], given: Sequence[Mapping[int, Shape] | Shape]) -> dict[int, Answer]:
    """What `ask` says of the shapes, at each of the lengths at which they are known and it raises no ValueError.

    given: fixed shapes, and those at several lengths. Raises ValueError where fewer than two lengths suit it, and
    says what it last raised.
    """
    found: dict[int, Answer] = {}
    refused = ValueError("no length of the free axes suits all inputs")
    for length in LENGTHS:
        if any(isinstance(each, Mapping) and length not in each for each in given):
            continue
        try:
            found[length] = ask([each[length] if isinstance(each, Mapping) else each for each in given])
        except ValueError as error:
            refused = error
    if len(found) < 2:
        raise ValueError(f"no two lengths that were tried for the axes of any length, None, fit: {refused}") from None
    return found


def at_lengths(patterns: Sequence[Pattern]) -> list[dict[int, Shape]]:
    """Each shape at all lengths."""
    return [{length: fixed(pattern, length) for length in LENGTHS} for pattern in patterns]


def common(shapes: Sequence[Shape]) -> Pattern:
    """The pattern of shapes at several lengths. Raises ValueError where their ranks differ."""
    return tuple(first if first == second else None for first, second in zip(shapes[0], shapes[-1], strict=True))


def patterns(ask: Callable[[list[Shape]], Sequence[Shape]], given: Sequence[Pattern]) -> list[Pattern]:
    """The shapes that `ask` makes of these, with the axes free that vary with the free ones."""
    if not is_free(given):
        return [*ask([fixed(each, 0) for each in given])]
    return [common(each) for each in zip(*answers(ask, at_lengths(given)).values(), strict=True)]


def example(ask: Callable[[list[Shape]], object], given: Sequence[Pattern]) -> list[Shape]:
    """The shapes at the least length that `ask` takes, or as they are where none is free."""
    length = min(answers(ask, at_lengths(given))) if is_free(given) else 0
    return [fixed(each, length) for each in given]
