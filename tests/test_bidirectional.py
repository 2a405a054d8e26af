"""The states of a layer in both directions: what they are, their gradients, and what reads them."""

import io
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from check import assert_close, assert_same_bits, generator, normal
from fastnn.layers import State

KINDS = [fnn.LSTM, fnn.GRU, fnn.SimpleRNN]
LENGTHS = np.array([6, 2, 4, 1, 5])


def both(kind: Any, by_step: bool, merge: str, steps: int | None = 6) -> fnn.Network:
    x = fnn.Input((steps, 3))
    layer = kind(4, return_sequences=by_step, return_state=True)
    y, *states = fnn.Bidirectional(layer, merge, name="both")(x)
    assert [state.shape for state in states] == [(4,)] * 2 * len(kind.states)
    names = ["y", *(f"state_{i}" for i in range(len(states)))]
    return fnn.Network(x, dict(zip(names, [y, *states], strict=True)), seed=1)


@pytest.mark.parametrize("by_step", [False, True])
@pytest.mark.parametrize("merge", ["concatenate", "add", "multiply"])
@pytest.mark.parametrize("kind", KINDS)
def test_they_are_those_of_two_layers(kind: Any, merge: str, by_step: bool, num_threads: int) -> None:
    net, data = both(kind, by_step, merge), normal(5, 6, 3)
    x = fnn.Input((6, 3))
    made = [
        kind(4, return_sequences=by_step, return_state=True, reverse=way == "reverse", name=way)(x)
        for way in ("forward", "reverse")
    ]
    twin = fnn.Network(x, [output for each in made for output in each])
    for name in twin.weights:
        twin.weights[name] = net.weights[f"both.{name}"]
    for lengths in (None, LENGTHS):
        found, wanted = net.predict(data, lengths=lengths), list(twin.predict(data, lengths=lengths).values())
        (y, *states), (back, *others) = wanted[: len(wanted) // 2], wanted[len(wanted) // 2 :]
        joined = {"concatenate": np.concatenate([y, back], axis=-1), "add": y + back, "multiply": y * back}[merge]
        for array, each in zip(found.values(), [joined, *states, *others], strict=True):
            assert_same_bits(array, each)
    net.compile("adam", dict.fromkeys(found, "mse"))
    targets = {name: normal(*each.shape, start=2) for name, each in found.items()}
    fnn.check_gradients(net, data, targets)
    fnn.check_gradients(net, data, targets, lengths=LENGTHS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_decoder_starts_with_them(kind: Any) -> None:
    source, target = fnn.Input((None, 3), "source"), fnn.Input((None, 2), "target")
    _, *states = fnn.Bidirectional(kind(4, return_state=True))(source)
    count = len(kind.states)
    ends = [fnn.Concatenate()(pair) for pair in zip(states[:count], states[count:], strict=True)]
    y = kind(8, return_sequences=True)(target, initial_state=ends)
    other = kind(4, return_sequences=True)(target, initial_state=states[:count])
    net = fnn.Network([source, target], [y, fnn.Dense(2)(other)], seed=0)
    data, lengths = [normal(5, 6, 3), normal(5, 4, 2)], {"source": LENGTHS, "target": [4, 1, 2, 3, 4]}
    found = net.predict(data, lengths=lengths)
    net.compile("adam", dict.fromkeys(found, "mse"))
    for i in range(5):
        alone = net.predict([data[0][i : i + 1, : LENGTHS[i]], data[1][i : i + 1, : lengths["target"][i]]])
        for name, array in alone.items():
            assert_same_bits(array[0], found[name][i, : lengths["target"][i]])
    fnn.check_gradients(net, data, {name: normal(*each.shape) for name, each in found.items()}, lengths=lengths)
    saved = io.BytesIO()
    net.save(saved)
    again = fnn.load(io.BytesIO(saved.getvalue())).predict(data, lengths=lengths)
    frozen = net.freeze(5, input_shape={"source": (6, 3), "target": (4, 2)})(data)
    for name, array in net.predict(data).items():
        assert_close(frozen[name], array, tolerance=1e-6)
        assert_same_bits(again[name], found[name])


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_as_pytorch(kind: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is what is compared with")
    ours = fnn.SimpleRNN if kind == "RNN" else getattr(fnn, kind)
    net, theirs = both(ours, True, "concatenate"), getattr(torch.nn, kind)(3, 4, batch_first=True, bidirectional=True)
    random = generator(3)
    names = {"weight_ih": "weight", "weight_hh": "recurrent_weight", "bias_ih": "bias", "bias_hh": "recurrent_bias"}
    with torch.no_grad():
        for way, suffix in (("forward", "l0"), ("reverse", "l0_reverse")):
            getattr(theirs, f"bias_hh_{suffix}")[:] = 0
            for name, own in names.items():
                if f"both.{way}.{own}" in net.weights:
                    view = net.weights[f"both.{way}.{own}"]
                    view[:] = random.standard_normal(view.shape)
                    getattr(theirs, f"{name}_{suffix}")[:] = torch.from_numpy(view.T.copy())
    data = normal(5, 6, 3)
    x = torch.from_numpy(data.copy()).requires_grad_()
    y, last = theirs(x)
    h, *c = last if kind == "LSTM" else (last,)
    wanted = [y, h[0], *(each[0] for each in c), h[1], *(each[1] for each in c)]
    found = net.forward(data, training=True)
    for array, tensor in zip(found.values(), wanted, strict=True):
        assert_close(array, tensor.detach().numpy(), tolerance=1e-5)
    dy = [normal(*tensor.shape, start=4 + i) for i, tensor in enumerate(wanted)]
    torch.autograd.backward(wanted, [torch.from_numpy(array.copy()) for array in dy])
    assert_close(net.backward(dy), x.grad.numpy(), tolerance=1e-5)
    for way, suffix in (("forward", "l0"), ("reverse", "l0_reverse")):
        for name, own in names.items():
            if f"both.{way}.{own}" in net.weights:
                gradient = getattr(theirs, f"{name}_{suffix}").grad.numpy().T
                assert_close(net.gradients[f"both.{way}.{own}"], gradient, tolerance=1e-5)


def test_bad_input() -> None:
    x = fnn.Input((5, 2))
    layer = fnn.Bidirectional(fnn.LSTM(3, return_state=True))
    with pytest.raises(ValueError, match="takes one input, got 3"):
        layer([x, fnn.Input((3,)), fnn.Input((3,))])
    y = layer(x)[0]
    with pytest.raises(ValueError, match=r"State\(0\): expected input from a recurrent layer with return_state=True"):
        State(0, 2)(fnn.Input((3,)))
    with pytest.raises(ValueError, match=r"State\(2\): call it on the output of a recurrent layer"):
        fnn.Network(x, State(2, 2)(fnn.Dense(6)(y))).predict(normal(1, 5, 2))
    for wrong in ((4,), (0, 3), (-1,)):
        with pytest.raises(ValueError, match=r"State: (number|joined) must be an integer from"):
            State(*wrong)
