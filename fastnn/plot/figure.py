"""What all figures share: how they are made, texts in them, and how much they show."""

from fastnn.common.figure import new_figure, plain

__all__ = ["MOST", "new_figure", "plain"]

#: The most filters or feature maps that a figure shows, and the most classes for which it writes counts.
MOST = 64
