"""Learning curves: the drawing that `History.plot` and `fastnn.plot` share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fastnn.common.figure import new_figure, plain
from fastnn.model.log_names import parted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: What the prefixes of names stand for, and the lines for it where colours tell histories apart.
KINDS = {"": ("training", "--"), "val_": ("validation", "-"), "train_": ("training, evaluated", ":")}


def draw(histories: Mapping[str, tuple[Sequence[int], Mapping[str, Sequence[float]]]]) -> Figure:
    """The epochs and the values by name of each history, which has a title if there are several.

    Raises ValueError for a history without epochs. Epochs without a value are left out.
    """
    for title, (epochs, _) in histories.items():
        if not epochs:
            raise ValueError(f"learning_curves: {title or 'the history'} has no epochs")
    names = list(dict.fromkeys(parted(name, values)[1] for _, values in histories.values() for name in values))
    figure = new_figure(4.5 * len(names), 3.6)
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        for i, (title, (epochs, values)) in enumerate(histories.items()):
            for j, (prefix, (kind, style)) in enumerate(KINDS.items()):
                if f"{prefix}{name}" not in values:
                    continue
                look = {"color": f"C{i}", "linestyle": style} if title else {"color": f"C{j}"}
                x, y = np.array(epochs) + 1, np.array(values[f"{prefix}{name}"])
                (label,) = plain([f"{title}, {kind}" if title else kind])
                axes.plot(x[~np.isnan(y)], y[~np.isnan(y)], marker=".", label=label, **look)
        axes.set(xlabel="epoch", ylabel=name)
        axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        axes.grid(alpha=0.3)
        axes.legend()
    return figure
