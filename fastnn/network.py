"""Networks: the verbs bound to a model, and the file from which one is loaded."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from typing import IO, Any, Self

from fastnn import losses, metrics as measures
from fastnn.common import checks, free
from fastnn.formats import model_file, safetensors_file
from fastnn.formats.copying import copied
from fastnn.layers.base import Layer
from fastnn.layers.graph import Graph
from fastnn.layers.symbol import Symbol
from fastnn.model import parts
from fastnn.model.assembly import Assembly
from fastnn.model.build_program import build_program
from fastnn.model.subnetwork import Subnetwork
from fastnn.model.summary import table
from fastnn.model.vector import Vectors
from fastnn.model.weight_transfer import WeightTransfer
from fastnn.optimizers import Optimizer
from fastnn.schedules import Schedule
from fastnn.training.calibration import Calibration
from fastnn.training.custom_loop import CustomLoop
from fastnn.training.gradients import Gradients
from fastnn.training.learning_rate_test import LearningRateTest


class Network(LearningRateTest, CustomLoop, Gradients, Calibration, Vectors, WeightTransfer):
    """Layers between inputs and outputs: any graph without cycles.

    Parameters belong to the network, not to its layers: another network of the same layers has its own. To share them,
    call one network as a layer of the other.

    Parameters
    ----------
    inputs : Symbol or list of Symbol
        What `Input` returned.
    outputs : Symbol, list of Symbol or dict of str to Symbol
        What layers made of them. Each output has its name in the dict, or else that of its layer. A layer that was
        called twice is shared: one set of parameters.
    seed : int, optional
        Of the initial weights, the shuffling and the dropout. None draws one.
    name : str, optional
        The network's name as a layer of another one.

    Attributes
    ----------
    history : History
        Of the last `fit`.
    stop_training : bool
        Set to True it ends a `fit` after the present step.
    metadata : dict
        Notes of yours, plain JSON, which files and copies keep.
    trainable : bool
        Whether a network of which it is a layer trains its parameters, from that network's next compile on.

    Raises
    ------
    TypeError
        Where inputs or outputs are not Symbols.
    ValueError
        For an input that leads nowhere or is not given, and for two inputs, layers or outputs of one name.

    Examples
    --------
    >>> import fastnn as fnn
    >>> x = fnn.Input((8,))
    >>> h = fnn.Dense(8, "relu")(x)
    >>> net = fnn.Network(x, fnn.Dense(1)(fnn.Add()([x, h])))
    >>> net.output_shape
    (1,)
    """

    build_program = staticmethod(build_program)

    def __init__(
        self,
        inputs: Symbol | Sequence[Symbol],
        outputs: Symbol | Sequence[Symbol] | Mapping[str, Symbol],
        seed: int | None = None,
        name: str | None = None,
    ) -> None:
        names = [checks.name("an output", each) for each in outputs] if isinstance(outputs, Mapping) else None
        outputs = list(outputs.values()) if isinstance(outputs, Mapping) else outputs
        first, last = (
            checks.listed(what, [given] if isinstance(given, Symbol) else given, Symbol, "what Input or layers gave")
            for what, given in (("inputs", inputs), ("outputs", outputs))
        )
        for symbol in first:
            if symbol.layer is not None:
                raise ValueError(f"inputs: {symbol!r} is the output of a layer; start with Input(...)")
        if not first or not last:
            raise ValueError(f"a Network needs at least one {'output' if first else 'input'}")
        self.assemble(Graph.between(first, last, names), seed, name)
        self.entering([symbol.shape for symbol in first])
        self.make([symbol.shape for symbol in first])

    def part(
        self, outputs: str | Sequence[str], inputs: str | Sequence[str] | None = None, name: str | None = None
    ) -> Network:
        """Make a network of a part of this one, which shares its parameters: features, an encoder, a decoder.

        Training one of them changes both. A file or a copy of the part has parameters of its own.

        Parameters
        ----------
        outputs : str or list of str
            The layers, or outputs of this network, whose values it returns. Outputs of a sub-network are called
            "encoder.mean".
        inputs : str or list of str, optional
            The layers, or inputs of this network, whose values it is given. None for the inputs that lead to the
            outputs.
        name : str, optional
            The part's name as a layer of another network.

        Returns
        -------
        Network

        Raises
        ------
        RuntimeError
            Before the network is built.
        ValueError
            For an unknown name, a layer at several places, and where the outputs need other inputs too.

        Examples
        --------
        >>> import numpy as np, fastnn as fnn
        >>> layers = [fnn.Dense(2, name="code"), fnn.Dense(8, name="decoded")]
        >>> net = fnn.Sequential(layers, input_shape=(8,), seed=0)
        >>> encoder, decoder = net.part("code"), net.part("decoded", inputs="code")
        >>> x = np.ones((3, 8), np.float32)
        >>> bool((decoder.predict(encoder.predict(x)) == net.predict(x)).all())
        True
        """
        self.require_built()
        wanted, given = (
            None if each is None else [each] if isinstance(each, str) else checks.listed(what, each, str, "names")
            for what, each in (("outputs", outputs), ("inputs", inputs))
        )
        if not wanted or given == []:
            raise ValueError(f"part: {'inputs' if wanted else 'outputs'} must be one or more names of layers, got []")
        places = None if given is None else [parts.place(self.graph, each) for each in given]
        graph = parts.part(self.graph, [parts.place(self.graph, each) for each in wanted], places)
        if places is None:
            places = [parts.place(self.graph, each) for each in graph.inputs]
        shapes = free.patterns(self.graph.shapes, self.features)
        net = Network.__new__(Network)
        net._set(whole=self)
        net.assemble(graph, self.seed, name)
        features = [shapes[at] for at in places]
        net.adopt(features, net.blocks_for(features))
        return net

    def save(self, path: safetensors_file.Path | IO[bytes]) -> None:
        """Write weights, slots, counters, seed, architecture and metadata to one safetensors file, or nothing.

        Parameters
        ----------
        path : path or binary file
            A path is written whole or not at all; a symbolic link keeps pointing where it does.

        Raises
        ------
        TypeError
            For metadata that are not plain JSON.
        ValueError
            For two classes of layers, or two losses of yours, of one name.
        OSError
            Where the file cannot be written.

        Examples
        --------
        >>> import io, fastnn as fnn
        >>> net, file = fnn.Sequential([fnn.Dense(1)], input_shape=(2,)), io.BytesIO()
        >>> net.save(file)
        >>> file.seek(0), fnn.load(file)
        (0, Sequential(Dense(1)))
        """
        with self.guard.reading("save"):
            safetensors_file.write(*model_file.contents(self), path)

    def __copy__(self) -> Self:
        with self.guard.reading("copying"):
            return copied(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return copy.copy(self)

    def __reduce__(self) -> tuple[Any, ...]:
        with self.guard.reading("copying"):
            return _from_bytes, (model_file.to_bytes(self), model_file.custom(self))

    def __str__(self) -> str:
        return table(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.layers))})"

    def summary(self) -> None:
        """Print layers, output shapes, parameter counts and memory.

        Examples
        --------
        >>> import fastnn as fnn
        >>> fnn.Sequential([fnn.Dense(3)], input_shape=(2,)).summary()
        Sequential
        layer    ...
        """
        print(self)


class Sequential(Network):
    """Layers, each on the output of the one before.

    Parameters
    ----------
    layers : list of Layer or Network
        At least one, each once.
    input_shape : tuple of int or None, optional
        Of a sample; None in it is an axis of any length, as in `Input`. Where it is left out, `build` or the first data
        decide.
    seed : int, optional
        Of the initial weights, the shuffling and the dropout. None draws one.
    name : str, optional
        The network's name as a layer of another one.

    Raises
    ------
    TypeError
        Where layers are not Layer objects.
    ValueError
        For a layer or a name that occurs twice, and where a layer does not fit its input.

    Examples
    --------
    >>> import fastnn as fnn
    >>> net = fnn.Sequential([fnn.Dense(100, "relu"), fnn.Dense(10, "softmax")], input_shape=(64,))
    >>> net.output_shape
    (10,)
    """

    def __init__(
        self,
        layers: Sequence[Layer | Assembly],
        input_shape: Sequence[int | None] | None = None,
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


def load(
    path: safetensors_file.Path | IO[bytes],
    layers: Mapping[str, type[Layer]] | None = None,
    losses: Mapping[str, losses.Function] | None = None,
    metrics: Mapping[str, measures.Function] | None = None,
    optimizers: Mapping[str, type[Optimizer]] | None = None,
    schedules: Mapping[str, type[Schedule]] | None = None,
) -> Network:
    """Read a network from a file that `Network.save` wrote.

    Parameters
    ----------
    path : path or binary file
    layers, losses, metrics, optimizers, schedules : dict by name, optional
        Your own classes, and functions for losses and metrics, besides fastnn's. A file can name no others, and no code
        in it is run.

    Returns
    -------
    Network

    Raises
    ------
    TypeError
        For anything in these dicts that is not such a class or function.
    OSError
        Where the file cannot be read.
    ValueError
        Where it is truncated, altered or not such a file.

    Examples
    --------
    >>> import os, tempfile, fastnn as fnn
    >>> path = os.path.join(tempfile.mkdtemp(), "net")
    >>> fnn.Sequential([fnn.Dense(1)], input_shape=(2,)).save(path)
    >>> fnn.load(path)
    Sequential(Dense(1))
    """
    own = model_file.check_custom(
        {"layers": layers, "losses": losses, "metrics": metrics, "optimizers": optimizers, "schedules": schedules}
    )
    data = safetensors_file.read(path)
    try:
        return _from_bytes(data, own)
    except ValueError as error:
        name = os.fsdecode(path) if isinstance(path, (str, bytes, os.PathLike)) else "the file"
        raise ValueError(f"{name}: {error}") from None


def _from_bytes(data: bytes, own: model_file.Custom) -> Network:
    """The network in the bytes of a file."""
    return model_file.from_bytes(data, KINDS, own)  # type: ignore[return-value]  # one of KINDS


#: The classes that a file may name.
KINDS: dict[str, type[Network]] = {"Network": Network, "Sequential": Sequential}
