"""Losses and their gradients against their twins; what they record; what stops a run."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

import reference
from check import TAILS, assert_close, assert_same_on_threads, empty, generator, normal, run, tensor, written
from fastnn import kernels
from fastnn.kernels import BinaryCrossEntropy, CrossEntropy, Gather, GatherLabels, MeanSquaredError
from fastnn.op import Op
from fastnn.plan import Plan
from fastnn.port import Port
from fastnn.tensor import Tensor

# Elements enough for two threads, and for four and as many chunks.
TWO, FOUR = 18_000, 35_000


def labels(rows: int, classes: int) -> NDArray[np.int64]:
    return generator(rows, classes).integers(classes, size=rows)


def distributions(rows: int, classes: int) -> NDArray[np.float32]:
    return reference.Softmax(2 * normal(rows, classes, start=1)).astype(np.float32)


def probabilities(rows: int, columns: int) -> NDArray[np.float32]:
    return reference.sigmoid(normal(rows, columns, start=1)).astype(np.float32)


TARGETS: dict[str, tuple[str, Callable[[int, int], NDArray]]] = {
    "labels": ("CrossEntropy", labels),
    "distributions": ("CrossEntropy", distributions),
    "binary": ("BinaryCrossEntropy", probabilities),
    "squares": ("MeanSquaredError", lambda rows, columns: normal(rows, columns, start=1)),
}
every_loss = pytest.mark.parametrize("kind", TARGETS)


def make(kind: str, x: NDArray, target: NDArray, capacity: int = 0, finite: bool = False) -> tuple[Op, Tensor]:
    """The loss, and its dx."""
    dx = empty(max(len(x), capacity), x.shape[1])
    target = tensor(target, capacity, "float32" if target.ndim > 1 else "int32")
    return getattr(kernels, TARGETS[kind][0])(tensor(x, capacity), target, dx, finite=finite), dx


def twin(kind: str, x: NDArray, target: NDArray) -> tuple[float, reference.Array]:
    return getattr(reference, TARGETS[kind][0])(x, target)


@every_loss
def test_loss(isa: str, num_threads: int, kind: str) -> None:
    for columns in [*TAILS, 1000]:
        rows = 5 if num_threads == 1 else TWO // columns + columns
        x, target = 3 * normal(rows, columns), TARGETS[kind][1](rows, columns)
        op, dx = make(kind, x, target, rows + columns % 3)
        run(op, dx, rows=rows)
        loss, gradient = twin(kind, x, target)
        assert_close(op.last, loss, max(loss, 0.1))
        # Each element is an estimate less a target, by the number of terms: the difference may lose digits.
        terms = rows if TARGETS[kind][0] == "CrossEntropy" else x.size
        assert_close(written(dx, rows), gradient, np.abs(gradient) + 1 / terms)


@every_loss
@pytest.mark.parametrize("columns", [1, 10, 37])
def test_same_bits_on_threads(isa: str, kind: str, columns: int) -> None:
    rows = FOUR // columns + 3
    x, target = normal(rows, columns), TARGETS[kind][1](rows, columns)
    assert_same_on_threads(lambda: make(kind, x, target))


@every_loss
def test_small_losses_keep_their_digits(isa: str, kind: str) -> None:
    """A network that is sure and right: 1e-4 of losses down to 1e-5, where cross-entropy may round once near 1."""
    for margin in (7, 9, 11):
        target = np.arange(40, dtype=np.int64) % 4
        x = np.float32(margin) * np.eye(4, dtype=np.float32)[target] + normal(40, 4) / 10
        if kind == "binary":
            x = 2 * x - np.float32(margin)
        if kind != "labels":
            target = np.eye(4, dtype=np.float32)[target]
        op, dx = make(kind, x, target)
        run(op, dx)
        loss = twin(kind, x, target)[0]
        once = 2.0**-24 if TARGETS[kind][0] == "CrossEntropy" else 0
        assert_close(op.last, loss, 1e-4 * loss + once, 1)


def test_large_logits(isa: str) -> None:
    """No overflow, and no loss for what is right: 0 log 0 = 0."""
    x = np.float32([[1e4, -1e4, 0], [-3e38, 3e38, 0], [5, 5, -np.inf]])
    for target in (np.array([0, 1, 1]), np.float32([[1, 0, 0], [0, 1, 0], [0, 1, 0]])):
        op, dx = make("labels", x, target)
        run(op, dx)
        assert_close(op.last, np.log(2) / 3)
        assert_close(dx.array, [[0, 0, 0], [0, 0, 0], [1 / 6, -1 / 6, 0]])
    x, target = np.float32([[1e4, -1e4, -1e4, 1e4]]), np.float32([[1, 0, 1, 0.5]])
    op, dx = make("binary", x, target)
    run(op, dx)
    assert_close(op.last, (1e4 + 5e3) / 4)
    assert_close(dx.array, [[0, 0, -0.25, 0.125]])


@every_loss
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_loss_that_is_not_finite(isa: str, kind: str, value: float) -> None:
    for columns in (1, 5, 16, 33):
        x, target = normal(4, columns).copy(), TARGETS[kind][1](4, columns)
        x[2, columns - 1] = value
        op, _ = make(kind, x, target)
        op()
        assert not np.isfinite(op.last)
        op, _ = make(kind, x, target, finite=True)
        with pytest.raises(FloatingPointError, match=r"the loss became (nan|inf)"):
            op()
        assert op.count == 0 and op.total == 0
        op.tensors[0].array[...] = 1  # the error is not for ever
        op()
        assert np.isfinite(op.last) and op.count == 4


@every_loss
def test_what_is_recorded(isa: str, kind: str) -> None:
    """Ten rows in batches of four: each batch's mean over its own rows, the whole mean over all rows."""
    x, target = normal(10, 6), TARGETS[kind][1](10, 6)
    ports = Port("x", 6), Port("y", 1 if target.ndim == 1 else 6)
    op, _ = make(kind, x[:4], target[:4])
    goal = op.tensors[1]
    gather = GatherLabels(ports[1], goal, classes=6) if target.ndim == 1 else Gather(ports[1], goal)
    plan = Plan([Gather(ports[0], op.tensors[0]), gather, op], ports)
    for port, array in zip(ports, (x, target), strict=True):
        port.attach(array)
    assert np.isnan(op.mean) and op.count == 0
    for repeat in range(2):
        plan.run(10, 4, pause=60)
        losses = [twin(kind, x[i : i + 4], target[i : i + 4])[0] for i in (0, 4, 8)]
        assert op.count == 10
        assert_close(op.last, losses[2])
        assert_close(op.total, 4 * losses[0] + 4 * losses[1] + 2 * losses[2])
        assert_close(op.mean, twin(kind, x, target)[0])
        if repeat == 0:
            op.reset()
            assert op.count == 0 and op.total == 0 and np.isnan(op.mean)
    plan.run(10, 4, pause=60)
    assert op.count == 20
    assert_close(op.mean, twin(kind, x, target)[0])


@pytest.mark.parametrize("loss", [BinaryCrossEntropy, MeanSquaredError, CrossEntropy])
def test_arguments_are_checked(loss: type[Op]) -> None:
    x = Tensor((4, 3))
    for wrong in ((Tensor((3, 3)), x, x), (x, Tensor((4, 2)), x), (x, x, Tensor((4, 2))), (x, x, Tensor((5, 3)))):
        with pytest.raises(ValueError, match=rf"{loss.__name__}\(x, target, dx\): shapes .* do not fit"):
            loss(*wrong)
    for wrong in ((Tensor((4, 3), "int32"), x, x), (x, Tensor((4, 3), "uint8"), x), (x, x, Tensor((4, 3), "int32"))):
        with pytest.raises(TypeError, match="float32"):
            loss(*wrong)


def test_labels_are_checked() -> None:
    x = Tensor((4, 3))
    for shape in ((3,), (4, 2), (4, 3)):
        with pytest.raises(ValueError, match=r"CrossEntropy\(x, target, dx\): shapes"):
            CrossEntropy(x, Tensor(shape, "int32"), x)
    with pytest.raises((TypeError, ValueError)):
        MeanSquaredError(x, Tensor((4, 3), "int32"), x)


@pytest.mark.parametrize("label", [-1, 3, 2**30])
def test_labels_are_checked_where_they_are_used(label: int) -> None:
    target = tensor(np.array([0, label], np.int32), dtype="int32")
    with pytest.raises(ValueError, match=f"label {label} is not from 0 to 2"):
        CrossEntropy(tensor(normal(2, 3)), target, empty(2, 3))()
