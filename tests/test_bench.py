"""The rivals do the same work as fastnn, a short contest gives times, and the report says what they are."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import fastnn as fnn
import reference_updates
from fastnn import bench
from fastnn.bench.contenders import CONTENDERS, network
from fastnn.bench.contest import Contender, compare
from fastnn.bench.numpy_lstm import NumpyLSTM, NumpyLSTMTraining
from fastnn.bench.numpy_network import NumpyNetwork
from fastnn.bench.pictures import PICTURES, Pictures
from fastnn.bench.sequences import SEQUENCES, Sequences
from fastnn.bench.workloads import NETWORKS, PRODUCTS, WORKLOADS
from fastnn.cli import options
from networks import BENCHMARKS, script


@pytest.mark.parametrize(("activation", "optimizer"), [("relu", "adam"), ("tanh", "sgd")])
def test_numpy_rival_is_the_same_network(activation: str, optimizer: str) -> None:
    rng = np.random.default_rng(0)
    rival = NumpyNetwork([6, 16, 12, 3], activation, optimizer, rate=0.01, batch=20, seed=0)
    layers = [fnn.Dense(16, activation), fnn.Dense(12, activation), fnn.Dense(3, "softmax")]
    settings = fnn.Adam(0.01) if optimizer == "adam" else fnn.SGD(0.01)
    net = fnn.Sequential(layers, input_shape=(6,), seed=0).compile(settings, "cross_entropy")
    for i, (weight, bias) in enumerate(rival.weights):
        net.weights[f"dense_{i}.weight"] = weight
        net.weights[f"dense_{i}.bias"] = bias
    for _ in range(30):
        x, y = rng.standard_normal((20, 6), np.float32), rng.integers(0, 3, 20)
        assert net.train_on_batch(x, y) == pytest.approx(rival.step(x, y), rel=1e-5)
    for i, (weight, _) in enumerate(rival.weights):
        np.testing.assert_allclose(net.weights[f"dense_{i}.weight"], weight, rtol=2e-4, atol=2e-5)


def test_numpy_rival_predicts_the_same() -> None:
    for workload in NETWORKS.values():
        net = network(workload)
        rival = NumpyNetwork(workload.sizes, workload.activation, "sgd", 0.1, workload.batch, seed=0)
        for i, (weight, bias) in enumerate(rival.weights):
            net.weights[f"dense_{i}.weight"] = weight
            net.weights[f"dense_{i}.bias"] = bias
        x = workload.batches()[0][0]
        np.testing.assert_allclose(net.freeze(workload.batch)(x), rival.forward(x), rtol=1e-3, atol=1e-4)


def test_every_contender_takes_each_workload() -> None:
    for name, maker in CONTENDERS.items():
        for workload in WORKLOADS.values():
            if isinstance(workload, Pictures):
                made = maker(replace(workload, batch=min(workload.batch, 2)), 1)
                out = name in ("fit", "numpy")
            elif isinstance(workload, Sequences):
                made = maker(replace(workload, batch=min(workload.batch, 2)), 1)
                out = name == "fit" or (name == "numpy" and workload.name in ("gru_char", "lengths"))
            elif workload.flops > 1e9:
                continue
            else:
                made = maker(workload, 1)
                out = name == "fit" and workload.kind != "train"
            assert (made is None) == out, (name, workload.name)
            if made is not None:
                made.call(*made.batches[0])


def test_pytorch_runs_the_same_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch", reason="its networks are counted")
    rival = script(monkeypatch, "rival_pictures")
    for workload in PICTURES.values():
        model, flops = rival.torch_network(workload), []
        for module in model.modules():
            if isinstance(module, torch.nn.Conv2d | torch.nn.Linear):  # a sum of that many products for each output
                module.register_forward_hook(lambda m, x, y: flops.append(2 * y.numel() * m.weight[0].numel()))
        height, width, channels = workload.shape
        model(torch.zeros(2, channels, height, width))
        assert sum(flops) == 2 * replace(workload, kind="one").flops, workload.name
        if workload.kind != "gradients":
            gradients = network(replace(workload, kind="train")).gradients
            assert sorted(g.size for g in gradients.values()) == sorted(p.numel() for p in model.parameters())


def taken(net: fnn.Network) -> dict[str, np.ndarray]:
    """A recurrent network's parameters by the rivals' names."""
    kind = next(iter(net.weights)).split("_")[0]
    own = {name: net.weights[f"{kind}_0.{name}"].copy() for name in ("weight", "recurrent_weight", "bias")}
    return {
        **own,
        "dense_weight": net.weights["dense_0.weight"].copy(),
        "dense_bias": net.weights["dense_0.bias"].copy(),
    }


def rival_order(units: int) -> np.ndarray:
    """Where the columns of fastnn's gates i, f, g, o are in i, f, o, g."""
    return np.arange(4 * units).reshape(4, units)[[0, 1, 3, 2]].ravel()


@pytest.mark.parametrize("name", ["lstm_char", "lstm_small"])
def test_numpy_rival_trains_the_same_lstm(name: str) -> None:
    w = replace(SEQUENCES[name], batch=4, rate=0.01)
    net, rival = network(w), NumpyLSTMTraining(w.sizes, w.steps, w.batch, w.at_end, "adam", w.rate, seed=0)
    given, order = taken(net), rival_order(w.sizes[1])
    for part, key in zip(
        rival.parts, ("weight", "recurrent_weight", "bias", "dense_weight", "dense_bias"), strict=True
    ):
        part[...] = given[key] if "dense" in key else given[key][..., order]
    for x, y in w.batches():
        assert net.train_on_batch(x, y) == pytest.approx(rival.step(x, y), rel=1e-4)


def test_numpy_rival_takes_the_same_steps() -> None:
    workload = SEQUENCES["lstm_stream"]
    net, rival = network(workload), NumpyLSTM(workload.sizes, seed=0)
    given = taken(net)
    weight, bias = np.concatenate([given["weight"], given["recurrent_weight"]]), given["bias"]
    order = rival_order(workload.sizes[1])
    rival.weight[...], rival.bias[...] = weight[:, order], bias[order]
    rival.dense_weight[...], rival.dense_bias[...] = given["dense_weight"], given["dense_bias"]
    stream = net.freeze(streaming=True)
    for (x,) in workload.batches():
        np.testing.assert_allclose(stream.step(x), rival.step(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", [name for name, workload in SEQUENCES.items() if workload.kind == "train"])
def test_pytorch_trains_the_same_recurrent_networks(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    torch = pytest.importorskip("torch", reason="its losses are compared")
    rival, workload = script(monkeypatch, "rival_sequences"), replace(SEQUENCES[name], batch=4)
    net, (x, y, *lengths) = network(workload), workload.batches()[0]
    given = taken(net)
    loss = net.train_on_batch(x, y, lengths=lengths[0] if lengths else None)
    for steps_first in (False, True):
        recurrent, dense = rival.torch_network(workload, not steps_first)
        own, second = sum(each.size for each in given.values()), recurrent.bias_hh_l0.numel()
        assert sum(p.numel() for module in (recurrent, dense) for p in module.parameters()) == own + second
        recurrent.bias_hh_l0.data.zero_()
        named = recurrent.weight_ih_l0, recurrent.weight_hh_l0, recurrent.bias_ih_l0, dense.weight, dense.bias
        for parameter, values in zip(named, given.values(), strict=True):
            parameter.data.copy_(torch.from_numpy(values.T))
        found = rival.torch_loss(workload, recurrent, dense, steps_first)(
            *rival.torch_batches(workload, steps_first)[0]
        )
        assert found.item() == pytest.approx(loss, rel=1e-5)


@pytest.fixture(scope="module")
def begun_jax() -> None:
    """When it begins, JAX draws random numbers and sets variables of the environment: before a test, not in it."""
    pytest.importorskip("jax", reason="its losses are compared").numpy.zeros(1).block_until_ready()


@pytest.mark.usefixtures("begun_jax")
@pytest.mark.parametrize(("optimizer", "momentum"), [("Adam", 0.0), ("SGD", 0.0), ("SGD", 0.9)])
def test_jax_updates_as_the_formulas_say(monkeypatch: pytest.MonkeyPatch, optimizer: str, momentum: float) -> None:
    """The loss is a product with numbers that are given, and so its gradient is these."""
    p, *slots = np.linspace(-1, 1, 7), np.zeros(7), np.zeros(7)
    common = script(monkeypatch, "rival_common")
    train = common.jax_training(p.astype(np.float32), lambda p, x: (p * x).sum(), optimizer, 0.1, momentum)
    for update in range(4):
        x = np.random.default_rng(update).standard_normal(7)
        assert train(x.astype(np.float32)) == pytest.approx((p * x).sum(), rel=1e-5, abs=1e-6)
        if optimizer == "Adam":
            p, *slots = reference_updates.Adam(p, x, *slots, rate=0.1, update=update)
        else:
            p, slots[0] = reference_updates.SGD(p, x, slots[0], rate=0.1, momentum=momentum)


@pytest.mark.usefixtures("begun_jax")
@pytest.mark.parametrize("name", [name for name, workload in SEQUENCES.items() if workload.kind == "train"])
def test_jax_trains_the_same_recurrent_networks(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    rival, workload = script(monkeypatch, "rival_sequences"), replace(SEQUENCES[name], batch=4)
    net, (x, y, *lengths) = network(workload), workload.batches()[0]
    given = taken(net)
    assert {name: each.shape for name, each in rival.jax_parameters(workload).items()} == {
        name: each.shape for name, each in given.items()
    }
    loss = net.train_on_batch(x, y, lengths=lengths[0] if lengths else None)
    found = rival.jax_loss(workload)(given, *rival.jax_batches(workload)[0])
    assert float(found) == pytest.approx(loss, rel=1e-5)


def test_onnx_runtime_takes_the_same_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnx", reason="the rival's network is a model of ONNX")
    onnxruntime = pytest.importorskip("onnxruntime", reason="its outputs are compared")
    rival, workload = script(monkeypatch, "rival_sequences"), SEQUENCES["lstm_stream"]
    net = network(workload)
    session = onnxruntime.InferenceSession(rival.onnx_model(taken(net)), providers=["CPUExecutionProvider"])
    stream, h, c = net.freeze(streaming=True), *np.zeros((2, 1, 1, workload.sizes[1]), np.float32)
    for (x,) in workload.batches():
        y, h, c = session.run(["y", "h", "c"], {"x": x[None, None], "h0": h, "c0": c})
        np.testing.assert_allclose(stream.step(x), y[0], rtol=1e-4, atol=1e-5)


def test_flops_are_those_of_the_ops() -> None:
    for name in ("mlp_mnist", "mlp_small", "mlp_tiny"):
        workload = WORKLOADS[name]
        ops = network(workload).plan(workload.batch, training=True).ops
        assert sum(op.flops for op in ops if "Dense" in type(op).__name__) == workload.flops
    for name in ("lstm_char", "gru_char", "lstm_small"):
        workload = SEQUENCES[name]
        ops = network(workload).plan(workload.batch, training=True).ops
        kinds = ("Dense", "LSTM", "GRU")
        assert sum(op.flops for op in ops if any(kind in type(op).__name__ for kind in kinds)) == workload.flops
    assert SEQUENCES["lstm_char"].flops == pytest.approx(3.96e9, rel=1e-3)
    assert SEQUENCES["lstm_stream"].flops == 2 * (320 * 1024 + 256 * 64)
    counts = [int(given[2].sum()) for given in SEQUENCES["lengths"].batches()]  # about half of the steps are there
    assert SEQUENCES["lengths"].flops == pytest.approx(SEQUENCES["lstm_char"].flops * np.mean(counts) / (32 * 64))
    assert len(set(counts)) > 1
    # Counted: 2 (26^2 9 32 + 11^2 288 64 + 1600 128 + 128 10); a ResNet-20 is known to take 41 million multiply-adds.
    assert PICTURES["infer_cnn"].flops == 5262080
    assert PICTURES["cnn_mnist"].flops == 64 * (3 * 5262080 - 2 * 26**2 * 9 * 32)
    assert replace(PICTURES["resnet"], kind="one").flops == pytest.approx(2 * 41e6, rel=0.01)
    assert PICTURES["depthwise"].flops == 3 * 16 * 2 * 56**2 * 96 * 9
    for workload in PRODUCTS.values():
        assert workload.flops == 2 * workload.batch * workload.sizes[0] * workload.sizes[1]


def test_passes_and_what_they_are_held_to(monkeypatch: pytest.MonkeyPatch) -> None:
    passes = script(monkeypatch, "passes")
    assert "1.10 (0.8), loop 0.70 (0.8) SHORT" in passes.line("relu", [10, 11, 7])
    assert passes.line("elu", [10, float("nan"), 9]).endswith("us  PyTorch 0.90 (1) SHORT")
    assert "4.00 us" in passes.line(passes.PYTHON, [10, 5, 1]) and "SHORT" in passes.line(passes.PYTHON, [12, 5, 1])
    for name, maker in passes.CONTENDERS.items():
        if name.startswith(("fastnn", "NumPy", "without")) and "million" not in name:
            task = maker(None, 1)
            assert (task is None) == (name in ("NumPy: gelu", "NumPy: gelu gradient"))
            if task is not None:
                task.call()


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_bare_loops_move_all(monkeypatch: pytest.MonkeyPatch) -> None:
    bare = script(monkeypatch, "bare")
    for name in ("memory_copy", "plain_copy"):
        x, y = np.arange(1001, dtype=np.float32), np.zeros(1001, np.float32)
        bare.loop(name, 2, x, y)()
        np.testing.assert_array_equal(x, y)
    p, g, m, v = np.ones((4, 1001), np.float32)
    bare.loop("adam", 2, p, g, m, v)()
    for moved in (p, m, v):
        np.testing.assert_allclose(moved, 1.9, rtol=1e-6)


def test_a_contest(capfd: pytest.CaptureFixture[str]) -> None:
    entrants = [(bench.MODULE, "fastnn", 1), (bench.MODULE, "fit", 1), (bench.MODULE, "nobody", 1)]
    ours, fit, nobody = compare(entrants, "infer_tiny", 1, 0.01)
    assert 0 < ours < 1e5 and np.isnan(fit) and np.isnan(nobody)
    assert "nobody does not run here" in capfd.readouterr().err
    with pytest.raises(RuntimeError, match="ended with status 1"):
        Contender(bench.MODULE, "nobody", "infer_tiny", 1)


def test_a_contest_in_a_clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the working directory has sources of the same name, the installed package is measured."""
    (tmp_path / "fastnn").mkdir()
    (tmp_path / "fastnn" / "__init__.py").write_text("raise ImportError")
    monkeypatch.chdir(tmp_path)
    assert compare([(bench.MODULE, "fastnn", 1)], "infer_tiny", 1, 0.01)[0] > 0


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert options.main(["bench", "--threads", "2", "--seconds", "0.05"]) == 0
    printed = capsys.readouterr().out
    for workload in NETWORKS.values():
        line = next(line for line in printed.splitlines() if line.startswith(workload.name))
        ours, theirs, ratio = (float(word) for word in line.replace("us", "").split()[1:4])
        assert ratio == pytest.approx(theirs / ours, rel=0.05)


def test_the_driver_and_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module, figures = script(monkeypatch, "report"), tmp_path / "speed.json"
    names = ["mlp_tiny", "infer_tiny", "packed"]
    options = ["--rounds", "1", "--seconds", "0.02", "--threads", "1", "--only", "fastnn", "fit", "numpy"]
    command = [sys.executable, str(BENCHMARKS / "run.py"), *names, "--json", str(figures), *options]
    subprocess.run(command, check=True, capture_output=True)
    results = json.loads(figures.read_text())
    assert list(results["workloads"]) == names and results["peak"]["1"] > 0
    assert {"cpu", "day", "NumPy", "instruction set"} <= set(results["environment"])
    assert set(results["workloads"]["mlp_tiny"]["us"]) == {"fastnn", "fit", "numpy"}
    lines = module.table(results)
    assert sum("Share of the peak" in line for line in lines) == 1
    us = results["workloads"]["mlp_tiny"]["us"]
    ours, ratio = module.duration(us["fastnn"]), f"{us['numpy'] / us['fastnn']:.2f}"
    assert any(f"| {ours} | {ours} | {ratio} |" in line for line in lines)
    assert any(line.startswith(f"| the same through `fit` | {module.duration(us['fit'])} | |") for line in lines)
    pytest.importorskip("matplotlib")
    for name, begin in (("speed.svg", b"<?xml"), ("speed.png", b"\x89PNG")):
        script(monkeypatch, "chart").draw(results, tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(begin)
