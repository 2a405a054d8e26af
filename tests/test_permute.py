"""Axes in another order: the op against its twin, and the layer in networks."""

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

import fastnn as fnn
import reference_pictures as twin
from check import assert_same_bits, assert_same_on_threads, empty, generator, normal, run, tensor, written
from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor
from fastnn.kernels import Permute

SHAPES = [(7,), (3, 5), (1, 6), (4, 1, 3), (2, 3, 17), (5, 4, 3), (2, 3, 4, 5), (3, 1, 2, 1, 4)]
#: Elements of y enough for two threads, and for four.
TWO, FOUR = 150_000, 300_000


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_op(num_threads: int, shape: tuple[int, ...]) -> None:
    batch = 2 if num_threads == 1 else TWO // int(np.prod(shape)) + 1
    x, capacity = normal(batch, *shape), batch + 3
    for axes in list(permutations(range(len(shape))))[:24]:
        y = empty(capacity, *(shape[axis] for axis in axes))
        run(Permute(tensor(x, capacity), y, shape, axes), y, rows=batch)
        np.testing.assert_array_equal(written(y, batch), twin.Permute(x, axes))


def test_same_bits_on_threads() -> None:
    x = normal(FOUR // 630 + 1, 9, 7, 10)

    def permute() -> tuple[Op, ...]:
        y = empty(len(x), 10, 9, 7)
        return Permute(tensor(x), y, (9, 7, 10), (2, 0, 1)), y

    assert_same_on_threads(permute)


def test_arguments_are_checked() -> None:
    for shape, axes in (((2, 3), (0, 0)), ((2, 3), (1,)), ((2, 4), (1, 0)), ((), ()), ((6, 0), (1, 0))):
        with pytest.raises(ValueError, match=r"Permute: shapes \(4, 6\), \(4, 6\) do not fit rows"):
            Permute(Tensor((4, 6)), Tensor((4, 6)), shape, axes)
    for y in ((3, 6), (4, 7)):
        with pytest.raises(ValueError, match="do not fit rows"):
            Permute(Tensor((4, 6)), Tensor(y), (2, 3), (1, 0))


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if len(shape) < 5], ids=str)
def test_in_a_network(shape: tuple[int, ...], tmp_path: Path) -> None:
    x = normal(6, *shape)
    for axes in list(permutations(range(1, len(shape) + 1)))[:6]:
        layers = [fnn.Activation("gelu"), fnn.Permute(axes), fnn.Flatten(), fnn.Dense(2)]
        net = fnn.Sequential(layers, input_shape=shape, seed=0).compile("adam", "mse")
        fnn.check_gradients(net, x, normal(6, 2))
        net.save(tmp_path / "net")
        again = fnn.load(tmp_path / "net")
        assert again.layers[1].axes == axes
        assert_same_bits(again.predict(x), net.predict(x))
        assert_same_bits(net.freeze(6)(x), net.predict(x))
        alone = fnn.Sequential([fnn.Permute(axes)]).predict(x)
        assert_same_bits(alone, x.transpose(0, *axes).copy())


def test_a_softmax_that_is_moved_is_no_distribution() -> None:
    """One that stays over the last axis is, and not taken for logits."""
    x = fnn.Input((4, 3, 5))
    y = fnn.Activation("softmax")(x)
    net = fnn.Network(x, {"moved": fnn.Permute((3, 1, 2))(y), "kept": fnn.Permute((2, 1, 3))(y)})
    data = normal(3, 4, 3, 5)
    wanted = fnn.activations.softmax(data)
    found = net.predict(data)
    assert_same_bits(found["moved"], wanted.transpose(0, 3, 1, 2).copy())
    assert_same_bits(found["kept"], wanted.transpose(0, 2, 1, 3).copy())
    kept = fnn.Sequential([fnn.Conv2D(5, 1, activation="softmax"), fnn.Permute((2, 1, 3))], input_shape=(4, 3, 2))
    with pytest.raises(ValueError, match=r"cross_entropy: .*got softmax"):
        kept.compile("adam", "cross_entropy")


def test_at_any_length() -> None:
    net = fnn.Sequential([fnn.Dense(3), fnn.Permute((2, 1)), fnn.Permute((2, 1)), fnn.LSTM(2)], input_shape=(None, 4))
    assert fnn.Permute((2, 1))(fnn.Input((None, 4))).shape == (4, None)
    for steps in (1, 5, 8):
        assert net.predict(normal(2, steps, 4)).shape == (2, 2)
    with pytest.raises(ValueError, match="permute_0: reads whole sequences, so lengths cannot be applied"):
        net.predict(normal(2, 5, 4), lengths=generator(0).integers(1, 5, 2))


def test_bad_input() -> None:
    for wrong in ((0, 1), (1, 1), (2,), (1, 3), ()):
        with pytest.raises(ValueError, match=r"Permute: axes must be 1, 2, ... in any order, each once"):
            fnn.Permute(wrong)
    for wrong in (1, "12", (1, 2.0)):
        with pytest.raises(TypeError, match=r"Permute: axes must be .*integers, each axis once"):
            fnn.Permute(wrong)
    with pytest.raises(ValueError, match=r"expected input with 2 axes after the batch, got \(batch, 4, 3, 2\)"):
        fnn.Permute((2, 1))(fnn.Input((4, 3, 2)))
