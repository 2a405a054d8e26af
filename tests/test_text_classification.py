"""The example that classifies names runs in its short mode and leaves what it promises."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parent.parent / "examples" / "text_classification.py"


def example(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLE), "--short", *options]
    variables = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=variables, timeout=300)


def test_it_compares_saves_and_classifies(tmp_path: Path) -> None:
    pytest.importorskip("faker", reason="the family names are Faker's")
    pytest.importorskip("names", reason="the first names are those of the package names")
    run = example(tmp_path, "--name", "Lindqvist", "Maria")
    assert run.returncode == 0, run.stderr
    for kind in ("naive Bayes", "convolution", "LSTM"):
        assert len(re.findall(rf"^{kind} +[01]\.\d{{3}} +[01]\.\d{{3}} +\d+\.\d$", run.stdout, re.MULTILINE)) == 2
    assert len(re.findall(r"^best in validation: (?:convolution|LSTM), accuracy [01]\.", run.stdout, re.MULTILINE)) == 2
    assert len(re.findall(r"^(?:Lindqvist|Maria) +\w+ \d+%, \w+ \d+%", run.stdout, re.MULTILINE)) == 4
    left = {path.name for path in (tmp_path / "names_model").iterdir()}
    models = {"languages.safetensors", "genders.safetensors"}
    if importlib.util.find_spec("matplotlib"):
        assert left == {*models, "languages.png"}
        assert (tmp_path / "names_model" / "languages.png").read_bytes().startswith(b"\x89PNG")
    else:
        assert left == models and "nothing is drawn" in run.stdout


@pytest.mark.parametrize("package", ["faker", "names"])
def test_it_says_which_packages_are_missing(tmp_path: Path, package: str) -> None:
    """In one line."""
    (tmp_path / f"{package}.py").write_text("raise ImportError")
    folders = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    run = example(tmp_path, PYTHONPATH=folders)
    assert run.returncode == 1 and not run.stdout
    assert run.stderr == "the names are missing: pip install faker names\n"
