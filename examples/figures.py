"""What the programs that draw with matplotlib share."""

from typing import Any


def pyplot() -> Any:
    """Matplotlib's pyplot, or None with a line that says so."""
    try:
        import matplotlib
    except ImportError:
        print("nothing is drawn without matplotlib: pip install matplotlib")
        return None
    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot
