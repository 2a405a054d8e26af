"""A product with another layer's weight: as PyTorch computes it, and what it refuses."""

import copy
import io
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import assert_close, assert_same_bits, generator, normal
from fastnn.engine.thread_count import threads


def language(activation: str | None = None) -> fnn.Sequential:
    """Scores of ids from ids, with one table of vectors."""
    layers = [
        fnn.Embedding(11, 6, initializer="he_normal", name="ids"),
        fnn.Dense(6, "tanh"),
        fnn.TiedDense(11, "ids", activation),
    ]
    net = fnn.Sequential(layers, input_shape=(5,), seed=0)
    net.weights["tied_dense_0.bias"] = normal(11)
    return net


def test_as_pytorch_computes_it() -> None:
    """The outputs, and the gradient of the table, which is the sum of those at both places."""
    torch = pytest.importorskip("torch")
    net, ids, y = language("softmax"), generator(0).integers(0, 11, (8, 5)), generator(1).integers(0, 11, (8, 5))
    weights = {name: torch.tensor(view, requires_grad=True) for name, view in net.weights.items()}
    h = torch.tanh(weights["ids.weight"][torch.tensor(ids)] @ weights["dense_0.weight"] + weights["dense_0.bias"])
    logits = h @ weights["ids.weight"].T + weights["tied_dense_0.bias"]
    assert_close(net.predict(ids), torch.softmax(logits, -1).detach().numpy())
    torch.nn.functional.cross_entropy(logits.reshape(-1, 11), torch.tensor(y.ravel())).backward()
    _, gradients = net.compile("sgd").gradient(ids, y)
    for name, weight in weights.items():
        assert_close(gradients[name], weight.grad.numpy(), np.abs(weight.grad.numpy()).max() + 0.1, 2e-6)


@pytest.mark.parametrize("activation", ["identity", "sigmoid", "gelu", "relu"])
def test_an_autoencoder_that_undoes_its_product(activation: str) -> None:
    """Right gradients after each kind of activation, and without sequences."""
    layers = [fnn.Dense(4, "tanh", name="code"), fnn.TiedDense(9, "code", activation)]
    net = fnn.Sequential(layers, input_shape=(9,), seed=0).compile("adam", "mse")
    fnn.check_gradients(net, normal(12, 9), normal(12, 9, start=1))
    before = net.evaluate(normal(12, 9), normal(12, 9))["loss"]
    net.fit(normal(12, 9), normal(12, 9), epochs=30, verbose=0)
    assert net.evaluate(normal(12, 9), normal(12, 9))["loss"] < before


def test_lengths_files_copies_threads_and_frozen_networks() -> None:
    ids, lengths = generator(2).integers(0, 11, (64, 5)), generator(3).integers(1, 6, 64)
    y, found = generator(4).integers(0, 11, (64, 5)), []
    for count in (1, 2):
        with threads(count):
            net = language("softmax").compile("adam")
            net.fit(ids, y, lengths=lengths, epochs=2, batch_size=16, verbose=0)
            found.append(net.predict(ids, lengths=lengths))
    assert_same_bits(*found)
    spoilt = np.where(np.arange(5) < lengths[:, None], ids, 3)
    assert_same_bits(net.predict(spoilt, lengths=lengths), found[0])
    file = io.BytesIO()
    net.save(file)
    file.seek(0)
    for other in (fnn.load(file), copy.copy(net)):
        assert_same_bits(other.predict(ids), net.predict(ids))
        other.fit(ids, y, verbose=0)
    f = net.freeze(64)
    assert_close(f(ids), net.predict(ids))
    net.fit(ids, y, verbose=0)
    f.refresh()
    assert_close(f(ids), net.predict(ids))


def test_a_frozen_table_trains_at_neither_place() -> None:
    net, ids = language("softmax"), generator(5).integers(0, 11, (8, 5))
    net.layers[0].trainable = False
    before = net.weights["ids.weight"].copy()
    net.compile("adam").fit(ids, ids, verbose=0)
    assert_same_bits(net.weights["ids.weight"], before)


def test_what_is_refused() -> None:
    def make(*layers: Any) -> fnn.Sequential:
        return fnn.Sequential(list(layers), input_shape=(5,))

    wrong = [
        (lambda: make(fnn.Dense(3), fnn.TiedDense(5, "code")), "tied_dense_0: the network has no code.weight; known"),
        (lambda: make(fnn.Dense(3), fnn.TiedDense(6, "dense_0")), r"dense_0.weight is \(5, 3\); expected \(6, 3\)"),
        (lambda: fnn.TiedDense(0, "code"), "units must be"),
        (lambda: fnn.TiedDense(3, "a.b"), "name must be letters"),
        (lambda: fnn.TiedDense(3, "code", "rel"), "unknown activation 'rel'"),
        (lambda: language().part("tied_dense_0", inputs="dense_0"), "the network has no ids.weight"),
    ]
    for call, message in wrong:
        with pytest.raises(ValueError, match=message):
            call()
