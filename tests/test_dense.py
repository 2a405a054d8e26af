"""The products of a dense layer: every tail of rows, columns and k; bits that depend on neither batch nor threads."""

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

import reference
from check import (
    TAILS,
    assert_close,
    assert_margins,
    assert_same_bits,
    assert_same_on_threads,
    empty,
    normal,
    run,
    tensor,
    written,
)
from fastnn.engine.tensor import Tensor
from fastnn.kernels import (
    ACTIVATIONS,
    DERIVED_FROM_INPUT,
    Activation,
    ActivationGradient,
    Dense,
    DenseInputGradient,
    DenseWeightGradient,
)

Shape = tuple[int, int, int]
# Rows, columns and k, each at every tail. The last factors spread k over the grid.
SMALL = [(m, n, 1 + (7 * m + 11 * n) % 70) for m in range(1, 31) for n in TAILS]
DEEP = [(m, n, k) for m in (1, 3, 19) for n in (1, 17, 40) for k in (191, 192, 193, 384, 385, 577, 768, 769, 1025)]
# Enough work for two threads: many rows and few columns, which are shared out by rows; the other way round, by columns.
LARGE = [(13000 // n + n % 7, n, 64) for n in TAILS] + [(m, 640 + m, 2400 // m) for m in range(1, 31)]


def shapes(num_threads: int) -> list[Shape]:
    return SMALL + DEEP if num_threads == 1 else LARGE


# The greatest slopes above 1.
STEEP = {"selu": 1.76, "gelu": 1.13, "gelu_tanh": 1.13, "silu": 1.1, "mish": 1.09, "hard_swish": 1.5}
# Those whose slopes have a bound.
BOUNDED = [name for name in ACTIVATIONS if name not in ("exp", "square")]


def activation_of(shape: Shape) -> str:
    return BOUNDED[sum(shape) % len(BOUNDED)]


def spare(shape: Shape) -> int:
    """A capacity of none, one or two rows more than there are."""
    return shape[0] + sum(shape) % 3


@cache
def product(m: int, n: int, k: int) -> tuple[reference.Array, NDArray[np.float32]]:
    """normal(m, k) normal(k, n), and the same of absolute values, by which an error is measured."""
    x, weight = normal(m, k), normal(k, n)
    return reference.Dense(x, weight, None), np.abs(x) @ np.abs(weight)


def test_dense(isa: str, num_threads: int) -> None:
    for shape in shapes(num_threads):
        m, n, k = shape
        activation = activation_of(shape)
        bias = normal(n) if (m + n) % 4 else np.zeros(n)
        y = empty(spare(shape), n)
        op = Dense(
            tensor(normal(m, k), y.rows), tensor(normal(k, n)), tensor(bias) if bias.any() else None, y, activation
        )
        run(op, y, rows=m)
        z, scale = product(*shape)
        steep = STEEP.get(activation, 1)
        expected = reference.Activation(z + bias, activation)
        if activation == "step":  # either side is right for what rounding takes across
            expected = np.where(np.abs(z + bias) <= 1e-6 * scale, written(y, m), expected)
        assert_close(written(y, m), expected, steep * (scale + np.abs(bias)) + np.abs(expected))


def test_input_gradient(isa: str, num_threads: int) -> None:
    for shape in shapes(num_threads):
        m, n, k = shape
        activation = activation_of(shape)
        x = reference.slope_source(normal(m, n), activation).astype(np.float32)
        dx = empty(spare(shape), n)
        weight = tensor(normal(k, n).T)
        run(DenseInputGradient(tensor(normal(m, k), dx.rows), weight, dx, activation, tensor(x, dx.rows)), dx, rows=m)
        z, scale = product(*shape)
        assert_close(written(dx, m), reference.ActivationGradient(x, z, activation), STEEP.get(activation, 1) * scale)


@pytest.mark.parametrize("activation", DERIVED_FROM_INPUT)
def test_dense_keeps_what_the_derivative_reads(isa: str, num_threads: int, activation: str) -> None:
    """z has the bits of the product without an activation, y those of the activation of z, also in shares."""
    for m, n, k in [(1, 300, 70), (3, 33, 9), (13, 70, 400), (5, 1, 1), *LARGE[::9]]:
        x, weight, bias = tensor(normal(m, k), m + 1), tensor(normal(k, n)), tensor(normal(n))
        y, z, plain, apart = (empty(m + 1, n) for _ in range(4))
        run(Dense(x, weight, bias, y, activation, z), y, z, rows=m)
        run(Dense(x, weight, bias, plain), plain, rows=m)
        run(Activation(plain, apart, activation), apart, rows=m)
        assert_same_bits(written(z, m), written(plain, m))
        assert_same_bits(written(y, m), written(apart, m))


def test_z_is_for_what_reads_it() -> None:
    x, weight, y = Tensor((4, 3)), Tensor((3, 5)), Tensor((4, 5))
    for activation in ("identity", "relu"):
        with pytest.raises(ValueError, match=f"the derivative of {activation} is computed from y"):
            Dense(x, weight, None, y, activation, Tensor((4, 5)))
    with pytest.raises(ValueError, match=r"Dense\(x, weight, bias, y, z\): shapes"):
        Dense(x, weight, None, y, "gelu", Tensor((3, 5)))


def test_input_gradient_without_activation(isa: str) -> None:
    dz, weight, dx = normal(13, 37), normal(41, 37), empty(13, 41)
    run(DenseInputGradient(tensor(dz), tensor(weight), dx), dx)
    assert_close(dx.array, reference.DenseInputGradient(dz, weight), np.abs(dz) @ np.abs(weight.T))


def test_weight_gradient(isa: str, num_threads: int) -> None:
    for m, n, k in shapes(num_threads):
        x, dz, dweight, dbias = normal(m, k).T, normal(k, n), empty(m, n), empty(n)
        capacity = k + (m + n) % 3
        op = DenseWeightGradient(tensor(x, capacity), tensor(dz, capacity), dweight, dbias if n % 4 else None)
        run(op, dweight, dbias, rows=k)
        expected, scale = product(m, n, k)
        assert_close(dweight.array, expected, scale)
        if n % 4:
            assert_close(dbias.array, dz.sum(axis=0, dtype=np.float64), np.abs(dz).sum(axis=0))


def test_weight_gradient_added(isa: str, num_threads: int) -> None:
    """With add, what is there is where the sums begin."""
    for m, n, k in shapes(num_threads)[::7]:
        x, dz, before, dbefore = normal(m, k).T, normal(k, n), normal(m, n, start=5), normal(n, start=5)
        dweight, dbias = tensor(before), tensor(dbefore)
        DenseWeightGradient(tensor(x), tensor(dz), dweight, dbias, add=True)()
        expected, scale = product(m, n, k)
        assert_close(dweight.array, before + expected, np.abs(before) + scale)
        assert_close(dbias.array, dbefore + dz.sum(axis=0, dtype=np.float64), np.abs(dbefore) + np.abs(dz).sum(axis=0))
        assert_margins(dweight)
        assert_margins(dbias)


def test_two_weight_gradients_at_once(isa: str, num_threads: int) -> None:
    """That of another x with the same dz: both have the same bits as alone, at all numbers of rows."""
    for m, n, k in shapes(num_threads)[::7]:
        x, other, dz = (
            tensor(normal(k, m), k + 9),
            tensor(normal(k, 1 + m % 40, start=3), k + 9),
            tensor(normal(k, n), k + 9),
        )
        for add in (False, True):
            together, alone = ([tensor(normal(each.columns, n)) for each in (x, other)] for _ in range(2))
            op = DenseWeightGradient(x, dz, together[0], other=other, dother=together[1], add=add)
            run(op, *together, rows=k)
            for given, dweight, found in zip((x, other), alone, together, strict=True):
                run(DenseWeightGradient(given, dz, dweight, add=add), dweight, rows=k)
                assert_same_bits(found.array, dweight.array)


@pytest.mark.parametrize("shape", [(64, 200, 300), (900, 100, 70), (3, 900, 2000), (1201, 3, 1100)])
def test_same_bits_on_threads(isa: str, shape: Shape) -> None:
    m, n, k = shape
    weight, bias, x, dz = normal(k, n), normal(n), normal(m, k), normal(m, n)

    def forward() -> tuple[Dense, Tensor]:
        y = empty(m, n)
        return Dense(tensor(x), tensor(weight), tensor(bias), y, "tanh"), y

    def input_gradient() -> tuple[DenseInputGradient, Tensor]:
        dx = empty(m, k)
        return DenseInputGradient(tensor(dz), tensor(weight), dx, "tanh", tensor(np.tanh(x))), dx

    def weight_gradient() -> tuple[DenseWeightGradient, Tensor, Tensor]:
        dweight, dbias = empty(k, n), empty(n)
        return DenseWeightGradient(tensor(x), tensor(dz), dweight, dbias), dweight, dbias

    for build in (forward, input_gradient, weight_gradient):
        assert_same_on_threads(build)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("columns", [1, 10, 16, 31, 100])
def test_a_row_has_the_same_bits_in_any_batch(isa: str, columns: int, activation: str) -> None:
    x, weight, bias, dz = normal(128, 300), normal(300, columns), normal(columns), normal(128, columns)

    def products(first: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
        batch = slice(first, first + rows)
        y, dx = empty(rows, columns), empty(rows, 300)
        run(Dense(tensor(x[batch]), tensor(weight), tensor(bias), y, activation), y)
        run(DenseInputGradient(tensor(dz[batch]), tensor(weight), dx, activation, tensor(np.tanh(x[batch]))), dx)
        return y.array, dx.array

    whole = products(0, 128)
    for first, rows in [*((i, 1) for i in range(0, 128, 9)), *((rows, rows) for rows in range(2, 32)), (1, 127)]:
        for part, all_rows in zip(products(first, rows), whole, strict=True):
            assert_same_bits(part, all_rows[first : first + rows])


LANES = {"base": 4, "avx2": 8, "avx512": 16, "neon": 4}


# Rows of one, of a few, of a tile and a part, of those that pack by themselves; sums of several pieces, of lines that
# would push each other out of the cache; more columns than one group of panels.
SIZES = [(1, 5, 1), (1, 40, 7), (1, 300, 70), (2, 64, 33), (3, 131, 800), (13, 70, 1024), (30, 400, 2048)]


def test_fused_is_the_same_as_apart(isa: str) -> None:
    """The epilogue is the activation's own kernel, whatever the place in the row."""
    x, weight, z, fused, y = normal(20, 30), normal(30, 77), empty(20, 77), empty(20, 77), empty(20, 77)
    for activation in ACTIVATIONS:
        run(Dense(tensor(x), tensor(weight), None, z), z)
        run(Dense(tensor(x), tensor(weight), None, fused, activation), fused)
        run(Activation(z, y, activation), y)
        assert_same_bits(fused.array, y.array)
        dz, dx, fused_dx, plain = normal(20, 30), empty(20, 77), empty(20, 77), empty(20, 77)
        run(DenseInputGradient(tensor(dz), tensor(weight.T), fused_dx, activation, y), fused_dx)
        run(DenseInputGradient(tensor(dz), tensor(weight.T), plain), plain)
        run(ActivationGradient(y, plain, dx, activation), dx)
        assert_same_bits(fused_dx.array, dx.array)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_nan_stays_in_its_row(isa: str, activation: str) -> None:
    x, weight = normal(9, 50).copy(), normal(50, 40)
    clean, y = empty(9, 40), empty(9, 40)
    run(Dense(tensor(x), tensor(weight), None, clean, activation), clean)
    x[4, 49] = np.nan
    run(Dense(tensor(x), tensor(weight), None, y, activation), y)
    assert np.isnan(y.array[4]).all()
    assert_same_bits(np.delete(y.array, 4, 0), np.delete(clean.array, 4, 0))


def test_shapes_are_checked() -> None:
    x, weight, bias, y = Tensor((4, 3)), Tensor((3, 5)), Tensor((5,)), Tensor((4, 5))
    for wrong in [
        (Tensor((4, 2)), weight, bias, y),
        (x, Tensor((5, 3)), bias, y),
        (x, weight, Tensor((4,)), y),
        (x, weight, bias, Tensor((3, 5))),
    ]:
        with pytest.raises(ValueError, match=r"Dense\(x, weight, bias, y, z\): shapes \(.*\), None do not fit"):
            Dense(*wrong)
        with pytest.raises(ValueError, match="DenseWeightGradient"):
            DenseWeightGradient(wrong[0], wrong[3], wrong[1], wrong[2])
        if wrong[2] is bias:
            with pytest.raises(ValueError, match="DenseInputGradient"):
                DenseInputGradient(wrong[3], wrong[1], wrong[0])
    for other, dother in ((x, None), (None, weight), (x, Tensor((5, 3))), (Tensor((3, 3)), weight)):
        with pytest.raises(ValueError, match="DenseWeightGradient"):
            DenseWeightGradient(x, y, weight, other=other, dother=dother)
    with pytest.raises(ValueError, match="derivative of relu needs x"):
        DenseInputGradient(y, weight, x, "relu")
    with pytest.raises(ValueError, match="DenseInputGradient"):
        DenseInputGradient(y, weight, x, "relu", Tensor((4, 5)))
    with pytest.raises(ValueError, match="unknown activation 'gelu!'; known: identity"):
        Dense(x, weight, bias, y, "gelu!")


def test_types_are_checked() -> None:
    tensors = [Tensor((4, 3)), Tensor((3, 5)), Tensor((5,)), Tensor((4, 5))]
    for i in range(4):
        wrong = [*tensors]
        wrong[i] = Tensor(tensors[i].shape, "int32")
        with pytest.raises(TypeError, match="float32"):
            Dense(*wrong)
        with pytest.raises(TypeError):
            Dense(*[*tensors[:i], tensors[i].array, *tensors[i + 1 :]])
