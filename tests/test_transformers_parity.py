"""Layers of Transformers against PyTorch: values and all gradients, over random sizes and settings."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import assert_close, generator

torch = pytest.importorskip("torch", reason="PyTorch is what is compared with")

CONFIGURATIONS = 200


def same(ours: np.ndarray, theirs: Any, what: object) -> None:
    """Within 1e-5 of the largest, or of 1."""
    wanted = theirs.detach().numpy()
    assert ours.shape == wanted.shape, what
    assert_close(ours, wanted, max(1.0, float(np.abs(wanted).max())), 1e-5)


def fill(net: fnn.Network, random: np.random.Generator) -> dict[str, Any]:
    """Draws all weights; returns them as float64 tensors with gradients."""
    for name, view in net.weights.items():
        net.weights[name] = random.standard_normal(view.shape, np.float32) / max(1, view.shape[0]) ** 0.5 + (
            view.ndim == 1 and name.endswith("gamma")
        )
    return {name: torch.tensor(view.astype(np.float64), requires_grad=True) for name, view in net.weights.items()}


def compare(net: fnn.Network, given: Sequence[np.ndarray], weights: dict[str, Any], theirs: Any, what: object) -> None:
    """The output, and the gradients of all inputs and weights. theirs: of tensors for the inputs."""
    random = generator(9)
    tensors = [torch.tensor(x.astype(np.float64), requires_grad=True) for x in given]
    wanted = theirs(*tensors)
    single = len(given) == 1
    net.compile("sgd", loss=None)
    same(net.predict(given[0] if single else list(given)), wanted, what)
    same(net.forward(given[0] if single else list(given), training=True), wanted, what)
    dy = random.standard_normal(wanted.shape, np.float32)
    wanted.backward(torch.from_numpy(dy.astype(np.float64)))
    dx = net.backward(dy)
    for ours, tensor in zip([dx] if single else dx.values(), tensors, strict=True):
        same(ours, torch.zeros_like(tensor) if tensor.grad is None else tensor.grad, what)
    for name, tensor in weights.items():
        same(net.gradients[name], tensor.grad, (what, name))


def test_rms_norm() -> None:
    random = generator(1)
    for case in range(CONFIGURATIONS):
        shape = tuple(int(n) for n in [*random.integers(1, 9, random.integers(0, 3)), random.integers(1, 70)])
        batch, epsilon = int(random.integers(1, 9)), float(10 ** random.uniform(-6, -1))
        net = fnn.Sequential([fnn.RMSNorm(epsilon, name="n")], input_shape=shape, seed=0)
        weights = fill(net, random)
        x = (3 * random.standard_normal((batch, *shape)) + random.normal()).astype(np.float32)
        compare(
            net,
            [x],
            weights,
            lambda x, w=weights, s=shape, e=epsilon: torch.nn.functional.rms_norm(x, s[-1:], w["n.gamma"], e),
            (case, batch, shape, epsilon),
        )


def test_group_norm() -> None:
    random = generator(2)
    for case in range(CONFIGURATIONS):
        groups, each, batch = (int(n) for n in random.integers(1, 9, 3))
        places = tuple(int(n) for n in random.integers(1, 8, random.integers(0, 3)))
        channels, epsilon = groups * each, float(10 ** random.uniform(-2, 0))
        net = fnn.Sequential([fnn.GroupNorm(groups, epsilon, name="n")], input_shape=(*places, channels), seed=0)
        weights = fill(net, random)
        x = (2 * random.standard_normal((batch, *places, channels)) + random.normal()).astype(np.float32)

        def theirs(x: Any, w: Any = weights, groups: int = groups, epsilon: float = epsilon) -> Any:
            y = torch.group_norm(x.movedim(-1, 1), groups, w["n.gamma"], w["n.beta"], epsilon)
            return y.movedim(1, -1)

        compare(net, [x], weights, theirs, (case, batch, places, groups, each, epsilon))


def attend(q: Any, k: Any, v: Any, heads: tuple[int, int], size: int, mask: Any, causal: bool) -> Any:
    """PyTorch's attention of projections (batch, time, heads * size); q, k and v are turned before, if they are."""

    def apart(x: Any, count: int) -> Any:
        x = x.reshape(*x.shape[:2], count, size).transpose(1, 2)
        return x.repeat_interleave(heads[0] // count, dim=1)

    q, k, v = apart(q, heads[0]), apart(k, heads[1]), apart(v, heads[1])
    seen = None if mask is None else mask[:, None] != 0
    y = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=seen, is_causal=causal)
    if seen is not None:  # PyTorch's rows without a key depend on the kernel that it chooses
        y = torch.where(seen.any(-1, keepdim=True), y, torch.zeros_like(y))
    return y.transpose(1, 2).flatten(2)


def turned(x: Any, size: int, base: float | None) -> Any:
    """Complex numbers times exp(i angle), a way of its own."""
    if base is None:
        return x
    pairs = x.reshape(*x.shape[:2], -1, 2, size // 2)
    turns = torch.arange(x.shape[1], dtype=torch.float64)[:, None] * base ** (-torch.arange(0, size, 2) / size)
    factor = torch.polar(torch.ones_like(turns), turns)[:, None]
    y = torch.complex(pairs[..., 0, :], pairs[..., 1, :]) * factor
    return torch.stack([y.real, y.imag], dim=-2).reshape(x.shape)


def test_attention() -> None:
    """Of x or of a query and values; shared keys, rotary positions, masks of which some rows are empty."""
    random = generator(3)
    for case in range(CONFIGURATIONS):
        groups, each, half, batch, times = (int(n) for n in random.integers(1, (5, 5, 5 if case % 8 else 40, 5, 9)))
        memory, features = (int(n) for n in random.integers(1, 130 if case % 20 == 0 else 20, 2))
        both, masked, one_row, by_position, causal = (bool(flag) for flag in random.integers(0, 2, 5))
        causal &= not both
        times = memory if case % 3 == 0 or not both else times
        size, heads, base = 2 * half, groups * each, 100.0 if by_position else None
        what = case, groups, each, size, batch, times, memory, features, both, masked, one_row, base, causal
        layer = fnn.MultiHeadAttention(heads, size, causal, groups, rotary=base, masked=masked, name="a")
        inputs = [fnn.Input((times, features), "x")]
        inputs += [fnn.Input((memory, 3), "memory")] if both else []
        mask_shape = 1 if one_row else times, memory
        inputs += [fnn.Input(mask_shape, "mask")] if masked else []
        net = fnn.Network(inputs, layer(inputs if len(inputs) > 1 else inputs[0]), seed=0)
        weights = fill(net, random)
        given = [random.standard_normal((batch, *symbol.shape), np.float32) for symbol in inputs]
        if masked:
            given[-1] = (random.random((batch, *mask_shape)) < random.random()).astype(np.float32)
        widths = heads * size, groups * size, groups * size

        def theirs(
            *x: Any,
            w: dict[str, Any] = weights,
            widths: tuple[int, ...] = widths,
            both: bool = both,
            masked: bool = masked,
            causal: bool = causal,
            base: float | None = base,
        ) -> Any:
            if both:
                q = x[0] @ w["a.query_weight"] + w["a.query_bias"]
                k, v = (x[1] @ w["a.memory_weight"] + w["a.memory_bias"]).split(widths[1:], 2)
            else:
                q, k, v = (x[0] @ w["a.weight"] + w["a.bias"]).split(widths, 2)
            mask = x[-1] if masked else None
            if mask is not None and causal:
                mask, causal = mask * torch.ones_like(mask[0]).expand(q.shape[1], -1).tril(), False
            size = widths[0] // heads
            y = attend(turned(q, size, base), turned(k, size, base), v, (heads, groups), size, mask, causal)
            return y @ w["a.output_weight"] + w["a.output_bias"]

        compare(net, given, weights, theirs, what)


@pytest.mark.parametrize("decoder", [False, True])
def test_blocks(decoder: bool) -> None:
    """The original's, as PyTorch has them: LayerNorm first or last, relu or gelu.

    Of 8 features or more: the norm of a few that are nearly equal multiplies the errors of rounding.
    """
    random = generator(4, decoder)
    for case in range(CONFIGURATIONS // 2):
        heads, each, units, batch, times, memory = (int(n) for n in random.integers(1, 7, 6))
        width, activation, first = heads * (each + 7), "relu" if case % 2 else "gelu", bool(random.integers(0, 2))
        causal = decoder or bool(random.integers(0, 2))
        what = case, heads, each, units, batch, times, memory, activation, first, causal
        settings: dict[str, Any] = {"activation": activation, "norm_first": first, "name": "b"}
        x, z = fnn.Input((times, width), "x"), fnn.Input((memory, width), "memory")
        if decoder:
            y = fnn.TransformerDecoderBlock(heads, units, **settings)([x, z])
        else:
            y = fnn.TransformerEncoderBlock(heads, units, causal=causal, **settings)(x)
        net = fnn.Network([x, z] if decoder else x, y, seed=0)
        weights = fill(net, random)
        kind = torch.nn.TransformerDecoderLayer if decoder else torch.nn.TransformerEncoderLayer
        theirs = kind(width, heads, units, 0.0, activation, batch_first=True, norm_first=first, dtype=torch.float64)
        state = {key: own.detach() for key, own in turned_over(weights, width, decoder).items()}
        assert set(state) == set(theirs.state_dict())
        theirs.load_state_dict(state)
        mask = torch.nn.Transformer.generate_square_subsequent_mask(times, dtype=torch.float64) if causal else None

        def run(
            *given: Any, theirs: Any = theirs, mask: Any = mask, weights: dict[str, Any] = weights, width: int = width
        ) -> Any:
            own = turned_over(weights, width, decoder)
            options = {"tgt_mask": mask} if decoder else {"src_mask": mask}
            return torch.func.functional_call(theirs, own, given, options)

        given = [random.standard_normal((batch, *s.shape), np.float32) for s in ([x, z] if decoder else [x])]
        compare(net, given, weights, run, what)


def turned_over(weights: dict[str, Any], width: int, decoder: bool) -> dict[str, Any]:
    """A block's weights by PyTorch's names and in its layout."""
    norms = ["attention_norm", "cross_attention_norm", "feed_forward_norm"] if decoder else ["attention_norm"]
    norms = norms if decoder else [*norms, "feed_forward_norm"]
    made = {}
    for i, norm in enumerate(norms, 1):
        made |= {f"norm{i}.weight": weights[f"b.{norm}.gamma"], f"norm{i}.bias": weights[f"b.{norm}.beta"]}
    for ours, name in (("up", "linear1"), ("down", "linear2")):
        made |= {f"{name}.weight": weights[f"b.{ours}.weight"].T, f"{name}.bias": weights[f"b.{ours}.bias"]}
    for ours, name in [("attention", "self_attn"), *([("cross_attention", "multihead_attn")] if decoder else [])]:
        own = f"b.{ours}."
        if ours == "attention":
            joined = weights[f"{own}weight"].T, weights[f"{own}bias"]
        else:
            parts = [(weights[f"{own}{part}_weight"].T, weights[f"{own}{part}_bias"]) for part in ("query", "memory")]
            joined = tuple(torch.cat(pair) for pair in zip(*parts, strict=True))
        made |= {f"{name}.in_proj_weight": joined[0], f"{name}.in_proj_bias": joined[1]}
        made |= {f"{name}.out_proj.weight": weights[f"{own}output_weight"].T}
        made |= {f"{name}.out_proj.bias": weights[f"{own}output_bias"]}
    return made


def test_gated_blocks() -> None:
    """SwiGLU, RMSNorm, shared keys and rotary positions, as in the Transformers of today."""
    random = generator(5)
    for case in range(CONFIGURATIONS // 4):
        groups, each, half, units, batch, times = (int(n) for n in random.integers(1, 6, 6))
        heads, size = groups * each, 2 * half
        width, first = heads * size, bool(random.integers(0, 2))
        layer = fnn.TransformerEncoderBlock(
            heads, units, "swiglu", "rms", first, key_heads=groups, rotary=100.0, causal=True, name="b"
        )
        net = fnn.Sequential([layer], input_shape=(times, width), seed=0)
        weights = fill(net, random)
        widths = width, groups * size, groups * size

        def theirs(
            x: Any,
            w: dict[str, Any] = weights,
            widths: tuple[int, ...] = widths,
            size: int = size,
            heads: tuple[int, int] = (heads, groups),
            first: bool = first,
        ) -> Any:
            def norm(x: Any, name: str) -> Any:
                return torch.nn.functional.rms_norm(x, x.shape[-1:], w[f"b.{name}_norm.gamma"], 1e-5)

            h = norm(x, "attention") if first else x
            q, k, v = (h @ w["b.attention.weight"] + w["b.attention.bias"]).split(widths, 2)
            h = attend(turned(q, size, 100.0), turned(k, size, 100.0), v, heads, size, None, True)
            x = x + h @ w["b.attention.output_weight"] + w["b.attention.output_bias"]
            x = x if first else norm(x, "attention")
            h = norm(x, "feed_forward") if first else x
            up, gate = (h @ w["b.up.weight"] + w["b.up.bias"]).chunk(2, 2)
            x = x + (up * torch.nn.functional.silu(gate)) @ w["b.down.weight"] + w["b.down.bias"]
            return x if first else norm(x, "feed_forward")

        x = random.standard_normal((batch, times, width), np.float32)
        compare(net, [x], weights, theirs, (case, groups, each, half, units, batch, times, first))
