"""Every published number: `python benchmarks/report.py` rewrites them from the results in benchmarks/results.

Writes the README's numbers and its table of packages, the table of docs/benchmarks.md, the accuracy of diagnoses in
docs/guide/training-logs.md and the chart; run.py stored the times (speed.json), diagnosis.py its tables
(diagnosis.txt), comparison.py all else (comparison.json). Each region is the text between two comments of its name.
"""

import json
import re
from pathlib import Path
from typing import Any

from chart import RIVALS, draw, ratios

ROOT = Path(__file__).parents[1]
#: What the table says of versions, by the key in the environment.
VERSIONS = {
    "NumPy": "NumPy",
    "PyTorch": "torch",
    "JAX": "jax",
    "ONNX Runtime": "onnxruntime",
    "scikit-learn": "scikit-learn",
}
#: The packages that are compared, and their forms in speed.json.
FORMS = {"fastnn": ["fastnn"], "PyTorch": RIVALS["PyTorch"], "Keras": ["keras"]}
FORMS |= {name: RIVALS[name] for name in ("scikit-learn", "ONNX Runtime")}
#: The workloads that they are compared by.
STEP, PREDICTION = "mlp_small", "infer_tiny"
#: What no script can measure, in the order of the packages.
FACTS = {
    "trains": ["yes", "yes", "yes", "yes", "no"],
    "GPUs": ["no", "yes", "yes", "no", "yes, in another package"],
    "gradients of arbitrary code": ["no", "yes", "yes", "no", "no"],
    "custom layers": ["in NumPy", "in tensors", "in its operations", "no", "in C++"],
    "sequences": ["LSTM, GRU, RNN", "all kinds", "all kinds", "no", "what the model has"],
    "model files": ["safetensors", ".pt (pickle), .pt2", ".keras", "pickle", ".onnx"],
}
NOT_MEASURED = "not measured"


def write(root: Path = ROOT) -> None:
    """Rewrites the README, docs/benchmarks.md and the chart from the results that are stored in this tree."""
    results = root / "benchmarks" / "results"
    speed, packages = (json.loads((results / f"{name}.json").read_text()) for name in ("speed", "comparison"))
    replace(root / "README.md", "numbers", numbers(packages, speed))
    replace(root / "README.md", "comparison", comparison(packages, speed))
    replace(root / "docs" / "benchmarks.md", "speed", table(speed))
    replace(root / "docs" / "guide" / "training-logs.md", "diagnosis", diagnoses(results / "diagnosis.txt"))
    draw(speed, results / "speed.svg")


def diagnoses(file: Path) -> list[str]:
    """How often `History.diagnose` is right, by the titles of its tables: "<set>: <n> of <m> right, ..."."""
    right = dict(re.findall(r"^([\w-]+): (\d+ of \d+) right", file.read_text(), re.MULTILINE))
    return [
        "On trainings with a fault that was put in and then measured on many test samples, it is right in",
        f"{right['held-out']} with data, networks and seeds that it was not tuned on, and in {right['tuning']} like",
        "those that it was tuned on ([diagnosis.txt](../../benchmarks/results/diagnosis.txt)).",
    ]


def replace(page: Path, name: str, lines: list[str]) -> None:
    """Puts the lines between the page's two comments of that name. Raises ValueError where it has none."""
    begin, end = f"<!-- {name}: written by benchmarks/report.py -->\n", f"<!-- end of {name} -->"
    text = page.read_text(encoding="utf-8")
    if text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(f"{page}: expected one {begin.strip()} and one {end}")
    before, after = text.split(begin)[0], text.split(end)[1]
    page.write_text("\n".join([before + begin, *lines, "", end + after]), encoding="utf-8")


def duration(us: float) -> str:
    """A time with three digits."""
    return f"{us / 1000:.3g} ms" if us >= 1000 else f"{us:.3g} us"


def size(nbytes: int | None) -> str:
    """Megabytes, with one digit below ten."""
    if nbytes is None:
        return NOT_MEASURED
    return f"{nbytes / 1e6:.1f} MB" if nbytes < 1e7 else f"{nbytes / 1e6:.0f} MB"


def machine(environment: dict[str, Any]) -> str:
    """Where and when it was measured."""
    isa = environment["instruction set"].split()[0]
    return f"{environment['day']}: {environment['cpu']}, {isa}, {environment['threads']} threads"


def best(speed: dict[str, Any], workload: str, package: str) -> float | None:
    """Microseconds of the package's fastest form; None if it was not measured."""
    us = speed["workloads"][workload]["us"]
    return min((us[form] for form in FORMS[package] if form in us), default=None)


def numbers(packages: dict[str, Any], speed: dict[str, Any]) -> list[str]:
    """The three numbers on top of the README."""
    lines = []
    for what, workload in (("prediction", PREDICTION), ("training step", STEP)):
        unit = speed["workloads"][workload]["unit"].removeprefix("a training step of ")
        ours, theirs = (best(speed, workload, name) for name in ("fastnn", "PyTorch"))
        assert ours is not None and theirs is not None
        times = f"PyTorch takes {theirs / ours:.1f} times as long ({duration(theirs)})"
        lines.append(f"- **{duration(ours)}** for a {what}: {unit}. {times}.")
    own, rival = (packages["packages"][name] for name in ("fastnn", "PyTorch"))
    disk = f"{size(own['installed'])} on disk with all that it needs. PyTorch takes {size(rival['installed'])}"
    return [*lines, f"- **{size(own['wheel'])}** for the wheel, {disk}."]


def comparison(packages: dict[str, Any], speed: dict[str, Any]) -> list[str]:
    """The README's table of packages."""
    found = [packages["packages"].get(name) for name in FORMS]

    def measured(key: str, show: Any) -> list[str]:
        return [show(each[key]) if each and each[key] else NOT_MEASURED for each in found]

    def time(workload: str) -> list[str]:
        times = [best(speed, workload, name) for name in FORMS]
        return [NOT_MEASURED if time is None else duration(time) for time in times]

    def named(versions: dict[str, str]) -> str:
        (_, first), *others = versions.items()
        return " ".join([first, *(f"on {name.upper()} {number}" for name, number in others[:1])])

    step = zip(time(STEP), FACTS["trains"], strict=True)
    rows = {
        "version": measured("versions", named),
        "trains": FACTS["trains"],
        speed["workloads"][STEP]["unit"]: [cell if trains == "yes" else "cannot train" for cell, trains in step],
        speed["workloads"][PREDICTION]["unit"]: time(PREDICTION),
        "wheel": measured("wheel", size),
        "on disk, with all that it needs": measured("installed", size),
        "import": measured("import_s", lambda seconds: f"{seconds * 1000:.0f} ms"),
        "same bits on 1 and 2 threads": measured("same_bits", lambda each: "yes" if all(each.values()) else "no"),
        **FACTS,
    }
    return [
        "| | fastnn | PyTorch | Keras | scikit-learn MLP | ONNX Runtime |",
        f"|---|{'---|' * len(FORMS)}",
        *(f"| {name} | {' | '.join(cells)} |" for name, cells in rows.items()),
        "",
        f"Measured by `make bench`: times on {machine(speed['environment'])}; sizes, imports and bits on "
        f"{machine(packages['environment'])}.",
    ]


def table(results: dict[str, Any]) -> list[str]:
    """The tables of docs/benchmarks.md."""
    environment, threads = results["environment"], results["environment"]["threads"]
    peak, peak_of_all = results["peak"]["1"], results["peak"][str(threads)]
    versions = [f"{name} {environment[key]}" for name, key in VERSIONS.items() if key in environment]
    lines = [
        f"Measured on {machine(environment)} for everyone; {', '.join(versions)}. The first two columns are fastnn's "
        "time on all threads and on one. The others are the rivals' time relative to fastnn (2.00 = twice as slow).",
        "",
        f"| unit of work | fastnn | on one thread | {' | '.join(RIVALS)} |",
        f"|---|---|---|{'---|' * len(RIVALS)}",
    ]
    products = []
    for figures in results["workloads"].values():
        us, unit = figures["us"], figures["unit"]
        alone = us["fastnn, 1 thread"] if threads > 1 else us["fastnn"]
        found = ratios(us)
        cells = [f"{found[rival]:.2f}" if rival in found else "" for rival in RIVALS]
        if unit.startswith("the product") or "1024 samples" in unit:
            shares = figures["flops"] / alone / 1e3 / peak, figures["flops"] / us["fastnn"] / 1e3 / peak_of_all
            products.append(f"| {unit} | {shares[0]:.1%} | {shares[1]:.1%} |")
        lines.append(f"| {unit} | {duration(us['fastnn'])} | {duration(alone)} | {' | '.join(cells)} |")
        if "fit" in us and "numpy" in us:
            cells = [f"{us['numpy'] / us['fit']:.2f}", *[""] * (len(RIVALS) - 1)]
            lines.append(f"| the same through `fit` | {duration(us['fit'])} | | {' | '.join(cells)} |")
    return [
        *lines,
        "",
        "Share of the peak, which is that of multiply-adds on registers alone, measured in the same run: "
        f"{peak:.0f} GFLOP/s on one core, {peak_of_all:.0f} on {threads}.",
        "",
        f"| unit of work | one thread | {threads} threads |",
        "|---|---|---|",
        *products,
    ]


if __name__ == "__main__":
    write()
