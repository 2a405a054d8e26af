"""Newton's Opticks, where a package has put it, and in a file that is named."""

import os
import sys
from pathlib import Path

import pytest

from fastnn.datasets import opticks

MODULE = sys.modules["fastnn.datasets.opticks"]


def put(folder: Path, *versions: str) -> None:
    """A text for each version of Go, where its package puts it."""
    for version in versions:
        path = folder / f"go-{version}" / "src" / "testdata" / "Isaac.Newton-Opticks.txt"
        path.parent.mkdir(parents=True)
        path.write_text(f"Light of {version}", encoding="utf-8")


def test_the_newest_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "1.9", "1.19", "1.2")
    pattern = os.path.join(tmp_path, *MODULE.PATTERN.split(os.sep)[3:])
    monkeypatch.setattr(MODULE, "PATTERN", pattern)
    assert opticks() == "Light of 1.19"


def test_a_file_that_is_named(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes("Prüfung\r\nder Farben".encode())
    assert opticks(path) == opticks(str(path)) == "Prüfung\nder Farben"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match=f"opticks: {path} is not UTF-8"):
        opticks(path)


def test_it_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    how = r"\. .*`apt-get install golang-1\.19-src`.* the path of a file"
    with pytest.raises(FileNotFoundError, match=f"opticks: there is no file {tmp_path / 'none'}{how}"):
        opticks(tmp_path / "none")
    pattern = f"{tmp_path}/go-*/none"
    monkeypatch.setattr(MODULE, "PATTERN", pattern)
    with pytest.raises(FileNotFoundError, match=how):
        opticks()


def test_opticks() -> None:
    try:
        text = opticks()
    except FileNotFoundError:
        pytest.skip("golang-1.19-src is not installed")
    assert len(text) == 567038 and "\r" not in text
    assert "By Sir _ISAAC NEWTON_, Knt." in text[:1000]
