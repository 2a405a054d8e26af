"""fastnn and NumPy, for each kind of workload; NumPy without convolutions, GRUs and sequences of different lengths."""

import numpy as np

import fastnn as fnn
from fastnn import kernels
from fastnn.bench.contest import Maker, Task
from fastnn.bench.numpy_lstm import NumpyLSTM, NumpyLSTMTraining
from fastnn.bench.numpy_network import NumpyNetwork
from fastnn.bench.pictures import Layer, Pictures
from fastnn.bench.sequences import Sequences
from fastnn.bench.workloads import AnyWorkload, Workload
from fastnn.engine.op import Op, multiply_add
from fastnn.engine.tensor import Tensor
from fastnn.kernels.axis import Axis
from fastnn.layers.symbol import Symbol

#: Rounds of the loop that measures the peak, about 0.1 ms.
PEAK_ROUNDS = 25_000


def network(workload: AnyWorkload) -> fnn.Network:
    """The workload's network, compiled if it is trained; on images with momentum."""
    net: fnn.Network
    if isinstance(workload, Pictures):
        x = given = fnn.Input(workload.shape)
        for layer in workload.layers:
            x = _layer(x, layer, last=layer is workload.layers[-1])
        net = fnn.Network(given, x, seed=0)
        momentum = 0.9
    elif isinstance(workload, Sequences):
        features, units, classes = workload.sizes
        kind = {"LSTM": fnn.LSTM, "GRU": fnn.GRU}[workload.layer]
        recurrent, dense = kind(units, return_sequences=not workload.at_end), fnn.Dense(classes)
        net = fnn.Sequential([recurrent, dense], input_shape=(workload.steps, features), seed=0)
        momentum = 0.0
    else:
        *hidden, last = workload.sizes[1:]
        layers = [fnn.Dense(units, workload.activation) for units in hidden]
        net = fnn.Sequential([*layers, fnn.Dense(last)], input_shape=workload.sizes[:1], seed=0)
        momentum = 0.0
    if workload.kind == "train":
        adam = workload.optimizer == "Adam"
        net.compile(fnn.Adam(workload.rate) if adam else fnn.SGD(workload.rate, momentum), "cross_entropy")
    return net


def _layer(x: Symbol, layer: Layer, last: bool) -> Symbol:
    """A layer described as in pictures.py."""
    kind, *settings = layer

    def convolution(x: Symbol, filters: int, kernel: int = 3, stride: int = 1) -> Symbol:
        return fnn.BatchNorm()(fnn.Conv2D(filters, kernel, stride, "same", bias=False)(x))

    if kind == "conv":
        return fnn.Conv2D(int(settings[0]), 3, padding=settings[1], activation="relu")(x)
    if kind == "pool":
        return fnn.MaxPool2D()(x)
    if kind == "mean":
        return fnn.GlobalAvgPool()(x)
    if kind == "stem":
        return fnn.Activation("relu")(convolution(x, int(settings[0])))
    if kind == "block":
        filters, stride = map(int, settings)
        y = fnn.Activation("relu")(convolution(x, filters, 3, stride))
        shortcut = x if stride == 1 else convolution(x, filters, 1, stride)
        return fnn.Activation("relu")(fnn.Add()([convolution(y, filters), shortcut]))
    if len(x.shape) > 1:
        x = fnn.Flatten()(x)
    return fnn.Dense(int(settings[0]), None if last else "relu")(x)


def fastnn_task(workload: AnyWorkload, threads: int) -> Task:
    """train_on_batch, a Predictor, a Stream, or the Op itself."""
    if isinstance(workload, Sequences):
        return _sequences(workload)
    if workload.kind == "train":
        return Task(network(workload).train_on_batch, workload.batches())
    if workload.kind in ("predict", "one"):
        return Task(network(workload).freeze(workload.batch), workload.batches())
    if isinstance(workload, Pictures):
        return _depthwise(workload)
    return Task(_product(workload), [()])


def _sequences(workload: Sequences) -> Task:
    """A training step, or one time step into an existing array."""
    net = network(workload)
    if workload.kind == "train":
        return Task(lambda x, y, lengths=None: net.train_on_batch(x, y, lengths=lengths), workload.batches())
    stream, out = net.freeze(streaming=True), np.empty(workload.sizes[-1], np.float32)
    return Task(lambda x: stream.step(x, out), workload.batches())


def _depthwise(workload: Pictures) -> Task:
    """The layer's two Ops, for each of the batches."""
    height, width, channels = workload.shape
    axes = Axis(height, 3, 1, 1, 1, 1), Axis(width, 3, 1, 1, 1, 1)
    shape, weight, bias = (workload.batch, height * width * channels), _tensor(3, 3, channels, 1), _tensor(channels)
    y, dx, dweight, dbias = Tensor(shape), Tensor(shape), Tensor((3, 3, channels, 1)), Tensor((channels,))
    steps = []
    for (images,) in workload.batches():
        x, dy = Tensor(shape), _tensor(*shape)
        x.array[...] = images.reshape(shape)
        forward = kernels.Depthwise(x, weight, bias, y, *axes)
        steps.append((forward, kernels.DepthwiseGradient(x, weight, dy, dx, dweight, dbias, *axes)))

    def step(forward: Op, backward: Op) -> None:
        forward()
        backward()

    return Task(step, steps)


def _tensor(*shape: int) -> Tensor:
    made = Tensor(shape)
    made.array[...] = np.random.default_rng(sum(shape)).standard_normal(shape, np.float32)
    return made


def _product(workload: Workload) -> Op:
    m, (k, n) = workload.batch, workload.sizes
    x, weight, bias, y = _tensor(m, k), _tensor(k, n), _tensor(n), _tensor(m, n)
    if workload.kind == "input_gradient":
        return kernels.DenseInputGradient(y, weight, Tensor((m, k)))
    if workload.kind == "weight_gradient":
        return kernels.DenseWeightGradient(x, y, Tensor((k, n)))
    return kernels.Dense(x, kernels.Packed(weight) if workload.kind == "packed" else weight, bias, y, "relu")


def fit_task(workload: AnyWorkload, threads: int) -> Task | None:
    """The steps of an epoch of `fit`."""
    if not isinstance(workload, Workload) or workload.kind != "train":
        return None
    net, steps = network(workload), 40 if workload.flops > 1e7 else 2000
    rng = np.random.default_rng(0)
    x = rng.random((steps * workload.batch, workload.sizes[0]), np.float32)
    y = rng.integers(0, workload.sizes[-1], len(x))
    return Task(lambda: net.fit(x, y, workload.batch, verbose=0), [()], steps)


def peak_task(workload: AnyWorkload, threads: int) -> Task:
    """A thousand floating-point operations, multiply-adds in registers only: the peak rate for products."""
    return Task(lambda: multiply_add(PEAK_ROUNDS), [()], int(multiply_add(PEAK_ROUNDS) // 1000))


def numpy_task(workload: AnyWorkload, threads: int) -> Task | None:
    """NumPy in place: a step allocates no array."""
    if isinstance(workload, Sequences):
        return _numpy_lstm(workload)
    if not isinstance(workload, Workload):
        return None
    if workload.kind in ("train", "predict", "one"):
        w = workload
        net = NumpyNetwork(w.sizes, w.activation, w.optimizer.lower(), w.rate, w.batch, seed=0)
        return Task(net.step if workload.kind == "train" else net.forward, workload.batches())
    rng = np.random.default_rng(0)
    m, (k, n) = workload.batch, workload.sizes
    x, weight, bias, y = (rng.standard_normal(shape, np.float32) for shape in ((m, k), (k, n), (n,), (m, n)))
    dx, dweight = np.empty_like(x), np.empty_like(weight)
    if workload.kind == "input_gradient":
        return Task(lambda: np.matmul(y, weight.T, out=dx), [()])
    if workload.kind == "weight_gradient":
        return Task(lambda: np.matmul(x.T, y, out=dweight), [()])

    def product() -> None:
        np.matmul(x, weight, out=y)
        np.add(y, bias, out=y)
        np.maximum(y, 0, out=y)

    return Task(product, [()])


def _numpy_lstm(w: Sequences) -> Task | None:
    if w.kind == "step":
        return Task(NumpyLSTM(w.sizes, seed=0).step, w.batches())
    if w.layer != "LSTM" or w.lengths:
        return None
    net = NumpyLSTMTraining(w.sizes, w.steps, w.batch, w.at_end, w.optimizer.lower(), w.rate, seed=0)
    return Task(net.step, w.batches())


CONTENDERS: dict[str, Maker] = {"fastnn": fastnn_task, "fit": fit_task, "numpy": numpy_task, "peak": peak_task}
