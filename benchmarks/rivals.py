"""PyTorch, JAX, scikit-learn, ONNX Runtime, Keras, each in the fastest form that we found, for each kind of workload.

rival_pictures.py has those on images, rival_sequences.py those on sequences, rival_keras.py Keras, rival_common.py
what they share.
"""

import os
from itertools import pairwise
from typing import Any

import numpy as np

import rival_keras
import rival_pictures
import rival_sequences
from fastnn.bench.contest import Maker, Task
from fastnn.bench.pictures import Pictures
from fastnn.bench.sequences import Sequences
from fastnn.bench.workloads import AnyWorkload, Workload
from rival_common import LASTING, jax_training, onnxruntime_session


def torch_task(workload: AnyWorkload, threads: int) -> Task | None:
    """PyTorch: tensors and functions, inference mode for the whole process, fused optimizers.

    Tried, and not faster: modules, TorchScript frozen and optimized for inference, MKL-DNN tensors, foreach optimizers.
    """
    if isinstance(workload, Pictures):
        return rival_pictures.torch_task(workload, threads, last=False)
    if isinstance(workload, Sequences):
        return rival_sequences.torch_task(workload, threads)
    import torch
    from torch.nn import functional

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    if workload.kind not in ("train", "predict", "one"):
        return _torch_product(workload)
    linears = [torch.nn.Linear(i, o) for i, o in pairwise(workload.sizes)]
    *hidden, last = [(linear.weight, linear.bias) for linear in linears]
    activate = getattr(torch, workload.activation)
    if workload.kind != "train":
        LASTING.enter_context(torch.inference_mode())
        activate_ = getattr(torch, workload.activation + "_")

        def one(x: np.ndarray) -> np.ndarray:
            y = torch.from_numpy(x)
            for weight, bias in hidden:
                y = activate_(torch.addmv(bias, weight, y))
            return torch.addmv(last[1], last[0], y).numpy()

        def predict(x: np.ndarray) -> np.ndarray:
            y = torch.from_numpy(x)
            for weight, bias in hidden:
                y = activate_(functional.linear(y, weight, bias))
            return functional.linear(y, *last).numpy()

        return Task(one if workload.kind == "one" else predict, workload.batches())
    parameters = [parameter for linear in linears for parameter in linear.parameters()]
    optimizer = getattr(torch.optim, workload.optimizer)(parameters, lr=workload.rate, fused=True)

    def step(inputs: np.ndarray, labels: np.ndarray) -> float:
        for parameter in parameters:
            parameter.grad = None
        x = torch.from_numpy(inputs)
        for weight, bias in hidden:
            x = activate(functional.linear(x, weight, bias))
        loss = functional.cross_entropy(functional.linear(x, *last), torch.from_numpy(labels))
        loss.backward()
        optimizer.step()
        return loss.item()

    return Task(step, workload.batches())


def torch_last_task(workload: AnyWorkload, threads: int) -> Task | None:
    """PyTorch on channels-last images."""
    return rival_pictures.torch_task(workload, threads, last=True) if isinstance(workload, Pictures) else None


def torch_steps_task(workload: AnyWorkload, threads: int) -> Task | None:
    """PyTorch on sequences with the steps first."""
    if isinstance(workload, Sequences):
        return rival_sequences.torch_task(workload, threads, steps_first=True)
    return None


def torch_compiled_task(workload: AnyWorkload, threads: int) -> Task | None:
    """torch.compile: networks with frozen weights, which it packs; the whole training step with the update in place.

    To compile the forward pass, or that and the optimizer's step, was slower.
    """
    if isinstance(workload, Pictures):
        return rival_pictures.torch_task(workload, threads, last=True, compiled=True)
    if isinstance(workload, Sequences):
        return rival_sequences.torch_compiled_task(workload, threads)
    import torch
    from torch.nn import functional

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    activate = getattr(torch, workload.activation)
    linears = [torch.nn.Linear(i, o) for i, o in pairwise(workload.sizes)]
    if workload.kind in ("predict", "packed"):
        LASTING.enter_context(torch.inference_mode())
        activation = torch.nn.ReLU if workload.activation == "relu" else torch.nn.Tanh
        modules = [module for linear in linears for module in (linear, activation())]
        if workload.kind == "predict":
            del modules[-1]
        model = torch.compile(torch.nn.Sequential(*modules).eval(), options={"freezing": True})
        if workload.kind == "predict":
            return Task(lambda x: model(torch.from_numpy(x)).numpy(), workload.batches())
        x = torch.randn(workload.batch, workload.sizes[0])
        return Task(lambda: model(x), [()])
    if workload.kind != "train":  # single samples take longer so than without
        return None
    state = [parameter.detach() for linear in linears for parameter in linear.parameters()]
    m, v, t = [torch.zeros_like(p) for p in state], [torch.zeros_like(p) for p in state], torch.zeros(())

    def loss_of(state: list[torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        for weight, bias in zip(state[:-2:2], state[1:-2:2], strict=True):
            x = activate(functional.linear(x, weight, bias))
        loss: torch.Tensor = functional.cross_entropy(functional.linear(x, state[-2], state[-1]), y)
        return loss

    @torch.compile
    def update(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        loss: torch.Tensor
        gradients, loss = torch.func.grad_and_value(loss_of)(state, x, y)
        t.add_(1)
        step, root = workload.rate / (1 - 0.9**t), (1 - 0.999**t).sqrt()
        for p, g, m_, v_ in zip(state, gradients, m, v, strict=True):
            if workload.optimizer == "SGD":
                p.sub_(g, alpha=workload.rate)
            else:
                m_.lerp_(g, 0.1)
                v_.mul_(0.999).addcmul_(g, g, value=0.001)
                p.sub_(step * m_ / (v_.sqrt() / root + 1e-8))
        return loss

    torch.set_grad_enabled(False)
    return Task(lambda x, y: update(torch.from_numpy(x), torch.from_numpy(y)).item(), workload.batches())


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


def jax_task(workload: AnyWorkload, threads: int) -> Task | None:
    """JAX: one compiled call, its state donated.

    Small networks train in one flat block, in the thread that asks for it; large ones as a tree of parameters with
    asynchronous dispatch: each form is far slower on the others' work. Tried, and not faster: calls compiled ahead of
    time, device_put, one-hot labels, XLA with oneDNN.
    """
    if isinstance(workload, Pictures):
        return rival_pictures.jax_task(workload, threads)
    if isinstance(workload, Sequences):
        return rival_sequences.jax_task(workload, threads)
    os.environ["JAX_PLATFORMS"] = "cpu"
    import jax
    import jax.numpy as jnp
    from jax.flatten_util import ravel_pytree

    if workload.kind not in ("train", "predict", "one"):
        return None
    small = workload.flops < 1e7
    if small or workload.kind != "train":
        jax.config.update("jax_cpu_enable_async_dispatch", False)
    rng = np.random.default_rng(0)
    activation = jax.nn.relu if workload.activation == "relu" else jnp.tanh
    layers: Any = [
        (jnp.asarray(rng.standard_normal((i, o), np.float32) * np.float32((2 / i) ** 0.5)), jnp.zeros(o, jnp.float32))
        for i, o in pairwise(workload.sizes)
    ]

    def forward(layers: Any, x: Any) -> Any:
        for weight, bias in layers[:-1]:
            x = activation(x @ weight + bias)
        weight, bias = layers[-1]
        return x @ weight + bias

    if workload.kind != "train":
        run = jax.jit(lambda x: forward(layers, x))
        return Task(lambda x: np.asarray(run(x)), workload.batches())
    parameters, layered = ravel_pytree(layers) if small else (layers, lambda parameters: parameters)

    def loss_of(parameters: Any, x: Any, y: Any) -> Any:
        logits = jax.nn.log_softmax(forward(layered(parameters), x))
        return -jnp.take_along_axis(logits, y[:, None], axis=1).mean()

    train = jax_training(parameters, loss_of, workload.optimizer, workload.rate)
    return Task(train, [(x, y.astype(np.int32)) for x, y in workload.batches()])


def sklearn_task(workload: AnyWorkload, threads: int) -> Task | None:
    """scikit-learn: the steps of a partial_fit of many batches; with one batch, its checks take far longer than it."""
    if not isinstance(workload, Workload) or workload.kind not in ("train", "predict", "one"):
        return None
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier(
        workload.sizes[1:-1],
        activation=workload.activation,
        solver=workload.optimizer.lower() or "sgd",
        alpha=0.0,
        batch_size=workload.batch if workload.kind == "train" else "auto",
        learning_rate_init=workload.rate,
        momentum=0.0,
        nesterovs_momentum=False,
        shuffle=False,
        random_state=0,
    )
    if workload.kind != "train":
        classes = np.arange(workload.sizes[-1])
        model.partial_fit(np.zeros((len(classes), workload.sizes[0]), np.float32), classes, classes=classes)
        if workload.kind == "one":
            return Task(lambda x: model.predict_proba(x[None]), workload.batches())
        return Task(model.predict_proba, workload.batches())
    x, y = (np.concatenate(parts) for parts in zip(*workload.batches() * 8, strict=True))
    classes = np.arange(workload.sizes[-1])
    return Task(lambda: model.partial_fit(x, y, classes=classes).loss_, [()], len(x) // workload.batch)


def onnxruntime_task(workload: AnyWorkload, threads: int) -> Task | None:
    """ONNX Runtime: Gemm nodes, all of its graph optimizations, single samples through bound arrays."""
    if isinstance(workload, Pictures):
        return rival_pictures.onnxruntime_task(workload, threads)
    if isinstance(workload, Sequences):
        return rival_sequences.onnxruntime_task(workload, threads)
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
    session = onnxruntime_session(model.SerializeToString(), threads)
    if workload.kind == "predict":
        return Task(lambda x: session.run([name], {"x": x})[0], workload.batches())
    given, found = np.empty((1, workload.sizes[0]), np.float32), np.empty((1, workload.sizes[-1]), np.float32)
    binding = session.io_binding()
    binding.bind_cpu_input("x", given)
    binding.bind_output(name, "cpu", 0, np.float32, found.shape, found.ctypes.data)

    def predict(sample: np.ndarray) -> np.ndarray:
        given[...] = sample
        session.run_with_iobinding(binding)
        return found

    return Task(predict, workload.batches())


CONTENDERS: dict[str, Maker] = {
    "torch": torch_task,
    "torch_last": torch_last_task,
    "torch_steps": torch_steps_task,
    "torch_compiled": torch_compiled_task,
    "jax": jax_task,
    "sklearn": sklearn_task,
    "onnxruntime": onnxruntime_task,
    "keras": rival_keras.keras_task,
}
