"""Cross-entropy with the product before it, a few rows at a time: against the twin, and with the bits of the whole."""

import numpy as np
import pytest

import fastnn as fnn
import reference_losses
from check import TAILS, assert_close, assert_same_on_threads, empty, generator, normal, run, tensor, written
from fastnn.engine.tensor import Tensor
from fastnn.kernels import LinearCrossEntropy
from fastnn.kernels.meter import DivergenceError
from fastnn.losses import rows as losses_of_rows
from test_loss import labels, weights

INPUTS = 5


def make(
    n: int, classes: int, at_once: int, weight: bool = False, bias: bool = True, more: int = 2, **options: bool
) -> tuple:
    """The Op with room for more rows, and dx, dweight and dbias."""
    given = (
        tensor(normal(n, INPUTS), n + more),
        tensor(normal(INPUTS, classes)),
        tensor(normal(classes)) if bias else None,
    )
    outputs = empty(n + more, INPUTS), empty(INPUTS, classes), empty(classes) if bias else None
    of_row = tensor(weights(n), n + more) if weight else None
    label = tensor(labels(n, classes), n + more, "int32")
    return LinearCrossEntropy(*given, label, *outputs, of_row, at_once=at_once, **options), *outputs


@pytest.mark.parametrize("weight", [False, True])
def test_against_the_twin(isa: str, num_threads: int, weight: bool) -> None:
    for classes in TAILS:
        if classes < 2:
            continue
        for n, at_once in ((1, 4), (7, 3), (8, 4), (9, 100)):
            op, dx, dweight, dbias = make(n, classes, at_once, weight)
            run(op, dx, dweight, dbias, rows=n)
            given = normal(n, INPUTS), normal(INPUTS, classes), normal(classes), labels(n, classes)
            loss, *wanted = reference_losses.LinearCrossEntropy(*given, weights(n) if weight else None)
            assert_close(op.last, loss)
            for found, each in zip((written(dx, n), dweight.array, dbias.array), wanted, strict=True):
                assert_close(found, each, scale=max(1 / n, np.abs(each).max()))  # the sums may cancel


def test_gradients_of_the_twin() -> None:
    x, w, b, label = *(np.float64(normal(*shape)) for shape in ((4, 3), (3, 5), (5,))), labels(4, 5)
    _, *gradients = reference_losses.LinearCrossEntropy(x, w, b, label)
    for array, gradient in zip((x, w, b), gradients, strict=True):
        for i in np.ndindex(array.shape):
            kept, both = array[i], []
            for h in (1e-5, -1e-5):
                array[i] = kept + h
                both.append(reference_losses.LinearCrossEntropy(x, w, b, label)[0])
            array[i] = kept
            assert gradient[i] == pytest.approx((both[0] - both[1]) / 2e-5, abs=1e-8)


def test_accumulates_and_leaves_out(isa: str) -> None:
    op, dx, dweight, dbias = make(7, 10, 3, add=True)
    dweight.array[...], dbias.array[...] = 1, 2
    run(op, dx, dweight, dbias, rows=7)
    _, _, first, second = reference_losses.LinearCrossEntropy(
        normal(7, INPUTS), normal(INPUTS, 10), normal(10), labels(7, 10)
    )
    assert_close(dweight.array, 1 + first)
    assert_close(dbias.array, 2 + second)
    op, dx, dweight, _ = make(7, 10, 3, bias=False)
    run(op, dx, dweight, rows=7)
    assert_close(
        dweight.array,
        reference_losses.LinearCrossEntropy(normal(7, INPUTS), normal(INPUTS, 10), None, labels(7, 10))[2],
    )


def test_same_bits_on_threads(isa: str) -> None:
    for n, classes in ((20_000, 10), (1000, 1000)):
        assert_same_on_threads(lambda n=n, classes=classes: make(n, classes, 4096 if n > 1000 else 500, more=0))


def test_arguments_are_checked() -> None:
    x, weight, label = Tensor((4, 3)), Tensor((3, 5)), Tensor((4, 1), "int32")
    for wrong in (Tensor((3, 1), "int32"), Tensor((4, 1)), Tensor((4, 2), "int32")):
        with pytest.raises(ValueError, match="LinearCrossEntropy"):
            LinearCrossEntropy(x, weight, None, wrong, None, None, None, at_once=2)
    with pytest.raises(ValueError, match="shapes"):
        LinearCrossEntropy(x, Tensor((4, 5)), None, label, None, None, None, at_once=2)
    label.array[...] = [[0], [4], [5], [0]]
    with pytest.raises(ValueError, match="label 5 is not from 0 to 4"):
        LinearCrossEntropy(x, weight, None, label, None, None, None, at_once=1)()


CLASSES, TIMES, ROWS = 300, 6, 30


def language(frozen: bool = False, dropout: bool = False) -> fnn.Sequential:
    layers = [
        *(fnn.Embedding(20, 8), fnn.LSTM(8, return_sequences=True), fnn.Dense(6, "tanh")),
        *([fnn.Dropout(0.2)] if dropout else []),
        fnn.Dense(CLASSES, "softmax", trainable=not frozen, l2=1e-4),
    ]
    return fnn.Sequential(layers, input_shape=(TIMES,), seed=0).compile(fnn.Adam(0.01), "cross_entropy")


def trained(pieces: bool, monkeypatch: pytest.MonkeyPatch, threads: int = 2, **settings: object) -> tuple:
    """The losses and parameters of a fit whose logits are made whole, or in pieces of 17 rows."""
    monkeypatch.setattr(losses_of_rows, "MANY_LOGITS", 1 if pieces else 2**60)
    monkeypatch.setattr(losses_of_rows, "PIECE", 17 * CLASSES)
    random = generator(3)
    x, y = random.integers(0, 20, (ROWS, TIMES)), random.integers(0, CLASSES, (ROWS, TIMES))
    net = language(**{name: settings.pop(name) for name in ("frozen", "dropout") if name in settings})
    with fnn.threads(threads):
        history = net.fit(x, y, batch_size=8, epochs=3, verbose=0, **settings)
    used = any(type(op).__name__ == "LinearCrossEntropy" for op in net.plan(8, training=True).ops)
    return used, history.history["loss"], net.parameters.copy()


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"threads": 1},
        {"frozen": True},
        {"dropout": True},
        {"sample_weight": np.arange(ROWS) / ROWS},
        {"lengths": np.arange(ROWS) % TIMES + 1},
    ],
    ids=lambda settings: ", ".join(settings) or "plain",
)
def test_pieces_have_the_bits_of_the_whole(settings: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, wanted, parameters = trained(False, monkeypatch, **settings)
    used, losses, found = trained(True, monkeypatch, **settings)
    assert (whole, used) == (False, True)
    assert losses == wanted
    assert np.array_equal(found, parameters)


def test_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(losses_of_rows, "MANY_LOGITS", 1)
    monkeypatch.setattr(losses_of_rows, "PIECE", 3 * CLASSES)
    net = fnn.Sequential([fnn.Dense(4, "gelu"), fnn.Dense(CLASSES)], input_shape=(3,), seed=0)
    net.compile("sgd", "cross_entropy")
    fnn.check_gradients(net, normal(8, 3), labels(8, CLASSES))


def test_whole_where_others_read_the_logits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(losses_of_rows, "MANY_LOGITS", 1)
    for loss, metrics in (("cross_entropy", ["accuracy"]), (fnn.losses.CrossEntropy(label_smoothing=0.1), [])):
        net = fnn.Sequential([fnn.Dense(CLASSES)], input_shape=(3,), seed=0).compile("sgd", loss, metrics=metrics)
        net.fit(normal(8, 3), labels(8, CLASSES), verbose=0)
        assert all(type(op).__name__ != "LinearCrossEntropy" for op in net.plan(8, training=True).ops)


def test_bad_labels_leave_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(losses_of_rows, "MANY_LOGITS", 1)
    net = fnn.Sequential([fnn.Dense(CLASSES)], input_shape=(3,), seed=0).compile("sgd", "cross_entropy")
    net.weights["dense_0.weight"][...] = 1e38
    before = net.parameters.copy()
    with pytest.raises(ValueError, match=f"{CLASSES}"):
        net.train_on_batch(normal(4, 3), [0, 1, 2, CLASSES])
    with pytest.raises(DivergenceError):
        net.train_on_batch(np.full((4, 3), 100.0, np.float32), [0, 1, 2, 3])
    assert np.array_equal(net.parameters, before)
