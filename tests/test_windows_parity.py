"""Convolutions, longer sequences and borders over time against PyTorch, and at any length."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import assert_close, assert_same_bits, generator, normal

torch = pytest.importorskip("torch", reason="PyTorch is what is compared with")
functional = torch.nn.functional

Draw = Callable[[int, int], int]
#: A layer, and what PyTorch makes of x (batch, channels, time) and the layer's weights in float64.
Pair = tuple[fnn.Layer, Callable[..., Any]]


def kernel(draw: Draw) -> dict[str, Any]:
    taps, dilation = draw(1, 5), draw(1, 3)
    padding = draw(0, (taps - 1) * dilation // 2)
    return {"kernel": taps, "strides": draw(1, 3), "dilation": dilation, "padding": padding}


def transposed(draw: Draw) -> Pair:
    settings, groups = kernel(draw), draw(1, 3)
    layer = fnn.Conv1DTranspose(groups * draw(1, 10), **settings, groups=groups, bias=bool(draw(0, 1)))

    def theirs(x: Any, weight: Any, bias: Any = None) -> Any:
        parts = [part.permute(2, 1, 0) for part in weight.chunk(groups, 2)]
        options = {"stride": settings["strides"], "padding": settings["padding"], "dilation": settings["dilation"]}
        return functional.conv_transpose1d(x, torch.cat(parts), bias, **options, groups=groups)

    return layer, theirs


def depthwise(draw: Draw) -> Pair:
    settings, multiplier = kernel(draw), draw(1, 3)

    def theirs(x: Any, weight: Any, bias: Any) -> Any:
        laid_out = weight.reshape(len(weight), -1).T[:, None]
        options = {"stride": settings["strides"], "padding": settings["padding"], "dilation": settings["dilation"]}
        return functional.conv1d(x, laid_out, bias, **options, groups=x.shape[1])

    return fnn.DepthwiseConv1D(**settings, multiplier=multiplier), theirs


def separable(draw: Draw) -> Pair:
    settings = kernel(draw)

    def theirs(x: Any, weight: Any, pointwise: Any, bias: Any) -> Any:
        laid_out = weight.reshape(len(weight), -1).T[:, None]
        options = {"stride": settings["strides"], "padding": settings["padding"], "dilation": settings["dilation"]}
        h = functional.conv1d(x, laid_out, **options, groups=x.shape[1])
        return functional.conv1d(h, pointwise.permute(2, 1, 0), bias)

    return fnn.SeparableConv1D(draw(1, 12), **settings), theirs


def nearest(draw: Draw) -> Pair:
    size = draw(1, 5)
    return fnn.UpSample1D(size), lambda x: functional.interpolate(x, scale_factor=size)


def linear(draw: Draw) -> Pair:
    size = draw(1, 5)
    options = {"scale_factor": size, "mode": "linear", "align_corners": False}
    return fnn.UpSample1D(size, "linear"), lambda x: functional.interpolate(x, **options)


def pad(draw: Draw) -> Pair:
    before, after = draw(0, 4), draw(0, 4)
    return fnn.ZeroPad1D(((before, after),)), lambda x: functional.pad(x, (before, after))


def crop(draw: Draw) -> Pair:
    before, after = draw(0, 4), draw(0, 4)
    return fnn.Crop1D(((before, after),)), lambda x: functional.pad(x, (-before, -after))


ALL = [transposed, depthwise, separable, nearest, linear, pad, crop]


@pytest.mark.parametrize("pair", ALL, ids=lambda f: f.__name__)
def test_as_pytorch(pair: Callable[[Draw], Pair], num_threads: int) -> None:
    for seed in range(40):
        random = generator(8, seed)

        def draw(low: int, high: int, random: np.random.Generator = random) -> int:
            return int(random.integers(low, high + 1))

        layer, theirs = pair(draw)
        groups = getattr(layer, "groups", 1)
        shape = draw(1, 4), draw(13, 40), groups * draw(1, 20)
        x = normal(*shape, start=seed)
        net = fnn.Sequential([fnn.Activation("tanh"), layer], input_shape=shape[1:], seed=seed)
        y = net.forward(x, training=True).copy()
        dy = normal(*y.shape, start=seed + 1)
        dx = net.backward(dy)
        given = [torch.tensor(np.array(a, np.float64), requires_grad=True) for a in (x, *net.weights.values())]
        wanted = theirs(torch.tanh(given[0]).transpose(1, 2), *given[1:]).transpose(1, 2)
        assert_close(y, wanted.detach().numpy(), tolerance=1e-5)
        wanted.backward(torch.tensor(dy.astype(np.float64)))
        assert_close(dx, given[0].grad.numpy(), tolerance=1e-5)
        for tensor, gradient in zip(given[1:], net.gradients.values(), strict=True):
            assert_close(gradient, tensor.grad.numpy(), tolerance=1e-5)


@pytest.mark.parametrize("pair", ALL, ids=lambda f: f.__name__)
def test_any_length_in_a_file_and_frozen(pair: Callable[[Draw], Pair], tmp_path: Path) -> None:
    layer, _ = pair(lambda low, high: (low + high) // 2)
    channels = 2 * getattr(layer, "groups", 1)
    net = fnn.Sequential([layer, fnn.BatchNorm(), fnn.Dense(2)], input_shape=(None, channels), seed=0)
    assert net.output_shape == (None, 2)
    net.compile("adam", "mse")
    for steps in (9, 20):
        fixed = fnn.Sequential([type(layer)(**layer.settings()), fnn.BatchNorm(), fnn.Dense(2)], (steps, channels), 0)
        fixed.compile("adam", "mse").copy_weights(net)
        x = normal(6, steps, channels)
        y = fixed.predict(x)
        assert_same_bits(net.predict(x), y)
        np.testing.assert_allclose(net.freeze(6, input_shape=(steps, channels))(x), y, rtol=1e-5, atol=1e-5)
        net.fit(x, np.zeros_like(y), verbose=0)
    net.save(tmp_path / "net")
    again = fnn.load(tmp_path / "net")
    assert repr(again) == repr(net)
    assert_same_bits(again.predict(x), net.predict(x))


BAD: dict[str, tuple[Any, str]] = {
    "an image": (lambda: fnn.UpSample1D()(fnn.Input((4, 4, 1))), r"UpSample1D\(2\): expected input \(batch, time, ch"),
    "ids": (lambda: fnn.Conv1DTranspose(3, 2)(fnn.Input((4,))), r"expected input \(batch, time, channels\), got"),
    "bilinear": (lambda: fnn.UpSample1D(2, "bilinear"), "unknown interpolation 'bilinear'; known: nearest, linear"),
    "two sizes": (lambda: fnn.UpSample1D((2, 2)), "UpSample1D: size must be an integer, or 1 of them"),
    "two sides": (lambda: fnn.ZeroPad1D((1, 2)), "ZeroPad1D: padding must be an integer, or 1 of them or of pairs"),
    "nothing left": (lambda: fnn.Crop1D(2)(fnn.Input((4, 1))), r"Crop1D\(.*\): expected input \(batch, time > 4, ch"),
    "only padding": (
        lambda: fnn.Conv1DTranspose(3, 3, padding=2)(fnn.Input((1, 1))),
        r"Conv1DTranspose\(3\): padding leaves nothing of the time, 1 long",
    ),
    "groups": (lambda: fnn.Conv1DTranspose(3, 3, groups=2), "Conv1DTranspose: filters must be divisible by groups"),
    "kernel": (lambda: fnn.DepthwiseConv1D((3, 3)), "DepthwiseConv1D: kernel must be an integer, or 1 of them"),
    "too short": (lambda: fnn.SeparableConv1D(2, 5)(fnn.Input((4, 1))), r"expected input \(batch, time >= 5, chan"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_settings(name: str) -> None:
    make, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        make()
