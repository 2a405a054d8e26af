"""Run: one fit of a network, and where it is."""

from __future__ import annotations

from collections.abc import Sequence

from fastnn.model.compiled import Compiled
from fastnn.model.feed import Feed
from fastnn.model.history import History
from fastnn.model.program import Program
from fastnn.training.facts import facts
from fastnn.training.hooks import Hooks
from fastnn.training.progress import Progress


class Run:
    """One fit of a network: what it trains and validates on, the hooks that it calls, and where it is.

    program: of the feed's form. unseen: the validation data, or None. validation_freq: epochs from one validation to
    the next.
    """

    def __init__(
        self,
        net: Compiled,
        program: Program,
        data: Feed,
        unseen: Feed | None,
        validation_freq: int,
        callbacks: Sequence[Hooks],
        progress: Progress | None,
    ) -> None:
        self.net, self.program, self.data = net, program, data
        self.unseen, self.validation_freq = unseen, validation_freq
        self.callbacks, self.progress = callbacks, progress
        self.each_step = [each for each in callbacks if type(each).on_batch_end is not Hooks.on_batch_end]
        self.history = History()
        self.history.facts = facts(net, data, unseen)
        # The epoch, the samples of it that are done, and its steps.
        self.epoch, self.place, self.step = 0, 0, 0
