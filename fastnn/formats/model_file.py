"""Networks as a description and tensors, and back. No code in a file is run.

Tensors: "weights.<name>", "slots.<slot>.<name>", "state.seed" and "state.counters"; in the file of a run that can be
resumed also "run.<name>", which `load` ignores.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import numpy as np

from fastnn import losses, metrics, optimizers, schedules
from fastnn._version import __version__
from fastnn.common import checks
from fastnn.common.free import Pattern
from fastnn.formats.safetensors_file import parse, pieces, plain, take
from fastnn.layers import LAYERS, Layer
from fastnn.model import inputs, rates, sharing, structure
from fastnn.model.compiled import Compiled
from fastnn.model.counters import Counters
from fastnn.model.objectives import Objective, objectives, one_or_all

#: The arguments of `load` for custom classes and functions, with their names in errors and the base of the classes.
KINDS: dict[str, tuple[str, type | None]] = {
    "layers": ("classes of layers", Layer),
    "losses": ("losses", None),
    "metrics": ("metrics", None),
    "optimizers": ("classes of optimizers", optimizers.Optimizer),
    "schedules": ("classes of schedules", schedules.Schedule),
}


def to_bytes(net: Compiled) -> bytes:
    """The network as the bytes of a file."""
    return b"".join(pieces(*contents(net)))


def contents(net: Compiled) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The network as a description and tensors, which are views of its present state."""
    custom(net)
    tensors: dict[str, np.ndarray] = {
        "state.seed": np.array([net.seed], np.uint64),
        "state.counters": np.array(net.counters.values(), np.int64),
    }
    if net.features:
        tensors |= {f"weights.{name}": view for name, view in net.weights.items()}
        for slot, flat in net.slots.items():
            tensors |= {f"slots.{slot}.{name}": view for name, view in net.blocks.in_slot(flat).items()}
    return describe(net), tensors


Tensors = dict[str, np.ndarray]
#: Custom classes and functions by name, for each of these arguments.
Custom = dict[str, dict[str, Any]]


def custom(net: Compiled) -> Custom:
    """The custom classes and functions in a network, which a file holds by name only.

    Raises ValueError for two of one name.
    """
    found: Custom = {name: {} for name in KINDS}
    settings: list[Any] = []
    for layer in structure.layers(net):
        _add(found, "layers", layer.kind, type(layer), LAYERS.get(layer.kind))
        settings += layer.settings().values()
    for loss in (each.loss for each in net.objectives if isinstance(each.loss, losses.Own | losses.Joint)):
        _add(found, "losses", loss.name, loss.function)
    for metric in (metric for each in net.objectives for metric in each.metrics if isinstance(metric, metrics.Own)):
        _add(found, "metrics", metric.name, metric.function)
    if net.optimizer is not None:
        name = type(net.optimizer).__name__
        _add(found, "optimizers", name, type(net.optimizer), optimizers.OPTIMIZERS.get(name))
        settings.append(net.optimizer.learning_rate)
    for each in (schedule for setting in settings for schedule in schedules.nested(setting)):
        name = type(each).__name__
        _add(found, "schedules", name, type(each), schedules.SCHEDULES.get(name))
    return found


def _add(found: Custom, what: str, name: str, own: Any, known: Any = None) -> None:
    if found[what].setdefault(name, own if known is None else known) is not own:
        raise ValueError(f"two {KINDS[what][0]} are called {name!r}: files and copies need different names")


def check_custom(given: Mapping[str, Mapping[str, Any] | None]) -> Custom:
    """The custom classes and functions passed to `load`. Raises TypeError for a value of another kind."""
    found: Custom = {}
    for what, named in given.items():
        _, kind = KINDS[what]
        if named is not None and not isinstance(named, Mapping):
            held = "functions" if kind is None else "classes"
            raise TypeError(f"{what} must be a dict of {held} by name, got {named!r:.60}")
        found[what] = dict(named or {})
        for name, value in found[what].items():
            if not (callable(value) if kind is None else isinstance(value, type) and issubclass(value, kind)):
                wanted = "a function" if kind is None else f"a class of {what}"
                raise TypeError(f"{what}: {name!r} must be {wanted}, got {value!r:.60}")
    return found


def describe(net: Compiled) -> dict[str, Any]:
    """The network's classes and settings, as a file holds them."""
    inner = structure.subnetworks(net)
    description: dict[str, Any] = {
        "fastnn": __version__,
        **structure.describe(net, inner),
        "compiled": None,
        "metadata": plain(net.metadata),
    }
    if inner:
        description["networks"] = [
            {**structure.describe(each, inner), "seed": each.seed, "metadata": plain(each.metadata)} for each in inner
        ]
        if groups := sharing.shared(net) if net.features else []:
            description["shared"] = groups
    if net.optimizer is not None:
        outputs = [each.output for each in net.objectives]
        description["compiled"] = {"optimizer": optimizers.describe(net.optimizer), "loss": None}
        if outputs:
            criteria = [losses.describe(each.loss) for each in net.objectives]
            measured = [list(map(metrics.describe, each.metrics)) for each in net.objectives]
            description["compiled"] |= {"loss": one_or_all(outputs, criteria), "metrics": one_or_all(outputs, measured)}
        if len(outputs) > 1 and not isinstance(net.loss, losses.Joint):
            description["compiled"]["loss_weights"] = {each.output: each.weight for each in net.objectives}
        if net.frozen:
            description["compiled"]["frozen"] = sorted(net.frozen)
        if net.rates:
            description["compiled"]["rates"] = net.rates
    return description


def _restore_objectives(compiled: Mapping[str, Any], names: Sequence[str], own: Custom) -> tuple[Objective, ...]:
    """What is measured at each output; nothing of a network that was compiled without a loss."""
    if compiled["loss"] is None:
        return ()
    entries = [compiled["loss"]] if len(names) == 1 else [compiled["loss"][name] for name in names]
    criteria = one_or_all(names, [losses.restore(entry, own["losses"]) for entry in entries])
    listed = [compiled["metrics"]] if len(names) == 1 else [compiled["metrics"][name] for name in names]
    chosen = one_or_all(names, [_restore_metrics(each, own["metrics"]) for each in listed])
    return objectives(names, criteria, chosen, compiled.get("loss_weights"))


def _restore_metrics(entries: Any, own: Mapping[str, Any]) -> list[metrics.Metric]:
    return [metrics.restore(entry, own) for entry in checks.listed("metrics", entries, (str, dict), "names")]


def from_bytes(
    data: bytes,
    kinds: Mapping[str, type[Compiled]],
    own: Custom | None = None,
) -> Compiled:
    """The network in the bytes of a file. Raises ValueError as `load`.

    kinds: the classes of networks by name. own: custom classes and functions.
    """
    description, tensors = parse(data)
    try:
        return _restore(description, kinds, {name: {} for name in KINDS} | (own or {}), tensors)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"the file's architecture is not valid: {error}") from None


def _restore(
    description: dict[str, Any],
    kinds: Mapping[str, type[Compiled]],
    own: Custom,
    tensors: dict[str, np.ndarray],
) -> Compiled:
    """Builds the network after comparing its shapes with the tensors: nothing larger than the file is allocated."""
    tensors = {name: array for name, array in tensors.items() if not name.startswith("run.")}
    inner: list[Compiled] = []
    table = ChainMap(own["layers"], cast(dict[str, type[Layer]], LAYERS))
    for each in description.get("networks", []):
        inner.append(structure.restore(each, kinds, table, own["schedules"], inner, each["seed"]))
        inner[-1].metadata = plain(each["metadata"])
    seed, counters = _take_state(tensors)
    net = structure.restore(description, kinds, table, own["schedules"], inner, seed)
    compiled = description["compiled"]
    if compiled is not None:
        measured = _restore_objectives(compiled, net.graph.output_names, own)
        frozen = frozenset(checks.listed("frozen", compiled.get("frozen", []), str, "names"))
        optimizer = optimizers.restore(compiled["optimizer"], own["optimizers"], own["schedules"])
        net.compile_for(optimizer, measured, frozen, rates.checked(net, optimizer, compiled.get("rates")))
    shapes = structure.features(description)
    if shapes:
        found = _taken(net, shapes, tensors)
        structure.adopt(net, shapes)
        groups = checks.listed("shared", description.get("shared", []), list, "lists of names")
        sharing.share(net, [checks.listed("shared", group, str, "names") for group in groups])
        _fill(net, *found)
    if tensors:
        raise ValueError(f"the file has tensors that are not in the architecture: {', '.join(tensors)}")
    net.counters.restore(counters)
    net.metadata = plain(description.get("metadata", {}))  # the earliest files have none
    return net


def _take_state(tensors: dict[str, np.ndarray]) -> tuple[int, Counters]:
    """The seed and the counters."""
    (seed,) = take(tensors, "state.seed", (1,), np.uint64)
    counters = take(tensors, "state.counters", (3,), np.int64)
    if not ((counters >= 0) & (counters < 2**62)).all():
        raise ValueError(f"state.counters {counters} are out of range")
    return int(seed), Counters(*map(int, counters))


def return_to(net: Compiled, description: Mapping[str, Any], tensors: dict[str, np.ndarray]) -> None:
    """Gives a built network of the same architecture the state in a file: seed, counters, tensors, learning rate.

    Raises ValueError for one that does not fit: then nothing is changed.
    """
    seed, counters = _take_state(tensors)
    found = _taken(net, structure.features(description), tensors)
    rate = description["compiled"]["optimizer"]["settings"]["learning_rate"]
    if isinstance(rate, (int, float)):
        net.optimizer.learning_rate = rate
    _fill(net, *found)
    net._set(seed=seed)
    net.counters.restore(counters)


def _taken(net: Compiled, shapes: list[Pattern], tensors: Tensors) -> tuple[Tensors, dict[str, Tensors]]:
    """The weights and slots among the tensors of a file. Raises ValueError where one is missing or does not fit."""
    wanted = inputs.wanted(net.graph, shapes)

    def taken(prefix: str, names: Iterable[str]) -> Tensors:
        return {name: take(tensors, f"{prefix}.{name}", wanted[name].shape, np.float32) for name in names}

    weights = taken("weights", wanted)
    trained = [name for name in wanted if not wanted[name].statistic]
    return weights, {slot: taken(f"slots.{slot}", trained) for slot in (net.optimizer.slots() if net.optimizer else ())}


def _fill(net: Compiled, weights: Tensors, slots: dict[str, Tensors]) -> None:
    for name, view in net.weights.items():
        view[...] = weights[name]
    for slot, arrays in slots.items():
        for name, view in net.blocks.in_slot(net.slots[slot]).items():
            view[...] = arrays[name]
