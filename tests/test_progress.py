"""What fit shows: a bar on a terminal, lines in a log, nothing where there is no stream."""

import io
import re
import sys

import numpy as np
import pytest

from networks import blobs, classifier


def test_progress(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """verbose=0 is silent; verbose=1 shows loss, metrics and speed on stderr, if that is a terminal."""
    x, y = blobs()
    classifier().fit(x, y, epochs=2, validation_data=(x, y), verbose=0)
    assert capfd.readouterr() == ("", "")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    classifier().fit(x, y, epochs=2, validation_data=(x, y), verbose=1)
    out, err = capfd.readouterr()
    assert out == ""
    for part in ("epoch 2/2", "loss=", "accuracy=", "val_loss=", "samples/s", "180/180"):
        assert part in err
    with pytest.raises(ValueError, match="nan"):
        classifier().fit(np.full((9, 4), np.nan), y[:9], verbose=1)
    assert capfd.readouterr().err.endswith("\n")


@pytest.mark.parametrize(("verbose", "terminal"), [(1, False), (2, False), (2, True)])
def test_lines(
    verbose: int, terminal: bool, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the output is not a terminal, or verbose=2, a line for each epoch, as suits log files."""
    x, y = blobs()
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    classifier().fit(x, y, epochs=2, validation_data=(x, y), verbose=verbose)
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 2 and "\r" not in "".join(lines)
    for i, line in enumerate(lines, 1):
        assert re.fullmatch(rf"epoch {i}/2: loss \S+, accuracy \S+, val_loss \S+, val_accuracy \S+, \d+\.\d s", line)


@pytest.mark.parametrize("verbose", [1, 2])
def test_a_closed_stderr_does_not_stop_a_fit(verbose: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = blobs()
    closed = io.StringIO()
    closed.close()
    for stream in (None, closed):
        monkeypatch.setattr(sys, "stderr", stream)
        assert len(classifier().fit(x, y, epochs=2, verbose=verbose).epoch) == 2
