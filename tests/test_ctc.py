"""The Ops of connectionist temporal classification against their twins, brute force and PyTorch."""

import os
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
import reference_ctc
from check import assert_close, assert_same_bits, assert_same_on_threads, empty, generator, normal, run, tensor, written
from fastnn.engine.port import Port
from fastnn.engine.tensor import Tensor
from fastnn.engine.thread_count import threads
from fastnn.kernels import CTC, GatherLabelRows
from test_reference import assert_gradient

Drawn = tuple[np.ndarray, np.ndarray, np.ndarray]


def drawn(rows: int, times: int, classes: int, most: int, blank: int = 0) -> Drawn:
    """Logits, labels padded by -1, some rows without any and many with repeats, and lengths that suffice."""
    random = generator(rows, times, classes, most)
    labels, lengths = np.full((rows, most), -1), np.empty(rows, int)
    for i in range(rows):
        n = random.integers(0, most + 1) if i % 4 else 0
        row = random.integers(0, classes - 1, n)
        row[1:] = np.where(random.random(max(0, n - 1)) < 0.3, row[:-1], row[1:]) if n else row
        row += row >= blank
        while n and n + (row[1:] == row[:-1]).sum() > times:
            n, row = n - 1, row[:-1]
        labels[i, :n] = row
        lengths[i] = random.integers(max(1, n + (row[1:] == row[:-1]).sum()), times + 1)
    return 3 * normal(rows, times * classes), labels, lengths


def make(given: Drawn, classes: int, capacity: int = 0, weight: Any = None, whole: bool = False, **options: Any) -> Any:
    """The Op and dx. whole: without lengths."""
    x, labels, lengths = given
    numbers = labels, (labels >= 0).sum(axis=1)[:, None]
    dx = empty(max(len(x), capacity), x.shape[1])
    ends = None if whole else tensor(lengths[:, None], capacity, "int32")
    weights = None if weight is None else tensor(weight[:, None], capacity)
    made = (tensor(each, capacity, "int32") for each in numbers)
    return CTC(tensor(x, capacity), *made, dx, weights, ends, classes=classes, **options), dx


SHAPES = [(1, 2, 1, 0), (5, 2, 3, 1), (7, 12, 5, 0), (20, 30, 9, 29), (33, 17, 16, 3), (40, 5, 33, 0)]


@pytest.mark.parametrize("shape", SHAPES)
def test_op(isa: str, num_threads: int, shape: tuple[int, int, int, int]) -> None:
    times, classes, most, blank = shape
    given = drawn(9, times, classes, min(most, times), blank)
    x, labels, lengths = given
    count = (labels >= 0).sum(axis=1)
    for weight in (None, np.float32(np.arange(9) % 3)):
        op, dx = make(given, classes, 11, weight, blank=blank)
        run(op, dx, rows=9)
        loss, gradient = reference_ctc.CTC(x, labels, count, weight, lengths, classes=classes, blank=blank)
        assert_close(op.last, loss, max(1.0, abs(loss)))
        assert_close(written(dx, 9), gradient, 1 / 9, 1e-5)


def test_one_row_more_or_less(isa: str) -> None:
    """A row has the same bits in any batch, and frames past its length, whatever is in them, change none."""
    x, labels, lengths = drawn(6, 20, 7, 6)
    op, dx = make((x, labels, lengths), 7)
    run(op, dx)
    for i in range(6):
        end = lengths[i] * 7
        alone, dx_alone = make((x[i : i + 1, :end], labels[i : i + 1], lengths[i : i + 1]), 7, whole=True)
        run(alone, dx_alone)
        spoiled = x[i : i + 1].copy()
        spoiled[:, end:] = np.nan
        padded, dx_padded = make((spoiled, labels[i : i + 1], lengths[i : i + 1]), 7)
        run(padded, dx_padded)
        assert alone.last == padded.last
        assert_same_bits(dx_padded.array[:, :end], dx_alone.array)
        assert not dx_padded.array[:, end:].any() and not dx.array[i, end:].any()
        assert_close(dx.array[i, :end] * 6, dx_alone.array[0])


def test_same_bits_on_threads(isa: str) -> None:
    given = drawn(64, 200, 10, 40)
    assert_same_on_threads(lambda: make(given, 10))


def test_impossible_rows_and_rows_of_weight_0() -> None:
    x, labels, lengths = (each.copy() for each in drawn(5, 8, 4, 3))
    op, dx = make((x, labels, lengths), 4)
    op.tensors[4].array[2] = -1
    x[3] = np.nan
    op.tensors[0].array[:2] = x[:2]
    run(op, dx)
    count = (labels >= 0).sum(axis=1)
    count[2] = -1
    loss, gradient = reference_ctc.CTC(op.tensors[0].array, labels, count, None, lengths, classes=4)
    assert_close(op.last, loss)
    assert_close(dx.array, gradient, 0.2, 1e-5)
    op, dx = make((x, labels, lengths), 4, weight=np.float32([1, 1, 1, 0, 1]))
    run(op, dx)
    assert np.isfinite(op.last) and np.isfinite(dx.array).all() and not dx.array[3].any()
    op, dx = make((x, labels, lengths), 4, finite=True)
    with pytest.raises(FloatingPointError, match="the loss became nan"):
        op()


def test_twin_by_brute_force() -> None:
    for seed in range(20):
        random = generator(seed)
        times, classes = random.integers(1, 6), random.integers(2, 5)
        blank = int(random.integers(classes))
        x = random.normal(0, 2, (times, classes))
        for labels, p in reference_ctc.labelings(np.exp(reference_ctc.log_softmax(x)), blank).items():
            row, count = np.array([[*labels, -1]]), np.array([len(labels)])
            loss, dx = reference_ctc.CTC(x.reshape(1, -1), row, count, classes=classes, blank=blank)
            assert loss == pytest.approx(-np.log(p), abs=1e-9)
            assert np.abs(dx.reshape(times, classes).sum(axis=1)).max() < 1e-9


def test_twin_by_differences() -> None:
    x, labels, lengths = drawn(5, 7, 4, 4)
    x, given = x.astype(np.float64), ((labels >= 0).sum(axis=1), np.arange(5.0), lengths)
    gradient = reference_ctc.CTC(x, labels, *given, classes=4)[1]
    assert_gradient(gradient, lambda x: reference_ctc.CTC(x, labels, *given, classes=4)[0], x)


def test_as_pytorch() -> None:
    if os.environ.get("FASTNN_TEST_TORCH") != "1":
        pytest.skip("FASTNN_TEST_TORCH=1 compares with PyTorch")
    torch = pytest.importorskip("torch")
    for seed in range(250):
        random = generator(seed, 1)
        rows, times, classes, blank = 1 + seed % 3, int(random.integers(1, 40)), int(random.integers(2, 25)), 0
        blank = int(random.integers(classes))
        x, labels, lengths = drawn(rows, times, classes, max(1, times // 2), blank)
        x = x.reshape(rows, times, classes) * (10 if seed % 5 == 0 else 1)
        count = (labels >= 0).sum(axis=1)
        z = torch.tensor(x, dtype=torch.float64, requires_grad=True)
        given = torch.tensor(np.where(labels < 0, (blank + 1) % classes, labels))
        wanted = torch.nn.functional.ctc_loss(
            z.log_softmax(-1).transpose(0, 1), given, torch.tensor(lengths), torch.tensor(count), blank, "none"
        ).mean()
        wanted.backward()
        loss, dy = fnn.losses.CTC(blank)(x, labels, lengths=lengths)
        assert_close(loss, wanted.item(), max(1.0, abs(wanted.item())))
        assert_close(dy, z.grad.numpy(), 1 / rows, 1e-5)


def test_long_sequences_are_exact(isa: str) -> None:
    """The gradient is as exact for 1500 frames as for ten, and where the network is sure of something else."""
    for scale in (1, 30):
        x, labels = scale * normal(1, 1500 * 12), generator(3).integers(1, 12, (1, 150))
        op, dx = make((x, labels, np.array([1500])), 12)
        run(op, dx)
        loss, gradient = reference_ctc.CTC(x, labels, np.array([150]), classes=12)
        assert_close(op.last, loss)
        assert_close(dx.array, gradient, 1.0, 1e-5)


def gathered(y: np.ndarray, times: int, lengths: np.ndarray | None = None, **options: Any) -> tuple[np.ndarray, ...]:
    port = Port("y", times, padded=True)
    found, count = empty(len(y), times, dtype="int32"), empty(len(y), 1, dtype="int32")
    ends = None if lengths is None else tensor(lengths[:, None], dtype="int32")
    op = GatherLabelRows(port, found, count, ends, **options)
    port.attach(y)
    op()
    return found.array, count.array[:, 0]


@pytest.mark.parametrize("dtype", ["int64", "int32", "int8", "float32", "float64"])
def test_gather(dtype: str) -> None:
    for times in (1, 3, 10):
        _, labels, lengths = drawn(7, times, 5, times, 2)
        for given in (None, lengths):
            y, count = gathered(labels.astype(dtype), times, given, classes=5, blank=2)
            wide, wanted = reference_ctc.GatherLabelRows(labels, times, given, blank=2)
            assert (count == wanted).all()
            assert all((y[i, :n] == wide[i, :n]).all() for i, n in enumerate(wanted))
    impossible = np.array([[1, 1, -1], [1, 2, -1], [-1, -1, -1]])
    _, count = gathered(impossible, 4, np.array([2, 2, 1]), classes=3, ignore_impossible=True)
    assert count.tolist() == [-1, 2, 0]


BAD = {
    "range": ([[1, 4, -1]], r"y\[0, 1\] is 4; expected an integer label from 0 to 3, or -1 for padding"),
    "below": ([[1, -2, -1]], r"y\[0, 1\] is -2; expected an integer label"),
    "fraction": ([[1, 1.5, -1]], r"y\[0, 1\] is 1.5; expected an integer label"),
    "NaN": ([[1, np.nan, -1]], r"y\[0, 1\] is nan; expected an integer label"),
    "blank": ([[1, 2, 0]], r"y\[0, 2\] is 0, the blank, which is between labels"),
    "padding": ([[1, -1, 2]], r"y\[0, 2\] is 2 after a padding of -1"),
    "long": ([[1, 2, 3]], r"y\[0\] has 3 labels, 0 of them equal .* needs 3 frames, but has 2; .*ignore_impossible"),
    "repeats": ([[1, 1, -1]], r"y\[0\] has 2 labels, 1 of them equal to the one before, and so needs 3 frames"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_labels(name: str) -> None:
    rows, message = BAD[name]
    lengths = np.array([2 if name in ("long", "repeats") else 4])
    with pytest.raises(ValueError, match=message):
        gathered(np.array(rows), 4, lengths, classes=4)


def test_arguments_are_checked() -> None:
    port, y, count = Port("y", 4, padded=True), Tensor((3, 4), "int32"), Tensor((3, 1), "int32")
    x, dx = Tensor((3, 20)), Tensor((3, 20))
    wrong = [
        (lambda: GatherLabelRows(Port("y", 4), y, count, classes=5), "expected a port of up to 4 labels"),
        (lambda: GatherLabelRows(port, y, count, classes=5, blank=5), "the blank must be from 0 to 4"),
        (lambda: GatherLabelRows(port, Tensor((3, 4)), count, classes=5), r"expected int32 \(3, 4\)"),
        (lambda: GatherLabelRows(port, y, Tensor((2, 1), "int32"), classes=5), r"count: expected int32 \(3, 1\)"),
        (lambda: GatherLabelRows(port, y, count, Tensor((3, 2), "int32"), classes=5), "lengths: expected int32"),
        (lambda: CTC(x, y, count, dx, classes=3), "20 columns are not frames of 3 classes"),
        (lambda: CTC(x, y, count, dx, classes=5, blank=5), "of which 5 is the blank"),
        (lambda: CTC(x, Tensor((2, 4), "int32"), count, dx, classes=5), "labels: expected int32"),
        (lambda: CTC(x, y, y, dx, classes=5), "count: expected int32"),
        (lambda: CTC(x, y, count, Tensor((3, 4)), classes=5), "do not fit"),
        (lambda: CTC(x, y, count, dx, None, y, classes=5), "lengths: expected int32"),
        (lambda: CTC(x, y, count, dx, Tensor((3, 2)), classes=5), "expected a weight for each of 3 rows"),
    ]
    for call, message in wrong:
        with pytest.raises(ValueError, match=message):
            call()


def test_a_port_of_padded_rows() -> None:
    """Rows have as many elements as the array that is attached; what is prepared is told how many."""
    port, seen = Port("y", 4, padded=True), []
    port.prepare = seen.append
    for columns in (2, 4, 1):
        port.attach(np.zeros((3, columns)))
        assert port.columns == columns and port.rows == 3
        port.detach()
    assert seen == [2, 4, 1]
    for shape in ((3, 5), (3, 0)):
        with pytest.raises(ValueError, match="y: expected rows of 1 to 4 elements"):
            port.attach(np.zeros(shape))
    assert port.columns == 1


def test_memory_grows_with_labels_and_threads() -> None:
    """Rows of more labels, and more threads, than before: prepared where the array is attached."""
    port, x = Port("y", 30, padded=True), tensor(normal(8, 30 * 4))
    y, count, dx = Tensor((8, 30), "int32"), Tensor((8, 1), "int32"), empty(8, 120)
    gather = GatherLabelRows(port, y, count, classes=4)
    op = CTC(x, y, count, dx, None, None, port, classes=4)
    for most, number in ((2, 1), (20, 1), (20, 2), (3, 2)):
        with threads(number):
            labels = np.full((8, most), 1)
            labels[:, 1::2] = 2
            port.attach(labels)
            gather()
            op()
            port.detach()
        loss, gradient = reference_ctc.CTC(x.array, labels, np.full(8, most), classes=4)
        assert_close(op.last, loss)
        assert_close(dx.array, gradient, 1 / 8, 1e-5)
