"""Objectives: what is minimized and measured at each output of a network, and how it is given for several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from fastnn import losses, metrics as measures
from fastnn.common import checks
from fastnn.data import arrays
from fastnn.losses import Loss
from fastnn.metrics import Metric, Recorded
from fastnn.model.log_names import PREFIXES


@dataclass(eq=False, repr=False)
class Objective:
    """An output by name: its loss, the loss's weight in the sum of all, and its metrics."""

    output: str
    loss: Loss
    weight: float
    metrics: tuple[Metric, ...]

    @cached_property
    def recorded(self) -> tuple[Recorded, ...]:
        """The metrics of the outputs of a whole epoch."""
        return tuple(metric for metric in self.metrics if isinstance(metric, Recorded))

    def checked(
        self, named: bool, count: int, shape: tuple[int, ...], y: Any, weight: Any, choose: Any
    ) -> tuple[np.ndarray, bool, np.ndarray | None, np.ndarray | None]:
        """Targets of `count` samples, whether they are labels, weights and choice: arrays that ports accept.

        named: whether errors name the output. shape: of a sample's output. weight, choose: None for none.
        """
        of_output, loss = f"[{self.output!r}]" if named else "", self.loss
        if choose is not None:
            if not loss.elementwise:
                raise ValueError(
                    f"choose{of_output}: {loss.name} compares rows as a whole; an element of each is chosen for losses "
                    "that are means over elements, such as mse and huber"
                )
            choose, shape = arrays.indices(choose, count, shape[:-1], f"choose{of_output}"), (*shape[:-1], 1)
        remedy = "; for values of one output each give choose=, the index of that output"
        remedy = remedy if loss.elementwise and loss.compares else ""
        target, labels = loss.check_target(y, count, shape, f"y{of_output}", remedy)
        if weight is not None:
            elements = loss.elementwise and not labels
            weight = arrays.weights(weight, count, shape, elements, f"sample_weight{of_output}")
        return target, labels, weight, choose


def objectives(outputs: Sequence[str], loss: Any, metrics: Any, weights: Any) -> tuple[Objective, ...]:
    """An Objective for each output, of what `compile` is given: one for all, or a dict by output; none without a loss.

    Raises ValueError for an unknown name, weights that are not finite and >= 0 or are all 0, and two values that the
    logs would give one name; TypeError for other types.
    """
    if loss is None:
        given = [name for name, value in (("metrics", metrics), ("loss_weights", weights)) if value]
        if given:
            raise ValueError(f"{given[0]}: without a loss nothing is measured; leave {given[0]} out")
        return ()
    made = []
    by_output = (for_each("loss", loss, outputs), for_each("metrics", metrics, outputs, ()))
    scales = for_each("loss_weights", 1.0 if weights is None else weights, outputs, 1.0)
    criteria = _resolved(by_output[0], outputs, weights is not None)
    for output, criterion, names, weight in zip(outputs, criteria, by_output[1], scales, strict=True):
        given = checks.listed("metrics", names, object, "names or functions")
        listed = tuple(dict.fromkeys(map(measures.resolve, given)))
        twice = repeated(_in_logs("loss", *(metric.name for metric in listed)))
        if twice is not None:
            raise ValueError(f"metrics: two would be called {twice!r} in the logs; give the function another name")
        scale = checks.real(f"loss_weights: {output}", weight, least=0)
        made.append(Objective(output, criterion, scale, listed))
    if not any(objective.weight for objective in made):
        raise ValueError("loss_weights: all are 0, so there is nothing to train")
    if len(made) > 1:
        _check_names(made)
    return tuple(made)


def _resolved(given: Sequence[Any], outputs: Sequence[str], weighted: bool) -> list[Loss]:
    """The loss of each output. Raises ValueError for one that is joint among others, or with loss_weights."""
    found = [losses.resolve(loss) for loss in given]
    joint = next((loss for loss in found if isinstance(loss, losses.Joint)), None)
    if joint is None:
        return found
    if weighted or any(loss != joint for loss in found):
        raise ValueError(f"{joint.name}: a Joint loss is that of all outputs, without others and without loss_weights")
    checks.names(f"{joint.name}: targets", joint.targets or {}, outputs, some=True)
    return [joint.of(output) for output in outputs]


def _check_names(made: Sequence[Objective]) -> None:
    """Raises ValueError where two values in the logs would have one name."""
    names = list(getattr(made[0].loss, "parts", ()))
    names += [
        f"{objective.output}_{figure}"
        for objective in made
        for figure in ("loss", *(metric.name for metric in objective.metrics))
    ]
    name = repeated(_in_logs("loss", *names))
    if name is not None:
        raise ValueError(
            f"two values in the logs would be called {name!r}: give outputs (the layers that make them) other names"
        )


def _in_logs(*names: str) -> list[str]:
    """All that the logs of a fit may hold, for values of these names."""
    return [f"{prefix}{name}" for prefix in ("", *PREFIXES) for name in (*names, "penalty")]


def repeated(names: Sequence[str]) -> str | None:
    """The first name that occurs twice."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def for_each(what: str, given: Any, names: Sequence[str], otherwise: Any = None) -> list[Any]:
    """The value for each name: one for all, or a dict by name. otherwise: for names that it leaves out."""
    if not isinstance(given, Mapping):
        return [given] * len(names)
    checks.names(what, given, names, otherwise is not None)
    return [given.get(name, otherwise) for name in names]


def one_or_all(names: Sequence[str], values: Sequence[Any]) -> Any:
    """The only value, or a dict by name."""
    return values[0] if len(names) == 1 else dict(zip(names, values, strict=True))


def with_none(y: Any, made: Sequence[Objective], shapes: Sequence[tuple[int, ...]]) -> Any:
    """y with None for the outputs that it leaves out since their losses take no target."""
    each = zip(made, shapes, strict=True)
    without = {objective.output: None for objective, shape in each if objective.loss.target_shape(shape) == (0,)}
    if y is None and len(without) < len(shapes):
        raise TypeError("y is missing: only a dataset, or batches from a function, hold the targets in x")
    several = len(shapes) > 1 and (y is None or isinstance(y, Mapping))
    return {**without, **(y or {})} if several else y
