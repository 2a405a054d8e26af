"""Fixtures: every test runs on each instruction set and number of threads it names, and must leave no trace."""

import locale
import os
import signal
from collections.abc import Iterator

import numpy as np
import pytest

from fastnn.engine.op import get_isa, levels, set_isa
from fastnn.engine.thread_count import get_num_threads, set_num_threads

#: Variables that pytest and tensorboardX set.
OTHERS = {"PYTEST_CURRENT_TEST", "CRC32C_SW_MODE"}


@pytest.fixture(params=levels())
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each instruction set that can run here."""
    before = get_isa()
    set_isa(request.param)
    yield request.param
    set_isa(before)


@pytest.fixture(params=[1, 2])
def num_threads(request: pytest.FixtureRequest) -> Iterator[int]:
    """One thread, and two."""
    before = get_num_threads()
    set_num_threads(request.param)
    yield request.param
    set_num_threads(before)


def float_mode() -> tuple[bytes, ...]:
    """Results that depend on rounding and on flushing subnormals to zero, as bits."""
    one, half_unit, tiny = np.float32(1), np.float32(6e-8), np.float32(1e-40)
    return tuple(x.tobytes() for x in (one + half_unit, -one - half_unit, one - half_unit, tiny * one, tiny + tiny))


def process_state() -> dict[str, object]:
    """What fastnn shares with everything else in the process."""
    kind, bits, *rest = np.random.get_state()
    return {
        "float mode": float_mode(),
        "random": (kind, bits.tobytes(), *rest),
        "locale": locale.setlocale(locale.LC_ALL),
        "SIGINT": signal.getsignal(signal.SIGINT),
        "directory": os.getcwd(),
        "environment": {k: v for k, v in os.environ.items() if k not in OTHERS},
        "threads": get_num_threads(),
        "isa": get_isa(),
    }


@pytest.fixture(autouse=True)
def leaves_no_trace() -> Iterator[None]:
    """Set up before `isa` and `num_threads`, and so checked after they have put things back."""
    before = process_state()
    yield
    assert process_state() == before
