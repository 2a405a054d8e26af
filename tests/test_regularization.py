"""Penalties, clipping, max-norm and the moving average against their twins, and what a network makes of them."""

import numpy as np
import pytest

import fastnn as fnn
import reference_updates
from check import TAILS, assert_close, assert_margins, assert_same_on_threads, empty, normal, run, tensor
from fastnn.engine.op import Op
from fastnn.engine.plan import Plan
from fastnn.engine.tensor import Tensor
from fastnn.kernels import Average, Clip, ClipNorm, ElementwiseLoss, MaxNorm, Penalty, SquaredNorm, Zero

# Elements enough for two threads, and for four.
TWO, FOUR = 46_000, 100_000


def tails(num_threads: int) -> list[int]:
    """Every tail on one thread, some on two, where the tensors are large."""
    return [n for n in TAILS if num_threads == 1 or n % 10 < 2]


def loss_of(rows: int = 1) -> tuple[ElementwiseLoss, float]:
    """A loss that has a value, and the value."""
    x, target = tensor(normal(rows, 2)), tensor(np.zeros((rows, 2)))
    loss = float(((x.array.astype(float) - target.array) ** 2).mean())
    return ElementwiseLoss(x, target, empty(rows, 2), loss="mse"), loss


@pytest.mark.parametrize(("l1", "l2"), [(0.1, 0.0), (0.0, 0.1), (0.3, 0.01)])
def test_penalty(isa: str, num_threads: int, l1: float, l2: float) -> None:
    """The value joins the loss, the gradient the gradient; a weight of 0 has none."""
    for n in tails(num_threads):
        shape = (n,) if num_threads == 1 else (TWO // 100, 100 + n)
        weight, gradient = tensor(np.where(normal(*shape) < -1, 0, normal(*shape))), tensor(normal(*shape, start=5))
        before = gradient.array.copy()
        loss, value = loss_of()
        op = Penalty(weight, gradient, loss, l1=l1, l2=l2)
        Plan([loss, op]).run(1, 1)
        wanted, slope = reference_updates.Penalty(weight.array, before, value, l1=l1, l2=l2)
        assert loss.last == pytest.approx(wanted, rel=1e-6) and loss.mean == loss.last
        assert_close(gradient.array, slope, tolerance=1e-6)
        assert_margins(gradient)


def test_a_penalty_without_a_gradient(isa: str) -> None:
    """It counts at each batch, by its rows."""
    loss, value = loss_of(4)
    weight = tensor(normal(10))
    Plan([loss, Penalty(weight, None, loss, l2=0.5)]).run(4, 4)
    penalty = reference_updates.Penalty(weight.array, None, 0, l2=0.5)[0]
    assert loss.mean == pytest.approx(value + penalty, rel=1e-6)


def test_norms(isa: str, num_threads: int) -> None:
    """One norm over several ranges; the gradient has the limit's norm if it was longer, else its own bits."""
    for n in tails(num_threads):
        parts = [normal(n), normal(TWO + n if num_threads == 2 else 3 * n, start=9)]
        for limit in (0.5, 1e9):
            tensors = [tensor(part) for part in parts]
            first = SquaredNorm(tensors[0])
            last = SquaredNorm(tensors[1], first)
            Plan([first, last, *(ClipNorm(part, last, limit=limit) for part in tensors)]).run(1, 1)
            norm = reference_updates.SquaredNorm(parts[1], reference_updates.SquaredNorm(parts[0]))
            assert last.value == pytest.approx(norm, rel=1e-12)
            for after, before in zip(tensors, parts, strict=True):
                assert_close(after.array, reference_updates.ClipNorm(before, norm, limit=limit))
                assert limit < 1 or (after.array == before).all()
                assert_margins(after)


def test_clip(isa: str, num_threads: int) -> None:
    for n in tails(num_threads):
        x = normal(n if num_threads == 1 else TWO + n).copy()
        x[n // 2], x[n // 3] = np.inf, np.nan
        clipped = tensor(x)
        run(Clip(clipped, limit=0.5), clipped, rows=1)
        np.testing.assert_array_equal(clipped.array, reference_updates.Clip(x, limit=0.5).astype(np.float32))


def test_zero(isa: str, num_threads: int) -> None:
    for n in tails(num_threads):
        x = normal(n if num_threads == 1 else TWO + n).copy()
        x[n // 2] = np.nan
        zeroed = tensor(x)
        run(Zero(zeroed), zeroed, rows=1)
        np.testing.assert_array_equal(zeroed.array, reference_updates.Zero(x))
        assert_margins(zeroed)


@pytest.mark.parametrize("limit", [0.5, 2.0, 1e9])
def test_max_norm(isa: str, num_threads: int, limit: float) -> None:
    """Units above the limit have its norm afterwards; the others keep their bits."""
    for n in tails(num_threads):
        w = normal(5, n) if num_threads == 1 else normal(3, TWO // 140, 70 + n)
        weight = tensor(w)
        run(MaxNorm(weight, limit=limit), weight, rows=1)
        assert_close(weight.array, reference_updates.MaxNorm(w, limit=limit))
        kept = np.linalg.norm(w.reshape(-1, w.shape[-1]), axis=0) < limit
        assert (weight.array[..., kept] == w[..., kept]).all()


def test_average(isa: str, num_threads: int) -> None:
    for n in tails(num_threads):
        x, start = (normal(n if num_threads == 1 else TWO + n, start=i) for i in range(2))
        for update in (0, 1, 10**9):
            mean = tensor(start if update else np.zeros_like(x))
            run(Average(tensor(x), mean, decay=0.9), mean, rows=1, update=update)
            assert_close(mean.array, reference_updates.Average(x, start, decay=0.9, update=update))
            assert update or (mean.array == x).all()
        mean = tensor(start)
        run(Average(tensor(x), mean, decay=0.9, starts=False), mean, rows=1)
        assert_close(mean.array, reference_updates.Average(x, start, decay=0.9, starts=False, update=0))


@pytest.mark.parametrize("kind", ["penalty", "norm", "clip", "max_norm", "average"])
def test_same_bits_on_threads(isa: str, kind: str) -> None:
    def build() -> tuple[Op, *tuple[Tensor, ...]]:
        w, other = tensor(normal(FOUR // 500, 500)), tensor(normal(FOUR // 500, 500, start=1))
        if kind == "penalty":
            return Penalty(w, other, loss_of()[0], l1=0.1, l2=0.1), other
        if kind == "max_norm":
            return MaxNorm(w, limit=3.0), w
        if kind == "average":
            return Average(w, other, decay=0.9), other
        if kind == "clip":
            return Clip(w, limit=0.5), w
        norm = SquaredNorm(other)
        norm()
        return ClipNorm(w, norm, limit=0.5), w

    assert_same_on_threads(build)


@pytest.mark.parametrize("kind", ["penalty", "norm"])
def test_sums_have_the_same_bits_on_threads(isa: str, kind: str) -> None:
    """Fixed chunks, combined in order."""
    values = set()
    for most in (1, 2, 3, 4):
        with fnn.threads(most):
            x, (loss, _) = tensor(normal(FOUR)), loss_of()
            norm = SquaredNorm(x)
            norm()
            Plan([loss, Penalty(x, None, loss, l1=0.1, l2=0.2)]).run(1, 1)
            values.add(loss.last if kind == "penalty" else norm.value)
    assert len(values) == 1


def test_arguments_are_checked() -> None:
    x, other, whole = Tensor((4,)), Tensor((5,)), Tensor((4,), "int32")
    loss = loss_of()[0]
    for make, error in (
        (lambda: Penalty(x, other, loss), ValueError),
        (lambda: Penalty(whole, None, loss), TypeError),
        (lambda: Penalty(x, None, x), TypeError),
        (lambda: SquaredNorm(whole), TypeError),
        (lambda: ClipNorm(x, None, limit=1.0), TypeError),
        (lambda: Clip(whole, limit=1.0), TypeError),
        (lambda: MaxNorm(Tensor(()), limit=1.0), ValueError),
        (lambda: Average(x, other, decay=0.9), ValueError),
    ):
        with pytest.raises(error):
            make()


# In a network.


# In networks with several outputs, sub-networks and frozen layers.
