"""What is installed: the files and notices of the wheel, and its OpenMP runtime together with those of others."""

import importlib.util
import os
import re
from importlib import metadata
from pathlib import PurePosixPath

import pytest

import fastnn
from check import python
from fastnn.engine.thread_team import openmp

try:
    DISTRIBUTION = metadata.distribution("fastnn-cpu")
    wheel = DISTRIBUTION.read_text("WHEEL") or ""  # none: an .egg-info next to the sources
    FILES = {PurePosixPath(file) for file in DISTRIBUTION.files or () if wheel}
    AUDITED = re.search(r"(many|musl)linux", wheel)
except metadata.PackageNotFoundError:
    FILES, AUDITED = set(), None

installed = pytest.mark.skipif(PurePosixPath("fastnn/__init__.py") not in FILES, reason="fastnn runs from its sources")


@installed
def test_only_what_runs_is_installed() -> None:
    """Each compiled module has its stub; no source, test or generated C, and nothing outside of the package."""
    own = {file for file in FILES if file.parts[0] == "fastnn"}
    compiled = ".pyd" if os.name == "nt" else ".so"
    assert {file.suffix for file in own} - {".pyc"} == {".py", ".pyi", ".pxd", ".typed", ".npz", compiled}
    modules = {file.with_name(file.name.partition(".")[0] + ".pyi") for file in own if file.suffix == compiled}
    assert len(modules) > 10 and modules <= own
    folders = {file.parts[0] for file in FILES if ".." not in file.parts}
    assert folders <= {"fastnn", "fastnn_cpu.libs", f"fastnn_cpu-{fastnn.__version__}.dist-info"}


@installed
def test_metadata() -> None:
    fields = DISTRIBUTION.metadata
    assert fields["License-Expression"] == "MIT"
    assert set(fields.get_all("License-File") or ()) == {"LICENSE", "LICENSE.libgomp"}
    assert {file.name for file in FILES if "licenses" in file.parts} == {"LICENSE", "LICENSE.libgomp"}
    assert DISTRIBUTION.version == fastnn.__version__
    required = [text for text in DISTRIBUTION.requires or () if "extra ==" not in text]
    assert {re.split(r"[<>=]", text)[0] for text in required} == {"numpy", "safetensors", "tqdm"}


@pytest.mark.skipif(not (AUDITED and openmp()), reason="not an audited wheel with OpenMP")
def test_the_bundled_runtime_is_the_one_in_use() -> None:
    """An audited wheel brings one libgomp, and needs none of the system."""
    bundled = [str(DISTRIBUTION.locate_file(file)) for file in FILES if file.parts[0] == "fastnn_cpu.libs"]
    maps = python("import fastnn; print(open('/proc/self/maps').read())").stdout
    assert len(bundled) == 1
    assert {line.split()[-1] for line in maps.splitlines() if "libgomp" in line} == set(bundled)


BESIDE = """
import importlib, os, sys
import numpy as np

for name in {order}:
    importlib.import_module(name)
import fastnn as fnn

def others():
    x = np.random.default_rng(0).standard_normal((2000, 16))
    if "sklearn.cluster" in sys.modules:
        sys.modules["sklearn.cluster"].KMeans(4, n_init=1, random_state=0).fit(x)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(2)
        sys.modules["torch"].tensor(np.tile(x, (4, 4))).exp().sum()

def ours():
    x = np.random.default_rng(1).standard_normal((1024, 64)).astype(np.float32)
    net = fnn.Sequential([fnn.Dense(512, activation="relu"), fnn.Dense(10)], input_shape=(64,), seed=0)
    net.compile(loss="mse")
    net.fit(x, x[:, :10].copy(), batch_size=256, epochs=2, verbose=0)
    return net.predict(x).tobytes()

with fnn.threads(1):
    expected = ours()
with fnn.threads(2):
    for _ in range(2):
        others()
        assert ours() == expected
    child = os.fork()
    if not child:
        os._exit(0 if ours() == expected else 3)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert ours() == expected
others()
print("right")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("first", [True, False])
def test_beside_other_openmp_runtimes(first: bool) -> None:
    """Imported before them or after, in turns with them and in a fork after all: right, and with the same bits."""
    others = [name for name in ("sklearn.cluster", "torch") if importlib.util.find_spec(name.partition(".")[0])]
    if not others:
        pytest.skip("neither scikit-learn nor torch is installed")
    order = ["fastnn", *others] if first else [*others, "fastnn"]
    done = python(BESIDE.format(order=order))
    assert done.stdout == "right\n", done.stderr
