"""Augmentation in networks: what happens to images and how often, in training alone, and that it follows the seed."""

import copy
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import assert_same_bits
from networks import training_state

LAYERS: list[fnn.Layer] = [
    fnn.RandomFlip(),
    fnn.RandomFlip(vertical=True),
    fnn.RandomShift(2),
    fnn.RandomShift((0, 3)),
    fnn.RandomRotation(30),
    fnn.RandomBrightness(0.2),
    fnn.RandomContrast(0.5),
    fnn.Cutout(3),
]
SHAPE = (6, 5, 2)


def seen(layer: fnn.Layer, x: np.ndarray, seed: int = 0, steps: int = 1) -> np.ndarray:
    """x as training sees it, of the last step."""
    net = fnn.Sequential([layer], input_shape=x.shape[1:], seed=seed)
    for _ in range(steps):
        y = net.forward(x, training=True)
        net.backward(np.zeros_like(y))
    return y


def same(count: int = 4000, shape: tuple[int, ...] = (7, 9, 1)) -> np.ndarray:
    """One image, many times; its numbers are all different, and none is 0."""
    picture = 1 + np.random.default_rng(0).permutation(np.prod(shape)).reshape(shape).astype(np.float32)
    return np.broadcast_to(picture, (count, *shape)).copy()


def pictures(count: int = 40, shape: tuple[int, ...] = SHAPE) -> tuple[np.ndarray, np.ndarray]:
    """Bytes, and labels that follow from them."""
    x = np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8)
    return x, (x[:, :3].mean(axis=(1, 2, 3)) > x[:, 3:].mean(axis=(1, 2, 3))).astype(np.int64)


def network(*layers: fnn.Layer, seed: int = 0) -> fnn.Sequential:
    """The layers between a scale and a classifier."""
    ends = [fnn.Flatten(), fnn.Dense(5, activation="tanh"), fnn.Dense(2, activation="softmax")]
    net = fnn.Sequential([fnn.Rescale(1 / 255), *layers, *ends], input_shape=SHAPE, seed=seed)
    return net.compile("adam", "cross_entropy", ["accuracy"])


def assert_half(happened: np.ndarray, probability: float = 0.5) -> None:
    """Within five standard errors."""
    error = np.sqrt(probability * (1 - probability) / len(happened))
    assert abs(happened.mean() - probability) < 5 * error


def is_like(y: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """Which of y are that image."""
    return (y == picture).all(axis=(1, 2, 3))


def test_flips_happen_half_of_the_time() -> None:
    """Each of them, independently, and nothing else does."""
    x = same()
    y, picture = seen(fnn.RandomFlip(), x), x[0]
    kept, flipped = is_like(y, picture), is_like(y, picture[:, ::-1])
    assert (kept ^ flipped).all()
    assert_half(flipped)
    assert_half(is_like(seen(fnn.RandomFlip(False, True), x), picture[::-1]))
    y = seen(fnn.RandomFlip(vertical=True), x)
    ways = [is_like(y, p) for p in (picture, picture[::-1], picture[:, ::-1], picture[::-1, ::-1])]
    assert np.sum(ways, axis=0).min() == 1
    for way in ways:
        assert_half(way, 1 / 4)
    for lag in (1, 2, 64):  # neighbours in the batch are independent
        assert abs(np.corrcoef(flipped[lag:], flipped[:-lag])[0, 1]) < 5 / np.sqrt(len(x))


def test_shifts_cover_their_range() -> None:
    """Each of 5 x 3 places equally often, with zeros where nothing comes from."""
    x = same()
    y = seen(fnn.RandomShift((2, 1)), x)
    padded = np.pad(x[0], ((2, 2), (1, 1), (0, 0)))
    found = 0
    for i in range(5):
        for j in range(3):
            here = is_like(y, padded[i : i + 7, j : j + 9])
            assert_half(here, 1 / 15)
            found += here.sum()
    assert found == len(x)


def test_rotations_cover_their_range() -> None:
    """Seen by where a bright pixel goes: its angle is uniform between the limits."""
    x = np.zeros((4000, 41, 41, 1), np.float32)
    x[:, 20, 35] = 1
    y = seen(fnn.RandomRotation(60), x)[..., 0]
    i, j = (y.sum(axis=axis) @ np.arange(41) / y.sum(axis=(1, 2)) - 20 for axis in (2, 1))
    angle = np.degrees(np.arctan2(i, j))
    assert np.abs(angle).max() < 60.5 and angle.min() < -59 and angle.max() > 59
    assert abs(angle.mean()) < 5 * 120 / np.sqrt(12 * 4000)
    assert angle.std() == pytest.approx(120 / np.sqrt(12), rel=0.05)
    np.testing.assert_allclose(y.sum(axis=(1, 2)), 1, atol=0.35)


def test_brightness_and_contrast_cover_their_ranges() -> None:
    x = same() / 64
    y = seen(fnn.RandomBrightness(0.3), x)
    change = y - x
    assert np.ptp(change, axis=(1, 2, 3)).max() < 1e-6
    y = seen(fnn.RandomContrast(0.8), x)
    factor = (y - x.mean())[:, 3, 4, 0] / (x - x.mean())[:, 3, 4, 0]
    np.testing.assert_allclose(y.mean(axis=(1, 2, 3)), x[0].mean(), rtol=1e-5)
    np.testing.assert_allclose(y - x.mean(), factor[:, None, None, None] * (x - x.mean()), atol=1e-5)
    for drawn, middle, amount in ((change[:, 0, 0, 0], 0, 0.3), (factor, 1, 0.8)):
        assert np.abs(drawn - middle).max() <= amount + 1e-5 and np.ptp(drawn) > 1.98 * amount
        assert abs(drawn.mean() - middle) < 5 * amount / np.sqrt(3 * 4000)


def test_cutout_covers_its_range() -> None:
    """The middle of its square is any pixel, equally often; at an edge less of it is left."""
    gone = seen(fnn.Cutout(3), same())[..., 0] == 0
    rows, columns = gone.any(axis=2), gone.any(axis=1)
    assert (gone == rows[:, :, None] & columns[:, None]).all()
    assert set(rows.sum(axis=1)) == set(columns.sum(axis=1)) == {2, 3}
    for lines in (rows, columns):
        n = lines.shape[1]
        for i in range(n):
            assert_half(lines[:, i], (2 if i in (0, n - 1) else 3) / n)


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_follows_the_seed(layer: fnn.Layer) -> None:
    """The same seed and step give the same, another one another; so does the place in the batch, not the batch."""
    x = np.random.default_rng(1).random((50, *SHAPE), np.float32)
    y = seen(layer, x)
    assert_same_bits(seen(layer, x), y)
    assert_same_bits(seen(layer, x[:20]), y[:20])
    for other in (seen(layer, x, seed=1), seen(layer, x, steps=2), seen(layer, x[::-1].copy())[::-1]):
        assert (other != y).any()


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_prediction_has_none(layer: fnn.Layer) -> None:
    """predict, evaluate, classify and freeze are those of the network without it, and so are their plans."""
    x, y = pictures()
    net, plain = network(layer), network()
    assert_same_bits(net.predict(x), plain.predict(x))
    assert_same_bits(net.classify(x), plain.classify(x))
    assert_same_bits(net.freeze(len(x))(x), plain.predict(x))
    assert net.evaluate(x, y) == plain.evaluate(x, y)
    assert [type(op) for op in net.plan(8).ops] == [type(op) for op in plain.plan(8).ops]
    assert net.train_on_batch(x, y) != plain.train_on_batch(x, y)


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_gradients(layer: fnn.Layer) -> None:
    """Through it to weights and activations before it."""
    x, y = pictures(8)
    fnn.check_gradients(network(fnn.PReLU(), layer, fnn.Activation("tanh")), x.astype(np.float32), y)
    ends = [fnn.Dense(60, activation="sigmoid"), fnn.Reshape(SHAPE), layer, fnn.Flatten(), fnn.Dense(2)]
    net = fnn.Sequential(ends, input_shape=(4,), seed=0).compile("sgd", "mse")
    fnn.check_gradients(net, np.random.default_rng(0).standard_normal((8, 4)), np.ones((8, 2)))


def test_probabilities_are_not_taken_for_logits() -> None:
    """What a sigmoid gave has changed on the way to the loss: as after Dropout, that is refused."""
    ends = [fnn.Dense(60, activation="sigmoid"), fnn.Reshape(SHAPE), fnn.RandomFlip()]
    net = fnn.Sequential(ends, input_shape=(4,), seed=0).compile("sgd", "binary_cross_entropy")
    with pytest.raises(ValueError, match="binary_cross_entropy: the output activation must be sigmoid"):
        net.train_on_batch(np.ones((8, 4)), np.ones((8, *SHAPE)))


def test_same_bits_on_threads(isa: str) -> None:
    x, y = pictures(300, (24, 20, 2))
    results = []
    for threads in (1, 2):
        net = fnn.Sequential([*LAYERS, fnn.Flatten(), fnn.Dense(2)], input_shape=x.shape[1:], seed=3).compile()
        with fnn.threads(threads):
            net.fit(x, y, batch_size=128, epochs=2, verbose=0)
        results.append(training_state(net))
    assert results[0] == results[1]


def test_fit_save_and_load(tmp_path: Any) -> None:
    """In a Sequential and in branches, with a short last batch; what is loaded trains on with the same bits."""
    x, y = pictures()
    picture = fnn.Input(SHAPE)
    both = [fnn.RandomFlip()(fnn.Rescale(1 / 255)(picture)), fnn.Cutout(2)(fnn.RandomRotation(10)(picture))]
    head = fnn.Dense(2, activation="softmax")(fnn.Flatten()(fnn.Concatenate()(both)))
    branches = fnn.Network(picture, head, seed=1).compile("adam", "cross_entropy", ["accuracy"])
    for net in (network(*LAYERS), branches):
        net.fit(x, y, 16, 2, verbose=0)
        net.save(tmp_path / "net")
        for other in (fnn.load(tmp_path / "net"), copy.deepcopy(net)):
            assert repr(other) == repr(net) and training_state(other) == training_state(net)
            twin = copy.deepcopy(net)
            for each in (other, twin):
                each.fit(x, y, 16, 2, validation_data=(x, y), verbose=0)
            assert training_state(other) == training_state(twin)


def test_uses_of_a_layer_are_apart() -> None:
    """One layer at two places draws for each."""
    flip, x = fnn.RandomFlip(), fnn.Input((7, 9, 1))
    net = fnn.Network(x, fnn.Concatenate()([flip(x), flip(x)]), seed=0)
    y = net.forward(same(), training=True)
    assert_half((y[..., 0] == y[..., 1]).all(axis=(1, 2)))


BAD: list[tuple[Any, type[Exception], str]] = [
    (lambda: fnn.RandomFlip(1), TypeError, "RandomFlip: horizontal must be True or False, got 1"),
    (lambda: fnn.RandomFlip(False), ValueError, "RandomFlip: horizontal or vertical must be True"),
    (lambda: fnn.RandomFlip(vertical="x"), TypeError, "RandomFlip: vertical must be True or False"),
    (lambda: fnn.RandomShift(-1), ValueError, "RandomShift: pixels must be an integer from 0"),
    (lambda: fnn.RandomShift(1.5), TypeError, "RandomShift: pixels must be an integer"),
    (lambda: fnn.RandomShift((1, 2, 3)), ValueError, r"RandomShift: pixels must be an integer, or 2 of them"),
    (lambda: fnn.RandomRotation(181), ValueError, "RandomRotation: degrees must be a number >= 0 and <= 180"),
    (lambda: fnn.RandomBrightness(-0.1), ValueError, "RandomBrightness: amount must be a number >= 0"),
    (lambda: fnn.RandomBrightness(float("nan")), ValueError, "RandomBrightness: amount"),
    (lambda: fnn.RandomContrast(1.1), ValueError, "RandomContrast: amount must be a number >= 0 and <= 1"),
    (lambda: fnn.Cutout(0), ValueError, "Cutout: size must be an integer from 1"),
]


@pytest.mark.parametrize(("make", "error", "message"), BAD, ids=lambda value: value if isinstance(value, str) else "")
def test_bad_settings(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_bad_pictures(layer: fnn.Layer) -> None:
    for shape, message in (
        ((28, 28), r"the channels are missing: x\[..., None\] adds one"),
        ((3, 32, 32), r"channels come last: x.transpose\(0, 2, 3, 1\)"),
        ((7,), r"expected input \(batch, height, width, channels\), got \(batch, 7\)"),
    ):
        with pytest.raises(ValueError, match=message):
            fnn.Sequential([layer], input_shape=shape)


def test_pictures_that_are_too_small() -> None:
    for layer, shape, message in (
        (
            fnn.RandomShift(4),
            (9, 4, 1),
            r"expected input \(batch, height > 4, width > 4, channels\), got \(batch, 9, 4, 1\)",
        ),
        (fnn.RandomShift((4, 1)), (4, 9, 1), r"expected input \(batch, height > 4, width > 1, channels\)"),
        (fnn.Cutout(6), (5, 9, 1), r"Cutout\(6\): expected input \(batch, height > 5, width > 5, channels\)"),
    ):
        with pytest.raises(ValueError, match=message):
            fnn.Sequential([layer], input_shape=shape)
        fnn.Sequential([layer], input_shape=(10, 10, 1))
