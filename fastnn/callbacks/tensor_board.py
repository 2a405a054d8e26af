"""TensorBoard: the values of each epoch as scalars that TensorBoard shows."""

from __future__ import annotations

import os
from typing import Any
from uuid import uuid4

from fastnn.callbacks.callback import Callback
from fastnn.model.history import Logs, Path, numbers
from fastnn.model.log_names import parted

#: The run of each prefix: a folder, in which the tags are names without it. So TensorBoard has them in one chart.
RUNS = {"": "train", "val_": "validation", "train_": "train_evaluated"}


class TensorBoard(Callback):
    """Writes scalars for TensorBoard after each epoch: the runs "train" and "validation", with a tag for each value.

    "val_loss" is the tag "loss" of the run "validation", next to that of "train" in one chart. With fit's
    evaluate_training there is a third run, "train_evaluated". `tensorboard --logdir folder` shows them.

    Parameters
    ----------
    folder : path
        It has a folder for each run. Fits into the same one add to it.

    Raises
    ------
    ImportError
        Without tensorboardX: pip install 'fastnn-cpu[tensorboard]'.
    OSError
        In `fit`, where the files cannot be written.

    Examples
    --------
    >>> import os, fastnn as fnn
    >>> (x, y), test = fnn.datasets.digits()
    >>> net = fnn.Sequential([fnn.Dense(10, "softmax")], input_shape=(64,), seed=0).compile("adam")
    >>> history = net.fit(x, y, validation_data=test, callbacks=[fnn.TensorBoard("logs")], verbose=0)
    >>> sorted(os.listdir("logs"))
    ['train', 'validation']
    """

    def __init__(self, folder: Path) -> None:
        try:
            import tensorboardX  # noqa: F401 # before a training whose values could not be written
        except ImportError:
            raise ImportError("TensorBoard needs tensorboardX: pip install 'fastnn-cpu[tensorboard]'") from None
        self.folder = os.fspath(folder)
        self.writers: dict[str, Any] = {}

    def on_train_begin(self) -> None:
        self.on_train_end()  # of a fit that failed

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        for name, value in numbers(logs).items():
            prefix, tag = parted(name, logs)
            self._writer(RUNS[prefix]).add_scalar(tag, value, epoch)
        for writer in self.writers.values():
            writer.flush()

    def on_train_end(self) -> None:
        for writer in self.writers.values():
            writer.close()
        self.writers = {}

    def _writer(self, run: str) -> Any:
        from tensorboardX import SummaryWriter

        if run not in self.writers:
            # Its own names have seconds only: two fits in one second would write the same file.
            self.writers[run] = SummaryWriter(os.path.join(self.folder, run), filename_suffix=f".{uuid4().hex}")
        return self.writers[run]
