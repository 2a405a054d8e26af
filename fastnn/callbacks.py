"""What happens around the steps of `fit`: callbacks, the History, and the progress bar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastnn.network import Network

Logs = dict[str, float]


class Callback:
    """Hooks of `fit`; a subclass overrides what it needs. `net` is the network; net.stop_training = True ends the fit.

    Only a callback that defines `on_batch_end` makes the native loop return after every step.
    """

    net: Network

    def on_train_begin(self) -> None:
        """Before the first epoch."""

    def on_train_end(self) -> None:
        """After the last epoch, not after an error."""

    def on_epoch_begin(self, epoch: int) -> None:
        """Before an epoch, counted from 0 within this fit."""

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """After an epoch and its validation. logs: "loss", each metric, and both with "val_"."""

    def on_batch_end(self, step: int, logs: Logs) -> None:
        """After a step, counted from 0 within this epoch. logs: "loss" and each metric of this batch."""


class History(Callback):
    """history: a list with a value per epoch, for each name in the logs; epoch: their numbers."""

    def __init__(self) -> None:
        self.epoch: list[int] = []
        self.history: dict[str, list[float]] = {}

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        self.epoch.append(epoch)
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)

    def __repr__(self) -> str:
        last = ", ".join(f"{name} {values[-1]:.4g}" for name, values in self.history.items())
        return f"History({len(self.epoch)} epochs{last and ': ' + last})"


class Progress:
    """A tqdm bar over the samples of all epochs: loss, metrics, samples/s and time left."""

    def __init__(self, samples: int, epochs: int) -> None:
        from tqdm.auto import tqdm

        self.samples, self.epochs = samples, epochs
        self.bar: Any = tqdm(total=samples * epochs, unit=" samples", unit_scale=True, dynamic_ncols=True, leave=True)

    def update(self, epoch: int, done: int, logs: Logs) -> None:
        """`done` samples of this epoch are done."""
        self.bar.set_description(f"epoch {epoch + 1}/{self.epochs}", refresh=False)
        self.bar.set_postfix({name: f"{value:.4f}" for name, value in logs.items()}, refresh=False)
        self.bar.update(epoch * self.samples + done - self.bar.n)

    def close(self) -> None:
        """Leaves the bar as it stands."""
        self.bar.close()
