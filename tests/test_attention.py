"""Attention against its twin, and the bits that it promises: of padding, of causal beginnings, of threads."""

from typing import Any

import numpy as np
import pytest

import reference_attention as twins
from check import assert_close, assert_same_bits, assert_same_on_threads, empty, generator, normal, run, tensor
from fastnn.engine.op import Op
from fastnn.engine.tensor import Tensor
from fastnn.kernels import Attention, AttentionGradient
from fastnn.kernels.attention import largest_head

# Queries, keys, heads, heads of keys, numbers of a head: tails of blocks, of panels and of vectors, and whole ones.
SHAPES = [
    (1, 1, 1, 1, 1),
    (2, 3, 2, 1, 5),
    (7, 7, 3, 3, 8),
    (20, 33, 4, 2, 17),
    (48, 96, 1, 1, 32),
    (49, 97, 2, 2, 33),
    (70, 70, 1, 1, 64),
    (150, 200, 1, 1, 40),
    (5, 9, 1, 1, 256),
]
ROWS = 3


def drawn(queries: int, keys: int, heads: int, groups: int, size: int) -> tuple[list[np.ndarray], dict[str, Any]]:
    """q, k, v, dy, and the settings."""
    shapes = [(queries, heads), (keys, groups), (keys, groups), (queries, heads)]
    arrays = [normal(ROWS, steps, count * size, start=i) for i, (steps, count) in enumerate(shapes)]
    return arrays, {"heads": (heads, groups), "size": size, "scale": size**-0.5}


def steps(most: int, seed: int) -> np.ndarray:
    """Lengths of the sequences, the longest among them."""
    lengths = generator(seed, most).integers(1, most + 1, ROWS)
    lengths[1] = most
    return lengths.astype(np.int32)


def ops(
    arrays: list[np.ndarray], lengths: Any, memory: Any, settings: dict[str, Any], mask: np.ndarray | None = None
) -> tuple[Op, Op, list[Tensor], list[Tensor]]:
    """Both Ops, and what each writes: y and moments; dq, dk, dv and moments."""
    q, k = arrays[:2]
    rows = len(q)
    flat = [tensor(each.reshape(rows, -1)) for each in arrays]
    y, moments = empty(rows, flat[0].columns), empty(rows, 2 * settings["heads"][0] * q.shape[1])
    gradients = [empty(rows, each.columns) for each in flat[:3]]
    own = [None if each is None else tensor(each.reshape(-1, 1), dtype="int32") for each in (lengths, memory)]
    if settings.get("causal"):
        own[1] = own[0]
    own.append(None if mask is None else tensor(mask.reshape(rows, -1)))
    times = q.shape[1], k.shape[1]
    forward = Attention(*flat[:3], y, moments, *own, times=times, **settings)
    backward = AttentionGradient(*flat[:3], y, moments, flat[3], *gradients, *own, times=times, **settings)
    return forward, backward, [y, moments], [*gradients, moments]


def check(
    arrays: list[np.ndarray], lengths: Any, memory: Any, settings: dict[str, Any], mask: np.ndarray | None = None
) -> None:
    """Both Ops against their twins."""
    q, k, _, _ = arrays
    n = np.full(ROWS, q.shape[1]) if lengths is None else lengths
    m = np.full(ROWS, k.shape[1]) if memory is None else memory
    forward, backward, made, gradients = ops(arrays, lengths, memory, settings, mask)
    run(forward, *made)
    expected, norm = twins.Attention(*arrays[:3], n, m, mask, **settings)
    assert_close(made[0].array.reshape(q.shape), expected, tolerance=2e-6)
    kept = made[1].array.reshape(ROWS, settings["heads"][0], 2, q.shape[1])[:, :, 0]
    for row, count in enumerate(n):
        assert_close(kept[row, :, :count], norm[row, :, :count], np.abs(norm[row]).max() + 5)
    run(backward, *gradients)
    for found, wanted in zip(gradients[:3], twins.AttentionGradient(*arrays, n, m, mask, **settings), strict=True):
        assert_close(found.array.reshape(wanted.shape), wanted, np.abs(wanted).max() + 1, 4e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_attention(isa: str, num_threads: int, shape: tuple[int, ...]) -> None:
    arrays, settings = drawn(*shape)
    check(arrays, None, None, settings)
    check(arrays, steps(shape[0], 1), steps(shape[1], 2), settings)
    if shape[0] <= shape[1]:
        check(arrays, None, None, {**settings, "causal": True})
    if shape[0] == shape[1]:
        lengths = steps(shape[0], 3)
        check(arrays, lengths, lengths, {**settings, "causal": True})


@pytest.mark.parametrize("rate", [0.0, 0.3])
@pytest.mark.parametrize("shape", SHAPES)
def test_masks_and_dropout(isa: str, num_threads: int, shape: tuple[int, ...], rate: float) -> None:
    """Of each query or of all; some queries see nothing, and some blocks are hidden."""
    arrays, settings = drawn(*shape)
    settings |= {"rate": rate, "random": (5, 2)}
    queries, keys = shape[:2]
    mask = (generator(4, queries).random((ROWS, queries, keys)) < 0.7).astype(np.float32)
    mask[:, queries // 2] = 0
    mask[0, :, : min(96, keys - 1)] = 0
    for seen in (mask, mask[:, :1], *([None] if rate else [])):
        check(arrays, None, None, settings, seen)
        check(arrays, steps(queries, 1), steps(keys, 2), settings, seen)
        if queries <= keys:
            check(arrays, None, None, {**settings, "causal": True}, seen)


def test_scores_of_any_size(isa: str) -> None:
    """The greatest is taken from each row first, whichever block it is in: no sum overflows, none is empty."""
    arrays, settings = drawn(60, 200, 1, 1, 8)
    for factor in (10, 1000):
        spread = [np.float32(factor) * arrays[0], np.float32(factor) * arrays[1], *arrays[2:]]
        forward, _, (y, _), _ = ops(spread, None, None, settings)
        forward()
        found, v = y.array.reshape(ROWS, 60, 8), arrays[2]
        low, high = v.min(axis=1, keepdims=True), v.max(axis=1, keepdims=True)
        assert (low - 1e-5 <= found).all() and (found <= high + 1e-5).all()  # a mean of rows of v
        if factor == 10:  # beyond that, what scores lose in rounding decides
            wanted, _ = twins.Attention(*spread[:3], [60] * ROWS, [200] * ROWS, **settings)
            assert_close(found, wanted, tolerance=1e-3)


@pytest.mark.parametrize("size", [7, 32])
def test_padding_changes_no_bit(isa: str, size: int) -> None:
    """A sequence of 61 steps has the bits of one of 61 in a batch of 170, also its gradients; zeros follow."""
    for causal in (False, True):
        arrays, settings = drawn(170, 170, 2, 2, size)
        lengths = np.array([61, 170, 1], np.int32)
        forward, backward, (y, _), gradients = ops(arrays, lengths, lengths, {**settings, "causal": causal})
        forward()
        backward()
        alone = [each[:1, :61] for each in arrays]
        ahead, back, (own, _), others = ops(alone, None, None, {**settings, "causal": causal})
        ahead()
        back()
        for found, wanted in zip([y, *gradients[:3]], [own, *others[:3]], strict=True):
            array = found.array.reshape(ROWS, 170, -1)[0]
            assert_same_bits(np.ascontiguousarray(array[:61]), wanted.array.reshape(61, -1))
            assert not array[61:].any()


def test_a_beginning_has_the_bits_of_the_whole(isa: str) -> None:
    """Where queries see only keys before them: so step by step is as all at once, one query on all keys too."""
    arrays, settings = drawn(130, 130, 2, 1, 24)
    whole, _, (y, _), _ = ops(arrays, None, None, {**settings, "causal": True})
    whole()
    for n in (1, 47, 48, 49, 96, 97, 129):
        part, _, (own, _), _ = ops([each[:, :n] for each in arrays], None, None, {**settings, "causal": True})
        part()
        assert_same_bits(own.array.reshape(ROWS, n, -1), np.ascontiguousarray(y.array.reshape(ROWS, 130, -1)[:, :n]))
        last = [arrays[0][:, n - 1 : n], arrays[1][:, :n], arrays[2][:, :n], arrays[3][:, n - 1 : n]]
        step, _, (own, _), _ = ops(last, None, None, {**settings, "causal": True})
        step()
        assert_same_bits(own.array, np.ascontiguousarray(y.array.reshape(ROWS, 130, -1)[:, n - 1]))


def test_one_tensor_of_queries_keys_and_values(isa: str) -> None:
    """As one product makes them: the same bits as from three, and the gradient in one."""
    arrays, settings = drawn(50, 50, 4, 2, 8)
    forward, backward, (y, _), gradients = ops(arrays, None, None, settings)
    forward()
    backward()
    joined = np.concatenate(arrays[:3], axis=2)
    x, own, moments = tensor(joined.reshape(ROWS, -1)), empty(ROWS, y.columns), empty(ROWS, 2 * 4 * 50)
    dx, dy = empty(ROWS, x.columns), tensor(arrays[3].reshape(ROWS, -1))
    options = {"times": (50, 50), "starts": (0, 32, 48), **settings}
    run(Attention(x, x, x, own, moments, **options), own, moments)
    run(AttentionGradient(x, x, x, own, moments, dy, dx, dx, dx, **options), dx, moments)
    assert_same_bits(own.array, y.array)
    parts = np.split(dx.array.reshape(ROWS, 50, -1), [32, 48], axis=2)
    for found, wanted in zip(parts, gradients, strict=False):
        assert_same_bits(np.ascontiguousarray(found), wanted.array.reshape(found.shape))


@pytest.mark.parametrize("rate", [0.0, 0.5])
@pytest.mark.parametrize("backward", [False, True])
def test_same_bits_on_threads(backward: bool, rate: float) -> None:
    def build() -> tuple[Op, Tensor]:
        q, k, v, dy = (normal(16, 128 * 64, start=i) for i in range(4))
        y, moments, dq = empty(16, 128 * 64), empty(16, 2 * 4 * 128), empty(16, 128 * 64)
        settings: dict[str, Any] = {"times": (128, 128), "heads": (4, 4), "size": 16, "rate": rate}
        forward = Attention(*map(tensor, (q, k, v)), y, moments, **settings)
        if not backward:
            return forward, y
        forward()
        others = [empty(16, 128 * 64) for _ in range(2)]
        return AttentionGradient(*map(tensor, (q, k, v)), y, moments, tensor(dy), dq, *others, **settings), dq

    assert_same_on_threads(build)


def test_a_nan_stays_in_its_sequence(isa: str) -> None:
    arrays, settings = drawn(20, 20, 1, 1, 8)
    arrays[0] = arrays[0].copy()
    arrays[0][1, 3, 2] = np.nan
    forward, _, (y, _), _ = ops(arrays, None, None, settings)
    forward()
    found = np.isnan(y.array.reshape(ROWS, 20, 8))
    assert found[1, 3].all()
    assert found.sum() == 8


def test_arguments_are_checked() -> None:
    q, k, moments = Tensor((2, 4 * 8)), Tensor((2, 5 * 8)), Tensor((2, 2 * 2 * 4))

    def make(*changed: Any, **settings: Any) -> Op:
        tensors = [q, k, k, q, moments]
        for place, value in changed:
            tensors[place] = value
        return Attention(*tensors, **{"times": (4, 5), "heads": (2, 2), "size": 4, **settings})

    make()
    wrong = [
        (make, (), {"size": 0}, f"1 to {largest_head()} numbers, got 0"),
        (make, (), {"size": 257}, "numbers, got 257"),
        (make, (), {"heads": (2, 3)}, "2 heads cannot share 3 heads"),
        (make, (), {"heads": (4, 4)}, "expected 4 steps of at least 16"),
        (make, (), {"starts": (0, 1, 0)}, "expected 5 steps of at least 9"),
        (make, ((1, Tensor((3, 40))),), {}, "expected 5 steps"),
        (make, ((4, Tensor((2, 8))),), {}, "expected two moments for each query"),
        (make, ((1, Tensor((2, 24))), (2, Tensor((2, 24)))), {"times": (4, 3), "causal": True}, "need as many keys"),
    ]
    for call, changed, settings, message in wrong:
        with pytest.raises(ValueError, match=message):
            call(*changed, **settings)
    for mask in (Tensor((2, 4)), Tensor((3, 20))):
        with pytest.raises(ValueError, match="expected a mask for 4 or 1 queries and 5 keys"):
            Attention(q, k, k, q, moments, None, None, mask, times=(4, 5), heads=(2, 2), size=4)
    with pytest.raises(ValueError, match="the rate must be at least 0 and below 1, got 1"):
        make(rate=1.0)
    with pytest.raises(ValueError, match="expected a length for each sequence"):
        Attention(q, k, k, q, moments, Tensor((3, 1), "int32"), times=(4, 5), heads=(2, 2), size=4)
    with pytest.raises(ValueError, match="have the same lengths"):
        Attention(q, k, k, q, moments, Tensor((2, 1), "int32"), times=(4, 5), heads=(2, 2), size=4, causal=True)
    with pytest.raises(ValueError, match=r"AttentionGradient: expected \(2, 32\), got \(2, 40\)"):
        AttentionGradient(q, k, k, q, moments, k, q, k, k, times=(4, 5), heads=(2, 2), size=4)
