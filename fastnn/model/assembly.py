"""Assembly: a graph with its parameters, which may be a layer of another network."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, ClassVar, Self, cast

import numpy as np

from fastnn.common import checks, free
from fastnn.common.free import Pattern
from fastnn.common.randomness import checked_seed
from fastnn.common.settings import unknown_attribute
from fastnn.engine.guard import Guard
from fastnn.layers.base import Layer, called
from fastnn.layers.graph import Graph
from fastnn.layers.symbol import Symbol
from fastnn.model.inputs import Inputs, wanted
from fastnn.model.parameters import Blocks, Views
from fastnn.model.subnetwork import Subnetwork

_BUILT = nullcontext()


class Assembly(Inputs):
    """What every network has: layers and, once it is built, their parameters.

    name: its name as a layer of another network. trainable: whether that network trains its parameters; a change takes
    effect at that network's next compile. whole: the network of which it is a part, whose parameters it shares.
    """

    #: Attributes that a user may set, with their checks; only the network's methods change the others.
    SETTABLE: ClassVar[Mapping[str, Callable[[str, Any], Any]]] = {"trainable": checks.flag}
    #: The methods that change the others, for error messages.
    DECIDED_BY: ClassVar[Mapping[str, str]] = {}

    trainable: bool = True
    whole: Assembly | None = None
    seed: int
    name: str | None
    guard: Guard
    _blocks: Blocks | None
    _weights: Views | None
    _gradients: Views | None

    def assemble(self, graph: Graph, seed: int | None, name: str | None) -> None:
        """Takes the graph; nothing is built yet."""
        if self.whole is None:
            self._own_layers(graph)
        self._set(graph=graph, seed=checked_seed(seed), name=name if name is None else checks.name("a network", name))
        inner = self.inner().values() if self.whole is None else [self.whole]
        self._set(guard=Guard([each.guard for each in inner]))
        self._unbuild()

    def _own_layers(self, graph: Graph) -> None:
        """Warns about layers that belong to another network too: its parameters are not shared with this one."""
        for layer in graph.layers.values():
            owner = layer.owner() if layer.owner is not None else None
            if owner is not None and not isinstance(layer, Subnetwork):
                warnings.warn(
                    f"{layer.title()} is in two networks, each of which has its own parameters for it; to share them, "
                    "call one network as a layer of the other",
                    stacklevel=4,
                )
            object.__setattr__(layer, "owner", weakref.ref(self))

    def _set(self, **state: Any) -> None:
        """Changes attributes that users may only read."""
        vars(self).update(state)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.SETTABLE:
            value = self.SETTABLE[name](name, value)
        elif name in vars(self) or hasattr(type(self), name):
            method = self.DECIDED_BY.get(name)
            advice = f"; call {method} again" if method else ""
            raise AttributeError(f"{type(self).__name__}: {name} cannot be set{advice}")
        elif type(self).__module__.startswith("fastnn."):  # custom classes may have more
            raise unknown_attribute(self, name, [*self.SETTABLE, *vars(self), *dir(type(self))])
        object.__setattr__(self, name, value)

    def _unbuild(self) -> None:
        self._set(features=[], shapes=[], free=False, input_shape=None, output_shape=(), _known={})
        self._set(_blocks=None, _weights=None, _gradients=None)

    def inner(self) -> dict[str, Assembly]:
        """The sub-networks by name."""
        layers = self.graph.layers.items()
        return {name: cast(Assembly, layer.network) for name, layer in layers if isinstance(layer, Subnetwork)}

    @property
    def layers(self) -> tuple[Layer | Assembly, ...]:
        """The layers and sub-networks in order, each once."""
        return tuple(layer for _, layer in self.named_layers())

    def named_layers(self) -> list[tuple[str, Any]]:
        """The layers and sub-networks with their names."""
        layers = self.graph.layers.items()
        return [(name, layer.network if isinstance(layer, Subnetwork) else layer) for name, layer in layers]

    def __call__(self, x: Symbol | Sequence[Symbol]) -> Any:
        """Use the network as a layer of another one, which shares its parameters and trains them.

        It keeps its seed for them, and is built for x if it is not built yet.

        Parameters
        ----------
        x : Symbol or list of Symbol
            Its inputs.

        Returns
        -------
        Symbol or tuple of Symbol
            A tuple for a network of several outputs, in their order. What leads only to outputs that are not used is
            neither computed nor trained.

        Raises
        ------
        TypeError
            Unless x are Symbols.
        ValueError
            For an x that does not fit.
        """
        made = called(Subnetwork(self), x)
        if self._blocks is None:
            with self.guard.changing("build", nested=True):
                self.make([made[0].sources[0].shape])
        return made[0] if len(made) == 1 else tuple(made)

    # Building.

    def build(self, input_shape: Sequence[int | None]) -> Self:
        """Make the parameters for inputs (batch, *input_shape).

        Parameters
        ----------
        input_shape : tuple of int or None
            Of a sample; None for an axis of any length.

        Returns
        -------
        Network
            Itself.

        Raises
        ------
        ValueError
            For a shape that does not fit the layers, or another one than the network is built for.
        MemoryError
            Where the parameters do not fit into memory.

        Examples
        --------
        >>> import fastnn as fnn
        >>> fnn.Sequential([fnn.Dense(3), fnn.Dense(2)]).build((4,)).output_shape
        (2,)
        """
        features = [checks.pattern("input_shape", input_shape)]
        self.entering(features)
        with self.guard.changing("build", nested=True):
            if self._blocks is None:
                self.make(features)
            elif features != self.features:
                raise ValueError(f"the network is built for {self.input_shape}; make a new one for {features[0]}")
        return self

    def make(self, features: Sequence[Pattern]) -> None:
        """Makes and initializes the parameters for inputs of these shapes, also those of sub-networks not built yet."""
        unbuilt = self.unbuilt()
        try:
            shapes = free.patterns(self.graph.shapes, features)
            for node in self.graph.nodes:
                if isinstance(node.layer, Subnetwork) and not node.layer.network.features:
                    self.inner()[node.name].make([shapes[source] for source in node.sources])
            self.adopt(features, self.blocks_for(features)).own.initialize(self.seed)
        except BaseException:
            _forget(unbuilt)
            raise

    def unbuilt(self) -> list[Assembly]:
        """The network and its sub-networks at any depth, those that are not built yet."""
        found = [] if self.features else [self]
        return [*found, *(each for inner in self.inner().values() for each in inner.unbuilt())]

    def blocks_for(self, features: Sequence[Pattern]) -> Blocks:
        """Blocks for inputs of these shapes; sub-networks keep theirs, and a whole its own; the others are zero."""
        parameters = wanted(self.graph, features)
        if self.whole is not None:
            return self.whole.blocks.part(parameters)
        return Blocks(parameters, {name: inner.blocks for name, inner in self.inner().items()})

    def adopt(self, features: Sequence[Pattern], blocks: Blocks, shapes: list[Pattern] | None = None) -> Blocks:
        """Sets blocks made for inputs of these shapes. Raises ValueError where the loss or metrics do not fit.

        shapes: of the outputs, where they are known.
        """
        views = [Views(each, self.guard) for each in (blocks.values, blocks.gradients)]
        shapes = free.patterns(self.graph.output_shapes, features) if shapes is None else list(shapes)
        inputs = features[0] if len(features) == 1 else dict(zip(self.graph.inputs, features, strict=True))
        outputs = shapes[0] if len(shapes) == 1 else dict(zip(self.graph.output_names, shapes, strict=True))
        self._set(features=list(features), shapes=shapes, input_shape=inputs, output_shape=outputs)
        self._set(free=free.is_free(features))
        self._set(_blocks=blocks, _weights=views[0], _gradients=views[1])
        try:
            self.adopted()
        except BaseException:
            self.forget()
            raise
        return blocks

    def adopted(self) -> None:
        """A hook for whatever else depends on the blocks."""

    def forget(self) -> None:
        """Undoes a build."""
        self._unbuild()

    def built_for(
        self, x: list[np.ndarray], begun: Callable[[BaseException], bool] = lambda error: False
    ) -> AbstractContextManager[object]:
        """A context in which the network is built for its first data.

        If an error leaves the context, and begun(error) is false, the network is unbuilt again.
        """
        return _BUILT if self.features else self._first(x[0], begun)

    @contextmanager
    def _first(self, x: np.ndarray, begun: Callable[[BaseException], bool]) -> Iterator[None]:
        unbuilt = self.unbuilt()
        self.build(x.shape[1:])
        try:
            yield
        except BaseException as error:
            if not begun(error):
                _forget(unbuilt)
            raise

    # Parameters.

    @property
    def blocks(self) -> Blocks:
        """The parameters. Raises RuntimeError before the network is built."""
        self.require_built()
        return cast(Blocks, self._blocks)

    def require_built(self) -> None:
        """Raises RuntimeError before the network is built."""
        if self._blocks is None:
            raise RuntimeError("the network is not built: give it an input_shape, call build((...)), or fit it first")

    @property
    def weights(self) -> Views:
        """Each weight by name, a writable view: net.weights["dense_0.weight"][...] = a takes effect at the next call.

        Those of a sub-network begin with its name: "encoder.dense_0.weight". Raises RuntimeError before the network is
        built.

        Examples
        --------
        >>> import fastnn as fnn
        >>> net = fnn.Sequential([fnn.Dense(3)], input_shape=(4,))
        >>> {name: view.shape for name, view in net.weights.items()}
        {'dense_0.weight': (4, 3), 'dense_0.bias': (3,)}
        """
        self.require_built()
        return cast(Views, self._weights)

    @property
    def gradients(self) -> Views:
        """Each gradient of the last training step by name; 0 for frozen layers.

        Raises RuntimeError before the network is built.
        """
        self.require_built()
        return cast(Views, self._gradients)

    def untrained(self) -> frozenset[str]:
        """The layers, by the path of their names, that are set not to be trained; "" is the whole network."""
        if not checks.flag("trainable", self.trainable):
            return frozenset([""])
        paths = set()
        for name, layer in self.named_layers():
            if isinstance(layer, Assembly):
                paths |= {f"{name}.{path}" if path else name for path in layer.untrained()}
            elif not layer.trainable:
                paths.add(name)
        return frozenset(paths)


def _forget(networks: Iterable[Assembly]) -> None:
    for network in networks:
        network.forget()
