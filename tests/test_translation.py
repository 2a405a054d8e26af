"""The example that translates runs in its short mode and leaves what it promises."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from check import python

EXAMPLES = Path(__file__).parent.parent / "examples"
SENTENCES = "A red dog sleeps.", "The old car falls."


def example(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLES / "translation.py"), *options, "--sentence", *SENTENCES]
    variables = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=variables, timeout=300)


@pytest.fixture
def packages() -> None:
    pytest.importorskip("sentencepiece", reason="the pieces of words are those of sentencepiece")
    pytest.importorskip("sacrebleu", reason="BLEU is sacrebleu's")


@pytest.mark.parametrize("model", ["lstm", "transformer"])
@pytest.mark.usefixtures("packages")
def test_it_learns_saves_and_translates(tmp_path: Path, model: str) -> None:
    run = example(tmp_path, "--short", "--model", model)
    assert run.returncode == 0, run.stderr
    assert "288 pairs to train on, 36 for validation, 36 to test" in run.stdout
    scores = re.findall(r"BLEU +(\d+\.\d), chrF +(\d+\.\d)$", run.stdout, re.MULTILINE)
    assert len(scores) == 2 and float(scores[1][1]) > 40
    assert "A red dog sleeps.\n    Un perro " in run.stdout
    assert "not in the training, read as pieces: car =" in run.stdout
    left = {path.name for path in (tmp_path / "translation_model").iterdir()}
    if importlib.util.find_spec("matplotlib"):
        assert left == {f"{model}.safetensors", "words.png"}
        assert (tmp_path / "translation_model" / "words.png").read_bytes().startswith(b"\x89PNG")
    else:
        assert left == {f"{model}.safetensors"} and "pip install matplotlib" in run.stdout
    again = example(tmp_path, "--load", f"translation_model/{model}.safetensors")
    assert again.returncode == 0 and run.stdout.endswith(again.stdout)


def test_it_says_which_package_is_missing(tmp_path: Path) -> None:
    """In one line."""
    (tmp_path / "sentencepiece.py").write_text("raise ImportError")
    run = example(tmp_path, "--short", PYTHONPATH=os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    assert run.returncode == 1
    assert run.stderr == "sentencepiece is missing: pip install 'fastnn-cpu[translation]'\n"


def test_parts_share_no_text_and_a_dictionary_is_learned() -> None:
    code = f"""
import sys
sys.path.insert(0, {str(EXAMPLES)!r})
import translation

pairs = translation.phrases()
pairs += [("And so " + english, "Y " + spanish) for english, spanish in pairs] + pairs[:50]
train, held, test = translation.split(pairs, seed=1)
assert len(train) > 100 and len(held) == len(test) == 72
for side in (0, 1):
    unseen = [pair[side].lower().rstrip(".") for pair in held + test]
    assert len(set(unseen)) == len(unseen)
    assert not [text for text in unseen if any(text in pair[side].lower() for pair in train)]
known = translation.dictionary(train)
assert translation.word_by_word(known, "The star sleeps; 7 cats don't.") == "La estrella duerme; 7 cats don't."
"""
    done = python(code)
    assert done.returncode == 0, done.stderr
