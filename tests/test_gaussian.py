"""The Gaussian likelihood against its twin and PyTorch, and a network that knows how sure it is."""

import copy

import numpy as np
import pytest

import fastnn as fnn
import reference_losses as twins
from check import assert_close, assert_same_on_threads, empty, generator, normal, run, tensor, written
from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor
from fastnn.kernels import Gaussian


def make(x: np.ndarray, target: np.ndarray, capacity: int = 0, weight: np.ndarray | None = None) -> tuple[Op, Tensor]:
    dx = empty(max(len(x), capacity), x.shape[1])
    return Gaussian(
        tensor(x, capacity), tensor(target, capacity), dx, None if weight is None else tensor(weight, capacity)
    ), dx


def test_op(isa: str) -> None:
    for k in (1, 2, 3, 7, 8, 9, 16, 17, 33):
        rows = 5 + k
        x, target = normal(rows, 2 * k), normal(rows, k, start=1)
        for weight in (None, (np.arange(rows) % 4).astype(np.float32)):
            op, dx = make(x, target, rows + 2, weight)
            run(op, dx, rows=rows)
            loss, gradient = twins.Gaussian(x, target, weight)
            assert_close(op.last, loss)
            assert_close(written(dx, rows), gradient, np.abs(gradient).max())


def test_twin_by_differences() -> None:
    x, target, h = normal(6, 4).astype(np.float64), normal(6, 2, start=1), 1e-6
    found = np.empty(x.shape)
    for place in np.ndindex(x.shape):
        ends = []
        for step in (h, -h):
            moved = x.copy()
            moved[place] += step
            ends.append(twins.Gaussian(moved, target)[0])
        found[place] = (ends[0] - ends[1]) / (2 * h)
    gradient = twins.Gaussian(x, target)[1]
    assert np.linalg.norm(found - gradient) <= 1e-6 * np.linalg.norm(gradient)


def test_same_bits_on_threads(isa: str) -> None:
    x, target = normal(5000, 6), normal(5000, 3, start=1)
    assert_same_on_threads(lambda: make(x, target))


def test_torch() -> None:
    torch = pytest.importorskip("torch", reason="needs PyTorch")
    x, target = normal(9, 6), normal(9, 3, start=1)
    wanted = torch.nn.functional.gaussian_nll_loss(
        torch.tensor(x[:, :3]), torch.tensor(target), torch.tensor(np.exp(x[:, 3:])), full=True
    )
    assert fnn.losses.gaussian(x, target)[0] == pytest.approx(wanted.item(), rel=1e-5)


def test_a_network_knows_how_sure_it_is() -> None:
    """Noise grows with x: so does the deviation that is found."""
    random = generator(0)
    x = random.uniform(0, 1, (2000, 1)).astype(np.float32)
    y = x + random.standard_normal((2000, 1)) * (0.05 + 0.5 * x)
    net = fnn.Sequential([fnn.Dense(16, "tanh"), fnn.Dense(2)], input_shape=(1,), seed=0)
    net.compile(fnn.Adam(0.01), "gaussian").fit(x, y, epochs=30, verbose=0)
    deviation = np.exp(net.predict([[0.1], [0.9]])[:, 1] / 2)
    np.testing.assert_allclose(deviation, [0.1, 0.5], rtol=0.25)
    assert copy.copy(net).evaluate(x, y) == net.evaluate(x, y)
    fnn.check_gradients(net, x[:20], y[:20])
    wanted = twins.Gaussian(net.predict(x[:20]), y[:20])[0]
    assert net.train_on_batch(x[:20], y[:20].ravel()) == pytest.approx(wanted, abs=1e-4)


def test_outputs_of_an_odd_number() -> None:
    with pytest.raises(ValueError, match=r"gaussian: expected outputs \(batch, 2 k\), .*, got 3"):
        fnn.Sequential([fnn.Dense(3)], input_shape=(2,)).compile("adam", "gaussian")
    with pytest.raises(ValueError, match="shapes"):
        make(normal(4, 5), normal(4, 2))
