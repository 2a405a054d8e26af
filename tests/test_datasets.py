"""The bundled data sets."""

import numpy as np
import pytest

import fastnn as fnn
from fastnn.datasets import digits

try:  # here and not in the test, because scikit-learn leaves traces in the environment
    from sklearn.datasets import load_digits
except ImportError:
    load_digits = None


def test_digits_have_the_stated_shapes_and_types() -> None:
    (x, y), (xt, yt) = digits()
    assert (x.shape, y.shape, xt.shape, yt.shape) == ((1437, 64), (1437,), (360, 64), (360,))
    for pixels, labels in ((x, y), (xt, yt)):
        assert pixels.dtype == np.float32
        assert labels.dtype == np.int64
        assert pixels.flags.c_contiguous
        assert pixels.min() == 0
        assert pixels.max() == 1
        assert set(labels.tolist()) == set(range(10))


@pytest.mark.skipif(load_digits is None, reason="scikit-learn is not installed")
def test_digits_are_scikit_learns() -> None:
    theirs = load_digits()
    order = np.random.default_rng(0).permutation(1797)
    (x, y), (xt, yt) = digits()
    np.testing.assert_array_equal(np.concatenate([xt, x]), theirs.data[order] / 16)
    np.testing.assert_array_equal(np.concatenate([yt, y]), theirs.target[order])


def test_each_call_returns_new_arrays() -> None:
    (x, y), (xt, yt) = digits()
    for array in (x, y, xt, yt):
        assert array.flags.owndata
        assert array.flags.writeable
        array[...] = 0
    (x, y), (xt, yt) = digits()
    assert all(array.any() for array in (x, y, xt, yt))


def test_digits_are_learnt() -> None:
    """The README's network: a test accuracy of 0.97, the mean of five seeds."""
    (x, y), (xt, yt) = digits()
    accuracies = []
    for seed in range(5):
        layers = [fnn.Dense(128, activation="relu"), fnn.Dense(10, activation="softmax")]
        net = fnn.Sequential(layers, input_shape=(64,), seed=seed)
        net.compile(fnn.Adam(1e-3), "cross_entropy").fit(x, y, batch_size=32, epochs=20, verbose=0)
        accuracies.append((net.classify(xt) == yt).mean())
    assert np.mean(accuracies) >= 0.97, accuracies
