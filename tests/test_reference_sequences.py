"""The twins of the Ops of sequences: their gradients by central differences, and their order."""

from collections.abc import Callable

import numpy as np
import pytest

import reference_sequences as twins
from check import generator
from reference import Array
from test_reference import assert_gradient, draw

LENGTHS = (2, 4, 1, 4)
UNITS, STEPS = 3, sum(LENGTHS)
every_way = pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])


def test_steps_by_hand() -> None:
    steps = [tuple(step) for step in twins.Steps(LENGTHS).tolist()]
    assert steps == [(1, 0), (3, 0), (0, 0), (2, 0), (1, 1), (3, 1), (0, 1), (1, 2), (3, 2), (1, 3), (3, 3)]
    x = np.arange(40).reshape(4, 5, 2)
    parted = twins.ToSteps(x, LENGTHS)
    there = np.arange(5) < np.array(LENGTHS)[:, None]
    np.testing.assert_array_equal(twins.FromSteps(parted, LENGTHS, 5), np.where(there[..., None], x, 0))


def assert_recurrence(
    run: Callable[..., dict[str, Array]],
    gradient: Callable[[dict[str, Array], dict[str, Array]], dict[str, Array]],
    gates: int,
    states: tuple[str, ...],
) -> None:
    """The gradients of z, the weight and the first states, of sums over y and the last states."""
    z, weight, dy = draw((STEPS, gates * UNITS), (UNITS, gates * UNITS), (STEPS, UNITS))
    random = generator(2)
    firsts = {f"{state}0": random.standard_normal((4, UNITS)) for state in states}
    given = {f"last_{state}": random.standard_normal((4, UNITS)) for state in states} | {"y": dy}

    def f(_: Array) -> float:
        results = run(z, weight, LENGTHS, **firsts)
        return float(sum((results[name] * given[name]).sum() for name in given))

    forward = run(z, weight, LENGTHS, **firsts)
    back = gradient(forward, {"weight": weight, **{f"d{name}": d for name, d in given.items()}})
    assert_gradient(back["z"], f, z)
    assert_gradient(forward["before"].T @ back["sums"], f, weight)
    for state in states:
        assert_gradient(back[f"d{state}0"], f, firsts[f"{state}0"])


MASKS = (None, generator(3).standard_normal((4, UNITS)))
every_mask = pytest.mark.parametrize("mask", MASKS, ids=["plain", "mask"])


@every_way
@every_mask
def test_lstm(mask: Array | None, reverse: bool) -> None:
    def gradient(forward: dict[str, Array], given: dict[str, Array]) -> dict[str, Array]:
        weight = given.pop("weight")
        return twins.LSTMGradient(forward["z"], weight, LENGTHS, forward["cells"], **given, mask=mask, reverse=reverse)

    def run(*inputs: Array, **firsts: Array) -> dict[str, Array]:
        return twins.LSTM(*inputs, **firsts, mask=mask, reverse=reverse)

    assert_recurrence(run, gradient, 4, ("h", "c"))


@every_way
@every_mask
def test_gru(mask: Array | None, reverse: bool) -> None:
    def gradient(forward: dict[str, Array], given: dict[str, Array]) -> dict[str, Array]:
        weight = given.pop("weight")
        return twins.GRUGradient(
            forward["z"], weight, LENGTHS, forward["sums"], forward["plain"], **given, mask=mask, reverse=reverse
        )

    def run(*inputs: Array, **firsts: Array) -> dict[str, Array]:
        return twins.GRU(*inputs, **firsts, mask=mask, bias=generator(4).standard_normal(3 * UNITS), reverse=reverse)

    assert_recurrence(run, gradient, 3, ("h",))


@every_way
@every_mask
@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "softplus"])
def test_rnn(activation: str, mask: Array | None, reverse: bool) -> None:
    options = {"mask": mask, "reverse": reverse, "activation": activation}

    def gradient(forward: dict[str, Array], given: dict[str, Array]) -> dict[str, Array]:
        weight = given.pop("weight")
        return twins.RNNGradient(forward["z"], weight, LENGTHS, **given, **options)

    def run(*inputs: Array, **firsts: Array) -> dict[str, Array]:
        return twins.RNN(*inputs, **firsts, **options)

    assert_recurrence(run, gradient, 1, ("h",))


def test_pools() -> None:
    x, dy, factors, dsteps = draw((STEPS, 3), (4, 3), (4, 3), (STEPS, 3))
    assert_gradient(twins.StepMeanGradient(dy, LENGTHS), lambda x: float((twins.StepMean(x, LENGTHS) * dy).sum()), x)
    y, time = twins.StepMaximum(x, LENGTHS)
    assert (y == np.take_along_axis(twins.FromSteps(x, LENGTHS, 4), time[:, None], axis=1)[:, 0]).all()
    assert_gradient(
        twins.StepMaximumGradient(dy, time, LENGTHS),
        lambda x: float((twins.StepMaximum(x, LENGTHS)[0] * dy).sum()),
        x,
    )
    assert_gradient(
        twins.StepMultiply(dsteps, factors, LENGTHS),
        lambda x: float((twins.StepMultiply(x, factors, LENGTHS) * dsteps).sum()),
        x,
    )


@pytest.mark.parametrize("padding", [None, 2])
def test_embedding(padding: int | None) -> None:
    table, dy = draw((5, 3), (7, 3))
    ids = np.array([0, 4, 2, 2, 1, 4, 4])
    assert_gradient(
        twins.EmbeddingGradient(ids, dy, 5, padding=padding),
        lambda table: float((twins.Embedding(ids, table, padding=padding) * dy).sum()),
        table,
    )
