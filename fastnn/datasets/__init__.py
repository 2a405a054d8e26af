"""Data sets that come with the package."""

from fastnn.datasets.digits import digits

__all__ = ["digits"]
