"""Under `python -O` asserts are gone: no promise to a user may be one."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import fastnn

TESTS = Path(__file__).parent

#: The asserts that tell a type checker what cannot be otherwise.
FOR_TYPES = {
    "bench/__main__.py": {"task is not None"},
    "bench/contest.py": {"self.process.stdout is not None", "self.process.stdin is not None"},
    "layers/augmentation.py": {"isinstance(self.pixels, tuple)"},
    "layers/recurrence.py": {"steps is not None"},
    "layers/time_distributed.py": {"steps is not None"},
    "lowering/backward.py": {"value.producer is not None", "value.gradient is None"},
    "lowering/emission.py": {"self.derived is not None"},
    "lowering/kept.py": {"self.count is not None", "self.place is not None"},
    "lowering/stepping.py": {"self.states is not None"},
    "lowering/value.py": {"self.producer is not None", "self.affine is not None", "self.before is not None"},
    "schedules/cycles.py": {"isinstance(self.then, Schedule)"},
}


@pytest.mark.parametrize("file", ["test_bad_input.py", "test_guard.py", "test_stream.py"])
def test_what_is_refused_is_refused_without_asserts(file: str) -> None:
    """The same tests, whose own asserts pytest rewrites into statements that stay, of a package without its."""
    unwarned = ["-W", "ignore::pytest.PytestConfigWarning"]  # that asserts elsewhere are ignored, which is the point
    command = [sys.executable, "-O", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *unwarned, file]
    run = subprocess.run(command, capture_output=True, text=True, cwd=TESTS, timeout=600)
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]


def test_asserts_are_for_types() -> None:
    root = Path(fastnn.__file__).parent
    found: dict[str, set[str]] = {}
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Assert):
                found.setdefault(path.relative_to(root).as_posix(), set()).add(ast.unparse(node.test))
    assert found == FOR_TYPES
    sources = [path for path in root.rglob("*.pyx") if re.search(r"^ *assert ", path.read_text(), re.MULTILINE)]
    assert not sources
