"""Each example runs in its short mode and leaves what it promises."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from networks import child

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


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the resident memory is read from /proc")
def test_larger_than_memory(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the memory is drawn with the extra 'plot'")
    picture = tmp_path / "memory.png"
    command = [
        sys.executable,
        str(EXAMPLES / "larger_than_memory.py"),
        "--short",
        "--folder",
        ".",
        "--out",
        str(picture),
    ]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert run.returncode == 0, run.stderr
    assert "held out: 0.9" in run.stdout or "held out: 1.0" in run.stdout
    assert picture.read_bytes().startswith(b"\x89PNG") and [path.name for path in tmp_path.iterdir()] == ["memory.png"]


def put(folder: Path, *greys: int, count: int = 20) -> None:
    """A class for each grey, of images of different sizes."""
    image = pytest.importorskip("PIL.Image", reason="a folder of images needs the extra 'images'")
    for grey in greys:
        (folder / str(grey)).mkdir(parents=True)
        for i in range(count):
            image.new("L", (16 + i % 3, 14), grey + i).save(folder / str(grey) / f"{i}.png")


def recognition(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLES / "image_recognition.py"), "--quick", "--out", "seen", *options]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=300)


@pytest.mark.parametrize("options", [[], ["--model", "resnet"], ["--data", "pictures", "--size", "14"]])
def test_image_recognition(tmp_path: Path, options: list[str]) -> None:
    """Also where Fashion-MNIST is not installed, and with the user's images."""
    if "--data" in options:
        put(tmp_path / "pictures", 60, 200)
    run = recognition(tmp_path, *options)
    assert run.returncode == 0, run.stderr
    assert re.search(r"test accuracy [01]\.", run.stdout) and "one image, which is" in run.stdout
    left = {path.name for path in (tmp_path / "seen").iterdir()}
    if "nothing is drawn" in run.stdout:
        assert left == {"model.safetensors"}
    else:
        drawn = ["confusion_matrix", "feature_maps", "filters", "learning_curves", "looked_at"]
        drawn += [] if "test accuracy 1.0000" in run.stdout else ["mistakes"]  # which shows nothing else
        assert left == {"model.safetensors", *(f"{name}.png" for name in drawn)}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--data", "sizes"], r"14 x 17 pixels, and .* 14 x 16; size=.*; here: --size PIXELS"),
        (["--data", "few", "--size", "14"], "few: 4 images in 200, 60; expected two classes or more, and 20"),
        (["--data", "one", "--size", "14"], "one: 20 images in 60; expected two classes or more"),
        (["--data", "sizes", "--size", "5"], r"images of 5 x 5: Conv2D.*expected input"),
        (["--data", "nowhere"], "No such file or directory: 'nowhere'"),
        (["--epochs", "0"], "--epochs: must be 1 or more, got 0"),
        (["--seed", "-1"], "--seed: must be 0 or more, got -1"),
        (["--out", "few/60/0.png"], "--out: .*File exists"),
    ],
)
def test_image_recognition_refuses(tmp_path: Path, options: list[str], message: str) -> None:
    """In one line, before it trains."""
    put(tmp_path / "sizes", 60, 200)
    put(tmp_path / "few", 60, 200, count=2)
    put(tmp_path / "one", 60)
    run = recognition(tmp_path, *options)
    assert run.returncode and not run.stdout
    assert re.search(message, run.stderr.splitlines()[-1]) and "Traceback" not in run.stderr


def test_text_generation(tmp_path: Path) -> None:
    """On a text that comes with Python, and on a file; the saved model writes more."""
    command = [sys.executable, str(EXAMPLES / "text_generation.py"), "--short"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert run.returncode == 0, run.stderr
    first, last = (float(bits) for bits in re.findall(r"in training, (.*) held out", run.stdout))
    assert last < first < 5.5 and f"held out: {last:.3f} bits per character" in run.stdout
    model = tmp_path / "text_model" / "model.safetensors"
    settings = ["--load", str(model), "--prompt", "If x", "--top-k", "1"]
    written = {subprocess.run([*command, *settings, "--seed", seed], capture_output=True).stdout for seed in "01"}
    assert len(written) == 1 and "it writes:\nIf x" in written.pop().decode()  # the likeliest, whatever is drawn
    (tmp_path / "small.txt").write_text("too small")
    run = subprocess.run([*command, "--text", str(tmp_path / "small.txt")], capture_output=True, text=True)
    assert run.returncode == 1 and run.stderr == "the text has 9 characters: too few for these --streams and --steps\n"


@pytest.mark.parametrize("layer", ["GRU", "LSTM"])
def test_time_series(tmp_path: Path, layer: str) -> None:
    pytest.importorskip("statsmodels", reason="the series need the extra 'series'")
    command = [sys.executable, str(EXAMPLES / "time_series.py"), "--short", "--layer", layer, "--out", "seen.png"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("seasonal + drift") == run.stdout.count(f"\n{layer} ") == 2
    if "nothing is drawn" not in run.stdout:
        assert (tmp_path / "seen.png").read_bytes().startswith(b"\x89PNG")


def test_time_series_without_statsmodels(tmp_path: Path) -> None:
    code = (
        "import runpy, sys\nsys.modules['statsmodels'] = None\nsys.argv[1:] = ['--short']\n"
        f"runpy.run_path({str(EXAMPLES / 'time_series.py')!r}, run_name='__main__')"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert run.returncode == 1
    assert run.stderr == "time_series.py needs statsmodels: pip install fastnn-cpu[series]\n"


def test_gradients_over_time(tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLES / "gradients_over_time.py"), "--short", "--out", "seen.png"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert run.returncode == 0, run.stderr
    rows = dict(re.findall(r"^(\w+, [\w ]+?) {2,}(\d.*)$", run.stdout, re.MULTILINE))
    first, *_, last, _ = map(float, rows["SimpleRNN, untrained"].split())
    grown, *_, least, _ = map(float, rows["SimpleRNN, weights x 2"].split())
    assert len(rows) == 5 and first < last / 10 and grown > 10 * least
    if "nothing is drawn" not in run.stdout:
        assert (tmp_path / "seen.png").read_bytes().startswith(b"\x89PNG")


def test_critical_points(tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLES / "critical_points.py"), "--short", "--out", "seen"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert run.returncode == 0, run.stderr
    rows = re.findall(r"^ *(\d\.\d+)  (minimum|saddle)[ a-z]* +(\d+) +(\d+) +(\d+) +(\d+) ", run.stdout, re.MULTILINE)
    assert rows[0][:2] == ("0.000000", "minimum") and "saddle" in {row[1] for row in rows}
    assert all(int(falls) + int(flat) + int(rises) == 9 for *_, falls, flat, rises in rows)
    losses = [float(loss) for loss in re.findall(r"^ +\d +(\d\.\d{4}) +\d\.\d{4} ", run.stdout, re.MULTILINE)]
    assert len(losses) == 3 and losses == sorted(losses, reverse=True)
    if "nothing is drawn" not in run.stdout:
        figures = {path.name for path in (tmp_path / "seen").iterdir()}
        assert figures == {"critical_points.png", "minimum.png", "saddle.png", "digits.png"}


def test_over_and_underfitting(tmp_path: Path) -> None:
    """The large network learns its few samples, and the small one does not."""
    command = [sys.executable, str(EXAMPLES / "over_and_underfitting.py"), "--short", "--out", "seen.png"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert run.returncode == 0, run.stderr
    for table in run.stdout.split("samples: ")[1:]:
        numbers = r"^([+\w ]+?) {2,}(\d\.\d+) +\d\.\d+ +\d\.\d+ +(?:[+-]\d+%)? +[a-z ]+ \(1 of 1\)$"
        training = {name: float(error) for name, error in re.findall(numbers, table, re.MULTILINE)}
        assert len(training) in (11, 12)
        assert training["overfitting"] < training["just right"] < training["underfitting"]
    if "nothing is drawn" not in run.stdout:
        assert (tmp_path / "seen.png").read_bytes().startswith(b"\x89PNG")


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
