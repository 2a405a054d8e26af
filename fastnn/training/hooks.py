"""Hooks: what `fit` calls around its epochs and steps; public callbacks are made of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastnn.model.history import Logs


class Hooks:
    """net: the network. names: the logs of an epoch before callbacks add to them. callbacks: all of this fit."""

    net: Any
    names: tuple[str, ...]
    callbacks: Sequence[Hooks]

    def state(self) -> dict[str, Any]:
        """What is remembered from epoch to epoch: numbers, text, and dicts of arrays. Files of runs hold it."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from what `state` returned; called after `on_train_begin`, where a run is resumed."""

    def on_train_begin(self) -> None:
        """Before the first epoch."""

    def on_train_end(self) -> None:
        """After the last epoch, not after an error."""

    def on_epoch_begin(self, epoch: int) -> None:
        """Before an epoch, counted from 0 within this fit."""

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """After an epoch and its validation.

        logs: "loss", each metric, "penalty" if layers have some, and all these with "val_" and "train_". What is added
        to it is in the History, and later callbacks of the list can monitor it.
        """

    def on_batch_end(self, step: int, logs: Logs) -> None:
        """After a step, counted from 0 within this epoch. logs: "loss" and each metric of this batch."""
