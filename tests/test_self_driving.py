"""The example that drives a car runs in its short mode and leaves what it promises."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from check import python

EXAMPLES = Path(__file__).parent.parent / "examples"


def example(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLES / "self_driving.py"), *options]
    variables = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=variables, timeout=300)


def test_it_learns_to_drive(tmp_path: Path) -> None:
    """The network comes far where driving straight on does not; the controller completes its laps."""
    run = example(tmp_path, "--short")
    assert run.returncode == 0, run.stderr
    drivers = "random actions|straight on|controller|network"
    found = re.findall(rf"^({drivers}) +(-?\d+\.\d)", run.stdout, re.MULTILINE)
    returns = {name: float(mean) for name, mean in found}
    assert list(returns) == drivers.split("|")
    assert returns["controller"] > 900
    assert returns["network"] > returns["straight on"] + 100
    left = {path.name for path in (tmp_path / "driving").iterdir()}
    expected = {"driver.safetensors"}
    if importlib.util.find_spec("matplotlib"):
        expected.add("driving.png")
        assert (tmp_path / "driving" / "driving.png").read_bytes().startswith(b"\x89PNG")
    if importlib.util.find_spec("PIL"):
        expected.add("driving.gif")
        assert (tmp_path / "driving" / "driving.gif").read_bytes().startswith(b"GIF8")
    assert left == expected


def test_bad_options(tmp_path: Path) -> None:
    run = example(tmp_path, "--short", "--seed", "-1")
    assert run.returncode == 2 and "--seed must be at least 0" in run.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("package", ["gymnasium", "Box2D", "pygame"])
def test_it_says_which_package_is_missing(tmp_path: Path, package: str) -> None:
    """In one line."""
    for name in {"gymnasium", "Box2D", "pygame"} - {package}:
        (tmp_path / f"{name}.py").touch()
    (tmp_path / f"{package}.py").write_text("raise ImportError")
    folders = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    run = example(tmp_path, PYTHONPATH=folders)
    assert run.returncode == 1 and not run.stdout
    assert run.stderr == "CarRacing-v3 is missing: pip install 'gymnasium[box2d]'\n"


def test_an_environment_whose_physics_are_missing(tmp_path: Path) -> None:
    """Also where gymnasium is there, which then raises an error of its own."""
    if importlib.util.find_spec("gymnasium") is None:
        pytest.skip("LunarLander-v3 is gymnasium's")
    (tmp_path / "Box2D.py").write_text("raise ImportError")
    folders = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, str(EXAMPLES / "dqn.py"), "LunarLander-v3"]
    variables = {**os.environ, "PYTHONPATH": folders}
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=variables, timeout=300)
    assert run.returncode == 1 and run.stderr.count("\n") == 1 and "gymnasium[box2d]" in run.stderr


def test_the_image_and_the_speed_are_those_of_gymnasium(tmp_path: Path) -> None:
    """Also after steps that draw nothing, and the controller stays on the road."""
    for package in ("gymnasium", "Box2D", "pygame"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"CarRacing-v3 needs {package}")
    done = python(f"""
import sys
sys.path.insert(0, {str(EXAMPLES)!r})
import gymnasium, numpy as np
from driving_track import CarRacing
car, env = CarRacing(3), gymnasium.make("CarRacing-v3").unwrapped
pixels, _ = env.reset(seed=3)
total = 0.0
for _ in range(20):
    action = car.advice()
    rewards = car.step(action)[0][0]
    for _ in range(2):
        pixels, reward, *_ = env.step(action)
        total += reward
        rewards -= reward
    assert abs(rewards) < 1e-9
seen = car.observation
whole = pixels[:84].reshape(42, 2, 48, 2, 3).mean(axis=(1, 3))
np.testing.assert_array_equal(seen["image"][0], whole.astype(np.uint8))
np.testing.assert_allclose(seen["speed"][0], np.hypot(*env.car.hull.linearVelocity), rtol=1e-6)
assert total > 0 and car.speed > 10
print("the same")
""")
    assert done.stdout == "the same\n", done.stderr
