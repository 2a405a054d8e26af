"""The rules of the house, read off the sources: lists that agree, flags that are absent, files that stay short."""

import ast
import platform
import re
import textwrap
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fastnn.kernels import ACTIVATIONS, DERIVED_FROM_INPUT, ELEMENTWISE_LOSSES

ROOT = Path(__file__).resolve().parents[1]
CSRC, PACKAGE = ROOT / "csrc", ROOT / "fastnn"
pytestmark = pytest.mark.skipif(not (CSRC.is_dir() and PACKAGE.is_dir()), reason="the sources are not here")

PAGE = 330  # lines
#: Of kernels: what Ops of several stems share, which their tests and benchmarks run.
BASES = {"channels", "meter", "packing", "sharing"}
LEVELS = [("x86_64", "base"), ("x86_64", "avx2"), ("x86_64", "avx512"), ("aarch64", "neon")]


def sources(*suffixes: str) -> list[Path]:
    """The project's own files, in the folders of the house."""
    folders = ("csrc", "fastnn", "tests", "benchmarks", "examples")
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in suffixes)


def setup() -> dict[str, Any]:
    """The constants of setup.py for a release, and its functions, without what building needs."""
    tree = ast.parse((ROOT / "setup.py").read_text())
    definitions = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.If, ast.FunctionDef)
    tree.body = [statement for statement in tree.body if isinstance(statement, definitions)]
    names: dict[str, Any] = {"os": SimpleNamespace(environ={}), "platform": platform, "re": re, "textwrap": textwrap}
    names["Extension"] = None
    exec(compile(tree, "setup.py", "exec"), names)
    return names


def test_activations_agree() -> None:
    listed = re.search(r"#define FASTNN_ACTIVATIONS\(A\)((?:.*\\\n)*.*)", (CSRC / "kernels.h").read_text())
    assert listed
    sources = dict(re.findall(r"A\((\w+), (\w)\)", listed[1]))
    assert tuple(sources) == ACTIVATIONS
    assert tuple(name for name, source in sources.items() if source == "x") == DERIVED_FROM_INPUT


def test_losses_agree() -> None:
    listed = re.search(r"#define FASTNN_LOSSES\(L\)(.*)", (CSRC / "kernels.h").read_text())
    assert listed
    assert tuple(re.findall(r"L\((\w+)\)", listed[1])) == ELEMENTWISE_LOSSES


def test_openmp_is_in_pyx_files_only() -> None:
    used = re.compile(r"\bprange\b|#\s*pragma\s+omp|\bomp\.h\b|\bomp_\w+\(")
    for path in (*CSRC.iterdir(), *PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.pxd")):
        if path.suffix in {".c", ".h", ".py", ".pxd"}:
            assert not used.search(path.read_text()), path
    assert any(used.search(path.read_text()) for path in PACKAGE.rglob("*.pyx"))


def test_no_flag_changes_the_process_or_depends_on_this_machine() -> None:
    names = setup()
    levels = [flag for architecture in names["LEVELS"].values() for flags in architecture.values() for flag in flags]
    flags = {*names["C_FLAGS"], *names["LINK_FLAGS"], *levels}
    assert {"-std=gnu11", "-ffp-contract=fast", "-fvisibility=hidden"} <= flags
    forbidden = re.compile(
        r"-Ofast|-f(fast-math|unsafe-math|finite-math|associative-math|lto)|-m(arch|tune|cpu)=native"
    )
    assert not [flag for flag in flags if forbidden.match(flag)]


def test_every_level_has_its_file() -> None:
    assert [(architecture, level) for architecture, levels in setup()["LEVELS"].items() for level in levels] == LEVELS
    assert {f"isa_{level}.c" for _, level in LEVELS} == {path.name for path in CSRC.glob("isa_*.c")}


def test_the_runner_is_compiled_as_setup_py_compiles() -> None:
    makefile = (ROOT / "tests" / "kernels" / "Makefile").read_text()
    lines = {name: text.split() for name, text in re.findall(r"^(\w+) := (.+)$", makefile, re.MULTILINE)}
    names = setup()
    assert lines["C_FLAGS"] == names["C_FLAGS"]
    for architecture, levels in names["LEVELS"].items():
        assert lines[f"LEVELS_{architecture}"] == list(levels)
        assert {level: lines.get(f"FLAGS_{level}", []) for level in levels} == levels


def test_every_stem_has_a_test_and_a_benchmark() -> None:
    stems = {path.stem for path in (PACKAGE / "kernels").glob("*.pyx")}
    assert stems >= BASES
    stems -= BASES
    assert not {stem for stem in stems if not (ROOT / "tests" / f"test_{stem}.py").exists()}
    assert not {stem for stem in stems if not (ROOT / "benchmarks" / f"bench_{stem}.py").exists()}


def test_files_are_about_a_page() -> None:
    lengths = {path.name: len(path.read_text().splitlines()) for path in sources(".py", ".pyx", ".h", ".c")}
    assert not {name: lines for name, lines in lengths.items() if lines > PAGE}


#: What is not idiomatic, and what to say. Comments, docstrings, messages and pages are searched, whatever the case.
PHRASES = {
    r"counts? (nothing|nowhere)": "is ignored",
    r"greatest output": "argmax",
    r"what a (user writes|person sees)": "public classes, the display",
    r"\banew\b": "again",
    r"\bbeside (?!is\b|ctypedef\b)[a-z]": "next to, in addition to, vs.",
    r"\bby hand\b": "manually, in a custom loop",
    r"\bgo(es)? on\b": "continues",
    r"\bgradient by (the|x|y)\b": "gradient with respect to",
    r"\bhas not the\b": "does not have the",
    r"\bin the place of\b": "instead of",
    r"\blets? go\b": "releases",
    r"\blies? (apart|at|between|beyond|by|channels|in|near|on|together)\b": "is",
    r"\blooked at\b": "read, checked",
    r"\bnobody (asks|can|could|looks|may|waits)\b": "nothing does, or what does not",
    r"\bown ones\b": "your own, custom",
    r"\b(larger|own|small|test|training) pictures?\b": "images",
    r"\bso many\b": "that many, n",
    r"\bstands? (above|at|below|still|what)\b": "is",
    r"\btakes? the place\b": "replaces",
    r"\b(these|stored|val_) figures\b|\ba figure is\b": "values, metrics, results",
    r"\bthat (are|is) none\b": "invalid",
    r"\bthat there (are|is)\b": "real, existing",
    r"\bwhat is no\b": "what is not a",
    r"\bwhoever\b|\bwho (answers|comes|trains|waits)\b": "what, the caller, the thread",
}


@pytest.mark.parametrize("phrase", PHRASES)
def test_the_prose_is_idiomatic(phrase: str) -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *CSRC.glob("*.md")]
    searched = [*pages, *sources(".py", ".pyx", ".pxd", ".h", ".c")]
    found = [path for path in searched if re.search(phrase.replace(" ", r"\s+"), path.read_text(), re.IGNORECASE)]
    names = {path.relative_to(ROOT).as_posix() for path in found} - {"tests/test_house.py"}
    assert not names, f"say: {PHRASES[phrase]}"


def test_lines_of_c_are_short() -> None:
    """clang-format leaves comments as they are."""
    for path in sources(".h", ".c"):
        assert not [line for line in path.read_text().splitlines() if len(line) > 120], path
