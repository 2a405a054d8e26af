"""The versions and the processor features that fastnn runs with."""

import platform
import sys

import numpy as np

from fastnn._version import __version__
from fastnn.engine import op, thread_count, thread_team


def config() -> dict[str, str]:
    """Versions, instruction set, OpenMP and number of threads, by name."""
    version = thread_team.openmp()
    return {
        "fastnn": __version__,
        "instruction set": f"{op.get_isa()} (of {', '.join(op.levels())})",
        "OpenMP": str(version) if version else "none: a serial build",
        "threads": str(thread_count.get_num_threads()),
        "NumPy": np.__version__,
        "Python": sys.version.split()[0],
        "platform": platform.platform(),
    }


def show_config() -> None:
    """Print versions, instruction set, OpenMP and number of threads.

    Examples
    --------
    >>> import fastnn as fnn
    >>> fnn.show_config()  # doctest: +ELLIPSIS
    fastnn           ...
    """
    for name, value in config().items():
        print(f"{name:16} {value}")
