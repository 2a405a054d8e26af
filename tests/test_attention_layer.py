"""The layer of attention: equal to PyTorch's, right for padding and shared keys, in files and copies."""

import copy
import io
import itertools
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import assert_close, assert_same_bits, generator, normal
from fastnn.engine.thread_count import threads

CASES = list(itertools.product((1, 2, 3), (False, True), (True, False)))


def network(inputs: int, heads: int = 2, size: int | None = None, **settings: Any) -> fnn.Network:
    """Attention of x, of a query and values, or of a query, values and keys, of different features and steps."""
    shapes = [(7, 12), (5, 6), (5, 9)][:inputs]
    given = [fnn.Input(shape) for shape in shapes]
    made = fnn.MultiHeadAttention(heads, size, **settings)(given if inputs > 1 else given[0])
    return fnn.Network(given, made, seed=3)


def data(inputs: int, samples: int = 4) -> list[np.ndarray]:
    """For it."""
    return [normal(samples, *shape, start=i) for i, shape in enumerate([(7, 12), (5, 6), (5, 9)][:inputs])]


def fill(net: fnn.Network, seed: int = 0) -> None:
    """Draws all weights, the biases too."""
    rng = generator(seed, 9)
    for name in net.weights:
        net.weights[name] = 0.4 * rng.standard_normal(net.weights[name].shape)


def parts(net: fnn.Network, widths: tuple[int, int, int], inputs: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The weights and biases of q, k and v."""
    q, k, v = widths
    weights = {name.partition(".")[2]: view for name, view in net.weights.items()}
    places = {
        1: {"q": ("", 0), "k": ("", q), "v": ("", q + k)},
        2: {"q": ("query_", 0), "k": ("memory_", 0), "v": ("memory_", k)},
        3: {"q": ("query_", 0), "k": ("key_", 0), "v": ("value_", 0)},
    }[inputs]
    found = {}
    for (name, (prefix, start)), width in zip(places.items(), (q, k, v), strict=True):
        columns = slice(start, start + width)
        found[name] = weights[f"{prefix}weight"][:, columns], weights[f"{prefix}bias"][columns]
    return found


@pytest.mark.parametrize(("inputs", "shared", "sized"), CASES)
def test_as_pytorch_computes_it(inputs: int, shared: bool, sized: bool) -> None:
    """Values, and the gradients of all weights and inputs."""
    torch = pytest.importorskip("torch")
    heads, size, groups = (4, 5, 2) if shared else (2, 5, 2)
    if not sized:
        heads, size, groups = (4, 3, 2) if shared else (2, 6, 2)
    for causal in (False, True) if inputs == 1 else (False,):
        settings: dict[str, Any] = {"causal": causal, "key_heads": groups if shared else None}
        net = network(inputs, heads, size if sized else None, **settings)
        fill(net)
        x = data(inputs)
        given = [torch.tensor(each, requires_grad=True) for each in x]
        widths = heads * size, groups * size, groups * size
        own = {
            name: [torch.tensor(each, requires_grad=True) for each in pair]
            for name, pair in parts(net, widths, inputs).items()
        }
        sources = {"q": given[0], "v": given[min(1, inputs - 1)], "k": given[inputs - 1]}
        made = {}
        for name, count in (("q", heads), ("k", groups), ("v", groups)):
            weight, bias = own[name]
            made[name] = (sources[name] @ weight + bias).reshape(4, -1, count, size).transpose(1, 2)
        each = heads // groups
        keys, values = (made[name].repeat_interleave(each, dim=1) for name in "kv")
        y = torch.nn.functional.scaled_dot_product_attention(made["q"], keys, values, is_causal=causal)
        last = [torch.tensor(net.weights[f"multi_head_attention_0.output_{name}"]) for name in ("weight", "bias")]
        y = y.transpose(1, 2).reshape(4, 7, -1) @ last[0] + last[1]
        assert_close(net.predict(x if inputs > 1 else x[0]), y.detach().numpy(), tolerance=1e-5)
        dy = normal(4, 7, 12, start=8)
        y.backward(torch.tensor(dy))
        net.compile("sgd", loss=None)
        net.forward(x if inputs > 1 else x[0], training=True)
        dx = net.backward(dy)
        for name, pair in parts_of_gradients(net, widths, inputs).items():
            for found, wanted in zip(pair, own[name], strict=True):
                assert_close(found, wanted.grad.numpy(), np.abs(wanted.grad.numpy()).max() + 1, 1e-5)
        for found, wanted in zip(dx.values() if inputs > 1 else [dx], given, strict=True):
            assert_close(found, wanted.grad.numpy(), tolerance=1e-5)


def parts_of_gradients(
    net: fnn.Network, widths: tuple[int, int, int], inputs: int
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The gradients of what `parts` returns."""
    twin = copy.copy(net)
    for name in twin.weights:
        twin.weights[name] = net.gradients[name]
    return parts(twin, widths, inputs)


@pytest.mark.parametrize("inputs", [1, 2, 3])
def test_gradients(inputs: int) -> None:
    net = network(inputs, 2, 4).compile("sgd", "mse")
    fill(net)
    x = data(inputs)
    fnn.check_gradients(net, x if inputs > 1 else x[0], normal(4, 7, 12, start=5))


def block(causal: bool = False, ids: bool = False) -> fnn.Network:
    """Attention with a shortcut, after an embedding of ids, say, and before a loss of each step."""
    x = fnn.Input((40,) if ids else (40, 6))
    h = fnn.Embedding(9, 8)(x) if ids else fnn.Dense(8)(x)
    h = fnn.Add()([h, fnn.MultiHeadAttention(2, causal=causal)(fnn.LayerNorm()(h))])
    return fnn.Network(x, fnn.Dense(3, "softmax")(fnn.LayerNorm()(h)), seed=0)


@pytest.mark.parametrize("ids", [False, True])
@pytest.mark.parametrize("causal", [False, True])
def test_padding_changes_nothing(causal: bool, ids: bool) -> None:
    """Predictions and training: what is beyond the lengths, and how much of it, makes no bit of a difference."""
    rng, lengths = generator(1), np.array([3, 40, 17, 1])
    x = rng.integers(0, 9, (4, 40)) if ids else normal(4, 40, 6).copy()
    y = rng.integers(0, 3, (4, 40))
    spoilt = x.copy()
    for row, n in enumerate(lengths):
        spoilt[row, n:] = 5 if ids else 1e3
    nets = [block(causal, ids).compile("adam") for _ in range(2)]
    for net, given in zip(nets, (x, spoilt), strict=True):
        net.fit(given, y, epochs=2, batch_size=2, lengths=lengths, shuffle=False, verbose=0)
    a, b = (net.predict(x, lengths=lengths) for net in nets)
    assert_same_bits(a, b)
    short = nets[0].predict(x[:1], lengths=lengths[:1])[0, :3]
    assert_same_bits(a[0, :3], short)


@pytest.mark.parametrize("ids", [False, True])
def test_lengths_that_are_all_whole(ids: bool) -> None:
    """The same bits as none at all."""
    x = generator(2).integers(0, 9, (4, 40)) if ids else normal(4, 40, 6)
    net = block(True, ids)
    assert_same_bits(net.predict(x), net.predict(x, lengths=np.full(4, 40)))


def test_a_causal_step_sees_nothing_after_it() -> None:
    x = normal(2, 40, 6).copy()
    net = block(causal=True)
    before = net.predict(x)
    x[:, 25:] += 7
    assert_same_bits(net.predict(x)[:, :25], before[:, :25])
    assert (block().predict(x)[:, :25] != before[:, :25]).any()


def test_same_bits_on_threads_and_after_saving() -> None:
    x, y = normal(64, 40, 6), generator(3).integers(0, 3, (64, 40))
    found = []
    for count in (1, 2):
        with threads(count):
            net = block(causal=True).compile("adam")
            net.fit(x, y, epochs=2, batch_size=16, verbose=0)
            found.append(net.predict(x))
    assert_same_bits(*found)
    file = io.BytesIO()
    net.save(file)
    file.seek(0)
    assert_same_bits(fnn.load(file).predict(x), found[0])
    assert_same_bits(copy.copy(net).predict(x), found[0])
    assert_same_bits(net.freeze(64)(x), found[0])


def masked(dropout: float = 0.0, causal: bool = False) -> fnn.Network:
    x, mask = fnn.Input((9, 8)), fnn.Input((9, 9))
    layer = fnn.MultiHeadAttention(2, masked=True, dropout=dropout, causal=causal, name="a")
    return fnn.Network([x, mask], layer([x, mask]), seed=3)


def test_a_mask_does_what_lengths_and_causal_do() -> None:
    x, lengths = normal(3, 9, 8), np.array([4, 9, 1])
    seen = np.broadcast_to((np.arange(9) < lengths[:, None])[:, None], (3, 9, 9))  # bool, not contiguous
    plain = fnn.Network(given := fnn.Input((9, 8)), fnn.MultiHeadAttention(2)(given))
    net = masked()
    plain.set_vector(net.vector())
    real = (np.arange(9) < lengths[:, None])[..., None]
    np.testing.assert_allclose(real * net.predict([x, seen]), real * plain.predict(x, lengths=lengths), atol=1e-6)
    triangle = np.broadcast_to(np.tri(9), (3, 9, 9))
    causal = masked(causal=True)
    causal.set_vector(net.vector())
    np.testing.assert_allclose(net.predict([x, triangle]), causal.predict([x, np.ones((3, 9, 9))]), atol=1e-6)
    with_both = net.predict([x, triangle], lengths=lengths)
    np.testing.assert_allclose(with_both, real * net.predict([x, triangle * seen]), atol=1e-6)


def test_a_query_that_sees_nothing() -> None:
    """Only the bias of the output is left, and its gradient is exact; that with respect to the mask is 0."""
    net, x, seen = masked().compile("sgd", "mse"), normal(2, 9, 8), np.ones((2, 9, 9), np.float32)
    fill(net)
    seen[0, 3] = seen[1] = 0
    y = net.predict([x, seen])
    bias = net.weights["a.output_bias"]
    assert (y[0, 3] == bias).all() and (y[1] == bias).all() and (y[0, 4] != bias).any()
    net.compile("sgd", loss=None).forward([x, seen], training=True)
    dx, dmask = net.backward(normal(2, 9, 8, start=3)).values()
    assert np.isfinite(dx).all() and not dx[1].any() and not dmask.any()


def test_dropout_on_threads_and_in_prediction() -> None:
    x, seen = normal(64, 9, 8), np.ones((64, 9, 9), np.float32)
    found = []
    for count in (1, 2):
        with threads(count):
            net = masked(0.5).compile("sgd", "mse")
            found.append(net.forward([x, seen], training=True))
            net.fit([x, seen], x, epochs=2, batch_size=16, verbose=0)
            found.append(net.predict([x, seen]))
    assert_same_bits(found[0], found[2])
    assert_same_bits(found[1], found[3])
    plain, net = masked(), masked(0.5).compile("sgd", "mse")
    wanted = plain.predict([x, seen])
    assert_same_bits(net.predict([x, seen]), wanted)
    assert np.abs(net.forward([x, seen], training=True) - wanted).max() > 0.1
    y = np.mean([net.forward([np.repeat(x[:1], 64, axis=0), seen], training=True)], axis=(0, 1))
    assert np.abs(y - wanted[0]).max() < 0.5 * np.abs(wanted[0]).max()
    layer = fnn.MultiHeadAttention(2, dropout=0.5)
    assert not layer.deterministic and fnn.MultiHeadAttention(2).deterministic


def test_learns_to_look_something_up() -> None:
    """Which value stood after a key: the task that a mean over all steps cannot do."""
    rng = generator(4)
    keys = np.array([rng.permutation(8)[:6] for _ in range(2000)])
    values = rng.integers(0, 4, (2000, 6))
    asked = rng.integers(0, 6, 2000)
    memory = np.concatenate([np.eye(8)[keys], np.eye(4)[values]], axis=2).astype(np.float32)
    query = np.eye(8, dtype=np.float32)[keys[np.arange(2000), asked]][:, None]
    y = values[np.arange(2000), asked][:, None]
    a, b = fnn.Input((1, 8)), fnn.Input((6, 12))
    net = fnn.Network([a, b], fnn.Dense(4, "softmax")(fnn.MultiHeadAttention(2, 16)([a, b])), seed=0)
    net.compile(fnn.Adam(0.01), metrics=["accuracy"])
    net.fit([query[:1500], memory[:1500]], y[:1500], epochs=20, verbose=0)
    assert net.evaluate([query[1500:], memory[1500:]], y[1500:])["accuracy"] > 0.97


def test_what_is_refused() -> None:
    x, z = fnn.Input((7, 12)), fnn.Input((5, 6))
    wrong = [
        (lambda: fnn.MultiHeadAttention(0), "heads must be"),
        (lambda: fnn.MultiHeadAttention(2, 257), "key_size must be"),
        (lambda: fnn.MultiHeadAttention(4, key_heads=3), "key_heads must divide 4 heads, got 3"),
        (lambda: fnn.MultiHeadAttention(2, initializer="glorot"), "unknown initializer 'glorot'"),
        (lambda: fnn.MultiHeadAttention(5)(x), r"5 heads do not divide 12 features; give a key_size"),
        (lambda: fnn.MultiHeadAttention(1)(fnn.Input((2, 300))), "features / heads must be"),
        (lambda: fnn.MultiHeadAttention(2)(fnn.Input((7,))), r"expected input \(batch, time, features\)"),
        (lambda: fnn.MultiHeadAttention(2, causal=True)([x, z]), "of a sequence to itself"),
        (lambda: fnn.MultiHeadAttention(2)([x, z, x]), "value and key need as many steps, got 5, 7"),
        (lambda: fnn.MultiHeadAttention(2)([x, z, z, z]), "got 4"),
        (lambda: fnn.MultiHeadAttention(2, dropout=1), "dropout must be a number >= 0 and < 1"),
        (lambda: fnn.MultiHeadAttention(2, masked=1), "masked must be True or False"),
        (lambda: fnn.MultiHeadAttention(2, masked=True)(x), "each with a mask after it, got 1"),
        (lambda: fnn.MultiHeadAttention(2, masked=True)([x, z]), r"a mask \(batch, 7 or 1, 7\), got \(batch, 5, 6\)"),
        (lambda: fnn.MultiHeadAttention(2, masked=True)([x, z, x]), r"a mask \(batch, 7 or 1, 5\)"),
    ]
    for call, message in wrong:
        with pytest.raises((TypeError, ValueError), match=message):
            call()
    sequence = fnn.LSTM(12, return_sequences=True)(x)
    net = fnn.Network(x, fnn.MultiHeadAttention(2)(sequence))
    with pytest.raises(ValueError, match="reads whole sequences, so it cannot run step by step"):
        net.freeze(1, streaming=True)
