"""A chain of layers."""

from __future__ import annotations

from collections.abc import Sequence

from fastnn.common import checks
from fastnn.layers.base import Layer
from fastnn.layers.graph import Graph
from fastnn.model.assembly import Assembly, Subnetwork
from fastnn.network import Network


class Sequential(Network):
    """Layers, each on the output of the one before.

    input_shape: of a sample; where it is left out, build(...) or the first data decide. seed: of the initial weights,
    the shuffling and the dropout; None draws one. name: as of a Network. Raises TypeError for what is no layer,
    ValueError for a layer or a name that occurs twice, and where a layer does not fit its input.
    """

    def __init__(
        self,
        layers: Sequence[Layer | Assembly],
        input_shape: Sequence[int] | None = None,
        seed: int | None = None,
        name: str | None = None,
    ) -> None:
        found = checks.listed("layers", layers, (Layer, Assembly), "Layer objects")
        if not found:
            raise ValueError("a Sequential needs at least one layer")
        chain = [Subnetwork(layer) if isinstance(layer, Assembly) else layer for layer in found]
        self.assemble(Graph.chain(chain), seed, name)
        if input_shape is not None:
            self.build(input_shape)
