"""PReLU and its gradients against their twins, and the layer."""

import numpy as np
import pytest

import fastnn as fnn
import reference
from check import TAILS, assert_close, assert_same_on_threads, empty, normal, run, tensor, written
from fastnn.engine.tensor import Tensor
from fastnn.kernels import PReLU, PReLUGradient
from networks import blobs

# Elements enough for two threads, and for four.
TWO, FOUR = 46_000, 100_000


def rows_of(columns: int, num_threads: int) -> int:
    return 3 if num_threads == 1 else TWO // columns + columns


def test_prelu(isa: str, num_threads: int) -> None:
    for columns in TAILS:
        rows = rows_of(columns, num_threads)
        x, slope, y = normal(rows, columns), normal(columns), empty(rows + columns % 3, columns)
        run(PReLU(tensor(x, y.rows), tensor(slope), y), y, rows=rows)
        assert_close(written(y, rows), reference.PReLU(x, slope), np.abs(x * slope) + np.abs(x), 1e-7)


@pytest.mark.parametrize("add", [False, True])
def test_gradient(isa: str, num_threads: int, add: bool) -> None:
    for columns in [*TAILS, 300]:
        rows = rows_of(columns, num_threads)
        x, slope, dy, before = normal(rows, columns), normal(columns), normal(rows, columns, start=1), normal(columns)
        dx, dslope = empty(rows + columns % 3, columns), tensor(before)
        tensors = (tensor(x, dx.rows), tensor(slope), tensor(dy, dx.rows), dx, dslope)
        run(PReLUGradient(*tensors, add=add), dx, dslope, rows=rows)
        expected, sums = reference.PReLUGradient(x, slope, dy)
        assert_close(written(dx, rows), expected, np.abs(dy * slope) + np.abs(dy), 1e-7)
        assert_close(dslope.array, sums + before * add, np.abs(x * dy).sum(axis=0) + np.abs(before), 1e-5)


def test_positions_share_the_slopes(isa: str) -> None:
    """x (batch, positions, features) is as many rows; in place too."""
    x, dy, slope = normal(4, 5, 7), normal(4, 5, 7, start=1), normal(7)
    y, dx, dslope = tensor(x), tensor(dy), empty(7)
    run(PReLU(y, tensor(slope), y), y)
    assert_close(y.array, reference.PReLU(x, slope))
    run(PReLUGradient(tensor(x), tensor(slope), dx, dx, dslope), dx, dslope)
    expected = reference.PReLUGradient(x, slope, dy)
    assert_close(dx.array, expected[0])
    assert_close(dslope.array, expected[1])


def test_the_gradient_of_x_alone(isa: str) -> None:
    x, dy, slope, dx = normal(4, 7), normal(4, 7, start=1), normal(7), empty(4, 7)
    run(PReLUGradient(tensor(x), tensor(slope), tensor(dy), dx, None), dx)
    assert_close(dx.array, reference.PReLUGradient(x, slope, dy)[0])


@pytest.mark.parametrize("columns", [7, 512])
def test_same_bits_on_threads(isa: str, columns: int) -> None:
    rows = FOUR // columns + 3

    def forward() -> tuple[PReLU, Tensor]:
        y = empty(rows, columns)
        return PReLU(tensor(normal(rows, columns)), tensor(normal(columns)), y), y

    assert_same_on_threads(forward)


def test_sums_have_the_same_bits_on_threads(isa: str) -> None:
    rows, columns = FOUR // 512 + 3, 512

    def gradient() -> tuple[PReLUGradient, Tensor, Tensor]:
        dx, dslope = empty(rows, columns), empty(columns)
        x, dy = tensor(normal(rows, columns)), tensor(normal(rows, columns, start=1))
        return PReLUGradient(x, tensor(normal(columns)), dy, dx, dslope), dx, dslope

    assert_same_on_threads(gradient)


def test_kink_and_nan(isa: str) -> None:
    """At zero the slope is the learned one, as PyTorch's; NaN in, NaN out."""
    x, y, dx, dslope = tensor(np.float32([[-0.0, 0.0, np.nan]])), empty(1, 3), empty(1, 3), empty(3)
    slope, dy = tensor(np.float32([0.5] * 3)), tensor(np.ones((1, 3)))
    PReLU(x, slope, y)()
    np.testing.assert_array_equal(y.array, [[0, 0, np.nan]])
    PReLUGradient(x, slope, dy, dx, dslope)()
    np.testing.assert_array_equal(dx.array, [[0.5, 0.5, 0.5]])
    np.testing.assert_array_equal(dslope.array, [0, 0, np.nan])


def test_arguments_are_checked() -> None:
    x, slope, wide = Tensor((4, 6)), Tensor((6,)), Tensor((4,))
    PReLU(x, Tensor((3,)), x)
    with pytest.raises(ValueError, match=r"PReLU\(x, slope, y\): shapes \(4, 6\), \(4,\), \(4, 6\) do not fit"):
        PReLU(x, wide, x)
    with pytest.raises(ValueError, match=r"PReLU\(x, slope, y\)"):
        PReLU(x, slope, Tensor((6, 4)))
    for wrong in ((Tensor((3, 6)), slope, x, x), (x, slope, x, Tensor((4, 3))), (x, slope, Tensor((4, 5)), x)):
        with pytest.raises(ValueError, match="PReLUGradient"):
            PReLUGradient(*wrong, slope)
    with pytest.raises(ValueError, match=r"expected dslope \(6,\), got \(4,\)"):
        PReLUGradient(x, slope, x, x, wide)
    with pytest.raises(TypeError, match="float32"):
        PReLU(x, Tensor((6,), "int32"), x)


def test_layer() -> None:
    """One slope for each feature of the last axis, from `initial`; it learns, and is in files."""
    x, y = blobs()
    layers = [fnn.Dense(6, initializer="he_normal"), fnn.PReLU(), fnn.Dense(3, activation="softmax")]
    net = fnn.Sequential(layers, input_shape=(4,), seed=0).compile("adam", "cross_entropy")
    np.testing.assert_array_equal(net.weights["prelu_0.slope"], np.full(6, 0.25, np.float32))
    before = net.evaluate(x, y)["loss"]
    net.fit(x, y, epochs=60, verbose=0)
    assert net.evaluate(x, y)["loss"] < before / 2
    assert (net.weights["prelu_0.slope"] != 0.25).all()
    assert fnn.PReLU().parameters((8, 8, 3))["slope"].shape == (3,)
    assert repr(fnn.PReLU(0.1)) == "PReLU(initial=0.1)"


@pytest.mark.parametrize("first", [False, True])
def test_layer_gradient(first: bool) -> None:
    """The gradients of a step against central differences in the slopes; also where nothing before it learns."""
    x, t = normal(20, 4), normal(20, 2, start=1)
    layers = [*([] if first else [fnn.Dense(4, activation="tanh")]), fnn.PReLU(-0.5), fnn.Dense(2)]
    net = fnn.Sequential(layers, input_shape=(4,), seed=0).compile(fnn.SGD(1e-30), "mse")
    net.train_on_batch(x, t)
    for name in net.weights:
        gradient, weight = net.gradients[name].copy(), net.weights[name].copy()
        numeric = np.empty_like(gradient)
        for i in np.ndindex(weight.shape):
            losses = []
            for h in (-1e-2, 1e-2):
                net.weights[name][i] = weight[i] + h
                losses.append(((net.predict(x).astype(np.float64) - t) ** 2).mean())
            net.weights[name][i] = weight[i]
            numeric[i] = (losses[1] - losses[0]) / 2e-2
        assert np.linalg.norm(gradient - numeric) <= 1e-2 * np.linalg.norm(numeric) + 1e-4, name


def test_frozen_and_shared() -> None:
    """Frozen slopes stay, and let gradients through; of a layer that is called twice both calls count."""
    x, t = normal(20, 4), normal(20, 4, start=1)
    rectify = fnn.PReLU()
    entry = fnn.Input((4,))
    net = fnn.Network(entry, rectify(fnn.Dense(4)(rectify(entry))), seed=0).compile("sgd", "mse")
    fnn.check_gradients(net, x, t)
    rectify.trainable = False
    net.compile("sgd", "mse")
    net.fit(x, t, epochs=2, verbose=0)
    np.testing.assert_array_equal(net.weights["prelu_0.slope"], np.full(4, 0.25, np.float32))
    assert net.gradient(x, t)[0].any()


def test_the_loop_by_hand() -> None:
    """backward adds to the gradients of the slopes; for the input alone it leaves them."""
    x, dy = normal(20, 4), normal(20, 4, start=1)
    net = fnn.Sequential([fnn.PReLU()], input_shape=(4,)).compile("sgd", "mse")
    wanted = reference.PReLUGradient(x, np.full(4, 0.25), dy)
    for count in (1, 2):
        net.forward(x, training=True)
        assert_close(net.backward(dy), wanted[0])
        assert_close(net.gradients["prelu_0.slope"], count * wanted[1], tolerance=1e-5)
    net.forward(x, training=True)
    assert_close(net.backward(dy, parameters=False), wanted[0])
    assert_close(net.gradients["prelu_0.slope"], 2 * wanted[1], tolerance=1e-5)


def test_bad_settings() -> None:
    for wrong, error in (("0.25", TypeError), (np.nan, ValueError), (np.inf, ValueError), (True, TypeError)):
        with pytest.raises(error, match="PReLU: initial"):
            fnn.PReLU(wrong)
    with pytest.raises(ValueError, match=r"add the layer PReLU\(\)"):
        fnn.Dense(3, activation="prelu")
