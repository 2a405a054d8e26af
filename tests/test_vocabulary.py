"""Vocabularies: ids of words and characters, back again, in a model's file, and what is refused."""

import io
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from fastnn.data import Vocabulary

TEXTS = ["the cat sat on the mat", "a dog  sat\n", "", "the end"]


@pytest.mark.parametrize("by", ["words", "characters"])
def test_there_and_back(by: str) -> None:
    vocabulary = Vocabulary.of(TEXTS, by)
    assert vocabulary.tokens[0] == ("the" if by == "words" else " ")
    for text in TEXTS:
        ids = vocabulary.encode(text)
        assert ids.dtype == np.int64 and (ids >= 2).all() and (ids < len(vocabulary)).all()
        assert vocabulary.decode(ids) == (" ".join(text.split()) if by == "words" else text)
    assert vocabulary.encode("\u00e9").tolist() == [1] and vocabulary.decode([1]) == "\ufffd"
    assert vocabulary == Vocabulary(**vocabulary.settings()) == Vocabulary.of(TEXTS[::-1], by)
    assert hash(vocabulary) == hash(Vocabulary(**vocabulary.settings()))


def test_frequent_tokens_first() -> None:
    assert Vocabulary.of(["b b b a c c a d"]).tokens == ("b", "a", "c", "d")
    few = Vocabulary.of(["b b b a c c a d"], size=4)
    assert few.tokens == ("b", "a") and len(few) == 4 and repr(few) == "Vocabulary(2 words)"
    assert few.encode("a c d b").tolist() == [3, 1, 1, 2]
    assert few.decode(np.array([0, 2, 1, 0], np.uint8)) == "b \ufffd"


def test_with_a_network() -> None:
    """Padded ids train an Embedding, and the file has the vocabulary."""
    vocabulary = Vocabulary.of(TEXTS)
    ids, lengths = fnn.data.padded([vocabulary.encode(text) for text in TEXTS if text])
    net = fnn.Sequential([fnn.Embedding(len(vocabulary), 4, 0), fnn.GRU(3), fnn.Dense(1)], input_shape=(None,), seed=0)
    net.compile("adam", "mse").fit(ids, np.ones((3, 1)), lengths=lengths, verbose=0)
    net.metadata["vocabulary"] = vocabulary.settings()
    saved = io.BytesIO()
    net.save(saved)
    again = fnn.load(io.BytesIO(saved.getvalue()))
    assert Vocabulary(**again.metadata["vocabulary"]) == vocabulary


BAD: dict[str, tuple[Any, type[Exception], str]] = {
    "by": (lambda: Vocabulary((), "letters"), ValueError, "unknown by 'letters'; known: words, characters"),
    "no strings": (lambda: Vocabulary((1,)), TypeError, "Vocabulary: tokens must be strings, got 1"),
    "a string": (lambda: Vocabulary("abc", "characters"), TypeError, "Vocabulary: tokens must be a list of strings"),
    "twice": (lambda: Vocabulary(("a", "b", "a")), ValueError, "Vocabulary: tokens has 'a' twice"),
    "two words": (
        lambda: Vocabulary(("a b",)),
        ValueError,
        r"tokens\[0\] must be one of the words of a text, got 'a b'",
    ),
    "empty": (lambda: Vocabulary(("a", "")), ValueError, r"tokens\[1\] must be one of the words of a text, got ''"),
    "two characters": (lambda: Vocabulary(("ab",), "characters"), ValueError, "must be one of the characters"),
    "one text": (lambda: Vocabulary.of("abc"), TypeError, "Vocabulary.of: texts must be a list of strings"),
    "bytes": (lambda: Vocabulary.of([b"abc"]), TypeError, "Vocabulary.of: texts must be strings"),
    "size": (lambda: Vocabulary.of(["a"], size=2), ValueError, "Vocabulary.of: size must be an integer from 3"),
    "no text": (lambda: Vocabulary(("a",)).encode(["a"]), TypeError, "a text must be a string, got"),
    "too large": (lambda: Vocabulary(("a",)).decode([2, 3]), ValueError, "expected ids from 0 to 2, got 3"),
    "negative": (lambda: Vocabulary(("a",)).decode([-1]), ValueError, "expected ids from 0 to 2, got -1"),
    "real": (lambda: Vocabulary(("a",)).decode([0.5]), ValueError, r"expected integer ids \(tokens,\), got float64"),
    "a batch": (lambda: Vocabulary(("a",)).decode([[1]]), ValueError, r"expected integer ids \(tokens,\), got int64"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name: str) -> None:
    call, error, message = BAD[name]
    with pytest.raises(error, match=message):
        call()
