"""Newton's Opticks: 567038 characters of English prose, for language models.

Source: I. Newton, Opticks, 4th edition, London 1730, in the transcription of Project Gutenberg; in the public domain.
It does not come with fastnn.
"""

from __future__ import annotations

import glob
import os
import re

#: Where the Debian packages golang-1.19-src and so on install it.
PATTERN = "/usr/share/go-*/src/testdata/Isaac.Newton-Opticks.txt"


def opticks(path: str | os.PathLike[str] | None = None) -> str:
    """Load Newton's Opticks as one text with lines that end in a newline, as distributed with Go's sources.

    Parameters
    ----------
    path : path, optional
        A text file, UTF-8. None is the newest that the Debian packages golang-*-src have installed on this machine.

    Returns
    -------
    str

    Raises
    ------
    FileNotFoundError
        Where the file is missing; the message says how to install it.
    ValueError
        For a file that is not UTF-8.

    Examples
    --------
    >>> import fastnn as fnn
    >>> text = fnn.datasets.opticks()  # doctest: +SKIP
    >>> len(text)  # doctest: +SKIP
    567038
    """
    found = os.fspath(path) if path is not None else max(glob.glob(PATTERN), key=_version, default="")
    if not os.path.isfile(found):
        raise FileNotFoundError(
            f"opticks: there is no file {found or PATTERN}. A Debian package installs the text where opticks() finds "
            "it: `apt-get install golang-1.19-src`, or golang-src of another release; or pass the path of a file"
        )
    with open(found, encoding="utf-8") as file:
        try:
            return file.read()
        except UnicodeDecodeError as error:
            raise ValueError(f"opticks: {found} is not UTF-8: {error}") from None


def _version(path: str) -> list[int]:
    """The numbers in a path, so that Go 1.19 is newer than 1.9."""
    return [int(number) for number in re.findall(r"\d+", path)]
