"""Data that are not (batch, height, width, channels): what errors advise; and maps within a network, which may be."""

from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from fastnn.architectures import lenet, resnet, unet

ONE = r"add an axis for the one channel: x\[..., None\]"
TURN = r"channels come last: x.transpose\(0, 2, 3, 1\)"
#: What a network takes, what it gets, and the advice.
DATA = [
    ((28, 28, 1), (64, 28, 28), ONE),
    ((28, 28, 1), (28, 28), r"add an axis for the one channel: x\[None, ..., None\]"),
    ((28, 28, 1), (64, 1, 28, 28), TURN),
    ((20, 30, 3), (64, 3, 20, 30), TURN),
    ((20, 30, 3), (3, 20, 30), r"channels come last: x.transpose\(1, 2, 0\)\[None\]"),
    ((20, 30, 3), (20, 30, 3), r"add a first dimension for the batch: x\[None\]"),
    ((20, 30, 3), (64, 30, 20, 3), r"got \(64, 30, 20, 3\)$"),
    ((20, 30, 3), (64, 20, 30), r"got \(64, 20, 30\)$"),
    ((9, 1), (64, 9), ONE),
]


@pytest.mark.parametrize(("features", "shape", "advice"), DATA)
def test_data_for_a_network_that_is_built(features: tuple[int, ...], shape: tuple[int, ...], advice: str) -> None:
    """Whatever accepts them says how to make them what it needs; nothing is changed."""
    convolution = fnn.Conv2D if len(features) == 3 else fnn.Conv1D
    layers = [convolution(2, 3, padding="same"), fnn.Flatten(), fnn.Dense(3, "softmax")]
    net = fnn.Sequential(layers, input_shape=features, seed=0).compile()
    before, x, y = net.parameters.copy(), np.zeros(shape, np.uint8), np.zeros(shape[0], int)
    calls: list[Any] = [net.predict, net.classify, lambda x: net.fit(x, y, verbose=0), lambda x: net.evaluate(x, y)]
    for call in calls:
        with pytest.raises(ValueError, match=rf"expected input \(batch, .*{advice}"):
            call(x)
    if shape != features:  # of which a Predictor takes one too
        with pytest.raises(ValueError, match=rf"x: expected .*{advice}"):
            net.freeze(64)(x.astype(np.float32))
    assert (net.parameters == before).all()


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (3, 480, 640)])
def test_channels_first(shape: tuple[int, ...]) -> None:
    """By the shape that is given, by that of the first data, and after layers that keep the shape of images."""
    wanted = rf"expected input \(batch, height, width, channels\), got .*; {TURN}"

    def layers() -> list[fnn.Layer]:
        return [fnn.Rescale(1 / 255), fnn.Conv2D(2, 3, padding="same")]

    inner = fnn.Sequential([fnn.Flatten(), fnn.Dense(3)])
    with pytest.raises(ValueError, match=wanted):
        fnn.Sequential(layers(), input_shape=shape)
    with pytest.raises(ValueError, match=wanted):
        fnn.Sequential([fnn.Sequential(layers()), inner], input_shape=shape)
    with pytest.raises(ValueError, match=wanted):
        fnn.Sequential(layers()).predict(np.zeros((2, *shape), np.uint8))
    with pytest.raises(ValueError, match=wanted):
        fnn.Sequential([fnn.SeparableConv2D(2, 3)], input_shape=shape)
    x = fnn.Input(shape)
    with pytest.raises(ValueError, match=wanted):
        fnn.Network(x, fnn.Add()([fnn.MaxPool2D(1)(x), x]))
    for make in (lenet, resnet, unet):
        with pytest.raises(ValueError, match=r"channels come last: expected input_shape \(\d+, \d+, [13]\), got"):
            make(shape)
    flat = fnn.Sequential([fnn.Flatten(), fnn.Dense(3)], input_shape=shape)  # where the order of axes does not matter
    assert flat.output_shape == (3,)


def test_maps_within_a_network() -> None:
    """Three rows of sixteen columns and sixteen channels, as pooling may leave them: no mistake."""
    layers = [fnn.Conv2D(16, 3, padding="same"), fnn.MaxPool2D(4), fnn.Conv2D(4, 3), fnn.Flatten(), fnn.Dense(2)]
    net = fnn.Sequential(layers, input_shape=(12, 64, 1), seed=0)
    assert fnn.inspection.layers(net)["max_pool2d_0"] == (3, 16, 16)
    assert net.predict(np.zeros((2, 12, 64, 1))).shape == (2, 2)
    x = fnn.Input((12, 64, 1))
    rest = fnn.Sequential([fnn.Conv2D(4, 3), fnn.GlobalAvgPool()])
    assert fnn.Network(x, rest(fnn.MaxPool2D(4)(fnn.Conv2D(16, 3, padding="same")(x)))).output_shape == (4,)


@pytest.mark.parametrize("shape", [(3, 23, 22), (3, 20, 30), (1, 100, 64), (3, 8, 8), (4, 32, 32)])
def test_what_may_be_meant_so(shape: tuple[int, ...]) -> None:
    """A few rows of many channels: there would be no way around an error."""
    assert fnn.Sequential([fnn.Conv2D(2, 1)], input_shape=shape).output_shape == (*shape[:2], 2)


@pytest.mark.parametrize("layer", [fnn.Conv1D(4, 3), fnn.MaxPool1D()])
def test_pictures_for_sequences(layer: fnn.Layer) -> None:
    with pytest.raises(ValueError, match=r"expected input \(batch, time, channels\), got \(batch, 3, 32, 32\)$"):
        fnn.Sequential([layer], input_shape=(3, 32, 32))


def test_a_window_beyond_any_size() -> None:
    """Padding lets it fit; its weight would not: the error names the layer."""
    for layer in (fnn.Conv2D(4, 2**31 - 1, padding="same"), fnn.DepthwiseConv2D(2**31 - 1, padding="same")):
        with pytest.raises(ValueError, match=r"^\w*Conv2D\(.*\): the weight \(2147483647, .* elements, more than"):
            fnn.Sequential([layer], input_shape=(20, 20, 3))


@pytest.mark.parametrize("pool", [fnn.MaxPool2D, fnn.AvgPool2D, fnn.MaxPool1D, fnn.AvgPool1D])
def test_a_pool_without_size(pool: Any) -> None:
    with pytest.raises(TypeError, match=f"{pool.__name__}: size must be an integer, got None"):
        pool(None)
