"""Random draws from predicted distributions."""

from typing import Any

from fastnn.engine.port cimport takes

cimport numpy as cnp
from libc.math cimport INFINITY, exp, log
from libc.stdlib cimport free, malloc
import numpy as np

from fastnn.common import checks
from fastnn.data import arrays

cnp.import_array()

cdef type Generator = np.random.Generator

cdef enum:
    INVALID = -1  # a score that is not a number, or none that is possible

cdef struct Rule:
    bint logits
    double sharpness      # 1 / temperature
    Py_ssize_t most       # of the likeliest classes, 0 for all
    double mass           # of the likeliest classes, 1 for all


cdef bint normalized(const float *x, Py_ssize_t n) noexcept nogil:
    """Whether the numbers are >= 0 and their sum is 1, up to rounding."""
    cdef double total = 0
    cdef Py_ssize_t i
    for i in range(n):
        if not x[i] >= 0:
            return False
        total += x[i]
    return 0.999 < total < 1.001


cdef bint weigh(const float *x, Py_ssize_t n, const Rule *rule, double *w) noexcept nogil:
    """w = the probabilities to the power of the sharpness, up to a factor; whether there are any."""
    cdef double most = -INFINITY
    cdef Py_ssize_t i
    for i in range(n):
        if not x[i] < INFINITY or (not rule.logits and x[i] < 0):
            return False
        most = max(most, <double> x[i])
    if not most > (-INFINITY if rule.logits else 0):
        return False
    if rule.logits:
        for i in range(n):
            w[i] = exp((x[i] - most) * rule.sharpness)
    elif rule.sharpness == 1:
        for i in range(n):
            w[i] = x[i]
    else:
        for i in range(n):
            w[i] = exp(log(x[i] / most) * rule.sharpness)
    return True


cdef inline bint before(const double *w, Py_ssize_t a, Py_ssize_t b) noexcept nogil:
    """Whether class a is likelier than b; of equal ones the first is."""
    return w[a] > w[b] or (w[a] == w[b] and a < b)


cdef void sink(const double *w, Py_ssize_t *heap, Py_ssize_t n, Py_ssize_t i) noexcept nogil:
    """Restores the order of a heap of classes below its i-th."""
    cdef Py_ssize_t child, moved = heap[i]
    while 2 * i + 1 < n:
        child = 2 * i + 1
        if child + 1 < n and before(w, heap[child + 1], heap[child]):
            child += 1
        if before(w, moved, heap[child]):
            break
        heap[i] = heap[child]
        i = child
    heap[i] = moved


cdef Py_ssize_t likeliest(
    const double *w, Py_ssize_t n, const Rule *rule, double total, Py_ssize_t *heap
) noexcept nogil:
    """Moves the likeliest classes, by the rule, to the end of the heap, the likeliest last; returns how many."""
    cdef Py_ssize_t i, taken = 0, left = n, most = rule.most if 0 < rule.most < n else n
    cdef double mass = 0
    for i in range(n):
        heap[i] = i
    for i in range(n // 2 - 1, -1, -1):
        sink(w, heap, n, i)
    while taken < most:
        left -= 1
        heap[0], heap[left] = heap[left], heap[0]
        sink(w, heap, left, 0)
        taken += 1
        mass += w[heap[left]]
        if mass >= rule.mass * total:
            break
    return taken


cdef Py_ssize_t drawn(
    const float *x, Py_ssize_t n, const Rule *rule, double chance, double *w, Py_ssize_t *heap
) noexcept nogil:
    """A class, by a number in [0, 1); INVALID for scores that are no distribution."""
    cdef double total = 0, mass = 0
    cdef Py_ssize_t i, place, taken = n, found = INVALID
    cdef bint some = rule.most > 0 or rule.mass < 1
    if not weigh(x, n, rule, w):
        return INVALID
    for i in range(n):
        total += w[i]
    if some:
        taken = likeliest(w, n, rule, total, heap)
        total = 0
        for i in range(n - 1, n - 1 - taken, -1):
            total += w[heap[i]]
    for i in range(taken):
        place = heap[n - 1 - i] if some else i
        if w[place] > 0:
            mass += w[place]
            found = place
            if mass > chance * total:
                break
    return found


def draw(
    x: Any,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    rng: np.random.Generator | None = None,
    *,
    logits: bool | None = None,
) -> Any:
    """Draw a class i with the probability p_i^(1 / temperature) / sum_j p_j^(1 / temperature).

    Parameters
    ----------
    x : array (classes,) or (n, classes)
        Logits, whose softmax is p, or the probabilities p themselves, whose sum need not be 1 exactly.
    temperature : float, default 1
        Below 1, likely classes become more likely.
    top_k : int, default 0
        How many of the likeliest classes to draw from; 0 is all.
    top_p : float, default 1
        Draw from the likeliest classes, as few as have this probability together, 0 < top_p <= 1; with top_k, from
        those that meet both. The temperature is applied before.
    rng : numpy.random.Generator, optional
        None makes one from the system's entropy.
    logits : bool, optional
        Whether x are logits. None: unless each row is >= 0 and its sum is 1, within 0.001.

    Returns
    -------
    int, or array of int64 (n,)

    Raises
    ------
    TypeError, ValueError
        For other arguments, a NaN or positive infinity in x, negative probabilities, and rows without a possible class.

    References
    ----------
    top_k: A. Fan, M. Lewis and Y. Dauphin, "Hierarchical Neural Story Generation", ACL 2018. top_p: A. Holtzman, J.
    Buys, L. Du, M. Forbes and Y. Choi, "The Curious Case of Neural Text Degeneration", ICLR 2020.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> fnn.decode.draw([0.1, 0.2, 0.7], top_k=1)
    2
    >>> rng = np.random.default_rng(0)
    >>> fnn.decode.draw(np.zeros((5, 3)), rng=rng)
    array([1, 0, 0, 0, 2])
    """
    cdef cnp.ndarray scores = x if takes(x) and cnp.PyArray_TYPE(<cnp.ndarray> x) == cnp.NPY_FLOAT32 else converted(x)
    cdef Rule rule
    cdef int dimensions = cnp.PyArray_NDIM(scores)
    if dimensions not in (1, 2) or not cnp.PyArray_SIZE(scores):
        raise ValueError(f"x: expected (classes,) or (n, classes), got {(<object> scores).shape}")
    # Plain settings are compared here: the checks take as long as a draw.
    if type(temperature) is not float or not 1e-30 <= <double> temperature <= 1e30:
        temperature = checks.real("temperature", temperature, checks.SMALLEST)
    if type(top_p) is not float or not 1e-30 <= <double> top_p <= 1:
        top_p = checks.real("top_p", top_p, checks.SMALLEST, 1)
    rule.most = top_k if type(top_k) is int and 0 <= top_k < 2**31 else checks.integer("top_k", top_k, 0)
    rule.sharpness, rule.mass = 1 / <double> temperature, top_p
    if rng is None:
        rng = np.random.default_rng()
    elif not isinstance(rng, Generator):
        raise TypeError(f"rng: expected a numpy.random.Generator, got {type(rng).__name__}")
    cdef const float *row = <const float *> cnp.PyArray_DATA(scores)
    cdef Py_ssize_t i, rows = 1 if dimensions == 1 else cnp.PyArray_DIM(scores, 0)
    cdef Py_ssize_t n = cnp.PyArray_SIZE(scores) // rows
    if logits is None:
        rule.logits = False
        for i in range(rows):
            rule.logits = rule.logits or not normalized(row + i * n, n)
    else:
        rule.logits = checks.flag("logits", logits)
    cdef double *w = <double *> malloc(n * (sizeof(double) + sizeof(Py_ssize_t)))
    if w == NULL:
        raise MemoryError
    try:
        if dimensions == 1:
            return classes(row, n, &rule, rng.random(), w)
        chances = rng.random(rows)
        found = [classes(row + i * n, n, &rule, chances[i], w) for i in range(rows)]
        return np.array(found, np.int64)
    finally:
        free(w)


cdef cnp.ndarray converted(object x):
    """Any numbers as float32 in C order."""
    return np.ascontiguousarray(arrays.numbers("x", x), np.float32)


cdef object classes(const float *x, Py_ssize_t n, const Rule *rule, double chance, double *w):
    """The class that is drawn. Raises ValueError for scores that are no distribution."""
    cdef Py_ssize_t found = drawn(x, n, rule, chance, w, <Py_ssize_t *> (w + n))
    if found == INVALID:
        kind = "logits below infinity, one of them finite" if rule.logits else "probabilities >= 0, one of them > 0"
        raise ValueError(f"x: expected {kind}, got {np.array([x[i] for i in range(min(n, 8))], np.float32)}")
    return found
