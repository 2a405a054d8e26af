"""BLEU and chrF, against their definitions on texts without punctuation marks."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from check import python
from fastnn.metrics import bleu, chrf

HYPOTHESES = ["la casa roja cae sobre el viejo puente de piedra", "un perro blanco canta", "el viejo duerme en la casa"]
REFERENCES = [
    "la casa roja cae sobre el puente viejo de piedra",
    "el perro blanco canta hoy",
    "el viejo duerme en casa",
]
WORDS = [text.split() for text in HYPOTHESES], [text.split() for text in REFERENCES]
LETTERS = [text.replace(" ", "") for text in HYPOTHESES], [text.replace(" ", "") for text in REFERENCES]


def shared(parts: tuple[Sequence[Sequence[str]], Sequence[Sequence[str]]], n: int) -> tuple[int, int, int]:
    """How many n-grams both have, the hypotheses have, and the references have."""
    common = [0, 0, 0]
    for pair in zip(*parts, strict=True):
        a, b = (Counter(tuple(each[i : i + n]) for i in range(len(each) - n + 1)) for each in pair)
        common = [total + sum(more.values()) for total, more in zip(common, (a & b, a, b), strict=True)]
    return common[0], common[1], common[2]


def test_bleu() -> None:
    pytest.importorskip("sacrebleu", reason="BLEU is sacrebleu's")
    precisions = [both / found for both, found, _ in (shared(WORDS, n) for n in range(1, 5))]
    _, h, r = shared(WORDS, 1)
    wanted = 100 * min(1, math.exp(1 - r / h)) * math.prod(precisions) ** 0.25
    assert bleu(HYPOTHESES, REFERENCES) == pytest.approx(wanted)
    assert bleu(REFERENCES, REFERENCES) == pytest.approx(100)
    assert bleu(HYPOTHESES[:1], REFERENCES[:1]) < bleu(HYPOTHESES[:1], [[REFERENCES[0], HYPOTHESES[0]]])


def test_chrf() -> None:
    pytest.importorskip("sacrebleu", reason="chrF is sacrebleu's")
    counts = [shared(LETTERS, n) for n in range(1, 7)]
    precision = sum(both / found for both, found, _ in counts) / 6
    recall = sum(both / wanted for both, _, wanted in counts) / 6
    wanted = 100 * 5 * precision * recall / (4 * precision + recall)
    assert chrf(HYPOTHESES, REFERENCES) == pytest.approx(wanted)
    assert chrf(REFERENCES, REFERENCES) == pytest.approx(100)
    assert chrf(["zzz"], ["aaa"]) == 0


@pytest.mark.parametrize("several", [bleu, chrf])
def test_several_references(several: Any) -> None:
    pytest.importorskip("sacrebleu", reason="the scores are sacrebleu's")
    texts = ["uno dos tres cuatro cinco", "seis siete ocho nueve diez"]
    assert several(texts, [["otro", texts[0]], texts[1]]) == pytest.approx(100)
    assert several(texts, [[text] for text in texts[::-1]]) == several(texts, texts[::-1])


WRONG = {
    "text": (("a", ["a"]), TypeError, "hypotheses must be a list of strings"),
    "tokens": (([["a"]], ["a"]), TypeError, "hypotheses must be strings"),
    "number": ((["a"], [3]), TypeError, "references must be strings or lists of strings, got 3"),
    "counts": ((["a"], ["a", "b"]), ValueError, "as many references as hypotheses, got 2 and 1"),
    "none": (([], []), ValueError, "expected one or more hypotheses"),
    "empty": ((["a", "b"], ["a", []]), ValueError, r"references\[1\] is empty"),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("metric", [bleu, chrf])
def test_refuses(metric: Any, name: str) -> None:
    given, error, message = WRONG[name]
    with pytest.raises(error, match=f"^{metric.__name__}: .*{message}"):
        metric(*given)


def test_says_what_is_missing() -> None:
    done = python("import sys; sys.modules['sacrebleu'] = None; from fastnn.metrics import bleu; bleu(['a'], ['a'])")
    assert "ImportError: bleu needs sacrebleu: pip install 'fastnn-cpu[translation]'" in done.stderr
