"""Returns and advantages: sums of rewards that go backwards in time."""

from typing import Any

cimport numpy as cnp
import numpy as np

from fastnn.common import checks
from fastnn.data import arrays

cnp.import_array()


def discounted(reward: Any, ended: Any, gamma: float = 0.99, last: Any = 0.0) -> np.ndarray:
    """Compute the returns R_t = r_t + gamma (1 - ended_t) R_(t+1), with R_T = last.

    Parameters
    ----------
    reward : array (time,) or (time, environments)
    ended : array of bool
        Of the same shape: whether the episode ended with this step.
    gamma : float, default 0.99
        0 <= gamma <= 1.
    last : float or array (environments,), default 0
        The value of what follows the last step.

    Returns
    -------
    array, float32
        Of the shape of reward.

    Raises
    ------
    TypeError, ValueError
        For arrays that do not fit, rewards that are not finite, and another gamma.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.rl.discounted([1.0, 1.0, 1.0], [False, True, False], gamma=0.5, last=4.0)
    array([1.5, 1. , 3. ], dtype=float32)
    """
    r, done, bootstrap = checked(reward, ended, last)
    ends = np.broadcast_to(bootstrap, (1, r.shape[1]))
    return sums(r, done, checks.real("gamma", gamma, 0, 1), ends).reshape(np.shape(reward))


def gae(
    reward: Any,
    value: Any,
    terminated: Any,
    last: Any,
    gamma: float = 0.99,
    lam: float = 0.95,
    truncated: Any = False,
    final_value: Any = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Compute generalized advantage estimates, A_t = d_t + gamma lam A_(t+1), d_t = r_t + gamma V_(t+1) - V_t.

    After a step that terminated its episode V_(t+1) is 0; after one that was truncated it is `final_value`; A_(t+1) is
    0 after both.

    Parameters
    ----------
    reward, value : array (time,) or (time, environments)
        The rewards, and the values of the observations before them.
    terminated : array of bool
        Of the same shape: whether the episode ended by itself with this step.
    last : float or array (environments,)
        The value of the observation after the last step.
    gamma, lam : float, default 0.99 and 0.95
        From 0 to 1.
    truncated : array of bool, default False
        Of the same shape: whether the episode was broken off after this step.
    final_value : array, default 0
        Of the same shape: the value of the observation at which an episode was broken off; it counts there alone.

    Returns
    -------
    advantage : array, float32
        Of the shape of reward.
    target : array, float32
        advantage + value: the returns that the values are to learn.

    Raises
    ------
    TypeError, ValueError
        For arrays that do not fit or are not finite, and for gamma or lam outside [0, 1].

    References
    ----------
    J. Schulman, P. Moritz, S. Levine, M. Jordan and P. Abbeel, "High-Dimensional Continuous Control Using Generalized
    Advantage Estimation", ICLR 2016, equation 16.

    Examples
    --------
    >>> import fastnn as fnn
    >>> advantage, target = fnn.rl.gae([1.0, 1.0], [0.5, 0.5], [False, True], last=9.0, gamma=1.0, lam=1.0)
    >>> advantage.tolist(), target.tolist()
    ([1.5, 0.5], [2.0, 1.0])
    """
    gamma, lam = checks.real("gamma", gamma, 0, 1), checks.real("lam", lam, 0, 1)
    r, done, bootstrap = checked(reward, terminated, last)
    shape = np.shape(reward)
    v = float64("value", value, shape, r.shape)
    cut = flags("truncated", truncated, shape, r.shape)
    final = float64("final_value", final_value, shape, r.shape)
    following = np.concatenate([v[1:], np.broadcast_to(bootstrap, (1, r.shape[1]))])
    following = np.where(done, 0, np.where(cut, final, following))
    advantage = sums(r + gamma * following - v, done | cut, gamma * lam, np.zeros((1, r.shape[1])))
    return advantage.reshape(shape), (advantage + v).astype(np.float32).reshape(shape)


cdef tuple checked(object reward, object ended, object last):
    """Rewards (time, environments), whether each ended its episode, and the value of what follows."""
    shape = np.shape(reward)
    if len(shape) not in (1, 2) or 0 in shape:
        raise ValueError(f"reward: expected (time,) or (time, environments), got shape {shape}")
    wide = (shape[0], shape[1] if len(shape) == 2 else 1)
    r, done = float64("reward", reward, shape, wide), flags("ended", ended, shape, wide)
    bootstrap = arrays.numbers("last", last)
    if bootstrap.shape not in ((), (1,), wide[1:]) or not np.isfinite(bootstrap).all():
        raise ValueError(f"last: expected a finite number, or one for each of {wide[1]} environments, got {last!r:.60}")
    return r, done, bootstrap


cdef object float64(str name, object given, tuple shape, tuple wide):
    array = arrays.numbers(name, given)
    if array.shape not in (shape, ()):
        raise ValueError(f"{name}: expected shape {shape}, got {array.shape}")
    array = np.ascontiguousarray(np.broadcast_to(array, shape), np.float64).reshape(wide)
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: expected finite numbers")
    return array


cdef object flags(str name, object given, tuple shape, tuple wide):
    array = np.asarray(given)
    if array.shape not in (shape, ()) or array.dtype.kind not in "bui" or not np.isin(array, (0, 1)).all():
        raise ValueError(f"{name}: expected bools of shape {shape}, got {array.shape} {array.dtype}")
    return np.ascontiguousarray(np.broadcast_to(array, shape), np.bool_).reshape(wide)


cdef object sums(cnp.ndarray terms, cnp.ndarray ended, double factor, object last):
    """s_t = terms_t + factor (1 - ended_t) s_(t+1), as float32. terms: float64 (time, environments) in C order."""
    cdef cnp.ndarray result = np.empty((<object> terms).shape, np.float32)
    cdef cnp.ndarray following = np.array(last, np.float64)
    cdef const double *x = <const double *> cnp.PyArray_DATA(terms)
    cdef const char *end = <const char *> cnp.PyArray_DATA(ended)
    cdef float *y = <float *> cnp.PyArray_DATA(result)
    cdef double *s = <double *> cnp.PyArray_DATA(following)
    cdef Py_ssize_t t, e, n = cnp.PyArray_DIM(terms, 1)
    for t in range(cnp.PyArray_DIM(terms, 0) - 1, -1, -1):
        for e in range(n):
            s[e] = x[t * n + e] + (0 if end[t * n + e] else factor * s[e])
            y[t * n + e] = <float> s[e]
    return result
