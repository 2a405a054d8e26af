"""A packed weight: what a product reads fastest gives the same bits, and belongs to one instruction set."""

import numpy as np
import pytest

import reference
from check import (
    TAILS,
    assert_close,
    assert_same_bits,
    empty,
    normal,
    run,
    tensor,
)
from fastnn.engine.op import get_isa, levels, set_isa
from fastnn.engine.tensor import Tensor
from fastnn.kernels import (
    Dense,
    Packed,
)
from test_dense import LANES, SIZES


def test_packed(isa: str) -> None:
    for columns in [*TAILS, 129]:
        weight = normal(1 + columns % 7, columns)
        packed = Packed(tensor(weight))
        assert_same_bits(packed.panels.array, reference.Packed(weight, 2 * LANES[isa], LANES[isa]).astype(np.float32))


def test_packed_transposed(isa: str, num_threads: int) -> None:
    """The panels and the products of the transposed weight, in any share; packed again when it is called."""
    for n in TAILS if num_threads == 1 else (300, 700):
        m, k = (3, 1 + 5 * n % 67) if num_threads == 1 else (5, 500)
        weight, x = tensor(normal(n, k)), tensor(normal(m, k))
        turned = tensor(np.ascontiguousarray(weight.array.T))
        packed, plain = Packed(weight, transposed=True), Packed(turned)
        for _ in range(2):
            assert_same_bits(packed.panels.array, plain.panels.array)
            y, expected = empty(m, n), empty(m, n)
            run(Dense(x, packed, tensor(normal(n)), y, "relu"), y)
            run(Dense(x, turned, tensor(normal(n)), expected, "relu"), expected)
            assert_same_bits(y.array, expected.array)
            for matrix, holder in ((weight, packed), (turned, plain)):
                matrix.array[...] *= -2
                holder()


def test_packed_transposed_has_the_shape_of_the_transposed() -> None:
    packed = Packed(Tensor((5, 3)), transposed=True)
    Dense(Tensor((4, 3)), packed, None, Tensor((4, 5)))
    with pytest.raises(ValueError, match=r"Dense\(x, weight, bias, y, z\): shapes"):
        Dense(Tensor((4, 5)), packed, None, Tensor((4, 3)))


@pytest.mark.parametrize(("m", "n", "k"), [*SIZES, (1030, 150, 1024), (130, 700, 520)])
def test_same_bits_when_packed(isa: str, num_threads: int, m: int, n: int, k: int) -> None:
    x, weight, bias = normal(m, k), normal(k, n), normal(n)
    row_by_row, packed, plain = empty(1, n), empty(m, n), empty(m, n)
    holder = Packed(tensor(weight))
    Dense(tensor(x), holder, tensor(bias), packed, "relu")()
    Dense(tensor(x), tensor(weight), tensor(bias), plain, "relu")()
    assert_same_bits(packed.array, plain.array)
    for i in range(0, m, max(1, m // 3)):
        Dense(tensor(x[i : i + 1]), tensor(weight), tensor(bias), row_by_row, "relu")()
        assert_same_bits(row_by_row.array[0], plain.array[i])


def test_packed_reads_the_weight_again(isa: str) -> None:
    x, weight, y = tensor(normal(2, 9)), tensor(normal(9, 20)), empty(2, 20)
    packed = Packed(weight)
    op = Dense(x, packed, None, y)
    weight.array[...] *= -2
    op()
    assert_close(y.array, reference.Dense(x.array, weight.array / -2, None), 10)
    packed()
    op()
    assert_close(y.array, reference.Dense(x.array, weight.array, None), 10)


def test_packed_belongs_to_an_instruction_set() -> None:
    if len(levels()) < 2:
        pytest.skip("this processor has one level only")
    packed, before = Packed(Tensor((3, 5))), get_isa()
    set_isa(levels()[1 if before == levels()[0] else 0])
    try:
        with pytest.raises(ValueError, match="another instruction set"):
            Dense(Tensor((4, 3)), packed, None, Tensor((4, 5)))
    finally:
        set_isa(before)
