"""The ready networks: their shapes and sizes, that they learn, and that no shape crashes them."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import assert_same_bits, generator, normal
from fastnn.architectures import alexnet, conformer, gpt, lenet, resnet, transformer, unet, vgg


def test_sizes_of_the_papers() -> None:
    assert sum(view.size for view in lenet().gradients.values()) == 61706  # LeNet-5 with full connections
    # He et al. count 0.27 M for 20 layers; BatchNorm and the two 1x1 shortcuts included here.
    assert sum(view.size for view in resnet().gradients.values()) == pytest.approx(0.27e6, rel=0.03)
    convolutions = [layer for layer in resnet(depth=26).layers if isinstance(layer, fnn.Conv2D)]
    assert len([layer for layer in convolutions if layer.kernel == (3, 3)]) == 25
    # Without the weights and biases of the 61 million of AlexNet that the size of its images and its first layer make.
    weights = [layer for layer in alexnet((15, 15, 3), 1000).gradients.values() if layer.ndim > 1]
    assert [view.size for view in weights[1:5]] == [256 * 25 * 96, 384 * 9 * 256, 384 * 9 * 384, 256 * 9 * 384]
    assert [view.shape for view in weights[-2:]] == [(4096, 4096), (4096, 1000)]
    # Simonyan and Zisserman's 138.36 and 132.86 million without three dense layers of 7 x 7 x 512, 4096 and 1000.
    for depth, millions in ((16, 138.36), (11, 132.86)):
        net = vgg(depth=depth, batch_norm=False)
        count = sum(view.size for view in net.gradients.values()) - (512 + 1) * (512 + 512 + 10)
        dense = (49 * 512 + 1) * 4096 + (4096 + 1) * (4096 + 1000)
        assert (count + dense) / 1e6 == pytest.approx(millions, abs=0.01)
        assert len([layer for layer in net.layers if isinstance(layer, (fnn.Conv2D, fnn.Dense))]) == depth
    assert len(vgg(depth=8, width=4).layers) < len(vgg(depth=11, width=4).layers)
    plain, deep = resnet(depth=14, shortcuts=False), resnet(depth=14)
    assert not any(isinstance(layer, fnn.Add) for layer in plain.layers)
    assert len([layer for layer in deep.layers if isinstance(layer, fnn.Add)]) == 6
    assert lenet((12, 12, 1)).output_shape == (10,)
    assert resnet((33, 18, 2), 5, 8, 4).output_shape == resnet((4, 4, 1), 5, 8, 4).output_shape == (5,)
    assert unet((48, 64, 3), 4, 4, 8).output_shape == (48, 64, 4)


@pytest.mark.parametrize("make", [lenet, partial(alexnet, width=2), partial(vgg, width=2), resnet, unet])
def test_the_seed_is_that_of_a_network(make: Callable[..., fnn.Network]) -> None:
    """None draws one, so that two networks begin with weights of their own."""
    first, second, same, other = make(), make(), make(seed=3), make(seed=4)
    assert first.seed != second.seed and other.seed == 4
    name = next(iter(first.weights))
    assert (first.weights[name] != second.weights[name]).any() and (same.weights[name] != other.weights[name]).any()
    assert_same_bits(make(seed=3).weights[name], same.weights[name])


def test_they_learn() -> None:
    """A bright quarter of an image: which one it is."""
    random = generator(0)
    y = random.integers(0, 4, 64)
    x = random.random((64, 16, 12, 1), np.float32)
    for picture, quarter in zip(x, y, strict=True):
        picture[8 * (quarter // 2) :, 6 * (quarter % 2) :][:8, :6] += 1
    for net in (lenet((16, 12, 1), 4, seed=0), resnet((16, 12, 1), 4, 8, 8, seed=0)):
        net.compile(fnn.Adam(0.01), "cross_entropy", metrics=["accuracy"])
        net.fit(x, y, 16, epochs=12, verbose=0)
        assert net.evaluate(x, y)["accuracy"] > 0.9
        np.testing.assert_allclose(net.freeze(8)(x[:8]), net.predict(x[:8]), rtol=1e-3, atol=1e-4)
    larger = x.repeat(2, axis=1).repeat(3, axis=2)
    for net in (alexnet((32, 36, 1), 4, 2, 0.1, seed=0), vgg((32, 36, 1), 4, 8, 4, dropout=0.1, seed=0)):
        net.compile(fnn.Adam(0.003), "cross_entropy", metrics=["accuracy"])
        net.fit(larger, y, 8, epochs=30, verbose=0)
        assert net.evaluate(larger, y)["accuracy"] > 0.9


def test_gpt_learns_what_was_three_steps_before() -> None:
    """Which only attention to a position tells."""
    ids = generator(1).integers(0, 6, (256, 12))
    y = np.roll(ids, 3, axis=1)
    net = gpt(6, 12, 24, 2, 2, seed=0).compile(fnn.Adam(0.005), metrics=["accuracy"])
    net.fit(ids[:200], y[:200], 20, epochs=40, verbose=0)
    found = net.classify(ids[200:])
    assert (found[:, 3:] == y[200:, 3:]).mean() > 0.95
    assert (found[:, :3] == y[200:, :3]).mean() < 0.4  # what is not there yet is not known
    assert gpt(6, 12, 24, 2, 2, dropout=0.1, seed=0).compile("adam").fit(ids, y, verbose=0)


def test_the_size_of_gpt() -> None:
    """GPT-2 small has 124 million parameters: 50257 ids, 1024 steps, 768 units, 12 blocks."""
    net, times, units = gpt(50, 10, 24, 4, 3), 10, 24
    block = 12 * units**2 + 13 * units
    count = sum(view.size for view in net.gradients.values())
    assert count == 50 * units + times * units + 3 * block + 2 * units + 50  # and a bias of the output
    with pytest.raises(ValueError, match="3 heads do not divide 128 features"):
        gpt(50, 10, heads=3)
    with pytest.raises(ValueError, match="vocabulary"):
        gpt(1, 10)


def test_transformer_learns_to_reverse() -> None:
    """Each step of the target is found in the source, at a place that depends on the step."""
    ids = generator(1).integers(2, 8, (600, 6))
    y = ids[:, ::-1]
    started = np.concatenate([np.ones((600, 1), int), y[:, :-1]], axis=1)
    net = transformer(8, 8, 6, 6, 32, 2, 1, seed=0).compile(fnn.Adam(0.005), metrics=["accuracy"])
    net.fit([ids[:500], started[:500]], y[:500], 20, epochs=15, verbose=0)
    assert net.evaluate([ids[500:], started[500:]], y[500:])["accuracy"] > 0.95


def test_the_size_of_transformer() -> None:
    """12 units^2 weights of a block of the encoder, 16 of one of the decoder, and biases and norms; lengths of both."""
    net, units = transformer(50, 60, 12, 10, 24, 4, 3), 24
    count = sum(view.size for view in net.gradients.values())
    encoder, decoder = 12 * units**2 + 13 * units, 16 * units**2 + 19 * units
    given = (50 + 60 + 12 + 10) * units
    assert count == given + 3 * (encoder + decoder) + 4 * units + 60
    assert net.output_shape == (None, 60) and net.graph.inputs == ("source", "target")
    ids = generator(2).integers(0, 50, (3, 10))
    same = transformer(50, 60, 10, 10, 24, 4, 1, dropout=0.1, seed=0).compile("adam")
    assert same.fit([ids, ids], ids, lengths=[3, 10, 7], verbose=0)
    spoilt, lengths = ids.copy(), [3, 10, 7]
    spoilt[0, 3:] = 5
    assert_same_bits(same.predict([spoilt, ids], lengths=lengths), same.predict([ids, ids], lengths=lengths))


def test_conformer_learns_which_tone() -> None:
    """A tone that lasts a quarter of the time: its frequency, and where it is."""
    random = generator(4)
    y = np.repeat(random.integers(0, 4, (48, 4)), 4, axis=1)
    x = 0.3 * random.standard_normal((48, 64, 8)).astype(np.float32)
    x += 2 * np.eye(8)[np.repeat(y, 4, axis=1)]
    net = conformer(8, 4, 16, 2, 1, 5, 0.0, seed=0).compile(fnn.Adam(0.005), metrics=["accuracy"])
    net.fit(x, y, 8, epochs=12, verbose=0)
    assert net.evaluate(x, y)["accuracy"] > 0.9
    assert net.predict(x[:2, :61]).shape == (2, 16, 4)
    # Gulati et al., table 1: 10.3 million of the small model, with an LSTM as decoder, without which it is this.
    small = conformer(80, 29, 144, 4, 16)
    assert 7e6 < sum(view.size for view in small.gradients.values()) < 10.3e6


@pytest.mark.parametrize("classes", [1, 3])
def test_unet_learns_pixels(classes: int) -> None:
    x = normal(16, 16, 12, 2)
    y = (x.sum(axis=-1) > 0).astype(np.int64) + (x[..., 0] > 1)
    net = unet((16, 12, 2), classes, 3, 8, seed=0)
    net.compile(fnn.Adam(0.01), "cross_entropy" if classes > 1 else "binary_cross_entropy", metrics=["accuracy"])
    targets = y if classes > 1 else (y[..., None] > 0).astype(np.float32)
    net.fit(x, targets, 4, epochs=25, verbose=0)
    found = net.classify(x)
    assert found.shape == (16, 16, 12) and net.predict(x).shape == (16, 16, 12, classes)
    assert (found == (y if classes > 1 else y > 0)).mean() > 0.85
    assert_same_bits(net.freeze(2)(x[:2]), net.predict(x)[:2])


@pytest.mark.parametrize("batch_norm", [False, True])
def test_unet_of_any_size(batch_norm: bool) -> None:
    """It has the bits of one that is made for the size, and its weights can be trained at another."""
    net, fixed = (unet(shape, 3, 3, 8, batch_norm, seed=0) for shape in ((None, None, 2), (16, 24, 2)))
    x = normal(4, 16, 24, 2)
    assert net.output_shape == (None, None, 3)
    assert_same_bits(net.predict(x), fixed.predict(x))
    net.compile(fnn.Adam(0.01), "cross_entropy").fit(x[:, :8, :8], np.zeros((4, 8, 8), int), verbose=0)
    assert net.predict(x).shape == (4, 16, 24, 3)
    with pytest.raises(ValueError, match=r"Concatenate\(-1\): cannot join"):
        net.predict(x[:, :10])


TIMES = {"source_vocabulary": 9, "target_vocabulary": 9, "source_times": 4, "target_times": 5}
SPEECH = {"features": 8, "classes": 4}
BAD: list[tuple[Callable[..., Any], dict[str, Any], str]] = [
    (lenet, {"input_shape": (28, 28)}, r"\(height, width, channels\), got \(28, 28\); for one channel, \(28, 28, 1\)"),
    (lenet, {"input_shape": (11, 28, 1)}, "lenet: images need at least 12 pixels on each side"),
    (lenet, {"classes": 1}, "lenet: classes must be an integer from 2"),
    (resnet, {"depth": 18}, r"resnet: depth must be 8, 14, 20, 26, \.\.\. \(6 n \+ 2\), got 18"),
    (resnet, {"depth": 2}, "resnet: depth must be 8"),
    (resnet, {"width": 0}, "resnet: width must be an integer from 1"),
    (resnet, {"input_shape": (3, 8, 8)}, "resnet: images need at least 4 pixels"),
    (alexnet, {"input_shape": (14, 28, 1)}, "alexnet: images need at least 15 pixels on each side"),
    (alexnet, {"width": 0}, "alexnet: width must be an integer from 1"),
    (alexnet, {"dropout": 1}, "must be a number >= 0 and < 1"),
    (vgg, {"depth": 12}, "vgg: depth must be one of 8, 11, 13, 16, 19, got 12"),
    (vgg, {"input_shape": (31, 32, 3)}, "vgg: images need at least 32 pixels"),
    (vgg, {"classes": 1}, "vgg: classes must be an integer from 2"),
    (lenet, {"input_shape": (None, None, 1)}, "dense_0: its parameters would depend on the length of a free axis"),
    (unet, {"input_shape": (None, 62, 1)}, r"unet: depth 3 needs sides divisible by 4, got \(None, 62, 1\)"),
    (unet, {"input_shape": (64, 62, 1)}, r"unet: depth 3 needs sides divisible by 4, got \(64, 62, 1\); pad them"),
    (transformer, {**TIMES, "heads": 3}, "3 heads do not divide 128 features"),
    (transformer, {**TIMES, "target_vocabulary": 1}, "transformer: target_vocabulary must be an integer from 2"),
    (transformer, {**TIMES, "source_times": 0}, "transformer: source_times must be an integer from 2"),
    (transformer, {**TIMES, "dropout": 1}, "dropout must be a number >= 0 and < 1"),
    (conformer, {**SPEECH, "features": 0}, "conformer: features must be an integer from 1"),
    (conformer, {**SPEECH, "heads": 16}, "rotary positions turn pairs of numbers, got heads of 9"),
    (conformer, {**SPEECH, "kernel": 0}, "conformer: kernel must be an integer from 1"),
    (conformer, {**SPEECH, "classes": 1}, "conformer: classes must be an integer from 2"),
    (unet, {"classes": 0}, "unet: classes must be an integer from 1"),
    (unet, {"depth": 10**9}, "unet: depth 1000000000 needs sides"),
]


@pytest.mark.parametrize(("make", "settings", "message"), BAD)
def test_bad_settings(make: Callable[..., Any], settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**settings)
