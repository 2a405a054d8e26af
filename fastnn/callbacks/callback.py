"""Callback: the base of what a user passes to `fit`."""

from __future__ import annotations

from fastnn.network import Network
from fastnn.training.hooks import Hooks


class Callback(Hooks):
    """Hooks of `fit`; a subclass overrides what it needs.

    Only a callback that defines `on_batch_end` makes the native loop return after every step.

    Attributes
    ----------
    net : Network
        The network that is trained; net.stop_training = True ends the fit.
    names : tuple of str
        The logs of an epoch, known before the first, without what callbacks add.

    Examples
    --------
    >>> import fastnn as fnn
    >>> class Rate(fnn.Callback):
    ...     def on_epoch_end(self, epoch, logs):
    ...         logs["rate"] = self.net.optimizer.learning_rate
    >>> (x, y), _ = fnn.datasets.digits()
    >>> net = fnn.Sequential([fnn.Dense(10, "softmax")], input_shape=(64,), seed=0).compile(fnn.SGD(0.1))
    >>> net.fit(x, y, callbacks=[Rate()], verbose=0).history["rate"]
    [0.1]
    """

    net: Network
