"""Two recurrent layers over the same sequences, one in each direction."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from fastnn.common import checks
from fastnn.common.settings import check_version
from fastnn.layers.base import Layer, Parameter
from fastnn.layers.merge import Add, Concatenate, Multiply
from fastnn.layers.recurrence import Recurrent, State
from fastnn.layers.recurrent import GRU, LSTM, SimpleRNN
from fastnn.lowering.call import Weight
from fastnn.lowering.lowering import Lowering
from fastnn.lowering.value import Value

_KINDS: dict[str, type[Recurrent]] = {kind.__name__: kind for kind in (LSTM, GRU, SimpleRNN)}
_WAYS = "forward", "reverse"
_MERGES: dict[str, type[Layer]] = {"concatenate": Concatenate, "add": Add, "multiply": Multiply}


@dataclass(eq=False, repr=False)
class Bidirectional(Layer):
    """A recurrent layer run forward and in reverse, with both results merged.

    x is (batch, time, in), y (batch, 2 units): the states after the last and after the first step; with
    return_sequences (batch, time, 2 units). The parameters are "forward.weight", "reverse.weight" and so on, as those
    of the layer. Where the layer has return_state, a call returns the states at both ends too, each (batch, units): y,
    h, reverse_h = layer(x), for an LSTM y, h, c, reverse_h, reverse_c. Initial states are not accepted: for those call
    two layers, one of them with reverse=True, and merge their outputs.

    Parameters
    ----------
    layer : LSTM, GRU or SimpleRNN
        Without reverse.
    merge : {"concatenate", "add", "multiply"}, default "concatenate"
        How the results are joined. "add" and "multiply" give y the units of one layer instead of two.

    Raises
    ------
    TypeError
        For another layer.
    ValueError
        For a layer with reverse, and an unknown merge.

    References
    ----------
    M. Schuster and K. K. Paliwal, "Bidirectional Recurrent Neural Networks", IEEE Transactions on Signal Processing
    45(11), 1997.

    Examples
    --------
    >>> import fastnn as fnn
    >>> layer = fnn.Bidirectional(fnn.LSTM(64, return_sequences=True))
    >>> layer(fnn.Input((20, 8))).shape
    (20, 128)
    >>> y, h, reverse_h = fnn.Bidirectional(fnn.GRU(16, return_state=True))(fnn.Input((20, 8)))
    >>> fnn.Concatenate()([h, reverse_h]).shape
    (32,)
    """

    layer: Any
    merge: str = "concatenate"

    stepwise: ClassVar[bool] = True
    version: ClassVar[int] = 2  # since which the layer has a version of its own

    def __post_init__(self) -> None:
        super().__post_init__()
        layer = self.layer
        if isinstance(layer, Mapping):  # out of a file
            checks.names("Bidirectional: layer", {"version": 1, **layer}, ("class", "version", "settings"))
            kind = _KINDS[checks.known("layer", layer["class"], _KINDS)]
            layer = kind(**kind.upgraded(layer["settings"], check_version(kind, layer)))
        if type(layer) not in _KINDS.values():
            raise TypeError(f"Bidirectional: expected an LSTM, GRU or SimpleRNN layer, got {layer!r}")
        if layer.reverse:
            raise ValueError(f"Bidirectional: expected a layer without reverse, got {layer!r}")
        object.__setattr__(self, "layer", layer)
        checks.known("merge", self.merge, _MERGES)

    def __call__(self, x: Any) -> Any:
        """The output for x; with return_state also the states at both ends."""
        y = super().__call__(x)
        if not self.layer.return_state:
            return y
        joined = 2 if self.merge == "concatenate" else 1
        return (y, *(State(i, joined)(y) for i in range(len(_WAYS) * len(self.layer.states))))

    @property
    def deterministic(self) -> bool:
        return super().deterministic and bool(self.layer.deterministic)

    @property
    def recurrent(self) -> bool:
        return True

    def settings(self) -> dict[str, Any]:
        inner = {"class": self.layer.kind, "version": self.layer.version, "settings": self.layer.settings()}
        return {**{f.name: getattr(self, f.name) for f in dataclasses.fields(self)}, "layer": inner}

    def parameters(self, features: tuple[int, ...]) -> dict[str, Parameter]:
        wanted = self.layer.parameters([features])
        return {f"{way}.{name}": parameter for way in _WAYS for name, parameter in wanted.items()}

    def output(self, features: tuple[int, ...]) -> tuple[int, ...]:
        shape = self.layer.output([features])
        joined: tuple[int, ...] = _MERGES[self.merge]().output([shape, shape])
        return joined

    def lower(self, lowering: Lowering, x: Value, weights: dict[str, Weight], index: int) -> Value:
        shape, settings, values = self.layer.output([x.shape]), self.layer.settings(), []
        for way, each in zip(_WAYS, lowering.fork(lowering.by_steps(x), 2), strict=True):
            layer = type(self.layer)(**{**settings, "reverse": way == "reverse"})
            own = {key.removeprefix(f"{way}."): weight for key, weight in weights.items() if key.startswith(f"{way}.")}
            with lowering.named(way):
                value = layer.lower(lowering, [each], own, lowering.stream())
            value.shape = shape
            values.append(value)
        states = tuple(state for value in values for state in value.states) if self.layer.return_state else ()
        y = _MERGES[self.merge]().lower(lowering, values, {}, index)
        y.states = states
        return y
