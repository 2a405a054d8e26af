"""Streams of networks whose held sequences have lengths of their own."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import assert_same_bits
from test_stream_layers import STEPS, data, encoder_decoder, predicted, transformer


def pooled() -> fnn.Network:
    source, ids = fnn.Input((7, 5), name="source"), fnn.Input((STEPS, 2), name="ids")
    means = fnn.Reshape((1, 6))(fnn.GlobalAvgPool()(fnn.Conv1D(6, 3, padding="same")(source)))
    return fnn.Network([source, ids], fnn.GRU(2, return_sequences=True)(fnn.Add()([fnn.Dense(6)(ids), means])), seed=0)


def steps(f: Any, ids: np.ndarray, wanted: dict[str, np.ndarray], rows: Any = slice(None)) -> None:
    """Three steps give what is wanted."""
    for t in range(3):
        y = f.step(ids[:, t])
        for key, found in (y if isinstance(y, dict) else {"": y}).items():
            assert_same_bits(found[rows], wanted[key][rows, t])


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("make", [encoder_decoder, transformer, pooled])
def test_lengths_of_what_is_held(make: Callable[[], fnn.Network], threads: int) -> None:
    """The bits of predict with these lengths; padding has no effect, and without lengths all is as before."""
    net = make()
    x, most = data(net, 4), net.features[0][0]
    n = np.array([most, 1, 3, most - 1])
    whole = predicted(net, x)
    ended = net.predict(x, lengths={"source": n})
    ended = ended if isinstance(ended, dict) else {"": ended}
    padded = x["source"].copy()
    for row, end in enumerate(n):
        padded[row, end:] = 5
    with fnn.threads(threads):
        f = net.freeze(4, streaming=True, held=["source"])
        f.reset(source=padded, lengths=n)
        steps(copy.copy(f), x["ids"], ended)
        steps(f, x["ids"], ended)
        f.reset()  # the lengths stay
        steps(f, x["ids"], ended)
        f.reset(source=x["source"])
        steps(f, x["ids"], whole)
        f.reset([2, 1], source=padded[[2, 1]], lengths={"source": n[[2, 1]].tolist()})
        f.reset([0, 3])
        steps(f, x["ids"], ended, [1, 2])
        state = f.state
        f.reset(source=padded[2], lengths=3)
        steps(f, x["ids"][[2, 2, 2, 2]], {key: y[[2, 2, 2, 2]] for key, y in ended.items()})
        f.state = state
        f.reset()
        steps(f, x["ids"], ended, [1, 2])


def test_lengths_that_do_not_fit() -> None:
    net = encoder_decoder()
    x = data(net, 2)
    f, source = net.freeze(2, streaming=True), x["source"]
    f.reset(source=source)
    before = f.state
    name = r"lengths\['source'\]"
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"lengths": [3, 4]}, "reset: lengths go with the held inputs that they are of"),
        (
            {"source": source, "lengths": [3]},
            rf"{name}: expected a number of steps, or \(2,\), one for each stream, got",
        ),
        ({"source": source, "lengths": {"ids": [3, 3]}}, "lengths: unknown 'ids'; expected 'source'"),
        ({"source": source, "lengths": "a"}, rf"{name}: expected an array of real numbers"),
        ({"source": source, "lengths": [3, 0]}, "is 0; expected an integer from 1 to 7"),
        ({"source": source, "lengths": [3, 8]}, "is 8; expected an integer from 1 to 7"),
    ]
    for given, message in wrong:
        with pytest.raises((TypeError, ValueError), match=message):
            f.reset(**given)
        for each, array in f.state.items():
            assert_same_bits(array, before[each])
    given, h = fnn.Input((4, 2)), fnn.Input((3,), name="lengths")
    with pytest.raises(ValueError, match="an input that is held cannot be called 'lengths', which reset takes too"):
        fnn.Network([given, h], fnn.GRU(3)(given, initial_state=h)).freeze(streaming=True)
    flat = fnn.Input((5, 2), name="flat")
    condition = fnn.Network([given, flat], fnn.GRU(3)(given, initial_state=fnn.Dense(3)(fnn.Flatten()(flat))), seed=0)
    f = condition.freeze(streaming=True)
    f.reset(flat=np.ones((5, 2)))
    with pytest.raises(ValueError, match="flatten_0: reads whole sequences, so lengths cannot be applied"):
        f.reset(flat=np.ones((5, 2)), lengths=3)
