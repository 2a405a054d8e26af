"""The diffusion model that generates images: its noise, its sampling where the answer is known, and a short run."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastnn as fnn

EXAMPLES = Path(__file__).parent.parent / "examples"
sys.path.insert(0, str(EXAMPLES))
example = importlib.import_module("image_generation")


class Gaussian:
    """In place of the network: the best velocity where pixels are independent, of one mean and standard deviation."""

    def __init__(self, mean: float, deviation: float) -> None:
        self.mean, self.deviation, self.input_shape = mean, deviation, {"image": (4, 4, 1)}

    def predict(self, given: dict[str, np.ndarray]) -> np.ndarray:
        angle = np.arcsin(given["time"][0, 0])  # the first wave is the sine of the time
        cos, sin = np.cos(np.pi / 2 * angle), np.sin(np.pi / 2 * angle)
        over = given["image"] - cos * self.mean
        spread = cos**2 * self.deviation**2 + sin**2
        image = self.mean + cos * self.deviation**2 / spread * over
        noise = sin / spread * over
        return (cos * noise - sin * image).astype(np.float32)


def samples(net: Gaussian, steps: int, count: int = 2000) -> np.ndarray:
    *_, x = example.denoised(net, np.zeros(count, int), steps, np.random.default_rng(0))
    return x


@pytest.mark.parametrize("steps", [1, 2, 10])
def test_sampling_finds_the_only_image(steps: int) -> None:
    assert np.allclose(samples(Gaussian(0.3, 0.0), steps), 0.3, atol=1e-5)


def test_samples_have_the_distribution_of_the_images() -> None:
    x = samples(Gaussian(-0.4, 0.25), 25)
    assert abs(x.mean() + 0.4) < 0.01 and abs(x.std() / 0.25 - 1) < 0.03


def test_the_error_of_sampling_is_of_second_order() -> None:
    """Twice as many steps leave a quarter of it, not a half."""
    net = Gaussian(0.0, 0.25)
    true = samples(net, 800, 50)
    coarse, fine = (np.abs(samples(net, steps, 50) - true).max() for steps in (20, 40))
    assert fine < coarse / 3


def test_an_epoch_has_each_image_once_with_new_noise() -> None:
    x = np.random.default_rng(1).random((70, 8, 8, 1), np.float32)
    part = x, np.arange(70) % 10
    data = example.Images(part, part, part)
    random = np.random.default_rng(0)
    first, second, again = (list(example.batches(data, each)) for each in (random, random, np.random.default_rng(0)))
    seen = []
    for given, velocity in first:
        angles = np.pi / 2 * np.arcsin(given["time"][:, 0])[:, None, None, None]
        seen.append((np.cos(angles) * given["image"] - np.sin(angles) * velocity + 1) / 2)
    found, rows = example.nearest(np.concatenate(seen), x)
    assert sorted(rows) == list(range(70)) and found.max() < 1e-3
    assert np.array_equal(np.concatenate([given["label"] for given, _ in first])[:, 0], part[1][rows])
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0][1], second[0][1])


def test_the_nearest_images() -> None:
    random = np.random.default_rng(0)
    x, known = random.random((30, 5, 5, 1), np.float32), random.random((40, 5, 5, 1), np.float32)
    distances = np.sqrt(((x[:, None] - known) ** 2).sum(axis=(2, 3, 4)))
    found, rows = example.nearest(x, known, 7)
    assert np.array_equal(rows, distances.argmin(axis=1)) and np.allclose(found, distances.min(axis=1), atol=1e-5)


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLES / "image_generation.py"), "--short", "--out", "seen", *options]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=300)


def test_it_compares_three_models_and_saves_one(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    number = r"(\d+\.\d+)"
    rows = re.findall(rf"^([a-zA-Z ]+?) +{number} +{number} +{number}", done.stdout, re.MULTILINE)
    table = {name: [float(each) for each in numbers] for name, *numbers in rows}
    assert list(table) == ["VAE", "GAN", "diffusion", "test images"]
    assert table["test images"][0] < table["diffusion"][0] < 4
    assert all(0.2 < least <= mean < 3 for _, mean, least in table.values())
    net = fnn.load(tmp_path / "seen" / "diffusion.safetensors")
    assert f"samples, in {net.metadata['steps']} steps" in done.stdout
    models = [tmp_path / "seen" / name for name in ("vae/vae.safetensors", "gan/generator.safetensors")]
    assert all(path.exists() for path in models)
    if "nothing is drawn" not in done.stdout:
        for name in ("samples.png", "denoising.png"):
            assert (tmp_path / "seen" / name).read_bytes().startswith(b"\x89PNG")

    written = [path.stat().st_mtime_ns for path in models]
    done = run(tmp_path, "--gan", "seen/gan", "--vae", "seen/vae", "--epochs", "1")
    assert done.returncode == 0, done.stderr
    assert "missing" not in done.stdout and [path.stat().st_mtime_ns for path in models] == written


@pytest.mark.parametrize(
    ("option", "message"), [("--epochs=0", "--epochs: must be 1"), ("--seed=-1", "--seed: must"), ("--out=a", "File")]
)
def test_it_refuses_bad_options(tmp_path: Path, option: str, message: str) -> None:
    """In one line, before it trains."""
    (tmp_path / "a").touch()
    done = run(tmp_path, option)
    assert done.returncode and not done.stdout
    assert message in done.stderr.splitlines()[-1] and "Traceback" not in done.stderr
