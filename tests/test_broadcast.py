"""Broadcasting, means and parts along axes: as NumPy, their gradients, sequences, threads."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import fastnn as fnn

Shape = tuple[int, ...]
SHAPES: list[tuple[Shape, ...]] = [
    ((8, 8, 3), (1, 1, 3)),
    ((8, 8, 3), (8, 8, 1)),
    ((5,), (1,)),
    ((1,), (5,)),
    ((4, 3), (1, 3)),
    ((4, 1), (1, 3)),
    ((2, 3, 4), (1, 3, 1)),
    ((2, 3, 4), (2, 1, 4), (1, 1, 1)),
    ((1, 1, 70), (9, 1, 70)),
]


def drawn(shapes: tuple[Shape, ...], rows: int = 5) -> list[np.ndarray]:
    rng = np.random.default_rng(len(shapes))
    return [rng.standard_normal((rows, *shape)).astype(np.float32) for shape in shapes]


def network(shapes: tuple[Shape, ...], layer: fnn.Layer, trained: bool = True) -> fnn.Network:
    """Inputs that go through a dense layer, so that a derivative is behind each; then the layer."""
    symbols = [fnn.Input(shape) for shape in shapes]
    given = [fnn.Dense(symbol.shape[-1], "tanh")(symbol) for symbol in symbols] if trained else symbols
    return fnn.Network(symbols, fnn.Flatten()(layer(given if len(given) > 1 else given[0])), seed=0)


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
@pytest.mark.parametrize(
    ("layer", "twin"), [(fnn.Add, np.add), (fnn.Multiply, np.multiply), (fnn.Subtract, np.subtract)]
)
def test_as_numpy(layer: type[fnn.Layer], twin: Callable[..., np.ndarray], shapes: tuple[Shape, ...]) -> None:
    if layer is fnn.Subtract:
        shapes = shapes[:2]
    x = drawn(shapes)
    expected = x[0]
    for other in x[1:]:
        expected = twin(expected, other)
    net = network(shapes, layer(), trained=False)
    np.testing.assert_array_equal(net.predict(x), expected.reshape(5, -1))
    assert layer()([fnn.Input(shape) for shape in shapes]).shape == expected.shape[1:]
    net = network(shapes, layer()).compile("sgd", "mse")
    fnn.check_gradients(net, x, np.zeros((5, expected[0].size)))


def test_gradients_have_the_same_bits_on_threads() -> None:
    shapes = ((32, 32, 3), (1, 1, 3))
    x = drawn(shapes, 64)
    net = network(shapes, fnn.Multiply())
    results = []
    for count in (1, 2):
        with fnn.threads(count):
            y = net.forward(x, training=True)
            results.append((y, net.backward(np.sin(y))))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    for one, two in zip(results[0][1].values(), results[1][1].values(), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("axis", [1, 2, 3, -1])
def test_mean(axis: int) -> None:
    shape = (4, 5, 3)
    (x,) = drawn((shape,))
    net = network((shape,), fnn.Mean(axis), trained=False)
    np.testing.assert_allclose(net.predict(x), x.mean(axis, keepdims=True).reshape(5, -1), atol=1e-6)
    fnn.check_gradients(network((shape,), fnn.Mean(axis)).compile("sgd", "mse"), x, net.predict(x))


@pytest.mark.parametrize(("start", "stop"), [(0, 1), (1, None), (-2, None), (0, -1), (1, 3), (0, 3)])
@pytest.mark.parametrize("axis", [1, 2, 3, -1])
def test_slice(axis: int, start: int, stop: int | None) -> None:
    shape = (3, 3, 3)
    (x,) = drawn((shape,))
    part = x[tuple(slice(start, stop) if i == axis % 4 else slice(None) for i in range(4))]
    net = network((shape,), fnn.Slice(start, stop, axis), trained=False)
    np.testing.assert_array_equal(net.predict(x), part.reshape(5, -1))
    fnn.check_gradients(network((shape,), fnn.Slice(start, stop, axis)).compile("sgd", "mse"), x, net.predict(x))


def test_parts_are_what_was_joined() -> None:
    x = fnn.Input((6,))
    h = fnn.Dense(8, "sigmoid")(x)
    y = fnn.Concatenate()([fnn.Slice(0, 3)(h), fnn.Slice(3)(h)])
    net = fnn.Network(x, [fnn.Activation("identity")(y), fnn.Activation("identity")(h)], seed=0)
    joined, whole = net.predict(np.ones((2, 6))).values()
    np.testing.assert_array_equal(joined, whole)
    single = fnn.Network(x, y, seed=0).compile("sgd", "mse")
    fnn.check_gradients(single, drawn(((6,),))[0], np.zeros((5, 8)))


def test_sequences_with_lengths() -> None:
    """Parts and means of features, a factor for each step: padding changes nothing."""
    x = fnn.Input((6, 3))
    h = fnn.LSTM(4, return_sequences=True)(x)
    gate = fnn.Activation("sigmoid")(fnn.Slice(0, 1)(h))
    h = fnn.Subtract()([fnn.Multiply()([h, gate]), fnn.Mean()(h)])
    net = fnn.Network(x, fnn.Dense(2)(fnn.GlobalAvgPool()(h)), seed=0).compile("sgd", "mse")
    (data,) = drawn(((6, 3),))
    lengths = np.array([6, 2, 1, 4, 3])
    y = net.predict(data, lengths=lengths)
    for i, n in enumerate(lengths):
        np.testing.assert_array_equal(y[i], net.predict(data[i : i + 1], lengths=[n])[0])
    fnn.check_gradients(net, data, np.zeros((5, 2)), lengths=lengths)


def test_a_bias_for_each_feature_of_a_sequence() -> None:
    """(time, features) by steps with (1, features)."""
    x, shift = fnn.Input((6, 3)), fnn.Input((1, 4))
    h = fnn.Add()([fnn.LSTM(4, return_sequences=True)(x), shift])
    net = fnn.Network([x, shift], fnn.Dense(2)(fnn.LSTM(3)(h)), seed=0).compile("sgd", "mse")
    fnn.check_gradients(net, drawn(((6, 3), (1, 4))), np.zeros((5, 2)))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda x: fnn.Subtract()([x, x, x]), ValueError, r"Subtract\(\): takes two inputs, got 3"),
        (lambda x: fnn.Subtract()([x]), ValueError, r"Subtract\(\): takes two inputs, got 1"),
        (lambda x: fnn.Add()([x, fnn.Input((2,))]), ValueError, r"Add\(\): cannot join .*3\) and \(batch, 2\)"),
        (lambda x: fnn.Add()([x, fnn.Input((3,))]), ValueError, r"Add\(\): cannot join"),
        (lambda x: fnn.Mean(0), ValueError, "Mean: axis 0 is the batch"),
        (lambda x: fnn.Mean(3)(x), ValueError, r"Mean\(3\): axis 3 is not in \(batch, 2, 3\)"),
        (lambda x: fnn.Mean("1"), TypeError, "Mean: axis must be an integer"),
        (lambda x: fnn.Slice(0, axis=0), ValueError, "Slice: axis 0 is the batch"),
        (lambda x: fnn.Slice(0, axis=-3)(x), ValueError, r"Slice\(0\): axis -3 is not in"),
        (lambda x: fnn.Slice(2, 2)(x), ValueError, r"Slice\(2\): the part 2:2 of an axis of length 3 is empty or not"),
        (lambda x: fnn.Slice(3)(x), ValueError, r"Slice\(3\): the part 3: of an axis of length 3"),
        (lambda x: fnn.Slice(0, 4)(x), ValueError, r"Slice\(0\): the part 0:4"),
        (lambda x: fnn.Slice(-4)(x), ValueError, r"Slice\(-4\): the part -4:"),
        (lambda x: fnn.Slice(0.5), TypeError, "Slice: start must be an integer"),
    ],
)
def test_what_is_refused(make: Callable[[object], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make(fnn.Input((2, 3)))


def test_from_a_file(tmp_path: Path) -> None:
    x = fnn.Input((4, 3))
    y = fnn.Subtract()([fnn.Slice(1, axis=1)(x), fnn.Mean(1)(x)])
    net = fnn.Network(x, fnn.Dense(2)(y), seed=0)
    net.save(tmp_path / "net.fnn")
    (data,) = drawn(((4, 3),))
    np.testing.assert_array_equal(fnn.load(tmp_path / "net.fnn").predict(data), net.predict(data))
