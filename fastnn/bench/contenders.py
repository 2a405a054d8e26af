"""fastnn and NumPy, for each kind of workload."""

import numpy as np

import fastnn as fnn
from fastnn import kernels
from fastnn.bench.contest import Maker, Task
from fastnn.bench.numpy_network import NumpyNetwork
from fastnn.bench.workloads import Workload
from fastnn.op import Op, multiply_add
from fastnn.tensor import Tensor

#: Rounds of the loop that measures the peak, about 0.1 ms of it.
PEAK_ROUNDS = 25_000


def network(workload: Workload) -> fnn.Network:
    """The workload's network, compiled where it is to be trained."""
    *hidden, last = workload.sizes[1:]
    layers = [fnn.Dense(units, workload.activation) for units in hidden]
    net = fnn.Sequential([*layers, fnn.Dense(last)], input_shape=workload.sizes[:1], seed=0)
    if workload.kind == "train":
        net.compile({"Adam": fnn.Adam, "SGD": fnn.SGD}[workload.optimizer](workload.rate), "cross_entropy")
    return net


def fastnn_task(workload: Workload, threads: int) -> Task:
    """train_on_batch, a Predictor, or the Op itself."""
    if workload.kind == "train":
        return Task(network(workload).train_on_batch, workload.batches())
    if workload.kind in ("predict", "one"):
        return Task(network(workload).freeze(workload.batch), workload.batches())
    return Task(_product(workload), [()])


def _product(workload: Workload) -> Op:
    rng = np.random.default_rng(0)

    def tensor(*shape: int) -> Tensor:
        made = Tensor(shape)
        made.array[...] = rng.standard_normal(shape, np.float32)
        return made

    m, (k, n) = workload.batch, workload.sizes
    x, weight, bias, y = tensor(m, k), tensor(k, n), tensor(n), tensor(m, n)
    if workload.kind == "input_gradient":
        return kernels.DenseInputGradient(y, weight, Tensor((m, k)))
    if workload.kind == "weight_gradient":
        return kernels.DenseWeightGradient(x, y, Tensor((k, n)))
    return kernels.Dense(x, kernels.Packed(weight) if workload.kind == "packed" else weight, bias, y, "relu")


def fit_task(workload: Workload, threads: int) -> Task | None:
    """The steps of an epoch of `fit`."""
    if workload.kind != "train":
        return None
    net, steps = network(workload), 40 if workload.flops > 1e7 else 2000
    rng = np.random.default_rng(0)
    x = rng.random((steps * workload.batch, workload.sizes[0]), np.float32)
    y = rng.integers(0, workload.sizes[-1], len(x))
    return Task(lambda: net.fit(x, y, workload.batch, verbose=0), [()], steps)


def peak_task(workload: Workload, threads: int) -> Task:
    """A thousand floating-point operations of multiply-adds on registers alone: the rate that products are held to."""
    return Task(lambda: multiply_add(PEAK_ROUNDS), [()], int(multiply_add(PEAK_ROUNDS) // 1000))


def numpy_task(workload: Workload, threads: int) -> Task:
    """NumPy in place: no array is made in a step."""
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


CONTENDERS: dict[str, Maker] = {"fastnn": fastnn_task, "fit": fit_task, "numpy": numpy_task, "peak": peak_task}
