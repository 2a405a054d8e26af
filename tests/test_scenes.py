"""The scenes that three of the examples learn, the borders that keep nuclei apart, and short runs."""

import importlib
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
sys.path.insert(0, str(EXAMPLES))
scenes, segmentation = (importlib.import_module(name) for name in ("scenes", "segmentation"))


def run(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    script, *options = command.split()
    call = [sys.executable, str(EXAMPLES / script), "--short", "--out", "seen", *options]
    return subprocess.run(call, capture_output=True, text=True, cwd=folder, timeout=300)


def test_scenes_follow_from_their_seed() -> None:
    known, unknown, classes = scenes.objects("digits", 1)
    first, again, other = (scenes.scenes(known, 20, seed) for seed in (0, 0, 1))
    assert np.array_equal(first.images, again.images) and np.array_equal(first.masks, again.masks)
    assert all(np.array_equal(one[0], two[0]) for one, two in zip(first.boxes, again.boxes, strict=True))
    assert not np.array_equal(first.masks, other.masks)
    assert first.images.shape == (20, 64, 64, 1) and first.masks.shape == (20, 64, 64)
    assert len(classes) == 10 and first.masks.max() <= 10
    assert len(unknown.images) != len(known.images)


def test_masks_cover_the_objects_and_nothing_else() -> None:
    """On black: where something is seen there is a class, of an object of the scene."""
    square = np.full((3, 7, 7), 200, np.uint8)
    square[:, 0], square[:, :, 3] = 0, 0
    given = scenes.Objects(square, np.array([0, 4, 9]), [np.zeros((64, 64, 1), np.uint8)])
    made = scenes.scenes(given, 50, 0)
    assert np.array_equal(made.images[..., 0] > 0, made.masks > 0)
    assert set(np.unique(made.masks)) == {0, 1, 5, 10}
    seen = made.images[made.masks > 0]
    assert seen.min() >= int(0.6 * scenes.EDGE) and 120 < seen.max() <= 200  # from 0.6 to 1 of what it was


def test_scenes_in_colour() -> None:
    """Objects of one colour each, from 0.3 to 1 of what they were; what is behind them is coloured too."""
    square = scenes.Objects(np.full((1, 9, 9), 200, np.uint8), np.array([2]), [np.full((40, 40, 3), 50, np.uint8)])
    made = scenes.scenes(square._replace(dimmest=0.3, sizes=(10, 12)), 30, 0, 32, 1)
    assert made.images.shape == (30, 32, 32, 3) and {tuple(labels) for _, labels in made.boxes} == {(2,)}
    colours = []
    for image, mask in zip(made.images, made.masks, strict=True):
        objects, behind = np.unique(image[mask > 0], axis=0), np.unique(image[mask == 0], axis=0)
        assert len(objects) == len(behind) == 1
        assert 60 <= objects.min() <= objects.max() <= 200 and 15 <= behind.min() <= behind.max() <= 50
        assert 10**2 <= (mask > 0).sum() <= 12**2
        colours += [tuple(objects[0]), tuple(behind[0])]
    assert len(set(colours)) == 60


def test_stamps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without margins, drawings and whole photographs; a quarter of each class is for the test."""
    image = pytest.importorskip("PIL.Image", reason="stamps are read with the extra 'images'")
    pixels = np.zeros((100, 200, 4), np.uint8)
    pixels[10:90, 40:180] = 255, 0, 0, 255
    pixels[40:60, 60:80, 3] = 0
    for folder, count in (("one", 8), ("one/cartoon", 3), ("two", 4)):
        (tmp_path / folder).mkdir()
        for i in range(count):
            image.fromarray(pixels).save(tmp_path / folder / f"{i}.png")
    image.fromarray(np.full((50, 50, 4), 255, np.uint8)).save(tmp_path / "two" / "whole.png")
    monkeypatch.setattr(scenes, "STAMPS", tmp_path)
    monkeypatch.setattr(scenes, "FOLDERS", {"a one": "one", "a two": "two"})
    monkeypatch.setattr(scenes, "backgrounds", lambda channels: [[np.zeros((64, 64, channels), np.uint8)]] * 2)
    known, unknown, names = scenes.objects("stamps", 3)
    assert names == ("a one", "a two")
    assert known.labels.tolist() == [0] * 6 + [1] * 6 and unknown.labels.tolist() == [0, 0, 1, 1]
    assert {each.shape for each in (*known.images, *unknown.images)} == {(37, 64, 4)}
    made = scenes.scenes(known._replace(dimmest=1), 20, 0, most=1)
    for seen, mask, (((left, top, right, bottom),), _) in zip(made.images, made.masks, made.boxes, strict=True):
        assert 20 <= right - left <= 40 and abs((right - left) * 37 / 64 - (bottom - top)) <= 0.5
        assert 0.9 < (mask[top:bottom, left:right] > 0).mean() < 1  # it has a hole
        assert seen[..., 0].max() > 200 and not seen[..., 1:].any()
    monkeypatch.setattr(scenes, "STAMPS", tmp_path / "nowhere")
    with pytest.raises(SystemExit, match="the stamps are missing: apt-get install tuxpaint-stamps-default"):
        scenes.objects("stamps", 3)


def test_boxes_are_around_what_is_seen() -> None:
    """Of objects on black that fill their box: alone, it is the extent of what is seen; covered by half, it is gone."""
    full = scenes.Objects(np.full((2, 7, 7), 200, np.uint8), np.array([3, 8]), [np.zeros((64, 64, 1), np.uint8)])
    made, counts = scenes.scenes(full, 200, 0), []
    for image, mask, (boxes, labels) in zip(made.images[..., 0], made.masks, made.boxes, strict=True):
        counts.append(len(boxes))
        assert boxes.shape == (len(labels), 4)
        for (left, top, right, bottom), label in zip(boxes, labels, strict=True):
            assert 14 <= right - left == bottom - top <= 28
            assert image[top:bottom, left:right].all()
            assert (mask[top:bottom, left:right] == label + 1).mean() > 0.5
        if len(boxes) == 1 and (image > 0).sum() == np.prod(boxes[0, 2:] - boxes[0, :2]):
            rows, columns = np.nonzero(image)
            assert boxes[0].tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert set(counts) == {1, 2, 3, 4}


def test_borders() -> None:
    """Two nuclei that touch: no pixel inside the one is next to one inside the other."""
    marks = np.zeros((7, 10), np.int64)
    marks[1:6, 1:5], marks[1:6, 5:9] = 1, 2
    found = segmentation.borders(marks)
    assert np.array_equal(found == segmentation.OUTSIDE, marks == 0)
    inside = np.zeros(marks.shape, bool)
    inside[2:5, 2:4] = inside[2:5, 6:8] = True
    assert np.array_equal(found == segmentation.INSIDE, inside)


def test_crops_are_pieces_with_their_classes() -> None:
    classes = np.arange(400).reshape(20, 20) % 251
    x, y = segmentation.crops(classes.astype(np.float32), classes.astype(np.uint8), 30, 8, 0)
    assert np.array_equal(x[..., 0], y)
    steps = np.abs(np.diff(y.astype(int), axis=2)) % 251
    assert ((steps == 1) | (steps == 250) | (steps == 20) | (steps == 231)).all()


@pytest.mark.parametrize("task", ["garments", "stamps"])
def test_segmentation_in_short(tmp_path: Path, task: str) -> None:
    pytest.importorskip("PIL", reason="the scenes are drawn with the extra 'images'")
    done = run(tmp_path, f"segmentation.py {task}")
    assert done.returncode == 0, done.stderr
    baseline, found = (float(right) for right in re.findall(r"pixels right (0\.\d+)", done.stdout))
    assert found > baseline
    left = {path.name for path in (tmp_path / "seen").iterdir()}
    assert left == {"model.safetensors", "scenes.png"}


def test_deeper_classifiers_in_short(tmp_path: Path) -> None:
    """With the networks that are asked for, the better one better than the baseline."""
    pytest.importorskip("matplotlib", reason="the errors are drawn with the extra 'plot'")
    done = run(tmp_path, "deeper_classifiers.py --networks softmax LeNet --seeds 2")
    assert done.returncode == 0, done.stderr
    rows = dict(re.findall(r"^([\w-]+) +\d{4} .* (0\.\d+) \+- 0\.\d+$", done.stdout, re.MULTILINE))
    assert list(rows) == ["softmax", "LeNet"] and rows["LeNet"] > rows["softmax"]
    assert "from softmax to LeNet: +0." in done.stdout
    left = {path.name for path in (tmp_path / "seen").iterdir()}
    assert left == {"errors.png", "mistakes.png", *(f"{name}.safetensors" for name in rows)}
    assert "--seeds: must be 1 or more, got 0" in run(tmp_path, "deeper_classifiers.py --seeds 0").stderr


@pytest.mark.parametrize("task", ["garments", "stamps"])
def test_detection_in_short(tmp_path: Path, task: str) -> None:
    pytest.importorskip("matplotlib", reason="the boxes are drawn with the extra 'plot'")
    done = run(tmp_path, f"detection.py {task}")
    assert done.returncode == 0, done.stderr
    line = r" +mean average precision 0\.\d{3} at half, 0\.\d{3} at three quarters\n"
    assert re.search(f"windows{line}network{line}", done.stdout)
    left = {path.name for path in (tmp_path / "seen").iterdir()}
    assert left == {"model.safetensors", "found.png"}


def test_nuclei_in_short(tmp_path: Path) -> None:
    for name in ("skimage", "stardist"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"the image of nuclei needs {name}: stardist, without what it depends on, and scikit-image")
    done = run(tmp_path, "segmentation.py nuclei")
    assert done.returncode == 0, done.stderr
    assert re.search(r"Otsu's threshold +IoU 0\.\d+, \d+ nuclei\nU-Net +IoU 0\.\d+, \d+ nuclei", done.stdout)
    assert (tmp_path / "seen" / "nuclei.png").exists()


def test_without_the_data(tmp_path: Path) -> None:
    (tmp_path / "skimage.py").write_text("raise ImportError")
    (tmp_path / "tifffile.py").write_text("raise ImportError")
    call = [sys.executable, str(EXAMPLES / "segmentation.py"), "nuclei"]
    path = os.pathsep.join([str(tmp_path), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(call, capture_output=True, text=True, cwd=tmp_path, timeout=60, env=environment)
    assert done.returncode == 1
    assert done.stderr == "missing: pip install scikit-image; pip install --no-deps stardist\n"
