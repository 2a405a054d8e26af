"""How near translations are to those of people: BLEU and chrF, of the package sacrebleu."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnn.common import checks

if TYPE_CHECKING:
    from collections.abc import Sequence


def bleu(hypotheses: Sequence[str], references: Sequence[str | Sequence[str]]) -> float:
    """100 b (p_1 p_2 p_3 p_4)^(1/4), of the n-grams of words that all hypotheses share with their references, [1]_.

    p_n is the fraction of the hypotheses' n-grams of n words that are in a reference, each at most as often as there;
    b = min(1, exp(1 - r / h)), of h words of hypotheses and r words of references, punishes short hypotheses. It is
    sacrebleu's, [2]_, with its default settings: case counts, punctuation marks are words of their own, and of an order
    without a match the fraction is smoothed. It is meant for at least hundreds of sentences.

    Parameters
    ----------
    hypotheses : list of str
        Translations, of a sentence or more each, as a reader would see them: not divided into tokens.
    references : list of str, or of lists of str
        Of each a correct translation, or several.

    Returns
    -------
    float
        From 0 to 100, where all hypotheses are references.

    Raises
    ------
    ImportError
        Without sacrebleu: pip install 'fastnn-cpu[translation]'.
    TypeError, ValueError
        For anything but lists of texts, empty ones, and lists of different lengths.

    References
    ----------
    .. [1] K. Papineni, S. Roukos, T. Ward and W.-J. Zhu, "BLEU: a Method for Automatic Evaluation of Machine
       Translation", ACL 2002, section 2.
    .. [2] M. Post, "A Call for Clarity in Reporting BLEU Scores", WMT 2018.

    Examples
    --------
    >>> import fastnn as fnn
    >>> round(fnn.metrics.bleu(["the cat sat on the mat"], ["the cat sat on a mat"]), 1)
    53.7
    """
    given = _given("bleu", hypotheses, references)
    return float(_sacrebleu("bleu").corpus_bleu(*given).score)


def chrf(hypotheses: Sequence[str], references: Sequence[str | Sequence[str]]) -> float:
    """100 * 5 P R / (4 P + R), the F-score of n-grams of characters, in which recall weighs twice as much: chrF2.

    The precision P is the fraction of the hypotheses' n-grams that are in the reference, the recall R that of the
    reference's n-grams that are in the hypotheses; both are means over n = 1, ..., 6, without white space. A word
    with a wrong ending counts in part, so that it varies less than BLEU on few sentences, and for languages of many
    endings agrees better with people's judgement. It is sacrebleu's, with its default settings.

    Parameters
    ----------
    hypotheses, references
        As for `bleu`; of several references that of the highest score counts.

    Returns
    -------
    float
        From 0 to 100, where all hypotheses are references.

    Raises
    ------
    ImportError, TypeError, ValueError
        As `bleu`.

    References
    ----------
    M. Popovic, "chrF: Character n-gram F-score for Automatic MT Evaluation", WMT 2015, section 2.

    Examples
    --------
    >>> import fastnn as fnn
    >>> round(fnn.metrics.chrf(["la casa rojo"], ["la casa roja"]), 1)
    85.9
    """
    given = _given("chrf", hypotheses, references)
    return float(_sacrebleu("chrf").corpus_chrf(*given).score)


def _given(
    name: str, hypotheses: Sequence[str], references: Sequence[str | Sequence[str]]
) -> tuple[list[str], list[list[str | None]]]:
    """The hypotheses, and lists of as many references: the first of each, the second of each, ..., None for no more."""
    found = checks.listed(f"{name}: hypotheses", hypotheses, str, "strings")
    wanted = checks.listed(f"{name}: references", references, (str, list, tuple), "strings or lists of strings")
    if len(found) != len(wanted):
        raise ValueError(f"{name}: expected as many references as hypotheses, got {len(wanted)} and {len(found)}")
    if not found:
        raise ValueError(f"{name}: expected one or more hypotheses, got none")
    lists = []
    for i, each in enumerate(wanted):
        where = f"{name}: references[{i}]"
        lists.append([each] if isinstance(each, str) else list(checks.listed(where, each, str, "strings")))
        if not lists[-1]:
            raise ValueError(f"{where} is empty")
    most = max(map(len, lists))
    return list(found), [[each[i] if i < len(each) else None for each in lists] for i in range(most)]


def _sacrebleu(name: str) -> Any:
    try:
        import sacrebleu
    except ImportError:
        raise ImportError(f"{name} needs sacrebleu: pip install 'fastnn-cpu[translation]'") from None
    return sacrebleu
