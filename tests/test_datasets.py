"""The data sets: the bundled digits, and Fashion-MNIST where it is."""

import gzip
import sys
from pathlib import Path

import numpy as np
import pytest

import fastnn as fnn
from fastnn.datasets import FASHION_MNIST_CLASSES, digits, fashion_mnist
from test_idx import idx

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


NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def put_fashion(folder: Path) -> list[np.ndarray]:
    """Four files in the form of Fashion-MNIST, one of them packed."""
    draw = np.random.default_rng(0).integers
    shapes = ((30, 28, 28), 256), ((30,), 10), ((12, 28, 28), 256), ((12,), 10)
    arrays = [draw(0, most, shape, np.uint8) for shape, most in shapes]
    for name, array in zip(NAMES, arrays, strict=True):
        (folder / name).write_bytes(idx(array))
    (folder / f"{NAMES[0]}.gz").write_bytes(gzip.compress((folder / NAMES[0]).read_bytes()))
    (folder / NAMES[0]).unlink()
    return arrays


def test_fashion_mnist_in_a_folder(tmp_path: Path) -> None:
    arrays = put_fashion(tmp_path)
    (x, y), (xt, yt) = fashion_mnist(tmp_path)
    assert x.dtype == xt.dtype == np.uint8 and y.dtype == yt.dtype == np.int64
    for found, array in zip((x, y, xt, yt), arrays, strict=True):
        np.testing.assert_array_equal(found, array[..., None] if array.ndim > 1 else array)


def test_fashion_mnist_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the file that is missing, and both ways to get it; a folder that is named is the only one."""
    put_fashion(tmp_path)
    (tmp_path / NAMES[3]).unlink()
    wanted = rf"{tmp_path / NAMES[3]}.gz. `apt-get install dataset-fashion-mnist` .* pass the path of a folder with"
    with pytest.raises(FileNotFoundError, match=wanted):
        fashion_mnist(tmp_path)
    monkeypatch.setattr(sys.modules["fastnn.datasets.fashion_mnist"], "FOLDER", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=wanted):
        fashion_mnist()


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        (
            NAMES[0],
            np.zeros((30, 32, 32), np.uint8),
            r"expected uint8 images \(n, 28, 28\), got uint8 \(30, 32, 32\)",
        ),
        (NAMES[2], np.zeros((12, 28, 28), np.int16), r"expected uint8 images \(n, 28, 28\), got int16"),
        (NAMES[1], np.zeros(29, np.uint8), "expected a uint8 label below 10 for each of 30 images"),
        (NAMES[3], np.full(12, 10, np.uint8), "expected a uint8 label below 10 for each of 12 images"),
    ],
)
def test_fashion_mnist_that_is_something_else(name: str, array: np.ndarray, message: str, tmp_path: Path) -> None:
    put_fashion(tmp_path)
    (tmp_path / f"{name}.gz").unlink(missing_ok=True)
    (tmp_path / name).write_bytes(idx(array))
    with pytest.raises(ValueError, match=f"^{tmp_path / name}: {message}"):
        fashion_mnist(tmp_path)


def test_fashion_mnist() -> None:
    try:
        (x, y), (xt, yt) = fashion_mnist()
    except FileNotFoundError:
        pytest.skip("dataset-fashion-mnist is not installed")
    assert (x.shape, xt.shape) == ((60000, 28, 28, 1), (10000, 28, 28, 1))
    assert np.bincount(y).tolist() == [6000] * 10 and np.bincount(yt).tolist() == [1000] * 10
    names = [FASHION_MNIST_CLASSES[label] for label in yt[:5]]
    assert names == ["Ankle boot", "Pullover", "Trouser", "Trouser", "Shirt"]
