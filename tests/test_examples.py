"""Each example runs in its short mode and leaves what it promises; the README's code runs from top to bottom."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from networks import child

EXAMPLES = Path(__file__).parent.parent / "examples"
README = EXAMPLES.parent / "README.md"


def test_digits(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the learning curve needs the extra 'plot'")
    picture = tmp_path / "digits.png"
    command = [sys.executable, str(EXAMPLES / "digits.py"), "--epochs", "2", "--out", str(picture)]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert run.returncode == 0, run.stderr
    assert "test accuracy 0." in run.stdout
    assert "times as long" in run.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("options", [[], ["--model", "resnet"], ["--data", "pictures"]])
def test_image_recognition(tmp_path: Path, options: list[str]) -> None:
    """Also where Fashion-MNIST is not, and with pictures of one's own."""
    if "--data" in options:
        image = pytest.importorskip("PIL.Image", reason="a folder of pictures needs the extra 'images'")
        for name, grey in (("dark", 60), ("light", 200)):
            (tmp_path / "pictures" / name).mkdir(parents=True)
            for i in range(20):
                image.new("L", (16, 14), grey + i).save(tmp_path / "pictures" / name / f"{i}.png")
    command = [sys.executable, str(EXAMPLES / "image_recognition.py"), "--quick", "--out", "seen", *options]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert run.returncode == 0, run.stderr
    assert re.search(r"test accuracy [01]\.", run.stdout) and "one picture, which is" in run.stdout
    left = {path.name for path in (tmp_path / "seen").iterdir()}
    if "nothing is drawn" in run.stdout:
        assert left == {"model.safetensors"}
    else:
        drawn = ("confusion_matrix", "feature_maps", "filters", "learning_curves", "looked_at", "mistakes")
        assert left == {"model.safetensors", *(f"{name}.png" for name in drawn)}


def test_readme(tmp_path: Path) -> None:
    """All blocks in one session; the last line of the one on the perceptron is an error, as it says."""
    blocks = re.findall("```python\n(.*?)```", README.read_text(), re.DOTALL)
    *before, last = next(block for block in blocks if "XOR: an error" in block).splitlines()
    refused = ["import pytest", "with pytest.raises(ValueError, match='no line'):", f"    {last}"]
    blocks = ["\n".join([*before, *refused]) if last in block else block for block in blocks]
    child("import os, sys\nos.chdir(sys.argv[1])\n" + "\n".join(blocks) + "\nprint(0)", tmp_path)
    assert {"digits.safetensors", "own.safetensors", "data.csv"} <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize("model", ["cnn", "resnet"])
def test_each_seed_has_weights_of_its_own(model: str) -> None:
    """Those of the network inside another too: a mean over seeds is one over trainings that differ."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\nimport image_recognition as example\n"
        f"a, b = (example.MODELS['{model}']((28, 28, 1), 10, seed) for seed in (0, 1))\n"
        "drawn = [name for name in a.weights if a.weights[name].std() > 0]\n"
        "assert len(drawn) > 3 and all((a.weights[name] != b.weights[name]).any() for name in drawn)\nprint(0)"
    )
    child(code, EXAMPLES)
