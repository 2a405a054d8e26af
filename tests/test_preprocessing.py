"""From a table to a network's arrays: the task, classes, scaling and held-out rows; and what a model file must say."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from fastnn.cli.preprocessing import KEY, Preprocessing, Scaler, split, targets
from fastnn.cli.tables import Table
from networks import classifier, regression


def column(*cells: str) -> Table:
    """A table with these cells for its target y."""
    return Table("data.csv", [], np.empty((len(cells), 0)), list(cells), list(range(2, len(cells) + 2)))


@pytest.mark.parametrize(
    ("cells", "labels", "classes"),
    [
        (["no", "yes", "no"], [0, 1, 0], ["no", "yes"]),
        (["7", "3", "7", "-1"], [2, 1, 2, 0], ["-1", "3", "7"]),
        (["10", "9"], [1, 0], ["9", "10"]),
        (["1.0", "0.0", "1", "1e0"], [1, 0, 1, 1], ["0", "1"]),
        ([str(2**60), str(2**60 + 1)], [0, 1], [str(2**60), str(2**60 + 1)]),
        (["1", "2", "other", "1.0"], [0, 2, 3, 1], ["1", "1.0", "2", "other"]),
        (list(map(str, range(20))), list(range(20)), list(map(str, range(20)))),
        ([f"name {i:02}" for i in range(50)], list(range(50)), [f"name {i:02}" for i in range(50)]),
    ],
)
def test_what_looks_like_classes(cells: list[str], labels: list[int], classes: list[str]) -> None:
    y, names = targets(column(*cells), "y", None)
    assert (y.tolist(), names) == (labels, classes)
    assert y.dtype.kind == "i"


@pytest.mark.parametrize("cells", [["0.5", "1", "2"], list(map(str, range(21))), ["1e-3", "1"]])
def test_what_looks_like_values(cells: list[str]) -> None:
    y, names = targets(column(*cells), "y", None)
    assert (y.tolist(), names) == (list(map(float, cells)), [])


def test_the_task_overrides_the_look() -> None:
    y, names = targets(column("3", "1", "3"), "y", "regression")
    assert (y.tolist(), names) == ([3.0, 1.0, 3.0], [])
    y, names = targets(column("2.5", "-0.5", "2.50"), "y", "classification")
    assert (y.tolist(), names) == ([1, 0, 1], ["-0.5", "2.5"])


@pytest.mark.parametrize(
    ("cells", "task", "message"),
    [
        (["a", "", "b"], None, r"^data.csv:3: column 'y': the cell is empty$"),
        (["1", "0", "nan"], None, r"^data.csv:4: column 'y': 'nan' is not a finite number"),
        (["1", "1e400", "0"], "classification", r"^data.csv:3: column 'y': '1e400' is not a finite number"),
        (["1.5", "2.5", "abc"], None, r"^data.csv:4: column 'y': 'abc' is not a number; --task classification"),
        (["1", "abc"], "regression", r"^data.csv:3: column 'y': 'abc' is not a number"),
        (["a", "a", "a"], None, r"^data.csv: column 'y': has one value, 'a', in all rows \(3\)$"),
        (["1.5", "1.50"], None, r"^data.csv: column 'y': has one value, '1.5', in all rows \(2\)$"),
        (["1"], None, r"^data.csv: column 'y': has one value, '1', in all rows \(1\)$"),
    ],
)
def test_targets_that_teach_nothing(cells: list[str], task: str | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        targets(column(*cells), "y", task)


def test_scaler() -> None:
    """Mean 0 and deviation 1, also far from 0; 0 for constant columns, also where rounding would leave a deviation."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1000, 6))
    x[:, 1] = x[:, 1] * 50 + 1.7e9
    x[:, 2], x[:, 3], x[:, 4], x[:, 5] = 0.1, 5, x[:, 4] * 1e-200, x[:, 5] * 1e37
    scaler = Scaler.of(x)
    z = scaler.standardise(x)
    assert z.dtype == np.float32
    np.testing.assert_allclose(z.mean(axis=0, dtype=np.float64), 0, atol=1e-5)
    np.testing.assert_allclose(z.std(axis=0, dtype=np.float64)[[0, 1, 5]], 1, rtol=1e-5)
    assert not z[:, [2, 3]].any() and scaler.scale[[2, 3, 4]].tolist() == [1, 1, 1]


@pytest.mark.parametrize("share", [0.2, 0.5, 0.05])
def test_split_is_seeded_and_stratified(share: float) -> None:
    strata = np.repeat([0, 1, 2, 3], [600, 300, 100, 1])
    np.random.default_rng(0).shuffle(strata)
    train, held = split(strata, share, 3)
    assert sorted([*train, *held]) == list(range(1001)) and len(held)
    for stratum, count in enumerate([600, 300, 100, 0]):
        assert (strata[held] == stratum).sum() == pytest.approx(share * count, abs=1)
    assert 3 in strata[train], "a class of one row is trained on"
    np.testing.assert_array_equal(split(strata, share, 3)[1], held)
    assert split(strata, share, 4)[1].tolist() != held.tolist()


@pytest.mark.parametrize(
    ("strata", "share", "message"),
    [
        ([0, 1, 2, 3, 4], 0.5, r"--validation 0.5 of 5 rows leaves none for validation.*\(5\)"),
        ([0, 0, 0], 0.2, "0.2 of 3 rows leaves none for validation"),
        *(
            [
                ([0] * 9, share, "fraction between 0 and 1")
                for share in (0.0, 1.0, -0.5, 7.0, float("nan"), float("inf"))
            ]
        ),
    ],
)
def test_split_refuses(strata: list[int], share: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        split(np.array(strata), share, 0)


def known(classes: bool) -> tuple[fnn.Sequential, Preprocessing]:
    """A network for 4 features and what it knows of its table."""
    scaler = Scaler(np.array([0.1, -2.0, 1e30, 0.0]), np.array([1 / 3, 2.0, 1e-300, 5e-324]))
    made = Preprocessing(list("abcd"), scaler, "y", ["no", "yes", "maybe"] if classes else [])
    if not classes:
        made.target_mean, made.target_scale = 0.1, 1 / 3
    net = classifier() if classes else regression()
    net.metadata[KEY] = made.describe()
    return net, made


@pytest.mark.parametrize("classes", [True, False])
def test_a_file_brings_it_back(classes: bool, tmp_path: Path) -> None:
    """To the last bit."""
    net, made = known(classes)
    net.save(tmp_path / "m")
    assert Preprocessing.restore(fnn.load(tmp_path / "m")).describe() == made.describe()


def test_values_are_in_the_units_of_the_target() -> None:
    """In float64: what is far from 0 keeps its digits."""
    made = Preprocessing(["a"], Scaler(np.zeros(1), np.ones(1)), "y", [], 1.7e9, 3.0)
    assert made.values(np.array([[0.5], [-1]], np.float32)).tolist() == [1.7e9 + 1.5, 1.7e9 - 3]


def test_a_number_too_far_from_the_training_data() -> None:
    _, made = known(True)
    table = Table("data.csv", list("abcd"), np.zeros((3, 4)), [], [2, 3, 5])
    table.numbers[:, 2] = 1e30
    assert np.isfinite(made.inputs(table)).all()
    table.numbers[2, 3] = 1
    with pytest.raises(ValueError, match=r"^data.csv:5: column 'd': 1 is too far from the training data"):
        made.inputs(table)


NAN, HUGE = float("nan"), 10**400
HOSTILE: dict[str, tuple[bool, Any, str]] = {
    "no table": (True, None, "has no columns"),
    "a list": (True, [1, 2], "has no columns"),
    "nothing in it": (True, {}, "features"),
    "features missing": (True, {"features": None}, "features"),
    "features a number": (True, {"features": 4}, "features"),
    "features text": (True, {"features": "abcd"}, "features"),
    "features empty": (True, {"features": []}, "features"),
    "features not text": (True, {"features": ["a", "b", "c", 4]}, "features.*4"),
    "features twice": (True, {"features": ["a", "b", "c", "a"]}, "features.*once"),
    "features one less": (True, {"features": ["a", "b", "c"]}, "mean must have 3 numbers.*4"),
    "mean missing": (True, {"mean": None}, "mean"),
    "mean text": (True, {"mean": ["0"] * 4}, "mean"),
    "mean null": (True, {"mean": [None] * 4}, "mean"),
    "mean true": (True, {"mean": [True] * 4}, "mean"),
    "mean deep": (True, {"mean": [[0], [0], [0], [0]]}, "mean"),
    "mean huge": (True, {"mean": [HUGE] * 4}, "mean"),
    "mean NaN": (True, {"mean": [NAN] * 4}, "mean"),
    "scale 0": (True, {"scale": [0.0] * 4}, "scale"),
    "scale negative": (True, {"scale": [-1.0] * 4}, "scale"),
    "scale huge": (True, {"scale": [HUGE] * 4}, "scale"),
    "scale one more": (True, {"scale": [1.0] * 5}, "scale must have 4 numbers.*5"),
    "target missing": (True, {"target": None}, "target"),
    "target a list": (True, {"target": ["y"]}, "target"),
    "task unknown": (True, {"task": "evil"}, "evil.*classification"),
    "task a list": (True, {"task": ["regression"]}, "task"),
    "classes missing": (True, {"classes": None}, "classes"),
    "classes not text": (True, {"classes": [0, 1, 2]}, "classes"),
    "classes twice": (True, {"classes": ["no", "no", "yes"]}, "classes.*once"),
    "classes one less": (True, {"classes": ["no", "yes"]}, r"\(2,\).*\(3,\)"),
    "classes one more": (True, {"classes": ["a", "b", "c", "d"]}, r"\(4,\).*\(3,\)"),
    "one class for one output": (False, {"task": "classification", "classes": ["a"]}, "classes.*at least 2"),
    "regression by a classifier": (
        True,
        {"task": "regression", "target_mean": 0, "target_scale": 1},
        r"\(1,\).*\(3,\)",
    ),
    "target_mean missing": (False, {"target_mean": None}, "target_mean"),
    "target_mean NaN": (False, {"target_mean": NAN}, "target_mean"),
    "target_scale 0": (False, {"target_scale": 0}, "target_scale"),
    "target_scale text": (False, {"target_scale": "1"}, "target_scale"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_descriptions_that_are_not_valid(name: str) -> None:
    """A file from elsewhere gets a ValueError that names what is wrong."""
    classes, change, message = HOSTILE[name]
    net, _ = known(classes)
    altered = isinstance(change, dict) and change  # or replaced
    net.metadata[KEY] = {**net.metadata[KEY], **change} if altered else change
    with pytest.raises(ValueError, match=message) as caught:
        Preprocessing.restore(net)
    assert "\n" not in str(caught.value)


def test_an_unbuilt_network() -> None:
    net, _ = known(True)
    other = fnn.Sequential([fnn.Dense(3, activation="softmax")])
    other.metadata = json.loads(json.dumps(net.metadata))
    with pytest.raises(ValueError, match="None"):
        Preprocessing.restore(other)
