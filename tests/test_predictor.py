"""Predictors: the bits of predict from any thread, snapshots, and what they refuse."""

import copy
import pickle
import threading
import weakref
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import assert_same_bits, normal
from networks import classifier
from test_arrays import LAYOUTS


def deep(features: tuple[int, ...] = (40,), seed: int = 0) -> fnn.Sequential:
    """Every activation, dropout, and a softmax at the end."""
    layers = [fnn.Flatten()] if len(features) > 1 else []
    layers += [fnn.Dense(33, "relu"), fnn.Dropout(0.5), fnn.Dense(70, "tanh"), fnn.Activation("sigmoid")]
    return fnn.Sequential([*layers, fnn.Dense(5, "softmax")], input_shape=features, seed=seed)


def wide() -> fnn.Sequential:
    """Work enough for several threads."""
    layers = [fnn.Dense(256, "relu"), fnn.Dense(130, "tanh"), fnn.Dense(10)]
    return fnn.Sequential(layers, input_shape=(300,), seed=1)


def test_the_bits_of_predict(isa: str, num_threads: int) -> None:
    for net, sizes in ((deep(), (1, 2, 7, 40)), (deep((5, 8)), (1, 3)), (wide(), (1, 15, 127, 128, 129, 500))):
        f = net.freeze(max(sizes))
        for rows in sizes:
            x = normal(rows, *net.input_shape).astype(np.float32)
            expected = net.predict(x)
            assert_same_bits(f(x), expected)
            assert_same_bits(f(x[0]), expected[0])
            out = np.empty_like(expected)
            assert f(x, out=out) is out
            assert_same_bits(out, expected)
            assert np.shares_memory(f(x[0], out=out[0]), out)


def test_each_call_has_an_array_of_its_own() -> None:
    f, x = deep().freeze(), normal(40)
    first, second = f(x), f(-x)
    assert first.shape == (5,) and first.dtype == np.float32 and not np.shares_memory(first, second)


def test_a_snapshot(isa: str) -> None:
    net = classifier()
    f, x, y = net.freeze(8), normal(8, 4), [0, 1, 2, 0, 1, 2, 0, 1]
    before = f(x)
    net.fit(x, y, epochs=3, verbose=0)
    net.weights["dense_0.bias"][...] += 1
    assert_same_bits(f(x), before)
    for _ in range(3):  # into a spare, then into the one before
        net.train_on_batch(x, y)
        f.refresh()
        assert_same_bits(f(x), net.predict(x))
    for row, expected in zip(x, net.predict(x), strict=True):
        assert_same_bits(f(row), expected)


def test_it_outlives_its_network() -> None:
    net, x = classifier(), normal(4)
    f, expected = net.freeze(), net.predict(x[None])[0]
    del net
    assert_same_bits(f(x), expected)


def test_memory_is_freed() -> None:
    net = classifier()
    f = net.freeze(3)
    f.refresh()
    held = weakref.ref(net)
    del net, f
    assert held() is None


@pytest.mark.parametrize("kind", LAYOUTS)
def test_layouts_and_types(kind: str) -> None:
    f, x = deep().freeze(6), np.round(8 * normal(6, 40)).astype(np.float32)
    expected = f(x)
    assert_same_bits(f(LAYOUTS[kind](x)), expected)
    if kind != "tuple of arrays":
        assert_same_bits(f(LAYOUTS[kind](x[0])), expected[0])


@pytest.mark.parametrize("dtype", ["float16", "float64", "int8", "int64", "uint16", ">f4", "longdouble"])
def test_types(dtype: str) -> None:
    f, x = deep().freeze(3), np.abs(np.round(8 * normal(3, 40))).astype(np.float32)
    assert_same_bits(f(x.astype(dtype)), f(x))
    assert_same_bits(f(x[0].astype(dtype).tolist()), f(x[0]))


def test_a_nan_stays_in_its_row() -> None:
    net = deep()
    f, x = net.freeze(4), normal(4, 40).astype(np.float32)
    expected = f(x)
    x[2, 7] = np.nan
    y = f(x)
    assert np.isnan(y[2]).all()
    assert_same_bits(np.delete(y, 2, 0), np.delete(expected, 2, 0))


WRONG_X: list[tuple[Any, type[Exception], str]] = [
    (np.ones(39), ValueError, r"x: expected \(40,\), or \(n, 40\) with n from 1 to 3, got \(39,\)"),
    (np.ones((2, 41)), ValueError, r"got \(2, 41\)"),
    (np.ones((1, 1, 40)), ValueError, r"got \(1, 1, 40\)"),
    (np.ones(()), ValueError, r"got \(\)"),
    (np.ones((0, 40)), ValueError, r"got \(0, 40\)"),
    (np.ones((4, 40)), ValueError, r"up to 3 rows, got 4; make it with freeze\(batch_size=4\)"),
    (np.full(40, "a"), TypeError, "real numbers"),
    (np.ones(40, complex), TypeError, "real numbers"),
    ([[1], [1, 2]], TypeError, "array of numbers"),
    (None, TypeError, "real numbers"),
]


@pytest.mark.parametrize(("x", "error", "message"), WRONG_X)
def test_wrong_input(x: Any, error: type[Exception], message: str) -> None:
    f = deep().freeze(3)
    with pytest.raises(error, match=message):
        f(x)
    assert f(np.ones(40)).shape == (5,)


def readonly(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    ("out", "error", "message"),
    [
        (np.empty((2, 5)), ValueError, r"writable float32 array \(2, 5\) in C order, got float64 \(2, 5\)"),
        (np.empty((2, 4), np.float32), ValueError, r"got float32 \(2, 4\)"),
        (np.empty((3, 5), np.float32), ValueError, r"got float32 \(3, 5\)"),
        (np.empty(10, np.float32), ValueError, r"got float32 \(10,\)"),
        (np.empty((5, 2), np.float32).T, ValueError, r"got not in C order float32 \(2, 5\)"),
        (np.empty((2, 10), np.float32)[:, ::2], ValueError, "not in C order"),
        (np.empty((2, 5), ">f4"), ValueError, "got not in C order|got >f4"),
        (readonly(np.empty((2, 5), np.float32)), ValueError, "read-only"),
        ([[0.0] * 5] * 2, TypeError, "out: expected a float32 array, got list"),
    ],
)
def test_wrong_out(out: Any, error: type[Exception], message: str) -> None:
    f = deep().freeze(3)
    before = np.ascontiguousarray(out)
    with pytest.raises(error, match=message):
        f(np.ones((2, 40)), out=out)
    assert np.ascontiguousarray(out).tobytes() == before.tobytes()


def test_out_that_overlaps_the_input() -> None:
    net = fnn.Sequential([fnn.Dense(4)], input_shape=(4,), seed=0)
    f, memory = net.freeze(2), normal(20).astype(np.float32)
    for x, out in ((memory[:4], memory[:4]), (memory[:4], memory[3:7]), (memory[2:10].reshape(2, 4), memory[:8])):
        with pytest.raises(ValueError, match="overlaps"):
            f(x, out=out.reshape(x.shape))
    assert_same_bits(f(memory[:4], out=memory[4:8]), net.predict(memory[None, :4])[0])


@pytest.mark.parametrize("batch_size", [0, -1, 1.5, "4", None, True])
def test_wrong_batch_size(batch_size: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="batch_size"):
        deep().freeze(batch_size)


def test_before_it_is_built() -> None:
    with pytest.raises(RuntimeError, match="not built"):
        fnn.Sequential([fnn.Dense(3)]).freeze()


def test_as_many_dimensions_as_there_can_be() -> None:
    """A sample has at most 31, so that a batch fits into the room that a Predictor has for a shape."""
    shape, layers = (1,) * 31, [fnn.Activation("relu"), fnn.Reshape((1,) * 31)]
    net = fnn.Sequential(layers, input_shape=shape)
    assert net.freeze(3)(np.ones((2, *shape))).shape == net.predict(np.ones((2, *shape))).shape == (2, *shape)
    refused = [lambda: fnn.Input((1, *shape)), lambda: fnn.Reshape((1, *shape))]
    refused += [lambda: fnn.Sequential(layers[:1]).predict(np.ones((2, 1, *shape)))]
    for call in refused:
        with pytest.raises(ValueError, match="has 32 dimensions, more than 31"):
            call()


def test_while_another_thread_trains() -> None:
    """It continues with what it has; only the thread that trains may refresh it."""
    net, x, y = classifier(), normal(60, 4), np.arange(60) % 3
    f, before, seen = net.freeze(60), net.predict(x), {}

    class Watch(fnn.Callback):
        def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
            def elsewhere() -> None:
                seen["call"] = f(x)
                for name, action in (("refresh", f.refresh), ("freeze", net.freeze)):
                    with pytest.raises(RuntimeError, match=rf"{name}: another thread is in fit"):
                        action()
                seen["refused"] = True

            thread = threading.Thread(target=elsewhere)
            thread.start()
            thread.join()
            f.refresh()
            seen["fresh"], seen["now"] = f(x), net.predict(x)

    net.fit(x, y, callbacks=[Watch()], verbose=0)
    assert seen["refused"]
    assert_same_bits(seen["call"], before)
    assert_same_bits(seen["fresh"], seen["now"])


@pytest.mark.parametrize("make", [classifier, wide])
def test_many_threads(make: Any, num_threads: int) -> None:
    """Calls from eight threads, also while one refreshes: each gives the bits of one set of weights, whole."""
    net = make()
    features = net.input_shape[0]
    x = normal(64, features).astype(np.float32)
    f = net.freeze(64)
    values = [net.parameters.copy(), 0.5 * net.parameters]
    known = set()
    for value in values:
        net.parameters[...] = value
        known |= {net.predict(x).tobytes(), *(row.tobytes() for row in net.predict(x))}
    wrong, stop = [], threading.Event()

    def call(index: int) -> None:
        while not stop.is_set():
            for argument in (x, x[index]):
                if f(argument).tobytes() not in known:
                    wrong.append(index)
                    return

    threads = [threading.Thread(target=call, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for i in range(60):
        net.parameters[...] = values[i % 2]
        f.refresh()
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong


def test_shown() -> None:
    assert repr(deep().freeze(3)) == "Predictor((40,) -> (5,), up to 3 rows)"


def test_what_is_bound_to_memory_is_not_copied() -> None:
    """It says so, and what to do instead."""
    net = classifier()
    plan = net.plan()
    program = net.pool.lease(net, net.quick[0].request, 3)
    whole = [
        (net.freeze(), r"a Predictor cannot be copied; freeze\(\) makes another"),
        (plan, r"net.plan\(\) makes another"),
    ]
    parts = [(plan.ops[0], "Gather.* is bound to memory"), (plan.ports[0], "x: a Port belongs to its plan")]
    parts += [(plan.ops[0].tensors[0], r"copy its \.array"), (program, "copy its network")]
    for each, message in [*whole, *parts]:
        for copied in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError, match=message):
                copied(each)
