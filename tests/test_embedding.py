"""Rows of a table by number: every width, paddings, invalid ids, and the gradient of the table."""

import numpy as np
import pytest

import reference_sequences as twins
from check import (
    TAILS,
    assert_close,
    assert_margins,
    assert_same_bits,
    assert_same_on_threads,
    empty,
    generator,
    run,
    tensor,
    written,
)
from fastnn.engine.op import Op
from fastnn.engine.plan import Plan
from fastnn.engine.tensor import Tensor
from fastnn.kernels import Embedding, EmbeddingGradient
from sequences import laid, ragged, some

TWO, FOUR = 150_000, 300_000  # elements enough for two threads, and for four


def test_ops(isa: str, num_threads: int) -> None:
    for columns in TAILS if num_threads == 1 else (1, 7, 64):
        rows, vocabulary = (9, 1 + columns % 6) if num_threads == 1 else (TWO // columns, 700)
        capacity = rows + columns % 3
        ids = generator(columns).integers(0, vocabulary, rows)
        table, dy = some(vocabulary, columns), some(rows, columns, start=1)
        for padding in (None, 0, vocabulary - 1):
            y, dtable = empty(capacity, columns), empty(vocabulary, columns)
            given = tensor(ids[:, None], capacity, "int32")
            run(Embedding(given, tensor(table), y, padding=padding), y, rows=rows)
            expected = twins.Embedding(ids, table, padding=padding)
            assert_same_bits(written(y, rows), expected.astype(np.float32))
            op = EmbeddingGradient(given, tensor(dy, capacity), dtable, padding=padding)
            run(op, dtable, rows=rows)
            expected, scale = (twins.EmbeddingGradient(ids, d, vocabulary, padding=padding) for d in (dy, np.abs(dy)))
            assert_close(dtable.array, expected, scale, 1e-5)


def test_added_and_left_alone(isa: str) -> None:
    """With add, what is there stays; a run for inputs only writes nothing."""
    ids, dy, before = np.array([3, 1, 3, 0, 2]), some(5, 9), some(4, 9)
    given, dtable = tensor(ids[:, None], dtype="int32"), tensor(before)
    run(EmbeddingGradient(given, tensor(dy), dtable, padding=2, add=True), dtable)
    assert_close(dtable.array, before + twins.EmbeddingGradient(ids, dy, 4, padding=2), 10)
    assert_same_bits(dtable.array[2], before[2])
    plan = Plan([EmbeddingGradient(given, tensor(dy), dtable)])
    plan.inputs_only = True
    kept = dtable.array.copy()
    plan.run(5, 5)
    assert_same_bits(dtable.array, kept)


def test_sums_go_from_first_to_last(isa: str) -> None:
    """So that a row of the table has the bits of a plain loop, whatever else there is."""
    ids, dy = generator(1).integers(0, 5, 200), some(200, 11)
    expected = np.zeros((5, 11), np.float32)
    for i, row in zip(ids, dy, strict=True):
        expected[i] += row
    dtable = empty(5, 11)
    run(EmbeddingGradient(tensor(ids[:, None], dtype="int32"), tensor(dy), dtable), dtable)
    assert_same_bits(dtable.array, expected)


def test_same_bits_on_threads(isa: str) -> None:
    ids, rows = generator(2).integers(0, 900, FOUR // 30)[:, None], FOUR // 30
    table, dy = some(900, 30), some(rows, 30)

    def forward() -> tuple[Op, ...]:
        y = empty(rows, 30)
        return Embedding(tensor(ids, dtype="int32"), tensor(table), y, padding=5), y

    def gradient() -> tuple[Op, ...]:
        dtable = empty(900, 30)
        return EmbeddingGradient(tensor(ids, dtype="int32"), tensor(dy), dtable, padding=5), dtable

    assert_same_on_threads(forward)
    assert_same_on_threads(gradient)


def test_on_steps(isa: str) -> None:
    """Led by steps, what comes after the last one is neither read nor written."""
    lengths = ragged(6, 5)
    total, ids = sum(lengths), generator(3).integers(0, 8, sum(lengths))
    table, dy = some(8, 7), some(total, 7)
    given = tensor(ids[:, None], 30, "int32")  # canaries are -1: an invalid id
    y, dtable = empty(30, 7), empty(8, 7)
    steps = laid(lengths, 5)
    ops = [Embedding(given, tensor(table), y), EmbeddingGradient(given, tensor(dy, 30), dtable)]
    for op in ops:
        steps.lead(op)
        assert op.capacity == 6
        op()
    assert_same_bits(written(y, total), twins.Embedding(ids, table).astype(np.float32))
    assert_close(dtable.array, twins.EmbeddingGradient(ids, dy, 8), 10)
    assert_margins(y)
    assert_margins(dtable)


@pytest.mark.parametrize("bad", [-1, 4, 2**31 - 1, -(2**31)])
def test_ids_that_are_none(bad: int) -> None:
    for row in (0, 3, 6):
        ids, y = np.zeros((7, 1), np.int32), empty(7, 3)
        ids[row:] = bad
        op = Embedding(tensor(ids, dtype="int32"), tensor(some(4, 3)), y)
        with pytest.raises(ValueError, match=f"Embedding: id {bad} is not from 0 to 3"):
            op()
        written(y, 0)
        dtable = empty(4, 3)  # the gradient comes after: it leaves them out
        EmbeddingGradient(tensor(ids, dtype="int32"), tensor(np.ones((7, 3))), dtable)()
        assert_margins(dtable)
        assert dtable.array[0].tolist() == [row] * 3 and not dtable.array[1:].any()


def test_arguments_are_checked() -> None:
    ids, table, y = Tensor((7, 1), "int32"), Tensor((4, 3)), Tensor((7, 3))
    for wrong in (
        (Tensor((7, 1)), table, y),
        (Tensor((7, 2), "int32"), table, y),
        (Tensor((6, 1), "int32"), table, y),
        (ids, Tensor((4, 2)), y),
    ):
        with pytest.raises(ValueError, match=r"Embedding: ids .*, table .* and rows .* do not fit"):
            Embedding(*wrong)
        with pytest.raises(ValueError, match=r"EmbeddingGradient: ids .*, table .* and rows .* do not fit"):
            EmbeddingGradient(wrong[0], wrong[2], wrong[1])
    for padding in (-1, 4):
        with pytest.raises(ValueError, match=f"padding must be an id from 0 to 3, got {padding}"):
            Embedding(ids, table, y, padding=padding)
        with pytest.raises(ValueError, match=f"padding must be an id from 0 to 3, got {padding}"):
            EmbeddingGradient(ids, y, table, padding=padding)
    with pytest.raises(TypeError, match="float32"):
        Embedding(ids, Tensor((4, 3), "int32"), y)
    with pytest.raises(TypeError):
        Embedding(ids, None, y)
