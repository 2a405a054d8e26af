"""How far one set of samples is from another, by the normal distributions of their features."""

from typing import Any

import numpy as np

from fastnn.data import arrays


def frechet_distance(a: Any, b: Any) -> float:
    """|m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)), of the means m and covariances C of two sets of features.

    It is the distance of two normal distributions, squared, [1]_. How far generated images are from true ones is told
    by the features that a classifier has of both, [2]_; only distances by the same classifier can be compared, and
    only between sets of about the same size: the fewer samples, the greater it is.

    Parameters
    ----------
    a, b : array (n, d)
        Features of two sets, which may have different n >= 2.

    Returns
    -------
    float
        >= 0, computed in float64; 0 for equal means and covariances, up to rounding.

    Raises
    ------
    TypeError
        Unless both hold numbers.
    ValueError
        For other shapes, and numbers that are not finite or beyond 1e60.

    References
    ----------
    .. [1] D. C. Dowson and B. V. Landau, "The Frechet Distance Between Multivariate Normal Distributions", Journal of
       Multivariate Analysis 12(3), 1982, equation 4.
    .. [2] M. Heusel, H. Ramsauer, T. Unterthiner, B. Nessler and S. Hochreiter, "GANs Trained by a Two Time-Scale
       Update Rule Converge to a Local Nash Equilibrium", NeurIPS 2017, equation 6.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> features = np.random.default_rng(0).standard_normal((100, 4))
    >>> round(fnn.metrics.frechet_distance(features, features + 3), 6)
    36.0
    """
    sets = []
    for name, given in (("a", a), ("b", b)):
        x = arrays.numbers(f"frechet_distance: {name}", given).astype(np.float64)
        if x.ndim != 2 or len(x) < 2 or not x.size:
            raise ValueError(f"frechet_distance: expected {name} (n, d), n at least 2, got {x.shape}")
        if not np.isfinite(x).all():
            raise ValueError(f"frechet_distance: {name} has features that are not finite")
        if np.abs(x).max() > 1e60:
            raise ValueError(f"frechet_distance: {name} has features beyond 1e60, whose covariances overflow")
        sets.append(x)
    if sets[0].shape[1] != sets[1].shape[1]:
        raise ValueError(f"frechet_distance: a {sets[0].shape} and b {sets[1].shape} differ in the number of features")
    (mean_a, cov_a), (mean_b, cov_b) = ((x.mean(axis=0), np.atleast_2d(np.cov(x, rowvar=False))) for x in sets)
    values, vectors = np.linalg.eigh(cov_a)
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T
    # The eigenvalues of C_a C_b are those of root C_b root, which is symmetric.
    common = np.sqrt(np.linalg.eigvalsh(root @ cov_b @ root).clip(0)).sum()
    distance = ((mean_a - mean_b) ** 2).sum() + np.trace(cov_a) + np.trace(cov_b) - 2 * common
    return max(float(distance), 0.0)
