"""PyTorch, JAX, scikit-learn and ONNX Runtime, each in its fastest form that we found, for each kind of workload."""

import os
from itertools import pairwise
from typing import Any

import numpy as np

from fastnn.bench.contest import Maker, Task
from fastnn.bench.workloads import Workload


def torch_task(workload: Workload, threads: int, compiled: bool = False) -> Task | None:
    """PyTorch: fused optimizers, which update all tensors in one call, and inference mode."""
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    if workload.kind not in ("train", "predict", "one"):
        return None if compiled else _torch_product(workload)
    activation = torch.nn.ReLU if workload.activation == "relu" else torch.nn.Tanh
    layers: list[torch.nn.Module] = []
    for i, o in pairwise(workload.sizes):
        layers += [torch.nn.Linear(i, o), activation()]
    model = torch.nn.Sequential(*layers[:-1])
    if workload.kind != "train":
        run = torch.compile(model) if compiled else model

        def predict(x: np.ndarray) -> np.ndarray:
            with torch.inference_mode():
                y: np.ndarray = run(torch.from_numpy(x)).numpy()
            return y

        return Task(predict, workload.batches())
    optimizer = getattr(torch.optim, workload.optimizer)(model.parameters(), lr=workload.rate, fused=True)
    criterion = torch.nn.CrossEntropyLoss()

    def loss_of(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        loss: torch.Tensor = criterion(model(x), y)
        return loss

    forward = torch.compile(loss_of) if compiled else loss_of

    def step(x: np.ndarray, y: np.ndarray) -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = forward(torch.from_numpy(x), torch.from_numpy(y))
        loss.backward()
        optimizer.step()
        return float(loss.item())

    return Task(step, workload.batches())


def _torch_product(workload: Workload) -> Task | None:
    import torch

    m, (k, n) = workload.batch, workload.sizes
    x, weight, bias, y = torch.randn(m, k), torch.randn(k, n), torch.randn(n), torch.randn(m, n)
    dx, dweight = torch.empty(m, k), torch.empty(k, n)
    calls = {
        "input_gradient": lambda: torch.mm(y, weight.t(), out=dx),
        "weight_gradient": lambda: torch.mm(x.t(), y, out=dweight),
        "product": lambda: torch.addmm(bias, x, weight, out=y).relu_(),
    }
    return Task(calls[workload.kind], [()]) if workload.kind in calls else None


def torch_compiled_task(workload: Workload, threads: int) -> Task | None:
    """PyTorch with torch.compile."""
    return torch_task(workload, threads, compiled=True)


def jax_task(workload: Workload, threads: int) -> Task | None:
    """JAX: the whole step compiled, parameters and slots donated."""
    os.environ["JAX_PLATFORMS"] = "cpu"
    import jax
    import jax.numpy as jnp

    if workload.kind not in ("train", "predict", "one"):
        return None
    rng = np.random.default_rng(0)
    activation = jax.nn.relu if workload.activation == "relu" else jnp.tanh
    parameters: Any = [
        (jnp.asarray(rng.standard_normal((i, o), np.float32) * np.float32((2 / i) ** 0.5)), jnp.zeros(o, jnp.float32))
        for i, o in pairwise(workload.sizes)
    ]

    def forward(parameters: Any, x: Any) -> Any:
        for weight, bias in parameters[:-1]:
            x = activation(x @ weight + bias)
        weight, bias = parameters[-1]
        return x @ weight + bias

    if workload.kind != "train":
        run = jax.jit(forward)
        return Task(lambda x: np.asarray(run(parameters, x)), workload.batches())

    def loss_of(parameters: Any, x: Any, y: Any) -> Any:
        logits = jax.nn.log_softmax(forward(parameters, x))
        return -jnp.take_along_axis(logits, y[:, None], axis=1).mean()

    def update(state: Any, x: Any, y: Any) -> Any:
        parameters, m, v, t = state
        loss, g = jax.value_and_grad(loss_of)(parameters, x, y)
        tree, rate = jax.tree_util.tree_map, workload.rate
        if workload.optimizer == "SGD":
            return (tree(lambda p, g: p - rate * g, parameters, g), m, v, t), loss
        t += 1
        m = tree(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = tree(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        step, root = rate / (1 - 0.9**t), jnp.sqrt(1 - 0.999**t)
        parameters = tree(lambda p, m, v: p - step * m / (jnp.sqrt(v) / root + 1e-8), parameters, m, v)
        return (parameters, m, v, t), loss

    step = jax.jit(update, donate_argnums=0)
    zeros = [jax.tree_util.tree_map(jnp.zeros_like, parameters) for _ in range(2)]
    state = [(parameters, *(zeros if workload.optimizer == "Adam" else ((), ())), jnp.float32(0))]

    def train(x: np.ndarray, y: np.ndarray) -> float:
        state[0], loss = step(state[0], x, y)
        return float(loss)

    return Task(train, [(x, y.astype(np.int32)) for x, y in workload.batches()])


def sklearn_task(workload: Workload, threads: int) -> Task | None:
    """scikit-learn: a step is a partial_fit of one batch."""
    from sklearn.neural_network import MLPClassifier

    if workload.kind != "train":
        return None
    model = MLPClassifier(
        workload.sizes[1:-1],
        activation=workload.activation,
        solver=workload.optimizer.lower(),
        alpha=0.0,
        batch_size=workload.batch,
        learning_rate_init=workload.rate,
        momentum=0.0,
        nesterovs_momentum=False,
    )
    x, y = workload.batches()[0]
    model.partial_fit(x, y, classes=np.arange(workload.sizes[-1]))

    def train(x: np.ndarray, y: np.ndarray) -> float:
        model.partial_fit(x, y)
        return float(model.loss_)

    return Task(train, workload.batches())


def onnxruntime_task(workload: Workload, threads: int) -> Task | None:
    """ONNX Runtime: Gemm nodes, its own graph optimizations at their default, all."""
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    if workload.kind not in ("predict", "one"):
        return None
    rng = np.random.default_rng(0)
    nodes, constants, name = [], [], "x"
    for index, (i, o) in enumerate(pairwise(workload.sizes)):
        weight = rng.standard_normal((i, o), np.float32) * np.float32((2 / i) ** 0.5)
        constants += [numpy_helper.from_array(weight, f"w{index}")]
        constants += [numpy_helper.from_array(np.zeros(o, np.float32), f"b{index}")]
        nodes.append(helper.make_node("Gemm", [name, f"w{index}", f"b{index}"], [f"z{index}"]))
        name = f"z{index}"
        if index < len(workload.sizes) - 2:
            nodes.append(helper.make_node(workload.activation.capitalize(), [name], [f"y{index}"]))
            name = f"y{index}"
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [workload.batch, workload.sizes[0]])
    y = helper.make_tensor_value_info(name, TensorProto.FLOAT, [workload.batch, workload.sizes[-1]])
    model = helper.make_model(
        helper.make_graph(nodes, "mlp", [x], [y], constants), opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return Task(lambda x: session.run(None, {"x": x})[0], [(np.atleast_2d(x),) for (x,) in workload.batches()])


CONTENDERS: dict[str, Maker] = {
    "torch": torch_task,
    "torch_compiled": torch_compiled_task,
    "jax": jax_task,
    "sklearn": sklearn_task,
    "onnxruntime": onnxruntime_task,
}
