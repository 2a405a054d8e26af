"""The training data evaluated after each epoch: how good the network is on them, as in prediction."""

from __future__ import annotations

from typing import cast

from fastnn.inference.feeding import CHUNK
from fastnn.inference.running import measure
from fastnn.model.compiled import Compiled
from fastnn.model.feed import ArrayFeed, BatchFeed, Feed, LoaderFeed, Order
from fastnn.model.history import Logs
from fastnn.training.hooks import Hooks


class EvaluateTraining(Hooks):
    """Adds "train_loss" and so on to the logs: the first of the hooks, so that all others see them."""

    def __init__(self, net: Compiled, data: Feed) -> None:
        self.net, self.data = net, _in_order(data)

    def on_train_begin(self) -> None:
        added = tuple(f"train_{name}" for name in self.names if not name.startswith("val_"))
        for each in self.callbacks:
            each.names = (*each.names, *added)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        logs |= {f"train_{name}": value for name, value in measure(self.net, self.data).items()}


def _in_order(data: Feed) -> Feed:
    """The same data, not shuffled, and as many at once as `evaluate` takes."""
    if isinstance(data, BatchFeed):
        return data
    feed = cast(ArrayFeed | LoaderFeed, data)
    rows = feed.rows if feed.form.stateful else min(CHUNK, feed.size)
    return feed.reordered(rows, Order(feed.size, feed.order.chosen))
