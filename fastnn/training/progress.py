"""The progress display of `fit`: a bar, or a line for each epoch."""

from __future__ import annotations

import sys
import time
from typing import Any

from fastnn.model.history import Logs


class Progress:
    """Shows the epochs of a fit on the standard error stream; where that is closed, nothing.

    lines: a line for each epoch, for log files, instead of a tqdm bar over the samples of all epochs.
    """

    def __init__(self, samples: int, epochs: int, lines: bool) -> None:
        self.samples, self.epochs = samples, epochs
        self.bar: Any = None
        self.begun = time.monotonic()
        closed = sys.stderr is None or sys.stderr.closed
        self.lines = not closed and (lines or not (sys.stderr.isatty() or "ipykernel" in sys.modules))
        if not closed and not self.lines:
            from tqdm.auto import tqdm

            self.bar = tqdm(total=samples * epochs, unit=" samples", unit_scale=True, dynamic_ncols=True, leave=True)

    def update(self, epoch: int, done: int, logs: Logs) -> None:
        """Shows that `done` samples of this epoch are done."""
        if self.bar is not None:
            self.bar.set_description(f"epoch {epoch + 1}/{self.epochs}", refresh=False)
            self.bar.set_postfix({name: f"{value:.4f}" for name, value in logs.items()}, refresh=False)
            self.bar.update(epoch * self.samples + done - self.bar.n)

    def end_epoch(self, epoch: int, logs: Logs) -> None:
        """Ends the epoch."""
        self.update(epoch, self.samples, logs)
        if self.lines and not sys.stderr.closed:
            shown = ", ".join(f"{name} {value:.4f}" for name, value in logs.items())
            now = time.monotonic()
            print(f"epoch {epoch + 1}/{self.epochs}: {shown}, {now - self.begun:.1f} s", file=sys.stderr, flush=True)
            self.begun = now

    def close(self) -> None:
        """Leaves the bar as it is."""
        if self.bar is not None:
            self.bar.close()
