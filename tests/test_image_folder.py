"""Images in folders: their order, sizes and channels, and what is not an image."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnn as fnn
from fastnn.datasets import image_folder

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")


def pixels(height: int = 6, width: int = 5, channels: int = 3, seed: int = 0) -> np.ndarray:
    """An image; of one channel without the last axis, as Pillow expects it."""
    shape = (height, width) if channels == 1 else (height, width, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def put(path: Path, array: np.ndarray, **options: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)


def test_order_labels_and_values(tmp_path: Path) -> None:
    """Classes and files by name, whatever the order they were made in; hidden files, and those outside, are ignored."""
    names = ["b/2.png", "b/10.png", "a/z.png", "c d/x.bmp", "a/y.png"]
    for seed, name in enumerate(names):
        put(tmp_path / name, pixels(seed=seed))
    (tmp_path / ".hidden").mkdir()
    for name in (".hidden/no picture", "a/.no picture", "README"):
        (tmp_path / name).write_text("text")
    x, y, classes = image_folder(tmp_path)
    assert classes == ("a", "b", "c d") and y.dtype == np.int64 and y.tolist() == [0, 0, 1, 1, 2]
    assert x.dtype == np.uint8 and x.shape == (5, 6, 5, 3) and x.flags.c_contiguous
    for picture, name in zip(x, ["a/y.png", "a/z.png", "b/10.png", "b/2.png", "c d/x.bmp"], strict=True):
        np.testing.assert_array_equal(picture, pixels(seed=names.index(name)))
    again = image_folder(str(tmp_path))
    np.testing.assert_array_equal(again[0], x)


def test_channels(tmp_path: Path) -> None:
    """One where all are grey, three where one is not; a palette and transparency become colours."""
    put(tmp_path / "a" / "grey.png", pixels(channels=1))
    put(tmp_path / "a" / "alpha.png", np.dstack([pixels(channels=1), pixels(channels=1, seed=1)]))
    x = image_folder(tmp_path)[0]
    assert x.shape == (2, 6, 5, 1)
    np.testing.assert_array_equal(x[:, ..., 0], [pixels(channels=1)] * 2)
    put(tmp_path / "b" / "colour.png", pixels(channels=4))
    Image.fromarray(pixels()).convert("P").save(tmp_path / "b" / "palette.png")
    x = image_folder(tmp_path)[0]
    assert x.shape == (4, 6, 5, 3)
    np.testing.assert_array_equal(x[0], np.dstack([pixels(channels=1)] * 3))
    np.testing.assert_array_equal(x[2], pixels(channels=4)[..., :3])


def test_sizes(tmp_path: Path) -> None:
    """(height, width), or one number; an image that has that size already stays as it is."""
    put(tmp_path / "a" / "1.png", pixels(6, 5))
    put(tmp_path / "a" / "2.png", np.full((40, 20, 3), 77, np.uint8))
    with pytest.raises(ValueError, match=r"a/2.png: 40 x 20 pixels, and .*a/1.png 6 x 5; size=\(height, width\)"):
        image_folder(tmp_path)
    x = image_folder(tmp_path, (6, 5))[0]
    np.testing.assert_array_equal(x[0], pixels(6, 5))
    assert x.shape == (2, 6, 5, 3) and (x[1] == 77).all()
    assert image_folder(tmp_path, 8)[0].shape == (2, 8, 8, 3)
    for size, error in ((0, ValueError), ((1, 2, 3), ValueError), (2.0, TypeError), ("8", TypeError)):
        with pytest.raises(error, match="image_folder: size"):
            image_folder(tmp_path, size)
    with pytest.raises(ValueError, match=r"an image of that size \(2147483647, 2147483647, 3\) has .* more than"):
        image_folder(tmp_path, 2**31 - 1)


def test_a_camera_held_upright(tmp_path: Path) -> None:
    """The orientation in the file is applied: 6 says that its rows are columns from the right."""
    tags = Image.Exif()
    tags[0x0112] = 6
    put(tmp_path / "a" / "1.png", pixels(6, 5), exif=tags)
    np.testing.assert_array_equal(image_folder(tmp_path)[0][0], np.rot90(pixels(6, 5), -1))


def test_bad_folders(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="missing"):
        image_folder(tmp_path / "missing")
    with pytest.raises(ValueError, match=rf"^{tmp_path}: expected a folder for each class, found none"):
        image_folder(tmp_path)
    put(tmp_path / "a" / "1.png", pixels())
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=rf"^{tmp_path}/empty: a class without images"):
        image_folder(tmp_path)


@pytest.mark.parametrize("name", ["a/0", "z/9"])
@pytest.mark.parametrize("what", ["text", "empty", "cut png", "cut jpeg", "folder", "16 bits", "floats"])
def test_bad_pictures(what: str, name: str, tmp_path: Path) -> None:
    """The first one and the last: the error names the file."""
    for good in ("a/1.png", "z/1.png"):
        put(tmp_path / good, pixels(60, 50))
    bad = tmp_path / name
    if what == "folder":
        bad.mkdir()
    elif what in ("16 bits", "floats"):
        Image.fromarray(pixels(60, 50, 1).astype(np.uint16 if what == "16 bits" else np.float32)).save(bad, "TIFF")
    elif what.startswith("cut"):
        put(bad, pixels(60, 50), format=what[4:])
        bad.write_bytes(bad.read_bytes()[:-1000])
    else:
        bad.write_text({"text": "hello", "empty": ""}[what])
    message = {"cut": "a damaged image", "16 ": "expected 8 bits", "flo": "expected 8 bits"}.get(
        what[:3], "not an image"
    )
    with pytest.raises(ValueError, match=f"^{bad}: {message}"):
        image_folder(tmp_path)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "GIF", "PPM", "TIFF", "WEBP"])
def test_formats(kind: str, tmp_path: Path) -> None:
    put(tmp_path / "a" / "picture", np.full((8, 9, 3), 200, np.uint8), format=kind)
    x = image_folder(tmp_path)[0]
    assert x.shape == (1, 8, 9, 3) and (abs(x.astype(int) - 200) < 10).all()


def test_no_program_is_started(tmp_path: Path) -> None:
    """Pillow opens PostScript by running Ghostscript on it, whatever the file is called: image_folder does not."""
    import subprocess

    put(tmp_path / "a" / "1.png", pixels())
    (tmp_path / "a" / "2.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\nshowpage\n")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(ValueError, match=r"2.png: not an image in one of"):
        patch.setattr(subprocess, "Popen", None)  # what each start of a program goes through
        image_folder(tmp_path)


def test_without_pillow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "a" / "1.png", pixels())
    for name in [name for name in sys.modules if name.split(".")[0] == "PIL"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r"image_folder needs Pillow: pip install 'fastnn-cpu\[images\]'"):
        image_folder(tmp_path)


def test_they_are_learnt(tmp_path: Path) -> None:
    """From a folder to a network that recognises them: bright images and dark ones."""
    for i in range(20):
        put(tmp_path / ("bright" if i % 2 else "dark") / f"{i}.png", pixels(seed=i) // 2 + 128 * (i % 2))
    x, y, classes = image_folder(tmp_path, 4)
    assert classes == ("bright", "dark")
    layers = [fnn.Rescale(1 / 255), fnn.RandomFlip(), fnn.Flatten(), fnn.Dense(2, activation="softmax")]
    net = fnn.Sequential(layers, input_shape=x.shape[1:], seed=0).compile(fnn.Adam(0.05), "cross_entropy")
    net.fit(x, y, 4, 30, verbose=0)
    np.testing.assert_array_equal(net.classify(x), y)
