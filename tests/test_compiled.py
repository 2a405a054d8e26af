"""What belongs to a compile is decided there alone; whatever a user sets, a file that `save` wrote can be loaded."""

import copy
import dataclasses
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from networks import blobs, classifier, training_state

WEIRD = (
    None,
    True,
    False,
    -1,
    0,
    0.5,
    1.5,
    10**400,
    float("nan"),
    "1e-3",
    "adam",
    [],
    {},
    (3,),
    fnn.SGD(0.1),
    np.ones(3),
)
X, Y = blobs()


def trained(optimizer: Any = "adam") -> fnn.Sequential:
    net = classifier(optimizer)
    net.fit(X, Y, 32, 2, verbose=0)
    return net


def public(thing: Any) -> list[str]:
    return [name for name in dir(thing) if not name.startswith("_")]


def belongings(net: fnn.Network) -> list[Any]:
    """Everything of a network that a user can reach and try to change."""
    return [net, net.optimizer, net.loss, *net.layers, net.counters, net.history]


@pytest.mark.parametrize("which", range(6))
def test_whatever_is_set_the_file_can_be_loaded(which: int) -> None:
    net = trained(fnn.SGD(0.1, momentum=0.9, ema=0.5))
    thing, refused = belongings(net)[which], 0
    for name in public(thing):
        for value in WEIRD:
            before = getattr(thing, name)
            try:
                setattr(thing, name, value)
            except (AttributeError, TypeError, ValueError):
                refused += 1
                continue
            file = io.BytesIO()
            try:
                net.save(file)
            except TypeError as error:
                assert "metadata" in str(error)
            else:
                file.seek(0)
                twin = fnn.load(file)
                assert training_state(twin) == training_state(net), (name, value)
            setattr(thing, name, before)
    assert refused or isinstance(thing, fnn.History)


@pytest.mark.parametrize("name", ["momentum", "nesterov", "weight_decay", "clip_norm", "clip_value", "ema"])
def test_settings_of_an_optimizer_are_fixed(name: str) -> None:
    net = trained(fnn.SGD(0.1))
    with pytest.raises(AttributeError, match=rf"SGD: {name} cannot be changed; .* with SGD\({name}=\.\.\.\)"):
        setattr(net.optimizer, name, 0.9)
    assert training_state(copy.copy(net)) == training_state(net)


@pytest.mark.parametrize("name", ["optimizer", "loss", "metrics"])
def test_what_compile_decides_is_not_set(name: str) -> None:
    net = trained()
    with pytest.raises(AttributeError, match=rf"{name} cannot be set; call compile\(optimizer, loss, metrics\) again"):
        setattr(net, name, "mse")


@pytest.mark.parametrize("cls", [fnn.SGD, fnn.Adam, fnn.Lion, fnn.RMSprop, fnn.Rprop, fnn.LBFGS])
def test_no_setting_of_any_optimizer_changes_but_the_rate(cls: type) -> None:
    optimizer = cls()
    for field in dataclasses.fields(optimizer):
        if field.name != "learning_rate":
            with pytest.raises(AttributeError, match=field.name):
                setattr(optimizer, field.name, getattr(optimizer, field.name))
    optimizer.learning_rate = 0.5
    assert optimizer.learning_rate == 0.5


def test_a_learning_rate_takes_effect_at_once_or_is_refused_at_once() -> None:
    net, twin = classifier(fnn.SGD(0.1)), classifier(fnn.SGD(0.3))
    net.optimizer.learning_rate = 0.3
    assert net.train_on_batch(X, Y) == twin.train_on_batch(X, Y)
    assert training_state(net)[:1] and net.parameters.tobytes() == twin.parameters.tobytes()
    for value, error in (("1e-3", TypeError), (None, TypeError), (True, TypeError), (-1.0, ValueError)):
        with pytest.raises(error, match="SGD: learning_rate must be a number"):
            net.optimizer.learning_rate = value
    assert net.optimizer.learning_rate == 0.3


@pytest.mark.parametrize(
    ("thing", "name", "near"),
    [
        (lambda net: net, "learning_rate", None),
        (lambda net: net, "trainabel", "trainable"),
        (lambda net: net, "stop_trainning", "stop_training"),
        (lambda net: net.optimizer, "lr", None),
        (lambda net: net.optimizer, "learning_rat", "learning_rate"),
        (lambda net: net.layers[0], "trainabel", "trainable"),
        (lambda net: net.layers[0], "unit", "units"),
    ],
)
def test_misspelt_attributes_are_refused(thing: Any, name: str, near: str | None) -> None:
    found = thing(classifier())
    with pytest.raises(AttributeError, match=f"has no attribute '{name}'" + (f"; did you mean {near}" if near else "")):
        setattr(found, name, 1)


def test_classes_of_the_users_have_attributes_of_their_own() -> None:
    class Mine(fnn.Sequential):
        pass

    class Rate(fnn.SGD):
        pass

    net, optimizer = Mine([fnn.Dense(3)], input_shape=(4,)), Rate(0.1)
    net.note, optimizer.note = "kept", "kept"
    assert net.note == optimizer.note == "kept"
    with pytest.raises(AttributeError, match="loss cannot be set"):
        net.loss = "mse"


def test_gradients_of_layers_that_are_frozen_now_are_zero() -> None:
    net = trained()
    assert net.gradients["dense_0.weight"].any()
    net.layers[0].trainable = False
    net.compile("adam")
    net.train_on_batch(X, Y)
    assert not net.gradients["dense_0.weight"].any() and net.gradients["dense_1.weight"].any()


def test_own_optimizers_and_schedules_come_back(tmp_path: Path) -> None:
    @dataclasses.dataclass(eq=False, repr=False)
    class Slow(fnn.schedules.Schedule):
        rate: float = 0.1

        def at(self, t: np.ndarray) -> np.ndarray:
            return self.rate / (1 + t)

    class Plain(fnn.SGD):
        pass

    net = trained(Plain(fnn.schedules.WarmUp(3, Slow(0.2))))
    net.save(tmp_path / "net")
    with pytest.raises(ValueError, match=r"unknown optimizer 'Plain'.*optimizers="):
        fnn.load(tmp_path / "net")
    with pytest.raises(ValueError, match=r"unknown schedule 'Slow'.*schedules="):
        fnn.load(tmp_path / "net", optimizers={"Plain": Plain})
    with pytest.raises(TypeError, match="schedules: 'Slow' must be a class of schedules"):
        fnn.load(tmp_path / "net", schedules={"Slow": fnn.Dense})  # type: ignore[dict-item]
    for twin in (copy.copy(net), fnn.load(tmp_path / "net", optimizers={"Plain": Plain}, schedules={"Slow": Slow})):
        assert training_state(twin) == training_state(net)
        twin.train_on_batch(X, Y)
    net.train_on_batch(X, Y)
    assert twin.parameters.tobytes() == net.parameters.tobytes()


def test_networks_of_the_same_layers_warn() -> None:
    layers = [fnn.Dense(3)]
    first = fnn.Sequential(layers, input_shape=(4,))
    with pytest.warns(UserWarning, match=r"Dense\(3\) is in two networks, each of which has its own parameters"):
        second = fnn.Sequential(layers, input_shape=(4,))
    assert first.weights["dense_0.weight"] is not second.weights["dense_0.weight"]


def test_a_branch_that_leads_nowhere_warns() -> None:
    x = fnn.Input((4,))
    h = fnn.Dense(4)(x)
    lost = fnn.Add()([h, x])
    with pytest.warns(UserWarning, match=r"Add\(\) -> \(batch, 4\) leads to no output"):
        fnn.Network(x, fnn.Dense(2)(h))
    assert lost.shape == (4,)
