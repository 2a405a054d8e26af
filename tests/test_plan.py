"""Plans: steps, chunks, order, errors, profile; ports; the instruction set."""

import gc

import numpy as np
import pytest

from check import Copy, assert_margins, normal, python, tensor
from fastnn import kernels
from fastnn.engine.op import Op, get_isa, levels, set_isa
from fastnn.engine.plan import Plan
from fastnn.engine.port import Port, reads, takes
from fastnn.engine.tensor import Tensor
from fastnn.kernels import Activation, Classes, Gather


def test_a_run_covers_all_samples() -> None:
    copy = Copy()
    for samples in range(1, 13):
        for batch in range(1, 5):
            x, y = copy.attach(samples)
            assert copy.plan.run(samples, batch, pause=60) == samples == copy.plan.position
            assert (y == np.maximum(x, 0)).all()


def test_a_run_returns_at_step_boundaries() -> None:
    copy = Copy()
    x, y = copy.attach(10)
    for position in (3, 6, 9, 10):
        assert copy.plan.run(10, 3, copy.plan.position, pause=0) == position == copy.plan.position
        assert (y[:position] == np.maximum(x[:position], 0)).all() and np.isnan(y[position:]).all()


def test_a_run_returns_in_time() -> None:
    copy = Copy(1, 1)
    copy.attach(1_000_000)
    position = 0
    calls = 0
    while position < 1_000_000:
        position = copy.plan.run(1_000_000, 1, position, pause=0.005)
        calls += 1
    assert calls > 1


def test_a_run_takes_a_part() -> None:
    copy = Copy()
    x, y = copy.attach(10)
    copy.plan.run(8, 3, 2, pause=60)
    assert (y[2:8] == np.maximum(x[2:8], 0)).all() and np.isnan(y[:2]).all() and np.isnan(y[8:]).all()


def test_order() -> None:
    copy = Copy()
    x, y = copy.attach(10)
    for order in (np.arange(10)[::-1].copy(), np.array([3, 3, 3, 0, 9, 9, 1])):
        y[...] = np.nan
        copy.plan.run(len(order), 4, order=order, pause=60)
        assert (y[: len(order)] == np.maximum(x[order], 0)).all() and np.isnan(y[len(order) :]).all()


def test_an_order_may_be_longer_than_the_array() -> None:
    rows, x = Tensor((4, 3)), Port("x", 3)
    copy = Plan([Gather(x, rows)], [x])
    x.attach(normal(2, 3))
    order = np.array([0, 1, 1, 0, 1, 1, 0, 0])
    copy.run(8, 4, order=order, pause=60)
    assert (rows.array == x.array[order[4:]]).all()


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        ((10, 0), {}, r"cannot run samples 0 to 10 in batches of 0, at most 4"),
        ((10, 5), {}, "in batches of 5, at most 4"),
        ((10, 4, 10), {}, "cannot run samples 10 to 10"),
        ((10, 4, -1), {}, "cannot run samples -1 to 10"),
        ((0, 4), {}, "cannot run samples 0 to 0"),
        ((10, 4), {"order": np.arange(9)}, "expected an int64 order of 10 rows, got"),
        ((10, 4), {"order": np.arange(10, dtype=np.int32)}, "expected an int64 order"),
        ((10, 4), {"order": np.arange(20)[::2]}, "expected an int64 order"),
        ((10, 4), {"rates": np.ones(2)}, "a float64 learning rate for each step"),
        ((10, 4), {"rates": np.ones(3, np.float32)}, "a float64 learning rate for each step"),
        ((10, 4), {"rates": np.ones(6)[::2]}, "a float64 learning rate for each step"),
    ],
)
def test_a_run_that_cannot_be(arguments: tuple[int, ...], settings: dict[str, np.ndarray], message: str) -> None:
    copy = Copy()
    _, y = copy.attach(10)
    with pytest.raises(ValueError, match=message):
        copy.plan.run(*arguments, **settings)
    assert np.isnan(y).all()
    copy.plan.run(10, 4, order=np.arange(10), rates=np.ones(3), pause=60)
    assert not np.isnan(y).any()


def test_a_run_needs_its_arrays() -> None:
    copy = Copy()
    copy.x.attach(normal(10, 3))
    with pytest.raises(ValueError, match="y: 0 rows are attached"):
        copy.plan.run(10, 4)


@pytest.mark.parametrize("order", [None, [0, 1, 2, 3, 9, 8, 10], [0, 1, 2, 3, -1], [0, 1, 2, 3, 2**62]])
def test_a_run_that_comes_to_its_arrays_end(order: list[int] | None) -> None:
    """Seen at once, or where an order leads beyond them: then the steps before are done."""
    copy = Copy()
    x, y = copy.attach(10)
    samples, settings = (11, {}) if order is None else (len(order), {"order": np.array(order)})
    with pytest.raises(ValueError, match="x: 10 rows are attached"):
        copy.plan.run(samples, 4, pause=60, **settings)
    done = copy.plan.position
    assert done == (0 if order is None else samples // 4 * 4)
    assert (y[:done] == np.maximum(x[:done], 0)).all() and np.isnan(y[done:]).all()


def test_an_error_stops_the_run() -> None:
    """At the step in which it is found, before the ops that follow; the next run is free of it."""
    copy = Copy()
    x, y = copy.attach(10)
    x = x.copy()
    x[5, 1] = np.nan
    copy.x.attach(x)
    with pytest.raises(ValueError, match=r"x\[5, 1\] is nan"):
        copy.plan.run(10, 4, pause=60)
    assert copy.plan.position == 4
    assert not np.isnan(y[:4]).any() and np.isnan(y[4:]).all()
    with pytest.raises(ValueError, match=r"x\[5, 1\] is nan"):
        copy.ops[0]()
    x[5, 1] = 1
    assert copy.plan.run(10, 4, copy.plan.position, pause=60) == 10
    copy.ops[0]()
    assert (y == np.maximum(x, 0)).all()


def test_an_op_belongs_to_one_plan() -> None:
    copy = Copy()
    with pytest.raises(ValueError, match=r"Gather.* already belongs to a plan"):
        Plan(copy.ops)
    new = Activation(copy.rows, copy.rows, "relu")
    with pytest.raises(ValueError, match="already belongs to a plan"):
        Plan([new, copy.ops[1]])
    Plan([new])  # what was refused has bound nothing


def test_an_op_outlives_its_plan() -> None:
    x = Tensor((4, 3))
    op = Activation(x, x, "relu")
    Plan([op]).run(1, 1)
    gc.collect()
    assert Plan([op]).run(4, 4) == 4


def test_a_plan_is_built_once_and_of_ops() -> None:
    copy = Copy()
    with pytest.raises(RuntimeError, match="a Plan cannot be initialized twice"):
        copy.plan.__init__([Activation(copy.rows, copy.rows, "relu")])
    with pytest.raises(ValueError, match="at least one Op"):
        Plan([])
    with pytest.raises((TypeError, AttributeError)):
        Plan([copy])
    with pytest.raises((TypeError, AttributeError)):
        Plan([Activation(copy.rows, copy.rows, "relu"), "relu"])


def test_every_op_holds_the_rows_of_the_plan() -> None:
    """A run of eight rows would write beyond a tensor of four: refused when built, or when run."""
    large, small = tensor(np.zeros((8, 3))), tensor(np.zeros((4, 3)))
    ops = [Activation(large, large, "relu"), Activation(small, small, "sigmoid")]
    with pytest.raises(ValueError):
        Plan(ops).run(8, 8)
    assert_margins(small)


def test_repr() -> None:
    copy = Copy()
    copy.ops[1].layer = "first"
    lines = [
        "Plan of 3 ops, 4 rows, 48 bytes",
        "Gather((4, 3))",
        "first: Activation((4, 3), (4, 3))",
        "Scatter((4, 3))",
    ]
    assert repr(copy.plan).split("\n") == lines
    assert copy.plan.ops == tuple(copy.ops) and copy.plan.ports == (copy.x, copy.y)
    assert copy.plan.capacity == 4 and copy.plan.nbytes == 48


def test_capacity_and_flops() -> None:
    x, weight, y = Tensor((4, 3)), Tensor((3, 5)), Tensor((4, 5))
    op = kernels.Dense(x, weight, None, y)
    assert op.capacity == 4 and op.flops == 2 * 4 * 3 * 5
    plan = Plan([op])
    plan.run(2, 2)
    assert op.flops == 2 * 2 * 3 * 5


def test_port_refuses_what_it_cannot_hold() -> None:
    port = Port("x", 3)
    types = ["longdouble", "complex64", "object", "U3", "datetime64[s]"]
    others = [[[1.0, 2.0, 3.0]], None, memoryview(bytes(12)), np.ma.zeros((4, 3))]
    for array in (*(np.zeros((4, 3), dtype) for dtype in types), *others):
        assert not takes(array) and not reads(array)
        with pytest.raises(TypeError, match="x: expected an array of a dtype that a Port reads, got"):
            port.attach(array)
    for shape in ((4, 2), (4,), (), (3, 4), (4, 3, 2)):
        with pytest.raises(ValueError, match="x: expected rows of 3 elements, got"):
            port.attach(np.zeros(shape))
    assert port.array is None and port.rows == 0
    unordered = [np.zeros((3, 2)).T, np.zeros((2, 6))[:, ::2], np.zeros((2, 3), ">f4")]
    types = ["float32", "float16", "bool", "int8", "uint64", "longlong"]
    for array in (np.zeros((2, 1, 3)), *unordered, *(np.zeros((2, 3), dtype) for dtype in types)):
        assert reads(array) and takes(array) == (array.dtype.isnative and array.flags.c_contiguous)
        port.attach(array)
        assert port.rows == 2 and port.array is array and (port.name, port.columns) == ("x", 3)


def test_port_holds_the_array() -> None:
    port, array = Port("x", 3), np.zeros((4, 3))
    port.attach(array)
    with pytest.raises(ValueError, match="cannot resize"):
        array.resize((8, 3), refcheck=False)
    port.detach()
    array.resize((8, 3), refcheck=False)
    assert array.shape == (8, 3)


def test_isa() -> None:
    assert get_isa() in levels() and len(set(levels())) == len(levels())
    with pytest.raises(ValueError, match=f"{', '.join(levels())}, not 'nonsense'"):
        set_isa("nonsense")
    assert get_isa() in levels()


def test_isa_of_the_environment() -> None:
    show = "from fastnn.engine.op import get_isa; print(get_isa())"
    for level in levels():
        assert python(show, FASTNN_ISA=level).stdout.strip() == level
    assert python(show, FASTNN_ISA="").stdout.strip() == levels()[0]
    refused = python(show, FASTNN_ISA="nonsense")
    assert refused.returncode == 1 and "ImportError" in refused.stderr.splitlines()[-1]
    assert all(name in refused.stderr.splitlines()[-1] for name in (*levels(), "nonsense"))


def test_none_is_refused() -> None:
    """Wherever a tensor or a port must be. In a process of its own, for it may crash."""
    result = python("""
from fastnn import kernels
from fastnn.engine.tensor import Tensor
counts = dict(Dense=4, Adam=4, Accuracy=2, Activation=2, Classes=2, Dropout=2, Elementary=2, Gather=2, GatherLabels=2)
counts |= dict(Scale=2, Scatter=2, SGD=2, Softmax=2)  # 3 for the others
counts |= dict(ElementwiseLoss=2, PeakSignalToNoise=2, RootMeanSquaredError=2, SoftTargets=4, TopAccuracy=2)
counts |= dict(Adadelta=4, Average=2, Clip=1, MaxNorm=1, Nadam=4, Penalties=0, Rprop=4, SquaredNorm=1, Zero=1)
counts |= dict(PositionsGradient=2)
settings = dict(Dropout=dict(rate=0.5, seed=1, stream=1), GatherLabels=dict(classes=3), Scale=dict(factor=2.0))
settings |= dict(Average=dict(decay=0.9), Clip=dict(limit=1.0), ClipNorm=dict(limit=1.0), MaxNorm=dict(limit=1.0))
settings |= dict(ElementwiseLoss=dict(loss="mse"), OwnLoss=dict(function=print, name="print"), TopAccuracy=dict(k=5))
settings |= dict(PeakSignalToNoise=dict(data_range=1.0))
last = dict(Activation=["relu"], ActivationGradient=["relu"], Elementary=["exp"])
bad = []
for name in kernels.__all__:
    if not isinstance(getattr(kernels, name), type):
        continue
    count = counts.get(name, 3)
    for missing in range(count):
        if (name, missing) in (("Dense", 2), ("DenseWeightGradient", 3), ("OwnLoss", 1), ("Penalty", 2)):
            continue
        print(name, missing, flush=True)
        arguments = [Tensor((3, 3)) if i != missing else None for i in range(count)]
        try:
            getattr(kernels, name)(*arguments, *last.get(name, []), **settings.get(name, {}))
            bad.append((name, missing, "accepted"))
        except (TypeError, ValueError):
            pass
        except Exception as error:
            bad.append((name, missing, repr(error)))
assert not bad, bad
""")
    assert result.returncode == 0, (result.returncode, result.stdout.split("\n")[-2], result.stderr)


def test_op_and_classes_are_what_they_say() -> None:
    named = [getattr(kernels, name) for name in kernels.__all__]
    assert all(issubclass(each, Op) for each in named if isinstance(each, type))
    assert repr(Classes(Tensor((4, 3)), Tensor((4,), "int32"))) == "Classes((4, 3), (4,))"
