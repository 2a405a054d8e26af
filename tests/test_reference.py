"""The twins themselves: their gradients by central differences, Philox by its published vectors, none missing."""

import importlib
import pkgutil
from collections.abc import Callable

import numpy as np
import pytest

import reference
import reference_attention
import reference_augmentation
import reference_convolution
import reference_ctc
import reference_layers
import reference_losses
import reference_pictures
import reference_rl
import reference_sequences
import reference_stepping
import reference_updates
from check import generator
from fastnn import kernels
from fastnn.engine.op import Op
from fastnn.kernels.axis import Axis

LISTS = {"ACTIVATIONS", "DERIVED_FROM_INPUT", "ELEMENTWISE_LOSSES", "PARAMETRIC"}
# The derivative of step, 0, is right too, but says nothing.
SMOOTH = [activation for activation in kernels.ACTIVATIONS if activation != "step"]


def numeric_gradient(f: Callable[[reference.Array], float], x: reference.Array, h: float = 1e-5) -> reference.Array:
    """Central differences of f at x; x is changed in place and put back."""
    gradient = np.empty_like(x)
    for i in np.ndindex(x.shape):
        kept = x[i]
        x[i] = kept + h
        above = f(x)
        x[i] = kept - h
        gradient[i] = (above - f(x)) / (2 * h)
        x[i] = kept
    return gradient


def assert_gradient(gradient: reference.Array, f: Callable[[reference.Array], float], x: reference.Array) -> None:
    expected = numeric_gradient(f, x)
    assert np.abs(expected).max() > 0.01  # or the comparison says nothing
    assert np.linalg.norm(gradient - expected) <= 1e-6 * np.linalg.norm(expected)


def draw(*shapes: tuple[int, ...]) -> list[reference.Array]:
    random = generator(1)
    return [random.standard_normal(shape) for shape in shapes]


def test_every_op_has_a_twin() -> None:
    files = (
        reference,
        reference_attention,
        reference_augmentation,
        reference_convolution,
        reference_ctc,
        reference_layers,
        reference_losses,
        reference_pictures,
        reference_rl,
        reference_sequences,
        reference_stepping,
        reference_updates,
    )
    twins = {*LISTS, *(name for file in files for name in vars(file))}
    missing = [name for name in kernels.__all__ if name not in twins]
    assert not missing


def leaves(kind: type) -> set[type]:
    """The classes below it that none inherits from."""
    return set.union(*(leaves(each) for each in kind.__subclasses__())) if kind.__subclasses__() else {kind}


def test_the_list_of_kernels_is_whole() -> None:
    for module in pkgutil.iter_modules(kernels.__path__, "fastnn.kernels."):
        importlib.import_module(module.name)
    ops = {each.__name__ for each in leaves(Op) if each.__module__.startswith("fastnn.")}
    assert ops <= set(kernels.__all__)


def test_every_activation_has_a_twin() -> None:
    assert set(kernels.ACTIVATIONS) == set(reference.FUNCTIONS) == set(reference.SLOPES)


@pytest.mark.parametrize("activation", SMOOTH)
def test_activation(activation: str) -> None:
    x, dy = draw((5, 7), (5, 7))
    gradient = reference.ActivationGradient(reference.slope_source(x, activation), dy, activation)
    assert_gradient(gradient, lambda x: float((reference.Activation(x, activation) * dy).sum()), x)


@pytest.mark.parametrize("activation", SMOOTH)
def test_dense(activation: str) -> None:
    z, weight, bias, dy = draw((5, 4), (4, 3), (3,), (5, 3))
    x = reference.Activation(z, activation)

    def f(x: reference.Array) -> float:
        return float((reference.Dense(x, weight, bias) * dy).sum())

    assert_gradient(
        reference.DenseInputGradient(dy, weight, activation, reference.slope_source(z, activation)),
        lambda z: f(reference.Activation(z, activation)),
        z,
    )
    assert_gradient(reference.DenseInputGradient(dy, weight), f, x)
    dweight, dbias = reference.DenseWeightGradient(x, dy)
    assert_gradient(dweight, lambda weight: f(x), weight)
    assert_gradient(dbias, lambda bias: f(x), bias)


def test_dueling() -> None:
    z, dy = draw((4, 6), (4, 5))
    assert_gradient(reference_layers.DuelingGradient(dy), lambda z: float((reference_layers.Dueling(z) * dy).sum()), z)


def test_batch_norm() -> None:
    """The two gradients with respect to gamma and beta, and that through the statistics of the batch."""
    x, dy, gamma, beta = draw((4, 6), (4, 6), (3,), (3,))

    def f(x: reference.Array) -> float:
        y = reference_layers.BatchNorm(x, *reference_layers.BatchNormMoments(x, 3), gamma, beta, epsilon=0.1)
        return float((y * dy).sum())

    moments = reference_layers.BatchNormMoments(x, 3)
    shift, slope, dgamma, dbeta = reference_layers.BatchNormWeightGradient(x, dy, *moments, epsilon=0.1)
    assert_gradient(dgamma, lambda gamma: f(x), gamma)
    assert_gradient(dbeta, lambda beta: f(x), beta)
    assert_gradient(reference_layers.BatchNormInputGradient(x, dy, *moments, shift, slope, gamma, epsilon=0.1), f, x)


def test_layer_norm() -> None:
    x, dy, gamma, beta = draw((4, 6), (4, 6), (3,), (3,))

    def f(x: reference.Array) -> float:
        return float((reference_layers.LayerNorm(x, gamma, beta, epsilon=0.1)[0] * dy).sum())

    moments = reference_layers.LayerNorm(x, gamma, beta, epsilon=0.1)[1]
    dgamma, dbeta = reference_layers.LayerNormWeightGradient(x, dy, moments, 3)
    assert_gradient(dgamma, lambda gamma: f(x), gamma)
    assert_gradient(dbeta, lambda beta: f(x), beta)
    assert_gradient(reference_layers.LayerNormInputGradient(x, dy, moments, gamma), f, x)


@pytest.mark.parametrize("transposed", [False, True])
def test_convolution(transposed: bool) -> None:
    """The map of the gradients is that of the input's gradient, and the weight's is that of the same sum."""
    rows, columns, groups = Axis(6, 3, 2, 1, 1, 0), Axis(7, 2, 1, 2, 1, 1), 2
    small, picture = rows.output * columns.output * 6, rows.size * columns.size * 4
    x, dy, weight, bias = draw((2, picture), (2, small), (3, 2, 2, 6), (4 if transposed else 6,))
    given, back = (dy, x) if transposed else (x, dy)

    def f(given: reference.Array) -> float:
        y = reference_convolution.Convolution(given, weight, bias, rows, columns, groups, transposed)
        return float((y * back).sum())

    assert_gradient(
        reference_convolution.Convolution(back, weight, None, rows, columns, groups, not transposed), f, given
    )
    dweight = reference_convolution.ConvolutionWeightGradient(x, dy, rows, columns, weight.shape)
    assert_gradient(dweight, lambda weight: f(given), weight)
    assert_gradient(reference_convolution.ChannelSum(back, len(bias)), lambda bias: f(given), bias)


def test_depthwise() -> None:
    rows, columns = Axis(6, 3, 2, 1, 1, 0), Axis(7, 2, 1, 2, 1, 1)
    small, picture = rows.output * columns.output * 6, rows.size * columns.size * 3
    x, dy, weight, bias = draw((2, picture), (2, small), (3, 2, 3, 2), (6,))

    def f(x: reference.Array) -> float:
        return float((reference_convolution.Depthwise(x, weight, bias, rows, columns) * dy).sum())

    dx, dweight, dbias = reference_convolution.DepthwiseGradient(x, weight, dy, rows, columns)
    assert_gradient(dx, f, x)
    assert_gradient(dweight, lambda weight: f(x), weight)
    assert_gradient(dbias, lambda bias: f(x), bias)
    # Channel 1 has outputs 2 and 3 alone.
    only = np.where(np.arange(picture) % 3 == 1, x, 0)
    y = reference_convolution.Depthwise(only, weight, None, rows, columns).reshape(2, -1, 6)
    assert np.flatnonzero(y.any(axis=(0, 1))).tolist() == [2, 3]


def test_maxout() -> None:
    z, dy = draw((5, 12), (5, 4))
    gradient = reference_layers.MaxoutGradient(z, dy)
    assert_gradient(gradient, lambda z: float((reference_layers.Maxout(z, 4) * dy).sum()), z)


def test_pooling() -> None:
    axes = Axis(5, 3, 2, before=1, after=1), Axis(4, 2, 1, before=1)
    x, dy = draw((2, 5, 4, 3), (2, 3, 4, 3))
    gradient = reference_pictures.MaxPoolGradient(reference_pictures.MaxPool(x, *axes)[1], dy, *axes)
    assert_gradient(gradient, lambda x: float((reference_pictures.MaxPool(x, *axes)[0] * dy).sum()), x)
    for mean in (True, False):
        gradient = reference_pictures.AveragePoolGradient(dy, *axes, mean=mean)

        def f(x: reference.Array, mean: bool = mean) -> float:
            return float((reference_pictures.AveragePool(x, *axes, mean=mean) * dy).sum())

        assert_gradient(gradient, f, x)


def test_bilinear() -> None:
    x, dy = draw((2, 3, 4, 2), (2, 6, 12, 2))
    gradient = reference_pictures.BilinearGradient(dy, (2, 3))
    assert_gradient(gradient, lambda x: float((reference_pictures.Bilinear(x, (2, 3)) * dy).sum()), x)


def test_pad() -> None:
    """The gradient is the opposite border."""
    axes = Axis(3, before=1, after=-2), Axis(4, before=-1, after=3)
    x, dy = draw((2, 3, 4, 2), (2, 2, 6, 2))
    gradient = reference_pictures.Pad(dy, Axis(2, before=-1, after=2), Axis(6, before=1, after=-3))
    assert_gradient(gradient, lambda x: float((reference_pictures.Pad(x, *axes) * dy).sum()), x)


def test_rescale() -> None:
    x, dy = draw((5, 7), (5, 7))
    gradient = reference_layers.Rescale(dy, scale=0.3)
    assert_gradient(gradient, lambda x: float((reference_layers.Rescale(x, scale=0.3, offset=2) * dy).sum()), x)


PICTURES = {
    "FlipShift": {"flip": (False, True), "pixels": (2, 0)},
    "Rotate": {"degrees": 50.0},
    "Brightness": {"amount": 2.0},
    "Contrast": {"amount": 0.7},
    "Cutout": {"side": 2},
}


@pytest.mark.parametrize("name", PICTURES)
def test_augmentation(name: str) -> None:
    """Of three images; the gradient is the transpose."""
    x, dy = draw((3, 24), (3, 24))
    u = generator(2).random((3, 2 if name in ("FlipShift", "Cutout") else 1))
    twin, settings = getattr(reference_augmentation, name), {"shape": (4, 3, 2), **PICTURES[name]}
    gradient = twin(dy, u, transposed=True, **settings)
    assert_gradient(gradient, lambda x: float((twin(x, u, **settings) * dy).sum()), x)


def test_prelu() -> None:
    x, dy, slope = draw((5, 2, 7), (5, 2, 7), (7,))
    dx, dslope = reference.PReLUGradient(x, slope, dy)
    assert_gradient(dx, lambda x: float((reference.PReLU(x, slope) * dy).sum()), x)
    assert_gradient(dslope, lambda slope: float((reference.PReLU(x, slope) * dy).sum()), slope)


def test_log_softmax() -> None:
    x, dy = draw((5, 7), (5, 7))
    assert np.allclose(np.exp(reference.LogSoftmax(x)), reference.Softmax(x), 1e-14)
    gradient = reference.LogSoftmaxGradient(reference.LogSoftmax(x), dy)
    assert_gradient(gradient, lambda x: float((reference.LogSoftmax(x) * dy).sum()), x)


def test_softmax() -> None:
    x, dy = draw((5, 7), (5, 7))
    gradient = reference.SoftmaxGradient(reference.Softmax(x), dy)
    assert_gradient(gradient, lambda x: float((reference.Softmax(x) * dy).sum()), x)


def test_cross_entropy() -> None:
    (x,) = draw((5, 7))
    label = np.array([0, 6, 2, 2, 5], np.int32)
    distribution = reference.Softmax(draw((5, 7), (5, 7))[1])
    for target in (label, distribution):
        loss, gradient = reference_losses.CrossEntropy(x, target)
        assert_gradient(gradient, lambda x, target=target: reference_losses.CrossEntropy(x, target)[0], x)
    assert loss > 0
    one_hot = np.eye(7)[label]
    assert reference_losses.CrossEntropy(x, one_hot)[0] == reference_losses.CrossEntropy(x, label)[0]


def test_penalty() -> None:
    (w,) = draw((5, 7))
    gradient = reference_updates.Penalty(w, None, 0.0, l1=0.3, l2=0.2)[1]
    assert_gradient(gradient, lambda w: reference_updates.Penalty(w, None, 0.0, l1=0.3, l2=0.2)[0], w)


WEIGHTS = (None, [0.5, 0, 2, 1, 0.25])


@pytest.mark.parametrize("weight", WEIGHTS, ids=["plain", "weighted"])
@pytest.mark.parametrize("loss", kernels.ELEMENTWISE_LOSSES)
def test_elementwise_loss(loss: str, weight: list[float] | None) -> None:
    x, target = draw((5, 7), (5, 7))
    target = reference.sigmoid(target)

    def twin(x: reference.Array) -> tuple[float, reference.Array]:
        return reference_losses.ElementwiseLoss(x, target, weight, loss=loss, setting=1.5)

    assert_gradient(twin(x)[1], lambda x: twin(x)[0], x)


@pytest.mark.parametrize("weight", WEIGHTS, ids=["plain", "weighted"])
@pytest.mark.parametrize("loss", ["Cosine", "CrossEntropy", "Dice", "KLDivergence"])
def test_loss_of_rows(loss: str, weight: list[float] | None) -> None:
    x, target = draw((5, 3), (5, 3))
    twin, target = getattr(reference_losses, loss), reference.Softmax(target)
    assert_gradient(twin(x, target, weight)[1], lambda x: twin(x, target, weight)[0], x)


def test_losses_are_the_textbook_ones() -> None:
    x, target = draw((5, 7), (5, 7))
    s, t, soft = reference.sigmoid(x), reference.sigmoid(target), reference.Softmax(target)
    binary = np.mean(-t * np.log(s) - (1 - t) * np.log(1 - s))
    assert np.isclose(reference_losses.ElementwiseLoss(x, t, loss="binary_cross_entropy")[0], binary, 1e-14)
    assert np.isclose(reference_losses.ElementwiseLoss(x, t, loss="focal", setting=0)[0], binary, 1e-14)
    divergence = (soft * np.log(soft / reference.Softmax(x))).sum(axis=1).mean()
    assert np.isclose(reference_losses.KLDivergence(x, soft)[0], divergence, 1e-12)


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
)
def test_philox(counter: str, key: str, words: str) -> None:
    """The known answers of Random123, kat_vectors."""
    numbers = [np.array([int(word, 16) for word in text.split()], np.uint32) for text in (counter, key, words)]
    assert (reference.philox(numbers[0], tuple(map(int, numbers[1]))) == numbers[2]).all()
