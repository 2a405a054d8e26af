"""The runner in plain C over the same kernels: naive references, guard pages, every tail. See `make test-kernels`."""

import os
import platform
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fastnn.engine.op import levels

HERE = Path(__file__).resolve().parent
COMPILER = os.environ.get("CC", "cc")
LEVELS = [*levels(), "wide"]
UNABLE = 2  # the exit status for a level that cannot run

MISSING = {
    "the sources are not here": not (HERE.parent / "csrc").is_dir(),
    f"no C compiler: {COMPILER}": not shutil.which(shlex.split(COMPILER)[0]),
    "make is not installed": not shutil.which("make"),
}
pytestmark = [pytest.mark.skipif(missing, reason=reason) for reason, missing in MISSING.items()]

#: `make test-kernels` uses the same folder, and so need not compile again.
BUILD = HERE.parent / "build" / "kernels"
PIPES: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
compiling: list[subprocess.Popen[str]] = []


def prepare() -> None:
    """Starts to compile the runner, as setup.py compiles; a warning is an error. Other tests have the right of way."""
    if not any(MISSING.values()):
        command = ["nice", "make", f"-j{os.cpu_count()}", "-C", str(HERE / "kernels"), f"BUILD={BUILD}"]
        compiling.append(subprocess.Popen([*command, f"CC={COMPILER}", f"{BUILD}/runner"], **PIPES))


@pytest.fixture(scope="module")
def objects() -> Path:
    """The folder of the runner and its objects."""
    errors = compiling[0].communicate()[1]
    assert compiling[0].returncode == 0, errors
    return BUILD


@pytest.fixture
def runner(objects: Path) -> Path:
    return objects / "runner"


@pytest.fixture(scope="module")
def runs(objects: Path) -> Iterator[dict[str, subprocess.Popen[str]]]:
    """The runs of all levels: at once, because each takes a core for seconds."""
    started = {level: subprocess.Popen([objects / "runner", level], **PIPES) for level in LEVELS}
    yield started
    for run in started.values():
        run.kill()
        run.communicate()


@pytest.mark.parametrize("level", LEVELS)
def test_kernels(runs: dict[str, subprocess.Popen[str]], level: str) -> None:
    printed, errors = runs[level].communicate()
    if level == "wide" and runs[level].returncode == UNABLE:
        pytest.skip(errors.strip())
    assert runs[level].returncode == 0, errors
    assert printed.startswith(f"{level}: ")


def test_a_level_that_is_not_there_is_refused(runner: Path) -> None:
    done = subprocess.run([runner, "avx1024"], capture_output=True, text=True)
    assert done.returncode == UNABLE
    assert done.stderr == "avx1024: not in this build, or the processor lacks it\n"


def avx(built: Path) -> list[str]:
    """The instructions in an object that need AVX: their names begin with v, or they use its registers."""
    if not shutil.which("objdump"):
        pytest.skip("objdump is not installed")
    listing = subprocess.run(["objdump", "-d", "--no-show-raw-insn", built], capture_output=True, text=True, check=True)
    instructions = [line.split("\t", 1)[1] for line in listing.stdout.splitlines() if "\t" in line]
    assert instructions
    return [text for text in instructions if text.startswith("v") or re.search(r"%[yz]mm|%k[0-7]", text)]


@pytest.mark.skipif(platform.machine() not in {"x86_64", "AMD64"}, reason="not x86-64")
def test_the_base_level_runs_without_avx(objects: Path) -> None:
    assert avx(objects / "isa_avx2.o"), "the search itself"
    assert not avx(objects / "isa_base.o")
    assert not avx(objects / "dispatch.o")
