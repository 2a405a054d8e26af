"""What grapheme_to_phoneme.py and translation.py share: a decoder that writes, and a picture of what it depends on."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import fastnn as fnn
import figures

ROOM = 32  # a stream is for sources of up to a multiple of this


class Writer:
    """Writes what follows from a source with a beam search.

    net: of the inputs "source" and "target", ids of any length. steps: the most ids that are written, with the end.
    """

    def __init__(
        self, net: fnn.Network, start: int, end: int, steps: int, width: int, length_penalty: float = 0.6
    ) -> None:
        self.net, self.steps, self.width = net, steps, width
        self.search = functools.partial(
            fnn.decode.beam, start=start, end=end, steps=steps, width=width, length_penalty=length_penalty
        )
        self.streams: dict[int, Any] = {}

    def __call__(self, source: Sequence[int]) -> list[int]:
        """The likeliest ids, without the end."""
        size = -(-len(source) // ROOM) * ROOM
        if size not in self.streams:
            sizes = {"source": (size,), "target": (self.steps,)}
            self.streams[size] = self.net.freeze(self.width, streaming=True, input_shape=sizes)
        stream = self.streams[size]
        stream.reset(source=np.pad(source, (0, size - len(source))), lengths=len(source))
        best, *_ = self.search(stream)
        return [int(i) for i in best.ids]


def influence(
    net: fnn.Network, source: Sequence[int], target: Sequence[int], parts: list[list[int]], blank: int
) -> np.ndarray:
    """How much the probabilities of each id of the target change when a part of the source is blank: (target, parts).

    target: from the start, so that the last row is that of the end. parts: the steps of each. The change is
    the total variation distance, from 0 to 1.
    """
    sources = np.tile(np.asarray(source), (1 + len(parts), 1))
    for row, part in zip(sources[1:], parts, strict=True):
        row[part] = blank
    p = net.predict([sources, np.tile(np.asarray(target), (len(sources), 1))])
    return np.asarray(abs(p[1:] - p[0]).sum(axis=2).T / 2)


def drawing(changes: np.ndarray, read: Sequence[str], written: Sequence[str], title: str, path: Path) -> None:
    """Draws `influence`, darker where the change is greater: a row for each of written, a column for each of read."""
    if not (pyplot := figures.pyplot()):
        return

    turned = max(map(len, read)) > 2
    figure, axes = pyplot.subplots(
        figsize=(max(0.5 * len(read) + 2, 5), 0.4 * len(written) + 1.5), layout="constrained"
    )
    axes.imshow(changes, cmap="Blues", aspect="auto", vmin=0)
    axes.set_xticks(range(len(read)), read, rotation=45 if turned else 0, ha="right" if turned else "center")
    axes.set_yticks(range(len(written)), written)
    axes.set_title(title)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
    print(f"drawn: {path}")
