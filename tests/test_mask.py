"""Masks against their twins, rows without a legal element, and masked policies in training and prediction."""

import numpy as np
import pytest

import fastnn as fnn
import reference_layers as twins
from check import TAILS, assert_same_bits, assert_same_on_threads, empty, generator, normal, run, tensor, written
from fastnn.engine.tensor import Tensor
from fastnn.kernels import Mask, MaskGradient
from networks import training_state


def masks(rows: int, columns: int) -> np.ndarray:
    """About half of the elements, at least one in each row."""
    legal = generator(rows, columns).integers(0, 2, (rows, columns)).astype(np.float32)
    legal[np.arange(rows), np.arange(rows) % columns] = 1
    return legal


def test_ops(isa: str, num_threads: int) -> None:
    for columns in TAILS:
        rows = 5 if num_threads == 1 else 60_000 // columns
        x, legal = normal(rows, columns), masks(rows, columns)
        y, dx = empty(rows + 2, columns), empty(rows + 2, columns)
        run(Mask(tensor(x, y.rows), tensor(legal, y.rows), y), y, rows=rows)
        assert_same_bits(written(y, rows), twins.Mask(x, legal).astype(np.float32))
        run(MaskGradient(tensor(x, y.rows), tensor(legal, y.rows), dx), dx, rows=rows)
        assert_same_bits(written(dx, rows), twins.MaskGradient(x, legal).astype(np.float32))


def test_same_bits_on_threads() -> None:
    def build() -> tuple[Mask, Tensor]:
        y = empty(20_000, 7)
        return Mask(tensor(normal(20_000, 7)), tensor(masks(20_000, 7)), y), y

    assert_same_on_threads(build)


@pytest.mark.parametrize("row", [0, 3, 4095, 4096, 9999])
def test_a_row_without_a_legal_element(num_threads: int, row: int) -> None:
    """The first of two, whichever thread finds one first."""
    legal = masks(10_000, 2)
    legal[row] = legal[9999] = 0
    with pytest.raises(ValueError, match=f"Mask: sample {row} has no legal element; the mask is 0 for all"):
        Mask(tensor(normal(10_000, 2)), tensor(legal), empty(10_000, 2))()


def test_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match=r"Mask: expected equal shapes, got \(2, 3\), \(2, 2\), \(2, 3\)"):
        Mask(Tensor((2, 3)), Tensor((2, 2)), Tensor((2, 3)))
    with pytest.raises(ValueError, match="MaskGradient: expected equal shapes"):
        MaskGradient(Tensor((2, 3)), Tensor((2, 2)), Tensor((2, 3)))
    a, b = fnn.Input((3,)), fnn.Input((2,))
    with pytest.raises(ValueError, match=r"Mask\(\): cannot join \(batch, 3\) and \(batch, 2\)"):
        fnn.Mask()([a, b])
    with pytest.raises(ValueError, match=r"Mask\(\): cannot join"):
        fnn.Mask()([fnn.Input((1,)), a])
    with pytest.raises(ValueError, match=r"Mask\(\): takes two inputs, got 1"):
        fnn.Mask()(a)


def policy(ending: bool = True) -> tuple[fnn.Network, dict[str, np.ndarray], np.ndarray]:
    """Moves of a game from its state: a softmax, or logits, of those that are legal."""
    board, legal = fnn.Input((4,), name="board"), fnn.Input((5,), name="legal")
    masked = fnn.Mask()([fnn.Dense(5)(fnn.Dense(8, "tanh")(board)), legal])
    output = fnn.Activation("softmax")(masked) if ending else masked
    net = fnn.Network([board, legal], output, seed=0).compile(fnn.SGD(0.1), "cross_entropy")
    allowed = masks(30, 5)
    return net, {"board": normal(30, 4), "legal": allowed}, allowed.argmax(axis=1)


@pytest.mark.parametrize("ending", [True, False])
def test_in_training(ending: bool) -> None:
    """Illegal moves have probability 0, the loss is finite, and the gradients are right."""
    net, x, y = policy(ending)
    losses = net.fit(x, y, epochs=20, batch_size=8, verbose=0).history["loss"]
    assert np.isfinite(losses).all() and losses[-1] < losses[0]
    p = net.predict(x) if ending else fnn.activations.softmax(net.predict(x))
    assert (p[x["legal"] == 0] == 0).all()
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-6)
    soft = p + np.float32(0.1) * x["legal"]
    assert np.isfinite(net.train_on_batch(x, soft / soft.sum(axis=1, keepdims=True)))
    dx, _ = net.gradient(x, y)
    assert not dx["legal"].any() and dx["board"].any()


def test_gradients_are_right() -> None:
    """As without the mask, for moves that are all legal; none for an illegal one."""
    net, x, y = policy()
    _, gradients = net.gradient(x, y)
    for name, view in net.weights.items():
        step = np.random.default_rng(0).standard_normal(view.shape).astype(np.float32)
        kept, h, values = view.copy(), 1e-2, []
        for sign in (1, -1):
            net.weights[name] = kept + sign * h * step
            values.append(net.evaluate(x, y)["loss"])
        net.weights[name] = kept
        assert abs((values[0] - values[1]) / (2 * h) - (gradients[name] * step).sum()) < 1e-3


def test_the_sample_is_named_and_nothing_is_updated() -> None:
    net, x, y = policy()
    x["legal"][17] = 0
    before = training_state(net)
    for call in (
        lambda: net.fit(x, y, batch_size=30, epochs=1, verbose=0),
        lambda: net.train_on_batch(x, y),
        lambda: net.evaluate(x, y, batch_size=4),
        lambda: net.predict(x, batch_size=4),
    ):
        with pytest.raises(ValueError, match="mask_0: sample 17 has no legal element"):
            call()
        assert training_state(net) == before


def test_positions_share_a_mask() -> None:
    """(time, n) with one mask (1, n) for all steps."""
    x, legal = fnn.Input((3, 4)), fnn.Input((1, 4))
    net = fnn.Network([x, legal], fnn.Activation("softmax")(fnn.Mask()([fnn.Dense(4)(x), legal])), seed=0)
    allowed = masks(6, 4)[:, None]
    p = net.predict([normal(6, 3, 4), allowed])
    assert ((p == 0) == np.broadcast_to(allowed == 0, p.shape)).all()
    allowed[2] = 0
    with pytest.raises(ValueError, match="sample 2 has no legal element at position 0"):
        net.predict([normal(6, 3, 4), allowed])


def test_frozen() -> None:
    """Logits and mask side by side in one input."""
    both = fnn.Input((8,))
    net = fnn.Network(both, fnn.Activation("softmax")(fnn.Mask()([fnn.Slice(0, 4)(both), fnn.Slice(4)(both)])))
    x = np.concatenate([normal(6, 4), masks(6, 4)], axis=1)
    f = net.freeze(6)
    np.testing.assert_array_equal(f(x), net.predict(x))
    x[1, 4:] = 0
    with pytest.raises(ValueError, match="sample 1 has no legal element"):
        f(x)
