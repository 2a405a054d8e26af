"""Losses and their gradients against their twins; what they record; what stops a run."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

import reference
import reference_losses
from check import TAILS, assert_close, assert_same_on_threads, empty, generator, normal, run, tensor, written
from fastnn import kernels
from fastnn.engine.op import Op
from fastnn.engine.plan import Plan
from fastnn.engine.port import Port
from fastnn.engine.tensor import Tensor
from fastnn.kernels import Cosine, CrossEntropy, Dice, ElementwiseLoss, Gather, GatherLabels

# Elements enough for two threads, and for four and as many chunks.
TWO, FOUR = 18_000, 35_000
SETTINGS = {"huber": 1.5, "focal": 2.0}
Targets = Callable[[int, int], NDArray]


def labels(rows: int, classes: int) -> NDArray[np.int64]:
    return generator(rows, classes).integers(classes, size=rows)


def distributions(rows: int, classes: int) -> NDArray[np.float32]:
    return reference.Softmax(2 * normal(rows, classes, start=1)).astype(np.float32)


def probabilities(rows: int, columns: int) -> NDArray[np.float32]:
    return reference.sigmoid(normal(rows, columns, start=1)).astype(np.float32)


def values(rows: int, columns: int) -> NDArray[np.float32]:
    return normal(rows, columns, start=1)


TARGETS: dict[str, Targets] = dict.fromkeys(kernels.ELEMENTWISE_LOSSES, probabilities)
TARGETS |= {"mse": values, "mae": values, "huber": values}
TARGETS |= {"CrossEntropy": labels, "distributions": distributions, "KLDivergence": distributions, "Cosine": values}
TARGETS["Dice"] = probabilities
every_loss = pytest.mark.parametrize("kind", TARGETS)


def called(kind: str) -> tuple[str, dict[str, object]]:
    """The Op, and its options."""
    if kind in kernels.ELEMENTWISE_LOSSES:
        return "ElementwiseLoss", {"loss": kind, "setting": SETTINGS.get(kind, 0.0)}
    return {"distributions": "CrossEntropy"}.get(kind, kind), {}


def make(
    kind: str, x: NDArray, target: NDArray, capacity: int = 0, weight: NDArray | None = None, finite: bool = False
) -> tuple[Op, Tensor]:
    """The loss, and its dx."""
    name, options = called(kind)
    dx = empty(max(len(x), capacity), x.shape[1])
    target = tensor(target, capacity, "float32" if target.ndim > 1 else "int32")
    weights = None if weight is None else tensor(weight, capacity)
    return getattr(kernels, name)(tensor(x, capacity), target, dx, weights, finite=finite, **options), dx


def twin(kind: str, x: NDArray, target: NDArray, weight: NDArray | None = None) -> tuple[float, reference.Array]:
    name, options = called(kind)
    return getattr(reference_losses, name)(x, target, weight, **options)


def weights(rows: int) -> NDArray[np.float32]:
    """From 0 to 3, every third 0."""
    weight = generator(rows).uniform(0, 3, rows).astype(np.float32)
    weight[1::3] = 0
    return weight


def of_rows(kind: str) -> bool:
    return kind not in kernels.ELEMENTWISE_LOSSES


@every_loss
@pytest.mark.parametrize("is_weighted", [False, True], ids=["plain", "weighted"])
def test_loss(isa: str, num_threads: int, kind: str, is_weighted: bool) -> None:
    for columns in [*TAILS, 1000] if num_threads == 1 else (*range(1, 71, 6), 10, 1000):
        rows = 5 if num_threads == 1 else TWO // columns + columns
        x, target = 3 * normal(rows, columns), TARGETS[kind](rows, columns)
        weight = weights(rows) if is_weighted else None
        if weight is not None:
            x = x.copy()
            x[1] = np.nan  # its weight is 0
        op, dx = make(kind, x, target, rows + columns % 3, weight)
        run(op, dx, rows=rows)
        with np.errstate(invalid="ignore"):
            loss, gradient = twin(kind, x, target, weight)
        # A KL divergence is a difference of entropies.
        assert_close(op.last, loss, max(loss, 3.0 if kind == "KLDivergence" else 0.1))
        # Each element is an estimate less a target, by the number of terms: the difference may lose digits.
        mass = rows if weight is None else weight.sum()
        size = np.abs(gradient) + (1 if weight is None else weight[:, None]) / mass / (1 if of_rows(kind) else columns)
        assert_close(written(dx, rows), gradient, size)


@every_loss
@pytest.mark.parametrize("columns", [1, 10, 37])
def test_same_bits_on_threads(isa: str, kind: str, columns: int) -> None:
    rows = FOUR // columns + 3
    x, target = normal(rows, columns), TARGETS[kind](rows, columns)
    for weight in (None, weights(rows)):
        assert_same_on_threads(lambda weight=weight: make(kind, x, target, weight=weight))


@every_loss
def test_equal_weights_are_none(isa: str, kind: str) -> None:
    """Weights of 1 give the bits that none give; weights of 2, almost."""
    for columns in (1, 3, 20):
        x, target = normal(9, columns), TARGETS[kind](9, columns)
        plain, dx = make(kind, x, target)
        plain()
        for factor in (1, 2):
            op, weighted_dx = make(kind, x, target, weight=np.full(9, factor, np.float32))
            op()
            assert_close(op.last, plain.last)
            assert_close(weighted_dx.array, dx.array)
            if factor == 1:
                assert (weighted_dx.array == dx.array).all()


@every_loss
@pytest.mark.parametrize("power", [-149, -140, -126, -60, 60, 125])
def test_only_the_proportions_of_weights_count(isa: str, kind: str, power: int) -> None:
    """The same bits at any power of two: no product, no sum and no quotient leaves the range of float32."""
    for columns in (1, 3, 20):
        x, target = 3 * normal(70, columns), TARGETS[kind](70, columns)
        weight = generator(70).integers(0, 8, 70).astype(np.float32)
        plain, dx = make(kind, x, target, weight=weight)
        run(plain, dx)
        op, scaled_dx = make(kind, x, target, weight=np.ldexp(weight, power))
        run(op, scaled_dx)
        assert (op.last, op.mean) == (plain.last, plain.mean) and (scaled_dx.array == dx.array).all()


@every_loss
def test_a_batch_without_weight(isa: str, kind: str) -> None:
    """Loss and gradient are 0, and the mean is that of the other batches."""
    x, target = normal(6, 5), TARGETS[kind](6, 5)
    weight = np.float32([1, 2, 3, 0, 0, 0])
    op, dx = make(kind, x[:3], target[:3], weight=weight[:3])
    op()
    first = op.last
    for each, array in zip(op.tensors[:4], (x[3:], target[3:], np.full((3, 5), np.nan), weight[3:]), strict=True):
        each.array[...] = array
    op()
    assert op.last == 0 and not dx.array.any()
    assert op.count == pytest.approx(6) and op.mean == pytest.approx(first)


@pytest.mark.parametrize("kind", [kind for kind in TARGETS if kind not in ("Cosine", "KLDivergence", "mae", "poisson")])
def test_small_losses_keep_their_digits(isa: str, kind: str) -> None:
    """A network that is sure and right: 1e-4 of losses down to 1e-5, where cross-entropy may round once near 1."""
    for margin in (7, 9, 11):
        target = np.arange(40, dtype=np.int64) % 4
        x = np.float32(margin) * np.eye(4, dtype=np.float32)[target] + normal(40, 4) / 10
        if kind in ("binary_cross_entropy", "focal", "Dice"):
            x = 2 * x - np.float32(margin)
        if kind != "CrossEntropy":
            target = np.eye(4, dtype=np.float32)[target]
        op, dx = make(kind, x, target)
        run(op, dx)
        loss = twin(kind, x, target)[0]
        once = 2.0**-24 if of_rows(kind) else 0
        assert_close(op.last, loss, 1e-4 * loss + once, 1)


def test_large_logits(isa: str) -> None:
    """No overflow, and no loss where the output is right: 0 log 0 = 0."""
    x = np.float32([[1e4, -1e4, 0], [-3e38, 3e38, 0], [5, 5, -np.inf]])
    for kind, target in (
        ("CrossEntropy", np.array([0, 1, 1])),
        ("distributions", np.float32([[1, 0, 0], [0, 1, 0], [0, 1, 0]])),
        ("KLDivergence", np.float32([[1, 0, 0], [0, 1, 0], [0, 1, 0]])),
    ):
        op, dx = make(kind, x, target)
        run(op, dx)
        assert_close(op.last, np.log(2) / 3)
        assert_close(dx.array, [[0, 0, 0], [0, 0, 0], [1 / 6, -1 / 6, 0]])
    x, target = np.float32([[1e4, -1e4, -1e4, 1e4]]), np.float32([[1, 0, 1, 0.5]])
    for kind in ("binary_cross_entropy", "focal"):
        op, dx = make(kind, x, target)
        run(op, dx)
        assert_close(op.last, (1e4 + 5e3) / 4)
        assert_close(dx.array, [[0, 0, -0.25, 0.125]])


@pytest.mark.parametrize("size", [1e4, 1e8, 1e15, 1e20, 3e38])
def test_equal_logits_of_any_size(isa: str, size: float) -> None:
    """The loss is log n: next to large logits the logarithm keeps its digits."""
    for columns in (2, 16, 17, 40):
        for sign in (-1, 1):
            x, target = np.full((9, columns), sign * np.float32(size)), labels(9, columns)
            rows = np.eye(columns, dtype=np.float32)[target]
            for kind, given in (("CrossEntropy", target), ("distributions", rows), ("KLDivergence", rows)):
                op, dx = make(kind, x, given)
                run(op, dx)
                assert_close(op.last, np.log(columns))
                assert_close(dx.array, (1 / columns - rows) / 9)


@pytest.mark.parametrize("size", [1e2, 1e8, 1e30])
def test_binary_cross_entropy_of_large_logits(isa: str, size: float) -> None:
    """|x| times what is missing from a certain target, and not a difference of large numbers."""
    x, target = np.float32([[size, -size, size, -size]]), np.float32([[1 - 2**-23, 2**-23, 1, 0]])
    op, dx = make("binary_cross_entropy", x, target)
    run(op, dx)
    wanted = twin("binary_cross_entropy", x[:, 2:], target[:, 2:])[0] / 2 + np.float32(size) * 2**-23 / 2
    assert_close(op.last, wanted, wanted)


def test_large_values(isa: str) -> None:
    """What can be told is told: directions of any length, distances that have no square, infinite ones."""
    x, target = np.float32([[3e38, 3e38], [1e-30, 0], [0, 0]]), np.float32([[1e-30, 1e-30], [-5, 0], [1, 1]])
    op, dx = make("Cosine", x, target)
    run(op, dx)
    assert_close(op.last, (0 + 2 + 1) / 3)
    assert np.isfinite(dx.array).all() and not dx.array[[0, 2]].any()
    x, target = np.float32([[1e30, -1e30, np.inf]]), np.float32([[0, 0, 0]])
    for kind, last in (("mae", np.inf), ("huber", np.inf), ("mse", np.inf)):
        op, dx = make(kind, x, target)
        run(op, dx)
        assert op.last == last
        if kind != "mse":
            assert_close(dx.array, np.sign(x) / 3 * SETTINGS.get(kind, 1.0))


@every_loss
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_loss_that_is_not_finite(isa: str, kind: str, value: float) -> None:
    for columns in (1, 5, 16, 33):
        x, target = normal(4, columns).copy(), TARGETS[kind](4, columns)
        if kind == "hinge":  # -inf is right for a target of 0
            target = np.zeros_like(target)
        x[2, columns - 1] = np.nan if kind == "Dice" else value  # of an infinite logit p is 1
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
    x, target = normal(10, 6), TARGETS[kind](10, 6)
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


def test_the_loss_alone(isa: str) -> None:
    """Without dx, as metrics take it."""
    x, target = tensor(normal(5, 7)), tensor(probabilities(5, 7))
    for loss in kernels.ELEMENTWISE_LOSSES:
        ops = [ElementwiseLoss(x, target, dx, loss=loss, setting=1.0) for dx in (None, empty(5, 7))]
        for op in ops:
            op()
        assert_close(ops[0].last, ops[1].last)


def elementwise(*tensors: Tensor | None) -> Op:
    return ElementwiseLoss(*tensors, loss="mse")


@pytest.mark.parametrize("loss", [elementwise, CrossEntropy, Cosine, Dice])
def test_arguments_are_checked(loss: Callable[..., Op]) -> None:
    x = Tensor((4, 3))
    for wrong in ((Tensor((3, 3)), x, x), (x, Tensor((4, 2)), x), (x, x, Tensor((4, 2))), (x, x, Tensor((5, 3)))):
        with pytest.raises(ValueError, match=r"\w+\(x, target, dx\): shapes .* do not fit"):
            loss(*wrong)
    for wrong in ((Tensor((4, 3), "int32"), x, x), (x, Tensor((4, 3), "uint8"), x), (x, x, Tensor((4, 3), "int32"))):
        with pytest.raises(TypeError, match="float32"):
            loss(*wrong)
    for weight in (Tensor((3,)), Tensor((4, 2))):
        with pytest.raises(ValueError, match="expected a weight for each of 4 rows"):
            loss(x, x, x, weight)
    with pytest.raises(TypeError, match="float32"):
        loss(x, x, x, Tensor((4,), "int32"))


def test_unknown_loss() -> None:
    with pytest.raises(ValueError, match="unknown loss 'l2'; known: mse, "):
        ElementwiseLoss(Tensor((4, 3)), Tensor((4, 3)), None, loss="l2")


def test_labels_are_checked() -> None:
    x = Tensor((4, 3))
    for shape in ((3,), (4, 2), (4, 3)):
        with pytest.raises(ValueError, match=r"CrossEntropy\(x, target, dx\): shapes"):
            CrossEntropy(x, Tensor(shape, "int32"), x)
    with pytest.raises((TypeError, ValueError)):
        elementwise(x, Tensor((4, 3), "int32"), x)


@pytest.mark.parametrize("label", [-1, 3, 2**30])
def test_labels_are_checked_where_they_are_used(label: int) -> None:
    target = tensor(np.array([0, label], np.int32), dtype="int32")
    with pytest.raises(ValueError, match=f"label {label} is not from 0 to 2"):
        CrossEntropy(tensor(normal(2, 3)), target, empty(2, 3))()
