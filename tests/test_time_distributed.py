"""TimeDistributed: layers at each step of a sequence, compared with the same layers on all steps as samples."""

import copy
import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

import fastnn as fnn

TIMES, ROWS = 4, 6
RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((ROWS, TIMES, 8, 8, 2)).astype(np.float32)
LENGTHS = np.array([4, 2, 1, 3, 4, 2])
CHAINS = {
    "convolution": lambda: [
        fnn.Conv2D(8, 3, padding="same", activation="tanh"),
        fnn.Conv2D(3, 3, 2, activation="gelu"),
    ],
    "winograd": lambda: [fnn.Conv2D(16, 3, padding="same"), fnn.Conv2D(16, 3, padding="same", activation="silu")],
    "transposed": lambda: [fnn.Conv2DTranspose(3, 3, 2, activation="tanh")],
    "depthwise": lambda: [fnn.DepthwiseConv2D(3, activation="silu")],
    "pooling": lambda: [
        fnn.Conv2D(3, 3, padding="same"),
        fnn.AvgPool2D(2),
        fnn.UpSample2D(2),
        fnn.UpSample2D(2, interpolation="bilinear"),
    ],
    "batch norm": lambda: [fnn.Conv2D(4, 3), fnn.BatchNorm(), fnn.Activation("tanh")],
    "group norm": lambda: [fnn.Conv2D(4, 3), fnn.GroupNorm(2), fnn.ZeroPad2D(1), fnn.GlobalAvgPool()],
    "dense": lambda: [fnn.Flatten(), fnn.Dense(5, "tanh"), fnn.LayerNorm()],
    "maxout": lambda: [fnn.Flatten(), fnn.Maxout(3, 2)],
    "attention": lambda: [fnn.Reshape((16, 8)), fnn.MultiHeadAttention(2, 4, causal=True), fnn.GlobalAvgPool()],
}


def network(name: str, times: int | None = TIMES) -> fnn.Network:
    return fnn.Sequential([fnn.TimeDistributed(CHAINS[name]())], input_shape=(times, 8, 8, 2), seed=1)


def of_samples(name: str, net: fnn.Network) -> fnn.Sequential:
    """The same layers with the same weights, for steps as samples."""
    other = fnn.Sequential(CHAINS[name](), input_shape=(8, 8, 2), seed=1)
    for key, weight in other.weights.items():
        weight[...] = net.weights[f"time_distributed_0.{key}"]
    return other


@pytest.mark.parametrize("name", CHAINS)
def test_steps_are_samples(name: str) -> None:
    net = network(name)
    other = of_samples(name, net)
    wanted = other.predict(X.reshape(-1, 8, 8, 2)).reshape(ROWS, TIMES, *other.output_shape)
    assert np.array_equal(net.predict(X), wanted)
    with fnn.threads(1):
        assert np.array_equal(net.predict(X), wanted)
    frozen = other.freeze(ROWS * TIMES)(X.reshape(-1, 8, 8, 2)).reshape(wanted.shape)
    assert np.allclose(net.freeze(ROWS)(X), frozen, atol=1e-6)


@pytest.mark.parametrize("name", CHAINS)
def test_training_is_that_of_samples(name: str) -> None:
    net = network(name).compile(fnn.SGD(0.1), "mse")
    other = of_samples(name, net).compile(fnn.SGD(0.1), "mse")
    t = RANDOM.standard_normal((ROWS, TIMES, *other.output_shape)).astype(np.float32)
    for _ in range(2):
        loss = net.train_on_batch(X, t)
        # Steps come in another order than samples, so that sums over them are rounded otherwise.
        assert loss == pytest.approx(other.train_on_batch(X.reshape(-1, 8, 8, 2), t.reshape(-1, *other.output_shape)))
    for key, weight in other.weights.items():
        assert np.allclose(net.weights[f"time_distributed_0.{key}"], weight, atol=1e-5), key


@pytest.mark.parametrize("name", [name for name in CHAINS if "norm" not in name])
def test_gradients(name: str) -> None:
    net = network(name).compile("sgd", "mse")
    t = np.zeros((ROWS, *net.output_shape), np.float32)
    fnn.check_gradients(net, X, t)


def classifier(times: int | None = TIMES) -> fnn.Sequential:
    layers = [
        fnn.TimeDistributed([fnn.Conv2D(4, 3, activation="tanh"), fnn.BatchNorm(), fnn.Flatten()]),
        *(fnn.LSTM(5), fnn.Dense(3, "softmax")),
    ]
    return fnn.Sequential(layers, input_shape=(times, 8, 8, 2), seed=0).compile("adam")


def test_lengths() -> None:
    net = classifier()
    y = net.predict(X, lengths=LENGTHS)
    padded = X.copy()
    for row, length in enumerate(LENGTHS):
        padded[row, length:] = 1e6
        alone = classifier(int(length)).predict(X[row : row + 1, :length])
        assert np.array_equal(y[row : row + 1], alone)
    assert np.array_equal(net.predict(padded, lengths=LENGTHS), y)
    labels, other = np.arange(ROWS) % 3, classifier()
    for _ in range(2):  # what is after the end counts neither in gradients nor in statistics
        assert net.train_on_batch(X, labels, lengths=LENGTHS) == other.train_on_batch(padded, labels, lengths=LENGTHS)
    assert all(np.array_equal(weight, other.weights[key]) for key, weight in net.weights.items())
    fnn.check_gradients(net, X, labels, lengths=LENGTHS)


def test_sequences_of_any_length() -> None:
    net, sequences = classifier(None), [X[row, :length] for row, length in enumerate(LENGTHS)]
    assert np.array_equal(net.predict(sequences), net.predict(X, lengths=LENGTHS))
    assert np.array_equal(net.predict(X[:, :2]), classifier(2).predict(X[:, :2]))
    net.fit(sequences, np.arange(ROWS) % 3, batch_size=2, verbose=0)


def test_streams() -> None:
    layers = [fnn.TimeDistributed(CHAINS["batch norm"]()), fnn.TimeDistributed(fnn.Flatten())]
    net = fnn.Sequential([*layers, fnn.LSTM(4, return_sequences=True)], input_shape=(TIMES, 8, 8, 2), seed=0)
    f = net.freeze(ROWS, streaming=True)
    steps = [f.step(X[:, t]).copy() for t in range(TIMES)]
    assert np.allclose(np.stack(steps, axis=1), net.freeze(ROWS)(X), atol=1e-6)


@dataclass
class Own(fnn.Composite):
    """A custom layer."""

    filters: int

    def layers(self) -> list[fnn.Layer]:
        return [fnn.Conv2D(self.filters, 3), fnn.BatchNorm(), fnn.GlobalAvgPool()]


def test_files_and_copies() -> None:
    layers = [fnn.TimeDistributed([fnn.Rescale(2.0), Own(3), fnn.Dense(4, name="code")]), fnn.GRU(3)]
    net, file = fnn.Sequential(layers, input_shape=(TIMES, 8, 8, 2), seed=0).compile("adam", "mse"), io.BytesIO()
    net.fit(X, np.zeros((ROWS, 3)), verbose=0)
    net.save(file)
    file.seek(0)
    loaded = fnn.load(file, layers={"Own": Own})
    for other in (loaded, copy.copy(net)):
        assert list(other.weights) == list(net.weights)
        assert np.array_equal(other.predict(X), net.predict(X))
        other.fit(X, np.zeros((ROWS, 3)), verbose=0)
    file.seek(0)
    with pytest.raises(ValueError, match="unknown layer 'Own'"):
        fnn.load(file)
    net.fit(X, np.zeros((ROWS, 3)), verbose=0)
    assert np.array_equal(net.parameters, loaded.parameters)


class Doubled(fnn.PythonLayer):
    """A layer in Python."""

    def forward(self, x: np.ndarray) -> np.ndarray:
        return 2 * x

    def backward(self, dy: np.ndarray) -> np.ndarray:
        return 2 * dy


def test_layers_in_python_get_the_real_steps() -> None:
    net = fnn.Sequential(
        [fnn.TimeDistributed([Doubled(), fnn.Flatten(), fnn.Dense(3)])], input_shape=X.shape[1:], seed=0
    )
    net.compile("sgd", "mse")
    y = net.predict(X, lengths=LENGTHS)
    for row, length in enumerate(LENGTHS):
        wanted = 2 * X[row, :length].reshape(length, -1) @ net.weights["time_distributed_0.dense_0.weight"]
        assert np.allclose(y[row, :length], wanted, atol=1e-5)
    fnn.check_gradients(net, X, np.zeros((ROWS, TIMES, 3)), lengths=LENGTHS)


def test_threads_change_no_bit() -> None:
    results = []
    for count in (1, 2, 3):
        with fnn.threads(count):
            net = classifier()
            net.fit(X, np.arange(ROWS) % 3, epochs=2, verbose=0)
            results.append(net.parameters.copy())
    assert all(np.array_equal(results[0], each) for each in results)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: fnn.TimeDistributed([]), ValueError, "at least one layer"),
        (lambda: fnn.TimeDistributed(fnn.Dense(2, trainable=False)), ValueError, "freeze the whole"),
        (lambda: fnn.TimeDistributed(3), TypeError, "must be Layer objects, got 3"),
        (lambda: fnn.TimeDistributed(classifier()), TypeError, "must be Layer objects"),
        (
            lambda: fnn.TimeDistributed(fnn.Dense(3))(fnn.Input((4,))),
            ValueError,
            r"expected input \(batch, time, ...\)",
        ),
        (lambda: fnn.TimeDistributed(fnn.Conv2D(3, 3))(fnn.Input((5, 9))), ValueError, r"Conv2D\(3\): expected"),
    ],
)
def test_bad_input(make: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


@dataclass
class Hidden(fnn.Composite):
    """A recurrent layer in a custom one."""

    def layers(self) -> list[fnn.Layer]:
        return [fnn.LSTM(3)]


def test_sequences_in_steps_are_refused() -> None:
    for inner in (fnn.LSTM(3), fnn.Bidirectional(fnn.GRU(2)), fnn.TimeDistributed(fnn.Dense(2))):
        with pytest.raises(ValueError, match=r"TimeDistributed: .* reads sequences"):
            fnn.TimeDistributed([fnn.Dense(3), inner])
    with pytest.raises(ValueError, match="reads sequences"):
        fnn.Sequential([fnn.TimeDistributed(Hidden())], input_shape=(5, 4, 3), seed=0).predict(np.zeros((2, 5, 4, 3)))
