"""Parts of symbols in the notation of arrays, and a vector at each step: values, gradients, lengths, errors."""

import io
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import assert_same_bits, generator, normal

#: The shape of a sample, and a part that begins with the batch.
PARTS: list[tuple[tuple[int, ...], Any]] = [
    ((6,), np.s_[:, 2:]),
    ((6,), np.s_[..., -3:-1]),
    ((5, 4), np.s_[:, -1]),
    ((5, 4), np.s_[:, 1:]),
    ((5, 4), np.s_[:, :-1, 2]),
    ((5, 4), np.s_[..., 0]),
    ((5, 4), np.s_[..., :3]),
    ((5, 4, 3), np.s_[:, 0, 1:3]),
    ((5, 4, 3), np.s_[:, np.int64(-2), ..., -1]),
    ((5, 4, 3), np.s_[:, 1:2, :, :2]),
    ((5, 4, 3), np.s_[:, 0:]),
]


@pytest.mark.parametrize(("shape", "part"), PARTS, ids=str)
def test_as_of_an_array(shape: tuple[int, ...], part: Any) -> None:
    x = fnn.Input(shape)
    data = normal(7, *shape)
    h = fnn.Activation("gelu")(x)
    assert_same_bits(
        fnn.Network(x, fnn.Activation("identity")(x[part])).predict(data), np.ascontiguousarray(data[part])
    )
    assert h[part].shape == data[part].shape[1:]
    net = fnn.Network(x, fnn.Dense(2)(fnn.Flatten()(h[part])), seed=0).compile("adam", "mse")
    fnn.check_gradients(net, data, normal(7, 2))
    saved = io.BytesIO()
    net.save(saved)
    assert_same_bits(fnn.load(io.BytesIO(saved.getvalue())).predict(data), net.predict(data))
    assert_same_bits(net.freeze(7)(data), net.predict(data))


def test_all_of_it_is_the_symbol() -> None:
    x = fnn.Input((5, 4))
    assert x[:] is x and x[...] is x and x[:, :, 0:] is x


def test_shapes_at_any_length() -> None:
    x = fnn.Input((None, 4))
    assert [x[part].shape for part in (np.s_[:, -1], np.s_[:, 1:], np.s_[:, :3], np.s_[..., 0], np.s_[:, -2:, 1:])] == [
        (4,), (None, 4), (3, 4), (None,), (2, 3)]  # fmt: skip
    h = fnn.LSTM(3, return_sequences=True)(x)
    net = fnn.Network(x, [h[:, -1], h[:, 1:]], seed=0)
    for steps in (2, 9):
        data = normal(3, steps, 4)
        last, later = net.predict(data).values()
        assert last.shape == (3, 3) and later.shape == (3, steps - 1, 3)
        assert_same_bits(last, later[:, -1].copy())
    with pytest.raises(ValueError, match=r"Slice\(1\): the part 1: of an axis of length 1 is empty"):
        net.predict(normal(3, 1, 4))


@pytest.mark.parametrize(
    ("part", "count"),
    [
        (np.s_[:, 1:], lambda n: n - 1),
        (np.s_[:, :-2], lambda n: n - 2),
        (np.s_[:, 1:-1], lambda n: n - 2),
        (np.s_[:, :4], lambda n: min(n, 4)),
        (np.s_[:, 2:5], lambda n: min(n, 5) - 2),
        (np.s_[..., 1:], lambda n: n),
    ],
    ids=["first", "last", "both", "stop", "middle", "features"],
)
def test_lengths(part: Any, count: Any) -> None:
    """Of the real steps: the padding changes no bit, and each sequence is as it is alone."""
    x, lengths = fnn.Input((8, 3)), np.array([8, 3, 5, 4])
    net = fnn.Network(x, fnn.Dense(2)(x[part]), seed=0).compile("adam", "mse", ["mae"])
    data = normal(4, 8, 3).copy()
    y = net.predict(data, lengths=lengths)
    full = net.predict(data)
    for i, n in enumerate(lengths):
        assert_same_bits(y[i, : count(n)], full[i, : count(n)])
        assert not y[i, count(n) :].any()
        data[i, n:] = np.nan
    assert_same_bits(net.predict(data, lengths=lengths), y)
    targets = normal(*y.shape)
    real = np.arange(y.shape[1]) < np.array([count(n) for n in lengths])[:, None]
    assert net.evaluate(data, targets, lengths=lengths)["mae"] == pytest.approx(
        np.abs(y.astype(float) - targets)[real].mean(), rel=1e-5
    )
    fnn.check_gradients(net, np.nan_to_num(data), targets, lengths=lengths)


def test_places_that_sequences_with_lengths_do_not_share() -> None:
    x, data = fnn.Input((8, 3)), normal(2, 8, 3)
    for y, name in ((x[:, -1], "take_0"), (x[:, -3:], "slice_0"), (x[:, 0], "take_0")):
        with pytest.raises(ValueError, match=f"{name}: reads whole sequences, so lengths cannot be applied"):
            fnn.Network(x, fnn.Dense(2)(y), seed=0).predict(data, lengths=[8, 5])
    net = fnn.Network(x, fnn.Dense(2)(x[:, 3:]), seed=0)
    with pytest.raises(ValueError, match=r"lengths\[1\] leaves 3 steps; slice_0 needs at least 4"):
        net.predict(data, lengths=[8, 3])


def test_a_softmax_of_some_steps() -> None:
    """A part along another axis than the last is still a softmax, which a loss must not take for logits."""
    x = fnn.Input((4, 5))
    y = fnn.Dense(5, "softmax")(x)
    with pytest.raises(ValueError, match=r"cross_entropy: .*got softmax"):
        fnn.Network(x, y[:, -1]).compile("adam", "cross_entropy")


BAD: dict[str, tuple[Any, type[Exception], str]] = {
    "the batch": (0, ValueError, "the batch cannot be divided; begin with a colon"),
    "part of the batch": (np.s_[1:, 0], ValueError, "the batch cannot be divided"),
    "a step": (np.s_[:, ::2], ValueError, r"a slice has no step; MaxPool1D\(1, 2\) takes some of the steps"),
    "backwards": (np.s_[:, ::-1], ValueError, "a slice has no step"),
    "too many": (np.s_[:, 0, 0, 0], ValueError, "got 4 indices and 0 ellipses for 3 axes"),
    "two ellipses": (np.s_[..., 0, ...], ValueError, "got 1 indices and 2 ellipses for 3 axes"),
    "a new axis": (np.s_[:, None], TypeError, "an index must be an integer, a slice or ..., not None; Reshape adds"),
    "a list": (np.s_[:, [0, 1]], TypeError, r"an index must be an integer, a slice or ..., not \[0, 1\]"),
    "an array": (np.s_[:, np.array([True, False])], TypeError, "Take: index must be an integer, got array"),
    "a flag": (np.s_[:, True], TypeError, "an index must be an integer, a slice or ..., not True"),
    "a float": (np.s_[:, 1.0:], TypeError, "Slice: start must be an integer, got 1.0"),
    "empty": (np.s_[:, 2:2], ValueError, r"Slice\(2\): the part 2:2 of an axis of length 5 is empty or not in it"),
    "beyond": (np.s_[:, 5], ValueError, r"Take\(5\): 5 is not in an axis of length 5"),
    "before": (np.s_[:, -6], ValueError, r"Take\(-6\): -6 is not in an axis of length 5"),
    "nothing left": (
        np.s_[:, 0, 0],
        ValueError,
        r"Take\(0\): \(batch, 5\) has no other axis; a slice, i:i \+ 1, keeps",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_parts(name: str) -> None:
    part, error, message = BAD[name]
    x = fnn.Input((5, 4))
    with pytest.raises(error, match=message):
        x[part]


def test_a_symbol_is_no_sequence() -> None:
    with pytest.raises(TypeError, match="not iterable"):
        _, _ = fnn.LSTM(3)(fnn.Input((5, 4)))
    for make in (fnn.Slice, fnn.Take):
        with pytest.raises(ValueError, match="axis 0 is the batch"):
            make(0, axis=0)
    with pytest.raises(ValueError, match=r"Take\(0\): axis 3 is not in \(batch, 5, 4\)"):
        fnn.Take(0, axis=3)(fnn.Input((5, 4)))


def test_repeat_vector(num_threads: int) -> None:
    x = fnn.Input((6, 3))
    state = fnn.LSTM(4)(x)
    repeated = fnn.RepeatVector(6)(state)
    net = fnn.Network(x, [repeated, fnn.Dense(3)(fnn.LSTM(4, return_sequences=True)(repeated))], seed=0)
    data = normal(5, 6, 3)
    y = net.predict(data)
    first, _ = y.values()
    assert_same_bits(first, np.repeat(first[:, :1], 6, axis=1))
    net.compile("adam", dict.fromkeys(y, "mse"))
    targets = {name: normal(*each.shape, start=1) for name, each in y.items()}
    fnn.check_gradients(net, data, targets)
    lengths = generator(0).integers(1, 7, 5)
    short = net.predict(data, lengths=lengths)
    for i, n in enumerate(lengths):
        alone = net.predict(data[i : i + 1], lengths=[n])
        for name, each in short.items():
            assert_same_bits(alone[name][0], each[i])
    for wrong, error in ((0, ValueError), (1.5, TypeError)):
        with pytest.raises(error, match="RepeatVector: n must be an integer"):
            fnn.RepeatVector(wrong)
    with pytest.raises(ValueError, match=r"RepeatVector\(3\): expected input \(batch, features\), got \(batch, 6, 3\)"):
        fnn.RepeatVector(3)(x)
    free = fnn.Input((None, 3))
    assert fnn.RepeatVector(3)(fnn.GRU(2)(free)).shape == (3, 2)
