"""The runner in plain C over the same kernels: naive references, guard pages, every tail. See `make test-kernels`."""

import os
import platform
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from fastnn.engine.op import levels

HERE = Path(__file__).resolve().parent
COMPILER = os.environ.get("CC", "cc")
UNABLE = 2  # the exit status for a level that cannot run

pytestmark = [
    pytest.mark.skipif(not (HERE.parent / "csrc").is_dir(), reason="the sources are not here"),
    pytest.mark.skipif(not shutil.which(shlex.split(COMPILER)[0]), reason=f"no C compiler: {COMPILER}"),
    pytest.mark.skipif(not shutil.which("make"), reason="make is not installed"),
]


@pytest.fixture(scope="module")
def objects() -> Path:
    """The folder of the runner and its objects: those of the levels are setup.py's, or compiled as it compiles.

    A warning in the text of a kernel is an error, for wide.c has it too. `make test-kernels` uses the same folder.
    """
    folder = HERE.parent / "build" / "kernels"
    jobs = f"-j{os.cpu_count()}"
    command = ["make", jobs, "-C", str(HERE / "kernels"), f"BUILD={folder}", f"CC={COMPILER}", f"{folder}/runner"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def runner(objects: Path) -> Path:
    return objects / "runner"


@pytest.mark.parametrize("level", [*levels(), "wide"])
def test_kernels(runner: Path, level: str) -> None:
    done = subprocess.run([runner, level], capture_output=True, text=True)
    if level == "wide" and done.returncode == UNABLE:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{level}: ")


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
