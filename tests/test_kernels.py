"""The runner in plain C over the same kernels: naive references, guard pages, every tail. See `make test-kernels`."""

import os
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
def runner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runner, compiled as setup.py compiles; a warning is an error."""
    folder = tmp_path_factory.mktemp("kernels")
    command = ["make", "-j2", "-C", str(HERE / "kernels"), f"BUILD={folder}", f"CC={COMPILER}", f"{folder}/runner"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "runner"


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
