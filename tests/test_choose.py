"""One element of each row by number, and its gradient, against their twins, and losses of such elements."""

from typing import Any

import numpy as np
import pytest

import fastnn as fnn
import reference_losses as twins
from check import TAILS, assert_same_bits, empty, generator, normal, run, tensor, written
from fastnn.kernels import Choose, ChooseGradient


def test_ops(isa: str) -> None:
    for columns in TAILS:
        rows = 5 + columns % 3
        x, dy, index = normal(rows, columns), normal(rows, 1, start=1), generator(columns).integers(0, columns, rows)
        y, dx = empty(rows + 2, 1), empty(rows + 2, columns)
        given = tensor(index[:, None], y.rows, "int32")
        run(Choose(tensor(x, y.rows), given, y), y, rows=rows)
        assert_same_bits(written(y, rows), twins.Choose(x, index).astype(np.float32))
        run(ChooseGradient(tensor(dy, y.rows), given, dx), dx, rows=rows)
        assert_same_bits(written(dx, rows), twins.ChooseGradient(dy, index, columns).astype(np.float32))


@pytest.mark.parametrize("wrong", [-1, 4])
def test_an_index_outside_the_row(wrong: int) -> None:
    op = Choose(tensor(normal(2, 4)), tensor([[0], [wrong]], dtype="int32"), empty(2, 1))
    with pytest.raises(ValueError, match=f"index {wrong} is not from 0 to 3"):
        op()


def test_shapes_that_do_not_fit() -> None:
    index = tensor([[0], [1]], dtype="int32")
    with pytest.raises(ValueError, match="Choose: rows"):
        Choose(tensor(normal(3, 4)), index, empty(3, 1))
    with pytest.raises(ValueError, match="ChooseGradient: rows"):
        ChooseGradient(empty(2, 2), index, empty(2, 4))


ROWS = 9
X, INDEX, Y = normal(ROWS, 4), np.arange(ROWS) * 2 % 3, normal(ROWS, start=1)


def network(loss: Any = "mse", activation: str = "identity", metrics: Any = ()) -> fnn.Sequential:
    layers = [fnn.Dense(5, "tanh"), fnn.Dense(3, activation)]
    return fnn.Sequential(layers, input_shape=(4,), seed=0).compile(fnn.SGD(0.1), loss, metrics)


def one_hot(index: np.ndarray = INDEX) -> np.ndarray:
    return np.eye(3)[index]


@pytest.mark.parametrize("loss", ["mse", "mae", "huber", fnn.losses.Huber(0.1)])
@pytest.mark.parametrize("activation", ["identity", "tanh", "softmax"])
def test_a_step_is_one_with_weights_of_elements(loss: Any, activation: str) -> None:
    """All elements but the chosen ones have weight 0: the same loss and gradients."""
    a, b = network(loss, activation), network(loss, activation)
    whole = one_hot() * Y[:, None]
    assert a.evaluate(X, Y, choose=INDEX)["loss"] == pytest.approx(
        b.evaluate(X, whole, sample_weight=one_hot())["loss"]
    )
    for weight in (None, np.arange(ROWS) % 4):
        of_elements = one_hot() if weight is None else one_hot() * weight[:, None]
        found = a.train_on_batch(X, Y, weight, choose=INDEX)
        assert found == pytest.approx(b.train_on_batch(X, whole, of_elements), rel=1e-5)
    np.testing.assert_allclose(a.parameters, b.parameters, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("activation", ["identity", "sigmoid"])
@pytest.mark.parametrize("loss", ["binary_cross_entropy", "focal", "hinge"])
def test_a_label_of_each_sample(loss: str, activation: str) -> None:
    """Of data with gaps: one of several labels is known. What is chosen of logits are logits."""
    if loss == "hinge" and activation == "sigmoid":
        pytest.skip("hinge is for linear outputs")
    t, metrics = (Y > 0).astype(np.float32), ["accuracy", "roc_auc"]
    a, b = network(loss, activation, metrics), network(loss, activation)
    found = a.evaluate(X, t, choose=INDEX)
    wanted = b.evaluate(X, one_hot() * t[:, None], sample_weight=one_hot())["loss"]
    assert found["loss"] == pytest.approx(wanted, rel=1e-5)
    scores = a.predict(X)[np.arange(ROWS), INDEX]
    assert found["accuracy"] == pytest.approx(((scores >= (0.5 if activation == "sigmoid" else 0)) == t).mean())
    assert found["roc_auc"] == pytest.approx(fnn.metrics.roc_auc(scores, t))
    a.fit(X, t, choose=INDEX, epochs=2, batch_size=4, shuffle=False, verbose=0)
    b.fit(X, one_hot() * t[:, None], sample_weight=one_hot(), epochs=2, batch_size=4, shuffle=False, verbose=0)
    np.testing.assert_allclose(a.parameters, b.parameters, rtol=1e-4, atol=1e-6)


def test_positions() -> None:
    """Of feature maps, and of sequences with lengths, an element at each position."""
    x, y = normal(5, 6, 4), normal(5, 6, start=1)
    index, lengths = np.arange(30).reshape(5, 6) % 3, np.array([6, 1, 3, 4, 2])
    for layer in (fnn.SimpleRNN(3, return_sequences=True), fnn.Conv1D(3, 1)):
        net = fnn.Sequential([layer], input_shape=(6, 4), seed=0).compile("sgd", "mse", ["mae", "r2"])
        outputs = np.take_along_axis(net.predict(x), index[..., None], -1)[..., 0]
        found = net.evaluate(x, y, choose=index)
        assert found["loss"] == pytest.approx(((outputs - y) ** 2).mean(), rel=1e-5)
        assert found["mae"] == pytest.approx(np.abs(outputs - y).mean(), rel=1e-5)
        assert found["r2"] == pytest.approx(fnn.metrics.r2(outputs.reshape(-1), y.reshape(-1)), rel=1e-4)
        weight = np.abs(normal(5, 6, start=3))
        found = net.evaluate(x, y, choose=index, sample_weight=weight)
        assert found["loss"] == pytest.approx(np.average((outputs - y) ** 2, weights=weight), rel=1e-5)
    net = fnn.Sequential([fnn.SimpleRNN(3, return_sequences=True)], input_shape=(6, 4), seed=0).compile("sgd", "mse")
    real = np.arange(6) < lengths[:, None]
    outputs = np.take_along_axis(net.predict(x), index[..., None], -1)[..., 0]
    wild = np.where(real, index, 99)  # past the end nothing is read
    found = net.evaluate(x, y, choose=wild, lengths=lengths)["loss"]
    assert found == pytest.approx(((outputs - y)[real] ** 2).mean(), rel=1e-5)
    assert net.train_on_batch(x, y, choose=wild, lengths=lengths) == pytest.approx(found)


def test_several_outputs() -> None:
    x = fnn.Input((4,))
    net = fnn.Network(x, [fnn.Dense(3, name="q")(x), fnn.Dense(2, name="kind")(x)], seed=0)
    net.compile("sgd", {"q": "huber", "kind": "cross_entropy"})
    t = {"q": Y, "kind": INDEX % 2}
    loss = net.evaluate(X, t, choose={"q": INDEX})["q_loss"]
    assert loss == pytest.approx(fnn.losses.huber(net.predict(X)["q"][np.arange(ROWS), INDEX], Y)[0], rel=1e-5)
    net.fit(X, t, choose={"q": INDEX}, validation_data=(X, t, None, None, {"q": INDEX}), verbose=0)
    with pytest.raises(TypeError, match="choose: expected a dict by output, of 'q', 'kind'"):
        net.evaluate(X, t, choose=INDEX)
    with pytest.raises(ValueError, match=r"choose\['kind'\]: cross_entropy compares rows as a whole"):
        net.evaluate(X, t, choose={"q": INDEX, "kind": INDEX})


def test_a_loss_in_python() -> None:
    def squares(y: np.ndarray, t: np.ndarray) -> tuple[float, np.ndarray]:
        assert y.shape == t.shape == (ROWS, 1)
        return float(((y - t) ** 2).mean()), 2 * (y - t) / y.size

    a, b = network(squares), network()
    assert a.train_on_batch(X, Y, choose=INDEX) == pytest.approx(b.train_on_batch(X, Y, choose=INDEX))
    np.testing.assert_allclose(a.parameters, b.parameters, rtol=1e-5, atol=1e-7)


def test_what_does_not_fit() -> None:
    net = network()
    before = net.parameters.copy()
    with pytest.raises(
        ValueError, match=r"y: expected values \(batch, 3\), got \(9,\); for values of one output .*choose="
    ):
        net.train_on_batch(X, Y)
    for wrong in (np.ones((ROWS, 2), int), np.ones(4, int)):
        with pytest.raises(ValueError, match=r"choose: expected \(9,\), an index for each sample, got shape"):
            net.train_on_batch(X, Y, choose=wrong)
    for place, value in ((4, 3), (2, -1), (8, 0.5)):
        index = INDEX.astype(np.float64)
        index[place] = value
        for weight in (None, np.ones(ROWS)):
            with pytest.raises(
                ValueError, match=rf"choose\[{place}\] is {value}.*; expected an integer index from 0 to 2"
            ):
                net.train_on_batch(X, Y, weight, choose=index)
    with pytest.raises(ValueError, match=r"choose\[4\] is 7"):
        net.fit(X, Y, choose=np.where(np.arange(ROWS) == 4, 7, 0), verbose=0)
    with pytest.raises(ValueError, match=r"choose: cosine compares rows as a whole"):
        network("cosine").train_on_batch(X, Y, choose=INDEX)
    with pytest.raises(TypeError, match="choose: goes with arrays; batches that a function returns"):
        net.fit(fnn.data.Loader((X, Y)), choose=INDEX, verbose=0)
    assert np.array_equal(net.parameters, before)


def test_threads() -> None:
    found = []
    for threads in (1, 2):
        with fnn.threads(threads):
            net = network()
            net.fit(X, Y, choose=INDEX, epochs=3, verbose=0)
            found.append(net.parameters.copy())
    assert np.array_equal(*found)
