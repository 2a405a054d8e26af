"""Blocks of Transformers: their parameters, lengths, causality, dropout, files, and what is refused."""

import copy
import io
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import assert_same_bits, normal
from fastnn.engine.thread_count import threads

SETTINGS: list[dict[str, Any]] = [
    {},
    {"activation": "swiglu", "norm": "rms", "key_heads": 1, "rotary": 100.0},
    {"activation": "relu", "norm_first": False},
]


def encoder(times: int = 9, **settings: Any) -> fnn.Network:
    x = fnn.Input((times, 8))
    return fnn.Network(x, fnn.TransformerEncoderBlock(2, 12, **settings)(x), seed=0)


def decoder(times: int = 9, memory: int = 9, **settings: Any) -> fnn.Network:
    x, z = fnn.Input((times, 8)), fnn.Input((memory, 6))
    return fnn.Network([x, z], fnn.TransformerDecoderBlock(2, 12, **settings)([x, z]), seed=0)


def test_names_of_parameters() -> None:
    def names(net: fnn.Network) -> set[str]:
        return {name.split(".")[1] for name in net.weights}

    parts = {"attention", "attention_norm", "up", "down", "feed_forward_norm"}
    assert names(encoder()) == parts
    assert names(decoder()) == parts | {"cross_attention", "cross_attention_norm"}
    gated = encoder(**SETTINGS[1])
    assert gated.weights["transformer_encoder_block_0.up.weight"].shape == (8, 24)
    assert "transformer_encoder_block_0.up_norm.beta" not in gated.weights


@pytest.mark.parametrize("settings", SETTINGS)
def test_gradients(settings: dict[str, Any]) -> None:
    x, z, y = normal(3, 9, 8), normal(3, 5, 6), normal(3, 9, 8, start=4)
    smooth = {**settings, "activation": "tanh"} if settings.get("activation") == "relu" else settings
    fnn.check_gradients(encoder(**smooth).compile("sgd", "mse"), x, y)
    fnn.check_gradients(decoder(memory=5, **smooth).compile("sgd", "mse"), [x, z], y)


@pytest.mark.parametrize("settings", SETTINGS)
def test_lengths_and_causality(settings: dict[str, Any]) -> None:
    """Padding changes no bit; later steps neither, of x in a decoder and in a causal encoder."""
    x, z = normal(3, 9, 8).copy(), normal(3, 9, 6).copy()
    lengths = np.array([4, 9, 1])
    spoilt = x.copy()
    for row, n in enumerate(lengths):
        spoilt[row, n:] = 1e3
    net = encoder(**settings)
    assert_same_bits(net.predict(x, lengths=lengths), net.predict(spoilt, lengths=lengths))
    changed = x.copy()
    changed[:, 5:] += 1
    causal, full, both = encoder(causal=True, **settings), encoder(**settings), decoder(**settings)
    assert_same_bits(causal.predict(changed)[:, :5], causal.predict(x)[:, :5])
    assert (full.predict(changed)[:, :5] != full.predict(x)[:, :5]).any()
    assert_same_bits(both.predict([changed, z])[:, :5], both.predict([x, z])[:, :5])
    y = both.predict([x, z], lengths=lengths)
    z[0, 4:] = 1e3
    assert_same_bits(both.predict([x, z], lengths=lengths), y)
    assert not y[0, 4:].any()


def test_a_block_is_put_together_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the steps are; again only for other features, where the layer is in another network."""
    made, graph = [], fnn.TransformerEncoderBlock.graph

    def counted(block: fnn.TransformerEncoderBlock, features: list[tuple[int, ...]]) -> Any:
        made.append(features)
        return graph(block, features)

    monkeypatch.setattr(fnn.TransformerEncoderBlock, "graph", counted)
    block = fnn.TransformerEncoderBlock(2, 12)
    net = fnn.Sequential([block], input_shape=(None, 8), seed=0)
    for steps in (9, 4):
        fixed = encoder(steps)
        fixed.copy_weights(net)
        assert_same_bits(net.predict(normal(3, steps, 8)), fixed.predict(normal(3, steps, 8)))
    assert len(made) == 3  # of three layers
    with pytest.warns(UserWarning, match="is in two networks"):
        other = fnn.Sequential([block], input_shape=(5, 6), seed=0)
    assert other.predict(normal(3, 5, 6)).shape == (3, 5, 6)
    assert net.predict(normal(3, 5, 8)).shape == (3, 5, 8)
    assert len(made) == 4


def test_dropout() -> None:
    """In training only, with the same bits on any number of threads; two places of a block draw their own."""
    x = normal(32, 9, 8)
    found = []
    for count in (1, 2):
        with threads(count):
            net = encoder(dropout=0.3).compile("adam", "mse")
            net.fit(x, x, epochs=2, batch_size=8, verbose=0)
            found.append(net.predict(x))
    assert_same_bits(*found)
    assert not fnn.TransformerEncoderBlock(2, 4, dropout=0.1).deterministic
    given, block = fnn.Input((9, 8)), fnn.TransformerEncoderBlock(2, 12, dropout=0.5)
    twice = fnn.Network(given, fnn.Subtract()([block(given), block(given)]), seed=0).compile("sgd", "mse")
    assert np.abs(twice.forward(x, training=True)).max() > 0.1
    assert not twice.predict(x).any()


@pytest.mark.parametrize("settings", SETTINGS)
def test_files_copies_and_frozen_networks(settings: dict[str, Any]) -> None:
    x, z = normal(4, 9, 8), normal(4, 9, 6)
    for net, given in ((encoder(**settings), x), (decoder(**settings), [x, z])):
        wanted = net.predict(given)
        file = io.BytesIO()
        net.save(file)
        file.seek(0)
        assert_same_bits(fnn.load(file).predict(given), wanted)
        assert_same_bits(copy.copy(net).predict(given), wanted)
        assert_same_bits(net.freeze(4)(given), wanted)


def test_what_is_refused() -> None:
    x = fnn.Input((9, 8))
    for kind in (fnn.TransformerEncoderBlock, fnn.TransformerDecoderBlock):
        name = kind.__name__
        wrong: list[tuple[dict[str, Any], str]] = [
            ({"heads": 0}, f"{name}: heads must be an integer from 1"),
            ({"units": 0}, f"{name}: units must be an integer from 1"),
            ({"activation": "swigl"}, "unknown activation 'swigl'"),
            ({"norm": "batch"}, "unknown norm 'batch'"),
            ({"norm_first": 1}, f"{name}: norm_first must be True or False"),
            ({"dropout": 1.0}, f"{name}: dropout must be a number >= 0 and < 1"),
            ({"key_heads": 3}, "key_heads must divide 4 heads, got 3"),
            ({"rotary": 0}, "rotary must be a number >= 1"),
        ]
        for settings, message in wrong:
            with pytest.raises((TypeError, ValueError), match=message):
                kind(**{"heads": 4, "units": 16, **settings})
    with pytest.raises(TypeError, match="TransformerEncoderBlock: causal must be True or False"):
        fnn.TransformerEncoderBlock(2, 4, causal=1)
    with pytest.raises(ValueError, match="3 heads do not divide 8 features"):
        fnn.TransformerEncoderBlock(3, 16)(x)
    with pytest.raises(ValueError, match=r"expected input \(batch, time, features\), got \(batch, 8\)"):
        fnn.TransformerEncoderBlock(2, 16)(fnn.Input((8,)))
    with pytest.raises(ValueError, match=r"TransformerEncoderBlock\(2\): takes one input, got 2"):
        fnn.TransformerEncoderBlock(2, 16)([x, x])
    with pytest.raises(ValueError, match=r"TransformerDecoderBlock\(2\): takes \[x, memory\], got 1"):
        fnn.TransformerDecoderBlock(2, 16)(x)
