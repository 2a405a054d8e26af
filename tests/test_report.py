"""What is published: each number is that of the stored results, in its place; and how packages are measured."""

import shutil
from pathlib import Path

import pytest

from fastnn.bench.workloads import WORKLOADS
from networks import script


def test_the_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each cell is of its package; one that is not installed, or was not measured, is not left empty."""
    report, missing = script(monkeypatch, "report"), "not measured"
    common = {"versions": {"a": "1.0", "b": "2.0", "c": "3.0"}, "installed": 91_234_567, "import_s": 0.0821}
    same, other = {"mlp_mnist": True, "infer_batch": True}, {"mlp_mnist": False, "infer_batch": True}
    environment = {"day": "2026-11-26", "cpu": "a CPU", "instruction set": "avx2 (of avx2, base)", "threads": 2}
    packages = {
        "fastnn": {**common, "wheel": 2_612_345, "same_bits": same},
        "PyTorch": {**common, "wheel": 191_794_682, "same_bits": other},
        "ONNX Runtime": {**common, "wheel": None, "same_bits": {"infer_batch": True}},
    }
    speed = {
        "mlp_small": {"unit": "a training step of 64", "us": {"fastnn": 17.34, "torch": 250, "torch_compiled": 101.5}},
        "infer_tiny": {"unit": "one sample", "us": {"fastnn": 0.2894, "torch": 7.087, "onnxruntime": 4.042}},
    }
    given = {"environment": environment, "packages": packages}, {"environment": environment, "workloads": speed}
    cells = {name: row for name, *row in (line.strip("| ").split(" | ") for line in report.comparison(*given))}
    assert cells["version"] == ["1.0 on B 2.0", "1.0 on B 2.0", missing, missing, "1.0 on B 2.0"]
    assert cells["a training step of 64"] == ["17.3 us", "102 us", missing, missing, "cannot train"]
    assert cells["one sample"] == ["0.289 us", "7.09 us", missing, missing, "4.04 us"]
    assert cells["wheel"] == ["2.6 MB", "192 MB", missing, missing, missing]
    assert cells["import"] == ["82 ms", "82 ms", missing, missing, "82 ms"]
    assert cells["same bits on 1 and 2 threads"] == ["yes", "no", missing, missing, "yes"]
    assert all(len(cells[name]) == 5 for name in report.FACTS)
    top = "\n".join(report.numbers(*given))
    assert "**0.289 us**" in top and "24.5 times as long (7.09 us)" in top and "**2.6 MB**" in top


def test_published_numbers_are_those_of_the_stored_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No number in a marked region is written manually; writing them again changes nothing."""
    pytest.importorskip("matplotlib")
    report, pages = script(monkeypatch, "report"), ("README.md", "docs/benchmarks.md", "docs/guide/training-logs.md")
    for name in (
        *pages,
        *(f"benchmarks/results/{name}" for name in ("speed.json", "comparison.json", "diagnosis.txt")),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(report.ROOT / name, tmp_path / name)
    report.write(tmp_path)
    for name in pages:
        assert (tmp_path / name).read_text() == (report.ROOT / name).read_text()
    with pytest.raises(ValueError, match="expected one <!-- nothing"):
        report.replace(tmp_path / "README.md", "nothing", [])


def test_every_workload_is_in_the_chart(monkeypatch: pytest.MonkeyPatch) -> None:
    groups = script(monkeypatch, "chart").GROUPS
    assert sorted(name for rows in groups.values() for name in rows) == sorted(WORKLOADS)


def test_packages_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A size has all requirements, once; bits are the same on 1 and 2 threads; what does not take part has none."""
    pytest.importorskip("packaging")
    comparison = script(monkeypatch, "comparison")
    names = [each.metadata["Name"].lower() for each in comparison.required(["tqdm", "safetensors", "tqdm"])]
    assert sorted(names) == ["safetensors", "tqdm"] and comparison.installed(["tqdm"]) > 10_000
    assert 0 < comparison.import_time("import json") < 5
    digests = {comparison.fingerprint("fastnn.bench.contenders", "fastnn", "mlp_tiny", n) for n in (1, 2)}
    assert len(digests) == 1
    assert comparison.fingerprint("fastnn.bench.contenders", "fit", "infer_tiny", 1) is None
