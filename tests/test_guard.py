"""What a failed or refused call leaves behind, and what it must not hold."""

import gc
import weakref

import numpy as np
import pytest

import fastnn as fnn
from fastnn.model.request import Kind, Request


def classifier() -> fnn.Sequential:
    return fnn.Sequential([fnn.Dense(3, "softmax")], input_shape=(2,), seed=0).compile("adam", "cross_entropy")


def test_a_refused_first_call_builds_nothing() -> None:
    """Nor does one whose data turn out to be bad: the next data decide."""
    net = fnn.Sequential([fnn.Dense(3)]).compile("sgd", "mse")
    with pytest.raises(ValueError, match="values, not classes"):
        net.classify(np.ones((2, 4)))
    assert net.input_shape is None
    with pytest.raises(ValueError, match="nan"):
        net.train_on_batch(np.full((2, 4), np.nan), np.ones((2, 3)))
    assert net.input_shape is None
    assert net.predict(np.ones((2, 5))).shape == (2, 3)


def test_nan_weights_have_no_classes() -> None:
    net = classifier()
    net.weights["dense_0.weight"][0, 1] = np.nan
    with pytest.raises(ValueError, match="is NaN"):
        net.classify(np.ones((4, 2)))


def test_memory_is_freed_without_a_collection() -> None:
    """A network, its plans and their arenas hold no cycle."""
    net = classifier()
    gc.disable()
    try:
        net.fit(np.ones((4, 2)), [0, 1, 2, 0], verbose=0)
        program = net.pool.lease(net, Request(Kind.TRAIN, (True,)), 1)
        plan = weakref.ref(program.plan)
        net.pool.give_back(program)
        del program
        net.train_on_batch(np.ones((40, 2)), [0] * 40)
        assert plan() is None, "the smaller plan was replaced"
        held = weakref.ref(net)
        del net
        assert held() is None
    finally:
        gc.enable()


def test_profile_holds_the_network() -> None:
    """What another thread trained meanwhile would be lost: refused instead."""
    net = classifier()
    plan = net.plan(4, training=True)
    with net.guard.reading("something"), pytest.raises(RuntimeError, match="profile"):
        plan.profile(1)
    plan.profile(1)


def test_a_training_plan_of_ones_own_holds_the_network() -> None:
    """Its run updates the parameters: refused during another use of them."""
    net = classifier()
    plan = net.plan(4, training=True)
    x, y = plan.ports
    x.attach(np.ones((4, 2), np.float32))
    y.attach(np.zeros(4, np.int64))
    with net.guard.reading("something"), pytest.raises(RuntimeError, match=r"Plan\.run"):
        plan.run(4, 4, rates=np.full(1, 0.1))
    before = net.parameters.copy()
    plan.run(4, 4, rates=np.full(1, 0.1))
    assert (net.parameters != before).any()
