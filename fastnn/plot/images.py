"""Figures of images, filters and feature maps."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import inspection
from fastnn.common import checks
from fastnn.data import arrays
from fastnn.layers import Conv2D
from fastnn.network import Network
from fastnn.plot.figure import MOST, new_figure, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GAP = 2  #: Pixels between the images of a grid.


def pictures(
    x: Any,
    titles: Sequence[str] = (),
    columns: int | None = None,
    low: float | None = None,
    high: float | None = None,
) -> Figure:
    """Plot images next to each other, each scaled to its own range, or all to the same.

    Parameters
    ----------
    x : array (n, height, width, 1 or 3)
        The images.
    titles : list of str, optional
        One for each image.
    columns : int, optional
        Images in a row; None: about as many as there are rows.
    low, high : float, optional
        The values that are black and white, so that images can be compared. None: an image's least and greatest.

    Returns
    -------
    Figure

    Raises
    ------
    TypeError
        Unless x holds numbers.
    ValueError
        For another shape, for titles that are not one for each image, and unless low < high.
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> import fastnn as fnn, fastnn.plot
    >>> (x, y), _ = fnn.datasets.digits()
    >>> figure = fnn.plot.pictures(x[:4].reshape(4, 8, 8, 1), y[:4])
    >>> len(figure.axes)
    4
    """
    array, wide, black, white = _checked("pictures", "x", x, columns, low, high)
    above = plain(checks.listed("pictures: titles", titles, object, "texts"))
    if len(above) not in (0, len(array)):
        raise ValueError(f"pictures: {len(above)} titles for {len(array)} images")
    rows = -(-len(array) // wide)
    figure = new_figure(1.4 * wide + 0.2, (1.85 if above else 1.4) * rows + 0.2)
    for i, axes in enumerate(figure.subplots(rows, wide, squeeze=False).flat):
        axes.axis("off")
        if i < len(array):
            _show(axes, array[i], black, white)
            if above:
                axes.set_title(above[i], fontsize=7)
    return figure


def save_grid(
    path: str | os.PathLike[str],
    pictures: Any,
    columns: int | None = None,
    low: float | None = None,
    high: float | None = None,
) -> None:
    """Write images next to each other to a PNG file, one pixel for each of theirs, without matplotlib.

    There are two white pixels between images.

    Parameters
    ----------
    path : str or path
        The file, which is overwritten.
    pictures : array (n, height, width, 1 or 3)
        The images, grey or in colour.
    columns : int, optional
        Images in a row; None: about as many as there are rows.
    low, high : float, optional
        The values that are black and white, 0 and 255 for bytes, say. None: each image's least and greatest.

    Raises
    ------
    TypeError
        Unless pictures holds numbers.
    ValueError
        For another shape, and unless low < high.
    ImportError
        Without Pillow.
    OSError
        Where the file cannot be written.

    Examples
    --------
    >>> import tempfile, fastnn as fnn, fastnn.plot
    >>> from PIL import Image
    >>> (x, y), _ = fnn.datasets.digits()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     fnn.plot.save_grid(f"{folder}/grid.png", x[:6].reshape(6, 8, 8, 1), columns=3, low=0, high=1)
    ...     with Image.open(f"{folder}/grid.png") as image:
    ...         print(image.size)
    (28, 18)
    """
    try:
        from PIL import Image
    except ImportError:
        raise ImportError("save_grid needs Pillow: pip install 'fastnn-cpu[images]'") from None
    array, wide, black, white = _checked("save_grid", "pictures", pictures, columns, low, high)
    count, height, width, channels = array.shape
    grid = np.full((-(-count // wide), height + GAP, wide, width + GAP, channels), 255, np.uint8)
    for i, image in enumerate(array):
        levels = np.rint(255 * np.nan_to_num(_scaled(image, black, white)))
        grid[i // wide, :height, i % wide, :width] = levels
    pixels = grid.reshape(grid.shape[0] * (height + GAP), -1, channels)[:-GAP, :-GAP]
    Image.fromarray(pixels if channels == 3 else pixels[..., 0]).save(path, "PNG")


def _checked(
    name: str, argument: str, x: Any, columns: int | None, low: float | None, high: float | None
) -> tuple[np.ndarray, int, float | None, float | None]:
    """The images, how many are in a row, and what is black and white. Raises as `pictures` does."""
    array = arrays.numbers(f"{name}: {argument}", x)
    if array.ndim != 4 or not array.size or array.shape[3] not in (1, 3):
        raise ValueError(f"{name}: expected (n, height, width, 1 or 3), got {array.shape}")
    wide = int(np.ceil(np.sqrt(len(array)))) if columns is None else checks.integer(f"{name}: columns", columns)
    black, white = (
        None if value is None else checks.real(f"{name}: {limit}", value, -checks.LARGEST)
        for limit, value in (("low", low), ("high", high))
    )
    if black is not None and white is not None and black >= white:
        raise ValueError(f"{name}: low must be less than high, got {black:g} and {white:g}")
    return array, wide, black, white


def _scaled(image: np.ndarray, low: float | None = None, high: float | None = None) -> np.ndarray:
    """From 0 at low to 1 at high, clipped; None: its least and its greatest number, of those that are finite."""
    values = image.astype(np.float64)
    finite = values[np.isfinite(values)]
    black = low if low is not None else finite.min() if finite.size else 0.0
    white = high if high is not None else finite.max() if finite.size else 0.0
    found: np.ndarray = np.clip((values - black) / ((white - black) or 1.0), 0, 1)
    return found


def _show(axes: Axes, image: np.ndarray, low: float | None = None, high: float | None = None) -> None:
    """An image from low, black, to high, white."""
    axes.imshow(_scaled(image, low, high), cmap="gray", vmin=0, vmax=1)


def _channels(maps: np.ndarray) -> Figure:
    """The first MOST of the feature maps (height, width, k), each scaled to its own range."""
    return pictures(np.moveaxis(maps, -1, 0)[:MOST, ..., None])


def filters(net: Network, layer: str | None = None) -> Figure:
    """Plot the filters of a convolution: in colour if it has 3 input channels, else the weights of the first channel.

    Parameters
    ----------
    net : Network
    layer : str, optional
        A name among `inspection.layers(net)`. None is the first Conv2D.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        Where the layer is not a Conv2D, and for a network without one.
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> import fastnn as fnn, fastnn.plot
    >>> net = fnn.Sequential([fnn.Conv2D(4, 3)], input_shape=(8, 8, 3), seed=0)
    >>> len(fnn.plot.filters(net).axes)
    4
    """
    convolutions = {step.name: step for step in inspection.Steps(net).steps if type(step.layer) is Conv2D}
    if not convolutions or (layer is not None and layer not in convolutions):
        raise ValueError(f"filters: {layer or 'the network'} has no Conv2D; known: {', '.join(convolutions) or 'none'}")
    weight = (convolutions[layer] if layer else next(iter(convolutions.values()))).weights["weight"]
    if weight.shape[2] == 3:
        return pictures(np.moveaxis(weight, -1, 0)[:MOST])
    return _channels(weight[:, :, 0])


def feature_maps(net: Network, picture: Any, layer: str | None = None) -> Figure:
    """Plot the feature maps of a layer for one image.

    Parameters
    ----------
    net : Network
        With one input.
    picture : array (height, width, channels)
        The image.
    layer : str, optional
        A name among `inspection.layers(net)`. None is the first Conv2D.

    Returns
    -------
    Figure

    Raises
    ------
    TypeError, ValueError
        For an image that does not fit, an unknown layer, and a layer without feature maps.
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn, fastnn.plot
    >>> net = fnn.Sequential([fnn.Conv2D(4, 3)], input_shape=(8, 8, 1), seed=0)
    >>> len(fnn.plot.feature_maps(net, np.eye(8)[..., None]).axes)
    4
    """
    first = next((step.name for step in inspection.Steps(net).steps if type(step.layer) is Conv2D), None)
    name = layer or first
    if name is None:
        raise ValueError("feature_maps: the network has no Conv2D; name a layer")
    maps = inspection.outputs(net, name, inspection.one("feature_maps", net, picture))[0]
    if maps.ndim != 3:
        raise ValueError(f"feature_maps: {name} gives {maps.shape}, expected feature maps (height, width, channels)")
    return _channels(maps)


def class_activation(
    net: Network, picture: Any, label: int | None = None, title: str = "", layer: str | None = None
) -> Figure:
    """Plot an image, and over it the pixels that decide its class: `inspection.grad_cam`.

    Parameters
    ----------
    net, picture, label
        As in `inspection.grad_cam`.
    title : str, default ""
        Of the image.
    layer : str, optional
        As in `inspection.grad_cam`.

    Returns
    -------
    Figure

    Raises
    ------
    RuntimeError, TypeError, ValueError
        As `inspection.grad_cam`.
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> import numpy as np, fastnn as fnn, fastnn.plot
    >>> net = fnn.Sequential([fnn.Conv2D(4, 3), fnn.Flatten(), fnn.Dense(3)], input_shape=(8, 8, 1), seed=0)
    >>> len(fnn.plot.class_activation(net, np.eye(8)[..., None], title="a line").axes)
    2
    """
    heat = inspection.grad_cam(net, picture, label, layer)
    figure, array = new_figure(6.2, 3.1), np.asarray(picture)
    left, right = figure.subplots(1, 2)
    for axes in (left, right):
        axes.axis("off")
        _show(axes, array if array.shape[2] in (1, 3) else array[..., :1])
    right.imshow(heat, cmap="jet", alpha=0.45, vmin=0, vmax=1)
    left.set_title(plain([title or "the image"])[0], fontsize=9)
    right.set_title("what decides its class", fontsize=9)
    return figure
