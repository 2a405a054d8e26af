"""Each example runs in its short mode and leaves what it promises."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


def test_digits(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the learning curve needs the extra 'plot'")
    picture = tmp_path / "digits.png"
    command = [sys.executable, str(EXAMPLES / "digits.py"), "--epochs", "2", "--out", str(picture)]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert run.returncode == 0, run.stderr
    assert "test accuracy 0." in run.stdout
    assert "times as long" in run.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")
