"""Sequences as they are predicted and aligned: CTC, a forward pass of a Transformer, and networks step by step.

`python benchmarks/decoding.py` prints it and writes results/decoding.txt. One thread each, in turns, the best of many.
CTC is that of PyTorch, with the log-softmax before it; the forward pass that of ONNX Runtime, on the same weights.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper

import fastnn as fnn
from bench_stepping import wavenet
from fastnn.engine.tensor import Tensor
from fastnn.kernels import CTC
from generative import Step, best

HERE = Path(__file__).resolve().parent
#: Sequences, frames, classes, labels.
ALIGNED = [(32, 100, 12, 8), (32, 100, 30, 40), (16, 300, 30, 60), (4, 1500, 40, 200)]
VOCABULARY, TIMES, WIDTH, HEADS, BLOCKS = 91, 128, 128, 4, 4
#: Characters that are timed together, the last of the network's steps.
LAST = 16


def ctc(rows: int, times: int, classes: int, labels: int) -> dict[str, Step]:
    """The loss and its gradient with respect to the logits."""
    random = np.random.default_rng(0)
    x, y, count = Tensor((rows, times * classes)), Tensor((rows, labels), "int32"), Tensor((rows, 1), "int32")
    x.array[...] = random.standard_normal(x.shape)
    y.array[...], count.array[...] = random.integers(1, classes, y.shape), labels
    by_time = np.ascontiguousarray(x.array.reshape(rows, times, classes).transpose(1, 0, 2))  # as it likes them
    logits = torch.tensor(by_time, requires_grad=True)
    wanted, frames, lengths = torch.tensor(y.array), torch.full((rows,), times), torch.full((rows,), labels)

    def theirs() -> object:
        logits.grad = None
        torch.nn.functional.ctc_loss(logits.log_softmax(-1), wanted, frames, lengths, reduction="sum").backward()
        return logits.grad

    return {"fastnn": CTC(x, y, count, Tensor(x.shape), classes=classes), "PyTorch": theirs}


def exported(net: fnn.Network) -> bytes:
    """The network as an ONNX model of the usual operators."""
    weights = {name: np.array(view) for name, view in net.weights.items()}
    nodes: list[Any] = []

    def add(kind: str, *inputs: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, list(inputs), [f"v{len(nodes)}"], **attributes))
        return str(nodes[-1].output[0])

    def constant(name: str, array: Any) -> str:
        weights[name] = np.asarray(array)
        return name

    def dense(x: str, weight: str, bias: str) -> str:
        return add("Add", add("MatMul", x, weight), bias)

    size = WIDTH // HEADS
    heads, together = constant("heads", [0, 0, HEADS, size]), constant("together", [0, 0, WIDTH])
    scale = constant("scale", np.float32(size**-0.5))
    causal = constant("causal", np.triu(np.full((TIMES, TIMES), -1e9, np.float32), 1))
    x = add("Add", add("Gather", "ids.weight", "ids"), "position_embedding_0.weight")
    for i in range(BLOCKS):
        block = f"transformer_encoder_block_{i}."
        normal = [f"{block}attention_norm.gamma", f"{block}attention_norm.beta"]
        h = dense(add("LayerNormalization", x, *normal), f"{block}attention.weight", f"{block}attention.bias")
        parts = [constant(f"{block}{j}", np.arange(j * WIDTH, (j + 1) * WIDTH)) for j in range(3)]
        q, k, v = (add("Reshape", add("Gather", h, part, axis=2), heads) for part in parts)
        scores = add("MatMul", add("Transpose", q, perm=[0, 2, 1, 3]), add("Transpose", k, perm=[0, 2, 3, 1]))
        p = add("Softmax", add("Add", add("Mul", scores, scale), causal), axis=-1)
        mixed = add("Transpose", add("MatMul", p, add("Transpose", v, perm=[0, 2, 1, 3])), perm=[0, 2, 1, 3])
        joined = add("Reshape", mixed, together)
        x = add("Add", x, dense(joined, f"{block}attention.output_weight", f"{block}attention.output_bias"))
        normal = [f"{block}feed_forward_norm.gamma", f"{block}feed_forward_norm.beta"]
        up = dense(add("LayerNormalization", x, *normal), f"{block}up.weight", f"{block}up.bias")
        x = add("Add", x, dense(add("Gelu", up), f"{block}down.weight", f"{block}down.bias"))
    weights["last"] = weights["ids.weight"].T.copy()
    x = dense(add("LayerNormalization", x, "layer_norm_0.gamma", "layer_norm_0.beta"), "last", "tied_dense_0.bias")
    y = add("Softmax", x, axis=-1)
    graph = helper.make_graph(
        nodes,
        "gpt",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, [1, TIMES])],
        [helper.make_tensor_value_info(y, TensorProto.FLOAT, [1, TIMES, VOCABULARY])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    onnx.checker.check_model(model)
    serialized: bytes = model.SerializeToString()
    return serialized


def forward() -> dict[str, Step]:
    """Predictions of one sequence by gpt."""
    net = fnn.architectures.gpt(VOCABULARY, TIMES, WIDTH, HEADS, BLOCKS, seed=0)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(exported(net), options, providers=["CPUExecutionProvider"])
    ids = np.random.default_rng(0).integers(0, VOCABULARY, (1, TIMES))
    (theirs,) = session.run(None, {"ids": ids})
    f = net.freeze()
    assert np.allclose(f(ids), theirs, atol=1e-4)
    return {"fastnn": lambda: f(ids), "ONNX Runtime": lambda: session.run(None, {"ids": ids})}


def decoder(rows: int) -> Step:
    """A step of a decoder with the states of an encoder: a token in, 41 phonemes out, an LSTM of 256 (batch `rows`)."""
    source, ids = fnn.Input((12,), name="source"), fnn.Input((20,), name="ids")
    _, h, c = fnn.LSTM(256, return_sequences=True, return_state=True)(fnn.Embedding(30, 64)(source))
    y = fnn.LSTM(256, return_sequences=True)(fnn.Embedding(41, 64)(ids), initial_state=[h, c])
    f = fnn.Network([source, ids], fnn.Dense(41, "softmax")(y), seed=0).freeze(rows, streaming=True)
    f.reset(source=np.zeros((rows, 12), int))
    token = np.zeros(rows, np.int64)
    return lambda: f.step(token)


def stepped() -> dict[str, Step]:
    """One step of several networks, and the draw of a character."""
    character = fnn.architectures.gpt(VOCABULARY, TIMES, WIDTH, HEADS, BLOCKS, seed=0).freeze(streaming=True)
    for _ in range(TIMES - LAST):
        character.step(3)
    state, sample, random = character.state, wavenet().freeze(streaming=True), np.random.default_rng(0)
    p = random.random(100).astype(np.float32)
    p /= p.sum()

    def rewound() -> None:
        character.state = state

    def after() -> None:
        character.state = state
        for _ in range(LAST):
            character.step(3)

    token = np.array(3)
    return {
        **{f"a step of a decoder, LSTM of 256, batch {rows}": decoder(rows) for rows in (1, 4, 64)},
        "a sample of WaveNet, 10 layers of 32": lambda: sample.step(token),
        f"setting the state of gpt at step {TIMES - LAST}": rewound,
        f"the same, and {LAST} characters": after,
        "drawing one of 100 characters": lambda: fnn.decode.draw(p, rng=random),
    }


def main() -> None:
    """Prints and writes the results."""
    torch.set_num_threads(1)
    fnn.set_num_threads(1)
    lines = []
    rows = [("CTC, {} x {} frames, {} classes, {} labels".format(*shape), ctc(*shape), 10) for shape in ALIGNED]
    rows.append((f"gpt, {BLOCKS} blocks of {WIDTH}, one sequence of {TIMES}", forward(), 60))
    for name, calls, rounds in rows:
        milliseconds = best(calls, rounds)
        (_, mine), (rival, other) = milliseconds.items()
        lines.append(f"{name}: {mine:.2f} ms, {rival} {other:.2f}, {other / mine:.2f} times as fast")
        print(lines[-1], flush=True)
    for name, found in best(stepped(), 300).items():
        lines.append(f"{name}: {1e3 * found:.2f} us")
        print(lines[-1], flush=True)
    (HERE / "results" / "decoding.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
