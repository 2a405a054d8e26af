"""The wings of the house: their order, and that no import goes upwards or in a circle."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "fastnn"
pytestmark = pytest.mark.skipif(not PACKAGE.is_dir(), reason="the sources are not here")

#: Wings and public doors, ground first: each imports only what comes before it.
ORDER = (
    *("_version", "common", "engine", "data", "audio", "vision", "kernels", "lowering"),
    *(
        "initializers",
        "activations",
        "schedules",
        "layers",
        "losses",
        "optimizers",
        "metrics",
        "datasets",
        "perceptron",
    ),
    *("model", "inference", "formats", "training", "decode"),
    *("network", "callbacks", "architectures", "rl", "inspection", "plot"),
    *("__init__", "bench", "cli", "__main__"),
)
MOST_FILES_IN_THE_ROOT = 20

IMPORT = re.compile(
    r"^[ \t]*from (fastnn[\w.]*) c?import (\([^)]*\)|[^\n#]*)|^[ \t]*c?import (fastnn[\w.]*)", re.MULTILINE
)


def modules() -> dict[str, list[Path]]:
    """The files of each module: its source, its declarations and its stub. A package is its __init__."""
    found: dict[str, list[Path]] = {}
    for path in sorted(PACKAGE.rglob("*.p*")):
        if path.suffix in {".py", ".pyx", ".pxd", ".pyi"}:
            name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
            found.setdefault(name.removesuffix(".__init__"), []).append(path)
    return found


def imports(path: Path, known: dict[str, list[Path]]) -> Iterator[str]:
    """The modules that a file names in an import: at the top, in a function or for types, by Python or Cython."""
    text = re.sub(r'(?s)""".*?"""', "", path.read_text())
    for match in IMPORT.finditer(text):
        for name in (match[2] or "").strip("()").split(","):
            whole = f"{match[1]}.{name.split(' as ')[0].strip()}"
            yield whole if whole in known else match[1]
        if match[3]:
            yield match[3]


def arrows() -> dict[str, set[str]]:
    """The modules that each module imports."""
    known = modules()
    return {
        module: {each for path in paths for each in imports(path, known)} & set(known) - {module}
        for module, paths in known.items()
    }


def wing(module: str) -> str:
    """The wing or door of a module."""
    return module.split(".")[1] if "." in module else "__init__"


def circles(graph: dict[str, set[str]]) -> list[str]:
    """The modules that are left when those that import nothing that is left are taken away, again and again."""
    left = dict(graph)
    while free := [module for module, needed in left.items() if not needed & set(left)]:
        for module in free:
            del left[module]
    return sorted(left)


def test_the_order_has_all_wings() -> None:
    assert sorted(ORDER) == sorted({wing(module) for module in modules()})


def test_no_import_goes_upwards() -> None:
    place = {name: i for i, name in enumerate(ORDER)}
    upwards = [
        f"{module} -> {other}"
        for module, others in arrows().items()
        for other in sorted(others)
        if place[wing(other)] > place[wing(module)]
    ]
    assert not upwards


def test_no_circle_of_files() -> None:
    assert not circles(arrows())


def test_the_search_finds_circles_and_hidden_imports(tmp_path: Path) -> None:
    assert circles({"a": {"b"}, "b": {"a"}, "c": {"a"}, "d": set()}) == ["a", "b", "c"]
    file = tmp_path / "file.pyx"
    file.write_text(
        "from fastnn.common import (\n    checks as c,\n)\ncimport fastnn.engine.op\n"
        "def f():\n    from fastnn.model import compiled, x\n"
    )
    known = {"fastnn.common.checks": [], "fastnn.engine.op": [], "fastnn.model": [], "fastnn.model.compiled": []}
    found = {each for each in imports(file, known) if each in known}
    assert found == set(known)


def test_the_root_holds_doors_only() -> None:
    files = [
        path.name for path in PACKAGE.iterdir() if path.is_file() and path.suffix in {".py", ".pyi", ".pxd", ".pyx"}
    ]
    assert len(files) <= MOST_FILES_IN_THE_ROOT, files
    assert not [name for name in files if name.endswith(".pyx")]
