"""fastnn as a package, compared with others: `python benchmarks/comparison.py [--rounds N]`.

Measures the size of each package's wheel, what it takes on disk with all that it requires, the time of its import in a
new interpreter, and whether results have the same bits on 1 and 2 threads. Times of work are measured by run.py.
Packages that are not installed are left out. Stores benchmarks/results/comparison.json and lets report.py rewrite what
is published of it.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from importlib import import_module
from importlib.metadata import Distribution, PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Any

import numpy as np

import report
from fastnn.bench.workloads import WORKLOADS
from run import OWN, RIVALS, environment

HERE = Path(__file__).parent
#: What is run on 1 and 2 threads, work that is worth sharing out. Rounds over its batches: a different bit spreads.
BITS, ROUNDS = ("mlp_mnist", "infer_batch"), 10


@dataclass(frozen=True)
class Package:
    """What to install for a network, the import that makes it, and the contender that runs it."""

    roots: tuple[str, ...]
    statement: str
    contender: str
    module: str = RIVALS


PACKAGES = {
    "fastnn": Package(("fastnn-cpu",), "from fastnn import Adam, Dense, Sequential", "fastnn", OWN),
    "PyTorch": Package(("torch",), "import torch", "torch"),
    "Keras": Package(
        ("keras", "jax", "jaxlib"), "import os; os.environ['KERAS_BACKEND'] = 'jax'; import keras", "keras"
    ),
    "scikit-learn": Package(("scikit-learn",), "from sklearn.neural_network import MLPClassifier", "sklearn"),
    "ONNX Runtime": Package(("onnxruntime",), "import onnxruntime", "onnxruntime"),
}


@dataclass
class Measured:
    """Of a package: versions by name, bytes, seconds, and by workload whether the bits are the same."""

    versions: dict[str, str]
    wheel: int | None = None
    installed: int | None = None
    import_s: float | None = None
    same_bits: dict[str, bool] = field(default_factory=dict)


def required(roots: Iterable[str]) -> list[Distribution]:
    """The distributions and all that they require, extras left out."""
    from packaging.requirements import Requirement

    found: dict[str, Distribution] = {}
    waiting = list(roots)
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name not in found:
            found[name] = distribution(name)
            needed = map(Requirement, found[name].requires or ())
            waiting += [each.name for each in needed if each.marker is None or each.marker.evaluate({"extra": ""})]
    return list(found.values())


def installed(roots: Iterable[str]) -> int:
    """Bytes on disk of the distributions and all that they require, without what Python compiled."""
    files = [(each, file) for each in required(roots) for file in each.files or () if file.suffix != ".pyc"]
    paths = {Path(str(each.locate_file(file))) for each, file in files}
    return sum(path.stat().st_size for path in paths if path.is_file())


def wheel(roots: Iterable[str]) -> int | None:
    """Bytes of the wheels: that of fastnn which make built, others as pip downloads them; None where there is none."""
    total = 0
    for name in roots:
        with tempfile.TemporaryDirectory() as folder:
            if name == "fastnn-cpu":
                wheels = list(Path(sys.prefix, "wheel").glob("*.whl"))
            else:
                command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder]
                subprocess.run([*command, f"{name}=={version(name)}"], check=False, stderr=subprocess.DEVNULL)
                wheels = list(Path(folder).glob("*.whl"))
            if not wheels:
                print(f"{name}: there is no wheel to measure", file=sys.stderr)
                return None
            total += wheels[0].stat().st_size
    return total


def import_time(statement: str) -> float:
    """Seconds of the import in a new interpreter, NumPy's included where it is needed."""
    code = f"import time; start = time.perf_counter(); {statement}; print(time.perf_counter() - start)"
    done = subprocess.run([sys.executable, "-P", "-c", code], check=True, capture_output=True, text=True)
    return float(done.stdout)


def fingerprint(module: str, name: str, workload: str, threads: int) -> str | None:
    """A digest of the results of some rounds over the batches, in this process; None where it does not take part."""
    task = import_module(module).CONTENDERS[name](WORKLOADS[workload], threads)
    if task is None:
        return None
    results = [np.asarray(task.call(*arguments)).tobytes() for arguments in task.batches * ROUNDS]
    return hashlib.sha256(b"".join(results)).hexdigest()


def same_bits(package: Package, workload: str) -> bool | None:
    """Whether the results on 1 and on 2 threads are equal bit by bit; None where it does not take part."""
    digests = []
    for threads in (1, 2):
        variables = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC"), str(threads))
        command = [sys.executable, __file__, package.module, package.contender, workload, str(threads)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | variables)
        digests.append(done.stdout.split()[-1])
    return None if "None" in digests else digests[0] == digests[1]


def measure(rounds: int) -> dict[str, Any]:
    """All results, with the environment."""
    found: dict[str, Measured] = {}
    for name, package in PACKAGES.items():
        try:
            found[name] = Measured({root: version(root) for root in package.roots})
        except PackageNotFoundError as error:
            print(f"{name} is left out: {error.name} is not installed", file=sys.stderr)
    present = {name: package for name, package in PACKAGES.items() if name in found}
    for name, package in present.items():
        each = found[name]
        each.wheel, each.installed = wheel(package.roots), installed(package.roots)
        verdicts = {workload: same_bits(package, workload) for workload in BITS}
        each.same_bits = {workload: verdict for workload, verdict in verdicts.items() if verdict is not None}
    for _ in range(rounds):  # in turns; the first import of each fills the disk cache
        for name, package in present.items():
            taken_s = import_time(package.statement)
            found[name].import_s = min(taken_s, found[name].import_s or taken_s)
    return {"environment": environment(2), "packages": {name: asdict(each) for name, each in found.items()}}


def main() -> None:
    """Measures, stores and reports; with four arguments it is a process of `same_bits`."""
    if len(sys.argv) == 5 and sys.argv[1] in (OWN, RIVALS):
        module, name, workload, threads = sys.argv[1:]
        print(fingerprint(module, name, workload, int(threads)))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="of imports")
    parser.add_argument("--json", type=Path, help="store the results there, and report nothing")
    options = parser.parse_args()
    results = measure(options.rounds)
    path = options.json or HERE / "results" / "comparison.json"
    path.write_text(json.dumps(results, indent=2) + "\n")
    for name, each in results["packages"].items():
        print(f"{name}: {each}")
    if not options.json:
        report.write()


if __name__ == "__main__":
    main()
