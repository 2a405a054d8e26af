"""Rows of users' arrays into a plan and out of it: every type, order and tail, and what is refused."""

import numpy as np
import pytest
from numpy.typing import NDArray

import reference
from check import (
    TAILS,
    assert_same_bits,
    assert_same_on_threads,
    empty,
    generator,
    normal,
    python,
    run,
    tensor,
    written,
)
from fastnn.engine.op import Op
from fastnn.engine.plan import Plan
from fastnn.engine.port import TYPES, Port
from fastnn.engine.tensor import Tensor
from fastnn.kernels import Adam, Gather, GatherLabels, Scatter

# Elements enough for two threads, and for four.
TWO, FOUR = 125_000, 250_000
#: A label that the type holds.
LARGEST = {dtype: {"bool": 2, "int8": 127}.get(dtype, 200) for dtype in TYPES}
every_type = pytest.mark.parametrize("dtype", TYPES)


def attached(array: NDArray, name: str = "x") -> Port:
    port = Port(name, array[0].size)
    port.attach(array)
    return port


def data(rows: int, columns: int, dtype: str) -> NDArray:
    """Numbers that float32 does not hold exactly, where the type has such."""
    if dtype == "bool":
        return generator(rows, columns).integers(2, size=(rows, columns)).astype(bool)
    if np.dtype(dtype).kind in "iu":
        limits = np.iinfo(dtype)
        return generator(rows, columns).integers(limits.min, limits.max, (rows, columns), dtype)
    return generator(rows, columns).standard_normal((rows, columns)).astype(dtype)


@every_type
def test_gather(isa: str, num_threads: int, dtype: str) -> None:
    for columns in TAILS if num_threads == 1 else (*range(1, 71, 9), 64):
        rows = 5 if num_threads == 1 else TWO // columns + columns
        array, first = data(rows + 4, columns, dtype), columns % 4
        order = generator(columns).permutation(rows + 4)
        for taken in (None, order):
            y = empty(rows + columns % 3, columns)
            run(Gather(attached(array), y), y, rows=rows, first=first, order=taken)
            assert_same_bits(written(y, rows), reference.Gather(array, rows, first, taken).astype(np.float32))


@every_type
def test_gather_labels(isa: str, num_threads: int, dtype: str) -> None:
    for rows in TAILS if num_threads == 1 else (TWO, TWO + 37):
        array, first = generator(rows).integers(LARGEST[dtype], size=rows + 4).astype(dtype), rows % 4
        order = generator(rows).permutation(rows + 4)
        for taken in (None, order):
            y = empty(rows + rows % 3, dtype="int32")
            op = GatherLabels(attached(array if rows % 2 else array[:, None]), y, classes=200)
            run(op, y, rows=rows, first=first, order=taken)
            assert_same_bits(written(y, rows), reference.GatherLabels(array, rows, first, taken))


@every_type
def test_same_bits_on_threads(isa: str, dtype: str) -> None:
    array = data(FOUR // 10, 10, dtype)

    def rows() -> tuple[Gather, Tensor]:
        y = empty(*array.shape)
        return Gather(attached(array), y), y

    def labels() -> tuple[GatherLabels, Tensor]:
        y = empty(array.size, dtype="int32")
        return GatherLabels(attached(np.arange(array.size) % 100), y, classes=100), y

    assert_same_on_threads(rows)
    assert_same_on_threads(labels)


class Stopped:
    """A plan of a gather and an Adam that would change `parameters`, over an array of 10 rows in batches of 4."""

    def __init__(self, op: Op, port: Port) -> None:
        self.parameters = tensor(np.ones((1, 3)))
        adam = Adam(self.parameters, tensor(np.ones((1, 3))), Tensor((1, 3)), Tensor((1, 3)))
        self.plan, self.port = Plan([op, adam], [port]), port

    def expect(self, array: NDArray, message: str | None, order: NDArray[np.int64] | None = None) -> None:
        """The run is stopped with the message, None: it is not. Steps before the bad one are done, it is not."""
        self.port.attach(array)
        self.parameters.array[...] = 1
        updates = np.full(3, 0.5)
        if message is None:
            assert self.plan.run(10, 4, order=order, rates=updates, pause=60) == 10
            return
        with pytest.raises(ValueError) as caught:
            self.plan.run(10, 4, order=order, rates=updates, pause=60)
        assert message in str(caught.value)
        done = self.plan.position
        assert done % 4 == 0 and (self.parameters.array == 1).all() == (done == 0)


def test_data_that_are_not_finite(isa: str) -> None:
    for columns in (1, 3, 16, 33):
        port = Port("pictures", columns)
        stopped = Stopped(Gather(port, Tensor((4, columns))), port)
        order = np.arange(10)[::-1].copy()
        for value, text in ((np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf"), (1e300, "inf")):
            for row, column in ((0, 0), (3, columns - 1), (5, columns // 2), (9, 0)):
                array = data(10, columns, "float64")
                array[row, column] = value
                message = f"pictures[{row}, {column}] is {text} as float32"
                stopped.expect(array, message)
                stopped.expect(array, message, order)
                assert stopped.plan.position == (9 - row) // 4 * 4
                if abs(value) != 1e300:
                    stopped.expect(array.astype(np.float32), message, order)
        stopped.expect(data(10, columns, "float32"), None)  # the plan can be used again


def test_the_first_bad_element_is_named_on_any_number_of_threads(isa: str, num_threads: int) -> None:
    array = normal(TWO // 10, 10).copy()
    array[2000:, 4:] = np.nan
    for _ in range(5):
        with pytest.raises(ValueError, match=r"x\[2000, 4\] is nan"):
            Gather(attached(array), Tensor(array.shape))()


def test_unchecked_data_pass(isa: str) -> None:
    array, y = np.float32([[np.nan, np.inf, -np.inf, 1e-45, -0.0]]), empty(1, 5)
    run(Gather(attached(array), y, check="unchecked"), y)
    assert_same_bits(y.array, array)


@pytest.mark.parametrize("check", ["unit", "distribution"])
def test_probabilities(isa: str, check: str) -> None:
    for columns in (2, 5, 16, 33):
        port = Port("targets", columns)
        stopped = Stopped(Gather(port, Tensor((4, columns)), check=check), port)
        good = reference.Softmax(normal(10, columns))
        for array in (good, good.astype(np.float32), np.eye(columns)[np.arange(10) % columns]):
            stopped.expect(array, None)
        for value, complaint in (
            (-1e-6, "probability"),
            (1.0001, "probability"),
            (np.nan, "remove"),
            (np.inf, "remove"),
        ):
            array = good.copy()
            array[6, columns - 1] = value
            stopped.expect(array, f"targets[6, {columns - 1}] is {value:g} as float32; ")
            stopped.expect(array, complaint)
        for factor in (0.99, 1.01):
            array = good * [[1 if row != 6 else factor] for row in range(10)]
            distribution = "targets[6] is not a distribution" if check == "distribution" else None
            stopped.expect(np.minimum(array, 1), distribution)


BOUNDS = [
    ("nonnegative", [0, 3e38], [-1e-30]),
    ("signed", [-1, 1], [-1.01, 1.01, 0.3, 0.5, -0.9999999, 1e-45]),
    ("signed", [0, 1], [2, 0.9999999, -1e-30]),
]


@pytest.mark.parametrize(("check", "good", "bad"), BOUNDS)
def test_bounds(isa: str, check: str, good: list[float], bad: list[float]) -> None:
    for columns in (1, 5, 33):
        port = Port("targets", columns)
        stopped = Stopped(Gather(port, Tensor((4, columns)), check=check), port)
        array = np.full((10, columns), good[0], np.float32)
        array[:, columns // 2] = good[1]
        stopped.expect(array, None)
        for value in (*bad, np.nan, np.inf):
            array[6, columns - 1] = value
            stopped.expect(array, "targets[6")


@every_type
def test_ignored_labels(isa: str, dtype: str) -> None:
    """Where the label is the one that is ignored, y and kept are 0; elsewhere kept is the weight, or 1."""
    for rows in (1, 5, 70):
        array = (np.arange(rows) % 4).astype(dtype)
        for ignore in (1,) if dtype == "bool" else (2, LARGEST[dtype]):
            array[::3] = ignore
            for weight in (None, normal(rows, 1)):
                y, kept = empty(rows + 1, dtype="int32"), empty(rows + 1, 1)
                given = None if weight is None else tensor(weight, rows + 1)
                op = GatherLabels(attached(array), y, given, kept, classes=4, ignore=ignore)
                run(op, y, kept, rows=rows)
                assert (written(y, rows) == np.where(array == ignore, 0, array)).all()
                wanted = np.float32(1 if weight is None else weight[:, 0])
                assert (written(kept, rows)[:, 0] == np.where(array == ignore, 0, wanted)).all()
            array[::3] = 0


def test_ignore_and_kept_go_together() -> None:
    port, y = Port("y", 1), Tensor((4,), "int32")
    for kept, ignore in ((None, 1), (Tensor((4, 1)), None)):
        with pytest.raises(ValueError, match="ignore and kept go together"):
            GatherLabels(port, y, None, kept, classes=3, ignore=ignore)
    for wrong in (Tensor((3, 1)), Tensor((4, 2))):
        with pytest.raises(ValueError, match="expected a weight for each label of"):
            GatherLabels(port, y, wrong, Tensor((4, 1)), classes=3, ignore=1)


@every_type
def test_labels_that_are_none(isa: str, dtype: str) -> None:
    port = Port("labels", 1)
    stopped = Stopped(GatherLabels(port, Tensor((4,), "int32"), classes=10), port)
    if dtype == "bool":
        bad = []
    elif np.dtype(dtype).kind in "iu":
        limits = np.iinfo(dtype)
        whole = [-1, 10, 2**31, 2**32, 1 - 2**32, limits.min, limits.max]
        bad = [value for value in whole if limits.min <= value <= limits.max and not 0 <= value < 10]
    else:
        bad = [-1, 10, 1.5, -0.5, 9.99, np.nan, np.inf, -np.inf, 2.0**15, 2.0**31, 2.0**32, -(2.0**63), 3e38]
    order = np.arange(10)[::-1].copy()
    for value in bad:
        for row in (0, 3, 5, 9):
            array = np.arange(10).astype(dtype)
            with np.errstate(over="ignore"):  # of float16
                array[row] = value
            message = f"labels[{row}] is {array[row]}; expected an integer label from 0 to 9"
            stopped.expect(array, message)
            stopped.expect(array, message, order)
            stopped.expect(array.astype(array.dtype.newbyteorder()), message)
            stopped.expect(np.repeat(array, 2)[::2], message, order)
    stopped.expect(np.arange(10).astype(dtype), None)


def test_scatter(isa: str) -> None:
    for columns in TAILS:
        for first in (0, 3):
            x, before = normal(5, columns), np.full((10, columns), 7, np.float32)
            array = before.copy()
            run(Scatter(tensor(x, 6), attached(array)), rows=5, first=first)
            assert_same_bits(array, reference.Scatter(x, before, first))
    classes, array = generator(1).integers(-(2**31), 2**31, 9), np.full(12, 7)
    run(Scatter(tensor(classes, dtype="int32"), attached(array)), rows=9, first=2)
    assert_same_bits(array, reference.Scatter(classes, np.full(12, 7), 2))


def test_scatter_refuses_a_wrong_array() -> None:
    """What does not hold the op's type, or is read-only, is refused when it is attached or run, and not written to."""
    for x, dtype in ((Tensor((2, 3)), "float64"), (Tensor((2, 3)), "int64"), (Tensor((2,), "int32"), "float64")):
        array = np.full(x.shape, 7, dtype)
        with pytest.raises((TypeError, ValueError)):
            port = attached(array)
            Plan([Scatter(x, port)], [port]).run(2, 2)
        assert (array == 7).all()
    array = np.full((2, 3), 7, np.float32)
    array.flags.writeable = False
    with pytest.raises((TypeError, ValueError)):
        port = attached(array)
        Plan([Scatter(Tensor((2, 3)), port)], [port]).run(2, 2)
    assert (array == 7).all()


def test_an_order_does_not_excuse_a_short_output() -> None:
    """A run in order still writes rows one after the other: the output needs them all."""
    x, y = Port("x", 3), Port("y", 3)
    rows = Tensor((4, 3))
    plan = Plan([Gather(x, rows), Scatter(rows, y)], [x, y])
    x.attach(normal(8, 3))
    whole = np.full((8, 3), 7, np.float32)
    y.attach(whole[:4])
    with pytest.raises(ValueError, match=r"y: 4 rows are attached"):
        plan.run(8, 4, order=np.arange(8), pause=60)
    assert (whole[4:] == 7).all()


def test_ops_are_not_run_without_an_array() -> None:
    """An eager call checks the port, as Plan.run does. In a process of its own, for it may crash."""
    for make in (
        "Gather(port, Tensor((4, 3)))",
        "GatherLabels(port, Tensor((4,), 'int32'), classes=3)",
        "Scatter(Tensor((4, 3)), port)",
    ):
        code = f"""
from fastnn.kernels import *
from fastnn.engine.port import TYPES, Port
from fastnn.engine.tensor import Tensor
port = Port("x", {1 if "Labels" in make else 3})
try:
    {make}()
except ValueError as error:
    assert "x: 0 rows" in str(error), error
else:
    raise AssertionError
"""
        result = python(code)
        assert result.returncode == 0, (make, result.returncode, result.stderr)


def test_arguments_are_checked() -> None:
    port, label = Port("x", 3), Port("labels", 1)
    with pytest.raises(ValueError, match=r"Gather: x has rows of 3 elements, y is \(4, 2\)"):
        Gather(port, Tensor((4, 2)))
    with pytest.raises(ValueError, match="Gather: unknown check 'odd'; known: unchecked, finite, unit, distribution"):
        Gather(port, Tensor((4, 3)), check="odd")
    with pytest.raises(TypeError, match="float32"):
        Gather(port, Tensor((4, 3), "int32"))
    for width in (0, 2, 4):
        with pytest.raises(ValueError, match=f"Gather: rows of 3 elements cannot be divided by a width of {width}"):
            Gather(port, Tensor((4, 3)), width=width)
    for wrong in ((port, Tensor((4,), "int32")), (label, Tensor((4,))), (label, Tensor((4, 2), "int32"))):
        with pytest.raises(ValueError, match=r"GatherLabels: expected an int32 y for \d labels a row"):
            GatherLabels(*wrong, classes=3)
    for classes in (0, -1, 2**31):
        with pytest.raises(ValueError, match="GatherLabels: classes must be from 1"):
            GatherLabels(label, Tensor((4,), "int32"), classes=classes)
    for x in (Tensor((4, 2)), Tensor((4, 3), "uint8")):
        with pytest.raises(ValueError, match="Scatter: x has rows of 3 elements"):
            Scatter(x, port)
