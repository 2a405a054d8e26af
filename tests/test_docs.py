"""The README and docs/: every block of Python and every command runs, and prints what the page says that it prints."""

import doctest
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import fastnn as fnn
from fastnn.kernels import ACTIVATIONS

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))] if (ROOT / "docs").is_dir() else []
pytestmark = pytest.mark.skipif(not PAGES, reason="README.md and docs/ are not here")

#: A block of code, its language, and the block of text that follows it immediately: what it prints.
BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```\n(?:\n*```text\n(.*?)^```\n)?", re.DOTALL | re.MULTILINE)
RUNNING = [page for page in PAGES if BLOCK.search(page.read_text(encoding="utf-8"))]
#: In what is printed, three dots stand for anything.
SAME = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def identify(page: Path) -> str:
    """The page's name in the list of tests."""
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> Iterator[tuple[str, str, str | None, int]]:
    """Language, code, what it prints if the page says it, and the line before the code."""
    text = page.read_text(encoding="utf-8")
    for match in BLOCK.finditer(text):
        yield match[1], match[2], match[3], text.count("\n", 0, match.start()) + 1


def command(code: str) -> str:
    """Runs each line that calls fastnn, and returns what these print."""
    printed = []
    for line in code.splitlines():
        words = line.partition("  #")[0].split()
        if words[:1] == ["fastnn"]:
            done = subprocess.run(
                [sys.executable, "-m", *words],
                env={**os.environ, "PYTHONPATH": str(Path(fnn.__file__).parents[1])},
                capture_output=True,
                text=True,
                timeout=120,
            )
            assert done.returncode == 0, f"{line}\n{done.stderr}"
            printed.append(done.stdout)
    return "".join(printed)


@pytest.mark.parametrize("page", RUNNING, ids=identify)
def test_page(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """From top to bottom in one session, in an empty folder. An error that a page shows is the end of its block."""
    monkeypatch.chdir(tmp_path)
    session: dict[str, object] = {"__name__": "__main__"}
    for language, code, expected, line in blocks(page):
        if language == "sh":
            printed = command(code)
        else:
            error = ""
            try:
                exec(compile("\n" * line + code, str(page), "exec"), session)
            except ImportError as missing:
                pytest.skip(str(missing)) if "pip install" in str(missing) else pytest.fail(str(missing))
            except Exception as caught:
                error = f"{type(caught).__name__}: {caught}\n"
                if expected is None or type(caught).__name__ not in expected:
                    raise
            printed = capsys.readouterr().out + error
        if expected is not None and not doctest.OutputChecker().check_output(expected, printed, SAME):
            pytest.fail(f"{page}:{line}: expected\n{expected}\ngot\n{printed}", pytrace=False)


@pytest.mark.parametrize("page", PAGES, ids=identify)
def test_links(page: Path) -> None:
    """A link inside the tree leads to a file that is there, and to a heading that the page has."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        path, _, heading = target.partition("#")
        file = page if not path else (page.parent / path).resolve()
        assert file.exists(), f"{page}: {target}"
        if heading:
            titles = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}, target


def test_every_page_is_in_the_list() -> None:
    listed = {
        (ROOT / "docs" / target).resolve()
        for target in re.findall(r"\]\(([^)#\s]+\.md)\)", (ROOT / "docs" / "README.md").read_text(encoding="utf-8"))
    }
    assert set(PAGES) - {ROOT / "docs" / "README.md", ROOT / "README.md"} <= listed


def test_the_list_of_what_there_is_is_complete() -> None:
    text = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    classes = {name for name in dir(fnn) if isinstance(getattr(fnn, name), type)}
    names = classes - {"Layer", "Optimizer", "Parameter"} | set(ACTIVATIONS)
    assert not {name for name in names if not re.search(rf"\b{name}\b", text)}
    rows = re.findall(r"^\| (\w[^|]*) \|", text, re.MULTILINE)
    assert len(set(rows)) == len(rows)


def test_the_readme_is_a_front_page() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 150
    assert "make demo" in text and "make test" in text and "fastnn-cpu" in text
