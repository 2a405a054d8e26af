"""Figures of trainings and networks, with matplotlib (`pip install 'fastnn-cpu[plot]'`).

Each function returns a new Figure, which a notebook shows and `figure.savefig(path)` writes; nothing that matplotlib
keeps for the process is changed. `save_grid` alone writes a file, with Pillow (`pip install 'fastnn-cpu[images]'`).
"""

from fastnn.plot.curves import confusion_matrix, gradient_over_time, learning_curve, learning_curves
from fastnn.plot.images import class_activation, feature_maps, filters, pictures, save_grid
from fastnn.plot.landscape import critical_points, loss_surface
from fastnn.plot.points import scatter

__all__ = [
    "class_activation",
    "confusion_matrix",
    "critical_points",
    "feature_maps",
    "filters",
    "gradient_over_time",
    "learning_curve",
    "learning_curves",
    "loss_surface",
    "pictures",
    "save_grid",
    "scatter",
]
