"""Second derivatives of the loss: Hessian-vector products, the Hessian, its largest eigenvalues."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from fastnn.common import checks
from fastnn.common.randomness import Purpose, generator
from fastnn.data import arrays
from fastnn.model.parameters import Joined
from fastnn.network import Network
from fastnn.training.gradients import passes

#: How far the parameters are moved: with float32 gradients the error is least between 0.01 and 0.03.
STEP = 0.02
#: The most parameters of a network whose whole Hessian is made.
MOST = 2000
#: Blocks of directions that `eigenvalues` tries, and the change between two of them, relative, at which it ends.
BLOCKS, CONVERGED = 100, 1e-4

Product = Callable[[np.ndarray], np.ndarray]


def hvp(net: Network, x: Any, y: Any, v: Any) -> np.ndarray:
    """Compute H v, the product of the Hessian of the loss with a vector, from differences of native gradients g.

    H v = |v| (8 (g(w + h u) - g(w - h u)) - g(w + 2 h u) + g(w - 2 h u)) / 12 h, u = v / |v|, h = 0.02. The gradients
    are float32: for a smooth loss the error is about 1e-5 of the largest eigenvalue times |v|. Across the kinks of a
    relu it is the mean curvature over this distance.

    The loss is that of `evaluate`: dropout does not act, BatchNorm uses its running statistics, penalties count. The
    network does not change.

    Parameters
    ----------
    net : Network
        Compiled and built.
    x, y
        As in `fit`; all samples are one batch.
    v : array (parameters,)
        In the order of `net.gradients`, each flattened.

    Returns
    -------
    array, float64 (parameters,)

    Raises
    ------
    RuntimeError
        Before the network is compiled and built.
    TypeError, ValueError, FloatingPointError
        As `train_on_batch`, and for a v that does not fit or is not finite.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dense(1, bias=False)], input_shape=(2,), seed=0).compile("sgd", "mse")
    >>> fnn.inspection.hvp(net, [[1.0, 0.0], [0.0, 2.0]], [0.0, 0.0], [1.0, 1.0]).round(3)
    array([1., 4.])
    """
    with _products(net, x, y) as (product, size):
        vector = arrays.numbers("v", v).astype(np.float64)
        if vector.shape != (size,) or not np.isfinite(vector).all():
            raise ValueError(f"hvp: v must be finite, one number for each of {size} parameters, got {vector.shape}")
        return product(vector)


def hessian(net: Network, x: Any, y: Any) -> tuple[np.ndarray, float]:
    """Compute the Hessian of the loss, and how far off its eigenvalues may be.

    Its columns are products as in `hvp`, made symmetric. Exact ones would be symmetric already, so the spectral norm of
    the antisymmetric part is an estimate of the error: smaller eigenvalues are 0 as far as one can tell.

    Parameters
    ----------
    net : Network
        Compiled and built, with at most 2000 parameters.
    x, y
        As in `hvp`.

    Returns
    -------
    matrix : array, float64 (parameters, parameters)
        In the order of `net.gradients`, each flattened.
    noise : float
        The estimated error of its eigenvalues, at least 1e-6 of the largest.

    Raises
    ------
    RuntimeError, TypeError, ValueError, FloatingPointError
        As `hvp`, and ValueError for a network of more parameters.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dense(1, bias=False)], input_shape=(2,), seed=0).compile("sgd", "mse")
    >>> matrix, noise = fnn.inspection.hessian(net, [[1.0, 0.0], [0.0, 2.0]], [0.0, 0.0])
    >>> abs(matrix.round(3)).tolist(), noise < 1e-3
    ([[1.0, 0.0], [0.0, 4.0]], True)
    """
    with _products(net, x, y) as (product, size):
        if size > MOST:
            raise ValueError(f"hessian: {size} parameters, more than {MOST}; use eigenvalues, or hvp")
        matrix = np.stack([product(column) for column in np.eye(size)], axis=1)
    symmetric, antisymmetric = (matrix + matrix.T) / 2, (matrix - matrix.T) / 2
    noise = max(np.linalg.norm(antisymmetric, 2), 1e-6 * np.linalg.norm(symmetric, 2))
    return symmetric, float(noise)


def eigenvalues(net: Network, x: Any, y: Any, k: int = 5) -> np.ndarray:
    """Compute the eigenvalues of the Hessian that are largest by magnitude, without the Hessian: block Lanczos, [1]_.

    The space is spanned by k random directions (by the network's seed) and products with them, as in `hvp`, until the
    eigenvalues within it change by less than 1e-4 of the largest.

    Parameters
    ----------
    net : Network
        Compiled and built.
    x, y
        As in `hvp`.
    k : int, default 5
        How many, at most the parameters.

    Returns
    -------
    array, float64 (k,)
        The largest magnitude first.

    Raises
    ------
    RuntimeError, TypeError, ValueError, FloatingPointError
        As `hvp`, and for an invalid k.

    References
    ----------
    .. [1] G. H. Golub and R. Underwood, "The Block Lanczos Method for Computing Eigenvalues", Mathematical Software
       III, 1977. Here each block is made orthogonal to all before.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dense(1, bias=False)], input_shape=(2,), seed=0).compile("sgd", "mse")
    >>> fnn.inspection.eigenvalues(net, [[1.0, 0.0], [0.0, 2.0]], [0.0, 0.0], k=2).round(3)
    array([4., 1.])
    """
    with _products(net, x, y) as (product, size):
        count = checks.integer("eigenvalues: k", k, 1, size)
        rng = generator(net.seed, Purpose.DIRECTIONS, 0)
        basis, images = np.empty((2, size, 0))
        block: np.ndarray = rng.standard_normal((size, count))
        found: np.ndarray = np.empty(0)
        for _ in range(BLOCKS):
            for _ in range(2):  # the second time against rounding
                block = np.linalg.qr(block - basis @ (basis.T @ block))[0]
            basis = np.hstack([basis, block])
            images = np.hstack([images, np.stack([product(column) for column in block.T], axis=1)])
            before, projected = found, basis.T @ images
            found = np.linalg.eigvalsh((projected + projected.T) / 2)
            found = found[np.argsort(-np.abs(found))][:count]
            left = size - basis.shape[1]
            if not left or (len(before) and np.abs(found - before).max() <= CONVERGED * np.abs(found[0])):
                break
            block = images[:, -block.shape[1] :][:, :left]
            # Within a space that the Hessian maps to itself the rest is 0: a little noise then leads out of it.
            block = block + 1e-9 * np.linalg.norm(block) * rng.standard_normal(block.shape)
        return found


@contextmanager
def _products(net: Network, x: Any, y: Any) -> Iterator[tuple[Product, int]]:
    """A function v -> H v, and the number of parameters. All is restored."""
    net.require_built()
    with passes(net, x, y, still=True) as (take, _, _):
        names = [name for name in net.blocks.each if name in net.gradients]
        parameters, gradients = (Joined(views[name] for name in names) for views in (net.weights, net.gradients))
        before = parameters.read()

        def gradient(point: np.ndarray) -> np.ndarray:
            parameters.write(point)
            take()
            return gradients.read().astype(np.float64)

        def product(v: np.ndarray) -> np.ndarray:
            size = np.linalg.norm(v)
            if not size:
                return np.zeros_like(v)
            step = STEP / size * v
            near = gradient(before + step) - gradient(before - step)
            far = gradient(before + 2 * step) - gradient(before - 2 * step)
            return np.asarray(size * (8 * near - far) / (12 * STEP))

        try:
            yield product, before.size
        finally:
            parameters.write(before)
