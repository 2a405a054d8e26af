"""The gradient penalty of critics and discriminators, without second derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.common import checks
from fastnn.training.custom_loop import CustomLoop

#: The step of the finite differences, as a fraction of a sample's length.
STEP = 0.003


def gradient_penalty(net: CustomLoop, x: Any, weight: float = 1.0, center: float = 0.0) -> float:
    """Add the gradient of the penalty weight / 2 (|g| - center)^2, the mean over rows, to `net.gradients`.

    g is the gradient of the network's output with respect to a row of x. What the penalty adds for the parameters w is
    weight (|g| - center) times the derivative of dy/dw along u = g / |g|, which is the difference of dy/dw at
    x + h u and x - h u, divided by 2 h: three passes, and no second derivatives. `step` or `update` then uses it
    together with the gradients that were there.

    Parameters
    ----------
    net : Network
        With one input and one output (1,), without layers that act at random.
    x : array (batch, ...)
        Real samples with center=0, "R1" [1]_; points between real and generated ones with center=1 [2]_.
    weight : float, default 1
        >= 0.
    center : float, default 0
        The length that gradients should have, >= 0.

    Returns
    -------
    float
        The penalty.

    Raises
    ------
    TypeError, ValueError
        For a network with other inputs or outputs, and an x that does not fit or is not finite.
    RuntimeError
        Before the network is built.

    References
    ----------
    .. [1] L. Mescheder, A. Geiger and S. Nowozin, "Which Training Methods for GANs do actually Converge?", ICML 2018,
       equation 9.
    .. [2] I. Gulrajani, F. Ahmed, M. Arjovsky, V. Dumoulin and A. Courville, "Improved Training of Wasserstein GANs",
       NIPS 2017, equation 3.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dense(1)], input_shape=(2,), seed=0).compile(fnn.SGD(0.1), loss=None)
    >>> net.weights["dense_0.weight"][...] = [[3.0], [4.0]]
    >>> round(fnn.gradient_penalty(net, np.eye(2), weight=2.0), 3)
    25.0
    >>> net.gradients["dense_0.weight"].ravel().round(2)
    array([6., 8.], dtype=float32)
    """
    scale = checks.real("gradient_penalty: weight", weight, 0)
    wanted = checks.real("gradient_penalty: center", center, 0)
    net.require_built()
    if len(net.features) != 1 or net.shapes != [(1,)]:
        raise ValueError(f"gradient_penalty: expected a network with an output (1,), got {net.output_shape}")
    values = np.asarray(net.samples(x)[0][0], np.float32)
    rows = len(values)
    net.forward(values, training=True)
    g = net.backward(np.ones((rows, 1), np.float32), parameters=False).reshape(rows, -1).astype(np.float64)
    length = np.sqrt((g * g).sum(axis=1, keepdims=True))
    unit = (g / np.maximum(length, 1e-30)).reshape(values.shape)
    size = np.sqrt((values.reshape(rows, -1).astype(np.float64) ** 2).sum(axis=1, keepdims=True))
    h = STEP * np.where(size > 0, size, 1)
    slope = scale * (length - wanted) / (2 * h * rows)
    for sign in (1, -1):
        net.forward(values + sign * (h.reshape(rows, *[1] * (values.ndim - 1)) * unit), training=True)
        net.backward(sign * slope)
    return float(scale / 2 * ((length - wanted) ** 2).mean())
