"""The tokens of texts, words or characters, as ids and back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from fastnn.common import checks
from fastnn.data import arrays

#: Ids that are no token: that of padding, as `padded` and `Embedding` have it, and that of unknown tokens.
PADDING, UNKNOWN = 0, 1
_TOKENS = 2  # the id of the first token


@dataclass(frozen=True, repr=False)
class Vocabulary:
    """The ids of tokens: 0 is padding, 1 any unknown token, and 2, 3, ... are `tokens` in this order.

    Its `settings` are plain JSON, to be kept in a model's metadata: net.metadata["vocabulary"] = vocabulary.settings().
    Vocabulary(**net.metadata["vocabulary"]) is the same again.

    Parameters
    ----------
    tokens : list of str
        Each once.
    by : {"words", "characters"}, default "words"
        What a text is divided into: words between white space, or characters.

    Raises
    ------
    TypeError, ValueError
        For other settings, a token twice, an empty one, words with white space and characters of other lengths than 1.

    Examples
    --------
    >>> import fastnn as fnn
    >>> vocabulary = fnn.data.Vocabulary.of(["the cat sat", "the dog"], by="words")
    >>> ids = vocabulary.encode("the cow sat")
    >>> ids.tolist(), vocabulary.decode(ids), len(vocabulary)
    ([2, 1, 4], 'the \ufffd sat', 6)
    """

    tokens: tuple[str, ...]
    by: str = "words"
    _ids: dict[str, int] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        checks.known("by", self.by, ("words", "characters"))
        tokens = tuple(checks.listed("Vocabulary: tokens", self.tokens, str, "strings"))
        for i, token in enumerate(tokens):
            if self._divided(token) != [token]:
                raise ValueError(f"Vocabulary: tokens[{i}] must be one of the {self.by} of a text, got {token!r}")
        ids = {token: _TOKENS + i for i, token in enumerate(tokens)}
        if len(ids) < len(tokens):
            twice = next(token for token, count in Counter(tokens).items() if count > 1)
            raise ValueError(f"Vocabulary: tokens has {twice!r} twice")
        object.__setattr__(self, "tokens", tokens)
        object.__setattr__(self, "_ids", ids)

    @classmethod
    def of(cls, texts: Iterable[str], by: str = "words", size: int | None = None) -> Self:
        """The vocabulary of these texts, the most frequent tokens first, those of equal counts in alphabetical order.

        Parameters
        ----------
        texts : list of str
            What the tokens are counted in.
        by : {"words", "characters"}, default "words"
            As in the class.
        size : int, optional
            The largest number of ids, at least 3: rarer tokens are unknown. None takes all tokens.

        Returns
        -------
        Vocabulary
            Without tokens where the texts have none.

        Raises
        ------
        TypeError, ValueError
            For texts that are not strings, and other settings.

        Examples
        --------
        >>> import fastnn as fnn
        >>> fnn.data.Vocabulary.of(["banana"], by="characters").tokens
        ('a', 'n', 'b')
        """
        empty = cls((), by)
        counts: Counter[str] = Counter()
        for text in checks.listed("Vocabulary.of: texts", texts, str, "strings"):
            counts.update(empty._divided(text))
        most = None if size is None else checks.integer("Vocabulary.of: size", size, _TOKENS + 1) - _TOKENS
        return cls(tuple(sorted(counts, key=lambda token: (-counts[token], token))[:most]), by)

    def __len__(self) -> int:
        return _TOKENS + len(self.tokens)

    def __repr__(self) -> str:
        return f"Vocabulary({len(self.tokens)} {self.by})"

    def settings(self) -> dict[str, Any]:
        """What makes it again, as plain JSON."""
        return {"tokens": list(self.tokens), "by": self.by}

    def encode(self, text: str) -> np.ndarray:
        """The ids of the tokens of a text, int64 (tokens,). Raises TypeError for anything but a string."""
        return np.array([self._ids.get(token, UNKNOWN) for token in self._divided(text)], np.int64)

    def decode(self, ids: Any) -> str:
        """The text of ids (tokens,): padding is left out, and an unknown token is U+FFFD.

        Raises TypeError and ValueError for other ids than there are.
        """
        found = arrays.numbers("ids", ids)
        if found.ndim != 1 or (len(found) and found.dtype.kind not in "iu"):
            raise ValueError(f"{self!r}: expected integer ids (tokens,), got {found.dtype} {found.shape}")
        if len(found) and not 0 <= found.min() <= found.max() < len(self):
            wrong = found.min() if found.min() < 0 else found.max()
            raise ValueError(f"{self!r}: expected ids from 0 to {len(self) - 1}, got {wrong}")
        shown = ("\ufffd", *self.tokens)
        return (" " if self.by == "words" else "").join(shown[i - UNKNOWN] for i in found if i != PADDING)

    def _divided(self, text: Any) -> list[str]:
        """The tokens of a text."""
        if not isinstance(text, str):
            raise TypeError(f"Vocabulary: a text must be a string, got {text!r:.60}")
        return text.split() if self.by == "words" else list(text)
