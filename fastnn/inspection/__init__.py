"""Inside a network: outputs of layers, which pixels decide the class, gradients over time, the loss, more data."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.common import checks
from fastnn.common.free import Shape
from fastnn.data import arrays
from fastnn.inspection.critical import CriticalPoint, critical_points
from fastnn.inspection.curvature import eigenvalues, hessian, hvp
from fastnn.inspection.sample_sizes import LearningCurve, learning_curve
from fastnn.inspection.steps import Steps
from fastnn.inspection.surface import Surface, loss_surface
from fastnn.network import Network

__all__ = [
    "CriticalPoint",
    "LearningCurve",
    "Steps",
    "Surface",
    "critical_points",
    "eigenvalues",
    "grad_cam",
    "gradient_over_time",
    "hessian",
    "hvp",
    "layers",
    "learning_curve",
    "loss_surface",
    "one",
    "outputs",
]


def layers(net: Network) -> dict[str, Shape]:
    """List the output shape of every layer by name, without the batch.

    Parameters
    ----------
    net : Network

    Returns
    -------
    dict of str to tuple of int
        In the order in which the layers run; a layer of a sub-network is named "encoder.dense_0".

    Raises
    ------
    RuntimeError
        Before the network is built.

    Examples
    --------
    >>> import fastnn as fnn
    >>> net = fnn.Sequential([fnn.Conv2D(4, 3), fnn.Flatten(), fnn.Dense(3)], input_shape=(8, 8, 1))
    >>> fnn.inspection.layers(net)
    {'conv2d_0': (6, 6, 4), 'flatten_0': (144,), 'dense_0': (3,)}
    """
    _check(net)
    return {step.name: step.shape for step in Steps(net).steps}


def outputs(net: Network, layer: str, x: Any) -> np.ndarray:
    """Compute the output of one layer for x, as in `predict`.

    Parameters
    ----------
    net : Network
    layer : str
        A name among `layers(net)`.
    x : array (batch, ...)
        As in `predict`; for several inputs a list, a tuple or a dict by name.

    Returns
    -------
    array, float32 (batch, ...)

    Raises
    ------
    RuntimeError
        Before the network is built.
    TypeError, ValueError
        For an x that does not fit, and for an unknown layer.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dense(8, "relu"), fnn.Dense(3)], input_shape=(4,), seed=0)
    >>> fnn.inspection.outputs(net, "dense_0", np.zeros((2, 4))).shape
    (2, 8)
    """
    _check(net)
    steps, given = Steps(net), net.samples(x)[0]
    place = steps.place(layer)
    used = _used(steps, place)
    part = steps.part(used, place)
    arrays = [given[i] for i in used]
    output: np.ndarray = part.predict(arrays[0] if len(arrays) == 1 else arrays)
    return output


def grad_cam(net: Network, picture: Any, label: int | None = None, layer: str | None = None) -> np.ndarray:
    """Compute which pixels of an image decide its class (Grad-CAM): relu(sum_k a_k A_k), from 0 to 1.

    A_k are the feature maps of a layer, and a_k is the mean over all pixels of the gradient of the class's score,
    before softmax or sigmoid, with respect to A_k. The sum is enlarged to the image's size and divided by its maximum;
    without a positive value it is 0 everywhere.

    Parameters
    ----------
    net : Network
        With one input (height, width, channels) and one output (classes,).
    picture : array (height, width, channels)
        The image.
    label : int, optional
        The class; for a network of one output 1 or 0. None is the predicted class.
    layer : str, optional
        A name among `layers(net)`. None is the last layer whose feature maps have more than one pixel.

    Returns
    -------
    array, float32 (height, width)

    Raises
    ------
    RuntimeError
        Before the network is built.
    TypeError, ValueError
        For a network that does not classify images, an image of another shape or with pixels that are not finite, a
        layer without feature maps, and an unknown label.

    References
    ----------
    R. R. Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-Based Localization", ICCV
    2017, equations 1 and 2.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> net = fnn.Sequential([fnn.Conv2D(4, 3), fnn.Flatten(), fnn.Dense(3)], input_shape=(8, 8, 1), seed=0)
    >>> fnn.inspection.grad_cam(net, np.eye(8)[..., None], label=2).shape
    (8, 8)
    """
    _check(net)
    if len(net.features) != 1 or len(net.features[0]) != 3 or len(net.shapes) != 1 or len(net.shapes[0]) != 1:
        raise ValueError("grad_cam: the network must map an image (height, width, channels) to (classes,)")
    steps, x = Steps(net), one("grad_cam", net, picture)
    if not np.isfinite(x).all():
        raise ValueError("grad_cam: the image has pixels that are not finite")
    place = _last_maps(steps) if layer is None else steps.place(layer)
    if len(steps.shapes[place]) != 3:
        shape = steps.shapes[place]
        raise ValueError(f"grad_cam: {layer} gives {shape}, expected feature maps (height, width, channels)")
    wanted = steps.outputs[0]
    bypass = _bypass(steps, place, wanted)
    values = [steps.part([0], at).predict(x) if at else x for at in (place, *bypass)]
    head = steps.part([place, *bypass], wanted, scores=True)
    head._set(frozen=head.untrained())  # so that BatchNorm uses its running statistics
    scores = head.forward(values if bypass else values[0], training=True)
    dy = np.zeros_like(scores)
    if scores.shape[1] == 1:
        kind = int(scores[0, 0] >= 0) if label is None else checks.integer("grad_cam: label", label, 0, 1)
        dy[0, 0] = 2 * kind - 1
    else:
        last = scores.shape[1] - 1
        dy[0, scores.argmax() if label is None else checks.integer("grad_cam: label", label, 0, last)] = 1
    gradient = head.backward(dy, parameters=False)
    slopes = (gradient["input_0"] if bypass else gradient)[0].mean(axis=(0, 1))
    heat = np.maximum(values[0][0] @ slopes, 0)
    heat = _enlarged(_enlarged(heat, x.shape[1]).T, x.shape[2]).T
    return np.asarray(heat / heat.max() if heat.max() > 0 else heat, np.float32)


def one(name: str, net: Network, picture: Any) -> np.ndarray:
    """An image as a batch of one for the network. name: what error messages begin with."""
    _check(net)
    if len(net.features) != 1:
        raise ValueError(f"{name}: the network must have one input, not {len(net.features)}")
    array, (features,) = arrays.numbers(f"{name}: picture", picture), net.sizes(name)
    if array.shape != features:
        turned = *features[-1:], *features[:-1]
        right = {(*array.shape[:1], *features): "picture[0]", turned: "picture.transpose(1, 2, 0)"}
        if features[-1] == 1:
            right[features[:-1]] = "picture[..., None]"
        hint = f"; give {right[array.shape]}" if array.shape in right else ""
        raise ValueError(f"{name}: expected an image {features}, got {array.shape}{hint}")
    return arrays.ready(array[None])


def gradient_over_time(net: Network, x: Any, y: Any) -> np.ndarray:
    """Compute how much the loss depends on each time step of the input: norms_t = mean_n |dL_n / dx_nt|.

    L_n is the loss of sequence n, x_nt its features at step t, and | | the Euclidean norm. Each step between x_t and
    the loss multiplies the gradient by a Jacobian: where its norm is below 1, the gradient vanishes exponentially with
    the distance; where it is above 1, it may explode, [1]_ [2]_. The network does not change.

    Parameters
    ----------
    net : Network
        Compiled, with one input of sequences of numbers.
    x : array (batch, time, features)
    y : array
        Targets, as in `fit`.

    Returns
    -------
    array, float64 (time,)

    Raises
    ------
    ValueError
        For a network of several inputs, of ids, or without sequences.
    RuntimeError, TypeError, ValueError, FloatingPointError
        As `train_on_batch`.

    References
    ----------
    .. [1] S. Hochreiter, "Untersuchungen zu dynamischen neuronalen Netzen", diploma thesis, TU Munich, 1991.
    .. [2] Y. Bengio, P. Simard and P. Frasconi, "Learning Long-Term Dependencies with Gradient Descent Is Difficult",
       IEEE Transactions on Neural Networks 5(2), 1994, section III.

    Examples
    --------
    >>> import fastnn as fnn
    >>> x, y = fnn.datasets.adding_problem(8, steps=20, seed=0)
    >>> net = fnn.Sequential([fnn.SimpleRNN(4), fnn.Dense(1)], input_shape=(20, 2), seed=0).compile("adam", "mse")
    >>> norms = fnn.inspection.gradient_over_time(net, x, y)
    >>> norms.shape, bool(norms[0] < norms[-1])
    ((20,), True)
    """
    dx, _ = net.gradient(x, y)
    if isinstance(dx, dict) or dx.ndim != 3 or net.graph.vocabulary(0):
        raise ValueError("gradient_over_time: the network must have one input of numbers (batch, time, features)")
    # The loss of a batch is the mean over its sequences.
    norms: np.ndarray = np.linalg.norm(dx.astype(np.float64) * len(dx), axis=2).mean(axis=0)
    return norms


def _check(net: Network) -> None:
    if not net.features:
        raise RuntimeError("the network is not built: give it an input_shape, or data")


def _used(steps: Steps, place: int) -> list[int]:
    """The inputs that lead to a place."""
    found, waiting = set(), [place]
    while waiting:
        at = waiting.pop()
        if at < steps.inputs:
            found.add(at)
        else:
            waiting += steps.steps[at - steps.inputs].sources
    return sorted(found)


def _last_maps(steps: Steps) -> int:
    """The last place whose feature maps have more than one pixel."""
    for place in reversed(range(steps.inputs, len(steps.shapes))):
        shape = steps.shapes[place]
        if len(shape) == 3 and shape[0] * shape[1] > 1:
            return place
    raise ValueError("grad_cam: no layer has feature maps (height, width, channels)")


def _bypass(steps: Steps, place: int, wanted: int) -> list[int]:
    """The places before this one whose values layers after it need, on the way to the output."""
    needed, waiting = {place}, [wanted]
    after = {place}
    for at in range(place + 1, len(steps.shapes)):
        if any(source in after for source in steps.steps[at - steps.inputs].sources):
            after.add(at)
    bypass = set()
    while waiting:
        at = waiting.pop()
        if at not in after:
            bypass.add(at)
        elif at not in needed:
            needed.add(at)
            waiting += steps.steps[at - steps.inputs].sources
    return sorted(bypass)


def _enlarged(x: np.ndarray, size: int) -> np.ndarray:
    """x (rows, columns) with `size` rows, interpolated linearly between the centres of rows."""
    places = (np.arange(size) + 0.5) * len(x) / size - 0.5
    return np.stack([np.interp(places, np.arange(len(x)), column) for column in x.T], axis=1)
