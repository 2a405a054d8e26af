"""Pictures of trainings and networks, with matplotlib (`pip install 'fastnn-cpu[plot]'`).

Each function returns a Figure of its own, which a notebook shows and `figure.savefig(path)` stores; nothing that
matplotlib keeps for the process is changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import inspection, metrics
from fastnn.callbacks import History
from fastnn.common import checks
from fastnn.data import arrays
from fastnn.layers import Conv2D
from fastnn.network import Network

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Filters or maps that a figure shows at most, and classes whose counts it writes.
MOST = 64


def _figure(width: float, height: float) -> Figure:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError("fastnn.plot needs matplotlib: pip install 'fastnn-cpu[plot]'") from None
    return Figure(figsize=(width, height), layout="constrained", dpi=110)


def learning_curves(history: History) -> Figure:
    """Each figure of the logs over the epochs, that of the validation beside it.

    Raises TypeError for what is no History, as `fit` returns it, ValueError for one without epochs.
    """
    if not isinstance(history, History):
        raise TypeError(f"learning_curves: expected a History, as fit returns it, got {type(history).__name__}")
    names = [name for name in history.history if not name.startswith("val_")]
    if not names:
        raise ValueError("learning_curves: the history has no epochs")
    figure = _figure(4.5 * len(names), 3.6)
    epochs = np.arange(1, len(history.epoch) + 1)
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        axes.plot(epochs, history.history[name], marker=".", label="training")
        if f"val_{name}" in history.history:
            axes.plot(epochs, history.history[f"val_{name}"], marker=".", label="validation")
        axes.set(xlabel="epoch", ylabel=name)
        axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        axes.grid(alpha=0.3)
        axes.legend()
    return figure


def confusion_matrix(y: Any, predicted: Any, classes: Sequence[str] | None = None) -> Figure:
    """How many of each class (a row) were taken for which (a column): see `fastnn.metrics.confusion_matrix`.

    classes: their names; None numbers them. Of more than 64 classes it has only the colours. Raises ValueError and
    TypeError as that function, TypeError for classes that are no names.
    """
    given = None if classes is None else checks.listed("confusion_matrix: classes", classes, object, "names")
    counts = metrics.confusion_matrix(y, predicted, None if given is None else len(given))
    n = len(counts)
    names = _plain(range(n) if given is None else given)
    side = 2.2 + 0.5 * min(n, MOST)
    figure = _figure(side, side)
    axes = figure.subplots()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set(xlabel="taken for", ylabel="is")
    if n > MOST:
        return figure
    axes.set_xticks(range(n), names, rotation=90)
    axes.set_yticks(range(n), names)
    for i, j in np.ndindex(n, n):
        if counts[i, j]:
            colour = "white" if shares[i, j] > 0.5 else "black"
            axes.text(j, i, str(counts[i, j]), ha="center", va="center", fontsize=8, color=colour)
    return figure


def pictures(x: Any, titles: Sequence[str] = ()) -> Figure:
    """Pictures (n, height, width, 1 or 3) beside each other, of any range; titles: for each of them.

    Raises ValueError for another shape, and for titles that are not one for each, TypeError for no numbers.
    """
    array = arrays.numbers("pictures: x", x)
    above = _plain(checks.listed("pictures: titles", titles, object, "texts"))
    if array.ndim != 4 or not array.size or array.shape[3] not in (1, 3):
        raise ValueError(f"pictures: expected (n, height, width, 1 or 3), got {array.shape}")
    if len(above) not in (0, len(array)):
        raise ValueError(f"pictures: {len(above)} titles for {len(array)} pictures")
    columns = int(np.ceil(np.sqrt(len(array))))
    rows = -(-len(array) // columns)
    figure = _figure(1.4 * columns + 0.2, (1.85 if above else 1.4) * rows + 0.2)
    for i, axes in enumerate(figure.subplots(rows, columns, squeeze=False).flat):
        axes.axis("off")
        if i < len(array):
            _show(axes, array[i])
            if above:
                axes.set_title(above[i], fontsize=7)
    return figure


def _plain(texts: Iterable[object]) -> list[str]:
    """Texts as they are: matplotlib takes what is between two dollars for a formula."""
    return [str(text).replace("$", r"\$") for text in texts]


def _show(axes: Axes, picture: np.ndarray) -> None:
    """A picture, its least value black and its greatest white; what is not finite is left out."""
    values = picture.astype(np.float64)
    finite = values[np.isfinite(values)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
    axes.imshow((values - low) / ((high - low) or 1.0), cmap="gray", vmin=0, vmax=1)


def _maps(maps: np.ndarray) -> Figure:
    """Maps (height, width, k), the first MOST of them, each with a range of its own."""
    return pictures(np.moveaxis(maps, -1, 0)[:MOST, ..., None])


def filters(net: Network, layer: str | None = None) -> Figure:
    """The filters of a convolution: as colours where it takes 3 channels, else what they have for the first one.

    layer: a name among `inspection.layers(net)`; None takes the first Conv2D. Raises ValueError where it is none.
    """
    convolutions = {step.name: step for step in inspection.Steps(net).steps if type(step.layer) is Conv2D}
    if not convolutions or (layer is not None and layer not in convolutions):
        raise ValueError(f"filters: {layer or 'the network'} has no Conv2D; known: {', '.join(convolutions) or 'none'}")
    weight = (convolutions[layer] if layer else next(iter(convolutions.values()))).weights["weight"]
    if weight.shape[2] == 3:
        return pictures(np.moveaxis(weight, -1, 0)[:MOST])
    return _maps(weight[:, :, 0])


def feature_maps(net: Network, picture: Any, layer: str | None = None) -> Figure:
    """What a layer makes of a picture (height, width, channels), channel by channel.

    layer: a name among `inspection.layers(net)`; None takes the first Conv2D. Raises ValueError for a layer that gives
    no maps, and for an unknown one.
    """
    first = next((step.name for step in inspection.Steps(net).steps if type(step.layer) is Conv2D), None)
    name = layer or first
    if name is None:
        raise ValueError("feature_maps: the network has no Conv2D; name a layer")
    maps = inspection.outputs(net, name, inspection.one("feature_maps", net, picture))[0]
    if maps.ndim != 3:
        raise ValueError(f"feature_maps: {name} gives {maps.shape}, no maps (height, width, channels)")
    return _maps(maps)


def class_activation(
    net: Network, picture: Any, label: int | None = None, title: str = "", layer: str | None = None
) -> Figure:
    """A picture, and over it where its class comes from: see `inspection.grad_cam`, whose arguments these are."""
    heat = inspection.grad_cam(net, picture, label, layer)
    figure, array = _figure(6.2, 3.1), np.asarray(picture)
    left, right = figure.subplots(1, 2)
    for axes in (left, right):
        axes.axis("off")
        _show(axes, array if array.shape[2] in (1, 3) else array[..., :1])
    right.imshow(heat, cmap="jet", alpha=0.45, vmin=0, vmax=1)
    left.set_title(_plain([title or "the picture"])[0], fontsize=9)
    right.set_title("where its class comes from", fontsize=9)
    return figure


def gradient_over_time(norms: Mapping[str, Any]) -> Figure:
    """Norms over the steps of the input, on a logarithmic scale: {name: `inspection.gradient_over_time(...)`}.

    Zeros, as where float32 ends, are left out. Raises ValueError for none, for norms that are not (time,), and for
    negative ones or NaN.
    """
    each = {name: np.asarray(values, np.float64) for name, values in norms.items()}
    if not each:
        raise ValueError("gradient_over_time: no norms are given")
    figure = _figure(6.4, 3.8)
    axes = figure.subplots()
    for name, values in each.items():
        if values.ndim != 1 or not (values >= 0).all():
            raise ValueError(f"gradient_over_time: {name}: expected norms >= 0 (time,), got {values.shape}")
        axes.plot(np.arange(1, len(values) + 1), np.where(values > 0, values, np.nan), label=name)
    axes.set_yscale("log")
    axes.set(xlabel="step of the input", ylabel="norm of the gradient of the loss")
    axes.grid(alpha=0.3)
    axes.legend()
    return figure
