"""What all figures share: how they are made, and texts in them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of that size in inches. Raises ImportError without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError("fastnn.plot needs matplotlib: pip install 'fastnn-cpu[plot]'") from None
    return Figure(figsize=(width, height), layout="constrained", dpi=110)


def plain(texts: Iterable[object]) -> list[str]:
    """Texts with dollar signs escaped: matplotlib reads what is between two of them as a formula."""
    return [str(text).replace("$", r"\$") for text in texts]
