"""Sums, products and parts side by side against their twins, and the layers that are made of them."""

import numpy as np
import pytest

import fastnn as fnn
import reference
from check import TAILS, assert_close, assert_same_bits, assert_same_on_threads, empty, normal, run, tensor, written
from fastnn.engine.tensor import Tensor
from fastnn.kernels import Add, Concatenate, ConcatenateGradient, Multiply, Scale, Subtract

# Elements enough for two threads, and for four.
TWO, FOUR = 46_000, 100_000
Pair = type[Add] | type[Subtract] | type[Multiply]
pairs = pytest.mark.parametrize("op", [Add, Subtract, Multiply], ids=lambda op: op.__name__)


def rows_of(columns: int, num_threads: int) -> int:
    return 3 if num_threads == 1 else TWO // columns + columns


@pairs
def test_pairs(isa: str, num_threads: int, op: Pair) -> None:
    for columns in TAILS:
        rows = rows_of(columns, num_threads)
        a, b, y = normal(rows, columns), normal(rows, columns, start=1), empty(rows + columns % 3, columns)
        run(op(tensor(a, y.rows), tensor(b, y.rows), y), y, rows=rows)
        expected = getattr(reference, op.__name__)(a, b)
        assert_same_bits(written(y, rows), expected.astype(np.float32))  # one rounding


@pairs
def test_pairs_in_place(isa: str, op: Pair) -> None:
    a, b = normal(5, 23), normal(5, 23, start=1)
    for place in (0, 1):
        both = [tensor(a), tensor(b)]
        run(op(*both, both[place]), both[place])
        assert_same_bits(both[place].array, getattr(reference, op.__name__)(a, b).astype(np.float32))


def test_scale(isa: str, num_threads: int) -> None:
    for columns in TAILS:
        rows = rows_of(columns, num_threads)
        x, y = normal(rows, columns), empty(rows + columns % 3, columns)
        run(Scale(tensor(x, y.rows), y, factor=0.3), y, rows=rows)
        assert_close(written(y, rows), reference.Scale(x, 0.3), np.abs(x), 1e-7)


@pytest.mark.parametrize("groups", [1, 3])
def test_concatenate(isa: str, num_threads: int, groups: int) -> None:
    """Joined and taken apart again; the rows that a run does not have stay as they are."""
    for width in (1, 2, 7, 40):
        widths = [groups * w for w in (width, 1, 5)]
        rows = rows_of(sum(widths), num_threads)
        xs = [normal(rows, w, start=i) for i, w in enumerate(widths)]
        y = empty(rows + width % 3, sum(widths))
        run(Concatenate(y, *(tensor(x, y.rows) for x in xs), groups=groups), y, rows=rows)
        assert_same_bits(written(y, rows), reference.Concatenate(*xs, groups=groups).astype(np.float32))
        parts = [empty(y.rows, w) for w in widths]
        run(ConcatenateGradient(y, *parts, groups=groups), *parts, rows=rows)
        twins = reference.ConcatenateGradient(written(y, rows), *widths, groups=groups)
        for part, x, twin in zip(parts, xs, twins, strict=True):
            assert_same_bits(written(part, rows), x)
            assert_same_bits(written(part, rows), twin.astype(np.float32))


def test_same_bits_on_threads(isa: str) -> None:
    def pair() -> tuple[Add, Tensor]:
        y = empty(FOUR + 5)
        return Add(tensor(normal(FOUR + 5)), tensor(normal(FOUR + 5, start=1)), y), y

    def joined() -> tuple[Concatenate, Tensor]:
        y = empty(FOUR // 5, 5)
        return Concatenate(y, tensor(normal(FOUR // 5, 2)), tensor(normal(FOUR // 5, 3)), groups=1), y

    assert_same_on_threads(pair)
    assert_same_on_threads(joined)


def test_nan_and_infinity(isa: str) -> None:
    """A NaN in whole vectors and in the tail, alone among its neighbours."""
    for columns in (1, 9, 40):
        for place in range(columns):
            a, b, y = normal(columns).copy(), normal(columns, start=1), empty(columns)
            a[place] = np.nan
            pairs = [op(tensor(b), tensor(a), y) for op in (Add, Subtract, Multiply)]
            for op in (*pairs, Scale(tensor(a), y, factor=2)):
                run(op, y)
                assert (np.isnan(y.array) == np.isnan(a)).all()


def test_arguments_are_checked() -> None:
    x, other, whole = Tensor((4, 3)), Tensor((3, 4)), Tensor((4, 6))
    for op in (Add, Subtract, Multiply):
        with pytest.raises(ValueError, match=rf"{op.__name__}: expected equal shapes, got \(4, 3\), \(3, 4\)"):
            op(x, other, x)
    with pytest.raises(ValueError, match="equal shapes"):
        Scale(x, other, factor=1.0)
    for parts, groups in (([x], 1), ([x, other], 1), ([x, x, x], 1), ([x, x], 2), ([x, x], 0)):
        for op in (Concatenate, ConcatenateGradient):
            with pytest.raises(ValueError, match=rf"{op.__name__}: parts .* do not make \(4, 6\)"):
                op(whole, *parts, groups=groups)
    with pytest.raises(TypeError, match="float32"):
        Concatenate(whole, x, Tensor((4, 3), "int32"))


INPUTS = [fnn.Input((2, 3)), fnn.Input((2, 3)), fnn.Input((2, 5))]


def test_shapes_of_layers() -> None:
    a, b, c = INPUTS
    assert fnn.Add()([a, b, a]).shape == (2, 3)
    assert fnn.Multiply()([a, b]).shape == (2, 3)
    for axis in (-1, 2):
        assert fnn.Concatenate(axis)([a, c, b]).shape == (2, 11)
    for axis in (-2, 1):
        assert fnn.Concatenate(axis)([a, b]).shape == (4, 3)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda a, b, c: fnn.Add()([a, c]), ValueError, r"Add\(\): cannot join \(batch, 2, 3\) and \(batch, 2, 5\)"),
        (lambda a, b, c: fnn.Multiply()([a, c]), ValueError, r"Multiply\(\): cannot join"),
        (lambda a, b, c: fnn.Concatenate(1)([a, c]), ValueError, r"Concatenate\(1\): cannot join"),
        (lambda a, b, c: fnn.Concatenate(3)([a, b]), ValueError, r"Concatenate\(3\): cannot join"),
        (lambda a, b, c: fnn.Concatenate(-3)([a, b]), ValueError, r"Concatenate\(-3\): cannot join"),
        (lambda a, b, c: fnn.Concatenate(0), ValueError, "axis 0 is the batch"),
        (lambda a, b, c: fnn.Concatenate(1.0), TypeError, "axis must be an integer"),
        (lambda a, b, c: fnn.Add()(a), ValueError, "two or more inputs, got 1"),
        (lambda a, b, c: fnn.Multiply()([]), ValueError, "two or more inputs, got 0"),
        (lambda a, b, c: fnn.Concatenate()([a]), ValueError, "two or more inputs, got 1"),
        (lambda a, b, c: fnn.Flatten()([a, b]), ValueError, r"Flatten\(\): takes one input, got 2"),
        (lambda a, b, c: fnn.Flatten()(np.ones((3, 2))), TypeError, "Flatten.*call it on an Input"),
        (lambda a, b, c: fnn.Add()([a, "b"]), TypeError, "Add.*call it on an Input.*'b'"),
    ],
)
def test_what_does_not_join(make: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make(*INPUTS)  # type: ignore[operator]


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_concatenate_along_each_axis(axis: int) -> None:
    """As NumPy joins them."""
    rng = np.random.default_rng(axis)
    shapes = [[2, 3, 4], [2, 3, 4]]
    shapes[1][axis - 1] += 2
    x = [rng.standard_normal((7, *shape)).astype(np.float32) for shape in shapes]
    symbols = [fnn.Input(shape) for shape in shapes]
    net = fnn.Network(symbols, fnn.Concatenate(axis)(symbols))
    np.testing.assert_array_equal(net.predict(x), np.concatenate(x, axis))
