"""Labels out of the frames of a network that was trained with `fastnn.losses.CTC`."""

from typing import Any

import numpy as np

from fastnn.common import checks
from fastnn.data import arrays
from fastnn.decode.prefix_beam import PrefixBeam

#: How far the sum of a frame's probabilities may be from 1.
TOLERANCE = 1e-3


def ctc_greedy(y: Any, lengths: Any = None, blank: int = 0) -> list[np.ndarray]:
    """Decode the most probable alignment: the argmax of each frame, repeats merged, then without blanks.

    It is fast; the labeling of the most probable alignment is often, but need not be, the most probable labeling, the
    sum over all of its alignments, which `ctc_beam` searches for.

    Parameters
    ----------
    y : array (batch, frames, classes)
        Outputs as `predict` returns them, probabilities or logits.
    lengths : array (batch,), optional
        The frames of each sequence, from 1 on. None: all.
    blank : int, default 0
        The class that is between labels.

    Returns
    -------
    list of array, int64
        The labels of each sequence.

    Raises
    ------
    TypeError, ValueError
        For other shapes, a blank that is no class, and frames with a NaN.

    References
    ----------
    A. Graves, S. Fernandez, F. Gomez and J. Schmidhuber, "Connectionist Temporal Classification: Labelling Unsegmented
    Sequence Data with Recurrent Neural Networks", ICML 2006, section 3.2.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> y = np.eye(3)[[[1, 1, 0, 1, 2, 2]]]
    >>> fnn.decode.ctc_greedy(y)
    [array([1, 1, 2])]
    """
    found = []
    for frames in _sequences("ctc_greedy", y, lengths, blank):
        path = frames.argmax(axis=1)
        kept = path != blank
        kept[1:] &= path[1:] != path[:-1]
        found.append(path[kept].astype(np.int64))
    return found


def ctc_beam(y: Any, lengths: Any = None, width: int = 8, blank: int = 0) -> list[list[tuple[np.ndarray, float]]]:
    """Search for the most probable labelings, by a beam of prefixes: log p(labels) is the sum over their alignments.

    At each frame the `width` most probable prefixes are kept, with the probabilities of their alignments that end in
    the blank and in a label, so that alignments of equal labels are added up. With a width that leaves no prefix out,
    the search is exact; otherwise it may miss labelings, and probabilities are without the alignments left out.

    Parameters
    ----------
    y : array (batch, frames, classes)
        Probabilities, as `predict` of a network that ends in softmax returns them.
    lengths : array (batch,), optional
        The frames of each sequence, from 1 on. None: all.
    width : int, default 8
        The number of prefixes, >= 1.
    blank : int, default 0
        The class that is between labels.

    Returns
    -------
    list of list of (array, float)
        For each sequence up to `width` labelings, int64, with log p in nats, the most probable first.

    Raises
    ------
    TypeError, ValueError
        For other shapes, a blank that is no class, and frames that are not probabilities.

    References
    ----------
    A. L. Maas, A. Y. Hannun, D. Jurafsky and A. Y. Ng, "First-Pass Large Vocabulary Continuous Speech Recognition Using
    Bi-Directional Recurrent DNNs", arXiv:1408.2873, 2014, algorithm 1, without a language model.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn
    >>> y = np.array([[[0.6, 0.4], [0.6, 0.4]]])
    >>> [(labels.tolist(), round(float(np.exp(log_p)), 2)) for labels, log_p in fnn.decode.ctc_beam(y)[0]]
    [([1], 0.64), ([], 0.36)]
    """
    checks.integer("ctc_beam: width", width)
    sequences = _sequences("ctc_beam", y, lengths, blank)
    beam, found = PrefixBeam(width, blank), []
    for i, frames in enumerate(sequences):
        wrong = (frames < 0).any(axis=1) | (np.abs(frames.sum(axis=1) - 1) > TOLERANCE)
        if wrong.any():
            raise ValueError(
                f"ctc_beam: y[{i}, {wrong.argmax()}] are not probabilities, whose sum is 1; for a network that ends in "
                "logits, apply softmax first"
            )
        with np.errstate(divide="ignore"):
            found.append(beam.search(np.log(frames)))
    return found


def _sequences(name: str, y: Any, lengths: Any, blank: int) -> list[np.ndarray]:
    """The real frames of each sequence, float64."""
    outputs = arrays.numbers(f"{name}: y", y)
    if outputs.ndim != 3 or outputs.shape[2] < 2:
        raise ValueError(
            f"{name}: expected y (batch, frames, classes), the blank and at least one more class, got {outputs.shape}"
        )
    count, frames, classes = outputs.shape
    checks.integer(f"{name}: blank", blank, least=0, most=classes - 1)
    ends = np.full(count, frames) if lengths is None else arrays.lengths(f"{name}: lengths", lengths, count).reshape(-1)
    wrong = ~((ends >= 1) & (ends <= frames) & (ends == np.floor(ends)))
    if wrong.any():
        i = int(wrong.argmax())
        raise ValueError(f"{name}: lengths[{i}] is {ends[i]}; expected an integer from 1 to {frames}")
    found = []
    for i, (each, end) in enumerate(zip(outputs, ends.astype(int), strict=True)):
        found.append(each[:end].astype(np.float64))
        if np.isnan(found[-1]).any():
            raise ValueError(f"{name}: y[{i}] has a NaN")
    return found
