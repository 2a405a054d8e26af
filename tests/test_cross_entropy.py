"""Targets of cross-entropy: label smoothing, class weights, ignored labels, against the twins and PyTorch."""

import numpy as np
import pytest
from numpy.typing import NDArray

import fastnn as fnn
import reference_losses
from check import TAILS, assert_close, assert_same_on_threads, empty, generator, normal, run, tensor, written
from fastnn.engine.tensor import Tensor
from fastnn.kernels import CrossEntropy, SoftTargets
from test_loss import FOUR, TWO, distributions, labels, weights


def make(target: NDArray, classes: int, capacity: int = 0, **options: object) -> tuple:
    """SoftTargets, and its outputs."""
    rows = max(len(target), capacity)
    outputs = empty(rows, classes), empty(rows, 1), empty(rows, 1)
    goal = tensor(target, capacity, "int32" if target.ndim == 1 else "float32")
    return SoftTargets(goal, *outputs, **options), *outputs


@pytest.mark.parametrize("targets", [labels, distributions])
def test_soft_targets(isa: str, num_threads: int, targets: object) -> None:
    for columns in TAILS if num_threads == 1 else (1, 10, 37):
        rows = 7 if num_threads == 1 else 8 * TWO // columns
        target = targets(rows, columns)
        class_weights = np.float32(generator(columns).uniform(0, 3, columns))
        class_weights[0] = 0
        both = {"smoothing": 0.3, "class_weights": class_weights}
        for settings in ({"smoothing": 0.1}, {"class_weights": class_weights}, both):
            options = dict(settings)
            if "class_weights" in settings:
                options["class_weights"] = tensor(class_weights[None])
            op, *outputs = make(target, columns, rows + 2, **options)
            run(op, *outputs, rows=rows)
            found = reference_losses.SoftTargets(target, columns, **settings)
            for output, wanted in zip(outputs, found, strict=True):
                assert_close(written(output, rows).reshape(wanted.shape), wanted)


def test_same_bits_on_threads(isa: str) -> None:
    for columns in (1, 10, 37):
        target = labels(8 * FOUR // columns, columns)
        assert_same_on_threads(lambda target=target, columns=columns: make(target, columns, smoothing=0.1))


def test_counts_divide(isa: str) -> None:
    """The sum is divided by the counts, and the mean over batches is weighted by them."""
    x, target = normal(9, 5), distributions(9, 5)
    mass, count = np.float32(1 + generator(9).uniform(0, 1, 9)), np.float32(1 + np.arange(9))
    dx = empty(9, 5)
    for weight in (None, weights(9)):
        given = None if weight is None else tensor(weight)
        op = CrossEntropy(tensor(x), tensor(target), dx, given, tensor(mass), tensor(count))
        run(op, dx)
        loss, gradient = reference_losses.CrossEntropy(x, target, weight, mass, count)
        assert_close(op.last, loss)
        assert_close(dx.array, gradient)
        assert op.count == pytest.approx(45 if weight is None else (weight * count).sum())
    for numbers in ((Tensor((9, 2)), Tensor((9, 1))), (Tensor((9, 1)), Tensor((8, 1)))):
        with pytest.raises(ValueError, match="expected a number for each of 9 rows"):
            CrossEntropy(tensor(x), tensor(target), dx, None, *numbers)
    with pytest.raises(ValueError, match="mass and count go together"):
        CrossEntropy(tensor(x), tensor(target), dx, None, tensor(mass))


def test_arguments_are_checked() -> None:
    y, number, label = Tensor((4, 3)), Tensor((4, 1)), Tensor((4,), "int32")
    for target in (Tensor((3,), "int32"), Tensor((4, 2)), Tensor((4, 3), "int32")):
        with pytest.raises(ValueError, match="SoftTargets: shapes"):
            SoftTargets(target, y, number, number)
    for wrong in (Tensor((3, 1)), Tensor((4, 2))):
        for numbers in ((wrong, number), (number, wrong)):
            with pytest.raises(ValueError, match="expected a number for each of 4 rows"):
                SoftTargets(label, y, *numbers)
    with pytest.raises(ValueError, match="expected 3 class weights"):
        SoftTargets(label, y, number, number, class_weights=Tensor((1, 4)))


SETTINGS = {
    "plain": {},
    "smoothing": {"label_smoothing": 0.1},
    "class weights": {"class_weights": (1.0, 2.0, 0.5, 3.0)},
    "both": {"label_smoothing": 0.2, "class_weights": (1.0, 2.0, 0.0, 3.0)},
    "ignore": {"ignore": 2},
    "ignore another": {"ignore": -100},
    "all": {"label_smoothing": 0.2, "class_weights": (1.0, 2.0, 0.5, 3.0), "ignore": -100},
}


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("classes", [4, 40])
def test_as_pytorch(name: str, classes: int) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is what is compared with")
    settings = dict(SETTINGS[name])
    if "class_weights" in settings:
        settings["class_weights"] = settings["class_weights"] * (classes // 4)
    x, t = normal(50, classes), labels(50, classes).copy()
    if settings.get("ignore") == -100:
        t[::3] = -100
    given = {"label_smoothing": settings.get("label_smoothing", 0.0), "ignore_index": settings.get("ignore", -7)}
    if "class_weights" in settings:
        given["weight"] = torch.tensor(settings["class_weights"], dtype=torch.float64)
    z = torch.tensor(x.astype(np.float64), requires_grad=True)
    wanted = torch.nn.functional.cross_entropy(z, torch.tensor(t), **given)
    wanted.backward()
    loss, dy = fnn.losses.CrossEntropy(**settings)(x, t)
    assert_close(loss, wanted.item())
    assert_close(dy, z.grad.numpy())


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("classes", [4, 40])
@pytest.mark.parametrize("power", [-125, 126])
def test_only_the_proportions_of_weights_count(name: str, classes: int, power: int) -> None:
    """Those of samples and those of classes, also where float32 has no room for their sums and products."""
    settings = dict(SETTINGS[name])
    x, t, weight = normal(60, classes), labels(60, classes), generator(60).integers(1, 4, 60) / 4
    if "class_weights" in settings:
        settings["class_weights"] = np.array(settings["class_weights"] * (classes // 4))
    loss, dy = fnn.losses.CrossEntropy(**settings)(x, t, weight)
    found = [fnn.losses.CrossEntropy(**settings)(x, t, np.ldexp(weight, power))]
    if "class_weights" in settings:
        settings["class_weights"] = np.ldexp(settings["class_weights"], power)
        found.append(fnn.losses.CrossEntropy(**settings)(x, t, weight))
        found.append(fnn.losses.CrossEntropy(**settings)(x, t, np.ldexp(weight, power)))
    for other, other_dy in found:
        assert_close(other, loss)
        assert_close(other_dy, dy)


def test_settings_as_labels_and_as_rows() -> None:
    """One-hot rows are the labels, whatever the settings."""
    x, t = normal(30, 4), labels(30, 4)
    for settings in SETTINGS.values():
        if "ignore" not in settings:
            loss = fnn.losses.CrossEntropy(**settings)
            for found, wanted in zip(loss(x, np.eye(4)[t]), loss(x, t), strict=True):
                assert_close(found, wanted)


def test_ignored_rows_are_left_out() -> None:
    x, t = normal(30, 4).copy(), labels(30, 4).copy()
    t[::3] = 255
    x[::3] = np.nan  # nor does it matter what is in them
    kept = t != 255
    loss = fnn.losses.CrossEntropy(ignore=255)
    for weight in (None, np.arange(30.0)):
        value, dy = loss(x, t, weight)
        wanted, dy_wanted = fnn.losses.cross_entropy(x[kept], t[kept], None if weight is None else weight[kept])
        assert_close(value, wanted)
        assert_close(dy[kept], dy_wanted)
        assert not dy[~kept].any()
    value, dy = loss(x, np.full(30, 255))
    assert value == 0 and not dy.any()
    with pytest.raises(ValueError, match=r"t\[5\] is 254; expected an integer label from 0 to 3, or 255 for none"):
        loss(x, np.where(np.arange(30) == 5, 254, t))


WRONG = {
    "smoothing": (lambda: fnn.losses.CrossEntropy(label_smoothing=1), "label_smoothing must be a number >= 0 and < 1"),
    "weights": (lambda: fnn.losses.CrossEntropy(class_weights=[1, -1]), r"class_weights\[1\] must be a number >= 0"),
    "NaN": (lambda: fnn.losses.CrossEntropy(class_weights=[1, np.nan]), r"class_weights\[1\] must be a number >= 0"),
    "dict": (lambda: fnn.losses.CrossEntropy(class_weights={0: 1}), "class_weights must be a list of numbers"),
    "ignore": (lambda: fnn.losses.CrossEntropy(ignore=0.5), "ignore must be an integer"),
    "number": (lambda: fnn.losses.CrossEntropy(class_weights=[1, 2])(normal(3, 4), [0, 1, 2]), "2 class_weights for 4"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_settings(name: str) -> None:
    call, message = WRONG[name]
    with pytest.raises((TypeError, ValueError), match=message):
        call()
