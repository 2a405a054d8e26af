"""Compiled: a graph with its parameters and what it is compiled for: losses, metrics, an optimizer and its slots."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self

from fastnn import losses, metrics as measures, optimizers
from fastnn.common import checks, free
from fastnn.common.free import Shape
from fastnn.data import arrays
from fastnn.data.examples import Examples
from fastnn.engine.plan import Plan
from fastnn.engine.tensor import Tensor
from fastnn.layers.graph import Graph
from fastnn.model import rates as layer_rates
from fastnn.model.assembly import Assembly
from fastnn.model.counters import Counters
from fastnn.model.history import History
from fastnn.model.lengths import ends as ends_of
from fastnn.model.objectives import Objective, objectives, one_or_all, with_none
from fastnn.model.parameters import Range, below
from fastnn.model.pool import Pool
from fastnn.model.program import Program
from fastnn.model.request import Form, Kind, Request

#: A name, an object with settings, or a function (y, t) -> float of the outputs and targets of an epoch.
Metric = str | measures.Metric | measures.Function


class Compiled(Assembly):
    """What the verbs of a network (fit, predict, save, ...) work on; they alone change its state."""

    SETTABLE: ClassVar[Mapping[str, Callable[[str, Any], Any]]] = {
        **Assembly.SETTABLE,
        "stop_training": checks.flag,
        "metadata": lambda name, value: value,  # checked when a file is written
    }
    DECIDED_BY: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("optimizer", "loss", "metrics", "objectives", "frozen", "rates"), "compile(optimizer, loss, metrics)"
    )

    #: Makes the program for a request; set by `Network`, since programs are built from this class.
    build_program: ClassVar[Any]  # (net, request, rows) -> Program

    optimizer: optimizers.Optimizer  # None until compiled; the type spares users a check
    objectives: tuple[Objective, ...]
    loss: losses.Loss | dict[str, losses.Loss] | None
    metrics: Any
    frozen: frozenset[str]
    rates: dict[str, float]
    history: History
    stop_training: bool
    metadata: dict[str, Any]
    counters: Counters
    slots: dict[str, Tensor]
    pool: Pool
    custom_pass: Any  # a forward pass that waits for its backward pass, and its plans
    quick: tuple[Form, ...]  # of steps that `train_on_batch` makes without further checks; empty until built

    def assemble(self, graph: Graph, seed: int | None, name: str | None) -> None:
        super().assemble(graph, seed, name)
        self._set(optimizer=None, objectives=(), loss=None, metrics=(), frozen=frozenset(), rates={}, slots={})
        self._set(history=History(), stop_training=False, metadata={}, counters=Counters())
        self._set(pool=Pool(type(self).build_program), custom_pass=None, quick=())

    # Building and compiling.

    def adopted(self) -> None:
        self._set(slots=self._make_slots())
        self._fit_together()

    def forget(self) -> None:
        super().forget()
        self._set(slots={}, quick=())
        self._drop_plans()

    def _drop_plans(self) -> None:
        self.pool.clear()
        self._set(custom_pass=None)

    def compile(
        self,
        optimizer: optimizers.Optimizer | str = "adam",
        loss: losses.Loss | losses.Function | str | Mapping[str, Any] | None = "cross_entropy",
        metrics: Sequence[Metric] | Mapping[str, Sequence[Metric]] = (),
        loss_weights: Mapping[str, float] | None = None,
        keep_state: bool = False,
        rates: Mapping[str, float] | None = None,
    ) -> Self:
        """Choose how to train: the optimizer, the losses and the metrics. Resets the optimizer's slots.

        Layers that are not trainable now stay frozen until the next compile.

        Parameters
        ----------
        optimizer : Optimizer or str, default "adam"
            An object, or a name for default settings.
        loss : Loss, str, callable or None, default "cross_entropy"
            An object, a name, or your own function (y, t) -> (loss, dy), see `fastnn.losses.Own`. For several outputs
            one for all, or a dict by output, or a `fastnn.losses.Joint` of all together. None is for loops of your own,
            of `forward`, `backward` and `step`.
        metrics : list of str, Metric or callable, default ()
            Names, objects with settings, or your own functions (y, t) -> float, called with all outputs and targets of
            an epoch. For several outputs one list for all, or a dict by output.
        loss_weights : dict of str to float, optional
            For several outputs the weight of each one's loss in the sum, 1 for outputs that the dict leaves out.
        keep_state : bool, default False
            Whether training continues with the optimizer's slots and count of updates as they are, after other losses,
            weights, metrics or settings are chosen. The optimizer must have the same slots.
        rates : dict of str to float, optional
            Factors > 0 of the learning rate, which may be a schedule, by the name of a layer or sub-network as in
            `weights`: {"encoder": 0.1, "encoder.dense_0": 0.5}. The longest name counts; others have 1. Decoupled
            weight decay is by the same rate.

        Returns
        -------
        Network
            Itself.

        Raises
        ------
        TypeError
            For anything that is neither a name nor such an object or function.
        ValueError
            For an unknown name, a loss or metric that does not fit the output activation, a state to be kept that does
            not exist, a rate of 0, of a layer that is not trained, and for LBFGS. The network stays as it was.

        Examples
        --------
        >>> import fastnn as fnn
        >>> net = fnn.Sequential([fnn.Dense(10, "softmax")], input_shape=(64,), seed=0)
        >>> net = net.compile(fnn.SGD(0.1, momentum=0.9), "cross_entropy", metrics=["accuracy"])
        """
        resolved, outputs = optimizers.resolve(optimizer), self.graph.output_names
        if checks.flag("keep_state", keep_state):
            self._check_kept(resolved)
        measured, factors = objectives(outputs, loss, metrics, loss_weights), layer_rates.checked(self, resolved, rates)
        self.compile_for(resolved, measured, self.untrained(), factors, keep_state)
        return self

    def _check_kept(self, optimizer: optimizers.Optimizer) -> None:
        """Raises ValueError where the optimizer cannot continue with the present slots."""
        if self.optimizer is None or self._blocks is None:
            raise ValueError("keep_state: the network is not compiled and built, so it has no state to keep")
        if set(optimizer.slots()) != set(self.slots):
            both = (", ".join(names) or "none" for names in (optimizer.slots(), self.slots))
            raise ValueError("keep_state: the optimizer has the slots {}, and the network {}".format(*both))

    def compile_for(
        self,
        optimizer: optimizers.Optimizer,
        measured: tuple[Objective, ...],
        frozen: frozenset[str],
        rates: dict[str, float],
        keep_state: bool = False,
    ) -> None:
        """Compiles with resolved objects; frozen, rates: of layers by the path of their names."""
        with self.guard.changing("compile"):
            before = dict(vars(self))
            outputs = [objective.output for objective in measured]
            given = [objective.loss for objective in measured]
            joint = bool(given) and isinstance(given[0], losses.Joint)
            loss = given[0] if joint else one_or_all(outputs, given) if measured else None
            plain = [tuple(map(measures.plain, objective.metrics)) for objective in measured]
            metrics = one_or_all(outputs, plain) if measured else ()
            try:
                self._set(optimizer=optimizer, objectives=measured, loss=loss, metrics=metrics)
                self._set(frozen=frozen, rates=rates)
                if not keep_state:
                    self._set(counters=self.counters.compiled())
                    if self._blocks is not None:
                        self._set(slots=self._make_slots())
                self._fit_together()
            except BaseException:
                vars(self).update(before)
                raise
            self._drop_plans()
            for gradients in self._blocks.flat_gradients if self._blocks else ():
                gradients.array[...] = 0  # layers frozen from now on would keep their last ones

    def _make_slots(self) -> dict[str, Tensor]:
        names = self.optimizer.slots() if self.optimizer else ()
        return {name: Tensor((self.blocks.size,)) for name in names}

    def _fit_together(self) -> None:
        """Raises ValueError where the compiled loss or a metric does not fit the built layers."""
        if self.optimizer is None or self._blocks is None:
            return
        if not self.ranges():
            raise ValueError("the network has no parameters to train" + (": all are frozen" if self.frozen else ""))
        layer_rates.check_effect(self.blocks, self.rates, self.frozen)
        if self.loss is None:
            self._set(quick=())
            return
        values = (False,) * len(self.objectives)  # values suit every metric
        sizes = tuple(free.example(self.graph.shapes, self.features)) if self.free else ()
        type(self).build_program(self, Request(Kind.EVALUATE, values, features=sizes), 1)
        single = len(self.shapes) == len(self.features) == 1
        self._set(quick=self._forms(self.shapes_for([])[0]) if single and not self.free else ())

    def _forms(self, shape: Shape) -> tuple[Form, ...]:
        """Of steps of one input and output: plain, with a weight for each sample, with choice, and with both."""
        labels, loss = self._labels([shape]), self.objectives[0].loss
        plain, chosen = Request(Kind.TRAIN, labels), Request(Kind.TRAIN, (False,), choose=(True,))
        target, positions = shape[:-1] if labels[0] else loss.target_shape(shape), shape[:-1]
        forms = [Form(each, target, None) for each in (plain, plain._replace(weights=(1,)))]
        one = (*positions, 1)
        if loss.elementwise and loss.target_shape(one) == one:
            forms += [Form(each, positions, positions) for each in (chosen, chosen._replace(weights=(1,)))]
        return tuple(forms)

    def request(self, kind: Kind, examples: Examples) -> Request:
        """The request for a program over the examples, with what the compiled metrics need."""
        request = Request.of(kind, examples, any(objective.recorded for objective in self.objectives))
        return self.at(request, examples.inputs)

    def _labels(self, shapes: Sequence[Shape]) -> tuple[bool, ...]:
        """Whether the targets of outputs of these shapes may be class numbers."""
        return tuple(each.loss.labels_fit(shape) for each, shape in zip(self.objectives, shapes, strict=True))

    def require_compiled(self) -> None:
        """Raises RuntimeError before compile."""
        if self.optimizer is None:
            raise RuntimeError("the network is not compiled: call compile(optimizer, loss) first")

    def require_loss(self) -> None:
        """Raises RuntimeError before compile, and where no loss is compiled."""
        self.require_compiled()
        if self.loss is None:
            raise RuntimeError(
                "the network is compiled without a loss, for forward, backward and step alone: "
                "call compile(optimizer, loss)"
            )

    def ranges(self) -> list[Range]:
        """The parameters that are trained."""
        wanted = self.blocks.wanted
        return self.blocks.ranges(below(wanted, self.frozen), layer_rates.factors(wanted, self.rates))

    def spans(self) -> list[optimizers.Span]:
        """The trained parameters with their gradients and slots, as an optimizer updates them."""
        return [
            optimizers.Span(
                part.of(part.block.values),
                part.of(part.block.gradients),
                {name: part.of(slot, part.base) for name, slot in self.slots.items()},
                part.factor,
            )
            for part in self.ranges()
        ]

    # Programs and data.

    def plan(self, batch_size: int = 32, training: bool = False, input_shape: Any = None) -> Plan:
        """Make a plan: printed, the list of Ops that runs; its `profile()` times each Op.

        Parameters
        ----------
        batch_size : int, default 32
            The rows of a run.
        training : bool, default False
            Whether it is a training step, with labels as targets where the loss allows them, or a prediction.
        input_shape : tuple of int, optional
            Of a sample, where the network has axes of any length; for several inputs a list or a dict.

        Returns
        -------
        Plan

        Raises
        ------
        RuntimeError
            Before the network is built, and for training before `compile`.
        TypeError, ValueError
            For batch_size < 1.

        Examples
        --------
        >>> import fastnn as fnn
        >>> print(fnn.Sequential([fnn.Dense(3, "relu")], input_shape=(4,)).plan())  # doctest: +ELLIPSIS
        Plan of 3 ops, 32 rows, ... bytes
        Gather((32, 4))
        dense_0: Dense((32, 4), (4, 3), (3,), (32, 3))
        predict: Scatter((32, 3))
        """
        rows = checks.integer("batch_size", batch_size)
        self.require_built()
        sizes = self.chosen(input_shape, "plan")
        with self.guard.reading("plan"):
            if not checks.flag("training", training):
                program: Program = type(self).build_program(self, Request(Kind.PREDICT, features=sizes), rows)
                return program.plan
            self.require_loss()
            labels = self._labels(self.graph.output_shapes(sizes or self.sizes("plan")))
            request = Request(Kind.TRAIN, labels, features=sizes)
            plan: Plan = type(self).build_program(self, request, rows).plan
            plan.guard = self.guard
            return plan

    def maker(self, stateful: bool) -> Callable[..., Examples]:
        """`examples` of x, y, sample_weight, lengths and choose, with this setting."""
        return lambda x, y=None, weight=None, lengths=None, choose=None: self.examples(
            x, y, weight, lengths, stateful, choose
        )

    def examples(
        self, x: Any, y: Any, weight: Any = None, lengths: Any = None, stateful: bool = False, choose: Any = None
    ) -> Examples:
        """Checked data. Raises RuntimeError without a loss, TypeError and ValueError for data that do not fit."""
        self.require_loss()
        inputs, shapes = self.samples(x)
        count, names = len(inputs[0]), self.graph.output_names
        y = with_none(y, self.objectives, shapes)
        if choose is not None and len(names) > 1 and not isinstance(choose, Mapping):
            raise TypeError(f"choose: expected a dict by output, of {', '.join(map(repr, names))}")
        parts = (
            arrays.parted("y", y, names),
            *(arrays.of_outputs(*each, names) for each in (("sample_weight", weight), ("choose", choose))),
        )
        each_output = zip(self.objectives, shapes, *parts, strict=True)
        checked = [objective.checked(len(names) > 1, count, *each) for objective, *each in each_output]
        targets, labels, weights, chosen = map(list, zip(*checked, strict=True))
        ends, ending = ends_of(self.graph, lengths, inputs)
        weights, chosen = (each if any(array is not None for array in each) else [] for each in (weights, chosen))
        stateful = checks.flag("stateful", stateful)
        return Examples(inputs, targets, tuple(labels), weights, ends, ending, stateful, chosen)
