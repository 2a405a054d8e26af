"""Profiles: what they say, and that nothing is left changed."""

import contextlib

import numpy as np

from check import Copy, normal, python, tensor
from fastnn.engine.plan import Plan
from fastnn.engine.port import Port
from fastnn.engine.tensor import Tensor
from fastnn.kernels import SGD, ElementwiseLoss, Gather
from fastnn.kernels.gather import CHECKS


class Training:
    """A step of gradient descent on the mean square of x - parameters."""

    def __init__(self) -> None:
        self.parameters, gradients = tensor(normal(8, 3)), Tensor((8, 3))
        self.loss = ElementwiseLoss(self.parameters, Tensor((8, 3)), gradients, loss="mse")
        self.plan = Plan([self.loss, SGD(self.parameters, gradients)], kept=[self.parameters])


def test_profile_puts_back_what_is_kept() -> None:
    training = Training()
    profile = training.plan.profile(repeats=3)
    assert (training.parameters.array == normal(8, 3)).all()
    assert profile.rows == 8 and [op.op for op in profile.ops] == [repr(op) for op in training.plan.ops]
    assert all(op.seconds > 0 and op.flops > 0 and op.gigaflops > 0 for op in profile.ops)
    assert profile.seconds == sum(op.seconds for op in profile.ops)
    assert [op.nbytes for op in profile.ops] == [3 * 96, 2 * 96] and all(op.gigabytes > 0 for op in profile.ops)
    lines = str(profile).split("\n")
    assert len(lines) == 4 and "8 rows" in lines[0] and "SGD" in lines[2] and lines[3].endswith("GFLOP/s")
    assert profile.peak > 1 and f"{profile.ops[0].gigaflops / profile.peak:.1%}" in lines[1]


def test_profile_leaves_meters_alone() -> None:
    training = Training()
    training.loss()
    before = training.loss.last, training.loss.total, training.loss.count
    training.plan.profile(repeats=3)
    assert (training.loss.last, training.loss.total, training.loss.count) == before


def test_profile_lends_arrays_and_takes_them_back() -> None:
    copy = Copy()
    copy.plan.profile(repeats=2)
    assert copy.x.array is None and copy.y.array is None and copy.x.rows == 0
    x, y = copy.attach(10)
    copy.plan.profile(repeats=2)
    assert copy.x.array is x and copy.y.array is y


def test_profile_does_not_read_beyond_a_short_array() -> None:
    """Arrays of fewer rows than the capacity are refused or left aside: the profile is of full batches."""
    copy = Copy()
    whole = np.full((4, 3), 7, np.float32)
    copy.x.attach(normal(2, 3))
    copy.y.attach(whole[:2])
    with contextlib.suppress(ValueError):
        copy.plan.profile(repeats=1)
    assert (whole[2:] == 7).all()


def test_profile_of_probability_targets() -> None:
    """The arrays that it lends pass every check."""
    for check in CHECKS:
        port, y = Port("targets", 3), Tensor((4, 3))
        profile = Plan([Gather(port, y, check=check)], [port]).profile(repeats=1)
        assert len(profile.ops) == 1 and port.array is None


def test_profile_lends_outputs_of_their_type() -> None:
    """Classes go out as int64. In a process of its own, for a float32 array is too short for them."""
    result = python("""
from fastnn.kernels import Classes, Scatter
from fastnn.engine.plan import Plan
from fastnn.engine.port import Port
from fastnn.engine.tensor import Tensor
for rows in (500, 5000, 50_000):
    x, y, port = Tensor((rows, 3)), Tensor((rows,), "int32"), Port("classes", 1)
    Plan([Classes(x, y), Scatter(y, port)], [port]).profile(repeats=2)
""")
    assert result.returncode == 0, (result.returncode, result.stderr)
