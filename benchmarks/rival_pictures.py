"""PyTorch, JAX and ONNX Runtime on images, in the layouts and forms in which they run fastest."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn.bench.contest import Task
from fastnn.bench.pictures import Pictures
from rival_common import LASTING, jax_training, onnxruntime_session


def torch_network(workload: Pictures) -> Any:
    """The workload's network of modules."""
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self, channels: int, filters: int, stride: int) -> None:
            super().__init__()
            self.first, self.second = convolution(channels, filters, 3, stride), convolution(filters, filters, 3)
            self.shortcut = convolution(channels, filters, 1, stride) if stride > 1 else nn.Identity()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(self.second(torch.relu(self.first(x))) + self.shortcut(x))

    def convolution(channels: int, filters: int, kernel: int, stride: int = 1) -> nn.Module:
        plain = nn.Conv2d(channels, filters, kernel, stride, kernel // 2, bias=False)
        return nn.Sequential(plain, nn.BatchNorm2d(filters))

    modules: list[nn.Module] = []
    height, width, channels = workload.shape
    for layer in workload.layers:
        kind, *settings = layer
        if kind == "conv":
            border = 1 if settings[1] == "same" else 0
            modules += [nn.Conv2d(channels, int(settings[0]), 3, padding=border), nn.ReLU()]
            height, width, channels = height - 2 + 2 * border, width - 2 + 2 * border, int(settings[0])
        elif kind == "pool":
            modules.append(nn.MaxPool2d(2))
            height, width = height // 2, width // 2
        elif kind == "stem":
            modules += [convolution(channels, int(settings[0]), 3), nn.ReLU()]
            channels = int(settings[0])
        elif kind == "block":
            modules.append(Block(channels, int(settings[0]), int(settings[1])))
            channels = int(settings[0])
        elif kind == "mean":
            modules.append(nn.AdaptiveAvgPool2d(1))
            height = width = 1
        elif kind == "depthwise":
            modules.append(nn.Conv2d(channels, channels, 3, padding=1, groups=channels))
        else:
            dense = nn.Linear(height * width * channels, int(settings[0]))
            modules += [nn.Flatten(), dense] + ([] if layer is workload.layers[-1] else [nn.ReLU()])
            height, width, channels = 1, 1, int(settings[0])
    return nn.Sequential(*modules)


def torch_task(workload: Pictures, threads: int, last: bool, compiled: bool = False) -> Task:
    """Modules with channels first or last, fused optimizers; or all but the optimizer through torch.compile."""
    import torch
    from torch.nn import functional

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model = torch_network(workload)
    if last:
        model = model.to(memory_format=torch.channels_last)
    run: Callable[[torch.Tensor], torch.Tensor] = model

    def picture(x: np.ndarray) -> torch.Tensor:
        given = torch.from_numpy(x if x.ndim > 3 else x[None]).permute(0, 3, 1, 2)
        return given if last else given.contiguous()

    pictures = [(picture(x), *map(torch.from_numpy, rest)) for x, *rest in workload.batches()]
    if workload.kind == "one":
        model.eval()
        LASTING.enter_context(torch.inference_mode())
        run = torch.compile(model, options={"freezing": True}) if compiled else model
        return Task(lambda x: run(x).numpy(), pictures)
    if compiled:
        run = torch.compile(model)
    parameters = list(model.parameters())
    if workload.kind == "gradients":
        steps = [(x.clone().requires_grad_(), torch.randn_like(x)) for (x,) in pictures]

        def gradients(x: torch.Tensor, dy: torch.Tensor) -> None:
            x.grad = None
            for parameter in parameters:
                parameter.grad = None
            run(x).backward(dy)

        return Task(gradients, steps)
    if workload.optimizer == "Adam":
        optimizer: torch.optim.Optimizer = torch.optim.Adam(parameters, lr=workload.rate, fused=True)
    else:
        optimizer = torch.optim.SGD(parameters, lr=workload.rate, momentum=0.9, fused=True)

    def step(x: torch.Tensor, y: torch.Tensor) -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(run(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return Task(step, pictures)


def jax_task(workload: Pictures, threads: int) -> Task | None:
    """JAX on plain networks, channels last: one compiled call, its state donated."""
    os.environ["JAX_PLATFORMS"] = "cpu"
    import jax
    import jax.numpy as jnp

    if any(kind in ("stem", "depthwise") for kind, *_ in workload.layers):
        return None
    rng = np.random.default_rng(0)
    parameters: Any = []
    height, width, channels = workload.shape

    def drawn(*shape: int) -> None:
        scale = np.float32((2 / np.prod(shape[:-1])) ** 0.5)
        parameters.append((jnp.asarray(rng.standard_normal(shape, np.float32) * scale), jnp.zeros(shape[-1])))

    for kind, *settings in workload.layers:
        if kind == "conv":
            drawn(3, 3, channels, int(settings[0]))
            border = 0 if settings[1] == "same" else 2
            height, width, channels = height - border, width - border, int(settings[0])
        elif kind == "pool":
            height, width = height // 2, width // 2
        else:
            drawn(height * width * channels, int(settings[0]))
            height, width, channels = 1, 1, int(settings[0])

    def forward(parameters: Any, x: Any) -> Any:
        rest = iter(parameters)
        for layer in workload.layers:
            kind, *settings = layer
            if kind == "pool":
                x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
                continue
            weight, bias = next(rest)
            if kind == "conv":
                axes = ("NHWC", "HWIO", "NHWC")
                x = jax.lax.conv_general_dilated(x, weight, (1, 1), str(settings[1]).upper(), dimension_numbers=axes)
            else:
                x = x.reshape(len(x), -1) @ weight
            x = x + bias if layer is workload.layers[-1] else jax.nn.relu(x + bias)
        return x

    if workload.kind == "one":
        run = jax.jit(lambda x: forward(parameters, x[None]))
        return Task(lambda x: np.asarray(run(x)), workload.batches())

    def loss_of(parameters: Any, x: Any, y: Any) -> Any:
        logits = jax.nn.log_softmax(forward(parameters, x))
        return -jnp.take_along_axis(logits, y[:, None], axis=1).mean()

    train = jax_training(parameters, loss_of, workload.optimizer, workload.rate, momentum=0.9)
    return Task(train, [(x, y.astype(np.int32)) for x, y in workload.batches()])


def onnxruntime_task(workload: Pictures, threads: int) -> Task | None:
    """ONNX Runtime on single images: constant weights, all of its optimizations, bound arrays."""
    from onnx import TensorProto, helper, numpy_helper

    if workload.kind != "one":
        return None
    rng = np.random.default_rng(0)
    nodes: list[Any] = []
    constants: list[Any] = []
    name = "x"
    height, width, channels = workload.shape

    def node(kind: str, *inputs: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, [name, *inputs], [f"y{len(nodes)}"], **attributes))
        return f"y{len(nodes) - 1}"

    def drawn(*shape: int) -> str:
        values = rng.standard_normal(shape).astype(np.float32) * np.float32(0.1)
        constants.append(numpy_helper.from_array(values, f"w{len(constants)}"))
        return f"w{len(constants) - 1}"

    for layer in workload.layers:
        kind, *settings = layer
        if kind == "pool":
            name = node("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
            height, width = height // 2, width // 2
            continue
        units = int(settings[0])
        if kind == "conv":
            name = node("Conv", drawn(units, channels, 3, 3), drawn(units))
            height, width = height - 2, width - 2
        else:
            name = node("Flatten")
            name = node("Gemm", drawn(height * width * channels, units), drawn(units))
            height = width = 1
        channels = units
        if layer is not workload.layers[-1]:
            name = node("Relu")
    shape = [1, workload.shape[2], *workload.shape[:2]]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    y = helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels])
    graph = helper.make_graph(nodes, "cnn", [x], [y], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = onnxruntime_session(model.SerializeToString(), threads)
    given, found = np.empty(shape, np.float32), np.empty((1, channels), np.float32)
    binding = session.io_binding()
    binding.bind_cpu_input("x", given)
    binding.bind_output(name, "cpu", 0, np.float32, found.shape, found.ctypes.data)

    def predict(picture: np.ndarray) -> np.ndarray:
        given[0, 0] = picture[..., 0]
        session.run_with_iobinding(binding)
        return found

    return Task(predict, workload.batches())
