"""Training by examples: `fit`, and one step at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, overload

import numpy as np

from fastnn.common import checks
from fastnn.data import arrays
from fastnn.inference.feeding import Given
from fastnn.inference.predict import Prediction
from fastnn.model.feed import Feed
from fastnn.model.history import History
from fastnn.model.objectives import one_or_all
from fastnn.model.request import Kind, Request
from fastnn.optimizers import LBFGS
from fastnn.training import full_batch
from fastnn.training.epochs import Epochs
from fastnn.training.evaluate_training import EvaluateTraining
from fastnn.training.feeds import training_feed, validation_feed
from fastnn.training.held_out import held_out
from fastnn.training.hooks import Hooks
from fastnn.training.progress import Progress


class Training(Prediction):
    """The verbs by which a network learns from examples."""

    def fit(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        validation_data: Any = None,
        shuffle: bool | None = None,
        callbacks: Sequence[Hooks] = (),
        verbose: int = 1,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | Mapping[str, Any] | str | None = None,
        lengths: Any = None,
        stateful: bool = False,
        validation_split: float = 0.0,
        validation_freq: int = 1,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        evaluate_training: bool = False,
        choose: Any = None,
        rows: Any = None,
    ) -> History:
        """Train for a number of epochs on batches of the data, the last of which may be shorter.

        Each epoch's loss and metrics are those of its samples as training saw them. "loss" includes the penalties of
        layers (l1, l2); where there are some, "penalty" is their sum alone. "val_loss" and "val_penalty" likewise.
        Called again, training continues where it ended, with a new History. Ctrl-C, or an exception in a callback,
        leaves the network after its last whole step, and the History in `history`.

        Parameters
        ----------
        x : array (batch, ...), dataset, Loader, path or callable
            Samples. For several inputs a list, a tuple or a dict by name. A list of sequences of different lengths, for
            inputs with None for their steps, is padded. Without y: a dataset or `data.Loader`, whose
            samples are (x, y); a function without arguments that returns a new iterator over batches (x, y) for each
            epoch, each of which is a step; or the path of a .npz file with arrays x and y, or of a folder with a folder
            of images for each class. Arrays in .npy and .npz files are read as they are needed.
        y : array or path, optional
            Targets: the values that the outputs should have, (batch, ...), or class numbers, (batch,). For several
            outputs a list, a tuple or a dict by name.
        batch_size : int, optional
            Samples of a step. None: 32, or what a Loader has.
        epochs : int, default 1
            The epoch before which training ends; the passes over the data, if it starts with epoch 0.
        validation_data : tuple, dataset, Loader or callable, optional
            (x, y), (x, y, sample_weight), (x, y, sample_weight, lengths) or (x, y, sample_weight, lengths, choose), on
            which the network is evaluated after each epoch: "val_loss" and so on. None for what does not apply; where
            `lengths` or `choose` are given it has them too. Or what x may be without y.
        shuffle : bool, optional
            Whether each epoch takes the samples in another order. None: yes, unless `stateful`, or what a Loader has.
        callbacks : list of Callback, optional
            Called around epochs and steps.
        verbose : {1, 2, 0}, default 1
            1 shows a progress bar, or where the output is not a terminal a line for each epoch; 2 shows these lines
            always, 0 shows nothing.
        sample_weight : array (batch,) or dict, optional
            A weight >= 0 for each sample, or, for feature maps, each position (batch, height, width); for losses that
            are means over elements also of the shape of the outputs. For several outputs one array for all, or a dict
            by output, in which None or no entry is 1. Losses and metrics are then weighted means.
        class_weight : dict of int to float, or "balanced", optional
            A weight for each class, 1 for classes that the dict leaves out. "balanced" is samples, or positions, /
            (classes * those of the class). Of several sigmoid outputs, labels that do not exclude each other, the dict
            has the weight of each label's positives, and those that are left out and all negatives have 1; "balanced"
            is samples / (2 * the label's positives), or its negatives, for each label. For several outputs a dict of
            those by output. Multiplied with sample_weight.
        lengths : array of int (batch,) or dict, optional
            The number of steps of each sequence, where x (batch, time, features) is padded. Padding changes no bit of a
            result, and recurrent layers do not compute it. Losses and metrics of outputs at each step are means over
            the real steps. An array applies to all inputs of that form, and to inputs of more than one id; a dict by
            input gives each its own. Where x is a list of sequences of different lengths, they are known.
        stateful : bool, default False
            Whether each sample of a batch continues the sequence of the same sample of the batch before: recurrent
            layers start from the states that they had there, through which no gradient flows (truncated
            backpropagation, [1]_). Each epoch starts from zeros. Needs shuffle=False and batches that are all full, in
            validation_data too; `datasets.streams` cuts long sequences that way.
        validation_split : float, default 0
            The fraction of the data that is held out as validation data: a random part that follows from the network's
            seed, of arrays with class numbers the same fraction of each class.
        validation_freq : int, default 1
            Epochs from one validation to the next.
        initial_epoch : int, default 0
            The number of the first epoch, for training that is continued.
        steps_per_epoch : int, optional
            The batches that make an epoch, where a function returns them. None: until its iterator ends.
        evaluate_training : bool, default False
            Whether the network is evaluated on the training data too after each epoch, as in prediction: "train_loss"
            and so on, to compare with "val_loss". "loss" is a mean over the epoch, in which the weights change, with
            dropout, noise and augmentation. It costs another forward pass over the data.
        choose : array of int (batch,) or dict, optional
            Of each sample the output that y is the target of: y (batch,) is compared with outputs[i, choose[i]] alone,
            and no other output of the row gets a gradient. For feature maps one for each position, (batch, height,
            width), as is y. For several outputs a dict by output; of those left out nothing is chosen. For losses that
            are means over elements, such as "mse" and "huber".
        rows : array of int (n,), optional
            The samples to take, each from 0 to batch - 1, in any order, some twice or more: x[rows], y[rows] and so on
            of all arrays, without copies.

        Returns
        -------
        History
            The loss and metrics of each epoch.

        Raises
        ------
        RuntimeError
            Before `compile`.
        TypeError, ValueError
            For data that do not fit: nothing is changed. What only the data can show (NaN, a label out of range) stops
            before that step.
        FloatingPointError
            Where the loss stops being finite: the network is put back to its last finite epoch.

        References
        ----------
        .. [1] R. J. Williams and J. Peng, "An Efficient Gradient-Based Algorithm for On-Line Training of Recurrent
           Network Trajectories", Neural Computation 2(4), 1990.

        Examples
        --------
        >>> import fastnn as fnn
        >>> (x, y), (x_test, y_test) = fnn.datasets.digits()
        >>> net = fnn.Sequential([fnn.Dense(32, "relu"), fnn.Dense(10, "softmax")], input_shape=(64,), seed=0)
        >>> history = net.compile("adam", metrics=["accuracy"]).fit(x, y, epochs=3, verbose=0)
        >>> history.epoch
        [0, 1, 2]
        """
        given = Given.of(self, x, y, sample_weight, lengths, choose, rows)
        self.require_loss()
        checks.flag("stateful", stateful)
        epochs = checks.integer("epochs", epochs)
        first = checks.integer("initial_epoch", initial_epoch, 0, epochs - 1)
        every = checks.integer("validation_freq", validation_freq)
        verbose = checks.integer("verbose", int(verbose) if isinstance(verbose, bool) else verbose, 0, 2)
        hooks = checks.listed("callbacks", callbacks, Hooks, "Callback objects")
        if steps_per_epoch is not None:
            checks.integer("steps_per_epoch", steps_per_epoch)
        data = training_feed(self, given, batch_size, shuffle, steps_per_epoch, class_weight, stateful)
        unseen: Feed | None = None
        if validation_split:
            if validation_data is not None:
                raise ValueError("validation_data and validation_split: give one of them")
            data, unseen = held_out(self, data, validation_split, stateful)
        elif validation_data is not None:
            unseen = validation_feed(self, validation_data, data)
        if checks.flag("evaluate_training", evaluate_training):
            hooks = [EvaluateTraining(self, data), *hooks]
        kind = Kind.TRAIN
        if isinstance(self.optimizer, LBFGS):
            kind = Kind.DESCENT
            full_batch.check(data, stateful)
        before = self.counters.step

        def trained(error: BaseException) -> bool:
            """Whether the network is as training left it, rather than as it was before."""
            return self.counters.step > before or isinstance(error, FloatingPointError)

        with self.guard.changing("fit"), self.built_for(data.form.inputs, trained):
            program = self.pool.lease(self, self.request(kind, data.form), data.rows)
            progress = Progress(data.size, epochs, verbose == 2) if verbose else None
            run = Epochs(self, program, data, unseen, every, hooks, progress)
            try:
                return run.run(first, epochs)
            finally:
                if stateful and self.counters.step > before:
                    self.pool.clear_states()
                self.pool.give_back(run.program)
                if progress:
                    progress.close()

    @overload
    def train_on_batch(
        self,
        x: Any,
        y: Any,
        sample_weight: Any = None,
        lengths: Any = None,
        stateful: bool = False,
        choose: Any = None,
        rows: Any = None,
        *,
        outputs: Literal[False] = False,
    ) -> float: ...
    @overload
    def train_on_batch(
        self,
        x: Any,
        y: Any,
        sample_weight: Any = None,
        lengths: Any = None,
        stateful: bool = False,
        choose: Any = None,
        rows: Any = None,
        *,
        outputs: Literal[True],
    ) -> tuple[float, Any]: ...
    def train_on_batch(
        self,
        x: Any,
        y: Any,
        sample_weight: Any = None,
        lengths: Any = None,
        stateful: bool = False,
        choose: Any = None,
        rows: Any = None,
        *,
        outputs: bool = False,
    ) -> float | tuple[float, Any]:
        """Make one training step on all of x and y.

        Parameters
        ----------
        x, y, sample_weight, lengths, choose, rows
            As in `fit`.
        stateful : bool, default False
            Whether the samples continue the sequences of the last such step, until `reset_state`.
        outputs : bool, default False
            Whether the outputs are returned too: those whose loss it is, before the update, as training sees them (with
            dropout, and BatchNorm by the batch). They need no second pass, for priorities of a replay memory, say.

        Returns
        -------
        float, or (float, array)
            The loss before the step; with sample_weight a weighted mean. With outputs=True also what `predict` returns:
            an array, float32 (batch, ...), or for several outputs a dict by name.

        Raises
        ------
        RuntimeError
            Before `compile`.
        TypeError, ValueError
            As `fit`, and with stateful for another number of samples than the last such step had.
        FloatingPointError
            Where the loss is not finite. A step that fails changes nothing.

        Examples
        --------
        >>> import numpy as np, fastnn as fnn
        >>> net = fnn.Sequential([fnn.Dense(1)], input_shape=(2,), seed=0).compile(fnn.SGD(0.5), "mse")
        >>> x, y = np.eye(2), np.ones(2)
        >>> net.train_on_batch(x, y) > net.train_on_batch(x, y)
        True
        >>> loss, outputs = net.train_on_batch(x, y, outputs=True)
        >>> errors = y - outputs[:, 0]
        """
        if lengths is None and not stateful and outputs is False:
            loss = self.pool.train_quickly(self, x, y, sample_weight, choose, rows)
            if loss is not None:
                return loss
        examples = self.examples(x, y, sample_weight, lengths, stateful, choose)
        order = None if rows is None else arrays.rows(rows, examples.size)
        request = self.at(Request.of(Kind.TRAIN, examples), examples.inputs)
        arguments = tuple(examples.arrays)
        with self.built_for(examples.inputs):
            if not checks.flag("outputs", outputs):
                return self.pool.train(self, arguments, request, order)
            count = examples.size if order is None else len(order)
            found = [np.empty((count, *shape), np.float32) for shape in self.shapes_for(examples.inputs)]
            request = request._replace(predictions=True)
            loss = self.pool.train(self, (*arguments, *found), request, order)
        return loss, one_or_all(self.graph.output_names, found)

    def reset_state(self) -> None:
        """Reset the state that `train_on_batch` keeps with stateful=True: the next batch starts from zeros.

        Examples
        --------
        >>> import numpy as np, fastnn as fnn
        >>> net = fnn.Sequential([fnn.SimpleRNN(3), fnn.Dense(1)], input_shape=(5, 2), seed=0).compile("sgd", "mse")
        >>> _ = net.train_on_batch(np.ones((4, 5, 2)), np.ones(4), stateful=True)
        >>> net.reset_state()
        """
        with self.guard.changing("reset_state"):
            self.pool.clear_states()
