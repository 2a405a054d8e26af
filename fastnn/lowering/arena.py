"""The arena of a plan: which Buffers share memory."""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence

from fastnn.engine.tensor import aligned, bytes_of
from fastnn.lowering.call import Buffer, Call


def place(calls: Sequence[Call], rows: int) -> tuple[dict[Buffer, int], int]:
    """Byte offsets such that Buffers alive at the same call do not overlap, the largest placed first; and the total."""
    alive: dict[Buffer, tuple[int, int]] = {}
    for i, call in enumerate(calls):
        for buffer in call.buffers:
            if buffer.memory is None:
                alive[buffer] = (alive.get(buffer, (i, i))[0], i)
    size = {buffer: aligned(bytes_of((rows * buffer.times, buffer.columns), buffer.dtype)) for buffer in alive}
    offsets: dict[Buffer, int] = {}
    placed: list[Buffer] = []  # by offset
    for buffer in sorted(alive, key=lambda b: -size[b]):
        first, last = alive[buffer]
        offset = 0
        for other in placed:
            overlap = alive[other][0] <= last and first <= alive[other][1]
            if overlap and offset + size[buffer] > offsets[other]:
                offset = max(offset, offsets[other] + size[other])
        offsets[buffer] = offset
        insort(placed, buffer, key=lambda b: offsets[b])
    return offsets, max((offsets[b] + size[b] for b in offsets), default=0)
