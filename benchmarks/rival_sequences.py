"""PyTorch, JAX and ONNX Runtime on sequences, in the forms that they run fastest in."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn.bench.contest import Task
from fastnn.bench.sequences import Sequences
from rival_common import LASTING, jax_training, onnxruntime_session

#: The label of a step that is not there.
IGNORED = -100


def torch_network(workload: Sequences, batch_first: bool = True) -> tuple[Any, Any]:
    """The recurrent layer and the dense one."""
    from torch import nn

    features, units, classes = workload.sizes
    recurrent = getattr(nn, workload.layer)(features, units, batch_first=batch_first)
    return recurrent, nn.Linear(units, classes)


def torch_loss(workload: Sequences, recurrent: Any, dense: Any, steps_first: bool) -> Callable[..., Any]:
    """The loss as a function of the tensors that torch_batches makes."""
    from torch.nn import functional

    def loss_of(x: Any, y: Any) -> Any:
        h = recurrent(x)[0]
        if workload.at_end:
            h = h[-1] if steps_first else h[:, -1]
        elif workload.lengths and steps_first:
            h = h.data
        return functional.cross_entropy(dense(h).flatten(0, -2), y, ignore_index=IGNORED)

    return loss_of


def torch_batches(workload: Sequences, steps_first: bool) -> list[tuple[Any, Any]]:
    """x and the flat labels: of whole sequences, some labels ignored where they are shorter; steps first, packed."""
    import torch
    from torch.nn.utils.rnn import pack_padded_sequence

    made: list[tuple[Any, Any]] = []
    for arrays in workload.batches():
        x, y, *lengths = map(torch.from_numpy, arrays)
        if lengths and steps_first:
            counts, order = lengths[0].sort(descending=True)
            packed = [pack_padded_sequence(each[order], counts, batch_first=True) for each in (x, y)]
            made.append((packed[0], packed[1].data))
            continue
        if lengths:
            y = y.where(torch.arange(workload.steps) < lengths[0][:, None], IGNORED)
        if steps_first:
            x, y = x.transpose(0, 1).contiguous(), y if workload.at_end else y.t()
        made.append((x, y.flatten()))
    return made


def torch_task(workload: Sequences, threads: int, steps_first: bool = False) -> Task | None:
    """The module, its batches first or its steps, sequences of many lengths padded or packed; fused Adam.

    What is not work on the network is outside: transposing, sorting, packing. A time step is written out, because
    nn.LSTM and LSTMCell take longer, in inference mode too.
    """
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    if workload.kind == "step":
        return None if steps_first else _torch_step(workload)
    recurrent, dense = torch_network(workload, not steps_first)
    loss_of = torch_loss(workload, recurrent, dense, steps_first)
    parameters = [*recurrent.parameters(), *dense.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=workload.rate, fused=True)

    def step(x: Any, y: Any) -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(x, y)
        loss.backward()
        optimizer.step()
        return float(loss.item())

    return Task(step, torch_batches(workload, steps_first))


def _torch_step(workload: Sequences) -> Task:
    """Functions in place, the input and the state side by side in one product."""
    import torch

    LASTING.enter_context(torch.inference_mode())
    recurrent, dense = torch_network(workload)
    features, units, classes = workload.sizes
    weight = torch.cat([recurrent.weight_ih_l0, recurrent.weight_hh_l0], 1).contiguous()
    bias = recurrent.bias_ih_l0 + recurrent.bias_hh_l0
    given, z, c, s = (torch.zeros(n) for n in (features + units, 4 * units, units, units))
    x_, h = given.split([features, units])
    i, f, g, o = z.split(units)
    both, y = z[: 2 * units], torch.empty(classes)

    def step(x: np.ndarray) -> np.ndarray:
        x_.copy_(torch.from_numpy(x))
        torch.addmv(bias, weight, given, out=z)
        both.sigmoid_()
        g.tanh_()
        o.sigmoid_()
        c.mul_(f).addcmul_(i, g)
        torch.tanh(c, out=s)
        torch.mul(o, s, out=h)
        return torch.addmv(dense.bias, dense.weight, h, out=y).numpy()

    return Task(step, workload.batches())


def torch_compiled_task(workload: Sequences, threads: int) -> Task | None:
    """A time step through torch.compile with frozen weights; of training, which takes it no further, nothing."""
    import torch

    if workload.kind != "step":
        return None
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    LASTING.enter_context(torch.inference_mode())
    features, units, classes = workload.sizes
    cell, dense = torch.nn.LSTMCell(features, units).eval(), torch.nn.Linear(units, classes).eval()

    def network(x: Any, h: Any, c: Any) -> tuple[Any, Any, Any]:
        h, c = cell(x, (h, c))
        return h, c, dense(h)

    run = torch.compile(network, options={"freezing": True})
    state = [torch.zeros(1, units), torch.zeros(1, units)]

    def step(x: np.ndarray) -> np.ndarray:
        *state[:], y = run(torch.from_numpy(x)[None], *state)
        return np.asarray(y.numpy())

    return Task(step, workload.batches())


def jax_parameters(workload: Sequences) -> dict[str, Any]:
    """Weights and biases by fastnn's names and in its layout."""
    rng = np.random.default_rng(0)
    features, units, classes = workload.sizes
    width = units * {"LSTM": 4, "GRU": 3}[workload.layer]
    shapes = {"weight": (features, width), "recurrent_weight": (units, width), "dense_weight": (units, classes)}
    made = {name: rng.standard_normal(s, np.float32) * np.float32(s[0] ** -0.5) for name, s in shapes.items()}
    return {**made, "bias": np.zeros(width, np.float32), "dense_bias": np.zeros(classes, np.float32)}


def jax_loss(workload: Sequences) -> Callable[..., Any]:
    """The loss as a function of the parameters, x with the steps first, labels, and how much each label weighs."""
    import jax
    import jax.numpy as jnp

    units = workload.sizes[1]
    cell = {"LSTM": _jax_lstm, "GRU": _jax_gru}[workload.layer]

    def loss_of(p: Any, x: Any, y: Any, weights: Any) -> Any:
        z = x @ p["weight"] + p["bias"]
        zeros = jnp.zeros((x.shape[1], units), jnp.float32)
        first = (zeros, zeros) if workload.layer == "LSTM" else (zeros,)
        last, h = jax.lax.scan(lambda state, z: cell(p["recurrent_weight"], state, z), first, z)
        logits = (last[0] if workload.at_end else h) @ p["dense_weight"] + p["dense_bias"]
        found = jnp.take_along_axis(jax.nn.log_softmax(logits), y[..., None], axis=-1)[..., 0]
        return -found.mean() if weights is None else -(found * weights).sum() / weights.sum()

    return loss_of


def _jax_lstm(weight: Any, state: Any, z: Any) -> Any:
    import jax
    import jax.numpy as jnp

    h, c = state
    i, f, g, o = jnp.split(z + h @ weight, 4, axis=-1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    h = jax.nn.sigmoid(o) * jnp.tanh(c)
    return (h, c), h


def _jax_gru(weight: Any, state: Any, z: Any) -> Any:
    import jax
    import jax.numpy as jnp

    (h,) = state
    (r, u, n), (hr, hu, hn) = jnp.split(z, 3, axis=-1), jnp.split(h @ weight, 3, axis=-1)
    u = jax.nn.sigmoid(u + hu)
    h = (1 - u) * jnp.tanh(n + jax.nn.sigmoid(r + hr) * hn) + u * h
    return (h,), h


def jax_batches(workload: Sequences) -> list[tuple[Any, ...]]:
    """x with the steps first, labels int32, and 1 for each step that is there, or None."""
    made: list[tuple[Any, ...]] = []
    for x, y, *lengths in workload.batches():
        there = (np.arange(workload.steps)[:, None] < lengths[0]).astype(np.float32) if lengths else None
        labels = (y if workload.at_end else y.T).astype(np.int32)
        made.append((np.ascontiguousarray(x.swapaxes(0, 1)), np.ascontiguousarray(labels), there))
    return made


def jax_task(workload: Sequences, threads: int) -> Task | None:
    """JAX: a scan over the steps, the product with the inputs before it; one compiled call, its state donated.

    Small work is done in the thread that asks for it. Tried, and not faster: a scan of several steps at once.
    """
    os.environ["JAX_PLATFORMS"] = "cpu"
    import jax
    import jax.numpy as jnp

    if workload.flops < 1e8:
        jax.config.update("jax_cpu_enable_async_dispatch", False)
    parameters: Any = {name: jnp.asarray(values) for name, values in jax_parameters(workload).items()}
    if workload.kind == "step":
        return _jax_step(workload, parameters)
    return Task(jax_training(parameters, jax_loss(workload), "Adam", workload.rate), jax_batches(workload))


def _jax_step(workload: Sequences, p: Any) -> Task:
    import jax
    import jax.numpy as jnp

    zeros = jnp.zeros(workload.sizes[1], jnp.float32)

    def network(state: Any, x: Any) -> Any:
        state, h = _jax_lstm(p["recurrent_weight"], state, x @ p["weight"] + p["bias"])
        return state, h @ p["dense_weight"] + p["dense_bias"]

    run, state = jax.jit(network, donate_argnums=0), [(zeros, zeros.copy())]

    def step(x: np.ndarray) -> np.ndarray:
        state[0], y = run(state[0], x)
        return np.asarray(y)

    return Task(step, workload.batches())


def onnxruntime_task(workload: Sequences, threads: int) -> Task | None:
    """ONNX Runtime on time steps: the LSTM node, its states bound to two pairs of arrays in turn."""
    if workload.kind != "step":
        return None
    features, units, classes = workload.sizes
    session = onnxruntime_session(onnx_model(jax_parameters(workload)), threads)
    given, found = np.empty((1, 1, features), np.float32), np.empty((1, classes), np.float32)
    states = [{name: np.zeros((1, 1, units), np.float32) for name in "hc"} for _ in range(2)]
    bindings = []
    for before, after in (states, states[::-1]):
        binding = session.io_binding()
        binding.bind_cpu_input("x", given)
        binding.bind_output("y", "cpu", 0, np.float32, found.shape, found.ctypes.data)
        for name in "hc":
            binding.bind_cpu_input(f"{name}0", before[name])
            binding.bind_output(name, "cpu", 0, np.float32, after[name].shape, after[name].ctypes.data)
        bindings.append(binding)

    def step(x: np.ndarray) -> np.ndarray:
        given[0, 0] = x
        session.run_with_iobinding(bindings[0])
        bindings.reverse()
        return found

    return Task(step, workload.batches())


def onnx_model(p: dict[str, np.ndarray]) -> bytes:
    """The network for one step: x, h0 and c0 in, y, h and c out."""
    from onnx import TensorProto, helper, numpy_helper

    (features, width), classes = p["weight"].shape, len(p["dense_bias"])
    order = np.arange(width).reshape(4, -1)[[0, 3, 1, 2]].ravel()  # ONNX has i, o, f, g
    bias = np.concatenate([p["bias"][order], np.zeros(width, np.float32)])
    values = {
        "w": p["weight"].T[None, order],
        "r": p["recurrent_weight"].T[None, order],
        "b": bias[None],
        "dw": p["dense_weight"],
        "db": p["dense_bias"],
        "axes": np.array([0], np.int64),
    }
    nodes = [
        helper.make_node("LSTM", ["x", "w", "r", "b", "", "h0", "c0"], ["", "h", "c"], hidden_size=width // 4),
        helper.make_node("Squeeze", ["h", "axes"], ["flat"]),
        helper.make_node("Gemm", ["flat", "dw", "db"], ["y"]),
    ]

    def tensors(names: str, *shape: int) -> list[Any]:
        return [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in names.split()]

    inputs = tensors("x", 1, 1, features) + tensors("h0 c0", 1, 1, width // 4)
    outputs = tensors("y", 1, classes) + tensors("h c", 1, 1, width // 4)
    constants = [numpy_helper.from_array(np.ascontiguousarray(each), name) for name, each in values.items()]
    graph = helper.make_graph(nodes, "lstm", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    made: bytes = model.SerializeToString()
    return made
